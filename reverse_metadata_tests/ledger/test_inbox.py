from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from reverse_metadata.errors import LedgerError
from reverse_metadata.ledger import DueWork, InboxEvent, Ledger, PendingEntity
from reverse_metadata.redaction import register_secret
from reverse_metadata_tests.ledger.samples import CATALOG, PARTITION, SERVICE

Sql = Callable[[str], list[tuple[object, ...]]]

SALES = "shop_pg.shop.sales"
ORDERS, USERS = f"{PARTITION}.orders", f"{PARTITION}.users"
CHANNEL = "descriptions"
DAY = timedelta(days=1)


def event(entity: str, partition: str = PARTITION, *, whole: bool = False) -> InboxEvent:
    return InboxEvent(entity, partition, SERVICE, at=1_767_323_045_000, by="ada", whole=whole)


def now() -> datetime:
    return datetime.now(UTC)


def pending(ledger: Ledger, channel: str = CHANNEL, partition: str = PARTITION) -> list[PendingEntity]:
    return ledger.pending(channel, CATALOG, partition)


def names(ledger: Ledger, channel: str = CHANNEL, partition: str = PARTITION) -> list[str]:
    return [work.entity for work in pending(ledger, channel, partition)]


def test_events_and_cursor_are_recorded_together(ledger: Ledger) -> None:
    assert ledger.cursor(CATALOG) == ""
    ledger.record_events(CATALOG, [event(ORDERS)], "cursor-1")
    assert ledger.cursor(CATALOG) == "cursor-1"
    with pytest.raises(LedgerError):
        ledger.record_events(CATALOG, [event(USERS), event(None)], "cursor-2")  # type: ignore[arg-type]
    assert ledger.cursor(CATALOG) == "cursor-1"
    assert names(ledger) == [ORDERS]
    ledger.record_events(CATALOG, [], "cursor-3")
    assert ledger.cursor(CATALOG) == "cursor-3"
    assert ledger.cursor("other") == ""


def test_numbers_grow_by_event_and_each_catalog_has_its_own(ledger: Ledger) -> None:
    ledger.record_events(CATALOG, [event(ORDERS), event(USERS)], "1")
    assert [(work.entity, work.seq) for work in pending(ledger)] == [(ORDERS, 1), (USERS, 2)]
    ledger.record_events(CATALOG, [event(ORDERS)], "2")
    assert [(work.entity, work.seq) for work in pending(ledger)] == [(USERS, 2), (ORDERS, 3)]
    assert ledger.newest_seq(CATALOG) == 3
    ledger.record_events("other", [event(ORDERS)], "1")
    assert ledger.newest_seq("other") == 1
    assert ledger.newest_seq("unknown") == 0


def test_many_events_of_one_entity_are_one_piece_of_work(ledger: Ledger) -> None:
    ledger.record_events(CATALOG, [event(ORDERS), event(ORDERS), event(USERS), event(ORDERS)], "1")
    for number in range(5):
        ledger.record_events(CATALOG, [event(ORDERS)], f"{number}")
    assert sorted(names(ledger)) == [ORDERS, USERS]


def test_what_was_delivered_is_not_pending(ledger: Ledger) -> None:
    ledger.record_events(CATALOG, [event(ORDERS), event(USERS)], "1")
    ledger.delivered(CHANNEL, CATALOG, PARTITION, {ORDERS: 1})
    assert names(ledger) == [USERS]
    assert names(ledger, "tags") == [ORDERS, USERS]


def test_an_event_that_arrives_during_a_run_stays_pending(ledger: Ledger) -> None:
    ledger.record_events(CATALOG, [event(ORDERS)], "1")
    upto = {work.entity: work.seq for work in pending(ledger)}
    ledger.record_events(CATALOG, [event(ORDERS)], "2")
    ledger.delivered(CHANNEL, CATALOG, PARTITION, upto)
    assert pending(ledger) == [PendingEntity(ORDERS, 2, full=False, attempts=0)]


