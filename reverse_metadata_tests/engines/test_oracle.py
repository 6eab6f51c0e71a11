"""The stand-in refuses what Oracle refuses, and catches a connector that writes something else."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from secrets import token_hex
from typing import Any

import oracledb
import pytest

from reverse_metadata.connectors.oracle import OracleConnector, OracleOptions, sql
from reverse_metadata.model import Aspect, Partition, Statement, Verdict
from reverse_metadata_tests.contract.peer import SERVICE, change, errors
from reverse_metadata_tests.engines.oracle import Connection, Oracle, oracle
from reverse_metadata_tests.engines.oracle_grammar import SyntaxMistake, parse

#: Near misses, each with the number of the error.
MISSES = [
    ("COMMENT ON TABLE HR.ORDERS IS NULL", 1780),
    ('COMMENT ON TABLE HR.ORDERS IS "x"', 1780),
    ("COMMENT ON TABLE HR.ORDERS IS x", 1780),
    ("COMMENT ON TABLE HR.ORDERS IS :x", 1780),
    ("COMMENT ON TABLE HR.ORDERS IS 'x';", 933),
    ("COMMENT ON TABLE HR.ORDERS IS 'x' || 'y'", 933),
    ("COMMENT ON TABLE HR.ORDERS IS 'it's'", 1756),
    ("COMMENT ON TABLE HR.ORDERS IS 'it\\'s'", 1756),
    ("COMMENT ON TABLE HR.ORDERS IS E'x'", 1780),
    ("COMMENT ON TABLE HR.ORDERS IS $$x$$", 911),
    ("COMMENT ON TABLE HR.ORDERS 'x'", 973),
    ("COMMENT ON TABLE HR.ORDERS = 'x'", 973),
    ("COMMENT ON TABLE HR.ORDERS.ID IS 'x'", 933),
    ("COMMENT ON TABLE SHOP.HR.ORDERS.ID IS 'x'", 933),
    ("COMMENT ON TABLE `HR`.`ORDERS` IS 'x'", 911),
    ("COMMENT ON TABLE [HR].[ORDERS] IS 'x'", 911),
    ("COMMENT ON TABLE 'HR'.'ORDERS' IS 'x'", 903),
    ("COMMENT ON TABLE HR.ORDER IS 'x'", 903),
    ("COMMENT ON TABLE HR.2024 IS 'x'", 903),
    ('COMMENT ON TABLE HR."say ""hi""" IS \'x\'', 1741),
    ("COMMENT ON TABLE HR.\"\" IS 'x'", 1741),
    ("COMMENT ON TABLE HR.\"ORDERS IS 'x'", 1740),
    (f"COMMENT ON TABLE HR.\"{'X' * 129}\" IS 'x'", 972),
    (f"COMMENT ON TABLE HR.ORDERS IS '{'x' * 4001}'", 1704),
    (f"COMMENT ON TABLE HR.ORDERS IS '{'é' * 2001}'", 1704),
    ("COMMENT ON VIEW HR.RECENT IS 'x'", 969),
    ("COMMENT ON SCHEMA HR IS 'x'", 969),
    ("COMMENT ON DATABASE SHOP IS 'x'", 969),
    ("COMMENT ON USER HR IS 'x'", 969),
    ("COMMENT ON COLUMN ID IS 'x'", 1748),
    ("COMMENT ON COLUMN SHOP.HR.ORDERS.ID IS 'x'", 933),
    ("COMMENT IF EXISTS ON TABLE HR.ORDERS IS 'x'", 900),
    ("ALTER TABLE HR.ORDERS COMMENT = 'x'", 1735),
    ("ALTER TABLE HR.ORDERS COMMENT 'x'", 1735),
    ("ALTER TABLE HR.ORDERS MODIFY (ID COMMENT 'x')", 2264),
    ("ALTER TABLE HR.ORDERS OWNER TO ADA", 1735),
    ("ALTER TABLE HR.ORDERS ANNOTATIONS (ADD PII 'x') MODIFY (ID ANNOTATIONS (ADD PII 'x'))", 933),
    ("ALTER TABLE HR.ORDERS ANNOTATIONS ADD PII 'x'", 906),
    ("ALTER TABLE HR.ORDERS ANNOTATIONS (ADD PII 'x'", 907),
    ("ALTER TABLE HR.ORDERS ANNOTATIONS (ADD PII = 'x')", 907),
    ("ALTER TABLE HR.ORDERS ANNOTATIONS (SET PII 'x')", 11548),
    ("ALTER TABLE HR.ORDERS ANNOTATIONS (ADD 'PII' 'x')", 11548),
    ("ALTER TABLE HR.ORDERS ANNOTATIONS (ADD \" \" 'x')", 11548),
    ("ALTER TABLE HR.ORDERS ANNOTATIONS (DROP PII 'x')", 907),
    ("ALTER TABLE HR.ORDERS ANNOTATIONS ()", 11548),
    ("ALTER TABLE HR.ORDERS MODIFY ID ANNOTATIONS (ADD PII 'x')", 906),
    ("ALTER VIEW HR.RECENT MODIFY (ID ANNOTATIONS (ADD PII 'x'))", 1735),
    ("ALTER TABLE HR.ORDERS SET TAG PII = 'x'", 1735),
    ("BEGIN EXECUTE IMMEDIATE 'x' END;", 6550),
    ("BEGIN EXECUTE IMMEDIATE 'x'; END", 6550),
    ("BEGIN COMMENT ON TABLE HR.ORDERS IS 'x'; END;", 6550),
    ("BEGIN END;", 6550),
    ("BEGIN :done = 1; END;", 6550),
    ("DROP TABLE HR.ORDERS", 900),
]


