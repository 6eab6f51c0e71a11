"""What differs from the contract, on the engine of ClickHouse: kinds, columns, privileges, settings, what is lost."""

from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import pytest

from reverse_metadata.connectors.base import Need
from reverse_metadata.connectors.clickhouse import ClickHouseConnector
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, Partition, Path, SourceObject, Statement
from reverse_metadata.templates import parse
from reverse_metadata_tests.contract.clickhouse import ClickHouse, clickhouse
from reverse_metadata_tests.contract.peer import SERVICE, change, errors
from reverse_metadata_tests.docs_page import examples
from reverse_metadata_tests.engines.clickhouse_http import ClickHouseFront
from reverse_metadata_tests.templates import golden

#: What the driver says of its own accord.
_DRIVER_S = {
    *("query_id", "date_time_input_format", "cast_string_to_dynamic_use_inference"),
    *("cancel_http_readonly_queries_on_client_close", "send_progress_in_http_headers"),
    "http_headers_progress_interval_ms",
}


@pytest.fixture
def peer(request: pytest.FixtureRequest) -> Iterator[ClickHouse]:
    with clickhouse(request) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverse_metadata.connectors.batches.pause", lambda _attempt: None)


# What is read


def test_the_catalog_s_database_is_there_without_a_question(peer: ClickHouse) -> None:
    with peer.connector() as connector, peer.counted() as asked:
        assert connector.read(peer.database) == {("default",): SourceObject(("default",), "database")}
        assert connector.missing(peer.database, [Need(Aspect.DESCRIPTION, ("default",), "database")]) == []
    assert asked == [0]


def test_nested_columns_are_columns_and_tuples_are_one(peer: ClickHouse, clickhouse_http: ClickHouseFront) -> None:
    schema = peer.partition.schema
    clickhouse_http.run(
        f"CREATE TABLE {schema}.t (id Int32, n Nested(x Int32, y String), t Tuple(a Int32), m Int32 MATERIALIZED id,"
        " a Int32 ALIAS id, e Int32 EPHEMERAL) ENGINE = MergeTree ORDER BY id"
    )
    columns = [path[3] for path in peer.read() if len(path) == 4]
    assert columns == ["id", "n.x", "n.y", "t", "m", "a", "e"]
    wishes: dict[tuple[str, ...], str | None] = {peer.path("t", column): f"about {column}" for column in columns}
    assert errors(peer.push(wishes)) == {}
    assert {path: peer.stored(path) for path in wishes} == wishes


def test_inner_and_temporary_tables_are_nobody_s(peer: ClickHouse, clickhouse_http: ClickHouseFront) -> None:
    peer.kinds()
    ((inner,),) = clickhouse_http.run(
        f"SELECT count() FROM system.tables WHERE database = '{peer.partition.schema}' AND startsWith(name, '.inner')"
    )
    assert inner == 1
    assert not [path for path in peer.read() if len(path) > 2 and (path[2].startswith(".") or path[2] == "passing")]


@pytest.mark.parametrize("only", [None, ["totals", "copied"]])
def test_columns_of_a_view_with_an_inner_table_are_told_from_those_of_one_with_a_target(
    peer: ClickHouse, only: list[str] | None
) -> None:
    peer.kinds()
    state = peer.read(only=only)
    assert state[peer.path("totals", "id")].kind == "column of materialized view"
    assert state[peer.path("copied", "id")].kind == "column"


def test_the_engine_still_drops_comments_of_such_columns(peer: ClickHouse, clickhouse_http: ClickHouseFront) -> None:
    peer.kinds()
    clickhouse_http.run(f"ALTER TABLE {peer.partition.schema}.totals COMMENT COLUMN id 'x'")
    assert peer.stored(peer.path("totals", "id")) == ""


