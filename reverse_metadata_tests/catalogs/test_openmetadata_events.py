"""The stream of change events: nothing is given twice, and nothing is lost that the server tells at all."""

import json
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import responses

from reverse_metadata.catalogs.base import Event
from reverse_metadata.catalogs.openmetadata import OpenMetadataCatalog, events
from reverse_metadata.errors import CatalogError, CatalogRejected, CatalogUnavailable, IncompleteListing
from reverse_metadata_tests.openmetadata_estate import fill_with_a_shop
from reverse_metadata_tests.openmetadata_server import OpenMetadataServer

ORDERS = "shop_pg.shop.public.orders"
ITEMS = "shop_pg.shop.public.items"
SCHEMA = "shop_pg.shop.public"
HOST = "https://catalog.example.com"


@pytest.fixture(params=["old", "new"])
def server(request: pytest.FixtureRequest) -> Iterator[OpenMetadataServer]:
    """A server with either behaviour of `/events`, whose own creation events are long past."""
    with OpenMetadataServer(new_events=request.param == "new") as server:
        fill_with_a_shop(server.estate)
        server.estate.forward(3600)
        yield server


class Tail:
    """Looks at the events again and again."""

    def __init__(self, catalog: OpenMetadataCatalog) -> None:
        self.catalog = catalog
        self.cursor = ""
        self.reconcile = ""

    def look(self) -> list[str]:
        """The FQNs of the new events."""
        return [event.entity for event in self.events()]

    def events(self) -> tuple[Event, ...]:
        batch = self.catalog.events(self.cursor)
        self.cursor, self.reconcile = batch.cursor, batch.reconcile
        return batch.events


@pytest.fixture
def tail(server: OpenMetadataServer) -> Iterator[Tail]:
    """A tail that has taken its first look."""
    with OpenMetadataCatalog(server.url, server.bot_token, pause=lambda _: None) as catalog:
        tail = Tail(catalog)
        tail.look()
        yield tail


def test_the_first_look_gives_no_events_and_asks_for_a_full_look(server: OpenMetadataServer) -> None:
    with OpenMetadataCatalog(server.url, server.bot_token) as catalog:
        tail = Tail(catalog)
        assert tail.look() == []
        assert tail.reconcile == f"{server.url}: this is the first look at its events"
        assert tail.look() == []
        assert tail.reconcile == ""


def test_an_edit_is_given_once_with_its_author(server: OpenMetadataServer, tail: Tail) -> None:
    server.estate.describe(ORDERS, "new", user="grace")
    (event,) = tail.events()
    assert (event.entity, event.by, event.kind, event.whole) == (ORDERS, "grace", "entityUpdated", False)
    assert event.at == server.estate.entities[server.estate.id(ORDERS)]["updatedAt"]
    assert event.id == server.estate.events[-1]["id"]
    assert tail.look() == []
    assert tail.look() == []


def test_a_column_s_edit_is_an_event_of_its_table(server: OpenMetadataServer, tail: Tail) -> None:
    server.estate.describe(ORDERS, "WGS84", column="addr.geo.lat")
    server.estate.tag(ORDERS, ["PII.None"], column="email")
    assert tail.look() == [ORDERS, ORDERS]


def test_an_edit_between_the_looks_of_a_session_is_not_swallowed(server: OpenMetadataServer, tail: Tail) -> None:
    server.estate.describe(ORDERS, "first")
    assert tail.look() == [ORDERS]
    server.estate.describe(ORDERS, "second")
    assert tail.look() == [ORDERS]


def test_an_event_that_is_stored_late_is_not_lost(server: OpenMetadataServer, tail: Tail) -> None:
    with server.estate.late_events() as late:
        server.estate.describe(ITEMS, "slow")
    server.estate.forward(4)
    server.estate.describe(ORDERS, "quick")
    assert tail.look() == [ORDERS]
    server.estate.store(late)
    assert tail.look() == [ITEMS]
    assert tail.look() == []


def test_an_event_of_a_node_whose_clock_is_fast_does_not_hide_later_ones(
    server: OpenMetadataServer, tail: Tail
) -> None:
    server.estate.forward(3600)
    server.estate.describe(ITEMS, "from the future")
    server.estate.forward(-3600)
    assert tail.look() == [ITEMS]
    server.estate.describe(ORDERS, "now")
    assert tail.look() == [ORDERS]
    assert tail.look() == []


