import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from reverse_metadata.errors import LedgerError
from reverse_metadata.ledger import DueWork, InboxEvent, Ledger, PendingEntity, WaitingPlan, inbox
from reverse_metadata_tests.ledger.samples import CATALOG, PARTITION, SERVICE

Sql = Callable[[str], list[tuple[object, ...]]]

CHANNEL, OTHER = "descriptions", "tags"
SALES = "shop_pg.shop.sales"
ORDERS = f"{PARTITION}.orders"
NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
SOON, PAST = NOW + HOUR, NOW - HOUR


def keep(
    ledger: Ledger,
    plan_hash: str = "h-1",
    payload: bytes = b"plan",
    *,
    catalog: str = CATALOG,
    channel: str = CHANNEL,
    partition: str = PARTITION,
    run_id: str = "run-1",
    expires_at: datetime = SOON,
    replace: bool = False,
) -> WaitingPlan:
    return ledger.keep_waiting(
        catalog, channel, partition, plan_hash, payload, run_id=run_id, expires_at=expires_at, replace=replace
    )


def waits(ledger: Ledger) -> WaitingPlan | None:
    return ledger.waiting(CATALOG, CHANNEL, PARTITION, NOW)


def asked_for(ledger: Ledger, channel: str = CHANNEL) -> list[PendingEntity]:
    return ledger.pending(channel, CATALOG, PARTITION)


def test_a_plan_that_waits_comes_back_as_it_was(ledger: Ledger, sql: Sql) -> None:
    payload = bytes(range(256)) * 5000
    before = datetime.now(UTC)
    kept = keep(ledger, payload=payload)
    assert before <= kept.created_at <= datetime.now(UTC)
    assert kept == WaitingPlan("h-1", payload, "run-1", kept.created_at, SOON)
    assert waits(ledger) == kept
    ((stored,),) = sql("SELECT length(payload) FROM waiting_plans")
    assert isinstance(stored, int)
    assert stored < len(payload) / 50
    assert asked_for(ledger) == []


@pytest.mark.parametrize("place", [("x", CHANNEL, PARTITION), (CATALOG, "x", PARTITION), (CATALOG, CHANNEL, "x")])
def test_a_plan_waits_in_its_own_place_alone(ledger: Ledger, place: tuple[str, str, str]) -> None:
    kept = keep(ledger)
    assert ledger.waiting(*place, NOW) is None
    assert not ledger.end_waiting(*place, "h-1")
    elsewhere = ledger.keep_waiting(*place, "h-2", b"", run_id="run-2", expires_at=SOON, replace=True)
    assert elsewhere.hash == "h-2"
    assert waits(ledger) == kept


def test_another_plan_does_not_move_the_one_that_waits(ledger: Ledger) -> None:
    first = keep(ledger)
    assert keep(ledger, "h-2", b"other", run_id="run-2", expires_at=SOON + HOUR) == first
    assert waits(ledger) == first


def test_another_plan_takes_the_place_when_that_is_asked_for(ledger: Ledger) -> None:
    first = keep(ledger)
    second = keep(ledger, "h-2", b"other", run_id="run-2", expires_at=SOON + HOUR, replace=True)
    assert second == WaitingPlan("h-2", b"other", "run-2", second.created_at, SOON + HOUR)
    assert second.created_at > first.created_at
    assert waits(ledger) == second


def test_the_same_plan_again_gets_no_longer_time_unless_it_replaces(ledger: Ledger) -> None:
    first = keep(ledger)
    assert keep(ledger, run_id="run-2", expires_at=SOON + HOUR) == first
    assert waits(ledger) == first
    second = keep(ledger, run_id="run-2", expires_at=SOON + HOUR, replace=True)
    assert (second.hash, second.run_id, second.expires_at) == (first.hash, "run-2", SOON + HOUR)


@pytest.mark.parametrize("plan_hash", ["h-1", "h-2"])
def test_a_plan_that_expired_gives_way(ledger: Ledger, plan_hash: str) -> None:
    first = keep(ledger, expires_at=PAST)
    assert waits(ledger) is None
    second = keep(ledger, plan_hash, b"new", run_id="run-2")
    assert second == WaitingPlan(plan_hash, b"new", "run-2", second.created_at, SOON)
    assert second.created_at > first.created_at
    assert waits(ledger) == second


