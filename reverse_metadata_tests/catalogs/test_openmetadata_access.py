"""Who may read what: people, services and their secrets, the URL and the token."""

import json
from collections.abc import Callable, Iterator

import pytest

from reverse_metadata.catalogs.base import Person
from reverse_metadata.catalogs.openmetadata import OpenMetadataCatalog
from reverse_metadata.errors import CatalogError, CatalogRejected, CatalogUnauthorized
from reverse_metadata.model import Owner, Partition
from reverse_metadata.redaction import redact
from reverse_metadata_tests.openmetadata_estate import fill_with_a_shop
from reverse_metadata_tests.openmetadata_server import OpenMetadataServer

PUBLIC = Partition("shop_pg", "shop", "public")
ORDERS = "shop_pg.shop.public.orders"


@pytest.fixture
def server() -> Iterator[OpenMetadataServer]:
    with OpenMetadataServer() as server:
        fill_with_a_shop(server.estate)
        yield server


@pytest.fixture
def catalog(server: OpenMetadataServer) -> Iterator[OpenMetadataCatalog]:
    with OpenMetadataCatalog(server.url, server.bot_token, pause=lambda _: None) as catalog:
        yield catalog


# People


def owners(catalog: OpenMetadataCatalog, fqn: str) -> tuple[Owner, ...]:
    entity = catalog.entity(fqn)
    assert entity is not None
    return entity.owners


def test_people_are_read_once_with_their_email(server: OpenMetadataServer, catalog: OpenMetadataCatalog) -> None:
    (ada,), (finance,) = owners(catalog, ORDERS), owners(catalog, "shop_pg.shop.public")
    server.requests.clear()
    assert catalog.person(ada) == Person(ada.id, "user", "ada", "ada@shop.example", "Ada L")
    assert catalog.person(ada) == Person(ada.id, "user", "ada", "ada@shop.example", "Ada L")
    assert catalog.person(finance) == Person(finance.id, "team", "finance", "finance@shop.example", "finance", "Group")
    assert [path for path, _ in server.requests] == [f"users/{ada.id}", f"teams/{finance.id}"]


def test_a_masked_email_is_no_email(server: OpenMetadataServer) -> None:
    with OpenMetadataCatalog(server.url, server.user_token) as catalog:
        (ada,) = owners(catalog, ORDERS)
        person = catalog.person(ada)
    assert person == Person(ada.id, "user", "ada", "", "Ada L")


def test_a_deleted_person_is_none(server: OpenMetadataServer, catalog: OpenMetadataCatalog) -> None:
    (ada,) = owners(catalog, ORDERS)
    server.estate.forget_user("ada")
    assert [(owner.name, owner.deleted) for owner in owners(catalog, ORDERS)] == [("ada", True)]
    assert catalog.person(ada) is None


# Services


def test_services_are_listed_without_connections(server: OpenMetadataServer, catalog: OpenMetadataCatalog) -> None:
    server.estate.service("snow", type="Snowflake", config={"password": "irrelevant"})
    assert [(s.name, s.service_type, s.connection, s.masked) for s in catalog.services()] == [
        ("shop_pg", "Postgres", None, ""),
        ("snow", "Snowflake", None, ""),
    ]


def secret_service(server: OpenMetadataServer, secret: str) -> str:
    config = {"username": "reader", "authType": {"password": secret}, "hostPort": "db:5432", "tokenUri": "https://t"}
    server.estate.service("my.pg", config=config)
    return "my.pg"


@pytest.fixture
def secret(request: pytest.FixtureRequest) -> str:
    """A password that no other test has registered for redaction."""
    return f"pw-of-{request.node.name}"


def test_a_bot_gets_the_connection_and_its_secret_is_redacted_from_then_on(
    server: OpenMetadataServer, catalog: OpenMetadataCatalog, secret: str
) -> None:
    service = catalog.service(secret_service(server, secret))
    assert service is not None
    assert service.connection is not None
    assert (service.name, service.service_type, service.masked) == ("my.pg", "Postgres", "")
    assert service.connection["authType"] == {"password": secret}
    assert redact(f"reader@db {secret} https://t") == "reader@db ******** https://t"


def test_a_masked_connection_says_whose_token_to_use(server: OpenMetadataServer, secret: str) -> None:
    name = secret_service(server, secret)
    with OpenMetadataCatalog(server.url, server.user_token) as catalog:
        service = catalog.service(name)
    assert service is not None
    assert redact("*********") == "*********"
    assert service.masked == (
        "The catalog hides authType.password of my.pg from this token: only bots are shown secrets. Use the token of "
        "a bot. Give the connection of my.pg under `services` in the configuration otherwise."
    )


