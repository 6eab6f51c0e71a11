"""Exact SQL, verdicts and what errors mean, without a connection."""

from dataclasses import replace

import pytest
from redshift_connector.error import InterfaceError, ProgrammingError

from reverse_metadata.connectors import batches
from reverse_metadata.connectors.redshift import RedshiftConnector, RedshiftOptions
from reverse_metadata.connectors.redshift.failures import refusal_of
from reverse_metadata.connectors.redshift.sql import nameable
from reverse_metadata.errors import Reason
from reverse_metadata.model import Aspect, Partition, Path, Verdict
from reverse_metadata_tests.contract.peer import change

ORDERS = ("shop", "sales", "orders")


def connector(**options: object) -> RedshiftConnector:
    return RedshiftConnector(RedshiftOptions.model_validate({"host": "h", "username": "writer"} | options))


@pytest.mark.parametrize(
    ("path", "value", "kind", "sql"),
    [
        (("shop",), "x", "database", "COMMENT ON DATABASE shop IS 'x'"),
        (("shop", "sales"), "x", "schema", "COMMENT ON SCHEMA sales IS 'x'"),
        (ORDERS, "It's \\ all\n", "table", "COMMENT ON TABLE sales.orders IS 'It''s \\\\ all\n'"),
        (ORDERS, None, "view", "COMMENT ON VIEW sales.orders IS NULL"),
        (ORDERS, "x", "materialized view", "COMMENT ON VIEW sales.orders IS 'x'"),
        (ORDERS, "x", "late-binding view", "COMMENT ON VIEW sales.orders IS 'x'"),
        ((*ORDERS, "Mixed"), "x", "column", "COMMENT ON COLUMN sales.orders.\"Mixed\" IS 'x'"),
        (("shop", "tag", 'a"b'), "x", "table", 'COMMENT ON TABLE "tag"."a""b" IS \'x\''),
    ],
)
def test_a_comment(path: Path, value: str | None, kind: str, sql: str) -> None:
    (statement,) = connector().resolve([replace(change(path, value, {}), kind=kind)])
    assert statement.text == sql


@pytest.mark.parametrize(
    ("path", "kind", "sql"),
    [
        (("shop",), "database", "ALTER DATABASE shop OWNER TO ada"),
        (("shop", "sales"), "schema", "ALTER SCHEMA sales OWNER TO ada"),
        (("shop", "lake"), "external schema", "ALTER SCHEMA lake OWNER TO ada"),
        (ORDERS, "table", "ALTER TABLE sales.orders OWNER TO ada"),
        (ORDERS, "view", "ALTER TABLE sales.orders OWNER TO ada"),
        (ORDERS, "materialized view", "ALTER TABLE sales.orders OWNER TO ada"),
    ],
)
def test_an_owner(path: Path, kind: str, sql: str) -> None:
    (statement,) = connector().resolve([replace(change(path, "ada", {}, Aspect.OWNER), kind=kind)])
    assert statement.text == sql


def test_names_are_rewritten() -> None:
    clone = connector(rewrite={"schema": {"sales": "sales_clone"}})
    (statement,) = clone.resolve([replace(change(ORDERS, "x", {}), kind="table")])
    assert statement.text == "COMMENT ON TABLE sales_clone.orders IS 'x'"


@pytest.mark.parametrize(
    ("kind", "value", "aspect", "verdict"),
    [
        ("external table", "x", Aspect.DESCRIPTION, Verdict.UNSUPPORTED),
        ("external column", None, Aspect.DESCRIPTION, Verdict.UNSUPPORTED),
        ("external table", "ada", Aspect.OWNER, Verdict.UNSUPPORTED),
        ("external schema", "x", Aspect.DESCRIPTION, Verdict.UNSUPPORTED),
        ("external schema", "ada", Aspect.OWNER, None),
        ("shared table", "x", Aspect.DESCRIPTION, Verdict.UNSUPPORTED),
        ("shared schema", "ada", Aspect.OWNER, Verdict.UNSUPPORTED),
        ("late-binding column", "x", Aspect.DESCRIPTION, Verdict.UNSUPPORTED),
        ("table", None, Aspect.OWNER, Verdict.UNSUPPORTED),
        ("table", "nul\0", Aspect.DESCRIPTION, Verdict.INVALID),
        ("table", "\udc00", Aspect.DESCRIPTION, Verdict.INVALID),
        ("late-binding view", "x", Aspect.DESCRIPTION, None),
        ("table", None, Aspect.DESCRIPTION, None),
    ],
)
def test_what_is_refused_before_anything_is_sent(
    kind: str, value: str | None, aspect: Aspect, verdict: Verdict | None
) -> None:
    refused = connector().refuse(replace(change(ORDERS, value, {}, aspect), kind=kind))
    assert (refused and refused[0]) == verdict


