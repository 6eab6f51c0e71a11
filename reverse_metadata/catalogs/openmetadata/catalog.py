"""The catalog as the rest of the project sees it: OpenMetadata or Collate over REST."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Self
from urllib.parse import quote

from reverse_metadata import fqn as fqns
from reverse_metadata.catalogs.base import EventBatch, Person, Service
from reverse_metadata.catalogs.entities import MalformedEntity, entity_from_json
from reverse_metadata.catalogs.openmetadata.client import Client, Json
from reverse_metadata.catalogs.openmetadata.events import read_events
from reverse_metadata.catalogs.openmetadata.ingestion import overriding
from reverse_metadata.catalogs.openmetadata.services import with_connection, without_connection
from reverse_metadata.errors import CatalogRejected, FqnError
from reverse_metadata.model import Entity, EntityType, Owner, Partition

#: Where the entities of a type are read, and the page of one in the web interface (its router, all versions).
_COLLECTIONS = {EntityType.DATABASE: "databases", EntityType.SCHEMA: "databaseSchemas", EntityType.TABLE: "tables"}
_PAGES = {EntityType.DATABASE: "database", EntityType.SCHEMA: "databaseSchema", EntityType.TABLE: "table"}
_SERVICES = "services/databaseServices"

#: What is pushed. Column tags come only when both `columns` and `tags` are asked for; columns always come.
_FIELDS = {
    EntityType.DATABASE: ("owners", "tags"),
    EntityType.SCHEMA: ("owners", "tags"),
    EntityType.TABLE: ("owners", "tags", "columns"),
}

#: Entities a page. 100 tables of 50 columns are 1.7 MB, and larger pages were not measurably faster.
_TABLES_A_PAGE = 100
_NAMES_A_PAGE = 500

#: The address that everyone but admins and bots is shown in place of an e-mail.
_MASKED_EMAIL = "@masked.com"


class OpenMetadataCatalog:
    """Reads one server with one token. Servers 1.5 to 2.x; not to be shared between threads."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        fields: Sequence[str] = (),
        max_event_age: timedelta = timedelta(days=6),
        timeout: float = 60.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Nothing is asked of the server yet.

        `url` is that of the server, with or without `/api`; `token` the JWT of a bot. `fields` are asked for beside
        those that are pushed: what the channels' filters look at, see `filter.catalog_fields`. `max_event_age` must be
        less than the catalog keeps its events (7 days by default). `timeout` is the longest silence of the server in
        seconds, `pause` waits between two tries of a request.
        Raises CatalogRejected for a URL, and CatalogUnauthorized for a token, that cannot be one.
        """
        self._client = Client(url, token, timeout=timeout, pause=pause)
        self._fields = {type_: (*pushed, *fields) for type_, pushed in _FIELDS.items()}
        self._max_event_age = max_event_age
        self._people: dict[tuple[str, str], Person | None] = {}

    @property
    def name(self) -> str:
        """The URL of the server, without `/api` and credentials."""
        return self._client.host

    @property
    def has_history(self) -> bool:
        """OpenMetadata keeps the versions of every entity."""
        return True

    def services(self) -> list[Service]:
        """All database services, without connections. Raises CatalogError."""
        return [without_connection(body) for body in self._client.listing(_SERVICES, limit=_NAMES_A_PAGE)]

    def service(self, name: str) -> Service | None:
        """One service with its connection, whose secrets are registered for redaction. Raises CatalogError."""
        body = self._client.find(f"{_SERVICES}/name/{_segment(fqns.join([name]))}")
        return None if body is None else with_connection(body)

    def partitions(self, service: str) -> Iterator[Partition]:
        """The databases and schemas of a service that are not deleted, sorted by key. Raises CatalogError."""
        found: dict[str, Partition] = {}
        for database in self._names("databases", service=fqns.join([service])):
            found[database.key] = database
            for schema in self._names("databaseSchemas", database=database.key):
                found[schema.key] = schema
        # A server that does not know the parameter ignores it and lists every service.
        return iter(sorted((each for each in found.values() if each.service == service), key=lambda each: each.key))

    def entity(self, fqn: str) -> Entity | None:
        """A database, schema or table by name, deleted ones included. Raises CatalogError and FqnError."""
        parts = len(fqns.split(fqn))
        if parts not in (2, 3, 4):
            raise FqnError(f"{fqn!r} has {parts} parts; a database has 2, a schema 3 and a table 4")
        type_ = EntityType.of(fqns.split(fqn)[1:])
        path = f"{_COLLECTIONS[type_]}/name/{_segment(fqn)}"
        body = self._client.find(path, fields=self._fields[type_], include="all")
        return None if body is None else self._entity(body)

    def tables(self, partition: Partition) -> Iterator[Entity]:
        """The tables of a schema with their columns; a database has none of its own.

        Raises IncompleteListing when tables are missing, and CatalogError.
        """
        if partition.schema is None:
            return
        fields = self._fields[EntityType.TABLE]
        for body in self._client.listing("tables", limit=_TABLES_A_PAGE, fields=fields, databaseSchema=partition.key):
            table = self._entity(body)
            # A server that does not know the parameter ignores it and lists every schema.
            if (table.service, *table.path[:2]) == (partition.service, *partition.path):
                yield table

    def versions(self, entity: Entity) -> Iterator[Entity]:
        """Earlier states of a database, schema or table, newest first. Raises CatalogError."""
        body = self._client.find(f"{_COLLECTIONS[entity.type]}/{_segment(entity.id)}/versions")
        for version in (body or {}).get("versions", ()):
            state = self._entity(json.loads(version) if isinstance(version, str) else version)
            if state.version != entity.version:
                yield state

    def person(self, owner: Owner) -> Person | None:
        """The user or team behind an owner; None when it no longer exists. Each is read once. Raises CatalogError."""
        key = (owner.type, owner.id)
        if key not in self._people:
            body = self._client.find(f"{'teams' if owner.type == 'team' else 'users'}/{_segment(owner.id)}")
            self._people[key] = None if body is None else _person(owner, body)
        return self._people[key]

    def overriding(self, service: str = "") -> dict[str, list[str]]:
        """The ingestion pipelines that have `overrideMetadata` on, by service; asked once, with little patience.

        Pipelines that are paused or deleted do not count. Raises CatalogError.
        """
        return overriding(self._client, service)

    def events(self, cursor: str) -> EventBatch:
        """What changed since the cursor ("" for the first look). Raises CatalogError."""
        return read_events(self._client, cursor, self._max_event_age)

    def close(self) -> None:
        """Close every connection. Safe to call twice."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _names(self, collection: str, **params: str) -> Iterator[Partition]:
        """The databases or schemas of a list; nothing but their names is asked for."""
        for body in self._client.listing(collection, limit=_NAMES_A_PAGE, **params):
            yield Partition.parse(str(body.get("fullyQualifiedName", "")))

    def _entity(self, body: Json) -> Entity:
        name = str(body.get("fullyQualifiedName", "an entity without a name"))
        try:
            entity = entity_from_json(body)
        except MalformedEntity as error:
            raise CatalogRejected(f"{self.name} sent {name}, which cannot be read: {error}") from error
        page = f"{self.name}/{_PAGES[entity.type]}/{_segment(entity.fqn)}"
        return replace(entity, url=page)


def _person(owner: Owner, body: Json) -> Person:
    email = str(body.get("email", ""))
    return Person(
        id=owner.id,
        type=owner.type,
        name=str(body.get("name") or owner.name),
        email="" if email.endswith(_MASKED_EMAIL) else email,
        display_name=str(body.get("displayName", "")),
        team_type=str(body.get("teamType", "")),
    )


def _segment(text: str) -> str:
    """One segment of a path: every character that means something in a URL is encoded, slashes too."""
    return quote(text, safe="", errors="replace")