def test_more_events_than_a_page_all_arrive_in_order(server: OpenMetadataServer, tail: Tail) -> None:
    names = [f"shop_pg.shop.public.t{number:04}" for number in range(1100)]
    for name in names:
        server.estate.table(name)
    server.requests.clear()
    assert tail.look() == names
    assert len(server.requests) == (2 if server.new_events else 1)
    assert {query["limit"] for _, query in server.requests} == {"1000"}
    assert tail.look() == []


def test_the_cursor_stays_small_when_nothing_happens(server: OpenMetadataServer, tail: Tail) -> None:
    for number in range(50):
        server.estate.table(f"shop_pg.shop.public.t{number}")
    assert len(tail.look()) == 50
    server.estate.forward(60)
    server.estate.describe(ORDERS, "new")
    assert tail.look() == [ORDERS]
    assert json.loads(tail.cursor)["seen"] == [server.estate.events[-1]["id"]]


@pytest.mark.parametrize("fqn", [SCHEMA, "shop_pg.shop"])
def test_what_children_inherit_touches_everything_below(server: OpenMetadataServer, tail: Tail, fqn: str) -> None:
    server.estate.describe(fqn, "only a text")
    server.estate.own(fqn, ["grace"], user="grace")
    server.estate.delete(fqn)
    server.estate.restore(fqn)
    server.estate.delete(fqn, hard=True)
    assert [(event.entity, event.kind, event.whole) for event in tail.events()] == [
        (fqn, "entityUpdated", False),
        (fqn, "entityUpdated", True),
        (fqn, "entitySoftDeleted", True),
        (fqn, "entityRestored", True),
        (fqn, "entityDeleted", True),
    ]


def test_the_owner_of_a_table_touches_the_table_alone(server: OpenMetadataServer, tail: Tail) -> None:
    server.estate.own(ORDERS, ["grace"])
    server.estate.delete(ORDERS)
    assert [event.whole for event in tail.events()] == [False, False]


def test_a_deleted_service_asks_for_a_full_look(server: OpenMetadataServer, tail: Tail) -> None:
    server.estate.delete("shop_pg")
    assert tail.look() == []
    assert tail.reconcile == (
        f"{server.url}: the service shop_pg was deleted or restored, and nothing below it sends an event then"
    )
    assert tail.look() == []
    assert tail.reconcile == ""


def test_what_no_event_tells_is_left_to_the_full_look(server: OpenMetadataServer, tail: Tail) -> None:
    server.estate.describe(ITEMS, "tried")
    assert tail.look() == [ITEMS]
    server.estate.forward(60)
    server.estate.delete(ORDERS, hard=True)
    server.estate.forget_user("ada", hard=True)
    assert tail.look() == []


def test_a_cursor_older_than_the_catalog_keeps_events_asks_for_a_full_look(server: OpenMetadataServer) -> None:
    with OpenMetadataCatalog(server.url, server.bot_token, max_event_age=timedelta(days=6)) as catalog:
        tail = Tail(catalog)
        tail.look()
        cursor = json.loads(tail.cursor)
        cursor["looked"] -= 7 * 86_400_000
        tail.cursor = json.dumps(cursor)
        server.estate.describe(ORDERS, "unseen")
        server.estate.forward(60)
        assert tail.look() == []
        assert tail.reconcile.startswith(f"{server.url}: its events were last read 7.0 days ago")
        server.estate.describe(ITEMS, "seen")
        assert tail.look() == [ITEMS]
        assert tail.reconcile == ""


def test_a_catalog_in_which_nothing_happens_for_long_needs_no_full_look(server: OpenMetadataServer) -> None:
    with OpenMetadataCatalog(server.url, server.bot_token) as catalog:
        tail = Tail(catalog)
        tail.look()
        cursor = json.loads(tail.cursor)
        cursor["at"] -= 30 * 86_400_000
        cursor["seen"] = [event["id"] for event in server.estate.events]
        tail.cursor = json.dumps(cursor)
        assert tail.look() == []
        assert tail.reconcile == ""


@pytest.mark.parametrize("text", ["nonsense", "{}", "[1]", '{"at": "x", "looked": 1, "seen": []}'])
def test_a_cursor_that_cannot_be_read_asks_for_a_full_look(server: OpenMetadataServer, text: str) -> None:
    with OpenMetadataCatalog(server.url, server.bot_token) as catalog:
        batch = catalog.events(text)
    assert batch.events == ()
    assert batch.reconcile == f"{server.url}: the cursor of its events cannot be read"


