"""Why an entity is in the scope of a channel or not."""

from contextlib import closing
from dataclasses import dataclass
from typing import Any

from reverse_metadata import fqn as fqns
from reverse_metadata.catalogs.base import Catalog
from reverse_metadata.catalogs.filter import catalog_fields, matches
from reverse_metadata.catalogs.filter.explain import Explained, explain
from reverse_metadata.config import Channel, Config
from reverse_metadata.display import printable
from reverse_metadata.errors import CatalogError
from reverse_metadata.model import Entity
from reverse_metadata.services import open_catalog

_TABLE_PARTS = 4


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the filter of a channel says of one entity. `columns` are those of a table that are in scope by
    themselves, when the filter speaks of columns."""

    channel: str
    entity: str
    clauses: Explained
    deleted: bool = False
    columns: tuple[str, ...] = ()

    def page(self) -> str:
        """For people at a terminal."""
        verdict = "in scope" if self.clauses.holds else "not in scope"
        lines = [f"{self.entity} is {verdict} of channel {self.channel}", *self._notes(), *self.clauses.lines(1)]
        return printable("\n".join(lines))

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "channel": self.channel,
            "entity": self.entity,
            "in_scope": self.clauses.holds,
            "deleted": self.deleted,
            "columns": list(self.columns),
            "filter": self.clauses.document(),
        }

    def _notes(self) -> list[str]:
        deleted = "It is deleted in the catalog: its last values are looked after whatever the filter says."
        columns = f"The filter speaks of columns; in scope are: {', '.join(self.columns)}"
        return [*([deleted] if self.deleted else []), *([columns] if self.columns else [])]


def explanation(config: Config, channel: Channel, name: str) -> Explanation:
    """The explanation for the database, schema, table or column of that FQN; opens the catalog.

    Raises CatalogError when there is none or the catalog cannot be read, and FqnError.
    """
    fields = catalog_fields([channel.filter])
    with closing(open_catalog(config.catalog, config.directory, fields)) as catalog:
        entity, table = _found(catalog, name)
    inner = [part for part in entity.walk() if part is not entity] if channel.filter.speaks_of_columns else []
    return Explanation(
        channel=channel.name,
        entity=entity.fqn,
        clauses=explain(channel.filter, entity, table),
        deleted=(table or entity).deleted,
        columns=tuple(
            fqns.join(column.path[3:]) for column in inner if matches(channel.filter, column, table or entity)
        ),
    )


def _found(catalog: Catalog, name: str) -> tuple[Entity, Entity | None]:
    """The entity, and its table when it is a column."""
    names = fqns.split(name)
    top = catalog.entity(fqns.join(names[:_TABLE_PARTS]))
    if top is None:
        raise CatalogError(f"{catalog.name} has no {name}; check how it is written")
    if len(names) <= _TABLE_PARTS:
        return top, None
    for column in top.walk():
        if column.path == names[1:]:
            return column, top
    raise CatalogError(f"{catalog.name}: table {top.fqn} has no column {fqns.join(names[_TABLE_PARTS:])}")
