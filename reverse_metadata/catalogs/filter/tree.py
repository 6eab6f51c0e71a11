"""The expression tree that every form of a filter becomes, and how it answers.

A node holds, does not hold, or cannot be decided (None). A test whose field says nothing about an entity (`schema`
of a database, `column` of a table) answers what the facts say of the undecided, see `facts.Facts`.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import translate
from functools import cached_property
from operator import ge, gt, le, lt
from typing import Any

from reverse_metadata.catalogs.filter.facts import Facts, Scalar, Values, field_of, instant, text_of
from reverse_metadata.documents import Place, spell
from reverse_metadata.errors import ConfigurationError
from reverse_metadata.model import Entity, EntityType

#: The answer of a node for the facts of one entity.
Check = Callable[[Facts], bool | None]


class FilterError(ConfigurationError):
    """A filter that cannot be understood: `located` holds every mistake with its place below the filter."""

    def __init__(self, located: list[tuple[Place, str]]) -> None:
        self.located = located
        super().__init__([f"{spell(path)}: {message}" if path else message for path, message in located])


class Operator(StrEnum):
    """How a test compares the values of a field with its own; one value of the field that passes is enough.

    `EQUALS`, `GLOB`, `REGEX`, `CONTAINS` and `WORDS` pass with any of the test's values; a glob and a regular
    expression must match the whole value, and of words all must be there. `EXISTS` takes no value. The others compare
    numbers, or dates when the test's value is text in ISO form, with one value; `BETWEEN` takes two, both included.
    """

    EQUALS = "equals"
    GLOB = "glob"
    REGEX = "regex"
    CONTAINS = "contains"
    WORDS = "words"
    EXISTS = "exists"
    GREATER = "greater"
    AT_LEAST = "at_least"
    LESS = "less"
    AT_MOST = "at_most"
    BETWEEN = "between"


#: The operators that compare texts, those that compare numbers or dates with one value, and how.
TEXT_OPERATORS = (Operator.EQUALS, Operator.GLOB, Operator.REGEX, Operator.CONTAINS, Operator.WORDS)
_COMPARISONS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.GREATER: gt,
    Operator.AT_LEAST: ge,
    Operator.LESS: lt,
    Operator.AT_MOST: le,
}


class Filter(ABC):
    """A node of the tree. Nodes compare and hash by what they say."""

    @cached_property
    @abstractmethod
    def check(self) -> Check:
        """The node as a function, made once."""

    @abstractmethod
    def normal(self) -> "Filter":
        """The node in the form that every node of the same meaning shares, as far as order and nesting go."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The node in the short form, as `parse_filter` reads it."""

    @abstractmethod
    def tests(self) -> Iterator["Test"]:
        """The tests of the node and of everything below it."""

    @cached_property
    def speaks_of_columns(self) -> bool:
        """Whether a test is about columns by themselves: one of `column`, or of the entity type `column`."""
        return any(
            test.field == "column" or (test.field == "entity_type" and bool(test.check(_A_COLUMN)))
            for test in self.tests()
        )


@dataclass(frozen=True)
class All(Filter):
    """Holds when every clause holds; without clauses it holds for everything."""

    clauses: tuple[Filter, ...] = ()

    @cached_property
    def check(self) -> Check:
        checks = [clause.check for clause in self.clauses]

        def every(facts: Facts) -> bool | None:
            answer: bool | None = True
            for check in checks:
                found = check(facts)
                if found is False:
                    return False
                if found is None:
                    answer = None
            return answer

        return every

    def normal(self) -> Filter:
        return _flat(self.clauses, All)

    def to_json(self) -> dict[str, Any]:
        return {"all": [clause.to_json() for clause in self.clauses]}

    def tests(self) -> Iterator["Test"]:
        for clause in self.clauses:
            yield from clause.tests()


