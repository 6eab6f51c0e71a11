"""The job `<channel>_undo` as its user sees it."""

from typing import Any

import dagster as dg
import pytest

from reverse_metadata_tests.channels.conftest import Locate
from reverse_metadata_tests.channels.location import Location, failure_of
from reverse_metadata_tests.world import World


@pytest.fixture
def pushed(world: World, locate: Locate) -> Location:
    world.table("sales", "orders", description="One row an order")
    location = locate()
    assert location.sync().success
    return location


def shown(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (event,) = (event for event in result.all_events if event.event_type_value == "STEP_OUTPUT")
    return {name: value.value for name, value in event.step_output_data.metadata.items()}


def test_it_shows_first_and_writes_when_told(world: World, pushed: Location) -> None:
    dry = pushed.undo(entity="shop_pg.*")
    assert dry.success
    assert shown(dry)["statements"] == 1
    assert "COMMENT ON TABLE sales.orders IS NULL" in shown(dry)["sql"]
    assert world.comment("sales", "orders") == "One row an order"
    wet = pushed.undo(entity="shop_pg.*", dry_run=False)
    assert wet.success
    assert world.comment("sales", "orders") is None
    table = dg.AssetKey(["shop_pg", world.database, "sales", "orders"])
    assert [event.asset_key for event in wet.get_asset_observation_events()] == [table]
    assert pushed.sync().success
    assert world.comment("sales", "orders") is None


def test_an_undo_is_taken_back_by_its_own_run(world: World, pushed: Location) -> None:
    first = pushed.undo(entity="shop_pg.*", dry_run=False)
    assert pushed.undo(run_id=first.run_id, dry_run=False).success
    assert world.comment("sales", "orders") == "One row an order"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "nothing is selected: give run_id, entity or since, or several of them"),
        ({"since": "yesterday"}, "since: 'yesterday' is not a moment such as 2026-05-01T14:30:00+02:00"),
    ],
)
def test_what_cannot_be_selected_is_said(pushed: Location, config: dict[str, Any], message: str) -> None:
    assert message in failure_of(pushed.undo(**config))


def test_since_a_moment(world: World, pushed: Location) -> None:
    assert shown(pushed.undo(since="2999-01-01"))["statements"] == 0
    assert shown(pushed.undo(since="2020-01-01T00:00:00+02:00"))["statements"] == 1


def test_a_failure_is_red_and_named(world: World, pushed: Location) -> None:
    world.run("ALTER TABLE sales.orders RENAME TO moved")
    missing = pushed.undo(entity="shop_pg.*", dry_run=False)
    assert missing.success
    assert shown(missing)["verdict/missing"] == 1
    world.server.fail(403, times=100, path="tables")
    assert "403" in failure_of(pushed.undo(entity="shop_pg.*"))
