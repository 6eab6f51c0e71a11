"""What Trino holds, and what differs from other systems."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from reverse_metadata.connectors import batches
from reverse_metadata.connectors.trino import TrinoConnector, TrinoOptions
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, Partition, Path, Statement, Verdict
from reverse_metadata_tests.contract.peer import change, errors, push
from reverse_metadata_tests.contract.trino import Trino
from reverse_metadata_tests.engines.front import Answer

ENDLESS = (
    "SELECT count(*) AS n FROM unnest(sequence(1, 10000)) a, unnest(sequence(1, 10000)) b, unnest(sequence(1, 10000)) c"
)


@contextmanager
def opened(peer: Trino, user: str = "tests", **options: Any) -> Iterator[TrinoConnector]:
    with TrinoConnector(TrinoOptions(**peer.front.options(user, **options))) as connector:
        yield connector


def statement(peer: Trino, path: Path, *sql: str) -> Statement:
    return Statement(";\n".join(sql), (change(path, "x", peer.read()),), sql)


# Names


def test_names_of_the_catalog_are_folded_as_trino_folds_them(memory: Trino) -> None:
    orders = memory.table("orders")
    typed = Partition("source", "MEMORY", (memory.partition.schema or "").upper())
    path = (*typed.path, "orders")
    with opened(memory) as connector:
        assert set(connector.read(typed)) == {typed.path, path, (*path, "id")}
        assert errors(push(connector, {path: "x", (*path, "id"): "y"})) == {}
    assert [memory.stored(each) for each in (orders, (*orders, "id"))] == ["x", "y"]


def test_a_rehearsal_writes_elsewhere(memory: Trino) -> None:
    orders, rehearsed = memory.table("orders"), memory.table("orders", partition=memory.elsewhere)
    rewrite = {"schema": {str(memory.partition.schema): str(memory.elsewhere.schema)}}
    with opened(memory, rewrite=rewrite) as connector:
        assert errors(push(connector, {orders: "x"})) == {}
        assert connector.source(memory.partition).endswith(f"/memory/{memory.elsewhere.schema}")
    assert (memory.stored(orders), memory.stored(rehearsed)) == (None, "x")


def test_a_name_that_nothing_can_have_finds_nothing(memory: Trino) -> None:
    with opened(memory) as connector:
        for schema in ("", "\ud83c"):
            assert connector.read(Partition("source", "memory", schema)) == {}
        assert set(connector.read(memory.partition, ["\ud83c"])) == {memory.partition.path}


def test_many_names_are_read_too(memory: Trino) -> None:
    memory.table("a")
    memory.table("b")
    with opened(memory) as connector:
        state = connector.read(memory.partition, ["a", *(f"t{number}" for number in range(1000))])
    assert {path[2] for path in state if len(path) > 2} == {"a"}


def test_the_place_names_the_environment_and_the_address(memory: Trino) -> None:
    with opened(memory) as connector:
        assert connector.place() == f"test@127.0.0.1:{memory.front.port}"
        assert connector.identity().startswith("test/")
        assert connector.version() == "Trino 476"


def test_two_services_that_are_one_server_have_one_identity(memory: Trino) -> None:
    direct = TrinoConnector(TrinoOptions(host="127.0.0.1", port=memory.front.trino.port, username="tests"))
    with direct, opened(memory) as connector:
        assert direct.identity() == connector.identity()
        assert direct.place() != connector.place()


# What no catalog, or not this one, can hold


def test_an_owner_is_refused_where_the_catalog_has_none(memory: Trino, iceberg: Trino, hive: Trino) -> None:
    for peer, able in ((memory, set[str]()), (iceberg, {"schema"}), (hive, {"schema", "table", "view"})):
        peer.kinds()
        state = peer.read()
        with opened(peer) as connector:
            verdicts = {
                found.kind: connector.refuse(change(path, "ada", state, Aspect.OWNER))
                for path, found in state.items()
                if len(path) < 4
            }
        assert {kind for kind, refused in verdicts.items() if refused is None} == able
        for kind in verdicts.keys() - able:
            why = f"a {kind} in a catalog of {peer.catalog} has no owner that Trino can set"
            assert verdicts[kind] == (Verdict.UNSUPPORTED, why)


def test_an_owner_whom_trino_would_take_for_another_is_refused(hive: Trino) -> None:
    orders = hive.table("orders")
    state = hive.read()
    with opened(hive) as connector:
        assert connector.refuse(change(orders, "Ada", state, Aspect.OWNER)) == (
            Verdict.INVALID,
            "Trino would write ada for Ada; map the owner to a name in lower case",
        )
        assert connector.refuse(change(orders, None, state, Aspect.OWNER)) is not None
        assert connector.refuse(change(orders, "user:ada", state, Aspect.OWNER)) is None


def test_nothing_is_handed_to_the_role_that_may_do_everything(hive: Trino) -> None:
    with opened(hive) as connector:
        known = connector.principals(["ada", "role:admin", "role:analysts"])
    assert {name: found.superuser for name, found in known.items()} == {
        "ada": False,
        "role:admin": True,
        "role:analysts": False,
    }


def test_a_materialized_view_takes_comments_on_its_columns_alone(iceberg: Trino) -> None:
    iceberg.kinds()
    state = iceberg.read()
    totals = iceberg.path("totals")
    with opened(iceberg) as connector:
        assert connector.refuse(change(totals, "x", state)) == (
            Verdict.UNSUPPORTED,
            "the comment of a materialized view can be given only when it is created",
        )
        assert errors(push(connector, {(*totals, "id"): "x"})) == {}
    assert iceberg.stored((*totals, "id")) == "x"


def test_what_is_longer_than_a_statement_may_be_is_refused(memory: Trino) -> None:
    orders = memory.table("orders")
    state = memory.read()
    with opened(memory) as connector:
        begins = len(connector.resolve([change(orders, "", state)])[0].text)
        longest = "x" * (1_000_000 - begins)
        assert connector.refuse(change(orders, longest, state)) is None
        assert errors(push(connector, {orders: longest})) == {}
        for text in (f"{longest}x", f"{longest[1:]}'", f"{longest[1:]}🎉"):
            assert connector.refuse(change(orders, text, state)) == (
                Verdict.TOO_LONG,
                "the statement would have 1,000,001 characters, and Trino takes 1,000,000 (query.max-length)",
            )
        assert [error.reason for error in errors(push(connector, {orders: f"{longest}x"})).values()] == [Reason.OTHER]
    assert memory.stored(orders) == longest


def test_a_field_of_a_row_has_no_comment(memory: Trino) -> None:
    with opened(memory) as connector:
        refused = connector.refuse(change(memory.path("orders", "customer", "name"), "x", {}))
    assert refused is not None
    assert refused[0] is Verdict.UNSUPPORTED


def test_nul_is_refused_where_a_postgresql_stands_behind_the_catalog(
    memory: Trino, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = memory.table("orders")
    wish = change(orders, "nul\0", memory.read())
    with opened(memory) as connector:
        assert connector.refuse(wish) is None
        monkeypatch.setitem(connector._connectors, "memory", "postgresql")
        assert connector.refuse(wish) == (
            Verdict.INVALID,
            "a catalog of postgresql cannot hold a NUL character; remove it",
        )


# What goes wrong


@pytest.mark.parametrize("name", ["ICEBERG_COMMIT_ERROR", "HIVE_CONCURRENT_MODIFICATION_DETECTED"])
def test_a_write_that_another_one_overtook_is_tried_again(memory: Trino, name: str) -> None:
    orders = memory.table("orders")
    overtaken = {"errorName": name, "errorType": "EXTERNAL", "message": "too late"}
    answer = Answer(200, json.dumps({"id": "1", "infoUri": "", "stats": {}, "error": overtaken}).encode())
    with opened(memory) as connector:
        statements = connector.resolve([change(orders, "x", connector.read(memory.partition))])
        memory.front.answer_next(answer, "COMMENT ON")
        (outcome,) = connector.execute(memory.partition, statements)
    assert (outcome.error, outcome.attempts) == (None, 2)
    assert memory.stored(orders) == "x"


def test_a_server_that_is_gone_fails_the_rest_at_once(memory: Trino) -> None:
    columns = [f"c{number}" for number in range(20)]
    orders = memory.table("orders", columns)
    with opened(memory) as connector:
        state = connector.read(memory.partition)
        statements = connector.resolve([change((*orders, column), "x", state) for column in columns])
        memory.front.answer_next(Answer(503), times=1000)
        outcomes = list(connector.execute(memory.partition, statements))
        memory.front.reset()
    assert len(outcomes) == 20
    assert {outcome.error.reason for outcome in outcomes if outcome.error} == {Reason.CONNECTION}


def test_the_statements_of_a_template_are_sent_as_they_are(memory: Trino) -> None:
    orders = memory.table("orders")
    name = f"memory.{memory.partition.schema}.orders"
    written = statement(
        memory, orders, f"COMMENT ON TABLE {name} IS 'first'", f"comment on column {name}.id is 'then' -- done"
    )
    with opened(memory) as connector:
        memory.front.statements.clear()
        (outcome,) = connector.execute(memory.partition, [written])
    assert outcome.error is None
    assert [sql for sql in memory.front.statements if "current_user" not in sql] == list(written.sql)
    assert [memory.stored(path) for path in (orders, (*orders, "id"))] == ["first", "then"]


def test_a_statement_that_takes_too_long_is_stopped(memory: Trino) -> None:
    memory.table("orders")
    with opened(memory, statement_timeout=1) as connector, pytest.raises(SourceError) as raised:
        connector.ask("everything", ENDLESS)
    assert raised.value.reason is Reason.STATEMENT_TIMEOUT


def test_a_session_is_what_the_service_says(memory: Trino) -> None:
    options: dict[str, Any] = {
        "session_properties": {"query_max_cpu_time": "7s"},
        "client_tags": ["night"],
        "statement_timeout": 9,
    }
    with opened(memory, **options) as connector:
        rows = connector.ask("the session", "SHOW SESSION LIKE 'query_max_%_time'")
        sent = memory.front.received[0].headers
    told = {name: value for name, value, *_ in rows}
    assert told["query_max_cpu_time"] == "7s"
    assert told["query_max_run_time"] == "9.0s"
    assert (sent["x-trino-source"], sent["x-trino-client-tags"]) == ("reverse_metadata", "night")


def test_the_time_may_be_left_to_the_server(memory: Trino) -> None:
    with opened(memory, statement_timeout=None) as connector:
        assert connector.version()
    assert "query_max_run_time" not in memory.front.received[0].headers.get("x-trino-session", "")


def test_a_server_that_nobody_vouches_for_is_not_told_the_password(
    memory: Trino, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        opened(memory, verify=True) as connector,
        pytest.raises(SourceError, match="certificate is not trusted") as raised,
    ):
        connector.version()
    assert not raised.value.transient
    assert memory.front.received == []


def test_the_environment_does_not_say_whom_to_trust(memory: Trino, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    with opened(memory) as connector:
        assert connector.version() == "Trino 476"


# What a dead run left


@contextmanager
def running(peer: Trino, sql: str) -> Iterator[str]:
    """Within, a statement of a run that died goes on; the address at which it can be ended."""
    headers = {"X-Trino-User": "tests", "X-Trino-Source": "reverse_metadata"}
    url = f"http://127.0.0.1:{peer.front.trino.port}/v1/statement"
    told = requests.post(url, data=sql, headers=headers, timeout=60).json()
    while told["stats"]["state"] != "RUNNING":
        assert "error" not in told, told["error"]
        told = requests.get(told["nextUri"], timeout=60).json()
    try:
        yield told["nextUri"]
    finally:
        requests.delete(told["nextUri"], timeout=60)


def test_settling_waits_for_what_still_writes(memory: Trino, monkeypatch: pytest.MonkeyPatch) -> None:
    waited = []

    def killed(attempt: int) -> None:
        waited.append(attempt)
        requests.delete(at, timeout=60)

    monkeypatch.setattr(batches, "pause", killed)
    with running(memory, f"CREATE TABLE memory.{memory.partition.schema}.big AS {ENDLESS}") as at:
        with opened(memory, "steward") as other:
            other.settle(memory.partition)
        assert waited == []
        with opened(memory) as connector:
            connector.settle(memory.partition)
        assert waited


def test_settling_does_not_wait_for_what_only_reads(memory: Trino, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(batches, "pause")
    with running(memory, ENDLESS), opened(memory) as connector:
        connector.settle(memory.partition)


def test_settling_does_not_wait_for_ever(memory: Trino, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(memory, statement_timeout=0.001) as connector:
        monkeypatch.setattr(connector, "ask", lambda what, sql: [("20260101_000000_00000_aaaaa",)])
        monkeypatch.setattr(batches, "pause", lambda attempt: None)
        with pytest.raises(SourceError, match="do not end: 20260101_000000_00000_aaaaa") as raised:
            connector.settle(memory.partition)
    assert raised.value.transient


def test_both_ways_to_say_nothing_are_nothing(memory: Trino) -> None:
    orders = memory.table("orders")
    memory.ask(f"COMMENT ON TABLE memory.{memory.partition.schema}.orders IS ''")
    assert not memory.read()[orders].description
