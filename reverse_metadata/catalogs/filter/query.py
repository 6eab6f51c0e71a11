"""The query that the catalog's query builder saves, in Elasticsearch's language: docs/filters.md.

Every clause that the builder writes is understood, in each of its spellings, and nothing else: a clause that cannot be
read is a mistake, never a clause that holds. Sources: OpenMetadata, `QueryBuilderElasticsearchFormatUtils.js`;
https://www.elastic.co/guide/en/elasticsearch/reference/current/query-dsl.html for what the clauses mean.
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from itertools import combinations
from math import comb
from typing import Any

from reverse_metadata.catalogs.filter.facts import TYPED, Scalar
from reverse_metadata.catalogs.filter.indexed import Indexed, Kind, find, find_any, find_typed
from reverse_metadata.catalogs.filter.lucene import glob_of_wildcard, regex_of_lucene
from reverse_metadata.catalogs.filter.tree import EVERYTHING, NOTHING, All, Either, Filter, Not, Operator, Test, words
from reverse_metadata.catalogs.filter.typed import NUMBER_PARTS
from reverse_metadata.documents import Place

#: What a clause may say beside what it means: scores and names, which choose nothing.
_SCORING = frozenset({"boost", "_name", "rewrite", "adjust_pure_negative", "score_mode"})
_NESTED = "customPropertiesTyped"
_NUMBERS = tuple(f"{TYPED}{part}." for part in NUMBER_PARTS)
_OWNERS = ("owners", "owner")
_BOUNDS = {"gt": Operator.GREATER, "gte": Operator.AT_LEAST, "lt": Operator.LESS, "lte": Operator.AT_MOST}
#: `minimum_should_match` is spelled out as a choice of clauses; more of them than this are refused.
_MOST_CHOICES = 1000


def is_query(data: Mapping[object, object]) -> bool:
    """Whether a mapping is a query, with or without the outermost `query`."""
    return "query" in data or any(key in CLAUSES for key in data)


def parse(data: Mapping[object, object], where: Place, mistakes: list[tuple[Place, str]]) -> Filter:
    """The filter that a query spells; what is wrong with it is added to `mistakes`."""
    if "query" not in data:
        return Reader(mistakes).clause(data, where)
    for key in data:
        if key != "query":
            mistakes.append(((*where, str(key)), "only `query` chooses entities; leave this out"))
    return Reader(mistakes).clause(data["query"], (*where, "query"))


class Reader:
    """Reads clauses. `named` is the custom property that a nested clause is about, "" outside of one."""

    def __init__(self, mistakes: list[tuple[Place, str]], named: str = "") -> None:
        self._mistakes = mistakes
        self._named = named

    def clause(self, data: object, where: Place) -> Filter:
        """The filter of one clause; when it is wrong, that is added to the mistakes and it is everything."""
        if not isinstance(data, dict) or len(data) != 1:
            return self._wrong(where, f"a clause is a mapping with one key, such as {', '.join(list(CLAUSES)[:5])}")
        ((kind, body),) = data.items()
        here = (*where, str(kind))
        if kind not in CLAUSES:
            near = get_close_matches(str(kind), CLAUSES, n=1, cutoff=0.7)
            hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(CLAUSES)} is"
            return self._wrong(here, f"the clause {kind} is not understood; {hint}")
        if not isinstance(body, dict):
            return self._wrong(here, "takes a mapping")
        return CLAUSES[kind](self, body, here)

    # -- Clauses that hold others.

    def _bool(self, body: Mapping[str, Any], where: Place) -> Filter:
        self._only(body, where, "must", "filter", "should", "must_not", "should_not", "minimum_should_match")
        if not any(clauses for key, clauses in body.items() if key not in (*_SCORING, "minimum_should_match")):
            return self._wrong(
                where, "has no clause, so it would choose everything; leave it out, or the filter to have that"
            )
        needed = [*self._clauses(body, "must", where), *self._clauses(body, "filter", where)]
        unwanted = [*self._clauses(body, "must_not", where), *self._clauses(body, "should_not", where)]
        should = self._clauses(body, "should", where)
        if not should and "minimum_should_match" in body:
            self._wrong((*where, "minimum_should_match"), "needs `should`, the clauses that it counts")
        if should:
            least = self._least(body.get("minimum_should_match"), len(should), where)
            # Where nothing else must hold, one of them must, and no number changes that:
            # https://github.com/elastic/elasticsearch/issues/52735
            needed.append(self._at_least(should, least if needed else max(least, 1), where))
        return _group(All, [*needed, *map(Not, unwanted)])

    def _clauses(self, body: Mapping[str, Any], key: str, where: Place) -> list[Filter]:
        found = body.get(key, [])
        if isinstance(found, list):
            return [self.clause(each, (*where, key, position)) for position, each in enumerate(found)]
        return [self.clause(found, (*where, key))]

    def _least(self, said: object, count: int, where: Place) -> int:
        """How many of the optional clauses must hold beside others."""
        text = str(0 if said is None else said)
        try:
            number = int(text.removesuffix("%"))
        except ValueError:
            self._wrong((*where, "minimum_should_match"), "takes a whole number or a percentage such as 75%")
            return 1
        if not text.endswith("%"):
            return number if number >= 0 else count + number
        return count * number // 100 if number >= 0 else count - count * -number // 100

    def _at_least(self, clauses: list[Filter], least: int, where: Place) -> Filter:
        if least <= 0:
            return EVERYTHING
        if least > len(clauses):
            return NOTHING
        if comb(len(clauses), least) > _MOST_CHOICES:
            return self._wrong((*where, "minimum_should_match"), f"{least} of {len(clauses)} clauses are too many ways")
        return _group(Either, [_group(All, list(chosen)) for chosen in combinations(clauses, least)])

    def _nested(self, body: Mapping[str, Any], where: Place) -> Filter:
        self._only(body, where, "path", "query", "ignore_unmapped")
        path, here = body.get("path"), (*where, "query")
        if path == _NESTED:
            return self._property(body.get("query"), here)
        if path not in _OWNERS:
            return self._wrong((*where, "path"), f"{path!r} holds nothing of its own here; {_NESTED} and owners do")
        return self._of_one(self.clause(body.get("query"), here), here, "owner")

    def _property(self, query: object, where: Place) -> Filter:
        """What is asked of one custom property: its name, and a condition on its value."""
        asked = list(_required(query, where))
        names = [name for clause, _ in asked if (name := _property_name(clause))]
        if len(names) != 1:
            return self._wrong(where, f"takes one term of {_NESTED}.name, the name of the property, beside its value")
        rest = [(clause, here) for clause, here in asked if not _property_name(clause)]
        if not rest:
            return Test(f"{TYPED}name.{names[0]}", Operator.EXISTS)
        inner = Reader(self._mistakes, names[0])
        found = _group(All, [inner.clause(clause, here) for clause, here in rest])
        return self._of_one(found, where, "custom property")

    def _of_one(self, found: Filter, where: Place, what: str) -> Filter:
        """A nested clause is about one value of several; what asks more of that one cannot be told apart here."""
        if _asks_more(found):
            return self._wrong(where, f"asks more than one thing of one {what}; ask one, or use a clause for each")
        return found

    # -- Clauses about one field.

    def _term(self, body: Mapping[str, Any], where: Place) -> Filter:
        return self._about(body, where, ("value",), ("case_insensitive",), self._equals)

    def _equals(self, indexed: Indexed, value: object, details: Mapping[str, Any], where: Place) -> Filter:
        return self._test(indexed, Operator.EQUALS, [self._value(value, indexed, where)], where, details)

    def _terms(self, body: Mapping[str, Any], where: Place) -> Filter:
        fields = [key for key in body if key not in _SCORING]
        if len(fields) != 1 or not isinstance(body[fields[0]], list):
            return self._wrong(where, "takes one field and a list of values")
        here = (*where, str(fields[0]))
        indexed = self._find(str(fields[0]), here)
        if indexed is None:
            return EVERYTHING
        values = [self._value(each, indexed, (*here, position)) for position, each in enumerate(body[fields[0]])]
        return self._test(indexed, Operator.EQUALS, values, here, {}) if values else NOTHING

    def _ids(self, body: Mapping[str, Any], where: Place) -> Filter:
        self._only(body, where, "values")
        values = body.get("values")
        if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
            return self._wrong(where, "takes `values`, a list of ids")
        return Test("catalog.id", Operator.EQUALS, tuple(values)) if values else NOTHING

    def _match(self, body: Mapping[str, Any], where: Place) -> Filter:
        return self._about(body, where, ("query",), ("operator",), self._matching)

    def _matching(self, indexed: Indexed, value: object, details: Mapping[str, Any], where: Place) -> Filter:
        if indexed.kind is not Kind.TEXT:
            return self._equals(indexed, value, {}, where)
        operator = str(details.get("operator", "or")).lower()
        if operator not in ("and", "or"):
            return self._wrong((*where, "operator"), "is `and` or `or`")
        wanted: list[Scalar] = [*words(str(value))]
        if not wanted:
            return NOTHING
        return self._test(indexed, Operator.WORDS, [str(value)] if operator == "and" else wanted, where, {})

    def _wildcard(self, body: Mapping[str, Any], where: Place) -> Filter:
        def globbing(indexed: Indexed, value: object, details: Mapping[str, Any], here: Place) -> Filter:
            return self._test(indexed, Operator.GLOB, [glob_of_wildcard(str(value))], here, details)

        return self._about(body, where, ("value", "wildcard"), ("case_insensitive",), globbing)

    def _regexp(self, body: Mapping[str, Any], where: Place) -> Filter:
        def matching(indexed: Indexed, value: object, details: Mapping[str, Any], here: Place) -> Filter:
            if details.get("flags", "ALL") != "ALL":
                return self._wrong((*here, "flags"), "only ALL is understood, which is what stands for none")
            try:
                pattern = regex_of_lucene(str(value))
            except ValueError as error:
                return self._wrong(here, str(error))
            return self._test(indexed, Operator.REGEX, [pattern], here, details)

        details = ("case_insensitive", "flags", "max_determinized_states")
        return self._about(body, where, ("value",), details, matching)

    def _exists(self, body: Mapping[str, Any], where: Place) -> Filter:
        self._only(body, where, "field")
        indexed = self._find(str(body.get("field")), where, find_any)
        return EVERYTHING if indexed is None else Test(indexed.field, Operator.EXISTS, (), indexed.any_case)

    def _range(self, body: Mapping[str, Any], where: Place) -> Filter:
        fields = [key for key in body if key not in _SCORING]
        if len(fields) != 1 or not isinstance(body[fields[0]], dict):
            return self._wrong(where, "takes one field with its bounds")
        here, limits = (*where, str(fields[0])), body[fields[0]]
        indexed = self._find(str(fields[0]), here)
        self._only(limits, here, *_BOUNDS)
        bounds = {key: limit for key, limit in limits.items() if key in _BOUNDS}
        if indexed is None or not bounds:
            return EVERYTHING if indexed is None else self._wrong(here, f"takes one of {', '.join(_BOUNDS)}")
        if indexed.kind in (Kind.KEYWORD, Kind.TEXT, Kind.FLAG):
            return self._wrong(here, f"is {indexed.kind.value}; a range is one of numbers, dates or custom properties")
        told = {key: self._limit(limit, indexed, (*here, key)) for key, limit in bounds.items()}
        if told.keys() == {"gte", "lte"}:
            return self._test(indexed, Operator.BETWEEN, [told["gte"], told["lte"]], here, {})
        return _group(All, [self._test(indexed, _BOUNDS[key], [limit], here, {}) for key, limit in told.items()])

    def _match_all(self, body: Mapping[str, Any], where: Place) -> Filter:
        self._only(body, where)
        return EVERYTHING

    def _match_none(self, body: Mapping[str, Any], where: Place) -> Filter:
        self._only(body, where)
        return NOTHING

    # -- What the clauses share.

    def _about(
        self,
        body: Mapping[str, Any],
        where: Place,
        value_keys: tuple[str, ...],
        details: tuple[str, ...],
        made: Callable[[Indexed, object, Mapping[str, Any], Place], Filter],
    ) -> Filter:
        """A clause about one field: `{field: value}`, or `{field: {value: ..., and details}}`."""
        if len(body) != 1:
            return self._wrong(where, "takes one field")
        ((field, said),) = body.items()
        here = (*where, str(field))
        found: Mapping[str, Any] = {}
        if isinstance(said, dict):
            found = said
            self._only(found, here, *value_keys, *details)
            said = next((found[key] for key in value_keys if key in found), None)
        if said is None or isinstance(said, list | dict):
            return self._wrong(here, "takes one value")
        indexed = self._find(str(field), here)
        return EVERYTHING if indexed is None else made(indexed, said, found, here)

    def _find(self, field: str, where: Place, how: Callable[[str], Indexed] = find) -> Indexed | None:
        try:
            if not field.startswith(TYPED):
                return how(field)
            if not self._named:
                raise ValueError(f"{field} stands outside of a nested clause with path {_NESTED}")
            return find_typed(field, self._named)
        except ValueError as error:
            self._wrong(where, str(error))
            return None

    def _value(self, value: object, indexed: Indexed, where: Place) -> Scalar:
        """The value of a term as the field needs it."""
        if indexed.kind is Kind.FLAG:
            if str(value).lower() not in ("true", "false"):
                self._wrong(where, "takes true or false")
            return str(value).lower()
        if not isinstance(value, str | int | float):
            self._wrong(where, "takes text, a number, true or false")
            return ""
        if indexed.kind in (Kind.NUMBER, Kind.DATE):
            return self._number(value, where)
        return value

    def _limit(self, value: object, indexed: Indexed, where: Place) -> Scalar:
        """The bound of a range: the builder writes numbers as text, too."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self._wrong(where, "takes a number or a date")
            return 0
        if indexed.kind is Kind.TYPED_TEXT:
            return str(value)
        if indexed.kind is Kind.NUMBER:
            return self._number(value, where)
        return value if _to_number(value) is None else _to_number(value) or 0

    def _number(self, value: object, where: Place) -> Scalar:
        number = _to_number(value)
        if number is None:
            self._wrong(where, f"{value!r} is no number")
        return number or 0

    def _test(
        self, indexed: Indexed, operator: Operator, values: list[Scalar], where: Place, details: Mapping[str, Any]
    ) -> Filter:
        any_case = indexed.any_case or str(details.get("case_insensitive", False)).lower() == "true"
        try:
            return Test(indexed.field, operator, tuple(values), any_case)
        except ValueError as error:
            return self._wrong(where, str(error))

    def _only(self, body: Mapping[str, Any], where: Place, *keys: str) -> None:
        for key in body:
            if key not in keys and key not in _SCORING:
                hint = f"one of {', '.join(keys)} is" if keys else "it takes nothing"
                self._wrong((*where, str(key)), f"{key} is not understood here; {hint}")

    def _wrong(self, where: Place, message: str) -> Filter:
        self._mistakes.append((where, message))
        return EVERYTHING


