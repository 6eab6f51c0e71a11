"""The warning of overriding ingestion in Dagster."""

import logging
from typing import Any

import dagster as dg
import pytest

from reverse_metadata_tests.channels.conftest import Locate
from reverse_metadata_tests.channels.location import Location, logged
from reverse_metadata_tests.world import World

PIPELINES = "services/ingestionPipelines"
BEGINNING = "shop_pg: the ingestion pipeline nightly has overrideMetadata on. Each run of it replaces"


@pytest.fixture
def location(world: World, locate: Locate) -> Location:
    """Two schemas of a service whose ingestion overrides."""
    for schema in ("sales", "stock"):
        world.table(schema, "orders", description="One row an order")
    world.estate.ingestion("shop_pg", "nightly", overrideMetadata=True)
    location = locate()
    location.instance.add_dynamic_partitions("shop_schemas", [world.fqn("sales"), world.fqn("stock")])
    return location


def execute(world: World, location: Location, kind: str) -> dg.ExecuteInProcessResult:
    if kind == "sync":
        return location.sync()
    return location.run(world.fqn("sales"), world.fqn("stock"))


def warned(location: Location, result: dg.ExecuteInProcessResult) -> list[str]:
    entries = location.instance.all_logs(result.run_id)
    return [entry.user_message for entry in entries if entry.level == logging.WARNING]


def shown(result: dg.ExecuteInProcessResult, asset: str = "resolved_templates") -> dict[str | None, Any]:
    """The `warning` of each partition's materialization."""
    events = [event.materialization for event in result.all_events if event.is_step_materialization]
    found = [each for each in events if each.asset_key == dg.AssetKey(["shop", asset])]
    return {each.partition: each.metadata["warning"].value for each in found if "warning" in each.metadata}


@pytest.mark.parametrize("kind", ["sync", "run"])
def test_one_warning_a_run_on_every_plan(world: World, location: Location, kind: str) -> None:
    result = execute(world, location, kind)
    assert result.success
    (warning,) = warned(location, result)
    assert warning.startswith(BEGINNING)
    partitions = {world.fqn("sales"), world.fqn("stock")} | ({world.fqn()} if kind == "sync" else set())
    assert shown(result) == dict.fromkeys(partitions, warning)
    assert shown(result, "applied_updates") == {}
    assert [path for path, _ in world.server.requests].count(PIPELINES) == 1
    assert not any(world.estate.pipeline_secret in line for line in logged(location, result))


@pytest.mark.parametrize("kind", ["sync", "run"])
def test_what_cannot_be_checked_turns_nothing_red(world: World, location: Location, kind: str) -> None:
    world.server.fail(403, path=PIPELINES)
    result = execute(world, location, kind)
    assert result.success
    assert (warned(location, result), shown(result)) == ([], {})
    notes = [line for line in logged(location, result) if "could not be checked" in line]
    assert len(notes) == 1
    assert "Give the bot a role that may view them" in notes[0]
