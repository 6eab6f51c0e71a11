"""MySQL 8 and later, MariaDB 10.5 and later, through PyMySQL.

Neither has transactions around DDL: each ALTER TABLE is committed by itself, whole or not at all. It needs its table
to itself for a moment, waits for every transaction that has touched it, and whoever comes later waits behind it; so
nothing waits for longer than `lock_timeout`. https://dev.mysql.com/doc/refman/8.4/en/metadata-locking.html
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import Any, ClassVar

from reverse_metadata.connectors.base import (
    Capabilities,
    ConnectorOptions,
    Missing,
    Need,
    Permit,
    Requests,
    ordered,
)
from reverse_metadata.connectors.characters import encodable
from reverse_metadata.connectors.mysql import failures, reading, sql
from reverse_metadata.connectors.mysql.definitions import Unrepeatable, columns
from reverse_metadata.connectors.mysql.grants import Grants, missing
from reverse_metadata.connectors.mysql.options import MysqlOptions, options_from_catalog
from reverse_metadata.connectors.refusals import Refusal
from reverse_metadata.connectors.sql import Row, SqlConnector
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import (
    Aspect,
    Change,
    EntityType,
    Outcome,
    Partition,
    Path,
    SourceObject,
    SourceState,
    Statement,
    Verdict,
)

_SERVER = "SELECT VERSION(), @@version_comment, @@lower_case_table_names, @@explicit_defaults_for_timestamp"
_CIPHER = "SHOW SESSION STATUS LIKE 'Ssl_cipher'"
#: A definition is shown and read by these: with any other mode, or time zone, it could be read as another one. Strict,
#: so that a text that is too long is an error; without the modes that refuse dates which stand in a definition already.
_SESSION = """
SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', sql_quote_show_create = 1, time_zone = '+00:00',
lock_wait_timeout = {lock_timeout}
"""
#: The history of a system-versioned table loses nothing by a comment: https://mariadb.com/kb/en/system-versioned-tables/
_MARIADB_SESSION = "SET SESSION system_versioning_alter_history = KEEP, max_statement_time = {statement_timeout}"
#: Without it, a timestamp that says nothing of its default would be given one.
_TIMESTAMPS = "SET SESSION explicit_defaults_for_timestamp = ON"
#: A server of MariaDB has no identifier of its own; those of two that run on one machine differ by their files.
_IDENTITY = "SHOW VARIABLES WHERE Variable_name IN ('server_uuid', 'hostname', 'port', 'datadir')"
#: Seconds after which the server ends a session that holds the lock of a partition and fell silent.
_SILENCE = 60

_SHOW_CREATE = "SHOW CREATE TABLE "

_LEVELS = (EntityType.SCHEMA, EntityType.TABLE, EntityType.COLUMN)
_REBUILDING = (reading.STORED_COLUMN, reading.INDEXED_COLUMN, reading.JSON_COLUMN)
_UNSUPPORTED = {
    reading.UNCOMMENTED_SCHEMA: "MySQL has no place for a description of a database; MariaDB has",
    reading.VIEW: "views have no comments; describe the tables below it",
    reading.VIEW_COLUMN: "columns of views have no comments; describe those of the tables below",
    reading.CONFIGURED_TABLE: "the engine takes the comment of this table for settings, and a text would end them",
    reading.CONFIGURED_COLUMN: "the engine of this table takes comments for settings, those of columns, too",
    reading.SEQUENCE_COLUMN: "the columns of a sequence are the engine's own",
    reading.PERIOD_COLUMN: "the columns of a system-versioned period cannot be repeated in an ALTER TABLE",
}


class MysqlConnector(SqlConnector):
    """Reads and writes the schemas of one server. Not to be shared by threads."""

    system: ClassVar[str] = "mysql"
    title: ClassVar[str] = "MySQL, MariaDB"
    versions: ClassVar[str] = "MySQL 8.0 to 9, MariaDB 10.5.17 to 11"
    tried_on: ClassVar[str] = "MariaDB 10.11"
    service_types: ClassVar[tuple[str, ...]] = ("Mysql", "MariaDB")
    capabilities: ClassVar[Capabilities] = Capabilities(
        levels={Aspect.DESCRIPTION: _LEVELS},
        transactional=False,
        requests=Requests(schema=4, resolve=1),
        together=True,
        # https://dev.mysql.com/doc/refman/8.4/en/create-table.html, https://mariadb.com/kb/en/create-table/ and
        # https://mariadb.com/kb/en/create-database/#comment
        limits=dict(zip(((Aspect.DESCRIPTION, level) for level in _LEVELS), (1024, 2048, 1024), strict=True)),
    )
    options_type: ClassVar[type[ConnectorOptions]] = MysqlOptions
    options: MysqlOptions

    def __init__(self, options: ConnectorOptions) -> None:
        super().__init__(options)
        self._server: reading.Server | None = None
        self._variables: dict[str, str] | None = None
        self._claimed: tuple[Any, str] | None = None
        #: What the definitions in a statement were taken from, by its text.
        self._made_of: dict[str, str] = {}

    @classmethod
    def options_from_catalog(cls, connection: Mapping[str, Any]) -> dict[str, Any]:
        """See `options.options_from_catalog`."""
        return options_from_catalog(connection)

    def identity(self) -> str:
        """`<server's UUID>@<host>:<port><directory>`, as the server says them; MariaDB has no UUID."""
        known = self._identity()
        return f"{known.get('server_uuid', '')}@{known['hostname']}:{known['port']}{known['datadir']}"

    def place(self) -> str:
        """The server's UUID and the address as configured."""
        address = self.options.unix_socket or f"{self.options.host}:{self.options.port}"
        return f"{self._identity().get('server_uuid', '')}@{address}"

    def version(self) -> str:
        """`MariaDB 10.11.6-MariaDB (Debian 12)`, `MySQL 8.4.3 (MySQL Community Server - GPL)`."""
        server = self._answering()
        return f"{'MariaDB' if server.mariadb else 'MySQL'} {server.version} ({server.comment})"

    def read(self, partition: Partition, only: Collection[str] | None = None) -> SourceState:
        """Three queries, and one more on MariaDB; none for the database, which the catalog invents."""
        if partition.schema is None:
            return {partition.path: SourceObject(partition.path, "database")}
        path = self.options.rewritten(partition.path)
        if not sql.nameable(path[1]):
            return {}
        server = self._answering()

        def ask(query: str, parameters: Sequence[Any]) -> list[Row]:
            return self.ask(f"schema {path[1]}", query, parameters)

        return reading.schema_state(ask, server, partition, path, only)

    def missing(self, partition: Partition, needs: Collection[Need]) -> list[Missing]:
        """Two queries, see `grants.missing`."""
        path = self.options.rewritten(partition.path)
        writable = [need for need in needs if need.kind not in _UNSUPPORTED]
        if partition.schema is None or not writable or not sql.nameable(path[1]):
            return []
        server = self._answering()
        what = f"the privileges on {partition.key}"
        grants = Grants((line for (line,) in self.ask(what, "SHOW GRANTS")), server)
        rows = self.ask(
            what,
            "SELECT CURRENT_USER(), table_schema, table_name FROM (SELECT 1) AS one LEFT JOIN information_schema.tables"
            " ON table_schema = %s",
            (path[1],),
        )
        tables = [table for _, schema, table in rows if schema is not None and server.same(schema, path[1])]
        return missing(writable, path, grants, tables, rows[0][0], server)

    def refuse(self, change: Change) -> tuple[Verdict, str] | None:
        """Objects without a place for a comment, columns whose comment would rebuild the table, and what utf8mb3, in
        which comments are stored, cannot hold."""
        if change.kind in _UNSUPPORTED:
            return Verdict.UNSUPPORTED, _UNSUPPORTED[change.kind]
        if change.kind in _REBUILDING and not self.options.rebuild_tables:
            return Verdict.UNSAFE, (
                f"the whole table would be built anew to describe a {change.kind}; where that is meant, set "
                "`rebuild_tables: true` in the block of the service"
            )
        text = change.value or ""
        if "\0" in text:
            # MariaDB cuts the comment of a table off there, and more.
            return Verdict.INVALID, "comments cannot hold a NUL character; remove it"
        if not encodable(text):
            return Verdict.INVALID, "comments cannot hold half of a surrogate pair; remove it"
        if any(character > "\uffff" for character in text):
            return (
                Verdict.INVALID,
                "comments would turn characters beyond U+FFFF (emoji) into question marks; remove them",
            )
        return None

    def resolve(self, changes: Iterable[Change]) -> list[Statement]:
        """One statement a table, and another for columns whose comment rebuilds it. Asks SHOW CREATE TABLE once for
        each table whose columns change."""
        statements: list[Statement] = []
        for table, group in groupby(ordered(changes), key=lambda change: change.table):
            path = self.options.rewritten(table)
            if len(path) < 3:
                statements += [sql.of_schema(change, path) for change in group]
                continue
            statements += self._of_table(list(group), path)
        return statements

    def _of_table(self, changes: list[Change], path: Path) -> list[Statement]:
        created = ""
        try:
            if _describes_columns(changes):
                ((_, created),) = self.ask(f"table {path[1]}.{path[2]}", _SHOW_CREATE + sql.dotted(path))
            defined = columns(created)
        except SourceError as error:
            if error.reason not in (Reason.MISSING_OBJECT, Reason.MISSING_PRIVILEGE):
                raise
            # Whoever sends the statement is told the same, and this table alone fails.
            return [sql.undefined(changes, path)]
        except Unrepeatable:
            return [sql.undefined(changes, path)]
        rebuilding = _REBUILDING if self.options.rebuild_tables else ()
        statements, unable = sql.of_table(changes, path, defined, rebuilding)
        self._made_of |= {statement.text: created for statement in statements}
        return [*statements, *(sql.undefined([change], path) for change in unable)]

    def execute(
        self, partition: Partition, statements: list[Statement], permit: Permit = lambda: None
    ) -> Iterator[Outcome]:
        """One statement after the other, under the lock of the partition."""
        try:
            yield from super().execute(partition, statements, permit)
        finally:
            self._made_of.clear()
            self._release()

    def settle(self, partition: Partition) -> None:
        """Take and release the lock that whoever writes to the partition holds until his session has ended: the server
        ends the one of a dead run with its last statement."""
        name = self._lock(partition)
        what = f"whether an earlier writer of {partition.key} has ended"
        got = self.ask(what, "SELECT GET_LOCK(%s, %s)", (name, self.options.statement_timeout))
        if got != [(1,)]:
            raise SourceError(Reason.LOCK_TIMEOUT, f"an earlier writer of {partition.key} has not ended yet")
        self.ask(what, "SELECT RELEASE_LOCK(%s)", (name,))

    def connect(self) -> Any:
        """A session whose settings are ours."""
        import pymysql

        # As bytes: SHOW CREATE TABLE shows bytes of defaults that are no UTF-8.
        parameters = {**self.options.connection_parameters(), "use_unicode": False}
        connection = pymysql.connect(**parameters, charset="utf8mb4", autocommit=True)
        try:
            if "ssl" in parameters and not self.run(connection, _CIPHER)[0][1]:
                # Older drivers go on without it.
                raise failures.Refused(Reason.OTHER, "the server has no TLS, which ssl_mode asks for")
            ((version, comment, folds, explicit),) = self.run(connection, _SERVER)
            self._server = reading.Server(version, comment, folds != 0)
            self.run(connection, _SESSION.format(lock_timeout=self.options.lock_timeout))
            if self._server.mariadb:
                self.run(connection, _MARIADB_SESSION.format(statement_timeout=self.options.statement_timeout))
            if not explicit:
                self.run(connection, _TIMESTAMPS)
        except BaseException:
            connection.close()
            raise
        return connection

    def run(self, connection: Any, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        """The rows of one statement; bytes that are no UTF-8 come as lone surrogates."""
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return [tuple(map(_decoded, row)) for row in cursor.fetchall()]

    def refusal(self, error: Exception) -> Refusal | None:
        """See `failures.refusal`."""
        return failures.refusal(error)

    def claim(self, connection: Any, partition: Partition) -> None:
        """Hold the lock of the partition, which the server takes back when the session ends.

        It takes no privilege. https://dev.mysql.com/doc/refman/8.4/en/locking-functions.html
        """
        name = self._lock(partition)
        if self._claimed == (connection, name):
            return
        self.run(connection, f"SET SESSION wait_timeout = {_SILENCE}")
        if self.run(connection, "SELECT GET_LOCK(%s, %s)", (name, self.options.lock_timeout)) != [(1,)]:
            raise failures.Refused(Reason.LOCK_TIMEOUT, "another writer holds the lock of this partition")
        self._claimed = connection, name

    def deliver(self, connection: Any, statement: Statement) -> None:
        """Send a statement; one that repeats definitions after a last look at them, with nobody else in the table: who
        waits for it before us may alter it.

        Without the privilege LOCK TABLES, and where a default is another table's, a statement does not wait for its
        turn; on MySQL it waits for a second, which is the least. https://mariadb.com/kb/en/lock-tables/,
        https://dev.mysql.com/doc/refman/8.4/en/server-system-variables.html#sysvar_lock_wait_timeout

        Where the engine could only do it by building the table anew, it is sent again without the guard if that is
        allowed.
        """
        if statement.sql or not _describes_columns(statement.changes):
            super().deliver(connection, statement)
            return
        try:
            with self._between(connection, f"LOCK TABLES {self._named(statement.table)} WRITE", "UNLOCK TABLES"):
                self._repeat(connection, statement)
        except Exception as error:
            if not failures.is_not_lockable(error):
                raise
            shortest = 0 if self._answering().mariadb else 1
            patience = "SET SESSION lock_wait_timeout = {}".format
            with self._between(connection, patience(shortest), patience(self.options.lock_timeout)):
                self._repeat(connection, statement)

    def _repeat(self, connection: Any, statement: Statement) -> None:
        self._look_again(connection, statement)
        try:
            super().deliver(connection, statement)
        except Exception as error:
            if not self.options.rebuild_tables or not failures.would_rebuild(error):
                raise
            self._look_again(connection, statement)
            self.run(connection, statement.text.removesuffix(sql.INSTANT))

    @contextmanager
    def _between(self, connection: Any, before: str, after: str) -> Iterator[None]:
        """One statement before the block and another after it, whatever happened there."""
        self.run(connection, before)
        try:
            yield
        except BaseException:
            # The first error is the one to tell; a session that is gone holds nothing.
            with suppress(Exception):
                self.run(connection, after)
            raise
        self.run(connection, after)

    def _named(self, table: Path) -> str:
        return sql.dotted(self.options.rewritten(table))

    def _look_again(self, connection: Any, statement: Statement) -> None:
        """Raise Refused when the statement would repeat what does not stand in the source any more."""
        path = self.options.rewritten(statement.table)
        ((_, created),) = self.run(connection, _SHOW_CREATE + self._named(statement.table))
        if self._made_of.get(statement.text) == created:
            return
        try:
            defined = columns(created)
            for change in statement.changes:
                if change.type is EntityType.COLUMN:
                    defined[change.path[3]].commented("")
        except KeyError as error:
            raise failures.Refused(Reason.MISSING_OBJECT, f"there is no column {error.args[0]}") from None
        except Unrepeatable as error:
            raise failures.Refused(Reason.OTHER, f"the definition cannot be repeated: {error}") from None
        rebuilding = () if statement.text.endswith(sql.INSTANT) else _REBUILDING
        fresh, _ = sql.of_table(statement.changes, path, defined, rebuilding)
        if [each.text for each in fresh] != [statement.text]:
            raise failures.Refused(
                Reason.OTHER, "the table was altered after its definition was read; the next run reads it again"
            )

    def _answering(self) -> reading.Server:
        """The server that answers, asked when the session begins. Raises SourceError."""
        if self._server is None:
            self._connection()
        assert self._server is not None
        return self._server

    def _identity(self) -> dict[str, str]:
        if self._variables is None:
            self._variables = dict(self.ask("the server's identity", _IDENTITY))
        return self._variables

    def _lock(self, partition: Partition) -> str:
        """The name of the partition's lock: 64 characters at most, and case does not matter."""
        path = self.options.rewritten(partition.path)
        digest = hashlib.sha256("/".join(path[1:]).lower().encode("utf-8", "surrogatepass")).hexdigest()
        return f"reverse_metadata/{digest[:32]}"

    def _release(self) -> None:
        """Give the lock of a partition back."""
        claimed, self._claimed = self._claimed, None
        if claimed is None or claimed[0] is not self._opened:
            return
        connection, name = claimed
        try:
            self.run(connection, "SELECT RELEASE_LOCK(%s)", (name,))
            self.run(connection, "SET SESSION wait_timeout = DEFAULT")
        except Exception as error:
            # With its session, the lock is gone as well.
            self._meaning(error)
            self.close()


def _describes_columns(changes: Iterable[Change]) -> bool:
    return any(change.type is EntityType.COLUMN for change in changes)


def _decoded(value: Any) -> Any:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
