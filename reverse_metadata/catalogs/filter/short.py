"""The short form of a filter, for people who write it by hand: docs/filters.md.

Every field of `facts.FIELDS` is a clause of its own, so the short form can say whatever the tree can.
"""

from collections.abc import Callable, Mapping
from datetime import date
from difflib import get_close_matches

from reverse_metadata.catalogs.filter.facts import EXTENSION, FIELDS, TYPED, Scalar, field_of, is_field
from reverse_metadata.catalogs.filter.tree import EVERYTHING, TEXT_OPERATORS, All, Either, Filter, Not, Operator, Test
from reverse_metadata.documents import Place

#: The clauses that people are told about; the rest of the fields are there for the query builder's filters.
_GROUPS = ("all", "any", "not")
SPOKEN = (*(name for name in FIELDS if "." not in name), f"{EXTENSION}<property>")
_KEYS = (*_GROUPS, *SPOKEN)
_PLAIN = (*_GROUPS, *FIELDS)

_LISTS = ("include", "exclude")
_DETAILS = (*_LISTS, *(operator.value for operator in Operator), "any_case")
#: Said of a description, where a name would be of no use.
_STATES = {"present": True, "absent": False}

_Mistakes = list[tuple[Place, str]]


def parse(data: object, where: Place, mistakes: _Mistakes) -> Filter:
    """The clause at `where`; what is wrong with it is added to `mistakes`."""
    if not isinstance(data, dict) or not data:
        mistakes.append((where, f"a clause is a mapping with one of {', '.join(_KEYS)}"))
        return EVERYTHING
    clauses = [_parse_key(str(key), value, (*where, str(key)), mistakes) for key, value in data.items()]
    return clauses[0] if len(clauses) == 1 else All(tuple(clauses))


def _parse_key(key: str, value: object, where: Place, mistakes: _Mistakes) -> Filter:
    match key:
        case "all" | "any":
            return _parse_group(All if key == "all" else Either, value, where, mistakes)
        case "not":
            if isinstance(value, list):
                mistakes.append((where, "takes one clause; for a list write not: {any: [...]}"))
                return EVERYTHING
            return Not(parse(value, where, mistakes))
    if is_field(key):
        return _Field(key, mistakes).parse(value, where)
    near = get_close_matches(key, _PLAIN, n=1, cutoff=0.7)
    hint = f"did you mean {near[0]}?" if near else f"a clause looks at one of {', '.join(_KEYS)}"
    mistakes.append((where, f"unknown key; {hint}"))
    return EVERYTHING


def _parse_group(
    group: Callable[[tuple[Filter, ...]], Filter], value: object, where: Place, mistakes: _Mistakes
) -> Filter:
    if not isinstance(value, list) or not value:
        mistakes.append((where, "takes a list of clauses, and at least one"))
        return EVERYTHING
    return group(tuple(parse(clause, (*where, position), mistakes) for position, clause in enumerate(value)))