def test_ids_are_uuids_and_go_with_the_table(peer: ClickHouse, clickhouse_http: ClickHouseFront) -> None:
    peer.table("orders", ["id"])
    state = peer.read()
    ((uuid,),) = clickhouse_http.run(
        f"SELECT uuid FROM system.tables WHERE database = '{peer.partition.schema}' AND name = 'orders'"
    )
    assert state[peer.path("orders")].object_id == uuid
    assert state[peer.path("orders", "id")].object_id == f"{uuid}:id"
    assert len(state[peer.partition.path].object_id) == 36


def test_a_name_that_nothing_can_have_is_not_asked_for(peer: ClickHouse) -> None:
    peer.table("orders", ["id"])
    with peer.connector() as connector:
        assert connector.read(Partition(SERVICE, "default", "half \ud83c")) == {}
        assert set(connector.read(peer.partition, ["half \ud83c"])) == {peer.partition.path}


# What is written


def wide(columns: int, length: int, peer: ClickHouse) -> dict[tuple[str, ...], str | None]:
    """Long descriptions for all columns of a new table."""
    names = [f"c{number}" for number in range(columns)]
    peer.table("wide", names)
    return {peer.path("wide", name): "x" * length for name in names}


def test_a_table_of_many_long_descriptions_is_one_statement(peer: ClickHouse) -> None:
    wishes = wide(50, 5_000, peer)
    with peer.counted() as asked:
        assert errors(peer.push(wishes)) == {}
    assert {path: peer.stored(path) for path in wishes} == wishes
    assert asked == [4]


def test_a_definition_that_would_bar_later_alters_is_never_made(
    peer: ClickHouse, clickhouse_http: ClickHouseFront
) -> None:
    wishes = wide(50, 6_000, peer)
    failed = errors(peer.push(wishes))
    assert set(failed) == set(wishes)
    (said,) = {str(error) for error in failed.values()}
    assert "Max query size exceeded" in said
    assert said.endswith("All comments of a table together must fit into max_query_size: shorten some of them.")
    assert "xxx" not in said
    assert clickhouse_http.count("ALTER TABLE") == 1
    # Half of them fits; what is still to come does not, and the engine says so.
    half, rest = dict(list(wishes.items())[:25]), dict(list(wishes.items())[25:])
    assert errors(peer.push(half)) == {}
    failed = errors(peer.push(rest))
    assert set(failed) == set(rest)
    assert all("max_query_size: shorten some of them" in str(error) for error in failed.values())
    clickhouse_http.run(f"ALTER TABLE {peer.partition.schema}.wide ADD COLUMN later Int32")


def test_a_query_for_many_names_passes_the_usual_size_of_a_query(peer: ClickHouse) -> None:
    peer.table("orders", ["id"])
    assert set(peer.read(only=["orders", *(f"a rather long name of a table {number}" for number in range(9_000))])) == {
        peer.partition.path, peer.path("orders"), peer.path("orders", "id"),
    }  # fmt: skip


def test_an_estate_takes_one_alter_a_table(peer: ClickHouse, clickhouse_http: ClickHouseFront) -> None:
    columns = [f"c{number}" for number in range(50)]
    tables = [peer.table(f"t{number}", columns) for number in range(20)]
    wishes: dict[tuple[str, ...], str | None] = dict.fromkeys(tables, "about it")
    wishes |= {(*table, column): f"about {column}" for table in tables for column in columns}
    clickhouse_http.reset()
    outcomes = peer.push(wishes)
    assert errors(outcomes) == {}
    assert len(outcomes) == clickhouse_http.count("ALTER TABLE") == 20
    # Three to read, and nothing else.
    assert peer.requests() == 23


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, {"lock_acquire_timeout": "10"}),
        # What the server does anyway is not said.
        ({"lock_timeout": 120, "cluster_timeout": 180, "alter_sync": 1}, {}),
        (
            {"lock_timeout": 5, "cluster_timeout": 30, "alter_sync": 2},
            {"lock_acquire_timeout": "5", "distributed_ddl_task_timeout": "30", "alter_sync": "2"},
        ),
    ],
)
def test_every_statement_says_its_settings_and_whose_it_is(
    peer: ClickHouse, clickhouse_http: ClickHouseFront, options: dict[str, Any], said: dict[str, str]
) -> None:
    orders = peer.table("orders", ["id"])
    changes = [change(path, "x", peer.read()) for path in (orders, (*orders, "id"))]
    clickhouse_http.reset()
    with ClickHouseConnector(peer.connector().options.model_copy(update=options)) as connector:
        assert errors(connector.execute(peer.partition, connector.resolve(changes))) == {}
    (sent,) = [each for each in clickhouse_http.received if "ALTER TABLE" in clickhouse_http.name(each)]
    assert sent.query["query_id"].startswith("reverse_metadata-")
    own = {name: value for name, value in sent.query.items() if name not in _DRIVER_S}
    assert own == {"wait_end_of_query": "1", "distributed_ddl_output_mode": "none", **said}


