"""HTTP servers of ours, in threads of the tests' process, which misbehave when a test asks for it.

Each stands in front of an engine or plays one. It notes what it is asked, and loses a connection on demand: before
the request is carried out, or after it and before the answer.
"""

import socket
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, unquote, urlsplit

When = Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent: the path is decoded, the last value of a query parameter counts."""

    method: str
    #: Path and query as they were sent.
    target: str
    path: str
    query: Mapping[str, str]
    #: Their names in lower case.
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Planned:
    """Something that happens to the next requests whose name contains a text."""

    containing: str
    times: int
    #: When the connection is lost, or what is answered instead.
    what: When | Answer


class Front(ABC):
    """Serves on a free port of the loopback until the block ends."""

    def __init__(self) -> None:
        #: The name of every request, in order.
        self.requests: list[str] = []
        #: The requests themselves.
        self.received: list[Request] = []
        self._planned: list[Planned] = []
        self._connections: set[socket.socket] = set()
        self._lock = Lock()

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.front = self
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()

    @abstractmethod
    def name(self, request: Request) -> str:
        """How `requests`, `lose_next` and `answer_next` know the request."""

    @abstractmethod
    def answer(self, request: Request) -> Answer:
        """Carry the request out."""

    def count(self, containing: str) -> int:
        """How many requests had a name that contains the text."""
        return sum(containing in name for name in self.requests)

    def lose_next(self, when: When, containing: str = "", times: int = 1) -> None:
        """Cut the connection of the next requests, before or after they are carried out; nobody hears the answer."""
        self._planned.append(Planned(containing, times, when))

    def answer_next(self, answer: Answer, containing: str = "", times: int = 1) -> None:
        """Answer this to the next requests, and carry none of them out."""
        self._planned.append(Planned(containing, times, answer))

    def reset(self) -> None:
        """Forget the requests, and what was planned for those to come."""
        self.requests.clear()
        self.received.clear()
        self._planned.clear()

    def _handle(self, request: Request) -> Answer | None:
        """The answer, or None to cut the connection."""
        name = self.name(request)
        with self._lock:
            self.requests.append(name)
            self.received.append(request)
            planned = next((each for each in self._planned if each.containing in name), None)
            if planned:
                planned.times -= 1
                if not planned.times:
                    self._planned.remove(planned)
        if planned is None:
            return self.answer(request)
        if isinstance(planned.what, Answer):
            return planned.what
        if planned.what == "after":
            self.answer(request)
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    front: Front

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client may hang up in the middle of an answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # One segment an answer: two small ones would wait for each other's acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.front._connections.add(self.connection)

    def finish(self) -> None:
        self.server.front._connections.discard(self.connection)
        super().finish()

    def _serve(self) -> None:
        url = urlsplit(self.path)
        body = self._chunks() if self.headers.get("Transfer-Encoding") == "chunked" else self._body()
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, unquote(url.path), query, headers, body)
        answer = self.server.front._handle(request)
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, format: str, *args: Any) -> None:
        """Tests look at `requests` instead."""
