"""Comments through templates on the engines: the value comes back as it was, and nothing else happened.

Wherever an engine runs several statements that arrive as one, its connection allows that here, and many of the values
would drop the table `canary`.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from uuid import uuid4

import psycopg
import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql
from pymysql.constants import CLIENT

from reverse_metadata.templates import Values, parse
from reverse_metadata_tests.engines.asked import Asked
from reverse_metadata_tests.templates.injection.forms import SPEECHES
from reverse_metadata_tests.templates.injection.values import FULL, nasty, some

_SCHEMA = "we\"ird'; --\\`$$"
#: For engines where making a table takes long.
_NAMES = [
    "plain",
    "select",
    "a b",
    "it's",
    'say "hi"',
    "`b`",
    "back\\slash",
    "x; DROP TABLE canary; --",
    "/*",
    "Ü",
    "$",
]


def _texts(speech: str) -> st.SearchStrategy[str]:
    return nasty.filter(lambda text: not SPEECHES[speech].not_in_text(text))


def _names(speech: str) -> st.SearchStrategy[str]:
    """Names that the engine can hold, short enough for the name of a file with every character escaped."""
    return nasty.filter(lambda name: not SPEECHES[speech].not_in_name(name) and len(name.encode()) <= 40)


def _statement(speech: str, template: str, description: str, table: str, column: str, schema: str = _SCHEMA) -> str:
    values = Values(database="memory", schema=schema, table=table, column=column, description=description)
    (statement,) = parse(template, SPEECHES[speech].dialect).render(values)
    return statement


def _quoted(name: str, quote: str) -> str:
    return quote + name.replace(quote, 2 * quote) + quote


@pytest.fixture
def postgres(engine: str) -> Iterator[psycopg.Connection]:
    """A database of its own."""
    name = f"injection_{uuid4().hex[:8]}"
    with psycopg.connect(host=engine, user="postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            with psycopg.connect(host=engine, user="postgres", dbname=name, autocommit=True) as connection:
                connection.execute("CREATE TABLE canary ()")
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(_SCHEMA)))
                yield connection
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_postgres(postgres: psycopg.Connection) -> None:
    templates = [
        "COMMENT ON COLUMN {schema}.{table}.{column} IS {description}",
        """COMMENT ON COLUMN "{schema}"."{table}"."{column}" IS '{description}'""",
        "COMMENT ON COLUMN {schema}.\"{table}\".{column} IS E'{description}'",
    ]
    read = """SELECT relname, attname, col_description(c.oid, attnum)
        FROM pg_class c JOIN pg_attribute ON attrelid = c.oid
        WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s) AND attnum = 1"""
    canary = "SELECT to_regclass('canary') IS NOT NULL"

    @some(5_000 if FULL else 200)
    @given(st.sampled_from(templates), _texts("postgres"), _names("postgres"), _names("postgres"))
    def each(template: str, text: str, table: str, column: str) -> None:
        names = [sql.Identifier(_SCHEMA, table), sql.Identifier(column)]
        postgres.execute(sql.SQL("CREATE TABLE {} ({} int)").format(*names))
        try:
            cursor = postgres.execute(_statement("postgres", template, text, table, column).encode())
            assert (cursor.statusmessage, cursor.nextset()) == ("COMMENT", None)
            assert postgres.execute(read, [_SCHEMA]).fetchall() == [(table, column, text or None)]
            assert postgres.execute(canary).fetchone() == (True,)
        finally:
            postgres.execute(sql.SQL("DROP TABLE {}").format(names[0]))

    each()


@contextmanager
def _mariadb(socket: str, mode: str) -> Iterator[pymysql.cursors.Cursor]:
    connection = pymysql.connect(
        unix_socket=socket,
        user="root",
        charset="utf8mb4",
        autocommit=True,
        client_flag=CLIENT.MULTI_STATEMENTS,
        init_command=f"SET sql_mode = '{mode}'",
    )
    with closing(connection), connection.cursor() as cursor:
        yield cursor


@pytest.mark.parametrize(
    ("speech", "mode", "quoted"),
    [
        ("mysql", "", 'ALTER TABLE `{schema}`.`{table}` MODIFY `{column}` int COMMENT "{description}"'),
        (
            "mysql-ansi",
            "ANSI_QUOTES",
            """ALTER TABLE "{schema}"."{table}" MODIFY "{column}" int COMMENT '{description}'""",
        ),
        (
            "mysql-no-backslash",
            "NO_BACKSLASH_ESCAPES",
            'ALTER TABLE `{schema}`.`{table}` MODIFY `{column}` int COMMENT "{description}"',
        ),
    ],
    ids=["default", "ansi-quotes", "no-backslash-escapes"],
)
def test_mariadb(mariadb: str, speech: str, mode: str, quoted: str) -> None:
    templates = [
        quoted,
        "ALTER TABLE {schema}.{table} MODIFY {column} int COMMENT {description};",
        "ALTER TABLE {schema}.{table} MODIFY {column} int COMMENT '{description}';",
    ]
    read = "SELECT table_name, column_name, column_comment FROM information_schema.columns WHERE table_schema = %s"
    # No name may end with a blank.
    names = _names(speech).filter(lambda name: name == name.rstrip(" \t\n\v\f\r"))

    with _mariadb(mariadb, mode) as tested, _mariadb(mariadb, "") as other:
        schema = _quoted(_SCHEMA, "`")
        tested.execute(f"CREATE DATABASE {schema}")
        tested.execute(f"USE {schema}")

        @some(5_000 if FULL else 200)
        @given(st.sampled_from(templates), _texts(speech), names, names)
        def each(template: str, text: str, table: str, column: str) -> None:
            other.execute("CREATE OR REPLACE TABLE test_canary.canary (a int)")
            other.execute(f"CREATE TABLE {schema}.{_quoted(table, '`')} ({_quoted(column, '`')} int) ENGINE = MEMORY")
            try:
                tested.execute(_statement(speech, template, text, table, column))
                assert not tested.nextset()
                other.execute(read, [_SCHEMA])
                # Comments hold no character beyond U+FFFF.
                kept = "".join("?" if character > "\uffff" else character for character in text)
                assert other.fetchall() == ((table, column, kept),)
                other.execute("SHOW TABLES FROM test_canary")
                assert other.fetchall() == (("canary",),)
            finally:
                other.execute(f"DROP TABLE {schema}.{_quoted(table, '`')}")

        tested.execute("CREATE DATABASE test_canary")
        tested.execute("USE test_canary")
        try:
            each()
        finally:
            tested.execute("DROP DATABASE test_canary")
            tested.execute(f"DROP DATABASE {schema}")


def test_clickhouse(clickhouse: Asked) -> None:
    templates = [
        "ALTER TABLE `{schema}`.{table} MODIFY COLUMN {column} COMMENT {description};",
        """ALTER TABLE "{schema}"."{table}" COMMENT COLUMN "{column}" '{description}'""",
        "ALTER TABLE {schema}.`{table}` COMMENT COLUMN `{column}` {description}",
    ]

    # Backslashes escape in names too.
    def quoted(name: str) -> str:
        return _quoted(name.replace("\\", "\\\\"), "`")

    schema = quoted(_SCHEMA)
    read = "SELECT hex(table), hex(name), hex(comment) FROM system.columns WHERE database LIKE 'we%'"

    @some(5_000 if FULL else 200)
    @given(st.sampled_from(templates), _texts("clickhouse"), _names("clickhouse"), _names("clickhouse"))
    def each(template: str, text: str, table: str, column: str) -> None:
        clickhouse.run("CREATE TABLE IF NOT EXISTS default.canary (a Int8) ENGINE = Memory")
        created = f"{schema}.{quoted(table)}"
        clickhouse.run(f"CREATE TABLE {created} ({quoted(column)} Int8) ENGINE = Memory")
        try:
            clickhouse.run(_statement("clickhouse", template, text, table, column))
            assert clickhouse.run(read) == [[each.encode().hex().upper() for each in (table, column, text)]]
            assert clickhouse.run("SELECT count() FROM system.tables WHERE name = 'canary'") == [[1]]
        finally:
            clickhouse.run(f"DROP TABLE {created}")

    clickhouse.run(f"CREATE DATABASE {schema}")
    try:
        each()
    finally:
        clickhouse.run(f"DROP DATABASE {schema}")
        clickhouse.run("DROP TABLE default.canary")


def test_trino(trino: int) -> None:
    client = pytest.importorskip("trino.dbapi")
    templates = [
        'COMMENT ON COLUMN "{database}"."{schema}"."{table}"."{column}" IS {description}',
        "COMMENT ON COLUMN {database}.{schema}.{table}.{column} IS '{description}'",
    ]
    with closing(client.connect(host="127.0.0.1", port=trino, user="tests", catalog="memory", schema="default")) as it:

        def run(statement: str) -> list[list[object]]:
            rows: list[list[object]] = it.cursor().execute(statement).fetchall()
            return rows

        run("CREATE TABLE canary (a int)")
        schema = _quoted(_SCHEMA, '"')
        run(f"CREATE SCHEMA {schema}")
        for quoted in (_quoted(name, '"') for name in _NAMES):
            run(f"CREATE TABLE {schema}.{quoted} ({quoted} int)")

        @some(1_000 if FULL else 200)
        @given(st.sampled_from(templates), _texts("trino"), st.sampled_from(_NAMES))
        def each(template: str, text: str, name: str) -> None:
            run(_statement("trino", template, text, name, name))
            literal = _quoted(name.lower(), "'")
            found = run(f"SELECT comment FROM information_schema.columns WHERE table_name = {literal}")
            assert found == [[text]]

        each()
        assert run("SHOW TABLES FROM default") == [["canary"]]


def test_spark(spark: Asked) -> None:
    templates = [
        "ALTER TABLE {schema}.{table} ALTER COLUMN {column} COMMENT {description}",
        "ALTER TABLE `{schema}`.`{table}` ALTER COLUMN `{column}` COMMENT '{description}'",
    ]
    names = [name for name in _NAMES if not name.endswith("$")]
    spark.run("CREATE TABLE default.canary (a int) USING parquet")
    spark.run("CREATE DATABASE injection")
    spark.run(f"CREATE TABLE injection.t ({', '.join(_quoted(name, '`') + ' int' for name in names)}) USING parquet")
    comments: dict[str, str | None] = dict.fromkeys(names)

    @some(1_000 if FULL else 200)
    @given(st.sampled_from(templates), _texts("spark"), st.sampled_from(names))
    def each(template: str, text: str, name: str) -> None:
        spark.run(_statement("spark", template, text, "t", name, schema="injection"))
        comments[name] = text
        assert spark.run("DESCRIBE TABLE injection.t") == [[name, "int", comments[name]] for name in names]

    each()
    assert spark.run("SHOW TABLES FROM default") == [["default", "canary", False]]
