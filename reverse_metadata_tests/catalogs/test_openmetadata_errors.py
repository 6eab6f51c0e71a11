"""Every way in which a server can fail, and what the client makes of it."""

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
import responses

from reverse_metadata.catalogs.openmetadata import OpenMetadataCatalog
from reverse_metadata.catalogs.openmetadata.client import ATTEMPTS, Client
from reverse_metadata.errors import (
    CatalogError,
    CatalogForbidden,
    CatalogRejected,
    CatalogUnauthorized,
    CatalogUnavailable,
    IncompleteListing,
)
from reverse_metadata.model import Partition
from reverse_metadata_tests.openmetadata_estate import fill_with_a_shop
from reverse_metadata_tests.openmetadata_server import OpenMetadataServer

PUBLIC = Partition("shop_pg", "shop", "public")
ORDERS = "shop_pg.shop.public.orders"
HOST = "https://catalog.example.com"
TABLE = f"{HOST}/api/v1/tables/name/{ORDERS}"

Reader = Callable[..., OpenMetadataCatalog]


@pytest.fixture
def server() -> Iterator[OpenMetadataServer]:
    with OpenMetadataServer() as server:
        fill_with_a_shop(server.estate)
        yield server


@pytest.fixture
def waits() -> list[float]:
    """The seconds that the client waited between its tries."""
    return []


@pytest.fixture
def reader(waits: list[float]) -> Iterator[Reader]:
    """Opens catalogs that do not really wait."""
    opened: list[OpenMetadataCatalog] = []

    def read(url: str, token: str = "") -> OpenMetadataCatalog:
        opened.append(OpenMetadataCatalog(url, token or secrets.token_hex(16), pause=waits.append))
        return opened[-1]

    yield read
    for catalog in opened:
        catalog.close()


# Who may read


@pytest.mark.parametrize("kind", ["unknown", "ghost"])
def test_a_wrong_token_is_unauthorized_and_not_tried_again(
    server: OpenMetadataServer, reader: Reader, waits: list[float], kind: str
) -> None:
    token = server.ghost_token if kind == "ghost" else secrets.token_hex(16)
    catalog = reader(server.url, token)
    for act in (lambda: catalog.entity(ORDERS), lambda: list(catalog.tables(PUBLIC)), lambda: catalog.events("")):
        with pytest.raises(CatalogUnauthorized, match="token"):
            act()
    assert len(server.requests) == 3
    assert waits == []


def test_a_token_of_an_unknown_user_is_named_although_the_status_is_404(
    server: OpenMetadataServer, reader: Reader
) -> None:
    with pytest.raises(CatalogUnauthorized, match=r"404: user instance for ghost not found"):
        reader(server.url, server.ghost_token).entity(ORDERS)


def test_a_bot_without_a_role_is_forbidden_and_told_what_it_needs(server: OpenMetadataServer, reader: Reader) -> None:
    catalog = reader(server.url, server.roleless_token)
    with pytest.raises(CatalogForbidden, match=r"403: Principal: .* Give the bot a role that may view"):
        catalog.entity(ORDERS)
    assert catalog.events("").events == ()


def test_a_token_that_expires_while_a_list_is_read_ends_the_list(server: OpenMetadataServer, reader: Reader) -> None:
    for number in range(150):
        server.estate.table(f"shop_pg.shop.public.t{number:03}")
    catalog = reader(server.url, server.bot_token)
    server.expire_tokens(after=1)
    tables = catalog.tables(PUBLIC)
    first = [next(tables) for _ in range(100)]
    assert len(first) == 100
    with pytest.raises(CatalogUnauthorized, match=r"401: Expired token!"):
        next(tables)


# What may be over a moment later


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_failure_is_tried_again(
    server: OpenMetadataServer, reader: Reader, waits: list[float], status: int
) -> None:
    server.fail(status, times=ATTEMPTS - 1)
    table = reader(server.url, server.bot_token).entity(ORDERS)
    assert table is not None
    assert len(waits) == ATTEMPTS - 1
    assert all(0 <= wait <= 0.5 * 2**n for n, wait in enumerate(waits))


def test_a_storm_of_500s_ends_in_unavailable(server: OpenMetadataServer, reader: Reader) -> None:
    server.fail(500, times=ATTEMPTS + 1)
    catalog = reader(server.url, server.bot_token)
    with pytest.raises(CatalogUnavailable, match=rf"asked {ATTEMPTS} times for tables: 500: An exception with message"):
        list(catalog.tables(PUBLIC))
    assert len(server.requests) == ATTEMPTS
    assert len(list(catalog.tables(PUBLIC))) == 2


