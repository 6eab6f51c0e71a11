"""ClickHouse behind its HTTP interface: the engine of the wheel `chdb`, for the driver `clickhouse-connect`.

The engine, its errors and its privileges are ClickHouse's own. Played by us are HTTP, as
https://clickhouse.com/docs/interfaces/http describes it, the one login, and the status of an error, as
https://github.com/ClickHouse/ClickHouse/blob/master/src/Server/HTTP/exceptionCodeToHTTPStatus.cpp has it.
Statements run one after the other, in one session; data for an INSERT must stand in its text.
"""

import base64
import json
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from xml.sax.saxutils import escape

from reverse_metadata_tests.engines.asked import Asked, Refused, answer, asked
from reverse_metadata_tests.engines.front import Answer, Front, Request
from reverse_metadata_tests.engines.servers import absent, home

if TYPE_CHECKING:
    from chdb import session

#: What a request may say beside `param_` and the settings of its statement.
_PARAMETERS = {
    "query", "database", "default_format", "query_id", "session_id", "session_timeout", "session_check", "role",
    "user", "password", "compress", "decompress", "client_protocol_version", "buffer_size", "wait_end_of_query",
}  # fmt: skip
_STATUS = {
    **dict.fromkeys(["AUTHENTICATION_FAILED", "ACCESS_DENIED", "UNKNOWN_USER", "WRONG_PASSWORD"], 403),
    **dict.fromkeys(["BAD_ARGUMENTS", "DUPLICATE_COLUMN", "ILLEGAL_COLUMN", "INCORRECT_DATA"], 400),
    **dict.fromkeys(["SYNTAX_ERROR", "THERE_IS_NO_COLUMN", "TYPE_MISMATCH"], 400),
    **dict.fromkeys(["UNKNOWN_DATABASE", "UNKNOWN_FORMAT", "UNKNOWN_FUNCTION", "UNKNOWN_IDENTIFIER"], 404),
    **dict.fromkeys(["UNKNOWN_ROLE", "UNKNOWN_SETTING", "UNKNOWN_STORAGE", "UNKNOWN_TABLE", "UNKNOWN_TYPE"], 404),
    "TIMEOUT_EXCEEDED": 408,
    "NOT_IMPLEMENTED": 501,
    "SOCKET_TIMEOUT": 503,
}
_READS = re.compile(r"\s*(SELECT|WITH|SHOW|CHECK|DESC|DESCRIBE|EXISTS|EXPLAIN)\b", re.IGNORECASE)
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_EVERYTHING = ("GRANT ALL ON *.*",)


class ClickHouseFront(Front):
    """A ClickHouse; its requests are known by their statements.

    `requests` begins with what the driver asks when it connects. `answer_next(refusal(...))` plays an error that the
    engine cannot be brought to.
    """

    def __init__(self, engine: Asked) -> None:
        super().__init__()
        self.user, self.password = "default", secrets.token_hex(12)
        self._engine, self._one_at_a_time = engine, Lock()
        self._version = str(self.run("SELECT version()")[0][0])

    def run(self, sql: str) -> list[list[Any]]:
        """The rows of a statement of the test's own, which is not in `requests`. Raises Refused."""
        content = self._ask(run=sql, format="JSONCompact")
        return list(json.loads(content)["data"]) if content else []

    @contextmanager
    def granted(self, *grants: str) -> Iterator[None]:
        """Until the end of the block the login has these privileges: `GRANT SELECT, SHOW ON *.*`.

        The engine starts again for it, so tables that live in memory are emptied. `run` has no other privileges.
        """
        self._ask(restart=grants)
        try:
            yield
        finally:
            self._ask(restart=_EVERYTHING)

    @contextmanager
    def denied(self, *privileges: str) -> Iterator[None]:
        """Until the end of the block the login has all privileges but these: `ALTER COMMENT COLUMN ON shop.orders`."""
        with self.granted(*_EVERYTHING, *(f"REVOKE {privilege}" for privilege in privileges)):
            yield

    def refusal(self, code: int, name: str, message: str) -> Answer:
        """The server's way to answer an error: `refusal(517, "CANNOT_ASSIGN_ALTER", "Metadata ... was changed")`."""
        return self._failed(f"Code: {code}. DB::Exception: {message}. ({name})", {})

    def name(self, request: Request) -> str:
        """The statement; the path of a request that has none."""
        parts = (request.query.get("query", ""), request.body.decode(errors="replace"))
        return "\n".join(filter(None, parts)) or request.path

    def answer(self, request: Request) -> Answer:
        """Run the statement."""
        if request.path == "/ping":
            return Answer(200, b"Ok.\n")
        headers = {
            "X-ClickHouse-Query-Id": request.query.get("query_id") or str(uuid4()),
            "X-ClickHouse-Server-Display-Name": "chdb",
            "X-ClickHouse-Summary": "{}",
            "X-ClickHouse-Timezone": "UTC",
        }
        if not self._knows(request):
            message = "Authentication failed: password is incorrect, or there is no user with such name"
            return self._failed(f"Code: 516. DB::Exception: {self.user}: {message}. (AUTHENTICATION_FAILED)", headers)
        statement = self.name(request)
        explicit = _FORMAT.search(statement)
        form = explicit[1] if explicit else request.query.get("default_format", "TabSeparated")
        try:
            content = self._ask(
                run=statement,
                format=form,
                database=request.query.get("database", ""),
                parameters={k.removeprefix("param_"): v for k, v in request.query.items() if k.startswith("param_")},
                settings={
                    k: v for k, v in request.query.items() if k not in _PARAMETERS and not k.startswith("param_")
                },
            )
        except Refused as error:
            return self._failed(str(error), headers)
        if content or _READS.match(statement):
            pass
        return Answer(200, content, headers)

    def _knows(self, request: Request) -> bool:
        given = request.headers.get("authorization", "").removeprefix("Basic ")
        return base64.b64decode(given).decode() == f"{self.user}:{self.password}"

    def _failed(self, text: str, headers: dict[str, str]) -> Answer:
        found = re.search(r"Code: (\d+)\..*\((\w+)\)$", text, re.DOTALL)
        assert found, text
        code = {"X-ClickHouse-Exception-Code": found[1]}
        body = f"{text[found.start() :]} (version {self._version} (official build))\n"
        return Answer(_STATUS.get(found[2], 500), body.encode(), headers | code)

    def _ask(self, **asked: Any) -> bytes:
        with self._one_at_a_time:
            rows = self._engine.run(json.dumps(asked))
        return base64.b64decode(rows[0][0])


