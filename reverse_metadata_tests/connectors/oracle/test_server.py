"""What differs from other systems, against the stand-in."""

from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import pytest

from reverse_metadata.connectors.base import Connector, Need
from reverse_metadata.connectors.oracle import OracleConnector, OracleOptions
from reverse_metadata.connectors.oracle.connector import _mark
from reverse_metadata.connectors.oracle.privileges import missing
from reverse_metadata.connectors.refusals import Refusal
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, Partition, Statement, Verdict
from reverse_metadata_tests.contract.peer import SERVICE, change, errors, push
from reverse_metadata_tests.engines.oracle import Oracle, oracle

SALES = Partition(SERVICE, "default", "sales")
ORDERS = (*SALES.path, "orders")
PASSWORD = token_hex(8)


@pytest.fixture
def server() -> Iterator[Oracle]:
    with oracle() as each:
        furnish(each)
        yield each


def furnish(server: Oracle) -> None:
    server.user("SALES", token_hex(8))
    server.user("WRITER", PASSWORD, "SELECT ANY TABLE", "COMMENT ANY TABLE", "ALTER ANY TABLE")
    server.table("SALES", "ORDERS", ["ID", "EMAIL"])


def connector(**options: object) -> OracleConnector:
    login = {"host": "db", "service_name": "shop", "username": "writer", "password": PASSWORD}
    return OracleConnector(OracleOptions.model_validate(login | options))


def asked(server: Oracle, containing: str) -> int:
    return sum(containing in sql for sql in server.asked)


def test_200_tables_of_50_columns_take_20_comments_a_round_trip(server: Oracle) -> None:
    columns = [f"C{number}" for number in range(50)]
    for number in range(200):
        server.table("SALES", f"T{number}", columns)
    with connector() as each:
        state = each.read(SALES)
        paths = [path for path in state if len(path) > 2 and path[2] != "orders"]
        before = len(server.asked)
        statements = each.resolve([change(path, "x", state) for path in paths])
        assert errors(each.execute(SALES, statements)) == {}
    assert len(statements) == 200 * 51
    # A block ends with its table: 20, 20 and 11 comments.
    assert asked(server, "BEGIN") == len(server.asked) - before == 200 * 3


def test_a_database_without_annotations_says_so(server: Oracle) -> None:
    server.version = "19.20.0.0.0"
    with connector() as each:
        state = each.read(SALES)
        refused = each.refuse(change(ORDERS, "x", state, Aspect.TAGS, "PII"))
    assert refused == (Verdict.UNSUPPORTED, "annotations came with 19.28 and 23ai, and this is 19.20.0.0.0")
    server.version = "19.28.0.0.0"
    with connector() as each:
        assert each.refuse(change(ORDERS, "x", each.read(SALES), Aspect.TAGS, "PII")) is None


def test_what_the_character_set_lacks_is_refused() -> None:
    with oracle(charset="WE8MSWIN1252") as server:
        furnish(server)
        with connector() as each:
            state = each.read(SALES)
            assert each.refuse(change(ORDERS, "Größe – 5 €", state)) is None
            assert each.refuse(change(ORDERS, "日本 🎉", state)) == (
                Verdict.INVALID,
                "the database's character set WE8MSWIN1252 has no '日', '本', '🎉'; remove them",
            )


