"""A stand-in of ours for SQL Server, below the driver `mssql_python`, whose wire protocol nothing else here speaks.

It keeps what `mssql_estate` has, takes the batches of `mssql_grammar` and queries of the catalog views alone, in
transactions that can be taken back. The views (`mssql_views`) are asked in SQLite's SQL, which has the queries of a
reader of metadata in common with T-SQL. Numbers of errors are those of
https://learn.microsoft.com/en-us/sql/relational-databases/errors-events/database-engine-events-and-errors. Which of
them a procedure raises when a privilege is missing is nowhere written and was chosen by us. That a SQL Server agrees is
not proven by it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any, Literal

import mssql_python
import pytest

from reverse_metadata_tests.engines.mssql_estate import Database, Estate, Refused
from reverse_metadata_tests.engines.mssql_session import Session

#: What `mssql_python.connect` knows: https://github.com/microsoft/mssql-python/wiki/Connection-to-SQL-Database
_KEYWORDS = frozenset(
    """
    server uid pwd authentication database encrypt trustservercertificate hostnameincertificate multisubnetfailover
    applicationintent connectretrycount keepalive
    """.split()
)
#: The driver's words for a SQLSTATE, and the class of its error.
_STATES = {
    "28000": (mssql_python.OperationalError, "Invalid authorization specification"),
    "42000": (mssql_python.ProgrammingError, "Syntax error or access violation"),
    "42S02": (mssql_python.ProgrammingError, "Base table or view not found"),
    "42S22": (mssql_python.ProgrammingError, "Column not found"),
    "40001": (mssql_python.OperationalError, "Serialization failure"),
    "08S01": (mssql_python.OperationalError, "Communication link failure"),
    "HYT00": (mssql_python.OperationalError, "Timeout expired"),
}
_HUNG_UP = "TCP Provider: An existing connection was forcibly closed by the remote host."
_STATE_OF = {208: "42S02", 207: "42S22", 1205: "40001", 18456: "28000"}


def told(state: str, message: str) -> mssql_python.Error:
    """An error as the driver tells it: no number, the words of a SQLSTATE, and the server's sentence."""
    kind, words = _STATES[state]
    error: mssql_python.Error = kind(words, f"[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]{message}")
    return error


class SqlServer(Estate):
    """A server with its databases, as many sessions as are opened, and what went wrong on purpose."""

    def __init__(self, edition: str = "Developer Edition (64-bit)", engine: int = 3) -> None:
        super().__init__(edition, engine)
        #: Everything that was sent, but for settings of the session.
        self.asked: list[str] = []
        self._losses: list[tuple[str, Literal["before", "after"]]] = []
        self.lock = RLock()

    def lose_next(self, when: Literal["before", "after"], containing: str) -> None:
        """Cut the connection at the next batch with this text, before or after it is carried out."""
        self._losses.append((containing, when))

    @property
    def still_to_lose(self) -> int:
        """How many losses nobody has met yet."""
        return len(self._losses)

    def connect(self, connection_str: str = "", autocommit: bool = False, **given: Any) -> "Connection":
        """What `mssql_python.connect` does. Raises mssql_python.Error."""
        given.pop("timeout", None)
        unknown = [key for key in given if key.lower() not in _KEYWORDS]
        assert not unknown, f"the driver knows no {unknown}"
        assert autocommit
        assert not connection_str
        login = self.logins.get(str(given.get("UID", "")).casefold())
        if login is None or login.password != given.get("PWD"):
            raise told("28000", f"Login failed for user '{given.get('UID', '')}'.")
        name = given.get("Database") or "master"
        database = self.databases.get(name.casefold())
        user = database.user_of(login) if database else None
        if database is None or user is None:
            raise told("42000", f'Cannot open database "{name}" requested by the login. The login failed.')
        return Connection(self, login.name, database, user)

    def answer(self, session: "Connection", sql: str, parameters: Sequence[Any]) -> list[list[tuple[Any, ...]] | None]:
        """The results of a batch, None for one without columns. Raises mssql_python.Error."""
        with self.lock:
            if not sql.startswith("SET "):
                self.asked.append(sql)
            loss = next((each for each in self._losses if each[0] in sql), None)
            if loss:
                self._losses.remove(loss)
            if session.closed or (loss and loss[1] == "before"):
                session.close()
                raise told("08S01", _HUNG_UP)
            try:
                results = session.batch(sql, parameters)
            except Refused as error:
                session.last_error = error.number
                raise told(_STATE_OF.get(error.number, "42000"), str(error)) from None
            session.last_error = 0
            if loss:
                session.close()
                raise told("08S01", _HUNG_UP)
            return results


class Connection(Session):
    """As `mssql_python.Connection`, as far as it goes, and the session behind it."""

    def __init__(self, server: SqlServer, login: str, database: Database, user: str) -> None:
        super().__init__(server, login, database, user)
        self.server = server
        self.timeout = 0
        self.closed = False

    def cursor(self) -> "Cursor":
        """A new cursor. Raises mssql_python.InterfaceError when the connection is closed."""
        if self.closed:
            raise mssql_python.InterfaceError("Cannot create cursor on closed connection", "")
        return Cursor(self)

    def close(self) -> None:
        """End the session, whose transaction the server takes back."""
        with self.server.lock:
            self.roll_back()
            self.closed = True


class Cursor:
    """As `mssql_python.Cursor`, as far as it goes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._results: list[list[tuple[Any, ...]] | None] = []

    @property
    def description(self) -> list[tuple[Any, ...]] | None:
        """None when the current result has no columns."""
        return [("?",)] if self._results and self._results[0] is not None else None

    def execute(self, operation: str, *parameters: Any) -> "Cursor":
        """Run a batch; parameters go by position."""
        operation.encode("utf-16-le")  # a lone surrogate fails in the driver, too
        given = list(parameters[0]) if parameters else []
        self._results = self._connection.server.answer(self._connection, operation, given)
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows of the current result."""
        current = self._results[0] if self._results else None
        assert current is not None, "the driver raises here: there is no result set"
        return current

    def nextset(self) -> bool | None:
        """Go to the next result."""
        self._results = self._results[1:]
        return bool(self._results)

    def close(self) -> None:
        """Forget the results."""
        self._results = []


@contextmanager
def mssql(**options: Any) -> Iterator[SqlServer]:
    """A server with nothing but `master`, to which `mssql_python.connect` leads as long as the block lasts."""
    with pytest.MonkeyPatch.context() as patch:
        server = SqlServer(**options)
        patch.setattr(mssql_python, "connect", server.connect)
        yield server
