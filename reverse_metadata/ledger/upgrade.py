"""Brings a ledger to the newest revision, whoever opens it first."""

import sqlite3
import time
from pathlib import Path

import sqlalchemy as sa

from reverse_metadata.errors import LedgerError
from reverse_metadata.ledger.database import SQLITE_PATIENCE, shown
from reverse_metadata.ledger.schema import REVISION, VERSION_TABLE

#: Names our advisory lock among those of a shared PostgreSQL database; a number of no meaning.
_ADVISORY_LOCK = 7_251_318_024_160_577


def upgrade(engine: sa.Engine) -> None:
    """Create the tables or upgrade them; one plain query when there is nothing to do.

    Of two processes that start at once, one does it and the other waits. Raises LedgerError when the ledger was
    written by a newer version; SQLAlchemyError when it cannot be reached.
    """
    if engine.dialect.name == "sqlite":
        _use_wal(engine)
    with engine.begin() as connection:
        if _revision(connection) == REVISION:
            return
    with engine.connect() as plain:
        connection = plain.execution_options(ledger_writes=True)
        with connection.begin():
            # SQLite's BEGIN IMMEDIATE is already a lock; both end with the transaction.
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            revision = _revision(connection)
            if revision != REVISION:
                _migrate(connection, revision)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.scalar(sa.select(sa.column("version_num")).select_from(sa.table(VERSION_TABLE)))


def _migrate(connection: sa.Connection, revision: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise LedgerError(
            f"The ledger {shown(connection.engine.url)} was written by a newer version of reverse_metadata: its"
            f" revision is {revision!r}, this version knows up to {REVISION!r}. Upgrade this installation; nothing was"
            " changed."
        )
    command.upgrade(config, "head")


def _use_wal(engine: sa.Engine) -> None:
    # The mode is kept in the file. Changing it needs the file for itself and does not always wait for it.
    deadline = time.monotonic() + SQLITE_PATIENCE
    with engine.connect() as connection:
        cursor = connection.connection.cursor()
        while cursor.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            try:
                cursor.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        cursor.close()