@dataclass(frozen=True)
class Either(Filter):
    """Holds when one of the clauses holds."""

    clauses: tuple[Filter, ...]

    @cached_property
    def check(self) -> Check:
        checks = [clause.check for clause in self.clauses]

        def one(facts: Facts) -> bool | None:
            answer: bool | None = False
            for check in checks:
                found = check(facts)
                if found:
                    return True
                if found is None:
                    answer = None
            return answer

        return one

    def normal(self) -> Filter:
        return _flat(self.clauses, Either)

    def to_json(self) -> dict[str, Any]:
        return {"any": [clause.to_json() for clause in self.clauses]}

    def tests(self) -> Iterator["Test"]:
        for clause in self.clauses:
            yield from clause.tests()


@dataclass(frozen=True)
class Not(Filter):
    """Holds when its clause does not."""

    clause: Filter

    @cached_property
    def check(self) -> Check:
        inner = self.clause.check

        def other(facts: Facts) -> bool | None:
            answer = inner(facts)
            return None if answer is None else not answer

        return other

    def normal(self) -> Filter:
        clause = self.clause.normal()
        return clause.clause if isinstance(clause, Not) else Not(clause)

    def to_json(self) -> dict[str, Any]:
        return {"not": self.clause.to_json()}

    def tests(self) -> Iterator["Test"]:
        return self.clause.tests()


@dataclass(frozen=True)
class Test(Filter):
    """Holds when a value of the field passes; see `Operator`, and `facts.FIELDS` for the names of fields.

    `any_case`: letter case does not count. Raises ValueError for a regular expression or a date that is none, and for
    a value that no word of the field can pass.
    """

    field: str
    operator: Operator
    values: tuple[Scalar, ...] = ()
    any_case: bool = False

    def __post_init__(self) -> None:
        self.check  # noqa: B018 -- a test that cannot be made is found out when it is read, not in a run
        words = field_of(self.field).words
        if words and self.operator in TEXT_OPERATORS:
            for value in self.values:
                if not self._passes((value,))(words):
                    raise ValueError(f"{value!r} is none of the words that can stand here: {', '.join(words)}")

    @cached_property
    def check(self) -> Check:
        read, passes = field_of(self.field).read, self._passes(self.values)
        as_text = None if self.operator not in TEXT_OPERATORS else _lowered if self.any_case else _texts

        def test(facts: Facts) -> bool | None:
            found = read(facts)
            if not found:
                return facts.undecided if found is None else False
            return passes(found if as_text is None else as_text(found))

        return test

    def normal(self) -> Filter:
        if self.operator not in TEXT_OPERATORS:
            return self
        values = self.values
        if self.any_case and self.operator is not Operator.REGEX:
            values = tuple(value.lower() if isinstance(value, str) else value for value in values)
        told = {(type(value).__name__, value): value for value in values}
        return Test(self.field, self.operator, tuple(told[key] for key in sorted(told)), self.any_case)

    def to_json(self) -> dict[str, Any]:
        field = field_of(self.field)
        case = {} if self.any_case == field.any_case else {"any_case": self.any_case}
        plain = not case and (not field.by_last_name or all("." in text_of(value) for value in self.values))
        match self.operator:
            case Operator.GLOB if plain:
                return {self.field: list(self.values)}
            case Operator.EXISTS:
                return {self.field: {"exists": True}}
            case operator if operator in _COMPARISONS:
                return {self.field: {operator.value: self.values[0]}}
        return {self.field: {self.operator.value: list(self.values), **case}}

    def tests(self) -> Iterator["Test"]:
        yield self

    def _passes(self, values: Values) -> Callable[[Iterable[Scalar]], bool]:
        """Whether one of an entity's values passes with one of these; texts are in lower case where case does not
        count."""
        texts = [text_of(value).lower() if self.any_case else text_of(value) for value in values]
        match self.operator:
            case Operator.EXISTS:
                return lambda found: True
            case Operator.EQUALS:
                return _among(texts)
            case Operator.CONTAINS:
                return lambda found: any(text in str(value) for value in found for text in texts)
            case Operator.WORDS:
                wanted = [frozenset(words(text)) for text in texts]
                return lambda found: any(each.issubset(words(str(value))) for value in found for each in wanted)
            case Operator.GLOB if not any(character in text for text in texts for character in "*?["):
                return _among(texts)
            case Operator.GLOB:
                return _matching([re.compile("|".join(map(translate, texts)))])
            case Operator.REGEX:
                return _matching([_compiled(text_of(value), any_case=self.any_case) for value in values])
            case Operator.BETWEEN:
                low, high = (self._comparing(*each) for each in zip((ge, le), values, strict=True))
                return lambda found: any(low(value) and high(value) for value in found)
        compare = self._comparing(_COMPARISONS[self.operator], values[0])
        return lambda found: any(map(compare, found))

    def _comparing(self, compare: Callable[[Any, Any], bool], limit: Scalar) -> Callable[[Scalar], bool]:
        """Whether a value of the field stands in the order to the limit; what cannot be compared does not."""
        if field_of(self.field).as_text:
            text = text_of(limit)
            return lambda value: compare(text_of(value), text)
        dated = isinstance(limit, str)
        bound = instant(limit) if isinstance(limit, str) else limit
        if bound is None or isinstance(bound, bool):
            raise ValueError(f"{limit!r} is neither a number nor a date such as 2026-01-31 or 2026-01-31T12:00:00Z")

        def passes(value: Scalar) -> bool:
            known = instant(value) if isinstance(value, str) and dated else value
            return isinstance(known, int | float) and not isinstance(known, bool) and compare(known, bound)

        return passes


