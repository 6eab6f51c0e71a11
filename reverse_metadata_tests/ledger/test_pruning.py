from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from reverse_metadata.ledger import FinishedChange, InboxEvent, Ledger, Pruned, pruning
from reverse_metadata.model import Aspect, Change, LastKey, Origin
from reverse_metadata_tests.ledger.samples import CATALOG, PARTITION, SERVICE, change, last, pushed, record, started

Sql = Callable[[str], list[tuple[object, ...]]]

NOTHING = Pruned(pushes=0, changes=0, plans=0, events=0, handoffs=0)
CHANNEL, OTHER = "descriptions", "tags"
ORDERS, USERS = f"{PARTITION}.orders", f"{PARTITION}.users"


def later() -> datetime:
    """A moment after everything that a test recorded."""
    return datetime.now(UTC) + timedelta(hours=1)


def earlier() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


def failed(ledger: Ledger, changes: list[Change], plan_id: str) -> None:
    started(ledger, changes, record(plan_id))
    ledger.finish(plan_id, [FinishedChange(seq, "failed", "no") for seq in range(len(changes))])


def plans(ledger: Ledger) -> list[str]:
    """The plans of the pushes that are left, oldest first."""
    return [push.plan_id for push in ledger.pushes()][::-1]


def test_nothing_young_goes(ledger: Ledger, sql: Sql) -> None:
    for number in range(3):
        pushed(ledger, [change("amount")], record(f"p-{number}", created_at=datetime.now(UTC)))
    ledger.put_handoff("run-1", PARTITION, "plan", b"x")
    assert ledger.prune(earlier()) == NOTHING
    assert plans(ledger) == ["p-0", "p-1", "p-2"]
    assert sql("SELECT count(*) FROM plans") == [(3,)]
    assert ledger.get_handoff("run-1", PARTITION, "plan") == b"x"


def test_the_newest_push_of_every_value_stays(ledger: Ledger) -> None:
    tag = replace(change("a"), aspect=Aspect.TAGS, tag_key="PII")
    pushed(ledger, [change("a"), change("b"), tag], record("p-1"))
    pushed(ledger, [change("a")], record("p-2"))
    pushed(ledger, [replace(tag, tag_key="Tier")], record("p-3"))
    pushed(ledger, [change("a")], record("p-4", catalog="other"))
    pushed(ledger, [change("a")], record("p-5", service="other"))
    pushed(ledger, [change("a")], record("p-6", channel=OTHER))
    assert ledger.prune(later()).pushes == 2
    kept = [(push.plan_id, push.entity[-1], push.tag_key) for push in ledger.pushes()][::-1]
    assert kept == [
        ("p-1", "b", ""),
        ("p-1", "a", "PII"),
        ("p-3", "a", "Tier"),
        ("p-4", "a", ""),
        ("p-5", "a", ""),
        ("p-6", "a", ""),
    ]
    assert ledger.prune(later()).pushes == 0


def test_what_was_applied_stays_behind_failures_and_failures_only_until_the_next_try(ledger: Ledger) -> None:
    failed(ledger, [change("a")], "p-1")
    pushed(ledger, [change("a")], record("p-2"))
    failed(ledger, [change("a")], "p-3")
    failed(ledger, [change("a")], "p-4")
    assert ledger.prune(later()).pushes == 2
    assert plans(ledger) == ["p-2", "p-4"]
    assert ledger.intents(CATALOG, SERVICE, [change("a").entity]).keys() == {
        LastKey(change("a").entity, change("a").aspect, "")
    }


def test_a_young_push_frees_the_old_ones_of_its_value(ledger: Ledger, sql: Sql) -> None:
    for number in range(3):
        pushed(ledger, [change("a")], record(f"p-{number}"))
    sql("UPDATE pushes SET pushed_at = '2025-01-01 00:00:00' WHERE plan_id <> 'p-2'")
    assert ledger.prune(earlier()).pushes == 2
    assert plans(ledger) == ["p-2"]


def test_last_values_and_holds_stay(ledger: Ledger) -> None:
    plan = started(ledger, [change("a"), change("b")])
    undone = replace(last("old"), wanted="new", origin=Origin.RESTORED)
    ledger.finish(plan, [FinishedChange(0, "applied", None, last()), FinishedChange(1, "applied", None, undone)])
    known, held = ledger.last(CATALOG, SERVICE, PARTITION), ledger.holds(CATALOG, SERVICE, PARTITION)
    assert (len(known), len(held)) == (2, 1)
    ledger.prune(later())
    assert ledger.last(CATALOG, SERVICE, PARTITION) == known
    assert ledger.holds(CATALOG, SERVICE, PARTITION) == held


def test_finished_plans_go_and_what_may_have_been_sent_stays(ledger: Ledger, sql: Sql) -> None:
    changes = [change(name) for name in "abcd"]
    started(ledger, changes, record("open"))
    ledger.finish("open", [FinishedChange(0, "applied", None, last()), FinishedChange(1, "failed", "no")])
    ledger.abandon("open", [2])
    ledger.save_plan(record("never"), [(change("e"), "COMMENT")])
    ledger.save_plan(record("empty"), [])
    ledger.save_plan(record("waits", created_at=later()), [(change("e"), "COMMENT")])
    pushed(ledger, [change("f")], record("done"))
    pruned = ledger.prune(later() - timedelta(minutes=30))
    assert (pruned.changes, pruned.plans) == (5, 3)
    assert sql("SELECT plan_id, entity, state FROM plan_changes ORDER BY plan_id") == [
        ("open", f"{ORDERS}.d", "started"),
        ("waits", f"{ORDERS}.e", "planned"),
    ]
    assert sql("SELECT plan_id FROM plans ORDER BY plan_id") == [("open",), ("waits",)]
    (left,) = ledger.open_changes(CATALOG, SERVICE, PARTITION)
    ledger.finish("open", [FinishedChange(left.seq, "applied", None, last())])
    assert next(push.entity for push in ledger.pushes()) == f"{ORDERS}.d"