@pytest.mark.parametrize(
    ("error", "reason", "spoils"),
    [
        (ProgrammingError({"C": "42501", "M": "must be owner of relation orders"}), Reason.MISSING_PRIVILEGE, True),
        (ProgrammingError({"C": "42P01", "M": "relation does not exist"}), Reason.MISSING_OBJECT, True),
        (ProgrammingError({"C": "42703", "M": "column does not exist"}), Reason.MISSING_OBJECT, False),
        (ProgrammingError({"C": "57014", "M": "canceled on user's request"}), Reason.STATEMENT_TIMEOUT, False),
        (ProgrammingError({"C": "28000", "M": "password authentication failed"}), Reason.AUTHENTICATION, False),
        (ProgrammingError({"C": "08006", "M": "connection failure"}), Reason.CONNECTION, False),
        (
            ProgrammingError({"C": "XX000", "M": "1023", "D": "Serializable isolation violation on table"}),
            Reason.SERIALIZATION,
            False,
        ),
        (
            ProgrammingError({"C": "XX000", "M": "could not complete because of conflict with concurrent transaction"}),
            Reason.SERIALIZATION,
            False,
        ),
        (
            ProgrammingError(
                {"C": "42501", "M": "permission denied for relation conflict with concurrent transaction"}
            ),
            Reason.MISSING_PRIVILEGE,
            True,
        ),
        (ProgrammingError({"C": "XX000", "M": "Assert on line 1023"}), Reason.OTHER, False),
        (ProgrammingError({"C": "42601", "M": "syntax error"}), Reason.OTHER, False),
        (InterfaceError("communication error", ConnectionRefusedError(111)), Reason.CONNECTION, False),
        (InterfaceError("connection is closed"), Reason.CONNECTION, False),
        (BrokenPipeError(32, "Broken pipe"), Reason.CONNECTION, False),
        (ProgrammingError({"C": "55P03", "M": "could not obtain lock"}), Reason.LOCK_TIMEOUT, True),
        (ProgrammingError({"C": "40001", "M": "could not serialize access"}), Reason.SERIALIZATION, False),
        (TimeoutError("timed out"), Reason.CONNECTION, False),
    ],
)
def test_what_an_error_means(error: Exception, reason: Reason, spoils: bool) -> None:
    refusal = refusal_of(error)
    assert (refusal.reason, refusal.spoils_table) == (reason, spoils)
    assert refusal.message


@pytest.mark.parametrize("code", ["42601", "0A000"])
def test_a_server_that_takes_no_comment_on_schemas_is_told_from_one_that_fails(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def run(_: object, __: object, text: str, ___: object = ()) -> list[object]:
        sent.append(text)
        if text.startswith("COMMENT ON SCHEMA"):
            raise ProgrammingError({"C": code, "M": 'syntax error at or near "SCHEMA"'})
        return []

    monkeypatch.setattr(RedshiftConnector, "_connection", lambda *_: object())
    monkeypatch.setattr(RedshiftConnector, "_run", run)
    changes = [
        replace(change(("shop", "sales"), "x", {}), kind="schema"),
        replace(change(ORDERS, "x", {}), kind="table"),
    ]
    each = connector()
    outcomes = list(each.execute(Partition("source", "shop", "sales"), each.resolve(changes)))
    failed, written = sorted(outcomes, key=lambda outcome: outcome.error is None)
    assert written.statement.text == "COMMENT ON TABLE sales.orders IS 'x'"
    assert str(failed.error) == (
        'COMMENT ON SCHEMA sales: syntax error at or near "SCHEMA". Redshift\'s manual counts schemas among what can be'
        " described and has no COMMENT ON SCHEMA in its syntax: this server does not take it."
    )
    assert sent[-1] == "COMMIT"


@pytest.mark.parametrize("name", ["", "x" * 128, "ä" * 64, "nul\0", "tab\t", "\x7f", "\udc00"])
def test_what_nothing_can_be_called(name: str) -> None:
    assert not nameable(name)


@pytest.mark.parametrize("name", ["x" * 127, "Ä", 'a"b', "a.b", "-- x"])
def test_what_something_can_be_called(name: str) -> None:
    assert nameable(name)


@pytest.mark.parametrize(
    ("error", "unanswered"),
    [
        (ProgrammingError({"C": "XX000", "M": "1023"}), False),
        (ProgrammingError({"C": "57P01", "M": "terminating connection"}), True),
        (InterfaceError("something new"), True),
        (TimeoutError("timed out"), True),
    ],
)
def test_a_commit_is_undecided_unless_the_server_refused_it(
    error: Exception, unanswered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled: list[Partition] = []

    def run(_: object, __: object, text: str, ___: object = ()) -> list[object]:
        if text == "COMMIT":
            raise error
        return []

    monkeypatch.setattr(RedshiftConnector, "_connection", lambda *_: object())
    monkeypatch.setattr(RedshiftConnector, "_run", run)
    monkeypatch.setattr(RedshiftConnector, "settle", lambda _, partition: settled.append(partition))
    monkeypatch.setattr(batches, "pause", lambda attempt: None)
    each, sales = connector(), Partition("source", "shop", "sales")
    (outcome,) = each.execute(sales, each.resolve([replace(change(ORDERS, "x", {}), kind="table")]))
    assert isinstance(outcome.error, batches.Unanswered) is unanswered
    assert outcome.attempts == (1 if unanswered else batches.TRIES)
    assert settled == ([sales] if unanswered else [])
