"""The stream of change events, `GET /v1/events`, in both its behaviours.

Older servers send everything since `timestamp` in one response of any size, sorted by time. Newer ones (from about
1.13) send pages in the order of storage: at most 1,000 events, `paging.after` leads on, and `paging.total` is the
size of the page. Both ignore what they do not know, so one request serves both.

An event is dated at the start of the edit and stored after its commit, so events appear late and out of order
(0.4 s measured with 8 editors): every look begins 10 s before the newest event that was seen, and events that were
already given are left out by their id. What no overlap can find: a hard delete is dated with the entity's last
update, an edit taken back within ten minutes and a recursive delete's children send nothing. Full looks find those.

Each event holds its whole entity (20 kB for a table of 50 columns), as JSON in a string: the response is parsed
while it arrives and one event is held at a time.
"""

import json
import time
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

import ijson
import requests

from reverse_metadata import fqn as fqns
from reverse_metadata.catalogs.base import Event, EventBatch
from reverse_metadata.catalogs.openmetadata.client import Client, Json, server_time
from reverse_metadata.errors import CatalogRejected, FqnError, IncompleteListing

#: How far before the newest seen event a look begins, in milliseconds.
OVERLAP = 10_000
#: Past this many bytes of (decompressed) events, reading the catalog itself is cheaper.
MAX_BYTES = 64 * 1024 * 1024
_CHUNK = 64 * 1024
_PAGE = 1000

