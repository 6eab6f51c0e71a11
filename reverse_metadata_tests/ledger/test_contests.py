from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from reverse_metadata.ledger import Contest, FinishedChange, Ledger
from reverse_metadata.model import Aspect, Change, LastKey
from reverse_metadata_tests.ledger.samples import CATALOG, PARTITION, SERVICE, change, last, pushed, record, started

Sql = Callable[[str], list[tuple[object, ...]]]

HOUR = timedelta(hours=1)
AMOUNT = change("amount").key


def flip(value: str | None = "ours", theirs: str | None = "theirs", **others: Any) -> Change:
    """A write over what somebody else made of the description of `amount`."""
    return replace(change("amount", value, theirs), flips=True, **others)


def contests(ledger: Ledger) -> dict[LastKey, Contest]:
    return ledger.contests(CATALOG, SERVICE, PARTITION, datetime.now(UTC) - HOUR)


def counts(ledger: Ledger) -> dict[LastKey, int]:
    return {key: contest.flips for key, contest in contests(ledger).items()}


def test_every_flip_of_a_value_counts_and_the_newest_tells_both_sides(ledger: Ledger) -> None:
    assert contests(ledger) == {}
    pushed(ledger, [change("amount", "ours")], record("p-0"))
    assert contests(ledger) == {}
    pushed(ledger, [flip(theirs="dbt's")], record("p-1"))
    pushed(ledger, [flip(theirs=None)], record("p-2"))
    before = datetime.now(UTC)
    pushed(ledger, [flip("ours…", "the DBA's", wanted="ours, in full")], record("p-3"))
    newest = contests(ledger)[AMOUNT].newest
    assert before <= newest <= datetime.now(UTC)
    assert contests(ledger) == {AMOUNT: Contest("ours, in full", "ours…", "the DBA's", 1, newest)}
    pushed(ledger, [flip("ours", "the DBA's", wanted="ours, in full")], record("p-4"))
    assert contests(ledger)[AMOUNT].flips == 2
    assert contests(ledger)[AMOUNT].ours == "ours"
    assert contests(ledger)[AMOUNT].newest > newest


def test_only_the_value_that_was_wanted_last_is_contested(ledger: Ledger) -> None:
    for number, wanted in enumerate(["a", "a", None, None, "a"]):
        pushed(ledger, [flip(wanted)], record(f"p-{number}"))
        expected = {0: ("a", 1), 1: ("a", 2), 2: (None, 1), 3: (None, 2), 4: ("a", 3)}[number]
        contest = contests(ledger)[AMOUNT]
        assert (contest.wanted, contest.flips) == expected


def test_each_aspect_and_tag_key_of_an_entity_is_counted_alone(ledger: Ledger) -> None:
    changes = [
        flip(),
        flip(aspect=Aspect.OWNER),
        flip(aspect=Aspect.TAGS, tag_key="PII"),
        flip(aspect=Aspect.TAGS, tag_key="Tier"),
        flip(entity=f"{PARTITION}.orders"),
    ]
    pushed(ledger, changes, record("p-1"))
    pushed(ledger, changes[2:4], record("p-2"))
    assert list(counts(ledger).values()).count(2) == 2
    assert counts(ledger) == {
        AMOUNT: 1,
        LastKey(AMOUNT.entity, Aspect.OWNER): 1,
        LastKey(AMOUNT.entity, Aspect.TAGS, "PII"): 2,
        LastKey(AMOUNT.entity, Aspect.TAGS, "Tier"): 2,
        LastKey(f"{PARTITION}.orders", Aspect.DESCRIPTION): 1,
    }


def test_all_channels_count_together_and_other_places_apart(ledger: Ledger) -> None:
    pushed(ledger, [flip()], record("p-1"))
    pushed(ledger, [flip()], record("p-2", channel="tags"))
    pushed(ledger, [flip()], record("p-3", catalog="other"))
    pushed(ledger, [flip()], record("p-4", service="other"))
    pushed(ledger, [flip()], record("p-5", partition="shop_pg.shop.sales"))
    assert counts(ledger) == {AMOUNT: 2}


def test_what_did_not_arrive_is_no_flip(ledger: Ledger) -> None:
    started(ledger, [flip(entity=name) for name in "abcde"])
    results = [
        FinishedChange(0, "failed", "no"),
        FinishedChange(1, "stale"),
        FinishedChange(2, "applied", None, last()),
    ]
    ledger.finish("plan-1", results)
    ledger.abandon("plan-1", [3])
    ledger.save_plan(record("p-2"), [(flip(), "COMMENT")])
    assert counts(ledger) == {LastKey("c", Aspect.DESCRIPTION): 1}
    ledger.finish("plan-1", [FinishedChange(4, "applied", None, last())])
    assert counts(ledger) == {LastKey("c", Aspect.DESCRIPTION): 1, LastKey("e", Aspect.DESCRIPTION): 1}


def test_a_contest_lasts_while_its_last_flip_is_recent_and_counts_the_day_up_to_it(ledger: Ledger, sql: Sql) -> None:
    old = datetime(2020, 1, 1, tzinfo=UTC)
    for number in range(4):
        pushed(ledger, [flip()], record(f"p-{number}", created_at=old))
    for number, day_and_hour in enumerate(["01 03", "02 03", "02 22", "03 02"]):
        sql(f"UPDATE plan_changes SET finished_at = '2025-01-{day_and_hour}:00:00.000000' WHERE plan_id = 'p-{number}'")

    def flips(since: datetime) -> list[int]:
        return [contest.flips for contest in ledger.contests(CATALOG, SERVICE, PARTITION, since).values()]

    assert flips(datetime(2025, 1, 3, 1, tzinfo=UTC)) == [3]
    assert flips(datetime(2025, 1, 3, 3, tzinfo=UTC)) == []


def test_contests_are_read_from_the_few_rows_that_are_one(tmp_path: Path) -> None:
    queries: list[tuple[str, Any]] = []
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        sa.event.listen(
            ledger._engine, "before_cursor_execute", lambda _c, _k, text, values, *_: queries.append((text, values))
        )
        contests(ledger)
        (asked,) = [query for query in queries if query[0].startswith("SELECT")]
        with ledger._reading() as connection:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0]}", asked[1]).all()
    steps = [row[-1] for row in rows]
    assert steps[:2] == [
        "SEARCH plan_changes USING INDEX plan_changes_flips (finished_at>?)",
        "SEARCH plans USING INDEX sqlite_autoindex_plans_1 (plan_id=?)",
    ]


def test_the_index_of_contests_holds_them_alone(ledger: Ledger) -> None:
    (index,) = [
        each for each in sa.inspect(ledger._engine).get_indexes("plan_changes") if each["name"] == "plan_changes_flips"
    ]
    assert index["column_names"] == ["finished_at"]
    assert str(index["dialect_options"][f"{ledger._engine.dialect.name}_where"]) == "flips"