def test_the_waits_differ_from_client_to_client(server: OpenMetadataServer, reader: Reader, waits: list[float]) -> None:
    server.fail(503, times=2)
    reader(server.url, server.bot_token).entity(ORDERS)
    server.fail(503, times=2)
    reader(server.url, server.bot_token).entity(ORDERS)
    assert len(set(waits)) == 4


def test_retry_after_in_seconds_is_waited_for(server: OpenMetadataServer, reader: Reader, waits: list[float]) -> None:
    server.fail(429, message="Too many requests", headers={"Retry-After": "7"})
    assert reader(server.url, server.bot_token).entity(ORDERS) is not None
    assert len(waits) == 1
    assert 7 <= waits[0] <= 7.5


def test_retry_after_as_a_date_is_waited_for(server: OpenMetadataServer, reader: Reader, waits: list[float]) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=50), usegmt=True)
    server.fail(503, headers={"Retry-After": date})
    assert reader(server.url, server.bot_token).entity(ORDERS) is not None
    assert 20 < waits[0] <= 50.5


def test_a_server_that_asks_for_an_hour_is_not_waited_for(
    server: OpenMetadataServer, reader: Reader, waits: list[float]
) -> None:
    server.fail(429, message="Too many requests", headers={"Retry-After": "3600"})
    with pytest.raises(CatalogUnavailable, match=r"asked once .* 429: Too many requests; it asks to wait 3600 s"):
        reader(server.url, server.bot_token).entity(ORDERS)
    assert waits == []


def test_an_answer_that_breaks_off_is_read_again(server: OpenMetadataServer, reader: Reader) -> None:
    server.cut(times=2)
    catalog = reader(server.url, server.bot_token)
    assert len(list(catalog.tables(PUBLIC))) == 2
    server.cut(times=ATTEMPTS)
    with pytest.raises(CatalogUnavailable, match="bytes read"):
        catalog.entity(ORDERS)


def test_a_server_that_is_not_there_is_unavailable(reader: Reader, waits: list[float]) -> None:
    with OpenMetadataServer() as server:
        url = server.url
    with pytest.raises(CatalogUnavailable, match=rf"{url} was asked {ATTEMPTS} times .* Connection refused"):
        reader(url).entity(ORDERS)
    assert len(waits) == ATTEMPTS - 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (requests.exceptions.ReadTimeout("x"), "it did not answer within 60 s"),
        (requests.exceptions.ConnectTimeout("x"), "it could not be reached within 10 s"),
    ],
)
def test_silence_is_unavailable(reader: Reader, error: Exception, words: str) -> None:
    with responses.RequestsMock() as mock:
        mock.get(TABLE, body=error)
        with pytest.raises(CatalogUnavailable, match=words):
            reader(HOST).entity(ORDERS)
        assert len(mock.calls) == ATTEMPTS


def test_every_request_has_both_time_outs() -> None:
    with responses.RequestsMock() as mock:
        mock.get(TABLE, json={"fullyQualifiedName": ORDERS, "id": "1"})
        with OpenMetadataCatalog(HOST, "t", timeout=5) as catalog:
            catalog.entity(ORDERS)
        (call,) = mock.calls
        assert vars(call.request)["req_kwargs"]["timeout"] == (10.0, 5)


# What another try cannot help


def test_a_certificate_that_is_not_trusted_is_not_tried_again(reader: Reader, waits: list[float]) -> None:
    with responses.RequestsMock() as mock:
        mock.get(TABLE, body=requests.exceptions.SSLError("certificate verify failed: self-signed certificate"))
        with pytest.raises(CatalogUnavailable, match=r"self-signed certificate\. .* REQUESTS_CA_BUNDLE"):
            reader(HOST).entity(ORDERS)
        assert len(mock.calls) == 1


def test_a_route_that_does_not_exist_is_rejected_at_once_although_the_status_is_500(reader: Reader) -> None:
    body = {
        "responseMessage": "An exception with message [HTTP 404 Not Found] was thrown while processing request.",
        "errorType": "UNHANDLED_SERVER_EXCEPTION",
    }
    with responses.RequestsMock() as mock:
        mock.get(TABLE, status=500, json=body)
        with pytest.raises(CatalogRejected, match=r"older than 1\.5, or not OpenMetadata"):
            reader(HOST).entity(ORDERS)
        assert len(mock.calls) == 1


def test_a_400_is_rejected_with_its_message(server: OpenMetadataServer, reader: Reader) -> None:
    server.fail(400, message="[query param limit must be less than or equal to 1000000]")
    with pytest.raises(CatalogRejected, match=r"refused tables \(400: \[query param limit must be less"):
        list(reader(server.url, server.bot_token).tables(PUBLIC))
    assert len(server.requests) == 1


