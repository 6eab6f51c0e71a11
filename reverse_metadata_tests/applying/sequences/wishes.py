"""What the catalog wants of each value, and what it ever held: read from the tests' own catalog, by the documents."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reverse_metadata.model import Entity
from reverse_metadata_tests.simulated.world import SimulatedWorld

SCHEMA = "s"
TABLES: dict[str, tuple[str, ...]] = {"a": ("x",), "b": ()}
PLACES: list[tuple[str, ...]] = [
    (SCHEMA,),
    *((SCHEMA, table) for table in TABLES),
    *((SCHEMA, table, column) for table, columns in TABLES.items() for column in columns),
]
TAG_KEYS = ("PII", "Zone")

#: The filters that a channel may have, by the name that the steps use.
FILTERS: dict[str, dict[str, object] | None] = {
    "everything": None,
    "pii": {"tags": "PII.*"},
    "not_b": {"not": {"table": "b"}},
}


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One value: an aspect of an object below the database, for tags one key."""

    place: tuple[str, ...]
    aspect: str
    tag: str = ""

    def __str__(self) -> str:
        return f"{'.'.join(self.place)} {self.aspect} {self.tag}".rstrip()


KEYS = [
    *(Key(place, "description") for place in PLACES),
    *(Key(place, "tags", tag) for place in PLACES for tag in TAG_KEYS),
    *(Key(place, "owner") for place in PLACES if len(place) < 3),
]


class Kind(StrEnum):
    """What sort of wish the catalog has."""

    VALUE = "value"
    EMPTY = "empty"
    GONE = "gone"
    SEVERAL = "several"
    UNMAPPED = "unmapped"
    TOO_LONG = "too long"


@dataclass(frozen=True, slots=True)
class Wish:
    """`text` is the catalog's value, `value` what a statement would store; `remains` is what the catalog still says of
    an emptied value: the role of an inherited owner, or the value of a label that is there and is not pushed.
    """

    kind: Kind
    text: str | None = None
    value: str | None = None
    remains: str | None = None


class Held(StrEnum):
    """Whether the catalog's history holds a value."""

    YES = "yes"
    NO = "no"
    #: The documents do not say whether this counts.
    PERHAPS = "perhaps"


def plain(text: str | None) -> str | None:
    """The form in which descriptions compare."""
    if text is None or not re.sub(r"(?i)</?p>|\s", "", text):
        return None
    return text.replace("\r\n", "\n")