def test_a_lock_is_waited_for_and_then_reported(server: Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverse_metadata.connectors.batches.pause", lambda _attempt: None)
    server.locked.add(("SALES", "ORDERS"))
    server.table("SALES", "STOCK")
    with connector() as each:
        failed = errors(push(each, {ORDERS: "x", (*SALES.path, "stock"): "y"}))
    assert {path: error.reason for path, error in failed.items()} == {ORDERS: Reason.LOCK_TIMEOUT}
    assert server.described("SALES", "STOCK").comment == "y"


def test_a_template_s_statements_are_sent_as_they_are(server: Oracle) -> None:
    with connector() as each:
        state = each.read(SALES)
        sql = ("COMMENT ON TABLE sales.orders IS 'all'", "COMMENT ON COLUMN sales.orders.id IS 'key'")
        assert errors(each.execute(SALES, [Statement(";\n".join(sql), (change(ORDERS, "all", state),), sql)])) == {}
    assert server.asked[-2:] == list(sql)
    assert server.described("SALES", "ORDERS", "ID").comment == "key"


def test_tags_need_another_privilege_than_comments(server: Oracle) -> None:
    server.users["WRITER"].may -= {"ALTER ANY TABLE"}
    needs = [Need(Aspect.TAGS, ORDERS, "table"), Need(Aspect.DESCRIPTION, ORDERS, "table")]
    with connector() as each:
        (missing,) = each.missing(SALES, needs)
        assert missing.what == 'WRITER may not annotate "SALES"."ORDERS".'
        assert missing.grants == ('GRANT ALTER ON "SALES"."ORDERS" TO "WRITER";',)
        server.users["WRITER"].altering.add(("SALES", "ORDERS"))
        assert each.missing(SALES, needs) == []


def test_a_schema_s_own_user_lacks_nothing(server: Oracle) -> None:
    server.users["SALES"].password = PASSWORD
    with connector(username="sales") as each:
        assert each.missing(SALES, [Need(Aspect.DESCRIPTION, ORDERS, "table")]) == []


def test_more_names_than_a_list_takes_are_read_all_the_same(server: Oracle) -> None:
    with connector() as each:
        state = each.read(SALES, ["orders", *(f"t{number}" for number in range(1001))])
    assert {path[2] for path in state if len(path) > 2} == {"orders"}


def test_two_services_of_one_database_have_one_identity(server: Oracle) -> None:
    with connector() as one, connector(host="other") as other:
        assert one.identity() == other.identity() == "shopdb/SHOPPDB@dbhost"
        assert one.place() != other.place()
        assert one.version() == "Oracle AI Database 26ai Enterprise Edition 23.26.0.0.0"


def test_a_session_of_a_dead_run_is_waited_for(server: Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[int] = []
    each: Connector = connector()
    server.users["WRITER"].may.add("SELECT_CATALOG_ROLE")
    server.sessions.append((_mark(SALES), "ACTIVE"))

    def pause(attempt: int) -> None:
        waited.append(attempt)
        server.sessions.clear()

    monkeypatch.setattr("reverse_metadata.connectors.batches.pause", pause)
    with each:
        each.settle(SALES)
    assert waited == [1]


def test_a_host_that_nobody_knows_is_an_error_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverse_metadata.connectors.batches.pause", lambda _attempt: None)
    with connector(host="db.invalid") as opened, pytest.raises(SourceError) as raised:
        opened.version()
    assert raised.value.reason is Reason.CONNECTION


def test_schemas_whose_names_begin_alike_are_marked_apart() -> None:
    long = "production.ORCLPDB1.finance_reporting_of_the_year_2024_"
    marks = {_mark(Partition(SERVICE, "default", f"{long}{end}")) for end in "ab"}
    assert len(marks) == 2
    assert all(len(mark.encode()) <= 64 for mark in marks)


def test_views_are_annotated_by_other_privileges_than_tables() -> None:
    def ask(sql: str, _binds: dict[str, object]) -> list[tuple[str]]:
        if "all_objects" in sql:
            return [("T",), ("V",), ("M",)]
        return [("WRITER",)] if "SESSION_USER') FROM dual" in sql and "all_tab_privs" not in sql else []

    kinds = {"t": "table", "v": "view", "m": "materialized view"}
    needs = [Need(Aspect.TAGS, (*SALES.path, name), kind) for name, kind in kinds.items()]
    assert [each.grants for each in missing(ask, "SALES", needs)] == [
        ('GRANT ALTER ON "SALES"."T" TO "WRITER";',),
        ('GRANT ALTER ANY TABLE TO "WRITER";',),
        ('GRANT ALTER ANY MATERIALIZED VIEW TO "WRITER";',),
    ]


def test_a_statement_that_hangs_is_lost_alone(server: Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(8):
        server.table("SALES", f"T{number}", ["ID"])
    hangs = Refusal(Reason.STATEMENT_TIMEOUT, "call timeout")
    run = server._run

    def slow(session: Any, sql: str, binds: Any) -> None:
        if "T3" in sql:
            raise TimeoutError
        run(session, sql, binds)

    monkeypatch.setattr(server, "_run", slow)
    monkeypatch.setattr(OracleConnector, "refusal", lambda _self, _error: hangs)
    wishes = {(*SALES.path, f"t{number}"): "x" for number in range(8)}
    with connector() as each:
        assert {path[2] for path in errors(push(each, wishes))} == {"t3"}