def test_a_late_delivery_does_not_take_a_newer_one_back(ledger: Ledger) -> None:
    ledger.record_events(CATALOG, [event(ORDERS)], "1")
    ledger.record_events(CATALOG, [event(ORDERS)], "2")
    ledger.delivered(CHANNEL, CATALOG, PARTITION, {ORDERS: 2})
    ledger.delivered(CHANNEL, CATALOG, PARTITION, {ORDERS: 1})
    ledger.delivered(CHANNEL, CATALOG, PARTITION, {})
    assert names(ledger) == []


def test_a_full_run_delivers_everything_up_to_its_number(ledger: Ledger) -> None:
    ledger.record_events(CATALOG, [event(ORDERS), event(USERS), event(f"{SALES}.t", SALES)], "1")
    upto = ledger.newest_seq(CATALOG)
    ledger.record_events(CATALOG, [event(USERS)], "2")
    ledger.delivered_all(CHANNEL, CATALOG, PARTITION, upto)
    assert names(ledger) == [USERS]
    assert names(ledger, partition=SALES) == [f"{SALES}.t"]
    assert names(ledger, "tags") == [ORDERS, USERS]


def test_a_request_for_a_full_look_survives_later_edits(ledger: Ledger) -> None:
    ledger.record_events(CATALOG, [event(PARTITION, whole=True), event(PARTITION)], "1")
    ledger.record_events(CATALOG, [event(PARTITION)], "2")
    assert pending(ledger) == [PendingEntity(PARTITION, 2, full=True, attempts=0)]
    ledger.delivered(CHANNEL, CATALOG, PARTITION, {PARTITION: 2})
    ledger.record_events(CATALOG, [event(PARTITION)], "3")
    assert pending(ledger) == [PendingEntity(PARTITION, 3, full=False, attempts=0)]


def test_a_full_look_can_be_requested_for_all_channels_or_one(ledger: Ledger) -> None:
    ledger.request_full(CATALOG, [PARTITION, SALES, PARTITION])
    ledger.request_full(CATALOG, [])
    assert pending(ledger, "tags") == [PendingEntity(PARTITION, 1, full=True, attempts=0)]
    ledger.request_full(CATALOG, [PARTITION], CHANNEL)
    assert pending(ledger, CHANNEL) == [PendingEntity(PARTITION, 3, full=True, attempts=0)]
    assert pending(ledger, "tags") == [PendingEntity(PARTITION, 1, full=True, attempts=0)]
    ledger.delivered(CHANNEL, CATALOG, PARTITION, {PARTITION: 3})
    assert pending(ledger, CHANNEL) == []
    assert ledger.due(CHANNEL, CATALOG, now()) == [DueWork(SALES, (SALES,), True, 0, 2)]


def test_due_work_is_grouped_by_partition(ledger: Ledger) -> None:
    ledger.record_events(CATALOG, [event(ORDERS), event(f"{SALES}.t", SALES), event(USERS)], "1")
    ledger.request_full(CATALOG, [SALES])
    assert ledger.due(CHANNEL, CATALOG, now()) == [
        DueWork(PARTITION, (ORDERS, USERS), False, 0, 3),
        DueWork(SALES, (f"{SALES}.t", SALES), True, 0, 4),
    ]
    assert ledger.due(CHANNEL, "other", now()) == []


