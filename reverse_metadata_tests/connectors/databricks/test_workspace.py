"""What is particular to Databricks, before the stand-in."""

import socket
from dataclasses import replace
from pathlib import Path as File
from typing import Never

import pytest

from reverse_metadata.connectors.base import Need
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, Partition, Path, Statement
from reverse_metadata_tests.connectors.databricks.changes import change, connector, owner, tag
from reverse_metadata_tests.contract.databricks import Databricks, to
from reverse_metadata_tests.contract.estate import Estate
from reverse_metadata_tests.contract.peer import SERVICE, errors, push
from reverse_metadata_tests.engines.databricks_answers import METASTORE
from reverse_metadata_tests.engines.databricks_lexer import Failed
from reverse_metadata_tests.engines.front import Answer

LEGACY = Partition(SERVICE, "hive_metastore", "old")


@pytest.fixture
def old(lakehouse: Databricks) -> Databricks:
    """With a schema in the Hive metastore."""
    store = lakehouse.workspace.metastore
    store.create(LEGACY.path, "")
    columns = {"id": "int", "n": "int"}
    for name, kind, format in (("t", "MANAGED", "DELTA"), ("f", "EXTERNAL", "CSV"), ("v", "VIEW", "")):
        store.create((*LEGACY.path, name), "", table_type=kind, format=format, columns=columns)
    return lakehouse


def test_the_hive_metastore_is_described_as_far_as_it_can_be(old: Databricks) -> None:
    wishes: dict[Path, str | None] = {
        LEGACY.path: "schema",
        (*LEGACY.path, "t"): "it's\n# Detailed Table Information\n",
        (*LEGACY.path, "f"): "files",
        (*LEGACY.path, "v"): "view",
        (*LEGACY.path, "t", "id"): "one",
        (*LEGACY.path, "t", "n"): "two",
        (*LEGACY.path, "f", "id"): "three",
        (*LEGACY.path, "f", "n"): "four",
    }
    with old.connector() as connected:
        assert errors(push(connected, wishes)) == {}
        with old.counted() as count:
            state = connected.read(LEGACY)
    assert count[0] == 2 + 3
    assert {path: state[path].description for path in wishes} == wishes
    assert {path[2]: found.kind for path, found in state.items() if len(path) == 3} == {
        "t": "table",
        "f": "plain table",
        "v": "view",
    }
    assert {(found.owner, len(found.tags)) for found in state.values()} == {(None, 0)}
    assert errors(old.push(dict.fromkeys(wishes))) == {}
    assert not any(found.description for found in old.read(LEGACY).values())


def test_the_hive_metastore_lacks_nothing_and_is_the_workspaces_own(old: Databricks) -> None:
    with old.connector() as connected:
        assert connected.missing(LEGACY, [Need(Aspect.DESCRIPTION, (*LEGACY.path, "t"), "table")]) == []
        assert connected.identity() == METASTORE
        assert connected.source(old.partition) == METASTORE
        assert connected.source(LEGACY) == "127.0.0.1/hive_metastore/old"
        whole = connected.read(Partition(SERVICE, "hive_metastore", None))
        assert [found.kind for found in whole.values()] == ["catalog"]
        assert connected.read(Partition(SERVICE, "hive_metastore", "nowhere")) == {}
        assert set(connected.read(LEGACY, ["T"])) == {
            LEGACY.path,
            (*LEGACY.path, "T"),
            (*LEGACY.path, "T", "id"),
            (*LEGACY.path, "T", "n"),
        }