def test_a_field_that_no_server_knows_is_rejected(server: OpenMetadataServer) -> None:
    client = Client(server.url, server.bot_token, timeout=5)
    with pytest.raises(CatalogRejected, match="Invalid field name nonsense"):
        client.find("tables", fields=["owners", "nonsense"])
    client.close()


def test_an_older_field_name_that_is_refused_as_well_is_rejected(server: OpenMetadataServer) -> None:
    server.owner_field = "proprietor"
    client = Client(server.url, server.bot_token, timeout=5)
    with pytest.raises(CatalogRejected, match="Invalid field name owner"):
        client.find("tables", fields=["owners"])
    assert len(server.requests) == 2
    client.close()


def test_several_field_names_of_an_older_server_are_found_out(server: OpenMetadataServer) -> None:
    server.owner_field, server.domain_field = "owner", "domain"
    client = Client(server.url, server.bot_token, timeout=5)
    client.find("tables", fields=["owners", "domains", "tags"])
    assert [query["fields"] for _, query in server.requests] == [
        "owners,domains,tags",
        "owners,domain,tags",
        "owner,domain,tags",
    ]
    client.close()


# What does not come from the catalog's API


def test_a_web_page_in_place_of_the_api_says_which_url_to_give(server: OpenMetadataServer, reader: Reader) -> None:
    with pytest.raises(CatalogRejected, match=r"answered with a web page, .*/my-data/api/v1/system/version must show"):
        reader(f"{server.url}/my-data", server.bot_token).entity(ORDERS)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<html>Not found</html>", "text/html"),
        ('{"code": 404, "message": "HTTP 404 Not Found"}', "application/json"),
        ('{"code": 404, "message": "databaseSchema instance for 17 not found"}', "application/json"),
        ('["table instance for shop_pg.shop.public.orders not found"]', "application/json"),
    ],
)
def test_a_404_that_is_not_about_the_entity_never_passes_for_a_deleted_one(
    reader: Reader, body: str, content_type: str
) -> None:
    with responses.RequestsMock() as mock:
        mock.get(TABLE, status=404, body=body, content_type=content_type)
        with pytest.raises(CatalogRejected, match="404"):
            reader(HOST).entity(ORDERS)


def test_a_404_for_a_list_is_not_an_empty_list(reader: Reader) -> None:
    with responses.RequestsMock() as mock:
        mock.get(f"{HOST}/api/v1/tables", status=404, json={"code": 404, "message": "x instance for tables not found"})
        with pytest.raises(CatalogRejected, match="404 for a collection"):
            list(reader(HOST).tables(PUBLIC))


def test_a_redirect_is_not_followed_and_its_target_is_named(reader: Reader) -> None:
    with responses.RequestsMock() as mock:
        location = "https://login.example.com/oauth?state=confidential"
        mock.get(TABLE, status=302, headers={"Location": location})
        with pytest.raises(CatalogRejected, match=r"to https://login\.example\.com\.") as caught:
            reader(HOST).entity(ORDERS)
        assert len(mock.calls) == 1
    assert "confidential" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [{}, {"data": [], "paging": {}}, {"data": {}, "paging": {"total": 0}}, {"data": [{}], "paging": {"total": 1}}],
)
def test_what_is_not_a_page_is_no_empty_list(reader: Reader, body: dict[str, object]) -> None:
    with responses.RequestsMock() as mock:
        mock.get(f"{HOST}/api/v1/tables", json=body)
        with pytest.raises(CatalogRejected, match="not a page of a list"):
            list(reader(HOST).tables(PUBLIC))


def test_a_list_that_turns_in_a_circle_ends(reader: Reader) -> None:
    with responses.RequestsMock() as mock:
        mock.get(f"{HOST}/api/v1/tables", json={"data": [], "paging": {"total": 1, "after": "same"}})
        with pytest.raises(IncompleteListing, match="never ends"):
            list(reader(HOST).tables(PUBLIC))


def test_the_token_is_sent_although_netrc_has_an_entry_for_the_host(
    server: OpenMetadataServer, reader: Reader, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w", encoding="utf-8") as file:
        file.write(f"machine 127.0.0.1 login someone password {secrets.token_hex(8)}\n")
    monkeypatch.setenv("NETRC", netrc)
    assert reader(server.url, server.bot_token).entity(ORDERS) is not None


def test_every_outcome_is_a_catalog_error(server: OpenMetadataServer, reader: Reader) -> None:
    for status in (*range(400, 432), 451, *range(500, 512)):
        server.fail(status, times=ATTEMPTS, message="some message")
        with pytest.raises(CatalogError, match=str(status)):
            reader(server.url, server.bot_token).entity(ORDERS)
        server.heal()