def test_failed_work_is_due_again_at_growing_distances(ledger: Ledger) -> None:
    ledger.record_events(CATALOG, [event(ORDERS)], "1")
    minutes = []
    for attempt in range(1, 10):
        before = now()
        ledger.failed(CHANNEL, CATALOG, PARTITION, "no", max_attempts=99)
        after = now()
        distance = next(
            each
            for each in (1, 2, 4, 8, 16, 32, 60)
            if ledger.due(CHANNEL, CATALOG, after + timedelta(minutes=each))
            and not ledger.due(CHANNEL, CATALOG, before + timedelta(minutes=each, seconds=-1))
        )
        minutes.append(distance)
        assert ledger.due(CHANNEL, CATALOG, now() + DAY) == [DueWork(PARTITION, (ORDERS,), False, attempt, 1)]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_work_that_waits_is_pending_unless_only_what_is_due_is_asked_for(ledger: Ledger) -> None:
    ledger.record_events(CATALOG, [event(ORDERS), event(USERS)], "1")
    ledger.failed(CHANNEL, CATALOG, PARTITION, "no", [USERS])
    assert ledger.due(CHANNEL, CATALOG, now()) == [DueWork(PARTITION, (ORDERS,), False, 0, 1)]
    assert names(ledger) == [ORDERS, USERS]
    assert [each.entity for each in ledger.pending(CHANNEL, CATALOG, PARTITION, now())] == [ORDERS]


def test_work_is_parked_after_too_many_attempts(ledger: Ledger, sql: Sql) -> None:
    ledger.record_events(CATALOG, [event(ORDERS), event(USERS)], "1")
    for _ in range(8):
        assert ORDERS in names(ledger)
        ledger.failed(CHANNEL, CATALOG, PARTITION, "the text is refused", [ORDERS])
    assert names(ledger) == [USERS]
    assert ledger.due(CHANNEL, CATALOG, now() + DAY) == [DueWork(PARTITION, (USERS,), False, 0, 2)]
    assert names(ledger, "tags") == [ORDERS, USERS]
    assert sql("SELECT entity, partition_key, error FROM deliveries") == [(ORDERS, PARTITION, "the text is refused")]


def parked(ledger: Ledger) -> None:
    ledger.record_events(CATALOG, [event(ORDERS)], "1")
    ledger.failed(CHANNEL, CATALOG, PARTITION, "no", max_attempts=1)
    assert names(ledger) == []


def test_another_event_ends_the_parking_for_one_try(ledger: Ledger) -> None:
    parked(ledger)
    ledger.record_events(CATALOG, [event(ORDERS)], "2")
    assert ledger.due(CHANNEL, CATALOG, now()) == [DueWork(PARTITION, (ORDERS,), False, 1, 2)]
    ledger.failed(CHANNEL, CATALOG, PARTITION, "no", max_attempts=1)
    assert names(ledger) == []


def test_a_full_run_that_succeeds_ends_the_parking(ledger: Ledger) -> None:
    parked(ledger)
    ledger.delivered_all(CHANNEL, CATALOG, PARTITION, ledger.newest_seq(CATALOG))
    ledger.record_events(CATALOG, [event(ORDERS)], "2")
    assert pending(ledger) == [PendingEntity(ORDERS, 2, full=False, attempts=0)]


def test_a_missing_privilege_is_never_parked(ledger: Ledger) -> None:
    ledger.record_events(CATALOG, [event(ORDERS)], "1")
    for _ in range(10):
        ledger.failed(CHANNEL, CATALOG, PARTITION, "permission denied", park=False)
    assert ledger.due(CHANNEL, CATALOG, now() + DAY) == [DueWork(PARTITION, (ORDERS,), False, 10, 1)]


def test_success_forgets_the_failures(ledger: Ledger, sql: Sql) -> None:
    ledger.record_events(CATALOG, [event(ORDERS)], "1")
    ledger.failed(CHANNEL, CATALOG, PARTITION, "no")
    ledger.delivered(CHANNEL, CATALOG, PARTITION, {ORDERS: 1})
    assert sql("SELECT applied_seq, attempts, next_try, error FROM deliveries") == [(1, 0, None, None)]
    ledger.record_events(CATALOG, [event(ORDERS)], "2")
    assert ledger.due(CHANNEL, CATALOG, now()) == [DueWork(PARTITION, (ORDERS,), False, 0, 2)]


