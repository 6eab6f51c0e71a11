"""Starts runs of a world in processes of their own, and waits for conditions."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from reverse_metadata_tests.world import World

#: Seconds after which a condition that tests wait for is given up.
_PATIENCE = 60.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return as soon as the condition holds. Fails when it does not for a minute."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"this never came about: {what}"
        time.sleep(0.002)


@contextmanager
def a_run(
    world: World, run_id: str, *, die: str = "", patience: float = 60.0, **channel: Any
) -> Iterator["subprocess.Popen[str]"]:
    """A process that runs the channel `shop` of the world; it is killed when the block ends before it does.

    `die` is one of the moments of `run_process`; `patience` is in seconds.
    """
    told = {
        "url": world.server.url,
        "host": world.host,
        "database": world.database,
        "ledger": world.ledger_url,
        "run_id": run_id,
        "die": die,
        "patience": patience,
        "channel": channel,
    }
    command = [sys.executable, "-m", "reverse_metadata_tests.applying.run_process", json.dumps(told)]
    environment = {**os.environ, "TOKEN": world.server.bot_token}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def output_of(process: "subprocess.Popen[str]") -> list[str]:
    """What a run that goes to its end prints; fails when it does not end well."""
    output, _ = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 0, output
    return output.splitlines()


def statements_of(process: "subprocess.Popen[str]") -> int:
    """How many statements a run sent that goes to its end; fails when a partition could not be done."""
    total = 0
    for line in output_of(process):
        assert not line.startswith("failed"), line
        if line.startswith("done"):
            total += int(line.split()[-1])
    return total
