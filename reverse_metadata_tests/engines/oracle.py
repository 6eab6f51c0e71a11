"""A stand-in of ours for Oracle Database, below the driver `oracledb`, whose wire protocol nobody else speaks.

It keeps users, their tables and views, comments, annotations and privileges, and takes the statements of
`oracle_grammar` alone. The dictionary has the columns of
https://docs.oracle.com/en/database/oracle/oracle-database/23/refrn/ and is asked in SQLite's SQL, which has the
queries of a reader of metadata in common with Oracle's. Errors are those of https://docs.oracle.com/en/error-help/db/;
the number for an annotation that is there already, or not at all, is ours. That an Oracle Database agrees is not proven
by it.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import RLock
from typing import Any, Literal, Self

import oracledb
import pytest

from reverse_metadata_tests.engines.oracle_grammar import (
    Annotate,
    Annotation,
    Assign,
    Block,
    Comment,
    Run,
    Setting,
    SyntaxMistake,
    parse,
)

_MOST_BYTES = 4000
_NO_SUCH_TABLE = (942, "table or view does not exist")
_NO_SUCH_COLUMN = (904, "invalid identifier")
_PRIVILEGES = (1031, "insufficient privileges")
_SEES_ALL = {"SELECT ANY TABLE", "COMMENT ANY TABLE", "ALTER ANY TABLE"}
_VIEWS = {
    "all_users": "username user_id created common",
    "all_objects": "owner object_name object_id object_type created last_ddl_time status temporary generated secondary",
    "all_tab_comments": "owner table_name table_type comments origin_con_id",
    "all_col_comments": "owner table_name column_name comments origin_con_id",
    "all_mview_comments": "owner mview_name comments",
    "all_tab_privs": "grantor grantee table_schema table_name privilege grantable hierarchy common type inherited",
    "session_privs": "privilege",
    "session_roles": "role",
    "nls_database_parameters": "parameter value",
    "product_component_version": "product version version_full status",
    "dual": "dummy",
}
_SESSIONS = {"v$session": "client_identifier status audsid"}
_ANNOTATIONS = {
    "all_annotations_usage": "object_name object_type column_name domain_name domain_owner annotation_owner"
    " annotation_name annotation_value"
}


@dataclass
class Described:
    """A table, a view or a column: a comment, and annotations by name; a value may be None."""

    comment: str | None = None
    annotations: dict[str, str | None] = field(default_factory=dict)


@dataclass
class Table(Described):
    """`kind` is TABLE, VIEW or MATERIALIZED VIEW."""

    kind: str = "TABLE"
    id: int = 0
    columns: dict[str, Described] = field(default_factory=dict)


@dataclass
class User:
    """A user, who is a schema too. `may` are system privileges; `altering` the objects of others that it may alter."""

    password: str
    id: int
    may: set[str] = field(default_factory=set)
    altering: set[tuple[str, str]] = field(default_factory=set)
    tables: dict[str, Table] = field(default_factory=dict)


@dataclass
class _Message:
    """What the driver tells of an error."""

    code: int
    full_code: str
    message: str
    isrecoverable: bool = False
    offset: int = 0
    context: str = ""

    def __str__(self) -> str:
        return f"{self.full_code}: {self.message}"


def refused(code: int, message: str) -> oracledb.DatabaseError:
    """The server's error."""
    return oracledb.DatabaseError(_Message(code, f"ORA-{code:05}", message))


def _hung_up() -> oracledb.OperationalError:
    return oracledb.OperationalError(
        _Message(0, "DPY-4011", "the database or network closed the connection", isrecoverable=True)
    )


