"""Plans and changes as the tests of the ledger need them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from reverse_metadata.ledger import FinishedChange, Ledger, PlanRecord
from reverse_metadata.model import Aspect, Change, EntityType, Last, Origin, Verdict

CATALOG, SERVICE, PARTITION = "https://catalog.example", "shop_pg", "shop_pg.shop.public"


def change(column: str, value: str | None = "new", actual: str | None = "old") -> Change:
    """A description of a column of `orders` that is about to be written."""
    return Change(
        entity=f"{PARTITION}.orders.{column}",
        entity_id="e-1",
        type=EntityType.COLUMN,
        path=("shop", "public", "orders", column),
        aspect=Aspect.DESCRIPTION,
        verdict=Verdict.APPLY if value else Verdict.CLEAR,
        value=value,
        actual=actual,
        reason="edited in the catalog",
        wanted=value,
        kind="table",
        object_id="16384",
        changed_by="ada",
        catalog_version="0.3",
    )


def last(value: str | None = "new") -> Last:
    """What the ledger shall know after a push."""
    return Last(value, value, Origin.PUSHED, "e-1", "16384", "", "descriptions", "f-1")


def record(plan_id: str = "plan-1", **others: Any) -> PlanRecord:
    """The header of a plan."""
    plan = PlanRecord(
        plan_id=plan_id,
        channel="descriptions",
        catalog=CATALOG,
        service=SERVICE,
        partition=PARTITION,
        run_id="run-1",
        scope="full",
        hash="0123456789abcdef",
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        filter_hash="f-1",
        approved_by="grace",
    )
    return replace(plan, **others)


def started(ledger: Ledger, changes: list[Change], plan: PlanRecord | None = None) -> str:
    """Save a plan and start all of it; gives its id."""
    plan = plan or record()
    ledger.save_plan(plan, [(each, f"COMMENT {number}") for number, each in enumerate(changes)])
    with ledger.lease("partition", owner=plan.run_id) as lease:
        ledger.start(plan.plan_id, range(len(changes)), lease.token)
    return plan.plan_id


def pushed(ledger: Ledger, changes: list[Change], plan: PlanRecord | None = None) -> str:
    """Save, start and finish a plan of which everything was applied; gives its id."""
    plan_id = started(ledger, changes, plan)
    ledger.finish(plan_id, [FinishedChange(seq, "applied", None, last(each.value)) for seq, each in enumerate(changes)])
    return plan_id
