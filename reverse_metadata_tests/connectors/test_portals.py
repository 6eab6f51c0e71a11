"""A server that answers, and is another one: a proxy that asks for a login, a port of somebody else."""

import secrets
from collections.abc import Callable, Iterator

import pytest

from reverse_metadata.connectors.athena import AthenaConnector, AthenaOptions
from reverse_metadata.connectors.base import Connector
from reverse_metadata.connectors.clickhouse import ClickHouseConnector, ClickHouseOptions
from reverse_metadata.connectors.trino import TrinoConnector, TrinoOptions
from reverse_metadata.errors import SourceError
from reverse_metadata_tests.engines.front import Answer, Front, Request

Connect = Callable[["_Portal"], Connector]


class _Portal(Front):
    """Says the same whatever it is asked."""

    says = Answer(200)

    def name(self, request: Request) -> str:
        return request.path

    def answer(self, request: Request) -> Answer:
        return self.says


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Portal]:
    monkeypatch.setattr("reverse_metadata.connectors.batches.pause", lambda _attempt: None)
    with _Portal() as portal:
        yield portal


def _athena(portal: _Portal) -> Connector:
    key = {"access_key_id": secrets.token_hex(10), "secret_access_key": secrets.token_hex(20)}
    return AthenaConnector(AthenaOptions(endpoint_url=portal.url, region="eu-west-1", max_attempts=1, **key))


def _clickhouse(portal: _Portal) -> Connector:
    return ClickHouseConnector(ClickHouseOptions(host="127.0.0.1", port=portal.port, username="rm"))


def _trino(portal: _Portal) -> Connector:
    return TrinoConnector(TrinoOptions(host="127.0.0.1", port=portal.port, username="rm"))


@pytest.mark.parametrize("connect", [_athena, _clickhouse, _trino])
@pytest.mark.parametrize(
    "says",
    [
        Answer(200, b"<html>Please log in.</html>", {"Content-Type": "text/html"}),
        Answer(200, b"{}", {"Content-Type": "application/json"}),
        Answer(200, b"null", {"Content-Type": "application/json"}),
        Answer(200),
    ],
)
def test_another_server_is_an_error_of_the_service(portal: _Portal, connect: Connect, says: Answer) -> None:
    portal.says = says
    with connect(portal) as connector, pytest.raises(SourceError):
        connector.version()
