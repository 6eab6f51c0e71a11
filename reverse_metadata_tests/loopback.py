"""An HTTP server in threads of the tests' process."""

import socket
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, ClassVar, Self


class Loopback:
    """Serves on a free port of the loopback until the block ends, and leaves no connection open then.

    A subclass names the `handler` of its requests, whose `server.owner` it is.
    """

    handler: ClassVar[type["Handler"]]

    def __init__(self) -> None:
        self._connections: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), self.handler)
        self._server.owner = self
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    #: The `Loopback`.
    owner: Any

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client may hang up in the middle of an answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Keeps connections open between requests, and says nothing of them."""

    server: _Server
    protocol_version = "HTTP/1.1"
    # One segment an answer: two small ones would wait for each other's acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Remember the connection."""
        super().setup()
        self.server.owner._connections.add(self.connection)

    def finish(self) -> None:
        """Forget it."""
        self.server.owner._connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Tests look at the requests instead."""
