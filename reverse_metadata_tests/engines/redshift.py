"""Redshift, as far as its own driver and a PostgreSQL make one.

Real are the driver `redshift_connector`, the protocol, passwords, privileges, transactions, locks and COMMENT.
As on Redshift a backslash escapes in every string literal, and the server says that it is PostgreSQL 8.0.2.
Played, in redshift.sql and in `Warehouse`, is what PostgreSQL has not: Redshift's own views, external tables,
late-binding views, materialized views that are views, and the setting `enable_case_sensitive_identifier`.

It differs from Redshift in this: there is no TLS, names in double quotes keep their case whatever that setting says,
a user who is no superuser gives a table only to users of whom they are a member, and answers are text, not binary.
"""

import gc
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import psycopg
from psycopg import sql

from reverse_metadata_tests.engines.proxy import Proxy

#: Those who log in with a password; all others on this server, `postgres` among them, are trusted.
_USERS = "redshift_users"
_CATALOG = Path(__file__).with_suffix(".sql")

# https://docs.aws.amazon.com/redshift/latest/dg/r_enable_case_sensitive_identifier.html. A setting of no extension is
# unknown to PostgreSQL, so it gets one of its own.
# Before PostgreSQL 8.2, and so in Redshift, the comment of a database stood among all others.
_DESCRIPTIONS = re.compile(rb"(?i)\bpg_description\b")
_NAMESPACE = re.compile(rb"(?i)\bcurrent_namespace\b")
_SETTING = re.compile(rb"(?i)(\b(?:set|show|reset)\s+|\bcurrent_setting\(\s*')(enable_case_sensitive_identifier)\b")


class _RedshiftProxy(Proxy):
    """Makes a PostgreSQL take the driver for a client of its own, and the driver take it for a Redshift.

    `asked` counts what is asked and written, not what bounds a session or a transaction.
    """

    asked = 0

    def startup(self, parameters: dict[bytes, bytes]) -> dict[bytes, bytes]:
        # The driver also says its version and its operating system, which PostgreSQL refuses as unknown settings.
        known = (b"user", b"database", b"application_name", b"client_encoding", b"options")
        return {name: value for name, value in parameters.items() if name in known}

    def statement(self, sql: bytes) -> bytes:
        if not sql.upper().startswith((b"BEGIN", b"SET", b"COMMIT", b"ROLLBACK")):
            self.asked += 1
        # https://docs.aws.amazon.com/redshift/latest/dg/r_CURRENT_NAMESPACE.html
        sql = _NAMESPACE.sub(b"'86b5169f-0000-4a0e-8f52-0000000000a1'", sql)
        sql = _DESCRIPTIONS.sub(b"played_description", sql)
        return _SETTING.sub(rb"\1redshift.\2", sql)

    def status(self, setting: bytes, value: bytes) -> bytes:
        return b"8.0.2" if setting == b"server_version" else value


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in."""

    name: str
    password: str = field(repr=False)


class Redshift:
    """A server with any number of warehouses. Its `host` and `port` speak to Redshift's driver, without TLS."""

    def __init__(self, proxy: _RedshiftProxy, socket: str) -> None:
        self.host, self.port = proxy.host, proxy.port
        self.losing = proxy.losing
        self._proxy, self._socket = proxy, socket

    @property
    def asked(self) -> int:
        """How many statements were run, without those that bound sessions and transactions."""
        return self._proxy.asked

    def sql_session(self, database: str) -> psycopg.Connection[Any]:
        """A session of the superuser `postgres`, past driver and proxy."""
        return psycopg.Connection.connect(host=self._socket, user="postgres", dbname=database, autocommit=True)

    @contextmanager
    def warehouse(self) -> Iterator["Warehouse"]:
        """An empty database, dropped at the end with all who work in it."""
        name = f"warehouse_{token_hex(5)}"
        with self.sql_session("postgres") as server:
            _execute(server, "CREATE DATABASE {}", name)
            try:
                with self.sql_session(name) as session:
                    session.execute(_CATALOG.read_bytes())
                # As all sessions of Redshift read literals: '\'' is a quote, and nobody is warned.
                _execute(server, "ALTER DATABASE {} SET standard_conforming_strings = off", name)
                _execute(server, "ALTER DATABASE {} SET backslash_quote = on", name)
                _execute(server, "ALTER DATABASE {} SET escape_string_warning = off", name)
                _execute(server, "ALTER DATABASE {} SET redshift.enable_case_sensitive_identifier = 'false'", name)
                warehouse = Warehouse(self, name)
                yield warehouse
            finally:
                # Else PostgreSQL would wait for those who are about to log in.
                self._proxy.cut()
                _execute(server, "DROP DATABASE {} WITH (FORCE)", name)
                for user in server.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE %s", [f"{name}_%"]):
                    _execute(server, "DROP ROLE {}", *user)


