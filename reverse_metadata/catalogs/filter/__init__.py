"""Which entities a channel is about: docs/filters.md.

A filter is one expression tree (`tree`), whatever form it was written in: the short form (`short`), the query that the
catalog's query builder saves (`query`) or the builder's own tree (`builder`). It is decided here, entity by entity, and
never by the catalog's search, which knows the state of some seconds ago and ignores a filter that it cannot read.

A clause that cannot be decided for an entity does not hold: `schema` says nothing about a database, `table`
nothing about a schema. So `{table: "dim_*"}` leaves schemas and databases out, and `{not: {table: "tmp_*"}}` lets
them in.

A column is in scope when its table is, unless the filter speaks of columns (`Filter.speaks_of_columns`). Then it is
decided for every column by itself: `column`, `tags`, `glossary` and `description` are the column's own, the rest is
that of its table. For the table itself `column` is a clause that cannot be decided.
"""

import hashlib
import json
from collections.abc import Iterable

from reverse_metadata.catalogs.filter import builder, query, short
from reverse_metadata.catalogs.filter.facts import Facts
from reverse_metadata.catalogs.filter.tree import EVERYTHING, Filter, FilterError, canonical
from reverse_metadata.documents import Place
from reverse_metadata.model import Entity, Path

__all__ = [
    "EVERYTHING",
    "Filter",
    "FilterError",
    "catalog_fields",
    "could_match",
    "filter_hash",
    "matches",
    "parse_filter",
    "reaches",
]

#: The fields that OpenMetadata sends only when asked, by what they are called there.
_ASKED = {
    "domain": "domains",
    "extension": "extension",
    "customPropertiesTyped": "extension",
    "certification": "certification",
}


def matches(filter: Filter, entity: Entity, table: Entity | None = None) -> bool:
    """Whether the entity itself is in scope; `table` is the table of a column."""
    if table is None or table is entity:
        return bool(filter.check(Facts.of(entity)))
    return bool(filter.check(Facts.of(table, entity if filter.speaks_of_columns else None)))


def reaches(filter: Filter, top: Entity) -> bool:
    """Whether a database, schema or table, or a column of the table, is in scope."""
    if matches(filter, top):
        return True
    return filter.speaks_of_columns and any(matches(filter, column, top) for column in top.walk() if column is not top)


def could_match(filter: Filter, service: str, path: Path = (), *, service_type: str = "") -> bool:
    """Whether the service, database or schema, or anything in it, could be in scope.

    Errs on the side of yes: what is not known before the entities are read counts as possible. This is all that is
    pushed down: the catalog is asked for the services, databases and schemas of which it is true, by their names,
    and for everything in them. Its search would spare more reading, but it decides otherwise than this tree does
    (letter case, suggested tags, custom properties), answers late, and answers everything to a filter that it cannot
    read.
    """
    return filter.check(Facts(service, path, service_type=service_type)) is not False


def catalog_fields(filters: Iterable[Filter]) -> list[str]:
    """What must be asked of OpenMetadata for these filters beside what is pushed: names in its `fields` parameter."""
    asked = {test.field.partition(".")[0] for filter in filters for test in filter.tests()}
    return list(dict.fromkeys(name for field, name in _ASKED.items() if field in asked))


def filter_hash(filter: Filter) -> str:
    """16 hexadecimal digits that are the same for filters that differ only in order, nesting or repetition."""
    return hashlib.sha256(canonical(filter.normal()).encode()).hexdigest()[:16]


def parse_filter(data: object) -> Filter:
    """The filter that the configuration spells, in any of its forms; None gives everything.

    The query of the catalog's query builder and the builder's own tree may come as text, as the catalog saves them.
    Raises FilterError with every mistake.
    """
    if data is None:
        return EVERYTHING
    if isinstance(data, str) and data.lstrip().startswith("{"):
        data = _from_text(data)
    mistakes: list[tuple[Place, str]] = []
    if isinstance(data, dict) and builder.is_tree(data):
        filter = builder.parse(data, (), mistakes)
    elif isinstance(data, dict) and query.is_query(data):
        filter = query.parse(data, (), mistakes)
    else:
        filter = short.parse(data, (), mistakes)
    if mistakes:
        raise FilterError(mistakes)
    return filter


def _from_text(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        message = f"is text that looks like JSON and is none: {error.msg} in line {error.lineno}, column {error.colno}"
        raise FilterError([((), message)]) from error
