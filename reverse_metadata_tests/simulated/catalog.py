"""A catalog in memory that keeps every version of its entities, and the people who edit it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from reverse_metadata import fqn as fqns
from reverse_metadata.catalogs.base import Event, EventBatch, Person, Service
from reverse_metadata.model import Entity, EntityType, Owner, Partition, Tag


@dataclass(slots=True)
class _Record:
    """An entity now, and its earlier states, oldest first."""

    now: Entity
    earlier: list[Entity] = field(default_factory=list)


class MemoryCatalog:
    """The catalog of one service. Every edit makes a version, unless it changes nothing.

    `fqn` is that of a database, schema, table or column in the methods that edit; a column's edit is a version of its
    table. Unknown names raise KeyError: tests do not make mistakes quietly.
    """

    name = "memory"
    has_history = True

    def __init__(self, service: str, service_type: str = "Labelbase") -> None:
        self._service = Service(service, service_type)
        self._records: dict[str, _Record] = {}
        self._people: dict[tuple[str, str], Person] = {}
        self._events: list[Event] = []
        #: Counts everything that happens, and stands in for the clock: milliseconds since 1970.
        self._now = 0
        #: Who edits.
        self.editor = "curator"
        #: Ingestion pipelines that write over what people curate.
        self.pipelines: list[str] = []

    # What a run reads

    def services(self) -> list[Service]:
        """The service."""
        return [self._service]

    def service(self, name: str) -> Service | None:
        """The service, when it is asked for."""
        return self._service if name == self._service.name else None

    def partitions(self, service: str) -> Iterator[Partition]:
        """See `Catalog.partitions`."""
        living = [record.now for record in self._records.values() if not record.now.deleted]
        found = [Partition.holding(service, each.path) for each in living if each.type is not EntityType.TABLE]
        yield from sorted(found if service == self._service.name else (), key=lambda partition: partition.key)

    def entity(self, fqn: str) -> Entity | None:
        """See `Catalog.entity`. Owners that come from above are among them, as inherited."""
        record = self._records.get(fqns.join(fqns.split(fqn)))
        return None if record is None else self._with_inherited(record.now)

    def tables(self, partition: Partition) -> Iterator[Entity]:
        """The living tables of a schema, sorted by FQN."""
        for fqn in sorted(self._records):
            table = self._records[fqn].now
            if table.type is EntityType.TABLE and table.path[:2] == partition.path and not table.deleted:
                yield self._with_inherited(table)

    def versions(self, entity: Entity) -> Iterator[Entity]:
        """The earlier states, newest first."""
        record = self._records.get(entity.fqn)
        yield from reversed(record.earlier if record is not None else ())

    def person(self, owner: Owner) -> Person | None:
        """The user or team behind an owner."""
        return self._people.get((owner.type, owner.name))

    def overriding(self, service: str = "") -> dict[str, list[str]]:
        """`pipelines`, by the name of the service."""
        asked = service in ("", self._service.name)
        return {self._service.name: self.pipelines} if self.pipelines and asked else {}

    def events(self, cursor: str) -> EventBatch:
        """One for each version since the cursor."""
        reconcile = "" if cursor else f"{self.name} is looked at for the first time"
        return EventBatch(tuple(self._events[int(cursor or 0) :]), str(len(self._events)), reconcile)

    def close(self) -> None:
        """Nothing is open."""

    # What people do

    def user(self, name: str, email: str = "") -> None:
        """A user that can own something."""
        self._people["user", name] = Person(f"user-{name}", "user", name, email)

    def team(self, name: str, team_type: str = "Group") -> None:
        """A team that can own something."""
        self._people["team", name] = Person(f"team-{name}", "team", name, team_type=team_type)

    def add(self, fqn: str, columns: tuple[str, ...] = (), description: str | None = None) -> None:
        """A new database, schema or table, by the length of its FQN; takes the place of a deleted one of that name."""
        service, *path = fqns.split(fqn)
        if len(path) > 1:
            self._living(fqns.join((service, *path[:-1])))
        if fqn in self._records and not self._records[fqn].now.deleted:
            raise KeyError(f"{fqn} is there already")
        self._now += 1
        entity = Entity(fqn, EntityType.of(tuple(path)), f"id-{self._now}", service, tuple(path), description)
        made = replace(entity, columns=tuple(_column(entity, name) for name in columns))
        self._records[fqn] = _Record(self._stamped(made, 1))

    def describe(self, fqn: str, text: str | None) -> None:
        """Give an entity a description, or none."""
        self._edit(fqn, lambda entity: replace(entity, description=text))

    def tag(self, fqn: str, tag: str | Tag) -> None:
        """Put a tag on an entity, in place of one of the same FQN."""
        label = Tag(tag) if isinstance(tag, str) else tag

        def tagged(entity: Entity) -> Entity:
            if label in entity.tags:
                return entity
            return replace(entity, tags=(*(each for each in entity.tags if each.fqn != label.fqn), label))

        self._edit(fqn, tagged)

    def untag(self, fqn: str, tag_fqn: str) -> None:
        """Take a tag off, if it is there."""
        self._edit(fqn, lambda entity: replace(entity, tags=tuple(t for t in entity.tags if t.fqn != tag_fqn)))

    def own(self, fqn: str, *names: str) -> None:
        """Make users and teams of these names the owners of a database, schema or table; no name takes them off."""
        people = [next(person for key, person in self._people.items() if key[1] == name) for name in names]
        owners = tuple(Owner(person.id, person.type, person.name) for person in people)
        self._edit(fqn, lambda entity: replace(entity, owners=owners))

    def add_column(self, fqn: str) -> None:
        """A new last column."""
        parent, name = _above(fqn)
        self._edit(parent, lambda table: replace(table, columns=(*table.columns, _column(table, name))))

    def drop_column(self, fqn: str) -> None:
        """Take a column out of its table, with all that was known of it."""
        self.find(fqn)
        self._edit(
            _above(fqn)[0], lambda table: replace(table, columns=tuple(c for c in table.columns if c.fqn != fqn))
        )

    def delete(self, fqn: str, *, hard: bool = False) -> None:
        """Delete a database, schema or table and all below it; a soft deletion can be taken back."""
        self._living(fqn)
        for name in self._at_and_below(fqn):
            if hard:
                self._announce(self._records.pop(name).now, "entityDeleted")
            else:
                self._change(name, lambda entity: replace(entity, deleted=True), "entitySoftDeleted")

    def restore(self, fqn: str) -> None:
        """Take back the soft deletion of an entity and of all below it."""
        for name in self._at_and_below(fqn):
            self._change(name, lambda entity: replace(entity, deleted=False), "entityRestored")

    def find(self, fqn: str) -> Entity:
        """The database, schema, table or column as it is, without inherited owners."""
        return next(each for each in self._living(_top(fqn)).walk() if each.fqn == fqn)

    def _living(self, fqn: str) -> Entity:
        entity = self._records[fqn].now
        if entity.deleted:
            raise KeyError(f"{fqn} is deleted")
        return entity

    def _at_and_below(self, fqn: str) -> list[str]:
        path = self._records[fqn].now.path
        return [name for name, record in self._records.items() if record.now.path[: len(path)] == path]

    def _edit(self, fqn: str, change: Callable[[Entity], Entity]) -> None:
        self.find(fqn)
        top = _top(fqn)
        if top == fqn:
            self._change(fqn, change)
        else:
            columns = self._living(top).columns
            changed = tuple(change(column) if column.fqn == fqn else column for column in columns)
            self._change(top, lambda table: replace(table, columns=changed))

    def _change(self, fqn: str, change: Callable[[Entity], Entity], kind: str = "entityUpdated") -> None:
        record = self._records[fqn]
        changed = change(record.now)
        if changed != record.now:
            self._now += 1
            record.earlier.append(record.now)
            record.now = self._stamped(changed, len(record.earlier) + 1, kind)

    def _stamped(self, entity: Entity, version: int, kind: str = "entityCreated") -> Entity:
        stamped = replace(entity, version=f"0.{version}", updated_by=self.editor, updated_at=self._now)
        self._announce(stamped, kind)
        return stamped

    def _announce(self, entity: Entity, kind: str) -> None:
        whole = entity.type is not EntityType.TABLE and kind != "entityUpdated"
        number = str(len(self._events) + 1)
        self._events.append(Event(number, entity.fqn, self._now, self.editor, kind, whole))

    def _with_inherited(self, entity: Entity) -> Entity:
        """The entity with the owners of the nearest one above it that has some, when it has none of its own."""
        service, *path = fqns.split(entity.fqn)
        for depth in range(len(path), 0, -1):
            found = self._records.get(fqns.join((service, *path[:depth])))
            if found is not None and found.now.owners:
                inherited = depth < len(path)
                return replace(entity, owners=tuple(replace(o, inherited=inherited) for o in found.now.owners))
        return entity


def _column(table: Entity, name: str) -> Entity:
    return Entity(
        fqns.join((table.service, *table.path, name)), EntityType.COLUMN, table.id, table.service, (*table.path, name)
    )


@cache
def _top(fqn: str) -> str:
    """The FQN of an entity's table, or its own above that."""
    return fqns.join(fqns.split(fqn)[:4])


def _above(fqn: str) -> tuple[str, str]:
    """The FQN of a column's table, and the column's name."""
    *parent, name = fqns.split(fqn)
    return fqns.join(parent), name
