from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from redshift_connector.error import Error, ProgrammingError

from reverse_metadata_tests.engines.redshift import Redshift, User, Warehouse, refusals


@pytest.fixture
def session(warehouse: Warehouse) -> Iterator[Any]:
    """A session of the driver that commits every statement, with a table `orders`."""
    warehouse.run("CREATE TABLE orders (id int)")
    with closing(warehouse.connect()) as connection:
        connection.autocommit = True
        yield connection


def ask(connection: Any, query: str, *parameters: Any) -> list[list[Any]]:
    with closing(connection.cursor()) as cursor:
        cursor.execute(query, parameters or None)
        return [list(row) for row in cursor.fetchall()]


def run(connection: Any, statement: str) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute(statement)


def comment(warehouse: Warehouse) -> str | None:
    ((text,),) = warehouse.ask("SELECT obj_description('orders'::regclass)")
    return text if text is None else str(text)


# Who it is


def test_the_driver_takes_it_for_a_redshift(session: Any, warehouse: Warehouse) -> None:
    assert ask(session, "SELECT current_database(), current_user") == [[warehouse.database, warehouse.admin.name]]
    assert str(session._server_version) == "8.0.2"
    ((version,),) = ask(session, "SELECT version()")
    assert version.startswith("PostgreSQL 8.0.2 ")
    assert version.endswith(", Redshift 1.0.117891")


def test_a_wrong_password_is_refused(warehouse: Warehouse) -> None:
    with refusals(), pytest.raises(ProgrammingError, match="password authentication failed"):
        warehouse.connect(User(warehouse.admin.name, "wrong"))


def test_the_password_is_not_in_the_text_of_a_user(warehouse: Warehouse) -> None:
    assert warehouse.admin.password not in repr(warehouse.admin)


def test_only_superusers_and_owners_comment(session: Any, warehouse: Warehouse) -> None:
    stranger = warehouse.user()
    assert ask(session, "SELECT usename, usesuper FROM pg_user WHERE usename LIKE %s", f"{warehouse.database}_%") == [
        [user.name, user is warehouse.admin]
        for user in sorted((warehouse.admin, stranger), key=lambda user: user is stranger)
    ]
    with closing(warehouse.connect(stranger)) as connection:
        connection.autocommit = True
        with pytest.raises(ProgrammingError, match="must be owner of table orders"):
            run(connection, "COMMENT ON TABLE orders IS 'x'")
    run(session, f'ALTER TABLE orders OWNER TO "{stranger.name}"')
    with closing(warehouse.connect(stranger)) as connection:
        connection.autocommit = True
        run(connection, "COMMENT ON TABLE orders IS 'x'")
    assert comment(warehouse) == "x"


def test_a_warehouse_leaves_nothing_behind(redshift: Redshift) -> None:
    with redshift.warehouse() as warehouse, closing(warehouse.connect()):
        name = warehouse.database
    with redshift.sql_session("postgres") as server:
        query = "SELECT datname FROM pg_database UNION ALL SELECT rolname FROM pg_roles"
        assert [found for (found,) in server.execute(query) if found.startswith(name)] == []


# How it reads


@pytest.mark.parametrize(
    ("literal", "text"),
    [(r"'it\'s'", "it's"), ("'it''s'", "it's"), (r"'a\\b'", r"a\b"), (r"'a\nb'", "a\nb"), ("$x$a\\b$x$", r"a\b")],
)
def test_a_backslash_escapes(session: Any, warehouse: Warehouse, literal: str, text: str) -> None:
    run(session, f"COMMENT ON TABLE orders IS {literal}")
    assert comment(warehouse) == text


def test_a_quote_that_is_doubled_only_lets_a_backslash_break_out(session: Any) -> None:
    hostile = "\\'; DROP TABLE orders; --"
    with pytest.raises(ProgrammingError, match="cannot insert multiple commands"):
        run(session, "COMMENT ON TABLE orders IS '" + hostile.replace("'", "''") + "'")


def test_the_case_of_names_is_a_setting(session: Any) -> None:
    query = "SELECT current_setting('enable_case_sensitive_identifier')"
    assert ask(session, query) == [["false"]]
    run(session, "SET enable_case_sensitive_identifier TO true")
    assert ask(session, query) == ask(session, "SHOW enable_case_sensitive_identifier") == [["true"]]
    run(session, "RESET enable_case_sensitive_identifier")
    assert ask(session, query) == [["false"]]


# What it holds


def test_tables_and_views_have_remarks(session: Any, warehouse: Warehouse) -> None:
    warehouse.run("COMMENT ON TABLE orders IS 'all orders'", "COMMENT ON COLUMN orders.id IS 'the number'")
    warehouse.run("CREATE VIEW latest AS SELECT id FROM orders")
    warehouse.late_binding_view("public", "late", {"id": "integer", "at": "timestamp without time zone"})
    warehouse.materialized_view("public", "kept", "SELECT id FROM orders")
    warehouse.external_table("lake", "events", {"id": "bigint"})
    warehouse.external_table("lake", "visits", {"id": "bigint", "page": "varchar(20)"})
    where = "WHERE table_catalog = current_database() AND table_schema IN ('public', 'lake') ORDER BY table_name"
    assert ask(session, f"SELECT table_schema, table_name, table_type, remarks FROM svv_tables {where}") == [
        ["lake", "events", "EXTERNAL TABLE", None],
        ["public", "kept", "VIEW", None],
        ["public", "late", "VIEW", None],
        ["public", "latest", "VIEW", None],
        ["public", "orders", "BASE TABLE", "all orders"],
        ["lake", "visits", "EXTERNAL TABLE", None],
    ]
    columns = "table_name, column_name, ordinal_position, data_type, remarks"
    assert ask(session, f"SELECT {columns} FROM svv_columns {where}, ordinal_position") == [
        ["events", "id", 1, "bigint", None],
        ["kept", "id", 1, "integer", None],
        ["late", "id", 1, "integer", None],
        ["late", "at", 2, "timestamp without time zone", None],
        ["latest", "id", 1, "integer", None],
        ["orders", "id", 1, "integer", "the number"],
        ["visits", "id", 1, "bigint", None],
        ["visits", "page", 2, "varchar(20)", None],
    ]


