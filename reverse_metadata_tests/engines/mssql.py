"""A stand-in of ours for SQL Server, below the driver `mssql_python`, whose wire protocol nothing else here speaks.

It keeps what `mssql_estate` has, takes the batches of `mssql_grammar` and queries of the catalog views alone, in
transactions that can be taken back. The views (`mssql_views`) are asked in SQLite's SQL, which has the queries of a
reader of metadata in common with T-SQL. Numbers of errors are those of
https://learn.microsoft.com/en-us/sql/relational-databases/errors-events/database-engine-events-and-errors. Which of
them a procedure raises when a privilege is missing is nowhere written and was chosen by us. That a SQL Server agrees is
not proven by it.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any, Literal

import mssql_python
import pytest

from reverse_metadata_tests.engines.mssql_estate import Column, Database, Estate, Object, Properties, Refused, Schema
from reverse_metadata_tests.engines.mssql_grammar import (
    Authorize,
    Call,
    Classify,
    Declare,
    Either,
    Set,
    Show,
    Statement,
    SyntaxMistake,
    Transaction,
    Try,
    Value,
    Variable,
    parse,
)
from reverse_metadata_tests.engines.mssql_views import rows

_PROPERTY = ("@name", "@value", *(f"@level{level}{what}" for level in range(3) for what in ("type", "name")))
_PARAMETERS = {
    "sp_addextendedproperty": _PROPERTY,
    "sp_updateextendedproperty": _PROPERTY,
    "sp_dropextendedproperty": tuple(each for each in _PROPERTY if each != "@value"),
    "sp_getapplock": ("@resource", "@lockmode", "@lockowner", "@locktimeout", "@dbprincipal"),
}
_MOST_BYTES = 7500
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
        #: Objects on which somebody else holds a lock: names of the database, the schema and the object.
        self.locked: set[tuple[str, str, str]] = set()
        #: Numbers of errors that the next statements on an object meet.
        self.accidents: list[int] = []
        self.applocks: dict[tuple[str, str], object] = {}
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
            try:
                if loss and loss[1] == "before":
                    raise told("08S01", "TCP Provider: An existing connection was forcibly closed by the remote host.")
                results = session.batch(sql, parameters)
                if loss:
                    raise told("08S01", "TCP Provider: An existing connection was forcibly closed by the remote host.")
            except Refused as error:
                session.last_error = error.number
                raise told(_STATE_OF.get(error.number, "42000"), str(error)) from None
            except mssql_python.OperationalError:
                session.close()
                raise
            session.last_error = 0
            return results


class Connection:
    """As `mssql_python.Connection`, as far as it goes, and the session behind it."""

    def __init__(self, server: SqlServer, login: str, database: Database, user: str) -> None:
        self.server, self.login, self.database, self.user = server, login, database, user
        self.timeout = 0
        self.autocommit = True
        self.last_error = 0
        self._closed = self._doomed = self._aborts = False
        self._undo: list[Callable[[], None]] | None = None
        self._caught: Refused | None = None
        self._variables: dict[str, Any] = {}
        self._results: list[list[tuple[Any, ...]] | None] = []

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def cursor(self) -> "Cursor":
        """A new cursor. Raises mssql_python.InterfaceError when the connection is closed."""
        if self._closed:
            raise mssql_python.InterfaceError("Cannot create cursor on closed connection", "")
        return Cursor(self)

    def close(self) -> None:
        """End the session, whose transaction the server takes back."""
        with self.server.lock:
            self._roll_back()
            self._closed = True

    def batch(self, sql: str, parameters: Sequence[Any]) -> list[list[tuple[Any, ...]] | None]:
        """Run a batch. Raises Refused, and mssql_python.Error when the session ends."""
        if self._closed:
            raise told("08S01", "Communication link failure")
        self._results, self._variables = [], {}
        if sql == "SELECT @@ERROR":
            return [[(self.last_error,)]]
        if sql.startswith("SELECT ") and not any(word in sql for word in ("@", "ERROR_")):
            return [self._query(sql, parameters)]
        if parameters:
            raise Refused(8178, "The parameterized query expects no parameter.")
        try:
            statements = parse(sql)
        except SyntaxMistake as mistake:
            raise Refused(mistake.number, str(mistake)) from None
        self._all(statements)
        return [None, *self._results]

    def _all(self, statements: Sequence[Statement]) -> None:
        for each in statements:
            try:
                self._one(each)
            except Refused:
                # https://learn.microsoft.com/en-us/sql/t-sql/statements/set-xact-abort-transact-sql
                self._doomed = self._doomed or (self._aborts and self._undo is not None)
                raise

    def _one(self, statement: Statement) -> None:
        match statement:
            case Set(name, value):
                self._aborts = value == "ON" if name == "XACT_ABORT" else self._aborts
            case Transaction(verb, guarded):
                if not guarded or self._undo is not None:
                    self._transaction(verb)
            case Declare(name, kind, length, value):
                known = self._value(value)
                self._variables[name] = known[:length] if kind == "nvarchar" and known is not None else known
            case Call():
                self._call(statement)
            case Authorize():
                self._writable()
                self._authorize(statement)
            case Classify():
                self._writable()
                self._classify(statement)
            case Show(items):
                self._results.append([tuple(self._shown(item) for item in items)])
            case Either(query, negated, then, otherwise):
                found = bool(self._query(f"SELECT 1 WHERE EXISTS ({query})", ()))
                self._all(then if found is not negated else otherwise)
            case Try(body, handler):
                self._try(body, handler)

    def _try(self, body: Sequence[Statement], handler: Sequence[Statement]) -> None:
        try:
            self._all(body)
        except Refused as error:
            if error.number == 1205:
                self._doomed = True
            self._caught = error
            self._all(handler)
            self._caught = None

    def _transaction(self, verb: str) -> None:
        if verb == "BEGIN":
            assert self._undo is None, "transactions are not nested here"
            self._undo = []
        elif self._undo is None:
            raise Refused(
                3902 if verb == "COMMIT" else 3903, f"The {verb} TRANSACTION request has no BEGIN TRANSACTION."
            )
        elif verb == "COMMIT" and self._doomed:
            self._roll_back()
            raise Refused(3930, "The current transaction cannot be committed and was rolled back.")
        elif verb == "COMMIT":
            self._undo.clear()
            self._roll_back()
        else:
            self._roll_back()

    def _roll_back(self) -> None:
        for undo in reversed(self._undo or []):
            undo()
        self._undo, self._doomed = None, False
        for key in [key for key, holder in self.server.applocks.items() if holder is self]:
            del self.server.applocks[key]

    def _changed(self, undo: Callable[[], None]) -> None:
        if self._undo is not None:
            self._undo.append(undo)

    def _writable(self) -> None:
        if self._doomed:
            raise Refused(3930, "The current transaction cannot be committed and cannot support operations that write.")

    def _value(self, value: Value) -> Any:
        if not isinstance(value, Variable):
            return value
        if value.name not in self._variables:
            raise Refused(137, f'Must declare the scalar variable "{value.name}".')
        return self._variables[value.name]

    def _shown(self, item: str) -> Any:
        if item.startswith("@@"):
            return {"@@error": self.last_error, "@@trancount": int(self._undo is not None)}[item]
        if item.startswith("@"):
            return self._value(Variable(item))
        caught = self._caught
        if item in ("ERROR_NUMBER", "ERROR_MESSAGE"):
            return caught and (caught.number if item == "ERROR_NUMBER" else str(caught))
        raise Refused(195, f"'{item}' is not a recognized built-in function name.")

    def _call(self, call: Call) -> None:
        *prefixes, name = call.procedure
        known = _PARAMETERS.get(name.lower())
        # A system procedure is found in every schema, and in every database by its name.
        if len(prefixes) == 2 and prefixes[0].casefold() != self.database.name.casefold():
            raise Refused(911, f"Database '{prefixes[0]}' does not exist.")
        if known is None or (prefixes and not self.database.has_schema(prefixes[-1])):
            raise Refused(2812, f"Could not find stored procedure '{'.'.join(call.procedure)}'.")
        for parameter in call.parameters:
            if parameter not in known:
                raise Refused(8145, f"{parameter} is not a parameter for procedure {name}.")
        given = {parameter: self._value(value) for parameter, value in call.parameters.items()}
        if given.get(known[0]) is None:
            raise Refused(
                201, f"Procedure or function '{name}' expects parameter '{known[0]}', which was not supplied."
            )
        if name.lower() == "sp_getapplock":
            returned = self._applock(given)
        else:
            self._writable()
            self._property(name.lower(), given)
            returned = 0
        if call.returned:
            self._value(Variable(call.returned))
            self._variables[call.returned] = returned

    def _applock(self, given: dict[str, Any]) -> int:
        """https://learn.microsoft.com/en-us/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql"""
        if given.get("@lockmode") != "Exclusive" or given.get("@lockowner") != "Transaction" or self._undo is None:
            return -999
        key = (self.database.name, given["@resource"][:255])
        if self.server.applocks.setdefault(key, self) is not self:
            return -1
        return 0

    def _property(self, verb: str, given: dict[str, Any]) -> None:
        properties, shown = self._holder(given)
        name, value = given["@name"], given.get("@value")
        held = properties.get(name)
        if held is None and verb != "sp_addextendedproperty":
            raise Refused(
                15217, f"Property cannot be updated or deleted. Property '{name}' does not exist for '{shown}'."
            )
        if held is not None and verb == "sp_addextendedproperty":
            raise Refused(15233, f"Property cannot be added. Property '{name}' already exists for '{shown}'.")
        if isinstance(value, str) and len(value) > 4000:
            raise Refused(206, "Operand type clash: nvarchar(max) is incompatible with sql_variant")
        if isinstance(value, str) and len(value.encode("utf-16-le", "surrogatepass")) > _MOST_BYTES:
            raise Refused(15097, "The size associated with an extended property cannot be more than 7,500 bytes.")
        before = dict(properties)

        def undo() -> None:
            properties.clear()
            properties.update(before)

        self._changed(undo)
        if verb == "sp_dropextendedproperty":
            del properties[name]
        else:
            properties[name] = value

    def _holder(self, given: dict[str, Any]) -> tuple[Properties, str]:
        """The extended properties of what the levels name, which the user may alter. Raises Refused."""
        types = [given.get(f"@level{level}type") for level in range(3)]
        names = [given.get(f"@level{level}name") for level in range(3)]
        kinds = [kind.upper() if kind else None for kind in types]
        depth = sum(kind is not None for kind in kinds)
        if (
            any((kind is None) != (name is None) for kind, name in zip(kinds, names, strict=True))
            or None in kinds[:depth]
        ):
            raise Refused(15600, "An invalid parameter or option was specified for procedure.")
        if (
            kinds[0] not in (None, "SCHEMA")
            or kinds[1] not in (None, "TABLE", "VIEW")
            or kinds[2] not in (None, "COLUMN")
        ):
            raise Refused(15600, "An invalid parameter or option was specified for procedure.")
        shown = ".".join(name for name in names if name) or "object specified"
        missing = Refused(
            15135,
            f"Object is invalid. Extended properties are not permitted on '{shown}', or the object does not exist.",
        )
        schema = self.database.schemas.get((names[0] or "").casefold())
        table = schema.objects.get((names[1] or "").casefold()) if schema else None
        column = table.columns.get((names[2] or "").casefold()) if table else None
        found: Database | Schema | Object | Column | None = (self.database, schema, table, column)[depth]
        securable = (self.database, schema, table, table)[depth]
        if found is None or securable is None or not self.database.sees(self.user, securable):
            raise missing
        if table and ((kinds[1] == "VIEW") != (table.type == "V") or table.memory_optimized):
            raise missing
        if not self.database.may(self.user, "ALTER", securable):
            raise Refused(15247, "User does not have permission to perform this action.")
        self._meet(schema, table)
        return found.properties, shown

    def _meet(self, schema: Schema | None, table: Object | None) -> None:
        """What stands in the way of a statement. Raises Refused."""
        if self.server.accidents:
            number = self.server.accidents.pop(0)
            raise Refused(number, "Transaction was deadlocked on lock resources with another process.")
        if schema and table and (self.database.name, schema.name, table.name) in self.server.locked:
            raise Refused(1222, "Lock request time out period exceeded.")

    def _authorize(self, statement: Authorize) -> None:
        estate, database, to = self.server, self.database, statement.to
        cannot = Refused(
            15151,
            f"Cannot find the {statement.on.lower()} '{statement.name[-1]}', because it does not exist or you do"
            " not have permission.",
        )
        who = Refused(
            15151, f"Cannot find the principal '{to}', because it does not exist or you do not have permission."
        )
        if statement.on == "DATABASE":
            login = estate.logins.get((to or "").casefold())
            if statement.name[0].casefold() != database.name.casefold() or not database.may(
                self.user, "TAKE OWNERSHIP", database
            ):
                raise cannot
            if login is None or not estate.impersonates(self.login, login.name):
                raise who
            if any(each.login == login.name for each in database.principals.values()):
                raise Refused(15110, "The proposed new database owner is already a user or aliased in the database.")
            before = database.owner
            self._changed(lambda: setattr(database, "owner", before))
            database.owner = login.name
            return
        schema = database.schemas.get(statement.name[0].casefold())
        table = schema.objects.get(statement.name[-1].casefold()) if schema and statement.on == "OBJECT" else None
        target: Schema | Object | None = table if statement.on == "OBJECT" else schema
        if target is None or not database.may(self.user, "TAKE OWNERSHIP", target):
            raise cannot
        if isinstance(target, Schema) and target.name.lower() in ("dbo", "sys", "information_schema"):
            raise Refused(15150, f"Cannot alter the schema '{target.name}'.")
        if isinstance(target, Object) and target.indexed:
            raise Refused(15151, f"Cannot change the owner of the indexed view '{target.name}'.")
        principal = database.principals.get(to.casefold()) if to is not None else None
        if to is not None and (principal is None or not database.hands_to(self.user, principal)):
            raise who
        if to is None and isinstance(target, Schema):
            raise Refused(102, "Incorrect syntax near 'SCHEMA'.")
        self._meet(schema, table)
        owner, permissions = target.owner, set(database.permissions)

        def undo() -> None:
            target.owner = owner
            database.permissions = permissions

        self._changed(undo)
        target.owner = principal.id if principal else None
        database.drop_permissions(target)

    def _classify(self, statement: Classify) -> None:
        if not self.server.classifies:
            raise Refused(102, "Incorrect syntax near 'SENSITIVITY'.")
        if not self.database.may(self.user, "ALTER ANY SENSITIVITY CLASSIFICATION", self.database):
            raise Refused(15247, "User does not have permission to perform this action.")
        for schema_name, table_name, column_name in statement.columns:
            schema = self.database.schemas.get(schema_name.casefold())
            table = schema.objects.get(table_name.casefold()) if schema else None
            column = table.columns.get(column_name.casefold()) if table else None
            if column is None:
                raise Refused(4917, f"Object '{schema_name}.{table_name}.{column_name}' does not exist.")
            self._meet(schema, table)
            held = column.classification
            self._changed(lambda column=column, held=held: setattr(column, "classification", held))  # type: ignore[misc]
            column.classification = dict(statement.options)

    def _query(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        with sqlite3.connect(":memory:") as views:
            views.execute("ATTACH ':memory:' AS sys")
            rows(views, self.server, self.database, self.user, self.login)
            own = f'"{self.database.name}" . sys'
            try:
                return views.execute(
                    sql.replace(own, "sys").replace(f"{self.database.name} . sys", "sys"), list(parameters)
                ).fetchall()
            except sqlite3.OperationalError as error:
                number = 208 if "no such table" in str(error) else 195 if "no such function" in str(error) else 207
                raise Refused(number, f"Invalid name: {error}") from None
            finally:
                views.rollback()


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
