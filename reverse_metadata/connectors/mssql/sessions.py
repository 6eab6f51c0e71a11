"""The sessions of a server: one for each database, and what their errors mean."""

import hashlib
import math
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any, TypeVar

from reverse_metadata.connectors import batches
from reverse_metadata.connectors.drivers import driver
from reverse_metadata.connectors.mssql import failures
from reverse_metadata.connectors.mssql.options import MssqlOptions
from reverse_metadata.connectors.refusals import Refusal, told
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Partition

_T = TypeVar("_T")

_ACCESS = "SELECT HAS_DBACCESS(?)"
_ROLL_BACK = "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION"
#: The driver's words for what the server says when a database cannot be opened.
_DENIED = "Syntax error or access violation"


class Sessions:
    """The connections that are open, by database. Every failure of the driver leaves as a SourceError or a Refusal."""

    def __init__(self, options: MssqlOptions) -> None:
        self._options = options
        self._connections: dict[str, Any] = {}

    def close(self) -> None:
        """Close every connection. Safe to call twice."""
        for database in list(self._connections):
            self.forget(database)

    def begin(self, connection: Any, partition: Partition, lock_timeout: float) -> None:
        """A transaction that has the partition's lock. Raises SourceError."""
        name = "/".join(("reverse_metadata", *self._options.rewritten(partition.path)))
        resource = f"reverse_metadata {hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"
        begin = (
            "BEGIN TRANSACTION;\nDECLARE @granted int;\n"
            f"EXEC @granted = sys.sp_getapplock @Resource = N'{resource}', @LockMode = N'Exclusive',"
            f" @LockOwner = N'Transaction', @LockTimeout = {_milliseconds(lock_timeout)};\nSELECT @granted;"
        )
        try:
            ((granted,),) = self.run(connection, begin)
        except Exception as error:
            refusal, _ = self.meaning(error, self._options.rewritten(partition.path)[0])
            raise refusal.error(f"beginning to write to {partition.key}") from None
        if granted < 0:
            refusal = Refusal(Reason.LOCK_TIMEOUT, f"sp_getapplock answered {granted}")
            raise refusal.error(f"waiting for another writer of {partition.key}", "The next run tries again.")

    def ask(self, database: str, what: str, question: Callable[[Callable[..., Any]], _T]) -> _T:
        """The answer to a question; asked again while it fails for a reason that may pass. `what` is for messages:
        `schema sales`. Raises SourceError."""

        def once() -> _T:
            connection = self.connection(database)
            try:
                return question(lambda query, *parameters: self.run(connection, query, parameters))
            except Exception as error:
                if isinstance(error, SourceError):
                    raise
                raise self.meaning(error, database)[0].error(f"reading {what}") from None

        return batches.persistently(once)

    def run(self, connection: Any, text: str, parameters: Collection[Any] = ()) -> list[Any]:
        """The rows of a batch, of all its results: an error behind the first result comes with its own only.

        Raises what the driver raises.
        """
        with closing(connection.cursor()) as cursor:
            cursor.execute(text, *([list(parameters)] if parameters else []))
            rows: list[Any] = []
            while True:
                if cursor.description:
                    rows += [tuple(row) for row in cursor.fetchall()]
                if not cursor.nextset():
                    return rows

    def connection(self, database: str) -> Any:
        """The connection to a database, which is opened when it is not. Raises SourceError."""
        if database not in self._connections:
            mssql_python = driver("mssql_python", "mssql")
            try:
                connection = mssql_python.connect(**self._options.connection_parameters(database))
                connection.timeout = self._options.statement_timeout
                self._connections[database] = connection
                self.run(connection, _settings(self._options.lock_timeout))
            except (mssql_python.Error, RuntimeError, ValueError) as error:
                self.forget(database)
                raise self._refused_connection(error, database) from None
        return self._connections[database]

    def _refused_connection(self, error: Exception, database: str) -> SourceError:
        """Why a database could not be opened. The server says the same of one that is not there and of one that the
        login may not enter, so the configured one is asked which of them it is."""
        what = f"connecting to database {database}"
        if not isinstance(error, driver("mssql_python", "mssql").Error):
            # What gets a token of Entra raises its own errors.
            return Refusal(Reason.AUTHENTICATION, told(error)).error(what)
        refusal, number = self.meaning(error, database)
        if refusal.reason is not Reason.OTHER or number or getattr(error, "driver_error", "") != _DENIED:
            return refusal.error(what)
        home = self._options.database
        access = None if database == home else self.ask(home, what, lambda ask: ask(_ACCESS, database))[0][0]
        if access == 0:
            advice = f"What is missing: a user in that database, CREATE USER … FOR LOGIN {self._options.username};"
            return replace(refusal, reason=Reason.MISSING_PRIVILEGE).error(what, advice)
        return replace(refusal, reason=Reason.MISSING_OBJECT).error(
            what, "It does not exist, or the login has no user in it."
        )

    def meaning(self, error: Exception, database: str) -> tuple[Refusal, int]:
        """What the error means, with the server's number where the session still tells it; a connection that is gone is
        forgotten. Raises the error itself when it is not the driver's."""
        if isinstance(error, SourceError):
            raise error
        if not isinstance(error, driver("mssql_python", "mssql").Error):
            raise error
        refusal, number = failures.refusal_of(error), 0
        if refusal.reason in (Reason.OTHER, Reason.STATEMENT_TIMEOUT) and database in self._connections:
            with suppress(Exception):
                ((number,),) = self.run(self._connections[database], "SELECT @@ERROR")
            if number:
                refusal = failures.refusal_by(int(number), refusal.message)
        if refusal.reason is Reason.CONNECTION:
            self.forget(database)
        return refusal, int(number)

    def roll_back(self, database: str) -> None:
        """End a transaction that may be open."""
        connection = self._connections.get(database)
        if connection is None:
            return
        try:
            self.run(connection, _ROLL_BACK)
        except Exception:
            # The server ends a session's transaction with the session.
            self.forget(database)

    def forget(self, database: str) -> None:
        """Close a connection, so that the next use opens another."""
        connection = self._connections.pop(database, None)
        if connection is not None:
            with suppress(Exception):
                connection.close()


def _settings(lock_timeout: float) -> str:
    """Of a session: no counts between the results, a failed statement dooms its transaction, no wait without an end."""
    return f"SET NOCOUNT ON; SET XACT_ABORT ON; SET LOCK_TIMEOUT {_milliseconds(lock_timeout)};"


def _milliseconds(seconds: float) -> int:
    return math.ceil(seconds * 1000)