def test_the_statements_of_a_template_are_sent_one_by_one_as_they_are(
    peer: ClickHouse, clickhouse_http: ClickHouseFront
) -> None:
    orders = peer.table("orders", ["id", "at"])
    named = f"`{peer.partition.schema}`.orders"
    sql = (f"ALTER TABLE {named} MODIFY COLUMN id COMMENT 'it''s'", f"ALTER TABLE {named} COMMENT COLUMN at 'when'")
    wish = change((*orders, "id"), "it's", peer.read())
    with peer.connector() as connector:
        outcomes = list(connector.execute(peer.partition, [Statement("\n".join(sql), (wish,), sql)]))
    assert errors(outcomes) == {}
    assert [name for name in clickhouse_http.requests if name.startswith("ALTER")] == list(sql)
    assert (peer.stored((*orders, "id")), peer.stored((*orders, "at"))) == ("it's", "when")


def test_the_published_template_arrives_as_a_statement(peer: ClickHouse) -> None:
    (row,) = (row for row in golden.rows("published.yaml") if row["system"] == "clickhouse")
    values = {**row["values"], "schema": peer.partition.schema}
    column = (*peer.table(values["table"], [values["column"]]), values["column"])
    sql = tuple(parse(row["template"], golden.dialect("clickhouse")).render(golden.values(values)))
    wish = change(column, values["description"], peer.read())
    with peer.connector() as connector:
        assert errors(connector.execute(peer.partition, [Statement("\n".join(sql), (wish,), sql)])) == {}
    assert peer.stored(column) == values["description"]


def test_a_template_s_statement_is_not_sent_twice(peer: ClickHouse, clickhouse_http: ClickHouseFront) -> None:
    orders = peer.table("orders", ["id"])
    sql = (f"ALTER TABLE `{peer.partition.schema}`.orders MODIFY COMMENT 'x'",)
    wish = change(orders, "x", peer.read())
    clickhouse_http.lose_next("after", "ALTER TABLE")
    with peer.connector() as connector:
        failed = errors(connector.execute(peer.partition, [Statement(sql[0], (wish,), sql)]))
    assert [(error.reason, error.transient) for error in failed.values()] == [(Reason.CONNECTION, False)]
    assert clickhouse_http.count("ALTER TABLE") == 1


@pytest.mark.parametrize(
    ("code", "name", "reason", "sent"),
    [
        (517, "CANNOT_ASSIGN_ALTER", Reason.SERIALIZATION, 3),
        (473, "DEADLOCK_AVOIDED", Reason.LOCK_TIMEOUT, 3),
        (999, "KEEPER_EXCEPTION", Reason.CONNECTION, 3),
        (159, "TIMEOUT_EXCEEDED", Reason.STATEMENT_TIMEOUT, 1),
        (341, "UNFINISHED", Reason.STATEMENT_TIMEOUT, 1),
        (392, "QUERY_IS_PROHIBITED", Reason.OTHER, 1),
    ],
)
def test_only_what_may_pass_is_sent_again_and_nothing_in_parts(
    peer: ClickHouse, clickhouse_http: ClickHouseFront, code: int, name: str, reason: Reason, sent: int
) -> None:
    orders = peer.table("orders", ["id"])
    clickhouse_http.answer_next(clickhouse_http.refusal(code, name, "it went wrong"), "ALTER TABLE", times=9)
    failed = errors(peer.push({orders: "x", (*orders, "id"): "y"}))
    assert {error.reason for error in failed.values()} == {reason}
    assert len(failed) == 2
    assert clickhouse_http.count("ALTER TABLE") == sent
    assert str(failed[orders]).startswith(f"ALTER TABLE {peer.partition.schema}.orders: it went wrong. ({name}).")


