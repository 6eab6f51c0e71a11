"""The engine under the ledger: which databases it accepts, how they are opened, how transactions and errors look."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from reverse_metadata.errors import LedgerError
from reverse_metadata.redaction import redact, register_secret

#: How long a writer waits for another one on SQLite, in seconds.
SQLITE_PATIENCE = 30.0

#: libpq's parameters, for those that the URL does not set: a dead server is noticed before a lease runs out.
_LIBPQ_DEFAULTS = {"connect_timeout": "10", "tcp_user_timeout": "20000", "application_name": "reverse_metadata"}

_POSTGRESQL = {"postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"}
_SQLITE = {"sqlite", "sqlite+pysqlite"}


def normalise(url: str) -> sa.URL:
    """The URL with its driver named: psycopg 3 for every way in which PostgreSQL is written.

    Its password is a registered secret from then on. Raises LedgerError for a URL that cannot be read, another
    system, and SQLite in memory, which would forget everything.
    """
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        raise LedgerError(
            "The URL of the ledger cannot be read; it looks like sqlite:////var/lib/ledger.db or"
            " postgresql://user:password@host:5432/database, with %-escapes for special characters in the password."
        ) from None
    for secret in (parsed.password, parsed.query.get("password")):
        for value in (secret,) if isinstance(secret, str) else secret or ():
            register_secret(value)
    if parsed.drivername in _POSTGRESQL:
        parsed = parsed.set(drivername="postgresql+psycopg")
        return parsed.update_query_dict({k: v for k, v in _LIBPQ_DEFAULTS.items() if k not in parsed.query})
    if parsed.drivername not in _SQLITE:
        raise LedgerError(
            f"The ledger cannot live in {parsed.drivername!r}: give the URL of a SQLite file (sqlite:///...) or of a"
            " PostgreSQL database (postgresql://...)."
        )
    if parsed.database in (None, "", ":memory:") or "mode" in parsed.query:
        raise LedgerError("A ledger in memory forgets what was pushed: name a file, as in sqlite:////var/lib/ledger.db")
    return parsed.set(drivername="sqlite+pysqlite")


def shown(url: sa.URL) -> str:
    """The URL as it may be shown: without password and parameters."""
    return url.set(query={}).render_as_string(hide_password=True)


def create(url: sa.URL) -> sa.Engine:
    """An engine for a normalised URL; connects to nothing yet, creates the folder of a SQLite file.

    Parameters stay out of error messages: they are people's texts.
    """
    if url.get_backend_name() == "postgresql":
        return sa.create_engine(url, pool_pre_ping=True, hide_parameters=True)
    try:
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(f"The folder of the ledger {shown(url)} cannot be created: {error.strerror}.") from None
    engine = sa.create_engine(url, hide_parameters=True, connect_args={"timeout": SQLITE_PATIENCE})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _: object) -> None:
    # Python's driver would begin transactions by itself, too late and never for DDL; `_begin_sqlite` does it.
    connection.isolation_level = None
    cursor = connection.cursor()
    # WAL lets readers pass a writer; FULL keeps the promise that an intent is on disk before it is carried out.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later would fail at once, without waiting, when another wrote between.
    writes = connection.get_execution_options().get("ledger_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def translated(url: sa.URL) -> Iterator[None]:
    """Errors of the driver become LedgerError, in the words of the server and without any secret."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        message = redact(str(cause)).strip()
        raise LedgerError(f"The ledger {shown(url)} could not be read or written: {message}") from None


class Database:
    """One engine, and the transactions that the parts of the ledger run in. Safe to share between threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._postgresql = engine.dialect.name == "postgresql"

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """A transaction that only reads. Raises LedgerError."""
        with translated(self._engine.url), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """A transaction that writes: all of it or nothing. Raises LedgerError."""
        with translated(self._engine.url), self._engine.connect() as connection:
            connection = connection.execution_options(ledger_writes=True)
            with connection.begin():
                yield connection

    def _insert(self, table: sa.Table) -> "postgresql.Insert | sqlite.Insert":
        """An insert that knows ON CONFLICT."""
        return postgresql.insert(table) if self._postgresql else sqlite.insert(table)

    def _upsert(
        self,
        connection: sa.Connection,
        table: sa.Table,
        rows: Sequence[dict[str, Any]],
        *,
        only_up: Collection[str] = (),
    ) -> None:
        """Insert the rows; where the primary key is there, the other columns take the new values.

        Columns in `only_up` take it when it is larger than what they have.
        """
        if not rows:
            return
        insert = self._insert(table)
        values: dict[str, sa.ColumnElement[Any]] = {}
        for column in table.columns:
            new = insert.excluded[column.name]
            if column.name in only_up:
                values[column.name] = sa.case((new > column, new), else_=column)
            elif not column.primary_key:
                values[column.name] = new
        connection.execute(insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=values), rows)


def chunks(items: Collection[str]) -> Iterator[list[str]]:
    """The items in lists short enough for the parameters of one statement."""
    ordered = list(items)
    for start in range(0, len(ordered), 1000):
        yield ordered[start : start + 1000]