@pytest.mark.parametrize(("statement", "code"), MISSES)
def test_a_near_miss_is_refused(statement: str, code: int) -> None:
    with pytest.raises(SyntaxMistake) as raised:
        parse(statement)
    assert raised.value.code == code


SALES = Partition(SERVICE, "default", "sales")
PASSWORD = token_hex(8)


@pytest.fixture
def server() -> Iterator[Oracle]:
    with oracle() as each:
        each.user("SALES", token_hex(8))
        each.user("WRITER", PASSWORD, "SELECT ANY TABLE", "COMMENT ANY TABLE", "ALTER ANY TABLE")
        each.table("SALES", "ORDERS", ["ID"])
        each.table("SALES", "RECENT", ["ID"], "VIEW")
        each.table("SALES", "TOTALS", ["ID"], "MATERIALIZED VIEW")
        yield each


def ask(server: Oracle, statement: str) -> None:
    with Connection(server, "WRITER").cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("COMMENT ON TABLE SALES.NOWHERE IS 'x'", 942),
        ("COMMENT ON TABLE NOWHERE.ORDERS IS 'x'", 942),
        ("COMMENT ON TABLE SALES.\"orders\" IS 'x'", 942),
        ("COMMENT ON COLUMN SALES.ORDERS.NOWHERE IS 'x'", 904),
        ("COMMENT ON MATERIALIZED VIEW SALES.ORDERS IS 'x'", 12003),
        ("COMMENT ON TABLE SALES.TOTALS IS 'x'", 12098),
        ("ALTER VIEW SALES.ORDERS ANNOTATIONS (ADD PII 'x')", 942),
        ("ALTER TABLE SALES.ORDERS ANNOTATIONS (DROP PII)", 11500),
        ("ALTER TABLE SALES.ORDERS ANNOTATIONS (REPLACE PII 'x')", 11500),
        ("ALTER TABLE SALES.ORDERS ANNOTATIONS (ADD PII 'x', ADD PII 'y')", 11500),
        ("ALTER SESSION SET DDL_LOCK_TIMEOUT = -1", 68),
        ("ALTER SESSION SET SOMETHING = 1", 2248),
        ("SELECT nothing FROM all_objects", 904),
        ("SELECT comments FROM dba_tab_comments", 942),
        ("SELECT status FROM v$session", 942),
    ],
)
def test_the_server_s_errors(server: Oracle, statement: str, code: int) -> None:
    with pytest.raises(oracledb.DatabaseError) as raised:
        ask(server, statement)
    assert raised.value.args[0].full_code == f"ORA-{code:05}"


def test_a_user_does_only_what_it_may(server: Oracle) -> None:
    server.users["WRITER"].may = {"SELECT ANY TABLE"}
    for statement in ("COMMENT ON TABLE SALES.ORDERS IS 'x'", "ALTER TABLE SALES.ORDERS ANNOTATIONS (PII 'x')"):
        with pytest.raises(oracledb.DatabaseError, match="ORA-01031"):
            ask(server, statement)
    server.users["WRITER"].may = set()
    with pytest.raises(oracledb.DatabaseError, match="ORA-00942"):
        ask(server, "COMMENT ON TABLE SALES.ORDERS IS 'x'")


def _with(pattern: str, instead: str) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, instead, text)


@pytest.mark.parametrize(
    "mutation",
    [
        _with("''", "'"),
        _with("''", "\\\\'"),
        _with("COMMENT ON TABLE", "COMMENT ON VIEW"),
        _with("MATERIALIZED VIEW", "TABLE"),
        _with('"SALES"', '"sales"'),
        _with('"([A-Z]+)"', r"`\1`"),
        _with("IS '.*'$", "IS NULL"),
        _with("IS '", "IS N$'"),
        _with("$", ";"),
        _with("ADD OR REPLACE", "REPLACE"),
        _with("DROP IF EXISTS", "DROP"),
        _with("ADD OR REPLACE", "SET"),
        _with(r'MODIFY \("ID" ANNOTATIONS \((.*?)\)\)', r"ANNOTATIONS (\1)"),
        _with("ALTER VIEW", "ALTER TABLE"),
        _with(r"ON COLUMN \"SALES\"\.", "ON COLUMN "),
    ],
)
def test_a_connector_that_writes_something_else_is_caught(
    server: Oracle, mutation: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = sql.resolve

    def mutated(*arguments: Any) -> list[Statement]:
        return [replace(each, text=mutation(each.text)) for each in resolve(*arguments)]

    def works() -> bool:
        login = {"host": "db", "service_name": "shop", "username": "writer", "password": PASSWORD}
        with OracleConnector(OracleOptions.model_validate(login)) as connector:
            state = connector.read(SALES)
            paths = [path for path in state if len(path) > 2]
            tagged = [path for path in paths if path[2:] != ("recent", "id") and path[2:] != ("totals", "id")]
            wishes = [change(path, "it's", state) for path in paths]
            wishes += [change(path, "it's", state, Aspect.TAGS, "PII") for path in tagged]
            wishes += [change(path, None, state, Aspect.TAGS, "Old") for path in tagged]
            assert all(each.verdict is not Verdict.INVALID for each in wishes)
            if errors(connector.execute(SALES, connector.resolve(wishes))):
                return False
            after = connector.read(SALES)
        arrived = all(after[path].description == "it's" for path in paths)
        return arrived and all(after[path].tags == {"PII": "it's"} for path in tagged)

    monkeypatch.setattr("reverse_metadata.connectors.batches.pause", lambda _attempt: None)
    assert works()
    for table in server.users["SALES"].tables.values():
        for each in (table, *table.columns.values()):
            each.comment, each.annotations = None, {}
    monkeypatch.setattr(sql, "resolve", mutated)
    assert not works()
