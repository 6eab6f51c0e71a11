"""A proxy between a client and a MySQL or MariaDB, without TLS, that loses connections when it is told to.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html
"""

import socket
from contextlib import suppress
from threading import Thread
from typing import BinaryIO

from reverse_metadata_tests.engines.proxy import Connection, Proxy

_QUERY = 3


class MysqlProxy(Proxy):
    """A port of the loopback that leads to the Unix socket of a server."""

    def connection(self, client: socket.socket, server: str) -> Connection:
        """A connection that speaks MySQL's protocol."""
        return _MysqlConnection(self, client, server)


class _MysqlConnection(Connection):
    def run(self) -> None:
        """Pass on what both sides say until one of them ends. Here the server speaks first."""
        answers = Thread(target=self._pass, args=[self._answers], daemon=True)
        with self._client, self._server, self._client.makefile("rb") as stream, suppress(OSError):
            self._server.connect(self._address)
            answers.start()
            self._pass(self._requests, stream)
            answers.join()

    def _requests(self, stream: BinaryIO) -> None:
        while head := stream.read(4):
            body = stream.read(int.from_bytes(head[:3], "little"))
            # A command is the first packet of an exchange; those of a login are not.
            if head[3] == 0 and body[:1] == bytes([_QUERY]):
                sql = self._proxy.statement(body[1:])
                loss = self._proxy.lost(sql)
                if loss and not loss.deliver:
                    return
                if loss:
                    self._silent.set()
            self._server.sendall(head + body)

    def _answers(self) -> None:
        while data := self._server.recv(65536):
            if self._silent.is_set():
                # The first word of an answer says that the statement was carried out.
                return
            self._client.sendall(data)
