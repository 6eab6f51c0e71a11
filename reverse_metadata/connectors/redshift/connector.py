"""Amazon Redshift, provisioned and serverless, through its own driver.

It descends from PostgreSQL 8: DDL is transactional, and there is one statement a message. There are no advisory locks,
no lock_timeout and no way to end a transaction whose client fell silent. What stands in their place:

* A run asks for its lease when its transaction has begun, and once more just before COMMIT. A transaction that begins
  after the lease was lost is therefore never committed.
* Who follows a run that died, or was overtaken, waits for every transaction of its user that was open by then
  (`settle`), also for one that is idle: its COMMIT may still be on the way. What begins later cannot matter.
"""

import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any, ClassVar, TypeVar

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
from reverse_metadata.connectors.drivers import driver
from reverse_metadata.connectors.redshift import failures, grants, login, sql
from reverse_metadata.connectors.redshift.options import RedshiftOptions, options_from_catalog
from reverse_metadata.connectors.redshift.reading import database_state, is_shared, schema_state, shared_state
from reverse_metadata.connectors.refusals import Refusal, granting, named
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, Change, EntityType, Outcome, Partition, SourceState, Statement, Verdict

_T = TypeVar("_T")

_ALL = (EntityType.DATABASE, EntityType.SCHEMA, EntityType.TABLE, EntityType.COLUMN)
#: https://docs.aws.amazon.com/redshift/latest/dg/r_enable_case_sensitive_identifier.html: a name in quotes keeps its
#: case, so that it means the one table that has it.
_SESSION = "SET enable_case_sensitive_identifier TO true"
_NAMESPACE = "SELECT current_namespace"
_VERSION = "SELECT version()"
_PRINCIPALS = "SELECT usename, usesuper FROM pg_user WHERE usename IN ({})"
_MYSELF = "SELECT current_user, pg_backend_pid()"
# Every user sees its own, and the row of a transaction id whose lock is granted is an open transaction, idle or not:
# https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_TRANSACTIONS.html
_OPEN = """
SELECT DISTINCT xid, pid FROM svv_transactions
WHERE trim(lockable_object_type) = 'transactionid' AND granted
  AND trim(txn_owner) = %s AND trim(txn_db) = %s AND pid <> %s
"""
_SCHEMAS = (
    "Redshift's manual counts schemas among what can be described and has no COMMENT ON SCHEMA in its syntax: this"
    " server does not take it."
)
#: Seconds for which an answer may be late.
_GRACE = 30


