"""Which connection a service gets: the configuration's, or what the catalog holds."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from reverse_metadata.catalogs.openmetadata import OpenMetadataCatalog
from reverse_metadata.connectors.postgres import PostgresConnector, PostgresOptions
from reverse_metadata.errors import ReverseMetadataError, SourceError
from reverse_metadata.model import Partition
from reverse_metadata.services import Services
from reverse_metadata_tests.openmetadata_server import OpenMetadataServer


@pytest.fixture
def server() -> Iterator[OpenMetadataServer]:
    with OpenMetadataServer() as running:
        yield running


@pytest.fixture
def services(server: OpenMetadataServer) -> Iterator[Callable[..., Services]]:
    with closing(OpenMetadataCatalog(server.url, server.bot_token)) as catalog:
        yield lambda configured=None, overrides=None: Services(catalog, configured or {}, overrides or {})


def test_the_catalogs_connection_is_used_as_it_is(
    server: OpenMetadataServer, services: Callable[..., Services], postgres_host: str
) -> None:
    config = {"hostPort": postgres_host, "username": "postgres", "database": "postgres", "authType": {}}
    server.estate.service("shop_pg", config=config)
    with closing(services()) as opened:
        state = opened.connector("shop_pg").read(Partition("shop_pg", "postgres", "public"))
    assert state["postgres", "public"].kind == "schema"


def test_every_connector_is_told_the_run(server: OpenMetadataServer) -> None:
    server.estate.service("shop_pg", config={"hostPort": "db", "username": "u", "authType": {}})
    configured = PostgresConnector(PostgresOptions(host="db", username="u"))
    with closing(OpenMetadataCatalog(server.url, server.bot_token)) as catalog:
        services = Services(catalog, {"own_pg": lambda: configured}, {}, "8f2c")
        assert [services.connector(name).run_id for name in ("shop_pg", "own_pg")] == ["8f2c", "8f2c"]


def test_overrides_are_laid_over_the_catalogs_connection(
    server: OpenMetadataServer, services: Callable[..., Services]
) -> None:
    server.estate.service("shop_pg", config={"hostPort": "db:5433", "username": "u", "authType": {}})
    overrides = {"shop_pg": {"rewrite": {"schema": {"a": "b"}}, "lock_timeout": "7"}}
    options = services(overrides=overrides).connector("shop_pg").options
    assert isinstance(options, PostgresOptions)
    assert options.lock_timeout == 7
    assert (options.host, options.port, options.username) == ("db", 5433, "u")
    assert options.rewrite == {"schema": {"a": "b"}}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"host": "elsewhere"}, "host belongs to a connection, and this service has that of the catalog"),
        (
            {"lock_timeout": "soon"},
            "the connection that .* holds for shop_pg: lock_timeout: Input should be a valid number",
        ),
        ({"warehouse": "w"}, "the connection that .* holds for shop_pg: warehouse: Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_laid_over_the_catalogs_connection_is_said(
    server: OpenMetadataServer, services: Callable[..., Services], overrides: dict[str, str], message: str
) -> None:
    server.estate.service("shop_pg", config={"hostPort": "db:5433", "username": "u", "authType": {}})
    with pytest.raises(ReverseMetadataError, match=message):
        services(overrides={"shop_pg": overrides}).connector("shop_pg")


def test_the_configured_connection_wins_and_is_made_once(
    server: OpenMetadataServer, services: Callable[..., Services]
) -> None:
    server.estate.service("shop_pg", config={"hostPort": "elsewhere:5432", "username": "u", "authType": {}})
    made: list[PostgresConnector] = []

    def factory() -> PostgresConnector:
        made.append(PostgresConnector(PostgresOptions(host="here")))
        return made[-1]

    opened = services({"shop_pg": factory})
    assert opened.connector("shop_pg") is opened.connector("shop_pg") is made[0]


@pytest.mark.parametrize(
    ("type_", "config", "message"),
    [
        ("Postgres", {"username": "u"}, "names no host"),
        (
            "Dremio",
            {"account": "x"},
            "service shop_pg: services of type 'Dremio' cannot be written yet.*leave it out",
        ),
    ],
)
def test_what_cannot_be_reused_is_said(
    server: OpenMetadataServer, services: Callable[..., Services], type_: str, config: dict[str, Any], message: str
) -> None:
    server.estate.service("shop_pg", type=type_, config=config)
    with pytest.raises(ReverseMetadataError, match=message):
        services().connector("shop_pg")


def test_an_unknown_service_is_said(services: Callable[..., Services]) -> None:
    with pytest.raises(SourceError, match="knows no service shop_pg, and none is configured"):
        services().connector("shop_pg")


def test_masked_secrets_are_recognised_and_no_secret_is_shown(server: OpenMetadataServer) -> None:
    password = secrets.token_hex(12)
    config = {"hostPort": "db:5432", "username": "u", "authType": {"password": password}}
    server.estate.service("shop_pg", config=config)
    with closing(OpenMetadataCatalog(server.url, server.user_token)) as catalog:
        with pytest.raises(SourceError) as raised:
            Services(catalog, {}, {}).connector("shop_pg")
    assert "bot" in str(raised.value)
    assert password not in str(raised.value)