def test_a_plan_waits_until_it_expires_and_no_longer(ledger: Ledger) -> None:
    kept = keep(ledger)
    just_before = SOON - timedelta(microseconds=1)
    assert ledger.waiting(CATALOG, CHANNEL, PARTITION, just_before) == kept
    assert ledger.waiting_partitions(CATALOG, CHANNEL, just_before) == {PARTITION: "h-1"}
    assert ledger.end_expired(CATALOG, CHANNEL, just_before) == []
    assert ledger.waiting(CATALOG, CHANNEL, PARTITION, SOON) is None
    assert ledger.waiting_partitions(CATALOG, CHANNEL, SOON) == {}
    assert ledger.end_expired(CATALOG, CHANNEL, SOON) == [PARTITION]


def test_the_partitions_with_a_plan_are_those_of_one_channel(ledger: Ledger) -> None:
    keep(ledger)
    keep(ledger, "h-2", partition=SALES)
    keep(ledger, "h-3", partition="shop_pg.shop.old", expires_at=PAST)
    keep(ledger, "h-4", partition="shop_pg.shop.tags", channel=OTHER)
    keep(ledger, "h-5", partition="shop_pg.shop.other", catalog="other")
    assert ledger.waiting_partitions(CATALOG, CHANNEL, NOW) == {PARTITION: "h-1", SALES: "h-2"}


def test_the_end_of_a_plan_asks_for_a_full_look_by_its_channel(ledger: Ledger) -> None:
    keep(ledger)
    keep(ledger, partition=SALES)
    keep(ledger, channel=OTHER)
    assert ledger.end_waiting(CATALOG, CHANNEL, PARTITION, "h-1")
    assert waits(ledger) is None
    assert asked_for(ledger) == [PendingEntity(PARTITION, 1, full=True, attempts=0)]
    assert asked_for(ledger, OTHER) == []
    assert ledger.due(CHANNEL, CATALOG, SOON) == [DueWork(PARTITION, (PARTITION,), True, 0, 1)]
    assert ledger.waiting_partitions(CATALOG, CHANNEL, NOW) == {SALES: "h-1"}
    assert ledger.waiting_partitions(CATALOG, OTHER, NOW) == {PARTITION: "h-1"}


def test_only_the_plan_that_waits_can_be_ended_and_only_once(ledger: Ledger) -> None:
    kept = keep(ledger, "h-2")
    assert not ledger.end_waiting(CATALOG, CHANNEL, PARTITION, "h-1")
    assert waits(ledger) == kept
    assert asked_for(ledger) == []
    assert ledger.end_waiting(CATALOG, CHANNEL, PARTITION, "h-2")
    ledger.delivered_all(CHANNEL, CATALOG, PARTITION, ledger.newest_seq(CATALOG))
    assert not ledger.end_waiting(CATALOG, CHANNEL, PARTITION, "h-2")
    assert asked_for(ledger) == []


def test_a_plan_that_expired_while_it_was_applied_can_be_ended(ledger: Ledger) -> None:
    keep(ledger, expires_at=PAST)
    assert ledger.end_waiting(CATALOG, CHANNEL, PARTITION, "h-1")
    assert ledger.end_expired(CATALOG, CHANNEL, NOW) == []


def test_edits_from_the_time_of_waiting_are_looked_at_after_it(ledger: Ledger) -> None:
    ledger.record_events(CATALOG, [InboxEvent(ORDERS, PARTITION, SERVICE, at=1)], "1")
    ledger.delivered(CHANNEL, CATALOG, PARTITION, {ORDERS: 1})
    keep(ledger)
    ledger.record_events(CATALOG, [InboxEvent(ORDERS, PARTITION, SERVICE, at=2)], "2")
    upto = ledger.newest_seq(CATALOG)
    ledger.end_waiting(CATALOG, CHANNEL, PARTITION, "h-1")
    # A run that read the catalog before the end has not answered what the end asks for.
    ledger.delivered_all(CHANNEL, CATALOG, PARTITION, upto)
    assert asked_for(ledger) == [PendingEntity(PARTITION, 3, full=True, attempts=0)]


