from collections.abc import Iterator
from uuid import uuid4

import pytest

from reverse_metadata_tests.engines.trino import Trino

client = pytest.importorskip("trino.exceptions")

_COMMENT = "COMMENT ON TABLE {}.orders IS 'all orders'"


@pytest.fixture(params=["memory", "iceberg", "hive"])
def catalog(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def schema(trino_server: Trino, catalog: str) -> Iterator[str]:
    """A schema of its own with a table `orders`."""
    yield from _schema(trino_server, f"{catalog}.shop_{uuid4().hex[:10]}")


@pytest.fixture
def locked(trino_server: Trino, catalog: str) -> Iterator[str]:
    """A schema whose tables only `admin` owns, with a table `orders`."""
    yield from _schema(trino_server, f"{catalog}.locked_{uuid4().hex[:10]}")


def _schema(server: Trino, name: str) -> Iterator[str]:
    server.ask(f"CREATE SCHEMA {name}")
    server.ask(f"CREATE TABLE {name}.orders (id integer)")
    yield name
    server.ask(f"DROP SCHEMA {name} CASCADE")


def refusal(server: Trino, sql: str, user: str) -> str:
    """The name of the error with which a statement is refused, and what the server says."""
    with pytest.raises(client.TrinoUserError) as error:
        server.ask(sql, user)
    return f"{error.value.error_name}: {error.value.message}"


def comments(schema: str) -> str:
    """The query for the comments of a schema's tables."""
    catalog, name = schema.split(".")
    return (
        "SELECT table_name, comment FROM system.metadata.table_comments"
        f" WHERE catalog_name = '{catalog}' AND schema_name = '{name}'"
    )


@pytest.mark.parametrize("user", ["admin", "writer", "steward", "blind"])
def test_whoever_owns_comments(trino_server: Trino, schema: str, user: str) -> None:
    trino_server.ask(_COMMENT.format(schema), user)
    trino_server.ask(f"COMMENT ON COLUMN {schema}.orders.id IS 'the number'", user)
    catalog, name = schema.split(".")
    assert trino_server.ask(comments(schema)) == [["orders", "all orders"]]
    columns = f"SELECT column_name, comment FROM {catalog}.information_schema.columns WHERE table_schema = '{name}'"
    assert trino_server.ask(columns, user) == [["id", "the number"]]


def test_a_reader_reads_and_does_not_comment(trino_server: Trino, schema: str) -> None:
    assert refusal(trino_server, _COMMENT.format(schema), "reader") == (
        f"PERMISSION_DENIED: Access Denied: Cannot comment table to {schema}.orders"
    )
    assert trino_server.ask(comments(schema), "reader") == [["orders", None]]


@pytest.mark.parametrize("user", ["writer", "steward", "blind"])
def test_a_writer_comments_everywhere_but_in_a_locked_schema(trino_server: Trino, locked: str, user: str) -> None:
    assert refusal(trino_server, _COMMENT.format(locked), user) == (
        f"PERMISSION_DENIED: Access Denied: Cannot comment table to {locked}.orders"
    )
    assert trino_server.ask(f"SELECT count(*) FROM {locked}.orders", user) == [[0]]


def test_the_blind_do_not_read_comments_of_tables(trino_server: Trino, schema: str) -> None:
    assert refusal(trino_server, comments(schema), "blind") == (
        "PERMISSION_DENIED: Access Denied: Cannot select from table system.metadata.table_comments"
    )


def test_a_stranger_has_no_catalog(trino_server: Trino, schema: str) -> None:
    assert trino_server.ask("SHOW CATALOGS", "stranger") == []
    assert refusal(trino_server, _COMMENT.format(schema), "stranger").startswith("PERMISSION_DENIED: ")


@pytest.mark.parametrize(("user", "catalog"), [("admin", "iceberg"), ("writer", "iceberg"), ("writer", "hive")])
def test_a_schema_is_given_to_anybody(trino_server: Trino, schema: str, user: str) -> None:
    trino_server.ask(f"ALTER SCHEMA {schema} SET AUTHORIZATION bob", user)
    ((created,),) = trino_server.ask(f"SHOW CREATE SCHEMA {schema}")
    # Hive keeps its owners to itself where the system's rules, and not its own, say who may do what.
    assert ("AUTHORIZATION USER bob\n" in created) is schema.startswith("iceberg.")


@pytest.mark.parametrize("catalog", ["hive"])
def test_hive_gives_tables_too(trino_server: Trino, schema: str) -> None:
    trino_server.ask(f"ALTER TABLE {schema}.orders SET AUTHORIZATION bob", "writer")


@pytest.mark.parametrize("catalog", ["iceberg", "hive"])
def test_only_whoever_a_rule_names_gives_a_schema_away(trino_server: Trino, schema: str, locked: str) -> None:
    for name, user in ((schema, "steward"), (schema, "reader"), (locked, "writer")):
        sql = f"ALTER SCHEMA {name} SET AUTHORIZATION bob"
        assert refusal(trino_server, sql, user).startswith("PERMISSION_DENIED: Access Denied: Cannot set authorization")


@pytest.mark.parametrize("catalog", ["memory"])
def test_rules_change_for_a_while(trino_server: Trino, locked: str) -> None:
    rule = {"user": "writer", "schema": locked.split(".")[1], "privileges": ["SELECT", "OWNERSHIP"]}
    with trino_server.ruled(tables=[rule]):
        trino_server.ask(_COMMENT.format(locked), "writer")
    assert refusal(trino_server, _COMMENT.format(locked), "writer").startswith("PERMISSION_DENIED: ")
    assert trino_server.ask(comments(locked)) == [["orders", "all orders"]]