def test_a_workspace_without_a_metastore_is_known_by_its_host(
    lakehouse: Databricks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reverse_metadata.connectors.databricks.connector._METASTORE", "SELECT no_metastore()")
    with lakehouse.connector() as connected:
        assert connected.identity() == connected.place() == "127.0.0.1"


def test_fields_are_read_table_by_table_and_only_where_there_are_some(lakehouse: Databricks) -> None:
    lakehouse.table("plain")
    with lakehouse.connector() as connected:
        with lakehouse.counted() as without:
            connected.read(lakehouse.partition)
        lakehouse.kinds()
        with lakehouse.counted() as with_some:
            state = connected.read(lakehouse.partition)
        # Of Delta tables alone.
        assert (without[0], with_some[0]) == (4, 4 + 2)
    fields = {path[3:]: found.kind for path, found in state.items() if path[2:3] == ("orders",) and len(path) > 4}
    assert fields == {
        ("place", "city"): "field",
        ("place", "geo"): "field",
        ("place", "geo", "lat"): "field",
        ("lines", "q"): "field in elements at 1",
        ("lines", "parts"): "field in elements at 1",
        ("lines", "parts", "no"): "field in elements at 1, 2",
    }
    wishes: dict[Path, str | None] = {lakehouse.path("orders", *path): ".".join(path) for path in fields}
    assert errors(lakehouse.push(wishes)) == {}
    assert {path: lakehouse.stored(path) for path in wishes} == wishes
    with to(lakehouse.workspace, lakehouse.workspace.token("admin@example.com"), nested_fields=False) as connected:
        assert not any(len(path) > 4 for path in connected.read(lakehouse.partition))


def test_what_the_catalog_spells_with_capitals_is_found_when_it_is_asked_for(lakehouse: Databricks) -> None:
    lakehouse.table("orders", ["id", "Mixed"])
    spelled = Partition(SERVICE, "MAIN", "Sales")
    with lakehouse.connector() as connected:
        state = connected.read(spelled, ["Orders"])
        assert set(state) == {
            ("MAIN", "Sales"),
            ("MAIN", "Sales", "Orders"),
            ("MAIN", "Sales", "Orders", "id"),
            ("MAIN", "Sales", "Orders", "Mixed"),
        }
        wish: dict[Path, str | None] = {("MAIN", "Sales", "Orders"): "x", ("MAIN", "Sales", "Orders", "Mixed"): "y"}
        assert errors(push(connected, wish)) == {}
    assert lakehouse.stored(lakehouse.path("orders")) == "x"
    assert lakehouse.stored(lakehouse.path("orders", "Mixed")) == "y"


def test_columns_may_have_names_that_tables_cannot_have(lakehouse: Databricks) -> None:
    names = ["a.b", "two words", "Ä", "semi;colon", "comma,", "it's", "COMMENT", "element"]
    table = lakehouse.table("orders", names)
    wishes: dict[Path, str | None] = {(*table, name): f"about {name}" for name in names}
    assert errors(lakehouse.push(wishes)) == {}
    assert {path: lakehouse.stored(path) for path in wishes} == wishes


def test_many_names_are_read_as_all(lakehouse: Databricks) -> None:
    lakehouse.table("orders")
    lakehouse.table("customers")
    with lakehouse.connector() as connected:
        state = connected.read(lakehouse.partition, ["orders", *(f"t{number}" for number in range(600))])
    assert {path[2] for path in state if len(path) > 2} == {"orders"}
    assert not any("t599" in statement for statement in lakehouse.workspace.statements)


def test_a_governed_tag_fails_alone_and_the_others_arrive(lakehouse: Databricks) -> None:
    table = lakehouse.table("orders")
    lakehouse.workspace.metastore.governed["pii"] = ("high", "low")
    path = ".".join(table)
    with lakehouse.connector() as connected:
        changes = [tag(path, "table", key, value) for key, value in (("a", "1"), ("pii", "high"), ("b", "2"))]
        failed = list(connected.execute(lakehouse.partition, connected.resolve(changes)))
    refused = [
        (each.tag_key, outcome.error) for outcome in failed for each in outcome.statement.changes if outcome.error
    ]
    assert [key for key, _ in refused] == ["pii"]
    assert "ASSIGN on Tag Policy 'pii'" in str(refused[0][1])
    assert lakehouse.workspace.metastore.objects[table].tags == {"a": "1", "b": "2"}


def test_who_may_tag_and_not_describe_tags(lakehouse: Databricks) -> None:
    table = lakehouse.table("orders", [f"c{number}" for number in range(50)])
    lakehouse.grant([f"GRANT APPLY TAG ON TABLE {'.'.join(table)} TO `reader@example.com`"])
    path = ".".join(table)
    changes = [change(f"{path}.c{number}", "column", "x") for number in range(50)]
    changes += [tag(path, "table", "a", "1"), owner(path, "table", "reader@example.com")]
    with lakehouse.lacking() as connected:
        before = lakehouse.requests()
        outcomes = list(connected.execute(lakehouse.partition, connected.resolve(changes)))
    assert [outcome.statement.aspect for outcome in outcomes if not outcome.error] == [Aspect.TAGS]
    assert {outcome.error.reason for outcome in outcomes if outcome.error} == {Reason.MISSING_PRIVILEGE}
    # Three statements, and for each of the two that were refused what would help.
    assert lakehouse.requests() - before == 3 + 2 * 2
    assert "GRANT MODIFY ON TABLE main.sales.orders TO `reader@example.com`;" in str(outcomes[0].error)
    assert "GRANT MANAGE ON TABLE main.sales.orders TO `reader@example.com`;" in str(outcomes[-1].error)


@pytest.mark.parametrize(
    ("need", "privileges"),
    [
        (Need(Aspect.DESCRIPTION, ("main",), "catalog"), ["GRANT MANAGE ON CATALOG main"]),
        (Need(Aspect.TAGS, ("main",), "catalog"), ["GRANT APPLY TAG ON CATALOG main"]),
        (Need(Aspect.DESCRIPTION, ("main", "sales"), "schema"), ["GRANT MANAGE ON SCHEMA main.sales"]),
        (
            Need(Aspect.DESCRIPTION, ("main", "sales", "orders"), "table"),
            ["GRANT MODIFY ON TABLE main.sales.orders"],
        ),
        (
            Need(Aspect.DESCRIPTION, ("main", "sales", "orders", "id"), "column"),
            ["GRANT MODIFY ON TABLE main.sales.orders"],
        ),
        (
            Need(Aspect.DESCRIPTION, ("main", "sales", "recent"), "view"),
            ["GRANT MANAGE ON VIEW main.sales.recent"],
        ),
        (
            Need(Aspect.DESCRIPTION, ("main", "sales", "recent", "id"), "column of a view"),
            ["GRANT MANAGE ON VIEW main.sales.recent"],
        ),
        (
            Need(Aspect.TAGS, ("main", "sales", "totals"), "materialized view"),
            ["GRANT APPLY TAG ON MATERIALIZED VIEW main.sales.totals"],
        ),
        (
            Need(Aspect.DESCRIPTION, ("main", "sales", "events"), "streaming table"),
            ["GRANT MODIFY ON TABLE main.sales.events"],
        ),
        (
            Need(Aspect.OWNER, ("main", "sales", "orders"), "table", "team"),
            ["GRANT MANAGE ON TABLE main.sales.orders"],
        ),
        (Need(Aspect.DESCRIPTION, ("main", "sales", "nowhere"), "table"), []),
    ],
)
def test_preflight_asks_for_no_more_than_it_takes(lakehouse: Databricks, need: Need, privileges: list[str]) -> None:
    lakehouse.kinds()
    partition = Partition.holding(SERVICE, need.path)
    with lakehouse.lacking() as connected:
        missing = connected.missing(partition, [need])
        grants = [grant for each in missing for grant in each.grants]
        assert grants == [f"{privilege} TO `reader@example.com`;" for privilege in privileges]
        lakehouse.grant(grants)
        assert connected.missing(partition, [need]) == []


def test_names_that_nothing_can_have_are_nowhere(lakehouse: Databricks) -> None:
    lakehouse.table("orders")
    for name in ("${x}", "half \ud83c", "$"):
        with lakehouse.lacking() as connected:
            need = [Need(Aspect.DESCRIPTION, lakehouse.path(name), "table")]
            assert connected.missing(lakehouse.partition, need) == []
            assert connected.missing(Partition(SERVICE, name, "sales"), need) == []
            assert connected.read(Partition(SERVICE, "main", name)) == {}
            assert set(connected.read(lakehouse.partition, [name])) == {lakehouse.partition.path}


def test_preflight_knows_groups_owners_and_what_was_granted_above(lakehouse: Databricks) -> None:
    store = lakehouse.workspace.metastore
    need = [Need(Aspect.DESCRIPTION, lakehouse.table("orders"), "table")]
    with lakehouse.lacking() as connected:
        assert connected.missing(lakehouse.partition, need)
        store.principals.add("team")
        store.groups["team"] = {"reader@example.com"}
        store.grant("team", "ALL PRIVILEGES", ("main",))
        assert connected.missing(lakehouse.partition, need) == []
        assert connected.missing(lakehouse.database, [Need(Aspect.OWNER, ("main",), "catalog", "team")])
        store.objects["main",].owner = "team"
        assert connected.missing(lakehouse.database, [Need(Aspect.OWNER, ("main",), "catalog", "team")]) == []
        assert connected.missing(lakehouse.partition, [Need(Aspect.OWNER, need[0].path, "table", "team")]) == []


def test_who_may_not_enter_the_catalog_is_told_the_grant(lakehouse: Databricks) -> None:
    lakehouse.table("orders")
    token = lakehouse.workspace.token("stranger@example.com")
    grant = "GRANT USE CATALOG ON CATALOG main TO `stranger@example.com`;"
    with to(lakehouse.workspace, token) as connected:
        need = [Need(Aspect.DESCRIPTION, lakehouse.path("orders"), "table")]
        assert [each.grants for each in connected.missing(lakehouse.partition, need)] == [(grant,)]
        with pytest.raises(SourceError) as raised:
            connected.read(lakehouse.partition)
    assert raised.value.reason is Reason.MISSING_PRIVILEGE
    assert grant in str(raised.value)


def test_labels_go_through_a_whole_run_and_keys_without_a_value_go_back(lakehouse: Databricks, tmp_path: File) -> None:
    orders = lakehouse.table("orders")
    estate = Estate(lakehouse, tmp_path)
    fqn = f"{SERVICE}.{'.'.join(orders)}"
    for label in ("PII.Sensitive", "DATABRICKS_TAGS.Certified", "Too.Long"):
        estate.catalog.tag(f"{fqn}.id", label)
    settings = {"update_descriptions": False, "update_tags": True, "tags": {"exclude": ["Too.*"], "prefix": "gov_"}}
    applied = estate.run(lakehouse.partition, **settings)
    assert (applied.counts, applied.statements) == ({"apply": 2}, 1)
    (column,) = lakehouse.workspace.metastore.objects[orders].columns
    assert column.tags == {"gov_PII": "Sensitive", "Certified": ""}
    assert estate.run(lakehouse.partition, **settings).statements == 0


def test_an_owner_that_nobody_knows_is_refused_by_databricks(lakehouse: Databricks) -> None:
    table = ".".join(lakehouse.table("orders"))
    with lakehouse.connector() as connected:
        assert {name for name, found in connected.principals(["team", "Account Users"]).items() if found.superuser} == {
            "Account Users"
        }
        (outcome,) = connected.execute(lakehouse.partition, connected.resolve([owner(table, "table", "nobody")]))
    assert outcome.error is not None
    assert "PRINCIPAL_DOES_NOT_EXIST: Could not find principal with name nobody" in str(outcome.error)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_template_whose_answer_was_lost_is_never_sent_again(lakehouse: Databricks, when: str) -> None:
    assert when in ("before", "after")
    table = ".".join(lakehouse.table("orders"))
    with lakehouse.connector() as connected:
        sql = f"COMMENT ON TABLE {table} IS 'x'"
        statement = replace(Statement(sql, (change(table, "table", "x"),)), sql=(sql,))
        connected.version()
        lakehouse.workspace.lose_next("before" if when == "before" else "after", "COMMENT ON")
        (outcome,) = connected.execute(lakehouse.partition, [statement])
    assert outcome.error is not None
    assert (outcome.error.reason, outcome.error.transient) == (Reason.CONNECTION, False)
    assert lakehouse.workspace.count("ExecuteStatement COMMENT ON") == 1


def test_a_session_that_the_warehouse_forgot_is_opened_again(
    lakehouse: Databricks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restart, or a night without a statement."""
    lakehouse.table("orders")
    forgotten = lakehouse.workspace.run

    def run(sql: str, user: str) -> Never:
        monkeypatch.setattr(lakehouse.workspace, "run", forgotten)
        raise Failed("Invalid SessionHandle: SessionHandle [0]")

    with lakehouse.connector() as connected:
        connected.version()
        monkeypatch.setattr(lakehouse.workspace, "run", run)
        assert connected.read(lakehouse.partition)
    assert lakehouse.workspace.count("OpenSession") == 2


def test_a_warehouse_that_is_busy_is_asked_again(lakehouse: Databricks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    lakehouse.workspace.answer_next(Answer(503, b"", {"Retry-After": "1"}), "OpenSession")
    with lakehouse.connector() as connected:
        assert connected.version() == "Databricks SQL 2026.20"
    assert lakehouse.workspace.count("OpenSession") == 2


def test_a_host_that_does_not_answer_is_told_at_once_and_not_after_the_clients_tries(lakehouse: Databricks) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with connector(host="127.0.0.1", port=port) as connected, pytest.raises(SourceError) as raised:
        connected.version()
    assert raised.value.reason is Reason.CONNECTION
    assert "refused" in str(raised.value)
    assert lakehouse.workspace.requests == []


def test_no_statement_is_sent_by_the_client_itself(lakehouse: Databricks) -> None:
    lakehouse.table("orders")
    with lakehouse.connector() as connected:
        connected.read(lakehouse.partition)
        connected.settle(lakehouse.partition)
    assert [statement.split()[0] for statement in lakehouse.workspace.statements] == ["SELECT"] * 5
    assert {name.split()[0] for name in lakehouse.workspace.requests} == {
        "OpenSession",
        "ExecuteStatement",
        "CloseSession",
    }
