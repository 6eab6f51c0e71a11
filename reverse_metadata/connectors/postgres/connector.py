"""PostgreSQL 15 to 18 through psycopg 3.

Comments: https://www.postgresql.org/docs/current/sql-comment.html. DDL is transactional, a COMMENT takes a lock that
blocks neither readers nor writers of rows, a change of owner takes one that blocks both: so owners go in short
transactions of their own, and nothing waits for a lock longer than `lock_timeout`.
"""

import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from reverse_metadata.connectors import batches
from reverse_metadata.connectors.base import (
    Capabilities,
    Connector,
    ConnectorOptions,
    Missing,
    Need,
    Permit,
    Principal,
    Requests,
)
from reverse_metadata.connectors.characters import storable
from reverse_metadata.connectors.postgres import failures, grants, sql
from reverse_metadata.connectors.postgres.options import PostgresOptions, options_from_catalog
from reverse_metadata.connectors.postgres.reading import database_state, schema_state
from reverse_metadata.connectors.refusals import granting
from reverse_metadata.connectors.sqlstate import SPOILS_THE_TABLE
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import (
    Aspect,
    Change,
    EntityType,
    Outcome,
    Partition,
    SourceState,
    Statement,
    Verdict,
)

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]

_T = TypeVar("_T")

_ALL = (EntityType.DATABASE, EntityType.SCHEMA, EntityType.TABLE, EntityType.COLUMN)

_PRINCIPALS = """
SELECT r.rolname::text, pg_catalog.bool_or(s.oid IS NOT NULL)
FROM pg_catalog.pg_roles r
LEFT JOIN pg_catalog.pg_roles s
  ON (s.rolsuper OR s.rolname = ANY (%(administrators)s::text[])) AND pg_catalog.pg_has_role(r.oid, s.oid, 'MEMBER')
WHERE r.rolname = ANY (%(names)s::text[])
GROUP BY r.rolname
"""
_ADMINISTRATORS = ["rds_superuser", "cloudsqlsuperuser", "alloydbsuperuser", "azure_pg_admin"]
_ADDRESS = """
SELECT coalesce(pg_catalog.host(pg_catalog.inet_server_addr()), 'local'), pg_catalog.current_setting('port'),
       pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
"""
_CLUSTER = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()"

#: A connection that a firewall forgot, or whose server is gone, is noticed after a minute.
_KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
#: Seconds after which the server ends a transaction whose client fell silent: a dead host must not hold locks.
_SILENCE = 30


