"""Which entities a channel is about.

    filter:
      all:
        - service: shop_pg
        - any: [{schema: [sales, "sales_*"]}, {tags: "PII.*"}]
        - not: {table: "tmp_*"}

A clause holds `all`, `any`, `not` or the name of what it looks at; several keys in one clause must all hold, a
list of patterns is any of them. `service`, `database`, `schema` and `table` are globs over the names as the
source knows them, letter case matters. `tags` is a glob over the tag's FQN in any letter case; a table matches
when it or one of its columns carries the tag; a tag that is only suggested does not count.

A clause that cannot be decided for an entity does not hold: `schema` says nothing about a database, `table`
nothing about a schema. So `{table: "dim_*"}` leaves schemas and databases out, and `{not: {table: "tmp_*"}}` lets
them in. A column is in scope when its table is.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from reverse_metadata.documents import Place, spell
from reverse_metadata.errors import ConfigurationError
from reverse_metadata.model import Entity, Path

#: The names that a clause can look at, and how deep they stand in an entity's path (the service is above it).
_LEVELS = {"service": -1, "database": 0, "schema": 1, "table": 2}
_KEYS = ("all", "any", "not", *_LEVELS, "tags")


class FilterError(ConfigurationError):
    """A filter that cannot be understood: `located` holds every mistake with its place below the filter."""

    def __init__(self, located: list[tuple[Place, str]]) -> None:
        self.located = located
        super().__init__([f"{spell(path)}: {message}" if path else message for path, message in located])


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known of an entity while a filter is decided; `tags` None means not known yet."""

    service: str
    path: Path
    tags: frozenset[str] | None


class Filter(ABC):
    """One clause of a filter: a node of the expression tree. Clauses compare and hash by what they say."""

    __slots__ = ()

    @abstractmethod
    def _holds(self, facts: _Facts, undecided: bool | None) -> bool | None:
        """Whether the clause holds; `undecided` is the answer of a leaf that lacks a fact."""

    @abstractmethod
    def _normal(self) -> "Filter":
        """The clause in the form that every clause of the same meaning shares, as far as order and nesting go."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The clause as `parse_filter` reads it."""


@dataclass(frozen=True, slots=True)
class All(Filter):
    """Holds when every clause holds; without clauses it holds for everything."""

    clauses: tuple[Filter, ...] = ()

    def _holds(self, facts: _Facts, undecided: bool | None) -> bool | None:
        answers = {clause._holds(facts, undecided) for clause in self.clauses}
        return False if False in answers else None if None in answers else True

    def _normal(self) -> Filter:
        return _flat(self.clauses, All)

    def to_json(self) -> dict[str, Any]:
        return {"all": [clause.to_json() for clause in self.clauses]}


@dataclass(frozen=True, slots=True)
class Either(Filter):
    """Holds when one of the clauses holds."""

    clauses: tuple[Filter, ...]

    def _holds(self, facts: _Facts, undecided: bool | None) -> bool | None:
        answers = {clause._holds(facts, undecided) for clause in self.clauses}
        return True if True in answers else None if None in answers else False

    def _normal(self) -> Filter:
        return _flat(self.clauses, Either)

    def to_json(self) -> dict[str, Any]:
        return {"any": [clause.to_json() for clause in self.clauses]}


@dataclass(frozen=True, slots=True)
class Not(Filter):
    """Holds when its clause does not."""

    clause: Filter

    def _holds(self, facts: _Facts, undecided: bool | None) -> bool | None:
        answer = self.clause._holds(facts, undecided)
        return None if answer is None else not answer

    def _normal(self) -> Filter:
        clause = self.clause._normal()
        return clause.clause if isinstance(clause, Not) else Not(clause)

    def to_json(self) -> dict[str, Any]:
        return {"not": self.clause.to_json()}


@dataclass(frozen=True, slots=True)
class Name(Filter):
    """Holds when the name at a level (`service`, `database`, `schema`, `table`) matches one of the globs."""

    level: str
    globs: tuple[str, ...]

    def _holds(self, facts: _Facts, undecided: bool | None) -> bool | None:
        depth = _LEVELS[self.level]
        if depth >= len(facts.path):
            return undecided
        name = facts.service if depth < 0 else facts.path[depth]
        return any(fnmatchcase(name, glob) for glob in self.globs)

    def _normal(self) -> Filter:
        return Name(self.level, tuple(sorted(set(self.globs))))

    def to_json(self) -> dict[str, Any]:
        return {self.level: list(self.globs)}


