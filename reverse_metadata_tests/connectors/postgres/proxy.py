"""A network that fails at a given word."""

import socket
import tempfile
from threading import Thread
from typing import Self


class Proxy:
    """Stands between a client and a PostgreSQL on a Unix socket, and loses one connection.

    When the client sends `cut_at`, the connection is cut, the first time only. With `deliver` the server still gets
    the message and answers, but nobody hears it.
    """

    def __init__(self, server: str, *, cut_at: bytes, deliver: bool) -> None:
        self._server = server
        self._cut_at = cut_at
        self._deliver = deliver
        self._threads: list[Thread] = []
        self.cuts = 0

    def __enter__(self) -> Self:
        self._directory = tempfile.TemporaryDirectory(prefix="reverse_metadata-")
        self.host = self._directory.name
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{self.host}/.s.PGSQL.5432")
        self._listener.listen()
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=60)
        self._directory.cleanup()

    def _start(self, function: object, *arguments: socket.socket) -> None:
        assert callable(function)
        thread = Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{self._server}/.s.PGSQL.5432")
            self._start(self._requests, client, server)
            self._start(self._answers, server, client)

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := client.recv(65536):
                if self._cut_at in data and self.cuts == 0:
                    self.cuts = 1
                    # Nothing that the server says from here on reaches the client.
                    client.shutdown(socket.SHUT_RDWR)
                    if self._deliver:
                        server.sendall(data)
                    break
                server.sendall(data)
            # The server reads what was sent to it before it reads that the connection has ended.
            server.shutdown(socket.SHUT_WR)
        except OSError:
            server.close()

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        try:
            while data := server.recv(65536):
                client.sendall(data)
        except OSError:
            pass
        finally:
            server.close()
            client.close()