#: The number of parts of the FQN by entity type.
_PARTS = {"database": 2, "databaseSchema": 3, "table": 4}
_SERVICE = "databaseService"
_GONE_OR_BACK = frozenset({"entitySoftDeleted", "entityDeleted", "entityRestored"})
#: Fields that the children of a schema or database take over without an event of their own. Domains are not pushed, but
#: filters look at them.
_INHERITED = frozenset({"owners", "owner", "domains", "domain", "deleted"})


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the stream was read.

    `at` is the time of the newest event that was seen (the catalog's clock), `seen` are the ids of the events from
    the overlap before it, `looked` is the time of the last look (our clock). All times in milliseconds since 1970.
    """

    at: int
    looked: int
    seen: frozenset[str] = frozenset()

    def dump(self) -> str:
        """The cursor as text."""
        return json.dumps({"at": self.at, "looked": self.looked, "seen": sorted(self.seen)}, separators=(",", ":"))

    @staticmethod
    def parse(text: str) -> "Cursor | None":
        """The cursor of a text that `dump` wrote; None for any other text."""
        try:
            data = json.loads(text)
            return Cursor(int(data["at"]), int(data["looked"]), frozenset(map(str, data["seen"])))
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(slots=True)
class _Page:
    """What one response held, and how the stream goes on.

    `times` has all events by id; `lost` those, by id, that cannot be followed, and why.
    """

    clock: int
    bytes: int = 0
    events: list[Event] = field(default_factory=list)
    times: dict[str, int] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    after: str | None = None


def read_events(client: Client, text: str, max_age: timedelta) -> EventBatch:
    """What happened since the cursor `text` ("" for the first look). Raises CatalogError."""
    now = int(time.time() * 1000)
    cursor = Cursor.parse(text)
    if cursor is None:
        why = "the cursor of its events cannot be read" if text else "this is the first look at its events"
        return _from_now_on(client, now, why)
    if now - cursor.looked > max_age / timedelta(milliseconds=1):
        days = (now - cursor.looked) / 86_400_000
        return _from_now_on(
            client, now, f"its events were last read {days:.1f} days ago and may have been deleted since"
        )
    events: dict[str, Event] = {}
    times: dict[str, int] = {}
    lost: dict[str, str] = {}
    page = _Page(clock=now)
    while True:
        page = _read_page(client, cursor.at - OVERLAP, page)
        if page.bytes > MAX_BYTES:
            why = f"there are more than {MAX_BYTES // 2**20} MB of events since the last look"
            return EventBatch((), Cursor(page.clock, now).dump(), f"{client.host}: {why}")
        events.update((event.id, event) for event in page.events if event.id not in cursor.seen)
        times.update(page.times)
        lost.update(page.lost)
        if page.after is None:
            break
    # A node whose clock is fast must not carry the cursor past events that are still to come.
    at = max(cursor.at, min(max(times.values(), default=0), page.clock + 1000))
    seen = frozenset([*lost, *(event_id for event_id, at_ in times.items() if at_ >= at - OVERLAP)])
    in_order = tuple(sorted(events.values(), key=lambda event: event.at))
    why = next((why for event_id, why in lost.items() if event_id not in cursor.seen), "")
    return EventBatch(in_order, Cursor(at, now, seen).dump(), f"{client.host}: {why}" if why else "")


def _from_now_on(client: Client, now: int, why: str) -> EventBatch:
    """Nothing but a cursor at the catalog's present, and the sentence that asks for a full look."""
    page = _read_page(client, now, _Page(clock=now))
    return EventBatch((), Cursor(page.clock, now).dump(), f"{client.host}: {why}")


def _read_page(client: Client, since: int, previous: _Page) -> _Page:
    """The page after `previous`; it goes on counting the bytes. It is incomplete when there are too many."""
    types = ",".join(_PARTS)
    params = {
        "timestamp": str(max(since, 0)),
        "entityCreated": types,
        "entityUpdated": types,
        "entityRestored": f"{types},{_SERVICE}",
        "entityDeleted": f"{types},{_SERVICE}",
        "limit": str(_PAGE),
    }
    if previous.after is not None:
        params["after"] = previous.after
    page = client.read("events", params, lambda response: _parse(response, _Page(previous.clock, previous.bytes)))
    if page is None:
        raise CatalogRejected(
            f"{client.host}/api/v1/events did not answer with a list of events. Look at what it answers: it must "
            "have `data` and `paging`."
        )
    if page.after is not None and page.after == previous.after:
        raise IncompleteListing(f"{client.host} sent the same page of events twice; the list never ends.")
    return page


def _parse(response: requests.Response, page: _Page) -> _Page | None:
    """Read the response into the page as it arrives; stop when it is too large. None when it is no list of events."""
    page.clock = server_time(response) or page.clock
    found, paging = ijson.sendable_list(), ijson.sendable_list()
    parsers = (
        ijson.items_coro(found, "data.item", use_float=True),
        ijson.items_coro(paging, "paging", use_float=True),
    )
    try:
        for chunk in response.iter_content(_CHUNK):
            page.bytes += len(chunk)
            if page.bytes > MAX_BYTES:
                return page
            for parser in parsers:
                parser.send(chunk)
            for raw in found:
                try:
                    _take(raw, page)
                except (AttributeError, KeyError, TypeError, ValueError):
                    digest = sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()
                    page.lost[digest] = "an event has a shape that is not known"
            found.clear()
        for parser in parsers:
            parser.close()
    except ijson.JSONError:
        raise requests.exceptions.ContentDecodingError("the list of events is cut off") from None
    if not paging or not isinstance(paging[0], dict):
        return None
    page.after = paging[0].get("after")
    return page


def _take(raw: Json, page: _Page) -> None:
    """Add what an event says to the page, and forget the entity in it."""
    at = int(raw["timestamp"])
    # Servers before 1.2 send no id.
    event_id = raw.get("id") or f"{raw['entityId']}@{at}:{raw['eventType']}:{raw['currentVersion']}"
    page.times[event_id] = at
    entity = _Lazy(raw.get("entity"))
    name = raw.get("entityFullyQualifiedName") or entity.read().get("fullyQualifiedName") or ""
    kind, by = raw["eventType"], raw.get("userName", "")
    if raw["entityType"] == _SERVICE:
        page.lost[event_id] = f"the service {name} was deleted or restored, and nothing below it sends an event then"
    elif _parts(name) != _PARTS.get(raw["entityType"]):
        page.lost[event_id] = f"the event {event_id} does not name its {raw['entityType']}"
    else:
        whole = raw["entityType"] != "table" and (kind in _GONE_OR_BACK or bool(_fields(raw, entity) & _INHERITED))
        page.events.append(Event(event_id, name, at, by, kind, whole))


class _Lazy:
    """The entity of an event, which comes as JSON in a string, or as an object; parsed only when it is needed."""

    def __init__(self, value: object) -> None:
        self._value = value

    def read(self) -> Json:
        if isinstance(self._value, str):
            self._value = json.loads(self._value)
        return self._value if isinstance(self._value, dict) else {}


def _fields(raw: Json, entity: _Lazy) -> set[str]:
    """The names of the changed fields, from every place where some version of the server puts them."""
    changes = (
        raw.get("incrementalChangeDescription"),
        raw.get("changeDescription"),
        entity.read().get("incrementalChangeDescription"),
    )
    return {
        change["name"]
        for description in changes
        if isinstance(description, dict)
        for group in ("fieldsAdded", "fieldsUpdated", "fieldsDeleted")
        for change in description.get(group) or ()
    }


def _parts(fqn: str) -> int:
    try:
        return len(fqns.split(fqn))
    except FqnError:
        return 0