class PostgresConnector(Connector):
    """Reads and writes the databases of one PostgreSQL server, a connection each. Not to be shared by threads."""

    system: ClassVar[str] = "postgres"
    title: ClassVar[str] = "PostgreSQL"
    versions: ClassVar[str] = "15 to 18, TimescaleDB"
    tried_on: ClassVar[str] = "PostgreSQL 15 and 18"
    service_types: ClassVar[tuple[str, ...]] = ("Postgres", "Timescale")
    capabilities: ClassVar[Capabilities] = Capabilities(
        levels={Aspect.DESCRIPTION: _ALL, Aspect.OWNER: _ALL[:3]}, transactional=True, requests=Requests(schema=3)
    )
    options_type: ClassVar[type[ConnectorOptions]] = PostgresOptions
    options: PostgresOptions

    def __init__(self, options: ConnectorOptions) -> None:
        super().__init__(options)
        self._asked: tuple[str, str] | None = None
        self._connections: dict[str, psycopg.Connection[Any]] = {}

    @classmethod
    def options_from_catalog(cls, connection: Mapping[str, Any]) -> dict[str, Any]:
        """See `options.options_from_catalog`."""
        return options_from_catalog(connection)

    def close(self) -> None:
        """Close every connection. Safe to call twice."""
        while self._connections:
            self._connections.popitem()[1].close()

    def identity(self) -> str:
        """`<system identifier>@<address>:<port>/<database>`; the first is empty where the server does not tell it.

        A clone made from a storage snapshot has the same system identifier, so the address counts too.
        """

        cluster, address = self._server()
        return f"{cluster}@{address}/{self._home}"

    def place(self) -> str:
        """The cluster and the host as configured."""
        parameters = self.options.connection_parameters()
        return f"{self._server()[0]}@{parameters.get('host', '')}:{parameters.get('port', '')}"

    def read(self, partition: Partition, only: Collection[str] | None = None) -> SourceState:
        """One query for a database, three for a schema, in one snapshot."""
        path = self.options.rewritten(partition.path)
        if not all(map(sql.nameable, path)):
            return {}
        try:
            if partition.schema is None:
                what = f"database {path[0]}"
                return self._ask(self._home, what, lambda connection: database_state(connection, partition, path))
            what = f"schema {path[1]} of database {path[0]}"
            return self._ask(path[0], what, lambda connection: schema_state(connection, partition, path, only))
        except SourceError as error:
            if error.reason is Reason.MISSING_OBJECT:
                return {}
            raise

    def principals(self, names: Collection[str]) -> dict[str, Principal]:
        """The roles among the names. One that can become a superuser counts as one."""
        asked = {"names": [name for name in names if sql.nameable(name)], "administrators": _ADMINISTRATORS}
        rows = self._ask(self._home, "roles", lambda it: it.execute(_PRINCIPALS.encode(), asked).fetchall())
        return {name: Principal(name, superuser) for name, superuser in rows}

    def version(self) -> str:
        """As the server says it: `PostgreSQL 18.4`."""
        what = "the server's version"
        ((version,),) = self._ask(self._home, what, lambda it: it.execute(b"SHOW server_version").fetchall())
        return f"PostgreSQL {version}"

    def missing(self, partition: Partition, needs: Collection[Need]) -> list[Missing]:
        """See `grants.missing`; CONNECT is missing when the database cannot be opened."""
        path = self.options.rewritten(partition.path)
        database = self._database_of(partition)
        try:
            return self._ask(database, f"the privileges on {partition.key}", lambda it: grants.missing(it, needs, path))
        except SourceError as error:
            if error.reason is not Reason.MISSING_PRIVILEGE:
                raise
            what, _, grant = str(error).partition(" What is missing: ")
            return [Missing(what, (grant,) if grant else ())]

    def refuse(self, change: Change) -> tuple[Verdict, str] | None:
        """PostgreSQL holds any text but NUL and lone surrogates, of any length, and nothing is without an owner."""
        if change.value is None:
            if change.aspect is Aspect.OWNER:
                return Verdict.UNSUPPORTED, "PostgreSQL has nothing without an owner; name another one"
            return None
        if not storable(change.value):
            return Verdict.INVALID, "PostgreSQL cannot hold a NUL character or half of a surrogate pair; remove it"
        return None

    def resolve(self, changes: Iterable[Change]) -> list[Statement]:
        """One statement a change: PostgreSQL has no form that carries several."""
        return sql.resolve(changes, self.options.rewritten)

    def execute(
        self, partition: Partition, statements: list[Statement], permit: Permit = lambda: None
    ) -> Iterator[Outcome]:
        """At most 500 comments, or one owner, a transaction. A COMMIT without an answer is an `Unanswered` error."""
        database = self._database_of(partition)
        return batches.run_by_aspect(statements, lambda batch: self._send(database, partition, batch, permit))

    def settle(self, partition: Partition) -> None:
        """Take and release the lock under which every batch of this partition runs."""
        import psycopg

        database = self._database_of(partition)

        def once() -> None:
            connection = self._connection(database)
            try:
                with connection.transaction():
                    connection.execute(self._prelude(partition, lock_timeout=0))
            except psycopg.Error as error:
                self._drop_if_broken(database)
                raise failures.refused_lock(error, partition.key) from None

        try:
            batches.persistently(once)
        except SourceError as error:
            if error.reason is not Reason.MISSING_OBJECT:
                raise

    def _send(
        self, database: str, partition: Partition, batch: list[Statement], permit: Permit
    ) -> batches.Failure | None:
        """The batch in one round trip; when a statement fails, once more one by one, which tells the culprit."""
        texts = [statement.text.encode() for statement in batch]
        failure = self._transaction(database, partition, batch, [b";\n".join(texts)], permit)
        if failure is None or len(batch) == 1 or not failure.splits:
            return failure
        return self._transaction(database, partition, batch, texts, permit)

    def _transaction(
        self, database: str, partition: Partition, batch: list[Statement], messages: list[bytes], permit: Permit
    ) -> batches.Failure | None:
        """One transaction. COMMIT is a message of its own, so a writer that dies before it leaves nothing behind."""
        import psycopg

        try:
            connection = self._connection(database)
        except SourceError as error:
            return batches.Failure(error, spoils_all=True)
        try:
            connection.execute(b"BEGIN;" + self._prelude(partition, self.options.lock_timeout))
        except psycopg.Error as error:
            self._roll_back(database)
            return batches.Failure(failures.refused_lock(error, partition.key), spoils_all=True)
        try:
            permit()
        except BaseException:
            self._roll_back(database)
            raise
        for position, message in enumerate(messages):
            try:
                connection.execute(message)
            except psycopg.Error as error:
                self._roll_back(database)
                culprit = position if len(messages) == len(batch) else None
                return self._failure(error, database, batch[position], culprit)
        try:
            connection.execute(b"COMMIT")
        except psycopg.Error as error:
            self._roll_back(database)
            if failures.reason_of(error) is not Reason.CONNECTION:
                return self._failure(error, database, batch[0], None)
            return batches.unanswered(failures.message_of(error), lambda: self.settle(partition))
        return None

    def _failure(
        self, error: "psycopg.Error", database: str, statement: Statement, culprit: int | None
    ) -> batches.Failure:
        lacking = "" if culprit is None else self._lacking(error, database, statement)
        refused = failures.refused_statement(error, statement, lacking)
        spoils_table = error.sqlstate in SPOILS_THE_TABLE and refused.reason is not Reason.OTHER
        return batches.Failure(refused, culprit, spoils_table)

    def _lacking(self, error: "psycopg.Error", database: str, statement: Statement) -> str:
        import psycopg

        if failures.reason_of(error) is not Reason.MISSING_PRIVILEGE:
            return ""
        needs = [Need.of(change) for change in statement.changes]
        try:
            path = self.options.rewritten(statement.table)[:2]
            return granting(grants.missing(self._connection(database), needs, path))
        except (psycopg.Error, SourceError):
            # The advice is an extra; the refusal itself is reported either way.
            return ""

    def _prelude(self, partition: Partition, lock_timeout: float) -> bytes:
        """The bounds of a transaction, and the lock that makes two writers of one partition take turns."""
        name = "/".join(("reverse_metadata", *self.options.rewritten(partition.path)))
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
        key = int.from_bytes(digest[:8], signed=True)
        bounds = {
            "lock_timeout": lock_timeout,
            "statement_timeout": self.options.statement_timeout,
            "idle_in_transaction_session_timeout": _SILENCE,
        }
        settings = "".join(f"SET LOCAL {setting} = {_milliseconds(bound)};" for setting, bound in bounds.items())
        # Templates are read so: with the setting off, a backslash of their author would reach into a value.
        settings += "SET LOCAL standard_conforming_strings = on;"
        return f"{settings}SELECT pg_catalog.pg_advisory_xact_lock({key})".encode()

    def _ask(self, database: str, what: str, question: Callable[["Connection"], _T]) -> _T:
        """The answer to a question, from one snapshot; asked again while it fails for a reason that may pass."""
        import psycopg

        timeout = _milliseconds(self.options.statement_timeout)
        snapshot = (
            f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = {timeout}"
        )

        def once() -> _T:
            connection = self._connection(database)
            try:
                with connection.transaction():
                    connection.execute(snapshot.encode())
                    return question(connection)
            except psycopg.Error as error:
                self._drop_if_broken(database)
                raise failures.refused_read(error, what) from None

        return batches.persistently(once)

    def _server(self) -> tuple[str, str]:
        """The system identifier ("" where the server does not tell it) and the address, asked once."""

        def asked(connection: "Connection") -> tuple[str, str]:
            ((address, port, telling),) = connection.execute(_ADDRESS.encode()).fetchall()
            ((cluster,),) = connection.execute(_CLUSTER.encode()).fetchall() if telling else [("",)]
            return str(cluster), f"{address}:{port}"

        if self._asked is None:
            self._asked = self._ask(self._home, "the server's identity", asked)
        return self._asked

    @property
    def _home(self) -> str:
        return str(self.options.connection_parameters()["dbname"])

    def _database_of(self, partition: Partition) -> str:
        """Where statements run: a database can be described and handed over from any other, so from home."""
        return self._home if partition.schema is None else self.options.rewritten(partition.path)[0]

    def _connection(self, database: str) -> "Connection":
        import psycopg

        if database not in self._connections:
            parameters = _KEEPALIVE | self.options.connection_parameters()
            parameters |= {"dbname": database, "client_encoding": "UTF8"}
            try:
                # Prepared statements would break behind a pooler that gives each transaction another session.
                connection = psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)
                if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
                    _take_any_bytes(connection)
            except psycopg.Error as error:
                raise failures.refused_connection(error, database) from None
            self._connections[database] = connection
        return self._connections[database]

    def _roll_back(self, database: str) -> None:
        import psycopg

        connection = self._connections[database]
        try:
            connection.execute(b"ROLLBACK")
        except psycopg.Error:
            # The server ends a session's transaction with the session.
            connection.close()
        self._drop_if_broken(database)

    def _drop_if_broken(self, database: str) -> None:
        """Forget a connection that is gone, so that the next use opens another."""
        if database in self._connections and self._connections[database].closed:
            self._connections.pop(database).close()


def _take_any_bytes(connection: "Connection") -> None:
    """Show bytes that are no UTF-8 as `\\xe9`: a database with the encoding SQL_ASCII may hold any, and a session
    that asks for UTF-8 cannot read them."""
    from psycopg.adapt import Buffer, Loader

    class AnyText(Loader):
        def load(self, data: Buffer) -> str:
            return bytes(data).decode("utf-8", "backslashreplace")

    connection.execute("SET client_encoding = 'SQL_ASCII'")
    connection.adapters.register_loader("text", AnyText)


def _milliseconds(seconds: float) -> int:
    """0, which means no limit, stays 0."""
    return math.ceil(seconds * 1000)
