"""Plans that wait for a person, against a real PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reverse_metadata.applying.apply import Applied
from reverse_metadata.applying.approval import Approvals
from reverse_metadata.errors import NotApproved
from reverse_metadata.ledger import Ledger
from reverse_metadata.model import Partition
from reverse_metadata.planning.plan import Plan
from reverse_metadata_tests.world import SERVICE, World

NEEDED: dict[str, Any] = {"approval": "required"}


def run(world: World, *, anew: bool = False, **channel: Any) -> Plan:
    """A run of the schema as far as it goes without a person; gives the plan as it is shown."""
    with world.pipeline("automatic", **{**NEEDED, **channel}) as pipeline:
        plan = pipeline.recover_and_resolve(pipeline.fetch(schema(world), "full"))
        shown = Approvals(pipeline).keep(plan, anew=anew)
        assert pipeline.apply(shown).statements == 0
        return shown


def approve(world: World, plan_hash: str, by: str = "grace", **channel: Any) -> Applied:
    with world.pipeline("approved", **{**NEEDED, **channel}) as pipeline:
        approvals = Approvals(pipeline)
        plan = approvals.approved(schema(world), frozenset([plan_hash]), by)
        applied = pipeline.apply(plan)
        approvals.end(plan)
        return applied


def schema(world: World) -> Partition:
    return Partition(SERVICE, world.database, "sales")


def waits(world: World) -> bool:
    with world.pipeline(**NEEDED) as pipeline:
        now = datetime.now(UTC)
        return pipeline.ledger.waiting(pipeline.catalog.name, "shop", schema(world).key, now) is not None


@pytest.fixture
def shop(world: World) -> World:
    world.table("sales", "orders", description="One row per order")
    world.table("sales", "customers", description="Who buys")
    return world


def test_nothing_is_written_until_somebody_approves_the_plan(shop: World) -> None:
    plan = run(shop)
    assert (plan.statements, plan.counts) == ((), {"waiting": 2})
    assert shop.comment("sales", "orders") is None
    applied = approve(shop, plan.waiting_hash)
    assert (applied.counts, applied.problems) == ({"apply": 2}, ())
    assert shop.comment("sales", "orders") == "One row per order"
    assert {(push.approved_by, push.run_id) for push in shop.pushes()} == {("grace", "approved")}
    assert not waits(shop)


def test_the_statements_that_were_read_are_the_ones_that_run(shop: World) -> None:
    plan = run(shop)
    approve(shop, plan.waiting_hash)
    assert [push.statement for push in shop.pushes()] == [statement.text for statement in plan.waiting]


def test_a_plan_is_named_by_what_it_writes_over_what(shop: World) -> None:
    first = run(shop)
    assert run(shop).waiting_hash == first.waiting_hash
    shop.estate.describe(shop.fqn("sales", "orders"), "One row per order, also returned ones")
    assert run(shop, anew=True).waiting_hash != first.waiting_hash


def test_an_edit_in_the_catalog_while_a_plan_waits_neither_moves_it_nor_is_lost(shop: World) -> None:
    first = run(shop)
    shop.estate.describe(shop.fqn("sales", "customers"), "Who buys, and who once did")
    again = run(shop)
    assert again.waiting == first.waiting
    assert [change.reason.partition(":")[0] for change in again.others] == [
        f"behind plan {first.waiting_hash}, which waits already"
    ]
    applied = approve(shop, first.waiting_hash)
    assert {verdict: count for verdict, count in applied.counts.items() if count} == {"apply": 1, "stale": 1}
    assert shop.comment("sales", "customers") is None
    second = run(shop)
    assert [change.value for change in second.waiting_changes] == ["Who buys, and who once did"]
    approve(shop, second.waiting_hash)
    assert shop.comment("sales", "customers") == "Who buys, and who once did"


def test_after_an_approval_the_schema_is_due_in_full(shop: World) -> None:
    plan = run(shop)
    approve(shop, plan.waiting_hash)
    with shop.pipeline(**NEEDED) as pipeline:
        (work,) = pipeline.ledger.due("shop", pipeline.catalog.name, datetime.now(UTC))
    assert (work.partition_key, work.full) == (schema(shop).key, True)


def test_what_moved_in_the_source_since_is_stale_and_the_rest_is_written(shop: World) -> None:
    plan = run(shop)
    shop.comment_by_hand("sales", "orders", "by hand")
    applied = approve(shop, plan.waiting_hash)
    assert [(change.entity, change.verdict.value) for change in applied.held_back] == [
        (shop.fqn("sales", "orders"), "stale")
    ]
    assert shop.comment("sales", "orders") == "by hand"
    assert shop.comment("sales", "customers") == "Who buys"


def test_what_left_the_filter_since_is_stale(shop: World) -> None:
    tagged: dict[str, Any] = {"filter": {"tags": "Layer.Gold"}}
    orders = shop.fqn("sales", "orders")
    shop.estate.tag(orders, ["Layer.Gold"])
    plan = run(shop, **tagged)
    assert plan.counts == {"waiting": 1}
    shop.estate.tag(orders, [])
    assert approve(shop, plan.waiting_hash, **tagged).counts == {"stale": 1}
    assert shop.comment("sales", "orders") is None


def test_what_the_channel_writes_differently_by_now_is_stale(shop: World) -> None:
    shop.estate.describe(shop.fqn("sales", "orders"), "One **row** per order")
    plan = run(shop)
    applied = approve(shop, plan.waiting_hash, description_format="text")
    assert {verdict: count for verdict, count in applied.counts.items() if count} == {"apply": 1, "stale": 1}


def test_a_wrong_hash_writes_nothing_and_names_the_plan_that_waits(shop: World) -> None:
    plan = run(shop)
    with pytest.raises(NotApproved, match=f"the plan that waits for {schema(shop).key} is {plan.waiting_hash} of"):
        approve(shop, "0123456789abcdef")
    assert shop.pushes() == []


def test_an_approved_plan_cannot_be_applied_twice(shop: World) -> None:
    plan = run(shop)
    approve(shop, plan.waiting_hash)
    with pytest.raises(NotApproved, match="it was applied already"):
        approve(shop, plan.waiting_hash)


def test_a_plan_expires_and_is_made_anew(shop: World) -> None:
    plan = run(shop)
    with Ledger.open(shop.ledger_url) as ledger, shop.pipeline(**NEEDED) as pipeline:
        later = datetime.now(UTC) + timedelta(days=8)
        assert ledger.end_expired(pipeline.catalog.name, "shop", later) == [schema(shop).key]
    with pytest.raises(NotApproved, match="no plan waits"):
        approve(shop, plan.waiting_hash)
    assert run(shop).waiting_hash == plan.waiting_hash


def test_a_plan_that_is_obsolete_can_be_replaced(shop: World) -> None:
    run(shop)
    for name in ("orders", "customers"):
        shop.estate.describe(shop.fqn("sales", name), None)
    assert run(shop).counts == {"waiting": 2}
    assert run(shop, anew=True).counts == {}
    assert not waits(shop)


def test_a_schema_in_sync_waits_for_nobody(shop: World) -> None:
    approve(shop, run(shop).waiting_hash)
    plan = run(shop)
    assert (plan.counts, plan.waiting) == ({"in_sync": 2}, ())


def test_a_removal_waits_as_well_and_is_stale_when_the_text_came_back(shop: World) -> None:
    approve(shop, run(shop).waiting_hash)
    orders = shop.fqn("sales", "orders")
    shop.estate.describe(orders, None)
    plan = run(shop)
    assert [change.value for change in plan.waiting_changes] == [None]
    shop.estate.describe(orders, "One row per order")
    assert approve(shop, plan.waiting_hash).counts == {"stale": 1}
    assert shop.comment("sales", "orders") == "One row per order"


def test_statements_that_the_channel_would_write_otherwise_by_now_are_stale(shop: World) -> None:
    plan = run(shop)
    template = "COMMENT ON TABLE {schema}.{table} IS {description} -- ours"
    assert approve(shop, plan.waiting_hash, sql_template=template).counts == {"stale": 2}
    assert shop.pushes() == []


def test_a_plan_for_another_database_is_refused(shop: World) -> None:
    plan = run(shop)
    shop.run("CREATE SCHEMA clone")
    shop.options = {"rewrite": {"schema": {"sales": "clone"}}}
    with pytest.raises(NotApproved, match="was made for another database than the one that shop_pg stands for now"):
        approve(shop, plan.waiting_hash)
    assert shop.pushes() == []


def test_half_a_surrogate_pair_keeps_no_plan_from_waiting(shop: World) -> None:
    shop.estate.describe(shop.fqn("sales", "orders"), "half \ud800")
    plan = run(shop)
    assert plan.counts == {"waiting": 1, "invalid": 1}
    assert approve(shop, plan.waiting_hash).counts == {"apply": 1}