# Privileges


@pytest.mark.parametrize(
    ("denied", "arrives"),
    [
        ("ALTER MODIFY COMMENT", {"id", "at"}),
        ("ALTER COMMENT COLUMN", {"orders"}),
        ("ALTER COMMENT COLUMN(id)", {"orders", "at"}),
    ],
)
def test_what_is_allowed_arrives_in_one_more_statement(
    peer: ClickHouse, clickhouse_http: ClickHouseFront, denied: str, arrives: set[str]
) -> None:
    orders = peer.table("orders", ["id", "at"])
    wishes: dict[tuple[str, ...], str | None] = dict.fromkeys((orders, (*orders, "id"), (*orders, "at")), "x")
    connector = peer.connector()
    with clickhouse_http.denied(f"{denied} ON {peer.partition.schema}.orders"), connector:
        changes = [change(path, "x", connector.read(peer.partition)) for path in wishes]
        clickhouse_http.reset()
        failed = errors(connector.execute(peer.partition, connector.resolve(changes)))
        assert clickhouse_http.count("ALTER TABLE") == 2
    assert {error.reason for error in failed.values()} == {Reason.MISSING_PRIVILEGE}
    assert {path[-1] for path in wishes if peer.stored(path) == "x"} == arrives
    assert {path[-1] for path in failed} == {"orders", "id", "at"} - arrives


def test_the_grants_of_a_database_and_of_a_cluster_are_told(peer: ClickHouse, clickhouse_http: ClickHouseFront) -> None:
    peer.table("orders", ["id"])
    schema = peer.partition.schema
    needs = [Need(Aspect.DESCRIPTION, path, "") for path in (peer.partition.path, peer.path("orders"))]
    with peer.connector() as connector, clickhouse_http.granted("GRANT SHOW ON *.*"):
        clustered = ClickHouseConnector(connector.options.model_copy(update={"cluster": "prod"}))
        with clustered:
            found = clustered.missing(peer.partition, needs)
    assert [grant for each in found for grant in each.grants] == [
        f"GRANT ALTER MODIFY DATABASE COMMENT ON {schema}.* TO `default`;",
        f"GRANT ALTER MODIFY COMMENT ON {schema}.orders TO `default`;",
        "GRANT CLUSTER ON *.* TO `default`;",
    ]
    with clickhouse_http.granted(*(grant.split(" TO ")[0] for each in found for grant in each.grants)):
        with ClickHouseConnector(clustered.options) as again:
            assert again.missing(peer.partition, needs) == []


def test_the_script_of_the_page_is_enough_and_no_less_would_be(
    peer: ClickHouse, clickhouse_http: ClickHouseFront
) -> None:
    orders = peer.table("orders", ["id"])
    (script,) = examples("systems/clickhouse", "sql")
    grants = [line.split(" TO ")[0] for line in script.splitlines() if line.startswith("GRANT")]
    grants = [grant.replace("sales.*", f"{peer.partition.schema}.*") for grant in grants]
    wishes: list[Path] = [peer.partition.path, orders, (*orders, "id")]
    needs = [Need(Aspect.DESCRIPTION, path, "") for path in wishes]
    connector = peer.connector()
    options = connector.options.model_copy(update={"cluster": "prod"})
    with clickhouse_http.granted(*grants), connector:
        state = connector.read(peer.partition)
        assert set(state) == set(wishes)
        assert connector.version()
        assert connector.identity()
        assert ClickHouseConnector(options).missing(peer.partition, needs) == []
        changes = [change(path, "x", state) for path in wishes]
        assert errors(connector.execute(peer.partition, connector.resolve(changes))) == {}
        connector.settle(peer.partition)
    for number, grant in enumerate(grants):
        with clickhouse_http.granted(*(each for each in grants if each != grant)):
            with ClickHouseConnector(options) as poorer:
                lacking = poorer.missing(peer.partition, needs)
        # What shows the tables comes with any other privilege on them, and system.processes is open to all here.
        assert bool(lacking) == (" SHOW " not in grant and "system." not in grant), (number, grant)


