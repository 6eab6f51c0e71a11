from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import dagster as dg
import pytest

from reverse_metadata_tests.channels.location import Location
from reverse_metadata_tests.dagster_process import TOKEN, write_config
from reverse_metadata_tests.world import World


class Locate(Protocol):
    """Makes the code location of the world; all of a test share one instance."""

    def __call__(self, *channels: dict[str, Any], **service: Any) -> Location: ...


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Dagster's storage, empty and in memory."""
    with dg.DagsterInstance.ephemeral() as each:
        yield each


@pytest.fixture
def locate(world: World, tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> Locate:
    """Makes code locations."""
    monkeypatch.setenv(TOKEN, world.server.bot_token)

    def make(*channels: dict[str, Any], **service: Any) -> Location:
        return Location(write_config(world, tmp_path / "location", *channels, **service), instance)

    return make