class _Field:
    """Reads what one clause says of a field."""

    def __init__(self, name: str, mistakes: _Mistakes) -> None:
        self._name = name
        self._any_case = field_of(name).any_case
        self._mistakes = mistakes

    def parse(self, value: object, where: Place) -> Filter:
        """The test of the field; what is wrong with it is added to the mistakes."""
        if self._name == "description" and isinstance(value, str):
            return self._state(value, where)
        if isinstance(value, dict):
            return self._details(value, where)
        return self._patterns(value, where)

    def _state(self, word: str, where: Place) -> Filter:
        if word not in _STATES:
            self._wrong(where, "is present or absent; to look at the text write {contains: ...} or {regex: ...}")
            return EVERYTHING
        return self._existing(_STATES[word])

    def _existing(self, wanted: bool) -> Filter:
        test = Test(self._name, Operator.EXISTS, (), self._any_case)
        return test if wanted else Not(test)

    def _details(self, details: Mapping[object, object], where: Place) -> Filter:
        """`{include: [...], exclude: [...]}`, `{greater: 5}` and the like: all of them must hold."""
        any_case = details.get("any_case", self._any_case)
        if not isinstance(any_case, bool):
            self._wrong((*where, "any_case"), "must be true or false")
            return EVERYTHING
        found = [
            self._detail(str(key), value, any_case, (*where, str(key)))
            for key, value in details.items()
            if key != "any_case"
        ]
        if not found:
            self._wrong(where, f"says nothing; write a pattern, or a mapping with one of {', '.join(_DETAILS)}")
        return found[0] if len(found) == 1 else All(tuple(found))

    def _detail(self, key: str, value: object, any_case: bool, where: Place) -> Filter:
        match key:
            case "include":
                return self._patterns(value, where, any_case)
            case "exclude":
                return Not(self._patterns(value, where, any_case))
            case "exists":
                if not isinstance(value, bool):
                    self._wrong(where, "must be true or false")
                return self._existing(value is True)
            case "between":
                return self._between(value, where)
        if key not in _DETAILS:
            near = get_close_matches(key, _DETAILS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it may be one of {', '.join(_DETAILS)}"
            self._wrong(where, f"unknown key; {hint}")
            return EVERYTHING
        if key in TEXT_OPERATORS:
            return self._texts(Operator(key), value, any_case, where)
        return self._test(Operator(key), self._scalars([value], where), where, any_case=self._any_case)

    def _texts(self, operator: Operator, value: object, any_case: bool, where: Place) -> Filter:
        values = value if isinstance(value, list) else [value]
        if not values:
            self._wrong(where, "takes a value or a list of values, and at least one")
        texts: tuple[Scalar, ...] | None
        if operator is Operator.EQUALS:
            texts = self._scalars(values, where)
        else:
            texts = tuple(self._text(each, self._at(where, value, position)) for position, each in enumerate(values))
        return self._test(operator, texts, where, any_case=any_case)

    def _between(self, value: object, where: Place) -> Filter:
        if not isinstance(value, list) or len(value) != 2:
            self._wrong(where, "takes a list of two values, the lowest and the highest")
            return EVERYTHING
        return self._test(Operator.BETWEEN, self._scalars(value, where), where, any_case=self._any_case)

    def _patterns(self, value: object, where: Place, any_case: bool | None = None) -> Filter:
        """A glob, a `{regex: ...}`, or a list of them of which one must match."""
        case = self._any_case if any_case is None else any_case
        patterns = value if isinstance(value, list) else [value]
        if not patterns:
            self._wrong(where, "takes a pattern or a list of patterns, and at least one")
        globs: list[Scalar] = []
        others: list[Filter] = []
        for position, pattern in enumerate(patterns):
            here = self._at(where, value, position)
            if isinstance(pattern, dict):
                others.append(self._regex(pattern, case, here))
            elif self._is_value(pattern):
                others.append(self._test(Operator.EQUALS, self._scalars([pattern], here), here, any_case=case))
            else:
                globs.append(self._glob(self._text(pattern, here)))
        tests = [*([self._test(Operator.GLOB, tuple(globs), where, any_case=case)] if globs else []), *others]
        return tests[0] if len(tests) == 1 else Either(tuple(tests))

    def _regex(self, pattern: Mapping[object, object], any_case: bool, where: Place) -> Filter:
        if set(pattern) != {"regex"}:
            self._wrong(where, "a pattern is text, or {regex: ...}")
            return EVERYTHING
        return self._texts(Operator.REGEX, pattern["regex"], any_case, (*where, "regex"))

    def _glob(self, pattern: str) -> str:
        return f"*.{pattern}" if field_of(self._name).by_last_name and "." not in pattern else pattern

    def _is_value(self, value: object) -> bool:
        """Whether it is a number or the like, where the field may hold one."""
        return isinstance(value, int | float | date) and (
            self._name.startswith((EXTENSION, TYPED)) or self._name in ("deleted", "updated_at")
        )

    def _text(self, value: object, where: Place) -> str:
        if not isinstance(value, str) or not value:
            self._wrong(where, "a pattern is text that is not empty; put it in quotes")
        return str(value)

    def _scalars(self, values: list[object], where: Place) -> tuple[Scalar, ...] | None:
        """The values as JSON has them, None for what is none: YAML makes dates of what looks like one."""
        found = [value.isoformat() if isinstance(value, date) else value for value in values]
        scalars = tuple(value for value in found if isinstance(value, str | int | float))
        if len(scalars) == len(values):
            return scalars
        self._wrong(where, "takes text, a number or a date")
        return None

    def _test(self, operator: Operator, values: tuple[Scalar, ...] | None, where: Place, *, any_case: bool) -> Filter:
        if values is None:
            return EVERYTHING
        try:
            return Test(self._name, operator, values, any_case)
        except ValueError as error:
            self._wrong(where, str(error))
            return EVERYTHING

    def _at(self, where: Place, value: object, position: int) -> Place:
        return (*where, position) if isinstance(value, list) else where

    def _wrong(self, where: Place, message: str) -> None:
        self._mistakes.append((where, message))
