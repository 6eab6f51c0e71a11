"""What every catalog does: the system of record for descriptions, owners and tags."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from reverse_metadata.model import Entity, Owner, Partition


@dataclass(frozen=True, slots=True)
class Service:
    """A database service of the catalog.

    `connection` is the `connection.config` that the catalog holds, or None; `masked` says why its secrets
    cannot be used ("" when they can). Never log or store a connection: bots are shown secrets in clear text.
    """

    name: str
    service_type: str
    connection: dict[str, Any] | None = None
    masked: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """A hint that an entity changed. It only names the entity; the entity is read again before anything is planned.

    `entity` is the FQN of a database, schema or table; `at` is in milliseconds since 1970.
    `whole` says that everything below the entity may have changed (a schema deleted or restored, its owner changed).
    """

    id: str
    entity: str
    at: int
    by: str = ""
    kind: str = "entityUpdated"
    whole: bool = False


@dataclass(frozen=True, slots=True)
class EventBatch:
    """What one look at the event stream gave: the events and the cursor to go on from.

    `reconcile` is not empty when events may have been lost (no cursor yet, one older than the catalog keeps,
    too much to read): every channel must then look at everything, and the sentence says why.
    """

    events: tuple[Event, ...]
    cursor: str
    reconcile: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """A user or team of the catalog, as far as an owner rule can use it.

    `email` is "" when hidden, `team_type` is the catalog's word (`Group`, `Department`...), "" for a user.
    """

    id: str
    type: str
    name: str
    email: str = ""
    display_name: str = ""
    team_type: str = ""


class Catalog(Protocol):
    """Reads entities, people, services and events. Every method raises CatalogError."""

    @property
    def name(self) -> str:
        """Identifies the catalog in the ledger: its URL or folder, without any secret."""

    @property
    def has_history(self) -> bool:
        """Whether `versions` can answer what the catalog once held."""

    def services(self) -> list[Service]:
        """All database services, without connections."""

    def service(self, name: str) -> Service | None:
        """One service with its connection, or None when the catalog does not know it."""

    def partitions(self, service: str) -> Iterator[Partition]:
        """The databases and schemas of a service that are not deleted, sorted by key."""

    def entity(self, fqn: str) -> Entity | None:
        """A database, schema or table by name, deleted ones included (`deleted` is True); None when there is none.

        The number of parts of the FQN says which of the three it is.
        """

    def tables(self, partition: Partition) -> Iterator[Entity]:
        """The tables of a schema with their columns, page by page. Raises IncompleteListing when pages are missing."""

    def versions(self, entity: Entity) -> Iterator[Entity]:
        """Earlier states of a database, schema or table, newest first; nothing when there is no history."""

    def person(self, owner: Owner) -> Person | None:
        """The user or team behind an owner reference; None when it no longer exists."""

    def overriding(self, service: str = "") -> dict[str, list[str]]:
        """The catalog's own ingestion that writes over what people curate: names of pipelines, by service.

        Services without any are left out; without `service` it answers for all of them. Meant for a warning, so it
        must not keep anybody waiting.
        """

    def events(self, cursor: str) -> EventBatch:
        """What changed since the cursor ("" for the first look)."""

    def close(self) -> None:
        """Let go of connections and caches. Safe to call twice."""