def test_all_that_expired_are_ended_at_once(ledger: Ledger) -> None:
    keep(ledger, partition=SALES, expires_at=PAST)
    keep(ledger, expires_at=PAST)
    keep(ledger, partition="shop_pg.shop.young")
    keep(ledger, partition="shop_pg.shop.tags", channel=OTHER, expires_at=PAST)
    keep(ledger, partition="shop_pg.shop.other", catalog="other", expires_at=PAST)
    assert ledger.end_expired(CATALOG, CHANNEL, NOW) == [PARTITION, SALES]
    assert ledger.due(CHANNEL, CATALOG, SOON) == [
        DueWork(PARTITION, (PARTITION,), True, 0, 1),
        DueWork(SALES, (SALES,), True, 0, 2),
    ]
    assert ledger.due(OTHER, CATALOG, SOON) == []
    assert ledger.end_expired(CATALOG, CHANNEL, NOW) == []
    assert ledger.newest_seq(CATALOG) == 2
    assert ledger.waiting_partitions(CATALOG, CHANNEL, NOW) == {"shop_pg.shop.young": "h-1"}
    assert ledger.end_expired("other", CHANNEL, NOW) == ["shop_pg.shop.other"]


@pytest.mark.parametrize(
    "end",
    [
        lambda ledger: ledger.end_waiting(CATALOG, CHANNEL, PARTITION, "h-1"),
        lambda ledger: ledger.end_expired(CATALOG, CHANNEL, SOON),
    ],
    ids=["applied", "expired"],
)
def test_a_plan_ends_together_with_the_request_or_not_at_all(
    ledger: Ledger, sql: Sql, monkeypatch: pytest.MonkeyPatch, end: Callable[[Ledger], object]
) -> None:
    keep(ledger)

    def fail(*_: object) -> dict[str, object]:
        raise KeyboardInterrupt

    monkeypatch.setattr(inbox, "_row", fail)
    with pytest.raises(KeyboardInterrupt):
        end(ledger)
    assert sql("SELECT hash FROM waiting_plans") == [("h-1",)]
    assert ledger.newest_seq(CATALOG) == 0


def test_a_moment_without_a_zone_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="has no time zone"):
        keep(ledger, expires_at=SOON.replace(tzinfo=None))
    assert waits(ledger) is None


def test_processes_that_plan_at_once_are_given_the_same_plan(ledger: Ledger, ledger_url: str) -> None:
    code = (
        "import sys; from datetime import UTC, datetime; from reverse_metadata.ledger import Ledger\n"
        "ledger, soon = Ledger.open(sys.argv[1]), datetime(2100, 1, 1, tzinfo=UTC)\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "for n in range(40):\n"
        "    plan = ledger.keep_waiting('c', 'd', f's.d.{n}', sys.argv[2], b'x', run_id=sys.argv[2], expires_at=soon)\n"
        "    print(plan.hash, plan.run_id)"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, ledger_url, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in ("a", "b")
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        first, second = [process.communicate(timeout=120)[0].splitlines() for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    kept = ledger.waiting_partitions("c", "d", NOW)
    assert first == second == [f"{kept[f's.d.{number}']} {kept[f's.d.{number}']}" for number in range(40)]


def test_pruning_leaves_what_waits_and_forgets_what_expired_long_ago(ledger: Ledger) -> None:
    kept = keep(ledger)
    keep(ledger, partition="shop_pg.shop.lately", expires_at=PAST)
    keep(ledger, partition="shop_pg.shop.long_ago", expires_at=PAST - HOUR)
    assert ledger.prune(PAST - HOUR).handoffs == 0
    # Far behind the moment in which it was made: a plan that waits has no other age than its expiry.
    assert ledger.prune(PAST).handoffs == 1
    assert waits(ledger) == kept
    assert ledger.newest_seq(CATALOG) == 0
    assert ledger.end_expired(CATALOG, CHANNEL, NOW) == ["shop_pg.shop.lately"]
    keep(ledger, partition=SALES, expires_at=SOON + 2 * HOUR)
    assert ledger.prune(SOON + HOUR).handoffs == 1
    assert ledger.waiting_partitions(CATALOG, CHANNEL, NOW) == {SALES: "h-1"}
