"""A channel as a newcomer runs it: a configuration file, and `dagster job execute` in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reverse_metadata_tests.world import SERVICE, World

#: The variable that holds the token of the world's catalog.
TOKEN = "WORLD_TOKEN"


def write_config(world: World, directory: Path, *channels: dict[str, Any], **service: Any) -> Path:
    """The configuration of a world; without channels it has one named `shop`. JSON is YAML."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "reverse_metadata.yaml"
    connection = {"type": "postgres", "host": world.host, "username": world.username, "database": world.database}
    settings = {
        "catalog": {"type": "openmetadata", "url": world.server.url, "token": f"${{{TOKEN}}}"},
        "ledger": world.ledger_url,
        "services": {SERVICE: connection | service},
        "channels": list(channels) or [{"name": "shop"}],
    }
    file.write_text(json.dumps(settings))
    return file


@contextmanager
def dagster_job(
    world: World,
    directory: Path,
    *arguments: str,
    command: tuple[str, str] = ("job", "execute"),
    **channel: Any,
) -> Iterator["subprocess.Popen[str]"]:
    """`dagster job execute`, or another command, with these arguments, over a home that the calls with one directory
    share; killed when the block ends before it does."""
    home = directory / "dagster_home"
    home.mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "REVERSE_METADATA_CONFIG": str(write_config(world, directory, {"name": "shop", **channel})),
        TOKEN: world.server.bot_token,
    }
    whole = [sys.executable, "-m", "dagster", *command, "-m", "reverse_metadata.definitions", *arguments]
    with subprocess.Popen(
        whole, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=directory
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def dagster_sync(world: World, directory: Path, **channel: Any) -> Iterator["subprocess.Popen[str]"]:
    """The job `shop_sync`; its output goes nowhere, so that a long one never waits for a reader."""
    with dagster_job(world, directory, "-j", "shop_sync", **channel) as process:
        yield process