class Oracle:
    """A database. Names are those of its dictionary."""

    def __init__(self, version: str = "23.26.0.0.0", charset: str = "AL32UTF8") -> None:
        self.version, self.charset = version, charset
        self.users: dict[str, User] = {}
        self.asked: list[str] = []
        self.locked: set[tuple[str, str]] = set()
        #: What V$SESSION says of other sessions: client identifier and status.
        self.sessions: list[tuple[str, str]] = []
        self._ids = count(73001)
        self._losses: list[tuple[str, Literal["before", "after"]]] = []
        self._lock = RLock()

    def user(self, name: str, password: str, *privileges: str) -> None:
        """Create a user."""
        self.users[name] = User(password, next(self._ids), set(privileges))

    def table(self, owner: str, name: str, columns: Sequence[str] = ("ID",), kind: str = "TABLE") -> None:
        """Create a table or view."""
        made = Table(kind=kind, id=next(self._ids), columns={column: Described() for column in columns})
        self.users[owner].tables[name] = made

    def described(self, owner: str, table: str, column: str = "") -> Described:
        """What stands in the database."""
        found = self.users[owner].tables[table]
        return found.columns[column] if column else found

    def lose_next(self, when: Literal["before", "after"], containing: str) -> None:
        """Cut the connection at the next statement with this text, before or after it is carried out."""
        self._losses.append((containing, when))

    @property
    def still_to_lose(self) -> int:
        """How many losses nobody has met yet."""
        return len(self._losses)

    def connect(self, *, user: str, password: str, **_: Any) -> "Connection":
        """What `oracledb.connect` does. Raises oracledb.DatabaseError."""
        known = self.users.get(user.strip('"') if user.startswith('"') else user.upper())
        if known is None or known.password != password:
            raise refused(1017, "invalid credential or not authorized; logon denied")
        return Connection(self, next(name for name, each in self.users.items() if each is known))

    def answer(self, session: "Connection", sql: str, binds: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a query, or none. Raises oracledb.DatabaseError."""
        with self._lock:
            if not sql.upper().startswith("ALTER SESSION"):
                self.asked.append(sql)
            loss = next((each for each in self._losses if each[0] in sql), None)
            if loss:
                self._losses.remove(loss)
                session.dead = True
            if loss and loss[1] == "before":
                raise _hung_up()
            rows: list[tuple[Any, ...]] = []
            if sql.lstrip().upper().startswith("SELECT"):
                rows = self._rows(session, sql, binds)
            else:
                self._run(session, sql, binds)
            if loss:
                raise _hung_up()
            return rows

    def _run(self, session: "Connection", sql: str, binds: Mapping[str, Any]) -> None:
        try:
            found = parse(sql)
        except SyntaxMistake as mistake:
            raise refused(mistake.code, str(mistake)) from None
        if not isinstance(found, Block):
            self._execute(session, found)
            return
        named = {step.bind for step in (*found.steps, *(found.handler or ())) if isinstance(step, Assign)}
        if named != set(binds):
            raise refused(1036, "unrecognized bind variable passed to the statement, or one is missing")
        try:
            self._steps(session, found.steps, binds, None)
        except oracledb.DatabaseError as error:
            if found.handler is None:
                raise
            self._steps(session, found.handler, binds, error)

    def _steps(
        self,
        session: "Connection",
        steps: Sequence[Assign | Run],
        binds: Mapping[str, Any],
        error: oracledb.DatabaseError | None,
    ) -> None:
        for step in steps:
            if isinstance(step, Assign):
                message = error.args[0] if error else None
                known: dict[str, Any] = {
                    "SQLCODE": -message.code if message else 0,
                    "SQLERRM": str(message) if message else "ORA-0000: normal, successful completion",
                }
                binds[step.bind].setvalue(0, known[step.value] if step.value in known else int(step.value))
                continue
            try:
                inner = parse(step.sql)
            except SyntaxMistake as mistake:
                raise refused(mistake.code, str(mistake)) from None
            if isinstance(inner, Block):
                raise refused(900, "invalid SQL statement")
            self._execute(session, inner)

    def _execute(self, session: "Connection", statement: Comment | Annotate | Setting) -> None:
        match statement:
            case Setting("DDL_LOCK_TIMEOUT", value):
                if not value.isdigit() or int(value) > 1_000_000:
                    raise refused(68, f"invalid value {value} for parameter ddl_lock_timeout")
            case Setting(name, _):
                raise refused(2248, f"invalid option for ALTER SESSION: {name}")
            case Comment(on, name, text):
                self._comment(session, on, name, text)
            case Annotate(kind, name, annotations):
                self._annotate(session, kind, name, annotations)

    def _comment(self, session: "Connection", on: str, name: tuple[str, ...], text: str) -> None:
        column = name[-1] if on == "COLUMN" else ""
        owner, table = self._table(session, name[:-1] if column else name)
        if on == "MATERIALIZED VIEW" and table.kind != on:
            raise refused(12003, "materialized view does not exist")
        if on == "TABLE" and table.kind == "MATERIALIZED VIEW":
            raise refused(12098, "cannot comment on the materialized view")
        if session.user != owner and "COMMENT ANY TABLE" not in self.users[session.user].may:
            raise refused(*_PRIVILEGES)
        if column and column not in table.columns:
            raise refused(*_NO_SUCH_COLUMN)
        if len(text.encode()) > _MOST_BYTES:
            raise refused(1704, "string literal too long")
        (table.columns[column] if column else table).comment = text or None

    def _annotate(
        self,
        session: "Connection",
        kind: str,
        name: tuple[str, ...],
        annotations: tuple[tuple[str, tuple[Annotation, ...]], ...],
    ) -> None:
        if not self.has_annotations:
            raise refused(2000, "missing or invalid keyword")
        owner, table = self._table(session, name)
        if table.kind != kind:
            raise refused(*_NO_SUCH_TABLE)
        user = self.users[session.user]
        object_name = next(each for each, found in self.users[owner].tables.items() if found is table)
        if session.user != owner and "ALTER ANY TABLE" not in user.may and (owner, object_name) not in user.altering:
            raise refused(*_PRIVILEGES)
        for column, verbs in annotations:
            if column and column not in table.columns:
                raise refused(*_NO_SUCH_COLUMN)
            held = dict(table.columns[column].annotations if column else table.annotations)
            for each in verbs:
                if each.value is not None and len(each.value.encode()) > _MOST_BYTES:
                    raise refused(1704, "string literal too long")
                if each.verb == "ADD" and each.name in held:
                    raise refused(11500, f"annotation {each.name} is already there")
                if each.verb in ("DROP", "REPLACE") and each.name not in held:
                    raise refused(11500, f"annotation {each.name} does not exist")
                if each.verb.startswith("DROP"):
                    held.pop(each.name, None)
                elif each.verb != "ADD IF NOT EXISTS" or each.name not in held:
                    held[each.name] = each.value or None
            (table.columns[column] if column else table).annotations = held

    def _table(self, session: "Connection", name: tuple[str, ...]) -> tuple[str, Table]:
        owner = name[0] if len(name) == 2 else session.user
        table = self.users[owner].tables.get(name[-1]) if owner in self.users else None
        if table is None or not self._sees(session.user, owner, name[-1]):
            raise refused(*_NO_SUCH_TABLE)
        if (owner, name[-1]) in self.locked:
            raise refused(54, "Failed to acquire a lock, resource busy")
        return owner, table

    def _sees(self, user: str, owner: str, table: str) -> bool:
        known = self.users[user]
        return user == owner or bool(known.may & _SEES_ALL) or (owner, table) in known.altering

    @property
    def has_annotations(self) -> bool:
        """Whether this version has them: 23ai, and 19 from 19.28 on."""
        major, minor = map(int, self.version.split(".")[:2])
        return major >= 23 or (major == 19 and minor >= 28)

    def _rows(self, session: "Connection", sql: str, binds: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        with sqlite3.connect(":memory:") as dictionary:
            dictionary.create_function("sys_context", 2, lambda _, name: self._context(session, name))
            sees_sessions = "SELECT_CATALOG_ROLE" in self.users[session.user].may
            views = _VIEWS | (_ANNOTATIONS if self.has_annotations else {}) | (_SESSIONS if sees_sessions else {})
            for view, columns in views.items():
                names = columns.split()
                dictionary.execute(f"CREATE TABLE {view} ({', '.join(names)})")
                rows = [[row.get(name) for name in names] for row in self._dictionary(session.user, view)]
                dictionary.executemany(f"INSERT INTO {view} VALUES ({', '.join('?' * len(names))})", rows)
            try:
                return dictionary.execute(sql, dict(binds)).fetchall()
            except sqlite3.OperationalError as error:
                code = _NO_SUCH_TABLE if "no such table" in str(error) else _NO_SUCH_COLUMN
                raise refused(code[0], f"{code[1]}: {error}") from None
            finally:
                dictionary.rollback()

    def _context(self, session: "Connection", name: str) -> str | None:
        known = {
            "SESSION_USER": session.user,
            "DB_UNIQUE_NAME": "shopdb",
            "CON_NAME": "SHOPPDB",
            "SERVER_HOST": "dbhost",
            "SESSIONID": str(id(session)),
        }
        if name.upper() not in known:
            raise ValueError(f"USERENV has no {name} here")
        return known[name.upper()]

    def _dictionary(self, user: str, view: str) -> Iterator[dict[str, Any]]:
        """What a user sees in a view of the dictionary."""
        match view:
            case "dual":
                yield {"dummy": "X"}
            case "all_users":
                yield from ({"username": name, "user_id": each.id} for name, each in self.users.items())
            case "session_privs":
                yield from ({"privilege": each} for each in self.users[user].may)
            case "v$session":
                yield from ({"client_identifier": mark, "status": status} for mark, status in self.sessions)
            case "nls_database_parameters":
                yield {"parameter": "NLS_CHARACTERSET", "value": self.charset}
            case "product_component_version":
                yield {"product": "Oracle AI Database 26ai Enterprise Edition ", "version_full": self.version}
            case "all_tab_privs":
                for owner, name in self.users[user].altering:
                    yield {"grantee": user, "table_schema": owner, "table_name": name, "privilege": "ALTER"}
            case _:
                for owner, known in self.users.items():
                    for name, table in known.tables.items():
                        if self._sees(user, owner, name):
                            yield from _told(view, owner, name, table)


def _told(view: str, owner: str, name: str, table: Table) -> Iterator[dict[str, Any]]:
    """What a view of the dictionary says of a table."""
    # A materialized view is a table too, which holds its rows.
    kinds = ["TABLE", table.kind] if table.kind == "MATERIALIZED VIEW" else [table.kind]
    match view:
        case "all_objects":
            for offset, kind in enumerate(kinds):
                yield {"owner": owner, "object_name": name, "object_id": table.id * 10 + offset, "object_type": kind}
        case "all_tab_comments":
            comment = None if table.kind == "MATERIALIZED VIEW" else table.comment
            yield {"owner": owner, "table_name": name, "table_type": kinds[0], "comments": comment}
        case "all_mview_comments" if table.kind == "MATERIALIZED VIEW":
            yield {"owner": owner, "mview_name": name, "comments": table.comment}
        case "all_col_comments":
            for column, found in table.columns.items():
                yield {"owner": owner, "table_name": name, "column_name": column, "comments": found.comment}
        case "all_annotations_usage":
            for below, described in [("", table), *table.columns.items()]:
                for key, value in described.annotations.items():
                    yield {
                        "annotation_owner": owner,
                        "object_name": name,
                        "object_type": kinds[0],
                        "column_name": below or None,
                        "annotation_name": key,
                        "annotation_value": value,
                    }


class Connection:
    """As `oracledb.Connection`, as far as it goes."""

    def __init__(self, server: Oracle, user: str) -> None:
        self.server, self.user = server, user
        self.version = server.version
        self.dead = False
        self.call_timeout = 0
        self.module = self.action = self.client_identifier = ""
        self.autocommit = False

    def cursor(self) -> "Cursor":
        """A new cursor. Raises oracledb.InterfaceError when it was closed."""
        if self.dead:
            raise oracledb.InterfaceError(_Message(0, "DPY-1001", "not connected to database"))
        return Cursor(self)

    def close(self) -> None:
        """End the session."""
        self.dead = True


class Cursor:
    """As `oracledb.Cursor`, as far as it goes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[tuple[Any, ...]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows = []

    def execute(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a statement; binds go by name."""
        if self._connection.dead:
            raise oracledb.InterfaceError(_Message(0, "DPY-1001", "not connected to database"))
        statement.encode()  # a lone surrogate fails in the driver, too
        self._rows = self._connection.server.answer(self._connection, statement, parameters or {})

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows."""
        return self._rows

    def var(self, typ: Any, size: int = 0) -> "Var":
        """A bind variable that a block writes to."""
        assert typ in (int, str)
        return Var()


class Var:
    """As `oracledb.Var`."""

    def __init__(self) -> None:
        self._value: Any = None

    def setvalue(self, pos: int, value: Any) -> None:
        """What the server writes."""
        assert pos == 0
        self._value = value

    def getvalue(self) -> Any:
        """What the server wrote."""
        return self._value


@contextmanager
def oracle(**options: str) -> Iterator[Oracle]:
    """An empty database, to which `oracledb.connect` leads as long as the block lasts."""
    with pytest.MonkeyPatch.context() as patch:
        server = Oracle(**options)
        patch.setattr(oracledb, "connect", server.connect)
        yield server
