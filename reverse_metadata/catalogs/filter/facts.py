"""What a filter can ask of an entity: the values of each field, found when they are first asked for.

The fields are data (`FIELDS`), so that the configuration's reference, its errors and the evaluation agree. Beside
them there is `extension.<property>` for every custom property of the catalog.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from reverse_metadata import fqn as fqns
from reverse_metadata.blank import is_blank
from reverse_metadata.catalogs.filter.typed import NUMBER_PARTS, TEXT_PARTS, values_of
from reverse_metadata.model import Entity, EntityType, Path, Tag

Scalar = str | int | float | bool
Values = tuple[Scalar, ...]

EXTENSION = "extension."
#: Before a part of a custom property and its name, `customPropertiesTyped.longValue.rows`: see `typed`.
TYPED = "customPropertiesTyped."
_TIER = "tier."
#: What names the thing that a custom property refers to; its id, type and links say nothing to people.
_REFERENCE = ("name", "fullyQualifiedName", "displayName")


class Facts:
    """What is known of one entity, or of a service, database or schema before anything in it was read.

    `undecided` is what a test answers that lacks its fact: None where it may still turn out either way, False once
    the entity is known.
    """

    __slots__ = ("_labels", "column", "entity", "path", "service", "service_type", "undecided")

    def __init__(
        self,
        service: str,
        path: Path,
        *,
        service_type: str = "",
        entity: Entity | None = None,
        column: Entity | None = None,
    ) -> None:
        """`entity` is None for a look ahead. `column` is asked about for itself; `entity` is then its table."""
        self.service = service
        self.path = path
        self.service_type = service_type
        self.entity = entity
        self.column = column
        self.undecided = None if entity is None else False
        self._labels: list[Tag] | None = None

    @staticmethod
    def of(entity: Entity, column: Entity | None = None) -> "Facts":
        """The facts of an entity, or of a column of it for itself."""
        return Facts(entity.service, entity.path, service_type=entity.service_type, entity=entity, column=column)

    def labels(self) -> list[Tag]:
        """The labels of what is asked about and of all that is in it; one that is only suggested does not count."""
        if self._labels is None:
            subject = self.column or self.entity
            parts = [] if subject is None else [subject]
            for part in parts:
                parts += part.columns
            self._labels = [tag for part in parts for tag in part.tags if _counts(tag)]
        return self._labels


@dataclass(frozen=True, slots=True)
class Field:
    """One field: how its values are found, whether letter case counts in the short form, what it is for people.

    `read` gives None when the field says nothing about the entity, or is not known yet. `by_last_name`: a plain pattern
    without a dot is one for the last name of an FQN, `Tier1` for `Tier.Tier1`. `as_text`: greater and less go letter
    by letter, for numbers and dates too. `words` are all that it can be, in lower case; none where it can be anything.
    """

    read: Callable[[Facts], Values | None]
    any_case: bool
    help: str
    by_last_name: bool = False
    as_text: bool = False
    words: tuple[str, ...] = ()


def field_of(name: str) -> Field:
    """The field of that name. Raises KeyError when there is none."""
    if name.startswith(TYPED):
        part, _, typed = name.removeprefix(TYPED).partition(".")
        return Field(
            _of_entity(lambda entity: tuple(values_of(entity.extension, part, typed))),
            any_case=False,
            help="A custom property of the entity, as the catalog's search index holds it.",
            as_text=part in TEXT_PARTS,
        )
    if not name.startswith(EXTENSION) or name == EXTENSION:
        return FIELDS[name]
    custom = name.removeprefix(EXTENSION)
    return Field(
        _of_entity(lambda entity: tuple(_scalars(entity.extension.get(custom)))),
        any_case=False,
        help="A custom property of the entity.",
    )


def is_field(name: str) -> bool:
    """Whether a filter can ask for it."""
    if name.startswith(TYPED):
        part, _, typed = name.removeprefix(TYPED).partition(".")
        return part in (*TEXT_PARTS, *NUMBER_PARTS) and bool(typed)
    return name in FIELDS or (name.startswith(EXTENSION) and name != EXTENSION)


def text_of(value: Scalar) -> str:
    """A value as a pattern sees it: `true`, `30` (of 30.0 too), and text as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def instant(text: str) -> float | None:
    """Milliseconds since 1970 of a date or time in ISO form, in UTC unless it says otherwise; None for other text."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000


def _name(depth: int) -> Callable[[Facts], Values | None]:
    return lambda facts: (facts.path[depth],) if depth < len(facts.path) else None


def _display_name(depth: int) -> Callable[[Facts], Values | None]:
    """The display name of what stands at a depth of the FQN (0 is the service); the name where it has none."""

    def read(facts: Facts) -> Values | None:
        names = (facts.service, *facts.path)
        if facts.entity is None or depth >= len(names):
            return None
        shown = (*facts.entity.parent_names, facts.entity.display_name)
        return ((shown[depth] if len(shown) == len(names) else "") or names[depth],)

    return read


def _of_entity(read: Callable[[Entity], Values]) -> Callable[[Facts], Values | None]:
    """A field of a database, schema or table; a column has that of its table."""
    return lambda facts: None if facts.entity is None else read(facts.entity)


def _of_part(read: Callable[[Entity], Values]) -> Callable[[Facts], Values | None]:
    """A field that a column has for itself."""
    return lambda facts: None if facts.entity is None else read(facts.column or facts.entity)


def _of_labels(read: Callable[[list[Tag]], Values]) -> Callable[[Facts], Values | None]:
    """A field of the labels of an entity and its columns, or of a column for itself."""
    return lambda facts: None if facts.entity is None else read(facts.labels())


def _of_table(read: Callable[[Entity], Values]) -> Callable[[Facts], Values | None]:
    def of_table(facts: Facts) -> Values | None:
        return read(facts.entity) if facts.entity is not None and facts.entity.type is EntityType.TABLE else None

    return of_table


def _some(*values: Scalar) -> Values:
    return tuple(value for value in values if value)


def _column(facts: Facts) -> Values | None:
    """The name of a column, and its path below the table when it is nested."""
    if facts.column is None:
        return None
    below = facts.column.path[3:]
    return (below[-1],) if len(below) == 1 else (below[-1], ".".join(below))


def _service_type(facts: Facts) -> Values | None:
    if facts.service_type:
        return (facts.service_type,)
    return None if facts.entity is None else ()


def _domains(entity: Entity) -> Values:
    """The domains and everything above them, so that a filter on a domain holds for its sub-domains."""
    return tuple(name for domain in entity.domains for name in _lineage(domain.fqn))


@lru_cache(maxsize=1000)
def _lineage(fqn: str) -> tuple[str, ...]:
    names = fqns.split(fqn)
    return tuple(fqns.join(names[:length]) for length in range(1, len(names) + 1))


def _counts(tag: Tag) -> bool:
    return tag.state.lower() != "suggested"


def _is_tier(tag: Tag) -> bool:
    return tag.fqn.lower().startswith(_TIER)


def _tier(entity: Entity) -> Iterator[Tag]:
    return (tag for tag in entity.tags if _is_tier(tag) and _counts(tag))


def _tag_names(wanted: Callable[[Tag], bool]) -> Callable[[Facts], Values | None]:
    return _of_labels(lambda labels: tuple(tag.fqn for tag in labels if wanted(tag)))


def _scalars(value: Any) -> Iterator[Scalar]:
    """The values of a custom property: of an enumeration or a list each, of a reference its names."""
    if isinstance(value, str | int | float):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _scalars(item)
    elif isinstance(value, dict):
        for key in [key for key in _REFERENCE if key in value] or value:
            yield from _scalars(value[key])


def _description(entity: Entity) -> Values:
    return () if is_blank(entity.description) else (entity.description or "",)


def _status(*parts: Entity) -> Values:
    """The catalog's word for whether all of them have a description."""
    return ("COMPLETE" if all(map(_description, parts)) else "INCOMPLETE",)