@contextmanager
def clickhouse_http() -> Iterator[ClickHouseFront]:
    """An empty ClickHouse that listens on the loopback."""
    if find_spec("chdb") is None:
        absent("chdb", "pip install 'reverse-metadata[dev]'")
    with home() as directory, asked(__name__, directory) as engine, ClickHouseFront(engine) as front:
        yield front


class _Engine:
    """A session of chdb, which starts anew for other privileges: it reads them from a file, and that only once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._session: session.Session | None = None
        self._database = ""
        self.start(_EVERYTHING)

    def start(self, grants: tuple[str, ...] | list[str]) -> None:
        from chdb import session

        self.close()
        users = self._directory / "users.xml"
        queries = "".join(f"<query>{escape(grant)}</query>" for grant in grants)
        users.write_text(
            "<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default><password/>"
            "<networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>"
            f"<grants>{queries}</grants></default></users></clickhouse>"
        )
        config = self._directory / "config.xml"
        config.write_text(
            f"<clickhouse><user_directories><users_xml><path>{users}</path></users_xml></user_directories></clickhouse>"
        )
        self._session = session.Session(f"{self._directory / 'data'}?config-file={config}")
        self._database = "default"

    def close(self) -> None:
        if self._session is not None:
            self._session.close()

    def run(self, sql: str, form: str, database: str, parameters: dict[str, str], settings: dict[str, str]) -> bytes:
        assert self._session is not None
        self._alone(sql)
        if "readonly" in settings:
            raise ValueError("Code: 48. DB::Exception: chdb cannot leave the setting readonly again. (NOT_IMPLEMENTED)")
        # USE needs a privilege of its own.
        if (database or "default") != self._database:
            self._session.query(f"USE {_quoted(database or 'default', '`')}")
            self._database = database or "default"
        for name, value in settings.items():
            self._session.query(f"SET {name} = {_quoted(value, chr(39))}")
        try:
            return bytes(self._session.query(sql, form, params=parameters).bytes())
        finally:
            for name in settings:
                self._session.query(f"SET {name} = DEFAULT")

    def _alone(self, sql: str) -> None:
        """Refuse several statements, with the parser's own words: a server does, chdb would run them all."""
        assert self._session is not None
        if ";" in sql.rstrip("; \n"):
            escaped = sql.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
            self._session.query("SELECT formatQuery({sql:String})", params={"sql": escaped})


def _quoted(text: str, quote: str) -> str:
    return quote + text.replace("\\", "\\\\").replace(quote, f"\\{quote}") + quote


@contextmanager
def _started(directory: Path) -> Iterator[Callable[[str], list[list[str]]]]:
    engine = _Engine(directory)

    def run(order: str) -> list[list[str]]:
        asked = json.loads(order)
        if "restart" in asked:
            engine.start(asked["restart"])
            return [[""]]
        content = engine.run(
            asked["run"],
            asked["format"],
            asked.get("database", ""),
            asked.get("parameters", {}),
            asked.get("settings", {}),
        )
        return [[base64.b64encode(content).decode()]]

    try:
        yield run
    finally:
        engine.close()


if __name__ == "__main__":
    answer(_started)
