from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from reverse_metadata.errors import LeaseLost, LedgerError
from reverse_metadata.ledger import FinishedChange, Ledger
from reverse_metadata.model import Last, Origin
from reverse_metadata_tests.ledger.samples import CATALOG, PARTITION, SERVICE, change, last, record, started

Sql = Callable[[str], list[tuple[object, ...]]]


def states(sql: Sql) -> list[object]:
    return [state for (state,) in sql("SELECT state FROM plan_changes ORDER BY plan_id, seq")]


def test_a_saved_plan_is_open_only_once_it_started(ledger: Ledger, sql: Sql) -> None:
    ledger.save_plan(record(), [(change("a"), "COMMENT a"), (change("b"), "COMMENT b"), (change("c"), "COMMENT c")])
    assert ledger.open_changes(CATALOG, SERVICE, PARTITION) == []
    with ledger.lease("partition", owner="run-1") as lease:
        ledger.start("plan-1", [2, 0], lease.token)
        assert states(sql) == ["started", "planned", "started"]
        assert sql("SELECT DISTINCT lease_token FROM plan_changes WHERE state = 'started'") == [(lease.token,)]
    assert [each.seq for each in ledger.open_changes(CATALOG, SERVICE, PARTITION)] == [0, 2]


def test_an_open_change_has_all_that_recovery_needs(ledger: Ledger) -> None:
    started(ledger, [replace(change("a.b", value=None), template="text/1")])
    (found,) = ledger.open_changes(CATALOG, SERVICE, PARTITION)
    wanted, plan = change("a.b", value=None), record()
    assert (found.plan_id, found.seq, found.channel, found.run_id) == ("plan-1", 0, "descriptions", "run-1")
    assert (found.catalog, found.service, found.partition) == (CATALOG, SERVICE, PARTITION)
    assert (found.entity, found.entity_id, found.type) == (wanted.entity, wanted.entity_id, wanted.type)
    assert (found.path, found.aspect, found.tag_key) == (wanted.path, wanted.aspect, "")
    assert (found.kind, found.object_id) == ("table", "16384")
    assert (found.before, found.after, found.wanted, found.statement) == ("old", None, None, "COMMENT 0")
    assert (found.template, found.filter_hash) == ("text/1", plan.filter_hash)
    assert (found.changed_by, found.catalog_version) == ("ada", "0.3")
    assert found.started_at.utcoffset() is not None


@pytest.mark.parametrize("place", [("x", SERVICE, PARTITION), (CATALOG, "x", PARTITION), (CATALOG, SERVICE, "x")])
def test_open_changes_of_other_places_are_not_ours(ledger: Ledger, place: tuple[str, str, str]) -> None:
    started(ledger, [change("a")])
    assert ledger.open_changes(*place) == []


def test_open_changes_of_every_plan_and_channel_come_oldest_plan_first(ledger: Ledger) -> None:
    older = record("zzz", channel="tags")
    newer = replace(record("aaa"), created_at=older.created_at.replace(year=2027))
    started(ledger, [change("a"), change("b")], newer)
    started(ledger, [change("a")], older)
    found = ledger.open_changes(CATALOG, SERVICE, PARTITION)
    assert [(each.plan_id, each.channel, each.seq) for each in found] == [
        ("zzz", "tags", 0),
        ("aaa", "descriptions", 0),
        ("aaa", "descriptions", 1),
    ]


def test_finishing_records_state_push_and_last_value(ledger: Ledger, sql: Sql) -> None:
    started(ledger, [change(name) for name in "abcd"])
    ledger.finish(
        "plan-1",
        [
            FinishedChange(3, "stale"),
            FinishedChange(1, "failed", "permission denied"),
            FinishedChange(0, "applied", None, last("a")),
            FinishedChange(2, "applied", None, None),
        ],
    )
    assert states(sql) == ["applied", "failed", "applied", "stale"]
    assert ledger.open_changes(CATALOG, SERVICE, PARTITION) == []
    assert {key.entity: value for key, value in ledger.last(CATALOG, SERVICE, PARTITION).items()} == {
        f"{PARTITION}.orders.a": last("a")
    }
    assert [(push.entity[-1], push.outcome, push.error) for push in ledger.pushes()] == [
        ("c", "applied", None),
        ("b", "failed", "permission denied"),
        ("a", "applied", None),
    ]


def test_a_push_has_the_statement_that_was_sent_in_the_end(ledger: Ledger) -> None:
    started(ledger, [change("a"), change("b")])
    ledger.finish("plan-1", [FinishedChange(0, "applied", None, last(), "A alone"), FinishedChange(1, "failed", "no")])
    assert [(push.entity[-1], push.statement) for push in ledger.pushes()] == [
        ("b", "COMMENT 1"),
        ("a", "A alone"),
    ]


