"""What the catalog wants for one partition: fetched, filtered, and checked against what the ledger knows."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import TypeAdapter

from reverse_metadata import fqn as fqns
from reverse_metadata.catalogs.base import Catalog
from reverse_metadata.catalogs.filter import Filter, reaches
from reverse_metadata.errors import CatalogError, IncompleteListing
from reverse_metadata.model import Entity, EntityType, Partition

Scope = Literal["full", "changed", "narrowed", "approved", "undo"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """The desired state of a partition.

    `entities` are those in the channel's scope, or with a column that is; `left` those that the ledger knows and that
    are no longer in scope (only removals are considered for them); an entity with `deleted` is gone from the catalog.
    `parents` are the database and schema, whose owners the entities may inherit. `upto` holds the number of the newest
    event that this state answers: for every entity that was pending, and under "" for the whole partition after a full
    look.
    """

    partition: Partition
    scope: Scope
    entities: tuple[Entity, ...]
    left: tuple[Entity, ...] = ()
    parents: tuple[Entity, ...] = ()
    upto: dict[str, int] = field(default_factory=dict)

    @property
    def tables(self) -> list[str] | None:
        """The FQNs of what is looked at; None for a full look."""
        return None if self.scope == "full" else [entity.fqn for entity in (*self.entities, *self.left)]


FETCHED: TypeAdapter[Fetched] = TypeAdapter(Fetched)


def fetch(
    catalog: Catalog,
    partition: Partition,
    channel_filter: Filter,
    *,
    known: Collection[str],
    pending: Mapping[str, int] | None = None,
    with_parents: bool = False,
    newest: int = 0,
) -> Fetched:
    """Fetch a partition in full, or only the `pending` entities (FQN -> number of the newest event).

    `newest` is the number of the newest event of the catalog, taken before this call;
    `known` are the FQNs of the databases, schemas and tables of the partition that the ledger has values for.
    Raises CatalogError: nothing is assumed to be deleted unless a read by name says so.
    """
    if pending is None:
        found = _everything(catalog, partition, known)
    else:
        found = [_by_name(catalog, partition, name) for name in pending]
    in_scope, left = [], []
    for entity in found:
        if entity.deleted:
            if entity.fqn in known:
                in_scope.append(entity)
        elif reaches(channel_filter, entity):
            in_scope.append(entity)
        elif entity.fqn in known:
            left.append(entity)
    return Fetched(
        partition=partition,
        scope="full" if pending is None else "changed",
        entities=tuple(in_scope),
        left=tuple(left),
        parents=_parents(catalog, partition) if with_parents else (),
        upto={"": newest} if pending is None else dict(pending),
    )


def _everything(catalog: Catalog, partition: Partition, known: Collection[str]) -> list[Entity]:
    found: dict[str, Entity] = {}
    itself = catalog.entity(partition.key)
    if itself is not None:
        found[itself.fqn] = itself
    if partition.schema is not None:
        for table in catalog.tables(partition):
            found[table.fqn] = table
    if not found and not known:
        kind = "database" if partition.schema is None else "schema"
        raise CatalogError(f"{catalog.name} has no {kind} {partition.key}; check how the partition key is written")
    missing = [name for name in known if name not in found]
    if missing and len(missing) == len(known):
        _refuse_empty_catalog(catalog, partition, len(known))
    for name in missing:
        found[name] = _by_name(catalog, partition, name)
    return list(found.values())


def _refuse_empty_catalog(catalog: Catalog, partition: Partition, known: int) -> None:
    """A catalog that lists nothing at all of a service is broken or was reset, not curated."""
    if next(iter(catalog.partitions(partition.service)), None) is None:
        raise IncompleteListing(
            f"{catalog.name} lists no database and no schema of service {partition.service}, but {known} entities of "
            f"{partition.key} were pushed before. Nothing is written. If the catalog was reset, restore it first; if "
            f"the service was really removed, take it out of the channel's filter."
        )


def _by_name(catalog: Catalog, partition: Partition, name: str) -> Entity:
    entity = catalog.entity(name)
    if entity is not None:
        return entity
    path = fqns.split(name)[1:]
    return Entity(name, EntityType.of(path), "", partition.service, path, deleted=True)


def _parents(catalog: Catalog, partition: Partition) -> tuple[Entity, ...]:
    names = [Partition(partition.service, partition.database, None).key, partition.key]
    parents = (catalog.entity(name) for name in dict.fromkeys(names))
    return tuple(replace(parent, columns=()) for parent in parents if parent is not None)
