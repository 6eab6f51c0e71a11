"""The published templates, run as they are rendered by the engines that accept their form.

Spark has no tags and no owners, so that of Databricks and Unity Catalog is held against the golden file alone.
"""

from contextlib import closing
from typing import Any

import psycopg
import pymysql
import pytest

from reverse_metadata.templates import parse
from reverse_metadata_tests.engines.asked import Asked
from reverse_metadata_tests.templates import golden


def published(system: str) -> tuple[str, dict[str, Any]]:
    """The SQL of a system's template, and the values that stand in it."""
    (row,) = (row for row in golden.rows("published.yaml") if row["system"] == system)
    (sql,) = parse(row["template"], golden.dialect(system)).render(golden.values(row["values"]))
    return sql, row["values"]


def test_postgres(engine: str) -> None:
    sql, values = published("postgres")
    with psycopg.connect(host=engine, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{values["database"]}"')
        connection.execute(f'CREATE ROLE "{values["owner"]}"')
        try:
            connection.execute(sql.encode())
            read = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s"
            assert connection.execute(read, [values["database"]]).fetchone() == (values["owner"],)
        finally:
            connection.execute(f'DROP DATABASE "{values["database"]}"')
            connection.execute(f'DROP ROLE "{values["owner"]}"')


def test_mariadb(mariadb: str) -> None:
    sql, values = published("mysql")
    with closing(pymysql.connect(unix_socket=mariadb, user="root", autocommit=True)) as connection:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE `{values['schema']}`")
            try:
                cursor.execute(f"CREATE TABLE `{values['schema']}`.`{values['table']}` (a int)")
                cursor.execute(sql)
                read = "SELECT table_name, table_comment FROM information_schema.tables WHERE table_schema = %s"
                cursor.execute(read, [values["schema"]])
                assert cursor.fetchall() == ((values["table"], values["description"]),)
            finally:
                cursor.execute(f"DROP DATABASE `{values['schema']}`")


def test_clickhouse(clickhouse: Asked) -> None:
    sql, values = published("clickhouse")
    schema, table, column = (f"`{values[name]}`" for name in ("schema", "table", "column"))
    clickhouse.run(f"CREATE DATABASE {schema}")
    try:
        clickhouse.run(f"CREATE TABLE {schema}.{table} ({column} Int8) ENGINE = Memory")
        clickhouse.run(sql)
        read = f"SELECT name, comment FROM system.columns WHERE database = '{values['schema']}'"
        assert clickhouse.run(read) == [[values["column"], values["description"]]]
    finally:
        clickhouse.run(f"DROP DATABASE {schema}")


def test_trino(trino: int) -> None:
    client = pytest.importorskip("trino.dbapi")
    (row,) = (row for row in golden.rows("published.yaml") if row["system"] == "trino")
    values = {**row["values"], "database": "memory"}
    (sql,) = parse(row["template"], golden.dialect("trino")).render(golden.values(values))
    with closing(client.connect(host="127.0.0.1", port=trino, user="tests", catalog="memory")) as connection:
        cursor = connection.cursor()
        # Trino folds every name to lower case, also a quoted one.
        cursor.execute(f'CREATE SCHEMA "{values["schema"]}"')
        cursor.execute(f'CREATE TABLE "{values["schema"]}"."{values["table"]}" (a int)')
        cursor.execute(sql)
        read = "SELECT comment FROM system.metadata.table_comments WHERE catalog_name = 'memory' AND schema_name = ?"
        cursor.execute(read, [values["schema"].lower()])
        assert cursor.fetchall() == [[values["description"]]]