def test_the_clock_of_the_catalog_decides_where_the_stream_begins(server: OpenMetadataServer) -> None:
    server.estate.forward(-7200)
    with OpenMetadataCatalog(server.url, server.bot_token) as catalog:
        tail = Tail(catalog)
        tail.look()
        server.estate.describe(ORDERS, "new")
        assert ORDERS in tail.look()


def test_too_many_bytes_turn_into_a_full_look(
    server: OpenMetadataServer, tail: Tail, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        server.estate.table(f"shop_pg.shop.public.t{number}", [f"column_{n}" for n in range(20)])
    server.estate.forward(60)
    monkeypatch.setattr(events, "MAX_BYTES", 100_000)
    assert tail.look() == []
    assert tail.reconcile == f"{server.url}: there are more than 0 MB of events since the last look"
    server.estate.describe(ORDERS, "after that")
    assert tail.look() == [ORDERS]
    assert tail.reconcile == ""


def test_a_response_that_is_too_large_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_BYTES", 100_000)
    body = json.dumps({"data": [event(n) for n in range(1000)]})[:-1] + "the rest of this is not even JSON"
    with responses.RequestsMock() as mock, OpenMetadataCatalog(HOST, "t") as catalog:
        mock.get(f"{HOST}/api/v1/events", body=body, content_type="application/json")
        batch = catalog.events(CURSOR)
    assert batch.events == ()
    assert batch.reconcile == f"{HOST}: there are more than 0 MB of events since the last look"


def test_the_pages_of_a_look_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_BYTES", 50_000)
    with responses.RequestsMock() as mock, OpenMetadataCatalog(HOST, "t") as catalog:
        for page in range(5):
            data = [event(page * 100 + n) for n in range(100)]
            paging = {"total": 100, "after": str(page)} if page < 4 else {"total": 100}
            mock.get(f"{HOST}/api/v1/events", json={"data": data, "paging": paging})
        mock.assert_all_requests_are_fired = False
        batch = catalog.events(CURSOR)
        assert len(mock.calls) == 3
    assert batch.reconcile != ""


def test_an_answer_that_breaks_off_is_read_again_without_doubles(server: OpenMetadataServer, tail: Tail) -> None:
    for number in range(30):
        server.estate.table(f"shop_pg.shop.public.t{number:02}")
    server.cut(path="events", times=2)
    assert tail.look() == [f"shop_pg.shop.public.t{number:02}" for number in range(30)]
    server.fail(500, times=5)
    cursor = tail.cursor
    with pytest.raises(CatalogUnavailable):
        tail.look()
    assert tail.cursor == cursor


# Shapes that the estate does not have


def event(number: int = 1, **values: Any) -> dict[str, Any]:
    """An event as servers from 1.2 on send it."""
    base = {
        "id": f"id-{number}",
        "eventType": "entityUpdated",
        "entityType": "databaseSchema",
        "entityId": "e1",
        "currentVersion": 0.2,
        "timestamp": 1_700_000_000_000 + number,
        "userName": "ada",
        "entityFullyQualifiedName": SCHEMA,
    }
    return {key: value for key, value in (base | values).items() if value is not None}


CURSOR = events.Cursor(1_700_000_000_000, 2**50).dump()


def look(data: list[Any]) -> tuple[tuple[Event, ...], str]:
    """The events and the wish of a look at these; a second look at the same gives neither."""
    with responses.RequestsMock() as mock, OpenMetadataCatalog(HOST, "t") as catalog:
        mock.get(f"{HOST}/api/v1/events", json={"data": data, "paging": {"total": len(data)}})
        batch = catalog.events(CURSOR)
        again = catalog.events(batch.cursor)
    assert (again.events, again.reconcile) == ((), "")
    return batch.events, batch.reconcile


@pytest.mark.parametrize(
    "values",
    [
        {"changeDescription": {"fieldsAdded": [{"name": "owners"}]}},
        {"changeDescription": {"fieldsUpdated": [{"name": "owner"}]}},
        {"changeDescription": {"fieldsUpdated": [{"name": "deleted"}]}},
        {"changeDescription": {"fieldsAdded": [{"name": "domains"}]}},
        {"changeDescription": {"fieldsUpdated": [{"name": "domain"}]}},
        {"incrementalChangeDescription": {"fieldsDeleted": [{"name": "owners"}]}},
        {"entity": json.dumps({"incrementalChangeDescription": {"fieldsDeleted": [{"name": "owners"}]}})},
        {"entity": {"incrementalChangeDescription": {"fieldsDeleted": [{"name": "owners"}]}}},
    ],
)
def test_what_children_inherit_is_found_wherever_a_version_puts_it(values: dict[str, Any]) -> None:
    (found,), _ = look([event(**values)])
    assert found.whole
    (other,), _ = look([event(changeDescription={"fieldsAdded": [{"name": "tags"}]})])
    assert not other.whole


def test_the_name_comes_from_the_entity_where_the_event_has_none() -> None:
    (text,), _ = look([event(entityFullyQualifiedName=None, entity=json.dumps({"fullyQualifiedName": SCHEMA}))])
    (object_,), _ = look([event(entityFullyQualifiedName=None, entity={"fullyQualifiedName": SCHEMA})])
    assert text.entity == object_.entity == SCHEMA


def test_events_of_very_old_servers_are_told_apart_without_an_id() -> None:
    found, _ = look([event(1, id=None), event(2, id=None), event(2, id=None)])
    assert [each.at for each in found] == [1_700_000_000_001, 1_700_000_000_002]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"entityFullyQualifiedName": None}, "the event id-1 does not name its databaseSchema"),
        ({"entityFullyQualifiedName": ORDERS}, "the event id-1 does not name its databaseSchema"),
        ({"entityFullyQualifiedName": 'a."b'}, "the event id-1 does not name its databaseSchema"),
        ({"timestamp": None}, "an event has a shape that is not known"),
        ({"entityFullyQualifiedName": None, "entity": "{broken"}, "an event has a shape that is not known"),
    ],
)
def test_an_event_that_cannot_be_understood_asks_for_a_full_look(values: dict[str, Any], words: str) -> None:
    found, reconcile = look([event(**values), event(2)])
    assert [each.id for each in found] == ["id-2"]
    assert reconcile == f"{HOST}: {words}"


