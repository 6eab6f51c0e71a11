"""Tags whose label, entity or system is gone, and pushes that are cut short or taken back."""

from typing import Any

import pytest

from reverse_metadata.applying.apply import Applied
from reverse_metadata_tests.applying.lake import a_lake, by_hand, found, label, orders, rules, sync, tags, unlabel
from reverse_metadata_tests.simulated.engine import Crash
from reverse_metadata_tests.simulated.world import SimulatedWorld
from reverse_metadata_tests.world import World, statements


@pytest.fixture
def lake() -> SimulatedWorld:
    """One table in a channel that pushes tags."""
    return a_lake()


# What is gone from the catalog


@pytest.mark.parametrize("hard", [False, True])
def test_an_entity_that_was_deleted_keeps_its_tags_unless_they_are_to_be_cleared(
    lake: SimulatedWorld, hard: bool
) -> None:
    by_hand(lake, cost_center="42")
    label(lake, "PII.Sensitive")
    sync(lake)
    # Disagreeing labels do not hide that the entity is gone.
    label(lake, "PII.Contact")
    lake.catalog.delete(orders(lake), hard=hard)
    assert found(lake) == {"PII": "gone"}
    assert sync(lake) == []
    assert sync(lake, on_catalog_delete="clear") == ['ALTER TABLE "db"."sales"."orders" UNSET TAG "PII"']
    assert tags(lake) == {"cost_center": "42"}


def test_a_column_that_the_catalog_dropped(lake: SimulatedWorld) -> None:
    lake.catalog.tag(orders(lake, "email"), "PII.Sensitive")
    sync(lake)
    lake.catalog.drop_column(orders(lake, "email"))
    assert found(lake) == {"PII": "gone"}
    assert sync(lake, on_catalog_delete="clear") == ['ALTER COLUMN "db"."sales"."orders"."email" UNSET TAG "PII"']


def test_a_table_that_the_source_lacks_is_missing(lake: SimulatedWorld) -> None:
    label(lake, "PII.Sensitive")
    lake.engine.drop(*lake.path("sales", "orders"))
    (change,) = lake.plan("sales").changes
    assert (change.verdict.value, change.reason) == ("missing", "the table is not in the source")


# The filter that names a tag

PII = {"filter": {"tags": "PII.*"}}


def test_a_label_that_moves_its_entity_out_of_the_filter_is_still_taken_off(lake: SimulatedWorld) -> None:
    label(lake, "PII.Sensitive", "Domain.Sales")
    sync(lake, **PII)
    unlabel(lake, "PII.Sensitive")
    assert sync(lake, **PII) == ['ALTER TABLE "db"."sales"."orders" UNSET TAG "PII"']
    # The catalog holds the other one still: it stays, and is not looked after any more.
    assert tags(lake) == {"Domain": "Sales"}
    unlabel(lake, "Domain.Sales")
    assert sync(lake, **PII) == ['ALTER TABLE "db"."sales"."orders" UNSET TAG "Domain"']
    assert sync(lake, **PII) == []


def test_a_filter_that_was_edited_removes_nothing(lake: SimulatedWorld) -> None:
    label(lake, "PII.Sensitive")
    sync(lake, **PII)
    narrower: dict[str, Any] = {"filter": {"tags": "PII.Contact"}}
    assert sync(lake, **narrower) == []
    unlabel(lake, "PII.Sensitive")
    assert sync(lake, **narrower) == []
    assert tags(lake) == {"PII": "Sensitive"}


def test_labels_that_disagree_outside_of_the_filter_are_not_reported(lake: SimulatedWorld) -> None:
    label(lake, "PII.Sensitive", "Domain.Sales")
    sync(lake, **PII)
    label(lake, "Domain.Orders")
    unlabel(lake, "PII.Sensitive")
    assert found(lake, **PII) == {"PII": "clear"}


# Crashes and undo


@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_dies_at_its_statement_is_made_up_for(lake: SimulatedWorld, after: bool) -> None:
    label(lake, "PII.Sensitive", "Domain.Sales")
    lake.engine.crash_at, lake.engine.crash_after = 1, after
    with pytest.raises(Crash):
        lake.sync("dies")
    assert len(sync(lake)) == 1 - after
    recorded = [(push.tag_key, push.after, push.outcome, push.run_id) for push in lake.pushes()]
    run = "dies" if after else "run"
    assert recorded == [("Domain", "Sales", "applied", run), ("PII", "Sensitive", "applied", run)]
    assert sync(lake) == []
    assert tags(lake) == {"PII": "Sensitive", "Domain": "Sales"}


def test_a_push_that_is_undone_is_held_until_the_catalog_wants_something_else(lake: SimulatedWorld) -> None:
    label(lake, "PII.Sensitive", "Domain.Sales")
    lake.sync("first")
    statements(lake.undo("second", run_id="first"))
    assert lake.engine.log[-1] == 'ALTER TABLE "db"."sales"."orders" UNSET TAG "Domain", "PII"'
    assert found(lake) == {"Domain": "held", "PII": "held"}
    assert sync(lake) == []
    unlabel(lake, "PII.Sensitive")
    label(lake, "PII.Contact")
    assert sync(lake) == ["""ALTER TABLE "db"."sales"."orders" SET TAG "PII" = 'Contact'"""]
    unlabel(lake, "PII.Contact")
    assert sync(lake) == ['ALTER TABLE "db"."sales"."orders" UNSET TAG "PII"']
    assert found(lake) == {"Domain": "held"}


def test_a_removal_that_is_undone_is_held_until_the_label_comes_back(lake: SimulatedWorld) -> None:
    label(lake, "PII.Sensitive")
    lake.sync("first")
    unlabel(lake, "PII.Sensitive")
    lake.sync("second")
    statements(lake.undo("third", run_id="second"))
    assert tags(lake) == {"PII": "Sensitive"}
    assert found(lake) == {"PII": "held"}
    assert sync(lake) == []
    label(lake, "PII.Contact")
    assert sync(lake) == ["""ALTER TABLE "db"."sales"."orders" SET TAG "PII" = 'Contact'"""]
    statements(lake.undo("fourth", run_id="third"))
    assert tags(lake) == {"PII": "Contact"}


# A system without tags


def test_a_system_without_tags_says_so_and_is_green(world: World) -> None:
    orders = world.table("sales", "orders", description="One row per order")
    settings: dict[str, Any] = {"update_tags": True, **rules(map={"Certified": {"valueless": True}})}
    world.estate.tag(orders, ["PII.Sensitive", "Certified.Gold"])
    result = world.sync(**settings)[world.fqn("sales")]
    assert isinstance(result, Applied)
    assert (result.problems, result.counts) == ((), {"apply": 1, "unsupported": 2})
    listed = {change.reason for change in world.plan("sales", **settings).others}
    assert listed == {"postgres has no tags at the level table"}
    world.estate.tag(orders, [])
    assert world.plan("sales", **settings).counts == {"in_sync": 1}