def _own_tags(source: str) -> Callable[[Facts], Values | None]:
    return _of_entity(
        lambda entity: tuple(
            tag.fqn for tag in entity.tags if _counts(tag) and not _is_tier(tag) and tag.source == source
        )
    )


#: Where the catalog's search has another word for a type of entity.
_ENTITY_TYPES = {EntityType.SCHEMA: "databaseSchema"}


#: By the name that a filter uses. A name with a dot is for filters of the query builder; the short form reads it too.
FIELDS: dict[str, Field] = {
    "service": Field(lambda facts: (facts.service,), False, "Name of the service."),
    "service_type": Field(_service_type, True, "Type of the service, in the catalog's words: `Postgres`."),
    "database": Field(_name(0), False, "Name of the database."),
    "schema": Field(_name(1), False, "Name of the schema."),
    "table": Field(_name(2), False, "Name of the table, of whatever kind."),
    "column": Field(_column, False, "Name of a column, or its path below the table when it is nested."),
    "entity_type": Field(
        _of_part(lambda entity: (entity.type.value,)),
        True,
        "`database`, `schema`, `table` or `column`.",
        words=tuple(type.value for type in EntityType),
    ),
    "table_type": Field(
        _of_table(lambda table: _some(table.table_type)), True, "Kind of a table, in the catalog's words: `View`."
    ),
    "owner": Field(
        _of_entity(
            lambda entity: _some(*(name for owner in entity.owners for name in (owner.name, owner.display_name)))
        ),
        True,
        "Name or display name of an owner, a user or a team.",
    ),
    "domain": Field(_of_entity(_domains), True, "FQN of a domain; its sub-domains are in it."),
    "tags": Field(_tag_names(lambda tag: True), True, "FQN of a tag of the entity, or of a column of the table."),
    "tier": Field(
        _of_entity(lambda entity: tuple(tag.fqn for tag in _tier(entity))),
        True,
        "The tier: `Tier1`.",
        by_last_name=True,
    ),
    "glossary": Field(
        _tag_names(lambda tag: tag.source == "Glossary"), True, "FQN of a glossary term, looked for as tags are."
    ),
    "certification": Field(
        _of_entity(lambda entity: _some(entity.certification)), True, "The certification: `Gold`.", by_last_name=True
    ),
    "description": Field(_of_part(_description), True, "Whether there is a description, or what it says."),
    "updated_by": Field(_of_entity(lambda entity: _some(entity.updated_by)), True, "Who changed the entity last."),
    "updated_at": Field(_of_entity(lambda entity: _some(entity.updated_at)), True, "When the entity was changed last."),
    "fqn": Field(_of_part(lambda entity: (entity.fqn,)), False, "Fully qualified name, as the catalog writes it."),
    "name": Field(_of_part(lambda entity: (entity.path[-1],)), False, "Name, whatever the entity is."),
    "display_name": Field(
        _of_part(lambda entity: (entity.display_name or entity.path[-1],)), True, "Display name, else the name."
    ),
    "deleted": Field(_of_entity(lambda entity: (entity.deleted,)), True, "Whether the entity is deleted."),
    "service.display_name": Field(_display_name(0), True, "Display name of the service, else its name."),
    "database.display_name": Field(_display_name(1), True, "Display name of the database, else its name."),
    "schema.display_name": Field(_display_name(2), True, "Display name of the schema, else its name."),
    "table.display_name": Field(_display_name(3), True, "Display name of the table, else its name."),
    "owner.name": Field(
        _of_entity(lambda entity: tuple(owner.name for owner in entity.owners)), True, "Name of an owner."
    ),
    "owner.display_name": Field(
        _of_entity(lambda entity: tuple(owner.display_name or owner.name for owner in entity.owners)),
        True,
        "Display name of an owner, else its name.",
    ),
    "domain.fqn": Field(
        _of_entity(lambda entity: tuple(domain.fqn for domain in entity.domains)), True, "FQN of a domain, it alone."
    ),
    "domain.name": Field(
        _of_entity(lambda entity: tuple(fqns.split(domain.fqn)[-1] for domain in entity.domains)),
        True,
        "Name of a domain, without those above it.",
    ),
    "domain.display_name": Field(
        _of_entity(
            lambda entity: tuple(domain.display_name or fqns.split(domain.fqn)[-1] for domain in entity.domains)
        ),
        True,
        "Display name of a domain, else its name.",
    ),
    "tags.without_tier": Field(_tag_names(lambda tag: not _is_tier(tag)), True, "As `tags`, without the tier."),
    "tags.classification": Field(
        _own_tags("Classification"), True, "FQN of a tag of the entity itself, tiers and glossary terms left out."
    ),
    "tags.glossary": Field(_own_tags("Glossary"), True, "FQN of a glossary term of the entity itself."),
    "tags.label_type": Field(
        _of_labels(lambda labels: tuple(tag.label_type for tag in labels if not _is_tier(tag))),
        True,
        "How a tag came to be there: `Manual`, `Derived`, `Propagated`, `Automated`.",
    ),
    "tier.label_type": Field(
        _of_entity(lambda entity: tuple(tag.label_type for tag in _tier(entity))),
        True,
        "How the tier came to be there.",
    ),
    "columns.name": Field(
        _of_table(lambda table: tuple(column.path[-1] for column in table.columns)),
        False,
        "Name of a column of the table, nested ones left out; it chooses tables.",
    ),
    "columns.description_status": Field(
        _of_table(lambda table: _status(*table.columns)),
        False,
        "`COMPLETE` when every column of the table has a description, nested ones left out, else `INCOMPLETE`.",
    ),
    "description.status": Field(
        _of_entity(lambda entity: _status(entity)), False, "`COMPLETE` when there is a description, else `INCOMPLETE`."
    ),
    "catalog.entity_type": Field(
        _of_entity(lambda entity: (_ENTITY_TYPES.get(entity.type, entity.type.value),)),
        False,
        "`database`, `databaseSchema` or `table`, as the catalog's search says it.",
    ),
    "catalog.id": Field(_of_entity(lambda entity: _some(entity.id)), False, "Id of the entity in the catalog."),
}