def test_the_brakes_still_count_what_an_old_plan_wrote_lately(ledger: Ledger) -> None:
    pushed(ledger, [replace(change("a"), replaces=True)], record(created_at=datetime(2020, 1, 1, tzinfo=UTC)))
    assert ledger.prune(earlier()) == NOTHING
    assert ledger.brake_counts(CATALOG, CHANNEL, earlier()) == (1, 0)


def test_everything_goes_in_chunks(ledger: Ledger, sql: Sql, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "_CHUNK", 3)
    for number in range(4):
        pushed(ledger, [change(f"c{column}") for column in range(5)], record(f"p-{number}"))
        ledger.put_handoff("run-1", PARTITION, str(number), b"x")
    assert ledger.prune(later()) == Pruned(pushes=15, changes=20, plans=4, events=0, handoffs=4)
    assert plans(ledger) == ["p-3"] * 5
    assert sql("SELECT count(*) FROM plan_changes") == [(0,)]


def event(entity: str, at: datetime | None = None) -> InboxEvent:
    return InboxEvent(entity, PARTITION, SERVICE, at=int((at or datetime.now(UTC)).timestamp() * 1000))


def entities(sql: Sql, table: str) -> list[object]:
    return [row[0] for row in sql(f"SELECT entity FROM {table} ORDER BY entity, channel")]


def test_an_event_goes_when_every_channel_dealt_with_it(ledger: Ledger, sql: Sql) -> None:
    ledger.ensure_channel(CHANNEL, CATALOG)
    ledger.ensure_channel(OTHER, CATALOG)
    ledger.record_events(CATALOG, [event(ORDERS), event(USERS)], "1")
    assert ledger.prune(later()).events == 0
    ledger.delivered(
        CHANNEL, CATALOG, PARTITION, {ORDERS: ledger.newest_seq(CATALOG), USERS: ledger.newest_seq(CATALOG)}
    )
    assert ledger.prune(later()).events == 0
    ledger.delivered(OTHER, CATALOG, PARTITION, {ORDERS: ledger.newest_seq(CATALOG)})
    assert ledger.prune(earlier()).events == 0
    assert ledger.prune(later()).events == 1
    assert entities(sql, "inbox") == [USERS]
    assert entities(sql, "deliveries") == [USERS]
    assert [work.entity for work in ledger.pending(OTHER, CATALOG, PARTITION)] == [USERS]
    assert ledger.pending(CHANNEL, CATALOG, PARTITION) == []


def test_a_new_event_of_a_forgotten_entity_is_work_again(ledger: Ledger) -> None:
    ledger.ensure_channel(CHANNEL, CATALOG)
    ledger.record_events(CATALOG, [event(ORDERS)], "1")
    ledger.delivered_all(CHANNEL, CATALOG, PARTITION, ledger.newest_seq(CATALOG))
    assert ledger.prune(later()).events == 1
    assert ledger.pending(CHANNEL, CATALOG, PARTITION) == []
    ledger.record_events(CATALOG, [event(ORDERS)], "2")
    (work,) = ledger.pending(CHANNEL, CATALOG, PARTITION)
    assert (work.entity, work.full, work.attempts) == (ORDERS, False, 0)


def test_events_from_before_a_channel_are_not_kept_for_it(ledger: Ledger) -> None:
    ledger.record_events(CATALOG, [event(ORDERS)], "1")
    ledger.ensure_channel(CHANNEL, CATALOG)
    ledger.ensure_channel(CHANNEL, "other")
    assert ledger.prune(later()).events == 1


def test_a_request_is_kept_for_its_own_channel_alone(ledger: Ledger) -> None:
    ledger.ensure_channel(CHANNEL, CATALOG)
    ledger.ensure_channel(OTHER, CATALOG)
    ledger.request_full(CATALOG, [PARTITION], CHANNEL)
    assert ledger.prune(later()).events == 0
    ledger.delivered_all(CHANNEL, CATALOG, PARTITION, ledger.newest_seq(CATALOG))
    assert ledger.prune(later()).events == 1


def test_what_is_parked_stays_with_its_reason(ledger: Ledger, sql: Sql) -> None:
    ledger.ensure_channel(CHANNEL, CATALOG)
    ledger.record_events(CATALOG, [event(ORDERS)], "1")
    ledger.failed(CHANNEL, CATALOG, PARTITION, "no such table", max_attempts=1)
    assert ledger.prune(later()).events == 0
    assert sql("SELECT entity, error FROM deliveries WHERE parked_seq > 0") == [(ORDERS, "no such table")]


def test_whether_a_push_is_the_newest_is_read_from_those_of_its_entity(tmp_path: Path) -> None:
    queries: list[tuple[str, Any]] = []
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        pushed(ledger, [change("a")])
        sa.event.listen(
            ledger._engine, "before_cursor_execute", lambda _c, _k, text, values, *_: queries.append((text, values))
        )
        ledger.prune(later())
        asked = [query for query in queries if "AS later" in query[0]]
        with ledger._reading() as connection:
            plan = str(
                [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all() for text, values in asked]
            )
    assert "later USING INDEX pushes_entity" in plan
    assert "pushes_service" not in plan
