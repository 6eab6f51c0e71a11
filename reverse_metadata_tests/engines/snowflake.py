"""A stand-in of ours for Snowflake, which the vendor's driver logs in to.

It speaks the driver's protocol over HTTP, parses the statements that a writer of metadata may send by
`snowflake_grammar`, answers the questions that it may ask by `snowflake_select`, and refuses everything else. What it
accepts was written from Snowflake's reference: that Snowflake agrees is not proven by it.
"""

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from secrets import token_hex
from threading import RLock
from typing import Any

from reverse_metadata_tests.engines.front import Answer, Front, Request
from reverse_metadata_tests.engines.snowflake_grammar import Parsed, Setting, Show, parse
from reverse_metadata_tests.engines.snowflake_lexer import Refused, tokens
from reverse_metadata_tests.engines.snowflake_select import Asked, Row
from reverse_metadata_tests.engines.snowflake_state import Account, Object

Json = dict[str, Any]

_STATEMENTS = "/queries/v1/query-request"
_VERSION = "10.1.0"
_TAG_COLUMNS = "created_on name database_name schema_name owner comment allowed_values owner_role_type".split()
_ROLE_COLUMNS = """created_on name is_default is_current is_inherited assigned_to_users granted_to_roles granted_roles
    owner comment""".split()
_GRANT_COLUMNS = "created_on privilege granted_on name granted_to grantee_name grant_option granted_by".split()
_TIMES = {"CREATED", "LAST_ALTERED", "START_TIME", "END_TIME"}


@dataclass
class User:
    """Somebody who can log in: with a password, a token of OAuth, or a programmatic access token."""

    password: str
    role: str


@dataclass
class Session:
    user: str
    role: str
    warehouse: str | None
    number: int
    parameters: dict[str, Any] = field(default_factory=dict)