class RedshiftConnector(Connector):
    """Reads and writes the databases of one cluster or workgroup, a connection each. Not to be shared by threads."""

    system: ClassVar[str] = "redshift"
    title: ClassVar[str] = "Amazon Redshift"
    versions: ClassVar[str] = "provisioned, serverless"
    tried_on: ClassVar[str] = "PostgreSQL behind Redshift's driver"
    service_types: ClassVar[tuple[str, ...]] = ("Redshift",)
    capabilities: ClassVar[Capabilities] = Capabilities(
        levels={Aspect.DESCRIPTION: _ALL, Aspect.OWNER: _ALL[:3]}, transactional=True, requests=Requests(schema=6)
    )
    options_type: ClassVar[type[ConnectorOptions]] = RedshiftOptions
    options: RedshiftOptions

    def __init__(self, options: ConnectorOptions) -> None:
        super().__init__(options)
        self._connections: dict[str, Any] = {}
        self._shared: dict[str, bool] = {}

    @classmethod
    def options_from_catalog(cls, connection: Mapping[str, Any]) -> dict[str, Any]:
        """See `options.options_from_catalog`."""
        return options_from_catalog(connection)

    def close(self) -> None:
        """Close every connection. Safe to call twice."""
        while self._connections:
            with suppress(Exception):
                self._connections.popitem()[1].close()

    def identity(self) -> str:
        """The namespace, which belongs to one cluster or workgroup for good, and the database.

        https://docs.aws.amazon.com/redshift/latest/dg/r_CURRENT_NAMESPACE.html
        """
        return f"{self._namespace()}/{self.options.database}"

    def place(self) -> str:
        """The namespace: a cluster restored from a snapshot has another one."""
        return self._namespace()

    def read(self, partition: Partition, only: Collection[str] | None = None) -> SourceState:
        """Two queries for a database; six at most for a schema, four for one that is external or of a datashare."""
        path = self.options.rewritten(partition.path)
        if not all(map(sql.nameable, path)):
            return {}
        names = None if only is None else [name for name in only if sql.nameable(name)]
        try:
            if self._is_shared(path[0]):
                what = f"{'.'.join(path)} of a datashare"
                return self._ask(self.options.database, what, lambda ask: shared_state(ask, partition, path, names))
            if partition.schema is None:
                return self._ask(path[0], f"database {path[0]}", lambda ask: database_state(ask, partition, path))
            what = f"schema {path[1]} of database {path[0]}"
            return self._ask(path[0], what, lambda ask: schema_state(ask, partition, path, names))
        except SourceError as error:
            if error.reason is Reason.MISSING_OBJECT:
                return {}
            raise

    def principals(self, names: Collection[str]) -> dict[str, Principal]:
        """The users among the names; groups and roles own nothing.

        https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html
        """
        asked = [name for name in names if sql.nameable(name)]
        if not asked:
            return {}
        query = _PRINCIPALS.format(", ".join(["%s"] * len(asked)))
        rows = self._ask(self.options.database, "users", lambda ask: ask(query, *asked))
        return {name: Principal(name, bool(superuser)) for name, superuser in rows}

    def version(self) -> str:
        """As the server says it: `Redshift 1.0.117891`."""
        ((version,),) = self._ask(self.options.database, "the server's version", lambda ask: ask(_VERSION))
        return str(version).rpartition(", ")[2]

    def missing(self, partition: Partition, needs: Collection[Need]) -> list[Missing]:
        """See `grants.missing`. Nothing of a datashare can be written, with whatever privilege."""
        path = self.options.rewritten(partition.path)
        if self._is_shared(path[0]):
            return []
        what = f"the privileges on {partition.key}"
        return self._ask(path[0], what, lambda ask: grants.missing(ask, needs, path))

    def refuse(self, change: Change) -> tuple[Verdict, str] | None:
        """See `sql.unsupported`. Any text can be held but NUL and lone surrogates, and nothing is without an owner."""
        if why := sql.unsupported(change.kind, change.aspect):
            return Verdict.UNSUPPORTED, why
        if change.value is None:
            if change.aspect is Aspect.OWNER:
                return Verdict.UNSUPPORTED, "Redshift has nothing without an owner; name another one"
            return None
        if not storable(change.value):
            return Verdict.INVALID, "Redshift cannot hold a NUL character or half of a surrogate pair; remove it"
        return None

    def resolve(self, changes: Iterable[Change]) -> list[Statement]:
        """One statement a change: Redshift has no form that carries several."""
        return sql.resolve(changes, self.options.rewritten)

    def execute(
        self, partition: Partition, statements: list[Statement], permit: Permit = lambda: None
    ) -> Iterator[Outcome]:
        """At most 500 comments, or one owner, a transaction. A COMMIT without an answer is an `Unanswered` error."""
        database = self.options.rewritten(partition.path)[0]
        return batches.run_by_aspect(statements, lambda batch: self._send(database, partition, batch, permit))

    def settle(self, partition: Partition) -> None:
        """Wait until every transaction that this user has open in the database by now, in other sessions, has ended.

        A run whose lease is lost commits none that it begins from now on. Raises SourceError when one is still open
        after `statement_timeout`, and says how to end it.
        """
        database = self.options.rewritten(partition.path)[0]
        deadline = time.monotonic() + self.options.statement_timeout
        try:
            left = self._open_elsewhere(database)
            while left:
                if time.monotonic() > deadline:
                    ends = " ".join(f"SELECT pg_terminate_backend({pid});" for pid in sorted({pid for _, pid in left}))
                    raise SourceError(
                        Reason.LOCK_TIMEOUT,
                        f"waiting for what an earlier run left open in database {database}, before {partition.key} is"
                        f" written: it has not ended. The next run tries again; nobody has to wait after: {ends}",
                    )
                batches.pause(1)
                left &= self._open_elsewhere(database)
        except SourceError as error:
            if error.reason is not Reason.MISSING_OBJECT:
                raise

    def _open_elsewhere(self, database: str) -> set[tuple[int, int]]:
        """The open transactions of this user's other sessions in the database, as transaction and process."""

        def asked(ask: Callable[..., Any]) -> set[tuple[int, int]]:
            ((user, pid),) = ask(_MYSELF)
            return {(int(xid), int(other)) for xid, other in ask(_OPEN, user, database, pid)}

        return self._ask(database, "which transactions are open", asked)

    def _send(
        self, database: str, partition: Partition, batch: list[Statement], permit: Permit
    ) -> batches.Failure | None:
        """One transaction. COMMIT is a message of its own, so a writer that dies before it leaves nothing behind."""
        try:
            connection = self._connection(database)
            self._run(connection, "BEGIN")
        except Exception as error:
            told = (
                error if isinstance(error, SourceError) else self._meaning(error, database).error("beginning to write")
            )
            return batches.Failure(told, spoils_all=True)
        try:
            permit()
            for position, statement in enumerate(batch):
                for text in statement.sql or (statement.text,):
                    try:
                        self._run(connection, text)
                    except Exception as error:
                        return self._failure(error, database, partition, position, statement)
            permit()
        except BaseException:
            self._roll_back(database)
            raise
        return self._commit(connection, database, partition, batch[0])

    def _commit(self, connection: Any, database: str, partition: Partition, first: Statement) -> batches.Failure | None:
        try:
            self._run(connection, "COMMIT")
        except Exception as error:
            refusal = self._meaning(error, database)
            self._roll_back(database)
            if failures.is_answer(error) and refusal.reason is not Reason.CONNECTION:
                return batches.Failure(refusal.error(named(first)))
            self._forget(database)
            return batches.unanswered(refusal.message, lambda: self.settle(partition))
        return None

    def _failure(
        self, error: Exception, database: str, partition: Partition, position: int, statement: Statement
    ) -> batches.Failure:
        refusal = self._meaning(error, database)
        self._roll_back(database)
        lacking = ""
        if refusal.reason is Reason.MISSING_PRIVILEGE:
            with suppress(SourceError):  # the advice is an extra; the refusal itself is reported either way
                lacking = granting(self.missing(partition, [Need.of(change) for change in statement.changes]))
        if refusal.reason is Reason.CONNECTION:
            return batches.Failure(refusal.error(named(statement)), spoils_all=True)
        if statement.changes[0].kind == "schema" and failures.is_no_such_form(error):
            lacking = _SCHEMAS
        return batches.Failure(refusal.error(named(statement), lacking), position, refusal.spoils_table)

    def _is_shared(self, database: str) -> bool:
        """Whether the database was made of a datashare, asked once; from home, as it may not be possible to open it."""
        if database not in self._shared:
            what = f"what database {database} is"
            self._shared[database] = self._ask(self.options.database, what, lambda ask: is_shared(ask, database))
        return self._shared[database]

    def _namespace(self) -> str:
        ((namespace,),) = self._ask(self.options.database, "the namespace", lambda ask: ask(_NAMESPACE))
        return str(namespace)

    def _ask(self, database: str, what: str, question: Callable[[Callable[..., Any]], _T]) -> _T:
        """The answer to a question; asked again while it fails for a reason that may pass."""

        def once() -> _T:
            connection = self._connection(database)
            try:
                return question(lambda query, *parameters: self._run(connection, query, parameters))
            except Exception as error:
                raise self._meaning(error, database).error(f"reading {what}") from None

        return batches.persistently(once)

    def _run(self, connection: Any, text: str, parameters: Sequence[Any] = ()) -> list[Sequence[Any]]:
        """The rows of one statement. Without parameters the driver sends the text as it is."""
        with closing(connection.cursor()) as cursor:
            cursor.execute(text, list(parameters) or None)
            return list(cursor.fetchall()) if cursor.description else []

    def _connection(self, database: str) -> Any:
        if database not in self._connections:
            self._connections[database] = self._connect(database)
        return self._connections[database]

    def _connect(self, database: str) -> Any:
        """A new connection whose session is bounded. Raises SourceError."""
        what = f"connecting to database {database}"
        redshift = driver("redshift_connector", "redshift")
        try:
            connection = redshift.connect(**login.parameters(self.options, database))
        except SourceError:
            raise
        except Exception as error:
            if (aws := failures.of_aws(error, what)) is not None:
                raise aws from None
            raise self._meaning(error, database).error(what) from None
        try:
            connection.autocommit = True
            # The driver's `timeout` is of the socket, and would end every statement that takes longer. The server ends
            # them by itself; a server that does not answer at all is given up a little later.
            connection._usock.settimeout(self.options.statement_timeout + _GRACE)
            self._run(connection, _SESSION)
            self._run(connection, f"SET statement_timeout TO {math.ceil(self.options.statement_timeout * 1000)}")
        except Exception as error:
            with suppress(Exception):
                connection.close()
            raise self._meaning(error, database).error(what) from None
        return connection

    def _roll_back(self, database: str) -> None:
        connection = self._connections.get(database)
        if connection is None:
            return
        try:
            self._run(connection, "ROLLBACK")
        except Exception:
            # The server ends a session's transaction with the session.
            self._forget(database)

    def _meaning(self, error: Exception, database: str) -> Refusal:
        """What the error means; a connection that is gone is forgotten. Raises it when it is not the driver's."""
        if not failures.is_driver_error(error, driver("redshift_connector.error", "redshift").Error):
            raise error
        refusal = failures.refusal_of(error)
        if refusal.reason is Reason.CONNECTION:
            self._forget(database)
        return refusal

    def _forget(self, database: str) -> None:
        connection = self._connections.pop(database, None)
        if connection is not None:
            with suppress(Exception):
                connection.close()