def test_an_external_table_is_in_no_class(session: Any, warehouse: Warehouse) -> None:
    warehouse.external_table("lake", "events", {"id": "bigint"})
    assert ask(session, "SELECT schemaname FROM svv_external_schemas JOIN pg_namespace ON oid = esoid") == [["lake"]]
    assert ask(session, "SELECT tablename, tabletype FROM svv_external_tables") == [["events", "TABLE"]]
    assert ask(session, "SELECT columnname, external_type, columnnum FROM svv_external_columns") == [
        ["id", "bigint", 1]
    ]
    with pytest.raises(ProgrammingError, match="does not exist"):
        run(session, "COMMENT ON TABLE lake.events IS 'x'")


def test_the_columns_of_a_late_binding_view_take_no_comment(session: Any, warehouse: Warehouse) -> None:
    warehouse.late_binding_view("public", "late", {"id": "integer"})
    columns = "view_schema name, view_name name, col_name name, col_type varchar, col_num int"
    assert ask(session, f"SELECT * FROM pg_get_late_binding_view_cols() cols({columns})") == [
        ["public", "late", "id", "integer", 1]
    ]
    assert ask(
        session, "SELECT viewname FROM pg_views WHERE schemaname = 'public' AND definition ILIKE '%no schema binding%'"
    ) == [["late"]]
    run(session, "COMMENT ON VIEW late IS 'x'")
    with pytest.raises(ProgrammingError, match='column "id" of relation "late" does not exist'):
        run(session, "COMMENT ON COLUMN late.id IS 'x'")


def test_a_materialized_view_is_a_view(session: Any, warehouse: Warehouse) -> None:
    warehouse.materialized_view("public", "kept", "SELECT id FROM orders")
    assert ask(session, "SELECT trim(schema_name), trim(name) FROM svv_mv_info") == [["public", "kept"]]
    assert ask(session, "SELECT relkind FROM pg_class_info WHERE relname = 'kept'") == [["v"]]
    run(session, "COMMENT ON VIEW kept IS 'x'")


def test_everybody_sees_who_works_there(session: Any, warehouse: Warehouse) -> None:
    mine = "pg_backend_pid()"
    with closing(warehouse.connect(warehouse.user())) as connection:
        assert ask(connection, f"SELECT trim(db_name) FROM stv_sessions WHERE process = {mine}") == [
            [warehouse.database]
        ]
        assert ask(connection, f"SELECT trim(status) FROM stv_recents WHERE pid = {mine}") == [["Running"]]
    run(session, "BEGIN")
    run(session, "COMMENT ON TABLE orders IS 'x'")
    granted = ask(
        session,
        f"SELECT lock_mode FROM svv_transactions WHERE pid = {mine} AND relation = 'orders'::regclass::oid AND granted",
    )
    run(session, "ROLLBACK")
    assert granted == [["ShareUpdateExclusiveLock"]]


# How it is lost


@pytest.mark.parametrize("deliver", [False, True], ids=["before", "after"])
def test_a_connection_is_lost_at_a_statement(session: Any, warehouse: Warehouse, deliver: bool) -> None:
    run(session, "COMMENT ON TABLE orders IS 'old'")
    with warehouse.losing("COMMENT ON TABLE", deliver=deliver) as loss:
        with pytest.raises((Error, OSError)):
            run(session, "COMMENT ON TABLE orders IS 'new'")
        # Once only, and not because the statement was seen before.
        with closing(warehouse.connect()) as connection:
            connection.autocommit = True
            assert comment(warehouse) == ("new" if deliver else "old")
            run(connection, "COMMENT ON TABLE orders IS 'newer'")
    assert loss.happened == 1
    assert comment(warehouse) == "newer"


@pytest.mark.parametrize(("deliver", "found"), [(False, None), (True, "x")], ids=["before", "after"])
def test_a_connection_is_lost_at_a_commit(warehouse: Warehouse, deliver: bool, found: str | None) -> None:
    warehouse.run("CREATE TABLE orders (id int)")
    with closing(warehouse.connect()) as connection:
        # The driver prepares `commit` once: the second one is only bound.
        run(connection, "COMMENT ON TABLE orders IS NULL")
        connection.commit()
        run(connection, "COMMENT ON TABLE orders IS 'x'")
        with warehouse.losing("commit", deliver=deliver) as loss:
            with pytest.raises((Error, OSError)):
                connection.commit()
    assert loss.happened == 1
    assert comment(warehouse) == found


def test_a_connection_is_lost_as_often_as_said(warehouse: Warehouse) -> None:
    with warehouse.losing("SELECT 1", deliver=True, times=2) as loss:
        for _ in range(2):
            with closing(warehouse.connect()) as connection, pytest.raises((Error, OSError)):
                ask(connection, "SELECT 1")
        with closing(warehouse.connect()) as connection:
            assert ask(connection, "SELECT 1") == [[1]]
    assert loss.happened == 2