class SnowflakeStandIn(Front):
    """One account; a request is known by its SQL, or by its path: `ALTER TABLE ...`, `/session/v1/login-request`.

    `account` is filled by tests, `administer` runs statements as ACCOUNTADMIN.
    """

    organization, name_of_account = "ACME", "SHOP"

    def __init__(self) -> None:
        super().__init__()
        self.account = Account()
        self.users: dict[str, User] = {}
        self.history: list[Row] = []
        #: How many statements were carried out or refused, without those that set up a session.
        self.statements = 0
        #: What the driver told of itself at each login.
        self.logins: list[Json] = []
        self._sessions: dict[str, Session] = {}
        self._masters: dict[str, str] = {}
        self._answers: dict[str, Json] = {}
        self._numbers = count(1)
        self._one_at_a_time = RLock()

    def user(self, role: str, name: str = "", password: str = "") -> tuple[str, str]:
        """A new user with a role; name and password."""
        name, password = name or f"USER_{next(self._numbers)}", password or token_hex(8)
        self.users[name] = User(password, role)
        return name, password

    def administer(self, *statements: str) -> None:
        """Run statements as an administrator. Raises Refused."""
        for statement in statements:
            self.account.execute("ACCOUNTADMIN", parse(statement))

    def refusal(self, code: str, state: str, message: str) -> Answer:
        """Snowflake's way to answer an error, for `answer_next`."""
        return _answer(_failure(code, state, message))

    def expire(self) -> None:
        """End every session's token: the driver must renew it with its master token."""
        self._sessions = {f"expired {token}": session for token, session in self._sessions.items()}

    def forget(self) -> None:
        """Forget the master tokens, too: who was logged in must log in again."""
        self._masters.clear()

    def name(self, request: Request) -> str:
        """The SQL of a statement, else the path."""
        if request.path == _STATEMENTS:
            return str(_body(request)["sqlText"])
        return request.path

    def answer(self, request: Request) -> Answer:
        """Carry it out, or refuse it as Snowflake does: with status 200."""
        with self._one_at_a_time:
            return _answer(self._do(request))

    def _do(self, request: Request) -> Json:
        match request.path:
            case "/session/v1/login-request":
                return self._log_in(request)
            case "/session/token-request":
                return self._renew(request)
            case "/session":
                self._sessions.pop(_token(request), None)
                return _success(None)
            case "/telemetry/send" | "/session/heartbeat":
                return _success(None)
            case "/queries/v1/query-request":
                return self._query(request)
            case "/queries/v1/abort-request":
                return _success(None)
        return _failure("390400", "", f"This stand-in does not answer {request.path}")

    def _log_in(self, request: Request) -> Json:
        data = _body(request)["data"]
        self.logins.append(data)
        name = str(data.get("LOGIN_NAME", "")).upper()
        user = self.users.get(name)
        secret = data.get("PASSWORD") or data.get("TOKEN")
        if user is None or secret != user.password:
            return _failure("390100", "08001", "Incorrect username or password was specified.")
        role = request.query.get("roleName", user.role).upper()
        if role not in self.account.roles or role not in self.account.enabled(user.role):
            message = f"Role '{role}' specified in the connect string is not granted to this user. Contact your local "
            return _failure("390189", "08001", f"{message}system administrator, or attempt to login with another role.")
        session = Session(
            name, role, request.query.get("warehouse"), next(self._numbers), dict(data.get("SESSION_PARAMETERS", {}))
        )
        return _success(self._issued(session))

    def _issued(self, session: Session) -> Json:
        token, master = token_hex(16), token_hex(16)
        self._sessions[token] = session
        self._masters[master] = token
        return {
            "token": token,
            "masterToken": master,
            "sessionToken": token,
            "validityInSeconds": 3600,
            "masterValidityInSeconds": 14400,
            "displayUserName": session.user,
            "serverVersion": _VERSION,
            "sessionId": session.number,
            "parameters": [{"name": "AUTOCOMMIT", "value": True}, {"name": "TIMEZONE", "value": "Etc/UTC"}],
            "sessionInfo": {
                "databaseName": None,
                "schemaName": None,
                "warehouseName": session.warehouse,
                "roleName": session.role,
            },
        }

    def _renew(self, request: Request) -> Json:
        token = self._masters.pop(_token(request), None)
        session = self._sessions.pop(f"expired {token}", None)
        if session is None:
            return _failure("390114", "08001", "Authentication token has expired.  The user must authenticate again.")
        return _success(self._issued(session))

    def _query(self, request: Request) -> Json:
        """A request that is sent again, because its answer was lost, is not carried out again."""
        session = self._sessions.get(_token(request))
        if session is None:
            return _failure("390112", "08001", "Your session has expired.  Please login again.")
        number = request.query["requestId"]
        if number not in self._answers:
            self._answers[number] = self._run(session, str(_body(request)["sqlText"]))
        return self._answers[number]

    def _run(self, session: Session, sql: str) -> Json:
        query = token_hex(16)
        try:
            first = next(iter(tokens(sql)), None)
            if first is not None and first.value == "SELECT":
                self.statements += 1
                asked = Asked(self.account, session.role, self._context(session), self.history)
                return _rows(query, *asked.select(sql))
            parsed = parse(sql)
            if isinstance(parsed, Setting):
                self._set(session, parsed)
                return _rows(query, ["status"], [["Statement executed successfully."]])
            self.statements += 1
            if isinstance(parsed, Show):
                return _rows(query, *self._show(session, parsed))
            self._execute(session, parsed)
            return _rows(query, ["status"], [["Statement executed successfully."]])
        except Refused as refused:
            return _failure(refused.code, refused.state, str(refused), query)

    def _execute(self, session: Session, parsed: Parsed) -> None:
        self.account.execute(session.role, parsed)

    def _set(self, session: Session, said: Setting) -> None:
        self.account.execute(session.role, said)
        if said.name == "ROLE":
            session.role = said.value
        elif said.name == "WAREHOUSE":
            session.warehouse = said.value
        else:
            session.parameters[said.name] = said.value

    def _context(self, session: Session) -> dict[str, str | None]:
        return {
            "CURRENT_ORGANIZATION_NAME": self.organization,
            "CURRENT_ACCOUNT_NAME": self.name_of_account,
            "CURRENT_VERSION": _VERSION,
            "CURRENT_ROLE": session.role,
            "CURRENT_USER": session.user,
            "CURRENT_SESSION": str(session.number),
            "CURRENT_WAREHOUSE": session.warehouse,
        }

    def _show(self, session: Session, said: Show) -> tuple[list[str], list[list[Any]]]:
        shows: dict[str, tuple[list[str], Callable[[Session, str], Iterator[Row]]]] = {
            "TAGS IN ACCOUNT": (_TAG_COLUMNS, self._show_tags),
            "ROLES": (_ROLE_COLUMNS, self._show_roles),
            "GRANTS TO ROLE": (_GRANT_COLUMNS, self._show_grants),
        }
        columns, rows_of = shows[said.what]
        return columns, [[row.get(column) for column in columns] for row in rows_of(session, said.name)]

    def _show_tags(self, session: Session, _name: str) -> Iterator[Row]:
        if self.account.edition == "STANDARD":
            raise Refused("000002", "0A000", "SQL compilation error:\nUnsupported feature 'TAG'.")
        for (database, schema, name), tag in self.account.tags.items():
            if self.account.sees(session.role, tag.path):
                allowed = None if tag.allowed is None else json.dumps(tag.allowed, ensure_ascii=False)
                names = {"name": name, "database_name": database, "schema_name": schema}
                yield {**names, "owner": tag.owner, "allowed_values": allowed, "owner_role_type": "ROLE"}

    def _show_roles(self, _session: Session, _name: str) -> Iterator[Row]:
        for role in self.account.roles:
            yield {"name": role}

    def _show_grants(self, session: Session, name: str) -> Iterator[Row]:
        if name not in self.account.enabled(session.role):
            raise Refused("003001", "42501", f"SQL access control error:\nInsufficient privileges on role '{name}'.")
        for grant in self.account.grants:
            if grant.role == name:
                yield _granted(grant.privilege, grant.keyword, grant.path or (self.name_of_account,), name)
        for path, found in self.account.objects.items():
            if found.owner == name:
                yield _granted("OWNERSHIP", _granted_on(found), path, name)
        for path, tag in self.account.tags.items():
            if tag.owner == name:
                yield _granted("OWNERSHIP", "TAG", path, name)
        for role in self.account.roles[name]:
            yield _granted("USAGE", "ROLE", (role,), name)