def test_a_secret_in_an_external_manager_is_recognised(
    server: OpenMetadataServer, catalog: OpenMetadataCatalog
) -> None:
    service = catalog.service(secret_service(server, "secret:/openmetadata/database/my.pg/authType/password"))
    assert service is not None
    assert service.masked == (
        "The catalog keeps authType.password of my.pg in an external secrets manager and gives out a reference only. "
        "Give the connection of my.pg under `services` in the configuration."
    )


def test_a_service_without_a_connection_says_so(server: OpenMetadataServer, catalog: OpenMetadataCatalog) -> None:
    del server.estate.entities[server.estate.id("shop_pg")]["connection"]
    service = catalog.service("shop_pg")
    assert service is not None
    assert (service.connection, service.masked) == (None, "The catalog holds no connection for shop_pg.")


def test_a_service_that_the_catalog_does_not_know_is_none(catalog: OpenMetadataCatalog) -> None:
    assert catalog.service("nope") is None


# The URL and the token


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://catalog.example.com", "https://catalog.example.com"),
        ("https://catalog.example.com/", "https://catalog.example.com"),
        ("https://Catalog.Example.com:443/api", "https://catalog.example.com"),
        ("http://catalog.example.com:8585/api/v1/", "http://catalog.example.com:8585"),
        ("https://someone:hunter22@example.com/om/api/", "https://example.com/om"),
        (" http://[::1]:8585/api?x=1 ", "http://[::1]:8585"),
    ],
)
def test_the_name_is_the_url_without_api_and_credentials(url: str, name: str) -> None:
    assert OpenMetadataCatalog(url, "t").name == name


def test_a_password_in_the_url_is_redacted_from_then_on(secret: str) -> None:
    OpenMetadataCatalog(f"https://someone:{secret}@example.com", "t")
    assert redact(f"it was {secret}") == "it was ********"


@pytest.mark.parametrize("url", ["catalog.example.com", "ftp://x", "http://", "http://host:port", ""])
def test_what_is_not_a_url_is_said(url: str) -> None:
    with pytest.raises(CatalogRejected, match="is not the URL of a catalog"):
        OpenMetadataCatalog(url, "t")


@pytest.mark.parametrize("token", ["", "  ", "two words", "line\nbreak", "ümlaut"])
def test_what_is_not_a_token_is_said_and_not_shown(token: str) -> None:
    with pytest.raises(CatalogUnauthorized, match="Copy the token of a bot anew") as caught:
        OpenMetadataCatalog("http://localhost", token)
    assert not token.strip() or token not in str(caught.value)


@pytest.mark.parametrize("suffix", ["", "/", "/api", "/api/v1/"])
def test_the_server_is_reached_with_or_without_api_and_with_a_copied_header(
    server: OpenMetadataServer, suffix: str
) -> None:
    with OpenMetadataCatalog(server.url + suffix, f" Bearer {server.bot_token}\n") as catalog:
        assert catalog.entity(ORDERS) is not None


Act = Callable[[OpenMetadataCatalog], object]

ACTS: dict[str, Act] = {
    "entity": lambda catalog: catalog.entity(ORDERS),
    "tables": lambda catalog: list(catalog.tables(PUBLIC)),
    "partitions": lambda catalog: list(catalog.partitions("shop_pg")),
    "services": lambda catalog: catalog.services(),
    "service": lambda catalog: catalog.service("shop_pg"),
    "events": lambda catalog: catalog.events(""),
    "person": lambda catalog: catalog.person(Owner("x", "user", "ada")),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_no_error_shows_a_secret_of_the_server_or_the_token(server: OpenMetadataServer, act: Act, secret: str) -> None:
    body = json.dumps({"connection": {"config": {"password": secret}}, "filler": "x" * 5000})
    for status in (400, 401, 403, 404, 409, 500, 503):
        server.fail(status, times=5, message=f"Instance {body} with password={secret} {'long ' * 500}")
        with OpenMetadataCatalog(server.url, server.bot_token, pause=lambda _: None) as catalog:
            with pytest.raises(CatalogError) as caught:
                act(catalog)
        server.heal()
        assert secret not in str(caught.value)
        assert server.bot_token not in str(caught.value)
        assert len(str(caught.value)) < 900
        assert caught.value.__context__ is None or caught.value.__suppress_context__