class Warehouse:
    """A database of one test. `admin` is a superuser, as the first user of a cluster is; `user` makes others.

    `run` and `ask` work as PostgreSQL's own superuser, past driver and proxy; they too read literals as Redshift does.
    """

    def __init__(self, server: Redshift, database: str) -> None:
        self.host, self.port, self.database = server.host, server.port, database
        self.losing = server.losing
        self._server = server
        self.admin = self.user(superuser=True)

    @property
    def asked(self) -> int:
        """See `Redshift.asked`."""
        return self._server.asked

    def user(self, *, superuser: bool = False) -> User:
        """A new user. https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_USER.html"""
        user = User(f"{self.database}_{token_hex(3)}", token_hex(16))
        with self._session() as session:
            # What Redshift asks its driver for, too; the driver does not understand what PostgreSQL offers today.
            session.execute("SET password_encryption = md5")
            rights = sql.SQL("SUPERUSER" if superuser else "NOSUPERUSER")
            role, group = sql.Identifier(user.name), sql.Identifier(_USERS)
            statement = sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {} IN ROLE {}")
            session.execute(statement.format(role, rights, sql.Literal(user.password), group))
        return user

    def connect(self, user: User | None = None) -> Any:
        """A `redshift_connector.Connection` of the user, or of `admin`, to be closed by the caller."""
        import redshift_connector

        user = user or self.admin
        return redshift_connector.connect(
            host=self.host,
            port=self.port,
            database=self.database,
            user=user.name,
            password=user.password,
            ssl=False,
        )

    def run(self, *statements: str) -> None:
        """Run statements, each in a transaction of its own."""
        with self._session() as session:
            for statement in statements:
                session.execute(statement.encode())

    def ask(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query with %s in the places of its parameters."""
        with self._session() as session:
            return session.execute(query.encode(), parameters).fetchall()

    def external_table(self, schema: str, name: str, columns: Mapping[str, str]) -> None:
        """Add an external table with the types of its columns, and the external schema where there is none yet.

        As on Redshift the schema is in pg_namespace and the table is not in pg_class:
        https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_EXTERNAL_TABLE_usage.html
        """
        with self._session() as session:
            _execute(session, "CREATE SCHEMA IF NOT EXISTS {}", schema)
            session.execute(
                "INSERT INTO svv_external_schemas SELECT oid, 1, nspname, nspowner::integer, 'lake', '{}'"
                " FROM pg_namespace WHERE nspname = %s"
                " AND NOT EXISTS (SELECT 1 FROM svv_external_schemas AS known WHERE known.schemaname = nspname)",
                [schema],
            )
            session.execute(
                "INSERT INTO svv_external_tables (redshift_database_name, schemaname, tablename, tabletype, location)"
                " VALUES (%s, %s, %s, 'TABLE', 's3://lake/')",
                [self.database, schema, name],
            )
            for number, (column, kind) in enumerate(columns.items(), 1):
                session.execute(
                    "INSERT INTO svv_external_columns VALUES (%s, %s, %s, %s, %s, %s, 0, 'true')",
                    [self.database, schema, name, column, kind, number],
                )

    def late_binding_view(self, schema: str, name: str, columns: Mapping[str, str]) -> None:
        """Add a view WITH NO SCHEMA BINDING, with the types of its columns.

        The view itself has no column, so that COMMENT on one fails, as it does on Redshift, and its definition has
        the words. https://docs.aws.amazon.com/redshift/latest/dg/r_COMMENT.html
        """
        with self._session() as session:
            _execute(session, "CREATE VIEW {}.{} AS SELECT WHERE 'with no schema binding' <> ''", schema, name)
            for number, (column, kind) in enumerate(columns.items(), 1):
                session.execute(
                    "INSERT INTO played_late_binding_view_cols VALUES (%s, %s, %s, %s, %s)",
                    [schema, name, column, kind, number],
                )

    def datashare(self, database: str, schema: str, table: str, columns: Sequence[str]) -> None:
        """Add a database that was made of a datashare, with one table; there is none that could be connected to.

        https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_REDSHIFT_TABLES.html
        """
        with self._session() as session:
            for column in (None, *columns):
                session.execute(
                    "INSERT INTO played_datashares VALUES (%s, %s, %s, %s, 'shared')", [database, schema, table, column]
                )

    def materialized_view(self, schema: str, name: str, query: str) -> None:
        """Add a materialized view, which for Redshift's pg_class is a view.

        https://docs.aws.amazon.com/redshift/latest/dg/r_STV_MV_INFO.html
        """
        with self._session() as session:
            view = sql.SQL("CREATE VIEW {}.{} AS ").format(sql.Identifier(schema), sql.Identifier(name))
            session.execute(view.as_bytes() + query.encode())
            session.execute(
                "INSERT INTO stv_mv_info VALUES (%s, %s, %s, 0, 'f', 'postgres', 1, 'f', 'f')",
                [self.database, schema, name],
            )

    def _session(self) -> psycopg.Connection[Any]:
        return self._server.sql_session(self.database)


@contextmanager
def redshift(host: str) -> Iterator[Redshift]:
    """A Redshift on the PostgreSQL with its socket in this directory, where `postgres` needs no password."""
    with psycopg.connect(host=host, user="postgres", autocommit=True) as server:
        _execute(server, "CREATE ROLE {} NOLOGIN", _USERS)
        ((path,),) = server.execute("SHOW hba_file").fetchall()
        rules = Path(path)
        # The first rule that fits decides. Superusers count only where they were made members.
        rules.write_text(f"local all +{_USERS} md5\n{rules.read_text()}")
        server.execute("SELECT pg_reload_conf()")
    with _RedshiftProxy(host) as proxy:
        yield Redshift(proxy, host)


@contextmanager
def refusals() -> Iterator[None]:
    """A block in which the driver may fail to connect.

    It then leaves its socket to the garbage collector, which warns of it in whatever test comes later.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


def _execute(session: psycopg.Connection[Any], statement: str, *names: str) -> None:
    """Run a statement with names in the places of its braces."""
    session.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