@contextmanager
def snowflake_standin() -> Iterator[SnowflakeStandIn]:
    """An account on the loopback with nothing in it."""
    with SnowflakeStandIn() as front:
        yield front


def _granted(privilege: str, keyword: str, path: tuple[str, ...], role: str) -> Row:
    return {
        # Which is how Snowflake lists them.
        "privilege": "USAGE" if privilege == "IMPORTED PRIVILEGES" else privilege,
        "granted_on": keyword.replace(" ", "_"),
        "name": ".".join(map(_shown, path)),
        "granted_to": "ROLE",
        "grantee_name": role,
    }


def _granted_on(found: Object) -> str:
    return found.kind.removeprefix("transient ").removeprefix("secure ").removeprefix("hybrid ").upper()


def _shown(name: str) -> str:
    """As SHOW writes a name: with quotes only where it needs them."""
    plain = name.isascii() and name.isupper() and name.replace("_", "").replace("$", "").isalnum()
    return name if plain and not name[0].isdigit() else '"' + name.replace('"', '""') + '"'


def _token(request: Request) -> str:
    _, _, token = request.headers.get("authorization", "").partition('Token="')
    return token.rstrip('"')


def _body(request: Request) -> Json:
    body = gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body
    read: Json = json.loads(body)
    return read


def _success(data: Json | None) -> Json:
    return {"success": True, "code": None, "message": None, "data": data}


def _failure(code: str, state: str, message: str, query: str = "") -> Json:
    data = {"internalError": False, "errorCode": code, "sqlState": state, "queryId": query, "line": -1, "pos": -1}
    return {"success": False, "code": code, "message": message, "data": data}


def _rows(query: str, columns: list[str], rows: list[list[Any]]) -> Json:
    types = [
        {
            "name": column,
            "type": "timestamp_ltz" if column in _TIMES else "text",
            "nullable": True,
            "length": None if column in _TIMES else 16777216,
            "byteLength": None,
            "precision": 0 if column in _TIMES else None,
            "scale": 9 if column in _TIMES else None,
        }
        for column in columns
    ]
    return _success(
        {
            "parameters": [],
            "rowtype": types,
            "rowset": [[_cell(value) for value in row] for row in rows],
            "total": len(rows),
            "returned": len(rows),
            "queryId": query,
            "sqlState": None,
            "statementTypeId": 4096,
            "version": 1,
            "queryResultFormat": "json",
        }
    )


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    return f"{value:.9f}" if isinstance(value, float) else str(value)


def _answer(body: Json) -> Answer:
    return Answer(200, json.dumps(body).encode(), {"Content-Type": "application/json; charset=UTF-8"})