def test_who_may_not_see_what_runs_is_told_before_the_run_and_when_it_matters(
    peer: ClickHouse, clickhouse_http: ClickHouseFront
) -> None:
    peer.table("orders", ["id"])
    denied = clickhouse_http.refusal(497, "ACCESS_DENIED", "writer: Not enough privileges")
    needs = [Need(Aspect.DESCRIPTION, peer.path("orders"), "table")]
    with peer.connector() as connector:
        clickhouse_http.answer_next(denied, "system.processes", times=2)
        (found,) = connector.missing(peer.partition, needs)
        assert found.grants == ("GRANT SELECT ON system.processes TO `default`;",)
        with pytest.raises(SourceError, match=r"what still runs .*Not enough privileges"):
            connector.settle(peer.partition)


# Who answers


def test_the_server_is_named_by_uuid_and_host_and_the_place_by_the_options(
    peer: ClickHouse, clickhouse_http: ClickHouseFront
) -> None:
    ((uuid, host),) = clickhouse_http.run("SELECT serverUUID(), hostName()")
    with peer.connector() as connector:
        assert connector.identity() == f"{uuid}@{host}"
        assert connector.place() == f"127.0.0.1:{clickhouse_http.port}"
        assert connector.version().startswith("ClickHouse 2")


def test_a_server_that_does_not_answer_is_told_with_its_address(peer: ClickHouse) -> None:
    unheard = peer.connector().options.model_copy(update={"port": 1})
    with pytest.raises(SourceError, match=r"connecting: .*127\.0\.0\.1.*refused") as raised:
        ClickHouseConnector(unheard).version()
    assert raised.value.reason is Reason.CONNECTION


def test_a_file_that_is_not_there_is_told(peer: ClickHouse) -> None:
    nowhere = {"secure": True, "ca_cert": "/nowhere/ca.pem"}
    with pytest.raises(SourceError, match="connecting: ") as raised:
        ClickHouseConnector(peer.connector().options.model_copy(update=nowhere)).version()
    assert raised.value.reason is Reason.OTHER


def test_tls_with_a_server_that_has_none_is_told_and_not_repeated(
    peer: ClickHouse, clickhouse_http: ClickHouseFront
) -> None:
    secure = peer.connector().options.model_copy(update={"secure": True})
    with pytest.raises(SourceError, match="Check secure, port, verify, ca_cert") as raised:
        ClickHouseConnector(secure).version()
    assert raised.value.reason is Reason.OTHER


def test_the_text_that_is_refused_is_not_repeated(peer: ClickHouse) -> None:
    orders = peer.table("orders", ["id"])
    secret = token_hex(20)
    with peer.connector() as connector:
        wish = change((*orders, "nowhere"), secret, peer.read())
        failed = errors(connector.execute(peer.partition, connector.resolve([wish])))
    assert [error.reason for error in failed.values()] == [Reason.MISSING_OBJECT]
    assert secret not in str(failed)
    assert "Cannot find column `nowhere`" in str(failed)


def test_what_is_refused_has_a_verdict_before_anything_is_sent(peer: ClickHouse) -> None:
    peer.kinds()
    state = peer.read()
    with peer.connector() as connector, peer.counted() as asked:
        refused = {path[2:] for path in state if connector.refuse(change(path, "x", state))}
        assert connector.refuse(change(peer.path("orders", "x"), "\ud83c", state)) is not None
    assert asked == [0]
    assert refused == {("other_name",), ("totals", "id"), ("looked_up", "id"), ("looked_up", "name")} | {
        ("other_name", column) for column in ("id", "lines.item", "lines.amount")
    }
