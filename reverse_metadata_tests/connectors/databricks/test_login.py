"""Service principals: where their tokens come from, how long they last, and what is told when there are none."""

import json
from collections.abc import Iterator
from secrets import token_hex

import pytest
import requests

from reverse_metadata.connectors.databricks import login
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.redaction import redact
from reverse_metadata_tests.connectors.databricks.changes import connector
from reverse_metadata_tests.contract.databricks import Databricks, to
from reverse_metadata_tests.engines.front import Answer, Front, Request

SECRET = token_hex(16)
AZURE = {
    "host": "adb-1.7.azuredatabricks.net",
    "token": None,
    "azure_client_id": "app",
    "azure_client_secret": SECRET,
    "azure_tenant_id": "tenant",
}


class Issuer(Front):
    """Gives the token to everybody who asks."""

    token = ""
    lasts = 3600

    def name(self, request: Request) -> str:
        return f"{request.path} {request.body.decode()} {request.headers.get('authorization', '')}"

    def answer(self, request: Request) -> Answer:
        return Answer(200, json.dumps({"access_token": self.token, "expires_in": self.lasts}).encode())


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    """Asked for every token, over HTTP."""
    post = requests.post
    with Issuer() as front:
        monkeypatch.setattr("requests.post", lambda url, **more: post(front.url + f"/{url}", **more))
        yield front


def test_databricks_itself_knows_a_service_principal(lakehouse: Databricks, issuer: Issuer) -> None:
    issuer.token = lakehouse.workspace.token("principal")
    with to(lakehouse.workspace, None, client_id="principal", client_secret=SECRET) as connected:
        assert connected.version() == "Databricks SQL 2026.20"
        connected.close()
        assert connected.version()
    (asked,) = issuer.requests
    assert asked.startswith("/https://127.0.0.1:443/oidc/v1/token grant_type=client_credentials&scope=all-apis Basic ")
    assert issuer.token not in redact(f"the token {issuer.token}")


@pytest.mark.parametrize(
    ("host", "authority"),
    [
        ("adb-1.7.azuredatabricks.net", "login.microsoftonline.com"),
        ("adb-1.7.databricks.azure.us", "login.microsoftonline.us"),
        ("adb-1.7.databricks.azure.cn", "login.chinacloudapi.cn"),
    ],
)
def test_entra_knows_one_as_well(issuer: Issuer, host: str, authority: str) -> None:
    issuer.token = token_hex(16)
    found = login.credentials(connector(**AZURE | {"host": host}).options)
    assert found is not None
    assert found()() == {"Authorization": f"Bearer {issuer.token}"}
    (asked,) = issuer.requests
    assert asked == (
        f"/https://{authority}/tenant/oauth2/v2.0/token grant_type=client_credentials&client_id=app"
        f"&client_secret={SECRET}&scope=2ff814a6-3304-4ab8-85cb-cd0e6f879c1d%2F.default "
    )


def test_a_token_is_renewed_before_it_ends(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    issuer.token = "first"
    found = login.credentials(connector(**AZURE).options)
    assert found is not None
    assert found.token() == "first"
    issuer.token = "second"
    now[0] += 3600 - 121
    assert found.token() == "first"
    now[0] += 2
    assert found.token() == "second"


@pytest.mark.parametrize(
    ("answer", "reason", "told"),
    [
        (Answer(401, b'{"error": "invalid_client"}'), Reason.AUTHENTICATION, "answered 401: invalid_client"),
        (Answer(400, b'{"error_description": "no such app"}'), Reason.AUTHENTICATION, "answered 400: no such app"),
        (Answer(200, b"<html>"), Reason.AUTHENTICATION, "answered 200: OK"),
        (Answer(403, b'"blocked by a proxy"'), Reason.AUTHENTICATION, "answered 403: Forbidden"),
        (Answer(503, b""), Reason.CONNECTION, "answered 503: Service Unavailable"),
    ],
)
def test_a_login_that_fails_says_why(issuer: Issuer, answer: Answer, reason: Reason, told: str) -> None:
    issuer.answer_next(answer, times=10)
    with connector(**AZURE) as connected, pytest.raises(SourceError) as raised:
        connected.version()
    assert raised.value.reason is reason
    assert told in str(raised.value)
    assert SECRET not in str(raised.value)


def test_an_issuer_that_does_not_answer_may_answer_later(issuer: Issuer) -> None:
    issuer.lose_next("before", times=10)
    with connector(**AZURE) as connected, pytest.raises(SourceError) as raised:
        connected.version()
    assert raised.value.reason is Reason.CONNECTION
    assert "could not be asked: ('Connection aborted.'" in str(raised.value)