@dataclass(frozen=True, slots=True)
class Tagged(Filter):
    """Holds when the entity, or a column of the table, carries a tag whose FQN matches one of the globs."""

    globs: tuple[str, ...]

    def _holds(self, facts: _Facts, undecided: bool | None) -> bool | None:
        if facts.tags is None:
            return undecided
        return any(fnmatchcase(tag, glob.lower()) for glob in self.globs for tag in facts.tags)

    def _normal(self) -> Filter:
        return Tagged(tuple(sorted({glob.lower() for glob in self.globs})))

    def to_json(self) -> dict[str, Any]:
        return {"tags": list(self.globs)}


#: The filter of a channel that names none.
EVERYTHING: Filter = All()


def matches(filter: Filter, entity: Entity, table: Entity | None = None) -> bool:
    """Whether the entity is in scope; `table` is the table of a column."""
    subject = table or entity
    tags = frozenset(
        tag.fqn.lower() for part in subject.walk() for tag in part.tags if tag.state.lower() != "suggested"
    )
    return bool(filter._holds(_Facts(subject.service, subject.path, tags), False))


def could_match(filter: Filter, service: str, path: Path = ()) -> bool:
    """Whether the service, database or schema, or anything in it, could be in scope.

    Errs on the side of yes: what is not known before the entities are read counts as possible.
    """
    return filter._holds(_Facts(service, path, None), None) is not False


def filter_hash(filter: Filter) -> str:
    """16 hexadecimal digits that are the same for filters that differ only in order, nesting or repetition."""
    return hashlib.sha256(_canonical(filter._normal()).encode()).hexdigest()[:16]


def parse_filter(data: object) -> Filter:
    """The filter that the configuration spells; None gives everything. Raises FilterError with every mistake."""
    if data is None:
        return EVERYTHING
    mistakes: list[tuple[Place, str]] = []
    filter = _parse(data, (), mistakes)
    if mistakes:
        raise FilterError(mistakes)
    return filter


def _parse(data: object, where: Place, mistakes: list[tuple[Place, str]]) -> Filter:
    if not isinstance(data, dict) or not data:
        mistakes.append((where, f"a clause is a mapping with one of {', '.join(_KEYS)}"))
        return EVERYTHING
    clauses = [_parse_key(key, value, (*where, str(key)), mistakes) for key, value in data.items()]
    return clauses[0] if len(clauses) == 1 else All(tuple(clauses))


def _parse_key(key: object, value: object, where: Place, mistakes: list[tuple[Place, str]]) -> Filter:
    match key:
        case "all" | "any":
            return _parse_group(All if key == "all" else Either, value, where, mistakes)
        case "not":
            if isinstance(value, list):
                mistakes.append((where, "takes one clause; for a list write not: {any: [...]}"))
                return EVERYTHING
            return Not(_parse(value, where, mistakes))
        case "tags":
            return Tagged(_parse_globs(value, where, mistakes))
        case str() if key in _LEVELS:
            return Name(key, _parse_globs(value, where, mistakes))
    near = get_close_matches(str(key), _KEYS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"a clause looks at one of {', '.join(_KEYS)}"
    mistakes.append((where, f"unknown key; {hint}"))
    return EVERYTHING


def _parse_group(
    group: Callable[[tuple[Filter, ...]], Filter],
    value: object,
    where: Place,
    mistakes: list[tuple[Place, str]],
) -> Filter:
    if not isinstance(value, list) or not value:
        mistakes.append((where, "takes a list of clauses, and at least one"))
        return EVERYTHING
    return group(tuple(_parse(clause, (*where, position), mistakes) for position, clause in enumerate(value)))


def _parse_globs(value: object, where: Place, mistakes: list[tuple[Place, str]]) -> tuple[str, ...]:
    globs = value if isinstance(value, list) else [value]
    if not globs:
        mistakes.append((where, "takes a pattern or a list of patterns, and at least one"))
    for position, glob in enumerate(globs):
        if not isinstance(glob, str) or not glob:
            here = (*where, position) if isinstance(value, list) else where
            mistakes.append((here, "a pattern is text that is not empty; put it in quotes"))
    return tuple(str(glob) for glob in globs)


def _flat(clauses: Iterable[Filter], group: type[All] | type[Either]) -> Filter:
    """The group without groups of its own kind inside, without repetition and in a fixed order."""
    members: dict[str, Filter] = {}
    for clause in clauses:
        normal = clause._normal()
        for member in normal.clauses if isinstance(normal, group) else (normal,):
            members[_canonical(member)] = member
    if len(members) == 1:
        return next(iter(members.values()))
    return group(tuple(members[key] for key in sorted(members)))


def _canonical(filter: Filter) -> str:
    return json.dumps(filter.to_json(), sort_keys=True)