def test_what_is_no_event_at_all_asks_for_a_full_look() -> None:
    assert look(["text"]) == ((), f"{HOST}: an event has a shape that is not known")


@pytest.mark.parametrize("body", ["{}", "[]", '{"data": []}'])
def test_an_answer_without_a_list_of_events_is_rejected(body: str) -> None:
    with responses.RequestsMock() as mock, OpenMetadataCatalog(HOST, "t") as catalog:
        mock.get(f"{HOST}/api/v1/events", body=body, content_type="application/json")
        with pytest.raises(CatalogRejected, match="did not answer with a list of events"):
            catalog.events(CURSOR)


@pytest.mark.parametrize("body", ['{"data": [{"id": "x", ', "", "[", '{"data": [], "paging": {"total": 0}'])
def test_a_body_that_is_cut_off_is_unavailable(body: str) -> None:
    with responses.RequestsMock() as mock, OpenMetadataCatalog(HOST, "t", pause=lambda _: None) as catalog:
        mock.get(f"{HOST}/api/v1/events", body=body, content_type="application/json")
        with pytest.raises(CatalogUnavailable, match="the list of events is cut off"):
            catalog.events(CURSOR)


def test_pages_that_turn_in_a_circle_end() -> None:
    with responses.RequestsMock() as mock, OpenMetadataCatalog(HOST, "t") as catalog:
        mock.get(f"{HOST}/api/v1/events", json={"data": [event()], "paging": {"total": 1, "after": "same"}})
        with pytest.raises(IncompleteListing, match="never ends"):
            catalog.events(CURSOR)


def test_the_entities_of_the_events_are_not_held_together() -> None:
    text = json.dumps({"fullyQualifiedName": SCHEMA, "description": "x" * 100_000})
    body = json.dumps({"data": [event(n, entity=text) for n in range(200)], "paging": {"total": 200}}).encode()
    with responses.RequestsMock() as mock, OpenMetadataCatalog(HOST, "t") as catalog:
        mock.get(f"{HOST}/api/v1/events", body=body, content_type="application/json")
        tracemalloc.start()
        try:
            assert len(catalog.events(CURSOR).events) == 200
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert len(body) > 20_000_000
    assert peak < 5_000_000


def test_an_error_of_the_stream_is_a_catalog_error() -> None:
    with responses.RequestsMock() as mock, OpenMetadataCatalog(HOST, "t", pause=lambda _: None) as catalog:
        mock.get(f"{HOST}/api/v1/events", status=500, body="<html>", content_type="text/html")
        with pytest.raises(CatalogError, match="500: without a message"):
            catalog.events("")