def equal(aspect: str, one: str | None, other: str | None) -> bool:
    """Whether two values count as equal."""
    return plain(one) == plain(other) if aspect == "description" else one == other


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of a channel that the model knows."""

    filter: str = "everything"
    on_first_contact: str = "keep"
    on_conflict: str = "overwrite"
    on_catalog_delete: str = "leave"
    on_ambiguous: str = "report"
    on_too_long: str = "report"
    default_owner: str | None = None

    def channel(self) -> dict[str, Any]:
        """The same as the configuration says it."""
        settings: dict[str, Any] = {
            "update_tags": True,
            "update_owners": True,
            "on_first_contact": self.on_first_contact,
            "on_conflict": self.on_conflict,
            "on_catalog_delete": self.on_catalog_delete,
            "on_too_long": self.on_too_long,
            "tags": {"on_ambiguous": self.on_ambiguous},
            "owners": {"default": self.default_owner},
        }
        chosen = FILTERS[self.filter]
        return settings if chosen is None else {**settings, "filter": chosen}


class Curated:
    """The catalog as the model sees it; `noted` keeps every value that it ever held."""

    def __init__(self, world: SimulatedWorld) -> None:
        self._world = world
        #: By object and the id of its entity: each value with its aspect and key, and whether it surely counts.
        self._held: dict[tuple[tuple[str, ...], str], dict[tuple[str, str, str], bool]] = defaultdict(dict)

    def note(self) -> None:
        """Write down what the catalog holds now; to be called after each edit."""
        for place in PLACES:
            entity = self.entity(place)
            if entity is None:
                continue
            kept = self._held[place, entity.id]
            for aspect, tag, value, surely in _values(entity):
                kept[aspect, tag, value] = kept.get((aspect, tag, value), False) or surely

    def ever(self, key: Key) -> set[str]:
        """Every value that the catalog ever held, under whatever id."""
        return {
            value
            for (place, _), values in self._held.items()
            for aspect, tag, value in values
            if (place, aspect, tag) == (key.place, key.aspect, key.tag)
        }

    def history(self, key: Key, value: str | None, limit: int | None) -> Held:
        """Whether the entity that is in the catalog now once held the value."""
        entity = self.entity(key.place)
        if entity is None:
            return Held.NO
        found = {Held.NO}
        for (aspect, tag, once), surely in self._held[key.place, entity.id].items():
            if (aspect, tag) != (key.aspect, key.tag):
                continue
            if equal(aspect, once, value):
                found.add(Held.YES if surely else Held.PERHAPS)
            cut_once = aspect == "description" and limit is not None and equal(aspect, cut(once, limit), value)
            if cut_once or (tag and value is not None and once in value.split(",")):
                found.add(Held.PERHAPS)
        return next(each for each in (Held.YES, Held.PERHAPS, Held.NO) if each in found)

    def entity(self, place: tuple[str, ...]) -> Entity | None:
        """The living entity of an object, without what it inherits."""
        try:
            return self._world.catalog.find(self._world.fqn(*place))
        except (KeyError, StopIteration):
            return None

    def in_scope(self, place: tuple[str, ...], chosen: str) -> bool:
        """Whether the filter lets the object in. A column comes with its table."""
        entity = self.entity(place[:2])
        if entity is None:
            return False
        if chosen == "pii":
            return any(tag.fqn.startswith("PII.") for each in entity.walk() for tag in each.tags)
        return chosen == "everything" or place[1:2] != ("b",)

    def wish(self, key: Key, rules: Rules, limit: int | None) -> Wish:
        """What the catalog wants of a value; `limit` is how long a description may be."""
        entity = self.entity(key.place)
        if entity is None:
            return Wish(Kind.GONE)
        match key.aspect:
            case "description":
                return _described(entity.description, rules, limit)
            case "tags":
                return _labelled(entity, key.tag, rules)
            case _:
                return self._owned(key, entity)

    def _owned(self, key: Key, entity: Entity) -> Wish:
        above = self.entity(key.place[:1]) if len(key.place) > 1 else None
        inherited = [] if above is None else [owner.name for owner in above.owners]
        names = [owner.name for owner in entity.owners]
        if not names or (inherited and sorted(names) == sorted(inherited)):
            return Wish(Kind.EMPTY, remains=inherited[0] if len(inherited) == 1 else None)
        if len(names) > 1:
            return Wish(Kind.SEVERAL, ",".join(names))
        if names[0] not in self._world.engine.principals - self._world.engine.superusers:
            return Wish(Kind.UNMAPPED, names[0])
        return Wish(Kind.VALUE, names[0], names[0])


def _values(entity: Entity) -> Iterator[tuple[str, str, str, bool]]:
    """Aspect, tag key, value, and whether the catalog surely wanted it for the source."""
    if plain(entity.description) is not None:
        yield "description", "", entity.description or "", True
    for owner in entity.owners:
        yield "owner", "", owner.name, True
    manual = [tag.fqn.split(".")[0] for tag in entity.tags if tag.label_type == "Manual"]
    for tag in entity.tags:
        key, value = tag.fqn.split(".")
        yield "tags", key, value, tag.label_type == "Manual" and manual.count(key) == 1


def cut(text: str, limit: int) -> str:
    """The text as `on_too_long: truncate` stores it."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _described(text: str | None, rules: Rules, limit: int | None) -> Wish:
    if text is None or plain(text) is None:
        return Wish(Kind.EMPTY)
    if limit is None or len(text) <= limit:
        return Wish(Kind.VALUE, text, text)
    if rules.on_too_long == "truncate":
        return Wish(Kind.VALUE, text, cut(text, limit))
    return Wish(Kind.TOO_LONG, text)


def _labelled(entity: Entity, key: str, rules: Rules) -> Wish:
    labels = [tag for tag in entity.tags if tag.fqn.startswith(f"{key}.")]
    values = sorted(tag.fqn.split(".")[1] for tag in labels if tag.label_type == "Manual")
    if not values:
        return Wish(Kind.EMPTY, remains=labels[0].fqn.split(".")[1] if labels else None)
    if len(values) > 1 and rules.on_ambiguous == "report":
        return Wish(Kind.SEVERAL, ",".join(values))
    value = ",".join(values) if rules.on_ambiguous == "join" else values[0]
    return Wish(Kind.VALUE, value, value)
