"""HTTP servers of ours, in threads of the tests' process, which misbehave when a test asks for it.

Each stands in front of an engine or plays one. It notes what it is asked, and loses a connection on demand: before
the request is carried out, or after it and before the answer.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from reverse_metadata_tests.loopback import Handler, Loopback

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


class _Handler(Handler):
    def _serve(self) -> None:
        url = urlsplit(self.path)
        body = self._chunks() if self.headers.get("Transfer-Encoding") == "chunked" else self._body()
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, unquote(url.path), query, headers, body)
        answer = self.server.owner._handle(request)
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


class Front(Loopback, ABC):
    """See `Loopback`."""

    handler = _Handler

    def __init__(self) -> None:
        super().__init__()
        #: The name of every request, in order.
        self.requests: list[str] = []
        #: The requests themselves.
        self.received: list[Request] = []
        self._planned: list[Planned] = []
        self._lock = Lock()

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
