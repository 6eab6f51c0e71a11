"""What was undone is held with its record, and released by the next push."""

from dataclasses import replace

from reverse_metadata.ledger import FinishedChange, Ledger
from reverse_metadata.model import Last, Origin
from reverse_metadata_tests.ledger.samples import change, record

RESTORED = Last(wanted="x", stored="before", origin=Origin.RESTORED)


def push(ledger: Ledger, plan_id: str, last: Last) -> None:
    """One change of one plan, planned, started and recorded."""
    plan = record(plan_id)
    ledger.save_plan(plan, [(replace(change("id"), origin=last.origin), "COMMENT ...")])
    with ledger.lease(plan_id, owner="test") as lease:
        ledger.start(plan_id, [0], lease.token)
    (opened,) = ledger.open_changes(plan.catalog, plan.service, plan.partition)
    assert opened.origin is last.origin
    ledger.finish(plan_id, [FinishedChange(0, "applied", last=last)])


def test_a_restored_value_is_held_and_a_pushed_one_is_not(ledger: Ledger) -> None:
    plan = record("one")
    where = (plan.catalog, plan.service, plan.partition)
    push(ledger, "one", RESTORED)
    assert ledger.holds(*where) == {change("id").key: "x"}
    push(ledger, "two", replace(RESTORED, wanted=None))
    assert ledger.holds(*where) == {change("id").key: None}
    push(ledger, "three", Last(wanted="x", stored="x", origin=Origin.PUSHED))
    assert ledger.holds(*where) == {}


def test_release(ledger: Ledger) -> None:
    plan = record("one")
    push(ledger, "one", RESTORED)
    ledger.release(plan.catalog, "another", [change("id").key])
    assert len(ledger.holds(plan.catalog, plan.service, plan.partition)) == 1
    ledger.release(plan.catalog, plan.service, [change("id").key])
    assert ledger.holds(plan.catalog, plan.service, plan.partition) == {}