def test_a_batch_can_be_finished_bit_by_bit(ledger: Ledger, sql: Sql) -> None:
    started(ledger, [change(name) for name in "abc"])
    ledger.finish("plan-1", [FinishedChange(1, "applied", None, last())])
    assert states(sql) == ["started", "applied", "started"]
    ledger.finish("plan-1", [FinishedChange(seq, "applied", None, last()) for seq in (0, 2)])
    assert [push.entity[-1] for push in ledger.pushes()] == ["c", "a", "b"]
    ledger.finish("plan-1", [])


def nothing_was_recorded(ledger: Ledger, sql: Sql, expected: list[str]) -> bool:
    return states(sql) == expected and list(ledger.pushes()) == [] and ledger.last(CATALOG, SERVICE, PARTITION) == {}


def test_one_change_that_never_started_leaves_all_of_them_unrecorded(ledger: Ledger, sql: Sql) -> None:
    ledger.save_plan(record(), [(change("a"), "A"), (change("b"), "B")])
    with ledger.lease("partition", owner="run-1") as lease:
        ledger.start("plan-1", [0], lease.token)
    results = [FinishedChange(seq, "applied", None, last()) for seq in (0, 1)]
    with pytest.raises(LedgerError, match=r"Changes 0 to 1 of plan plan-1 cannot become 'applied': only 1 of 2 are"):
        ledger.finish("plan-1", results)
    assert nothing_was_recorded(ledger, sql, ["started", "planned"])


def test_an_error_in_the_last_step_leaves_nothing_recorded(ledger: Ledger, sql: Sql) -> None:
    started(ledger, [change("a"), change("b")])
    broken = Last("x", "x", cast(Origin, None))
    with pytest.raises(LedgerError):
        ledger.finish(
            "plan-1", [FinishedChange(0, "applied", None, last()), FinishedChange(1, "applied", None, broken)]
        )
    assert nothing_was_recorded(ledger, sql, ["started", "started"])


def test_nothing_is_finished_twice(ledger: Ledger) -> None:
    started(ledger, [change("a")])
    ledger.finish("plan-1", [FinishedChange(0, "applied", None, last())])
    with pytest.raises(LedgerError, match="Another run dealt with them"):
        ledger.finish("plan-1", [FinishedChange(0, "applied", None, last())])
    with pytest.raises(LedgerError, match="Another run dealt with them"):
        ledger.abandon("plan-1", [0])
    assert len(list(ledger.pushes())) == 1


def test_a_planned_change_can_be_stale(ledger: Ledger, sql: Sql) -> None:
    ledger.save_plan(record(), [(change("a"), "A")])
    ledger.finish("plan-1", [FinishedChange(0, "stale")])
    assert nothing_was_recorded(ledger, sql, ["stale"])


def test_abandoned_changes_are_closed_without_a_push(ledger: Ledger, sql: Sql) -> None:
    started(ledger, [change(name) for name in "abc"])
    ledger.abandon("plan-1", [0, 2])
    ledger.abandon("plan-1", [])
    assert nothing_was_recorded(ledger, sql, ["abandoned", "started", "abandoned"])
    assert [each.seq for each in ledger.open_changes(CATALOG, SERVICE, PARTITION)] == [1]


def test_a_run_that_was_overtaken_starts_nothing(ledger: Ledger, sql: Sql) -> None:
    ledger.save_plan(record(), [(change("a"), "A"), (change("b"), "B")])
    with ledger.lease("partition", owner="run-1") as lease:
        ledger.start("plan-1", [0], lease.token)
        sql("UPDATE leases SET expires_at = 0")
        with ledger.lease("partition", owner="run-2"), pytest.raises(LeaseLost, match="Plan plan-1 was not started"):
            ledger.start("plan-1", [1], lease.token)
    assert states(sql) == ["started", "planned"]


def test_a_change_starts_once(ledger: Ledger) -> None:
    started(ledger, [change("a")])
    with ledger.lease("partition", owner="run-2") as lease, pytest.raises(LedgerError, match="only 0 of 1 are planned"):
        ledger.start("plan-1", [0], lease.token)


def test_a_plan_of_ten_thousand_changes_is_started_and_finished_as_a_whole(ledger: Ledger, sql: Sql) -> None:
    count = 10_000
    started(ledger, [change(f"c{number}") for number in range(count)])
    assert len(ledger.open_changes(CATALOG, SERVICE, PARTITION)) == count
    ledger.finish("plan-1", [FinishedChange(seq, "applied", None, last()) for seq in range(count)])
    assert sql("SELECT count(*) FROM pushes") == [(count,)]
    assert ledger.count_last(CATALOG, "descriptions") == count
