import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import reverse_metadata
from reverse_metadata.ledger import FinishedChange, Ledger, Push, history
from reverse_metadata.ledger.schema import pushes
from reverse_metadata_tests.ledger.samples import CATALOG, PARTITION, SERVICE, change, last, pushed, record, started

Sql = Callable[[str], list[tuple[object, ...]]]

PUBLIC = (
    "id", "catalog", "service", "entity", "entity_id", "entity_type", "aspect", "tag_key", "channel", "plan_id",
    "before", "after", "statement", "outcome", "error", "changed_by", "approved_by", "catalog_version", "run_id",
    "pushed_at",
)  # fmt: skip

HOUR = timedelta(hours=1)


def test_the_public_columns_are_these_and_no_others() -> None:
    assert tuple(pushes.columns.keys()) == PUBLIC
    assert Push.__slots__ == PUBLIC


def test_a_push_has_every_column(ledger: Ledger) -> None:
    before = datetime.now(UTC)
    pushed(ledger, [change("amount")])
    (push,) = ledger.pushes()
    assert before <= push.pushed_at <= datetime.now(UTC)
    assert push == Push(
        id=push.id,
        catalog=CATALOG,
        service=SERVICE,
        entity=f"{PARTITION}.orders.amount",
        entity_id="e-1",
        entity_type="column",
        aspect="description",
        tag_key="",
        channel="descriptions",
        plan_id="plan-1",
        before="old",
        after="new",
        statement="COMMENT 0",
        outcome="applied",
        error=None,
        changed_by="ada",
        approved_by="grace",
        catalog_version="0.3",
        run_id="run-1",
        pushed_at=push.pushed_at,
    )


def test_pushes_can_be_read_by_plain_sql(ledger: Ledger, sql: Sql) -> None:
    pushed(ledger, [change("amount")])
    columns = ", ".join(PUBLIC[:-1])
    assert sql(f"SELECT {columns} FROM pushes") == [tuple(getattr(next(ledger.pushes()), name) for name in PUBLIC[:-1])]
    assert sql("SELECT count(*) FROM pushes WHERE pushed_at > '2026-01-01'") == [(1,)]


def test_pushes_come_newest_first_across_pages(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_PAGE", 3)
    pushed(ledger, [change(f"c{number}") for number in range(7)])
    assert [push.entity[-2:] for push in ledger.pushes()] == [f"c{number}" for number in reversed(range(7))]


def test_pushes_can_be_asked_for_by_each_of_their_circumstances(ledger: Ledger) -> None:
    pushed(ledger, [change("a"), change("b")], record("p-1"))
    pushed(ledger, [change("a")], record("p-2", run_id="run-2", channel="tags"))
    pushed(ledger, [change("a")], record("p-3", catalog="other"))
    pushed(ledger, [change("a")], record("p-4", service="other"))

    def plans(**filters: object) -> list[str]:
        return [push.plan_id for push in ledger.pushes(**filters)]  # type: ignore[arg-type]

    assert plans() == ["p-4", "p-3", "p-2", "p-1", "p-1"]
    assert plans(entity=f"{PARTITION}.orders.b") == ["p-1"]
    assert plans(entity=f"{PARTITION}.orders") == []
    assert plans(run_id="run-2") == ["p-2"]
    assert plans(channel="tags") == ["p-2"]
    assert plans(catalog="other") == ["p-3"]
    assert plans(service="other") == ["p-4"]
    assert plans(run_id="run-1", catalog=CATALOG, service=SERVICE) == ["p-1", "p-1"]
    assert plans(since=datetime.now(UTC) + HOUR) == []
    assert len(plans(since=datetime.now(UTC) - HOUR)) == 5


def test_pushes_below_an_entity_are_those_of_all_that_is_in_it(ledger: Ledger) -> None:
    upper = f"{PARTITION}.ORDERS.a"
    names = [f"{PARTITION}.orders", f"{PARTITION}.orders.a", f"{PARTITION}.orders_old.a", upper, PARTITION]
    pushed(ledger, [replace(change("a"), entity=name) for name in names])

    def entities(entity: str) -> list[str]:
        return [push.entity for push in ledger.pushes(entity=entity, below=True)][::-1]

    assert entities(f"{PARTITION}.orders") == names[:2]
    assert entities(f"{PARTITION}.orders.a") == names[1:2]
    assert entities(PARTITION) == names
    assert entities("shop_p%") == []
    assert entities("shop_pg.shop.public.order_") == []


def test_the_brakes_count_what_was_written_over_or_removed(ledger: Ledger) -> None:
    replaces, removes = replace(change("a"), replaces=True), replace(change("b", value=None), removes=True)
    pushed(ledger, [replaces, replace(replaces, entity="x"), removes, change("c")], record("p-1"))
    pushed(ledger, [replaces], record("p-2", channel="tags"))
    pushed(ledger, [replaces], record("p-3", catalog="other"))
    now = datetime.now(UTC)
    assert ledger.brake_counts(CATALOG, "descriptions", now - HOUR) == (2, 1)
    assert ledger.brake_counts(CATALOG, "tags", now - HOUR) == (1, 0)
    assert ledger.brake_counts(CATALOG, "descriptions", now + HOUR) == (0, 0)


def test_the_brakes_count_what_may_have_been_written_and_not_what_was_not(ledger: Ledger) -> None:
    removes = [replace(change(name, value=None), removes=True) for name in "abcd"]
    started(ledger, removes)
    ledger.finish("plan-1", [FinishedChange(0, "applied", None, last(None)), FinishedChange(1, "failed", "no")])
    ledger.abandon("plan-1", [2])
    now = datetime.now(UTC)
    assert ledger.brake_counts(CATALOG, "descriptions", now - HOUR) == (0, 2)
    assert ledger.brake_counts(CATALOG, "descriptions", now + HOUR) == (0, 0)


def test_neither_recovery_nor_the_brakes_read_the_whole_history(tmp_path: Path) -> None:
    queries: list[tuple[str, Any]] = []
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        sa.event.listen(
            ledger._engine, "before_cursor_execute", lambda _c, _k, text, values, *_: queries.append((text, values))
        )
        ledger.open_changes(CATALOG, SERVICE, PARTITION)
        ledger.brake_counts(CATALOG, "descriptions", datetime.now(UTC))
        asked = [query for query in queries if query[0].startswith("SELECT")]
        with ledger._reading() as connection:
            plan = str(
                [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all() for text, values in asked]
            )
    assert "plan_changes USING INDEX plan_changes_open" in plan
    assert "plan_changes USING INDEX plan_changes_braked" in plan


def documented(kind: str) -> list[str]:
    page = (Path(reverse_metadata.__file__).parents[1] / "docs" / "ledger.md").read_text()
    if kind == "columns":
        return re.findall(r"^\| `(\w+)` \| (?:bigint|text|timestamp)", page, re.MULTILINE)
    return re.findall(r"```sql\n(.*?);\n```", page, re.DOTALL)


def test_the_documentation_lists_every_column_in_order() -> None:
    assert tuple(documented("columns")) == PUBLIC


def test_the_documented_queries_run(ledger: Ledger, sql: Sql) -> None:
    pushed(ledger, [change("amount")])
    queries = documented("queries")
    if "sqlite" in ledger._engine.dialect.name:
        queries = [query for query in queries if "date_trunc" not in query]
    answers = [sql(query) for query in queries]
    assert len(answers) >= 5
    assert answers[0][0][1:4] == ("description", "", "old")
    assert answers[-2] == [(f"{PARTITION}.orders.amount", "description", "", "new", answers[-2][0][4])]
