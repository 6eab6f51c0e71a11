"""Pushes taken back, held, and given back, against a real PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from reverse_metadata.applying.apply import Applied
from reverse_metadata.ledger import Ledger
from reverse_metadata.planning.plan import Plan
from reverse_metadata.planning.undo import Selection
from reverse_metadata_tests.world import World, statements


def undo(world: World, own_run: str, **selection: Any) -> dict[str, int]:
    """Take back what matches; how many changes had each verdict."""
    counts: dict[str, int] = {}
    with world.pipeline(own_run) as pipeline:
        for _, make_plan in pipeline.undo(Selection(**selection)):
            applied = pipeline.apply(make_plan())
            assert not applied.problems
            for verdict, count in applied.counts.items():
                counts[verdict] = counts.get(verdict, 0) + count
    return counts


@contextmanager
def plans(world: World, **selection: Any) -> Iterator[list[Plan]]:
    with world.pipeline() as pipeline:
        yield [make_plan() for _, make_plan in pipeline.undo(Selection(**selection))]


def counts(world: World, run_id: str = "later", **channel: Any) -> dict[str, int]:
    result = world.sync(run_id, **channel)[world.fqn("sales")]
    assert isinstance(result, Applied), result
    return {verdict: count for verdict, count in result.counts.items() if count}


@pytest.fixture
def shop(world: World) -> World:
    """Two tables: one had a text that the catalog once held, one had none; a run replaced both."""
    orders = world.table("sales", "orders", description="read from the source")
    world.comment_by_hand("sales", "orders", "read from the source")
    world.estate.forward(3600)
    world.estate.describe(orders, "curated")
    world.table("sales", "customers", description="new")
    assert statements(world.sync("first")) == 2
    return world


def test_a_run_is_taken_back_to_what_stood_before(shop: World) -> None:
    assert undo(shop, "undo-1", run_id="first") == {"apply": 1, "clear": 1}
    assert shop.comment("sales", "orders") == "read from the source"
    assert shop.comment("sales", "customers") is None


def test_what_was_undone_is_held_until_the_catalog_wants_something_else(shop: World) -> None:
    undo(shop, "undo-1", run_id="first")
    assert counts(shop) == {"held": 2}
    assert counts(shop) == {"held": 2}
    shop.estate.describe(shop.fqn("sales", "orders"), "curated again")
    assert counts(shop) == {"apply": 1, "held": 1}
    assert shop.comment("sales", "orders") == "curated again"
    assert counts(shop) == {"in_sync": 1, "held": 1}


def test_what_was_undone_and_emptied_in_the_catalog_leaves_the_sources_text_alone(shop: World) -> None:
    undo(shop, "undo-1", run_id="first")
    shop.estate.describe(shop.fqn("sales", "orders"), None)
    assert counts(shop) == {"held": 1}
    assert shop.comment("sales", "orders") == "read from the source"


def test_an_undo_can_be_undone(shop: World) -> None:
    undo(shop, "undo-1", run_id="first")
    assert undo(shop, "undo-2", run_id="undo-1") == {"apply": 2}
    assert shop.comment("sales", "orders") == "curated"
    assert shop.comment("sales", "customers") == "new"
    assert counts(shop) == {"in_sync": 2}
    shop.estate.describe(shop.fqn("sales", "customers"), None)
    assert counts(shop) == {"clear": 1, "in_sync": 1}


def test_what_somebody_changed_since_is_skipped(shop: World) -> None:
    shop.comment_by_hand("sales", "orders", "by hand")
    with plans(shop, run_id="first") as (plan,):
        assert [(change.verdict.value, change.reason) for change in plan.others] == [
            ("conflict", "changed in the source since; kept")
        ]
    assert undo(shop, "undo-1", run_id="first") == {"conflict": 1, "clear": 1}
    assert shop.comment("sales", "orders") == "by hand"


def test_what_a_later_run_pushed_again_is_skipped_and_taken_back_by_entity(shop: World) -> None:
    shop.estate.describe(shop.fqn("sales", "orders"), "curated twice")
    assert counts(shop, "second") == {"apply": 1, "in_sync": 1}
    assert undo(shop, "undo-1", run_id="first", entity="*.orders") == {"conflict": 1}
    assert undo(shop, "undo-2", entity=shop.fqn("sales", "orders")) == {"apply": 1}
    assert shop.comment("sales", "orders") == "read from the source"


def test_by_time_takes_back_what_was_pushed_since(shop: World) -> None:
    moment = max(push.pushed_at for push in shop.pushes())
    shop.estate.describe(shop.fqn("sales", "orders"), "curated twice")
    counts(shop, "second")
    later = [push for push in shop.pushes() if push.pushed_at > moment]
    assert undo(shop, "undo-1", since=later[0].pushed_at) == {"apply": 1}
    assert shop.comment("sales", "orders") == "curated"


def test_an_undo_is_recorded_and_a_plan_alone_is_not(shop: World) -> None:
    with plans(shop, run_id="first") as found:
        assert sum(len(plan.statements) for plan in found) == 2
    assert [push.run_id for push in shop.pushes()] == ["first", "first"]
    undo(shop, "undo-1", run_id="first")
    recorded = {(push.entity, push.before, push.after) for push in shop.pushes() if push.run_id == "undo-1"}
    assert recorded == {
        (shop.fqn("sales", "orders"), "curated", "read from the source"),
        (shop.fqn("sales", "customers"), "new", None),
    }


def test_an_edit_that_was_not_pushed_yet_is_held_too(shop: World) -> None:
    shop.estate.describe(shop.fqn("sales", "orders"), "edited, not pushed")
    undo(shop, "undo-1", run_id="first")
    assert counts(shop) == {"held": 2}
    assert shop.comment("sales", "orders") == "read from the source"


def test_a_crash_between_the_undo_and_its_record_still_holds(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "finish", crash)
        with pytest.raises(KeyboardInterrupt):
            undo(shop, "undo-1", run_id="first")
    assert counts(shop) == {"held": 2}
    assert shop.comment("sales", "orders") == "read from the source"
    assert [push.run_id for push in shop.pushes()] == ["first", "first", "undo-1", "undo-1"]


def test_an_owner_is_given_back(world: World) -> None:
    role = f"ada_{world.database}"
    world.run(f"CREATE ROLE {role}")
    try:
        world.estate.user(role)
        world.estate.own(world.table("sales", "orders"), [role])
        settings = {"update_owners": True, "update_descriptions": False}
        assert counts(world, "first", **settings) == {"apply": 1}
        assert undo(world, "undo-1", run_id="first") == {"apply": 1}
        assert world.owner("sales", "orders") == "postgres"
    finally:
        world.run(f"REASSIGN OWNED BY {role} TO postgres; DROP ROLE {role}")


def test_an_undone_undo_gives_way_to_what_the_catalog_wants_by_now(shop: World) -> None:
    undo(shop, "undo-1", run_id="first")
    shop.estate.describe(shop.fqn("sales", "orders"), "curated twice")
    shop.estate.describe(shop.fqn("sales", "customers"), None)
    assert undo(shop, "undo-2", run_id="undo-1") == {"apply": 2}
    assert shop.comment("sales", "orders") == "curated"
    assert counts(shop) == {"apply": 1, "clear": 1}
    assert shop.comment("sales", "orders") == "curated twice"
    assert shop.comment("sales", "customers") is None


def test_an_undone_undo_of_what_the_catalog_emptied_holds_nothing(shop: World) -> None:
    shop.estate.describe(shop.fqn("sales", "orders"), None)
    undo(shop, "undo-1", run_id="first", entity="*.orders")
    assert undo(shop, "undo-2", run_id="undo-1") == {"apply": 1}
    assert shop.comment("sales", "orders") == "curated"
    assert counts(shop) == {"clear": 1, "in_sync": 1}


def test_an_undo_of_an_undone_undo_holds_again(shop: World) -> None:
    undo(shop, "undo-1", run_id="first", entity="*.orders")
    undo(shop, "undo-2", run_id="undo-1")
    assert undo(shop, "undo-3", run_id="undo-2") == {"apply": 1}
    assert shop.comment("sales", "orders") == "read from the source"
    assert counts(shop) == {"held": 1, "in_sync": 1}
