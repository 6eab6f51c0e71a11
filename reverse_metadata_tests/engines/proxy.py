"""A proxy between a client and a PostgreSQL that speaks their protocol, and loses connections when it is told to.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import BinaryIO, Self

_NO_ENCRYPTION = {80877103, 80877104}  # what a client sends to ask for TLS or GSSAPI


@dataclass
class Loss:
    """Connections that are lost when they run a statement with `at` in its text."""

    at: bytes
    deliver: bool
    left: int
    happened: int = 0


class Proxy:
    """A port of the loopback that leads to the socket of a PostgreSQL. A subclass may say things otherwise."""

    host = "127.0.0.1"

    def __init__(self, server: str) -> None:
        self._server = server
        self._losses: list[Loss] = []
        self._lock = Lock()
        self._open: set[Connection] = set()
        self._threads: list[Thread] = []

    def __enter__(self) -> Self:
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(timeout=60)

    def cut(self) -> None:
        """End every connection."""
        with self._lock:
            for connection in self._open:
                connection.cut()

    @contextmanager
    def losing(self, at: str, *, deliver: bool, times: int = 1) -> Iterator[Loss]:
        """Lose the next so many connections of whoever runs a statement with this text in it.

        Without `deliver` the server never hears of the statement. With it the server has run the statement to its
        end when the client is cut off without an answer. Letter case counts.
        """
        loss = Loss(at.encode(), deliver, times)
        with self._lock:
            self._losses.append(loss)
        try:
            yield loss
        finally:
            with self._lock:
                self._losses.remove(loss)

    def startup(self, parameters: dict[bytes, bytes]) -> dict[bytes, bytes]:
        """What the server is told of what a client said when it connected."""
        return parameters

    def statement(self, sql: bytes) -> bytes:
        """What the server is told of a statement."""
        return sql

    def status(self, setting: bytes, value: bytes) -> bytes:
        """What the client is told of a setting that the server reports."""
        return value

    def connection(self, client: socket.socket, server: str) -> "Connection":
        """A connection from a client that has just come to the server."""
        return Connection(self, client, f"{server}/.s.PGSQL.5432")

    def lost(self, sql: bytes) -> Loss | None:
        """The loss that this statement meets."""
        with self._lock:
            for loss in self._losses:
                if loss.left and loss.at in sql:
                    loss.left -= 1
                    loss.happened += 1
                    return loss
        return None

    def _start(self, function: Callable[[], None]) -> None:
        thread = Thread(target=function, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            # An answer is several small messages; none waits for the client to confirm the one before.
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = self.connection(client, self._server)
            with self._lock:
                self._open.add(connection)
            self._start(connection.run)


class Connection:
    """Both ends of one connection. `server` is the path of a Unix socket."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: str) -> None:
        self._proxy, self._client, self._address = proxy, client, server
        self._server = socket.socket(socket.AF_UNIX)
        self._prepared: dict[bytes, bytes] = {}
        self._silent = Event()

    def cut(self) -> None:
        """End the connection on both sides."""
        for end in (self._client, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        """Pass on what both sides say until one of them ends."""
        answers = Thread(target=self._pass, args=[self._answers], daemon=True)
        # The server counts whoever is about to log in, so it hears of nobody who has not asked to.
        with self._client, self._server, self._client.makefile("rb") as stream, suppress(OSError, EOFError):
            startup = self._startup(stream)
            self._server.connect(self._address)
            self._server.sendall(startup)
            answers.start()
            self._pass(self._requests, stream)
            answers.join()

    def _pass(self, direction: Callable[..., None], *arguments: BinaryIO) -> None:
        # Either side may go at any time, which is what this is for.
        with suppress(OSError, EOFError):
            direction(*arguments)
        self.cut()

    def _requests(self, stream: BinaryIO) -> None:
        while True:
            kind, body = _message(stream)
            if kind in (b"Q", b"P"):
                body = self._translated(kind, body)
            ran = self._ran(kind, body)
            loss = self._proxy.lost(ran) if ran is not None else None
            if loss and not loss.deliver:
                return
            if loss:
                # Before the server hears of it: nothing that it says from here on reaches the client.
                self._silent.set()
            self._server.sendall(_framed(kind, body))

    def _startup(self, stream: BinaryIO) -> bytes:
        while True:
            length, code = struct.unpack("!II", _exactly(stream, 8))
            body = _exactly(stream, length - 8)
            if code not in _NO_ENCRYPTION:
                break
            self._client.sendall(b"N")
        words = body.rstrip(b"\0").split(b"\0")
        told = self._proxy.startup(dict(zip(words[::2], words[1::2], strict=True)))
        body = b"".join(b"%b\0%b\0" % pair for pair in told.items()) + b"\0"
        return struct.pack("!II", len(body) + 8, code) + body

    def _translated(self, kind: bytes, body: bytes) -> bytes:
        name, rest = body.split(b"\0", 1) if kind == b"P" else (None, body)
        sql, end = rest.split(b"\0", 1)
        told = self._proxy.statement(sql) + b"\0" + end
        return told if name is None else name + b"\0" + told

    def _ran(self, kind: bytes, body: bytes) -> bytes | None:
        """The statement that a message runs: a query does, and a Bind runs what a Parse has prepared."""
        words = body.split(b"\0", 2)
        if kind == b"P":
            self._prepared[words[0]] = words[1]
        if kind == b"B":
            return self._prepared[words[1]]
        return words[0] if kind == b"Q" else None

    def _answers(self) -> None:
        with self._server.makefile("rb") as stream, self._client.makefile("wb") as told:
            while True:
                kind, body = _message(stream)
                if self._silent.is_set():
                    if kind == b"Z":
                        return
                    continue
                if kind == b"S":
                    setting, value = body.rstrip(b"\0").split(b"\0")
                    body = b"%b\0%b\0" % (setting, self._proxy.status(setting, value))
                told.write(_framed(kind, body))
                if kind != b"D":
                    told.flush()


def _message(stream: BinaryIO) -> tuple[bytes, bytes]:
    """The kind of the next message, and what is in it. Raises EOFError."""
    kind, length = struct.unpack("!cI", _exactly(stream, 5))
    return kind, _exactly(stream, length - 4)


def _framed(kind: bytes, body: bytes) -> bytes:
    return struct.pack("!cI", kind, len(body) + 4) + body


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data
