"""Trino behind HTTPS and passwords, as it is reached in the field: a front that counts and loses."""

import base64
import datetime
import ipaddress
import json
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal, Self

import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from reverse_metadata_tests.engines.front import Answer, Front, Request
from reverse_metadata_tests.engines.trino import Trino

_STATEMENT = "/v1/statement"
#: What is sent by the driver or to log in, and no question of a connector.
_UNCOUNTED = ("SELECT current_user", "START TRANSACTION", "ROLLBACK")


class TrinoFront(Front):
    """Hands on to a Trino what comes with the password of everybody, and with it the certificate of nobody else."""

    def __init__(self, trino: Trino) -> None:
        super().__init__()
        self.trino = trino
        self.password = token_hex(16)
        #: How many statements were sent, but for those that log in or begin and end a transaction.
        self.asked = 0
        self.statements: list[str] = []
        #: How many answers were lost.
        self.lost = 0
        #: Headers, in lower case, that do not arrive at the other side.
        self.dropped: set[str] = set()
        self._losing: set[str] | None = None
        self._pool = urllib3.PoolManager(maxsize=8)

    def __enter__(self) -> Self:
        super().__enter__()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.port}"
        return self

    def options(self, username: str, **changed: Any) -> dict[str, Any]:
        """The options of a connector for a user."""
        login = {"username": username, "password": self.password, "verify": str(certificate())}
        return {"host": "127.0.0.1", "port": self.port, **login, **changed}

    @contextmanager
    def losing(self, when: Literal["before", "after"], containing: str) -> Iterator[None]:
        """Within, the connection is lost once: as a statement is sent, or after it was carried out."""
        if when == "before":
            self.lose_next("before", containing)
            yield
            assert not self._planned, "nothing was lost"
            return
        self._losing, self._containing = set(), containing
        before = self.lost
        yield
        assert self.lost == before + 1, "nothing was lost"

    def name(self, request: Request) -> str:
        """A statement by its text, anything else by its path."""
        return request.body.decode() if request.method == "POST" else request.path

    def answer(self, request: Request) -> Answer:
        if request.path.startswith(_STATEMENT) and not self._let_in(request):
            return Answer(401, b"Unauthorized")
        if request.method == "POST":
            sql = request.body.decode()
            self.statements.append(sql)
            self.asked += not sql.startswith(_UNCOUNTED)
        handed_on = ("x-trino-", "content-type", "user-agent")
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.startswith(handed_on) and name not in self.dropped
        }
        # By this name the server writes where the next answer is.
        headers["Host"] = f"127.0.0.1:{self.port}"
        url = f"http://127.0.0.1:{self.trino.port}{request.target}"
        answered = self._pool.request(request.method, url, body=request.body, headers=headers, retries=False)
        body = answered.data.replace(f"http://127.0.0.1:{self.port}/".encode(), f"{self.url}/".encode())
        passed = {name: value for name, value in answered.headers.items() if name.lower().startswith("x-trino-")}
        kept = {name: value for name, value in passed.items() if name.lower() not in self.dropped}
        return Answer(answered.status, body, {"Content-Type": "application/json", **kept})

    def _handle(self, request: Request) -> Answer | None:
        answer = super()._handle(request)
        if self._losing is None or answer is None or not request.path.startswith(_STATEMENT):
            return answer
        told = json.loads(answer.body) if answer.body else {}
        if request.method == "POST" and self._containing in request.body.decode():
            self._losing.add(told["id"])
        elif told.get("id") in self._losing and "nextUri" not in told:
            self._losing = None
            self.lost += 1
            return None
        return answer

    def _let_in(self, request: Request) -> bool:
        _, _, encoded = request.headers.get("authorization", "").partition(" ")
        return base64.b64decode(encoded).decode() == f"{request.headers.get('x-trino-user')}:{self.password}"


@cache
def certificate() -> Path:
    """A file with a key, and with the certificate of it for 127.0.0.1 that nobody but its reader trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = Path(_directory().name, "trino.pem")
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@cache
def _directory() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="reverse_metadata-")