#: How each clause is read, by its name.
CLAUSES: dict[str, Callable[[Reader, Mapping[str, Any], Place], Filter]] = {
    "bool": Reader._bool,
    "term": Reader._term,
    "terms": Reader._terms,
    "wildcard": Reader._wildcard,
    "match": Reader._match,
    "regexp": Reader._regexp,
    "range": Reader._range,
    "exists": Reader._exists,
    "ids": Reader._ids,
    "nested": Reader._nested,
    "match_all": Reader._match_all,
    "match_none": Reader._match_none,
}


def _group(group: type[All] | type[Either], clauses: list[Filter]) -> Filter:
    """The group, or its only clause. Clauses that always hold are left out of an All."""
    kept = [clause for clause in clauses if clause != EVERYTHING or group is Either]
    return kept[0] if len(kept) == 1 else group(tuple(kept))


def _required(query: object, where: Place) -> list[tuple[object, Place]]:
    """The clauses that a query puts together by `must` and `filter` alone, with their places."""
    if not isinstance(query, dict) or query.keys() != {"bool"} or not isinstance(query["bool"], dict):
        return [(query, where)]
    body = {key: value for key, value in query["bool"].items() if key not in _SCORING}
    if not body or not body.keys() <= {"must", "filter"}:
        return [(query, where)]
    found = []
    for key, clauses in body.items():
        listed = isinstance(clauses, list)
        for position, clause in enumerate(clauses if listed else [clauses]):
            found += _required(clause, (*where, "bool", key, *([position] if listed else [])))
    return found


def _property_name(clause: object) -> str:
    """The name of the custom property when the clause is the term that says it."""
    match clause:
        case {"term": {"customPropertiesTyped.name": str() as name}}:
            return name
        case {"term": {"customPropertiesTyped.name": {"value": str() as name}}}:
            return name
    return ""


def _asks_more(found: Filter) -> bool:
    match found:
        case Either(clauses):
            return any(map(_asks_more, clauses))
        case All(clauses):  # The bounds of a number are one question: such a property has one value.
            fields = {clause.field if isinstance(clause, Test) else "" for clause in clauses}
            return len(fields) != 1 or not fields.pop().startswith(_NUMBERS)
    return isinstance(found, Not)


def _to_number(value: object) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    for read in (int, float):
        try:
            return read(str(value))
        except ValueError:
            continue
    return None
