"""Amazon Redshift, provisioned and serverless, through its own driver.

It descends from PostgreSQL 8: DDL is transactional, and there is one statement a message. There are no advisory locks,
no lock_timeout and no way to end a transaction whose client fell silent. So a run asks once more for its lease just
before it commits, and who follows a run that died waits for what of it is still at work.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from itertools import groupby
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
from reverse_metadata.connectors.drivers import driver
from reverse_metadata.connectors.redshift import failures, grants, sql
from reverse_metadata.connectors.redshift.options import RedshiftOptions, options_from_catalog
from reverse_metadata.connectors.redshift.reading import database_state, schema_state
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
# https://docs.aws.amazon.com/redshift/latest/dg/r_STV_RECENTS.html: a user sees its own.
_AT_WORK = """
SELECT count(*) FROM stv_recents
WHERE trim(status) = 'Running' AND trim(user_name) = current_user AND trim(db_name) = current_database()
  AND pid <> pg_backend_pid() AND (query ILIKE 'commit%' OR query ILIKE 'comment on %' OR query ILIKE 'alter %')
"""
#: A change of owner keeps others from the table until its transaction ends.
_OWNERS_A_TRANSACTION = 1


class RedshiftConnector(Connector):
    """Reads and writes the databases of one cluster or workgroup, a connection each. Not to be shared by threads."""

    system: ClassVar[str] = "redshift"
    title: ClassVar[str] = "Amazon Redshift"
    versions: ClassVar[str] = "provisioned, serverless"
    tried_on: ClassVar[str] = "PostgreSQL behind Redshift's driver"
    service_types: ClassVar[tuple[str, ...]] = ("Redshift",)
    capabilities: ClassVar[Capabilities] = Capabilities(
        levels={Aspect.DESCRIPTION: _ALL, Aspect.OWNER: _ALL[:3]}, transactional=True, requests=Requests(schema=5)
    )
    options_type: ClassVar[type[ConnectorOptions]] = RedshiftOptions
    options: RedshiftOptions

    def __init__(self, options: ConnectorOptions) -> None:
        super().__init__(options)
        self._connections: dict[str, Any] = {}

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
        """One query for a database; five at most for a schema, three for an external one."""
        path = self.options.rewritten(partition.path)
        if not all(map(sql.nameable, path)):
            return {}
        try:
            if partition.schema is None:
                return self._ask(path[0], f"database {path[0]}", lambda ask: database_state(ask, partition, path))
            what = f"schema {path[1]} of database {path[0]}"
            names = None if only is None else [name for name in only if sql.nameable(name)]
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
        """See `grants.missing`."""
        path = self.options.rewritten(partition.path)
        what = f"the privileges on {partition.key}"
        return self._ask(path[0], what, lambda ask: grants.missing(ask, needs, path))

    def refuse(self, change: Change) -> tuple[Verdict, str] | None:
        """No NUL; nothing of an external table; no columns of a late-binding view; nothing without an owner.

        https://docs.aws.amazon.com/redshift/latest/dg/r_COMMENT.html
        """
        if change.kind in ("external table", "external column"):
            return (
                Verdict.UNSUPPORTED,
                "Redshift has no comments on external tables, which stand in the catalog of the lake: push them there",
            )
        if change.kind == "late-binding column":
            return Verdict.UNSUPPORTED, "Redshift has no comments on the columns of a late-binding view"
        if change.value is None:
            if change.aspect is Aspect.OWNER:
                return Verdict.UNSUPPORTED, "Redshift has nothing without an owner; name another one"
            return None
        if "\0" in change.value or any("\ud800" <= character <= "\udfff" for character in change.value):
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
        for aspect, group in groupby(statements, key=lambda statement: statement.aspect):
            size = _OWNERS_A_TRANSACTION if aspect is Aspect.OWNER else 500
            yield from batches.run(group, lambda batch: self._send(database, partition, batch, permit), size=size)

    def settle(self, partition: Partition) -> None:
        """Wait until no session of this user writes to the database: a COMMIT may outlive the run that sent it.

        What was not sent to be committed when a run died never will be.
        """
        database = self.options.rewritten(partition.path)[0]
        end = time.monotonic() + self.options.statement_timeout
        while True:
            try:
                ((count,),) = self._ask(database, "what is at work", lambda ask: ask(_AT_WORK))
            except SourceError as error:
                if error.reason is Reason.MISSING_OBJECT:
                    return
                raise
            if not count:
                return
            if time.monotonic() > end:
                raise SourceError(
                    Reason.LOCK_TIMEOUT, f"a session of an earlier run is still writing to {partition.key}; try again"
                )
            batches.pause(1)

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
            if refusal.reason is not Reason.CONNECTION:
                return batches.Failure(refusal.error(named(first)))
            lost = f"the connection was lost before COMMIT was answered: {refusal.message}"
            with suppress(SourceError):
                # The server may still be at it; whoever reads back wants to read the end of it.
                self.settle(partition)
            return batches.Failure(batches.Unanswered(Reason.CONNECTION, lost))
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
        return batches.Failure(refusal.error(named(statement), lacking), position, refusal.spoils_table)

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
            redshift = driver("redshift_connector", "redshift")
            try:
                connection = redshift.connect(**self.options.connection_parameters(database))
                connection.autocommit = True
                self._connections[database] = connection
                self._run(connection, _SESSION)
                self._run(connection, f"SET statement_timeout TO {int(self.options.statement_timeout * 1000)}")
            except Exception as error:
                raise self._meaning(error, database).error(f"connecting to database {database}") from None
        return self._connections[database]

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