def test_a_failure_keeps_what_was_applied_before(ledger: Ledger) -> None:
    ledger.record_events(CATALOG, [event(ORDERS, whole=True)], "1")
    ledger.delivered(CHANNEL, CATALOG, PARTITION, {ORDERS: 1})
    ledger.record_events(CATALOG, [event(ORDERS)], "2")
    ledger.failed(CHANNEL, CATALOG, PARTITION, "no")
    assert pending(ledger) == [PendingEntity(ORDERS, 2, full=False, attempts=1)]


def test_a_failure_with_nothing_pending_is_no_work(ledger: Ledger) -> None:
    ledger.failed(CHANNEL, CATALOG, PARTITION, "no")
    ledger.failed(CHANNEL, CATALOG, PARTITION, "no", [ORDERS])
    assert ledger.due(CHANNEL, CATALOG, now() + DAY) == []


def test_no_secret_is_kept_with_a_failure(ledger: Ledger, sql: Sql) -> None:
    register_secret("c0ffee-in-a-driver-message")
    ledger.record_events(CATALOG, [event(ORDERS)], "1")
    ledger.failed(CHANNEL, CATALOG, PARTITION, "login with c0ffee-in-a-driver-message failed")
    assert sql("SELECT error FROM deliveries") == [("login with ******** failed",)]


def test_a_new_channel_is_spared_the_past_and_owes_a_look_at_everything(ledger: Ledger) -> None:
    ledger.record_events(CATALOG, [event(ORDERS), event(PARTITION, whole=True)], "1")
    ledger.ensure_channel(CHANNEL, CATALOG)
    assert ledger.due(CHANNEL, CATALOG, now()) == []
    assert ledger.owed(CHANNEL, CATALOG) == 3
    ledger.record_events(CATALOG, [event(USERS), event(PARTITION)], "2")
    ledger.request_full(CATALOG, [SALES], CHANNEL)
    assert ledger.due(CHANNEL, CATALOG, now()) == [
        DueWork(PARTITION, (USERS, PARTITION), False, 0, 5),
        DueWork(SALES, (SALES,), True, 0, 6),
    ]
    ledger.discovered(CHANNEL, CATALOG, 3)
    assert ledger.owed(CHANNEL, CATALOG) is None


def test_a_known_channel_stays_as_it_is(ledger: Ledger) -> None:
    ledger.ensure_channel(CHANNEL, CATALOG)
    ledger.discovered(CHANNEL, CATALOG, 1)
    ledger.record_events(CATALOG, [event(ORDERS)], "1")
    ledger.ensure_channel(CHANNEL, CATALOG)
    assert ledger.owed(CHANNEL, CATALOG) is None
    assert names(ledger) == [ORDERS]
    assert ledger.owed("unknown", CATALOG) is None


def test_lost_events_make_every_known_channel_look_at_everything(ledger: Ledger) -> None:
    for channel in (CHANNEL, "tags"):
        ledger.ensure_channel(channel, CATALOG)
        ledger.discovered(channel, CATALOG, 2)
    ledger.record_events(CATALOG, [event(ORDERS)], "1", everything=True)
    assert names(ledger) == [ORDERS]
    assert ledger.owed(CHANNEL, CATALOG) == ledger.owed("tags", CATALOG) == ledger.newest_seq(CATALOG) == 4


def test_a_request_that_comes_while_another_is_worked_off_is_still_owed(ledger: Ledger) -> None:
    ledger.ensure_channel(CHANNEL, CATALOG)
    first = ledger.owed(CHANNEL, CATALOG)
    assert first is not None
    ledger.record_events(CATALOG, [], "1", everything=True)
    ledger.discovered(CHANNEL, CATALOG, first)
    assert ledger.owed(CHANNEL, CATALOG) == first + 1


def test_the_cursor_of_events_survives_what_else_takes_numbers(ledger: Ledger) -> None:
    ledger.record_events(CATALOG, [], "cursor")
    ledger.ensure_channel(CHANNEL, CATALOG)
    ledger.request_full(CATALOG, [PARTITION])
    assert ledger.cursor(CATALOG) == "cursor"