#: What sets flags for the whole of a regular expression; `(?i:...)` has them for a part of it.
_FLAGS = re.compile(r"\(\?[aiLmsux]+\)")
_TABLE = Entity("", EntityType.TABLE, "", "", ())
_A_COLUMN = Facts.of(_TABLE, replace(_TABLE, type=EntityType.COLUMN))

#: The filter of a channel that names none.
EVERYTHING: Filter = All()
NOTHING: Filter = Not(EVERYTHING)


def words(text: str) -> list[str]:
    """The words of a text: letters and digits."""
    return re.findall(r"[^\W_]+", text)


def canonical(node: Filter) -> str:
    """The node as text, for hashing and ordering."""
    return json.dumps(node.to_json(), sort_keys=True)


def _texts(values: Values) -> list[str]:
    return [value if type(value) is str else text_of(value) for value in values]


def _lowered(values: Values) -> list[str]:
    return [value.lower() if type(value) is str else text_of(value).lower() for value in values]


def _among(texts: list[str]) -> Callable[[Iterable[Scalar]], bool]:
    wanted = frozenset(texts)
    return lambda found: not wanted.isdisjoint(found)


def _matching(patterns: list[re.Pattern[str]]) -> Callable[[Iterable[Scalar]], bool]:
    matches = [pattern.fullmatch for pattern in patterns]
    return lambda found: any(match(str(value)) for value in found for match in matches)


def _compiled(pattern: str, *, any_case: bool) -> re.Pattern[str]:
    """The pattern, compiled by itself: beside others, a bracket of one could close that of another."""
    if flags := _FLAGS.match(pattern):
        message = "sets flags, which a filter does not take; leave it out, and where letter case does not count write"
        raise ValueError(f"{flags[0]} {message} any_case: true")
    try:
        return re.compile(pattern, re.IGNORECASE if any_case else 0)
    except (re.error, OverflowError) as error:
        raise ValueError(f"is not a regular expression: {error}") from error


def _flat(clauses: Iterable[Filter], group: type[All] | type[Either]) -> Filter:
    """The group without groups of its own kind inside, without repetition and in a fixed order."""
    members: dict[str, Filter] = {}
    for clause in clauses:
        normal = clause.normal()
        for member in normal.clauses if isinstance(normal, group) else (normal,):
            members[canonical(member)] = member
    if len(members) == 1:
        return next(iter(members.values()))
    return group(tuple(members[key] for key in sorted(members)))
