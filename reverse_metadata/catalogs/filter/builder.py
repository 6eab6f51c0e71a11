"""The tree of the catalog's query builder (`filterJsonTree`), as the query that the builder makes of it.

The builder is react-awesome-query-builder; what each operator becomes follows OpenMetadata's
`QueryBuilderElasticsearchFormatUtils.js`, so that the tree and the query that was saved beside it mean the same.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from reverse_metadata.catalogs.filter.facts import EXTENSION
from reverse_metadata.catalogs.filter.query import Reader
from reverse_metadata.catalogs.filter.tree import EVERYTHING, All, Either, Filter, Not
from reverse_metadata.documents import Place

_GROUPS = ("group", "rule_group")
#: Operators that are another one, turned round.
_REVERSED = {
    "not_equal": "equal",
    "not_like": "like",
    "not_between": "between",
    "is_null": "is_not_null",
    "is_empty": "is_not_null",
    "select_not_equals": "select_equals",
    "select_not_any_in": "select_any_in",
    "multiselect_not_equals": "multiselect_equals",
    "multiselect_not_contains": "multiselect_contains",
}
_SAME = {"is_not_empty": "is_not_null"}
_TERMS = ("equal", "select_equals", "select_any_in", "multiselect_equals", "multiselect_contains")
#: For a custom property; for any other field the builder writes `gte` for `greater`.
_BOUNDS = {"less": "lt", "less_or_equal": "lte", "greater": "gt", "greater_or_equal": "gte"}
_OPERATORS = (*_TERMS, "like", "regexp", "is_not_null", "between", *_BOUNDS, *_SAME, *_REVERSED)
#: What follows the name of a custom property, and the part of it that the builder asks for.
_SUFFIXES = {
    ".displayName": "refName",
    ".name": "refName",
    ".fullyQualifiedName": "refName",
    ".start": "start",
    ".end": "end",
}


def is_tree(data: Mapping[object, object]) -> bool:
    """Whether a mapping is a tree of the query builder, or one rule of it."""
    return data.get("type") in (*_GROUPS, "rule")


def parse(data: Mapping[object, object], where: Place, mistakes: list[tuple[Place, str]]) -> Filter:
    """The filter that a tree spells; what is wrong with it is added to `mistakes`."""
    found = _Tree(mistakes).node(data, where)
    if found is None:
        mistakes.append((where, "has no rule, so it would choose everything; leave the filter out to have that"))
    return found or EVERYTHING


class _Tree:
    def __init__(self, mistakes: list[tuple[Place, str]]) -> None:
        self._mistakes = mistakes
        self._reader = Reader(mistakes)

    def node(self, data: object, where: Place) -> Filter | None:
        """A group or rule; None for a row that nobody filled in, which the builder leaves out as well."""
        if not isinstance(data, dict) or not is_tree(data):
            return self._wrong((*where, "type"), f"is one of {', '.join(_GROUPS)} and rule")
        properties = data.get("properties") or {}
        if not isinstance(properties, dict):
            return self._wrong((*where, "properties"), "takes a mapping")
        if data["type"] == "rule":
            return self._rule(properties, (*where, "properties")) if properties.get("field") else None
        return self._group(data, properties, where)

    def _group(self, data: Mapping[str, Any], properties: Mapping[str, Any], where: Place) -> Filter | None:
        found = [node for each in self._children(data, where) if (node := self.node(*each)) is not None]
        conjunction = properties.get("conjunction") or "AND"
        if conjunction not in ("AND", "OR"):
            return self._wrong((*where, "properties", "conjunction"), "is AND or OR")
        if not found:
            return None
        if properties.get("not"):  # The builder writes must_not for both conjunctions: none may hold.
            return All(tuple(map(Not, found)))
        if len(found) == 1:
            return found[0]
        return All(tuple(found)) if conjunction == "AND" else Either(tuple(found))

    def _children(self, data: Mapping[str, Any], where: Place) -> Iterator[tuple[object, Place]]:
        """The children of a group: a mapping by id, or a list in later versions."""
        children = data.get("children1") or {}
        if not isinstance(children, dict | list):
            self._wrong((*where, "children1"), "takes a mapping or a list of rules and groups")
            return
        pairs = children.items() if isinstance(children, dict) else enumerate(children)
        for key, child in pairs:
            yield child, (*where, "children1", key)

    def _rule(self, properties: Mapping[str, Any], where: Place) -> Filter:
        field, operator = str(properties["field"]), str(properties.get("operator"))
        sources = properties.get("valueSrc") or []
        if properties.get("fieldSrc") == "func" or "func" in sources or "field" in sources:
            return self._wrong((*where, "valueSrc"), "compares with a function or another field, which a search cannot")
        if operator not in _OPERATORS:
            return self._wrong((*where, "operator"), f"{operator} is not understood; one of {', '.join(_OPERATORS)} is")
        values = properties.get("value") or []
        if not isinstance(values, list):
            return self._wrong((*where, "value"), "takes a list")
        positive = _REVERSED.get(operator, _SAME.get(operator, operator))
        needed = {"is_not_null": 0, "between": 2}.get(positive, 1)
        entered = values[:needed]
        if len(entered) < needed or None in entered or [] in entered:
            return self._wrong((*where, "value"), f"{field} is compared with nothing; fill it in or remove the rule")
        options = [[each] for each in entered[0]] if entered and isinstance(entered[0], list) else [entered]
        rules = [self._reader.clause(_clause(field, positive, each, operator in _REVERSED), where) for each in options]
        if len(rules) == 1:
            return rules[0]
        return All(tuple(rules)) if positive == "multiselect_equals" else Either(tuple(rules))

    def _wrong(self, where: Place, message: str) -> Filter:
        self._mistakes.append((where, message))
        return EVERYTHING


def _clause(field: str, operator: str, values: list[Any], negated: bool) -> dict[str, Any]:
    """The clause that the builder writes for one rule."""
    if field.startswith(EXTENSION) and field.count(".") >= 2:
        _, entity_type, name = field.split(".", 2)
        asked = _negated(_property(name, operator, values), negated)
        return {"bool": {"must": [asked, {"term": {"entityType": entity_type}}]}}
    return _negated(_plain(field, operator, values), negated)


def _negated(clause: dict[str, Any], negated: bool) -> dict[str, Any]:
    return {"bool": {"must_not": clause}} if negated else clause


def _plain(field: str, operator: str, values: list[Any]) -> dict[str, Any]:
    match operator:
        case "is_not_null":
            return {"exists": {"field": field}}
        case "like":
            return {"wildcard": {field: {"value": f"*{values[0]}*"}}}
        case "regexp":
            return {"regexp": {field: {"value": values[0], "case_insensitive": True}}}
        case "between":
            return {"range": {field: {"gte": values[0], "lte": values[1]}}}
        case "greater":
            return {"range": {field: {"gte": values[0]}}}
        case _ if operator in _BOUNDS:
            return {"range": {field: {_BOUNDS[operator]: values[0]}}}
    return {"term": {field: values[0]}}


def _property(name: str, operator: str, values: list[Any]) -> dict[str, Any]:
    """A rule about a custom property. Its type is not in the tree, so a number is looked for as text, too."""
    base = name.removesuffix(".keyword")
    part = "stringValue"
    if not (".rows." in base or base.endswith((".url", ".displayText"))):
        for suffix, meant in _SUFFIXES.items():
            if base.endswith(suffix):
                base, part = base.removesuffix(suffix), meant
                break
    if operator == "is_not_null":
        return _nested(base)
    if operator in ("like", "multiselect_contains", "regexp"):
        plain = _plain("customPropertiesTyped.stringValue", operator.replace("multiselect_contains", "like"), values)
        return _nested(base, plain)
    if operator == "between":
        kind, asked = "range", {"gte": values[0], "lte": values[1]}
    elif operator in _BOUNDS:
        kind, asked = "range", {_BOUNDS[operator]: values[0]}
    else:
        kind, asked = "term", {"value": values[0]}
    parts = _parts_of(values) if part == "stringValue" else [part]
    return _one_of([_nested(base, {kind: {f"customPropertiesTyped.{each}": asked}}) for each in parts])


def _nested(name: str, *clauses: dict[str, Any]) -> dict[str, Any]:
    named = {"term": {"customPropertiesTyped.name": name}}
    return {"nested": {"path": "customPropertiesTyped", "query": {"bool": {"must": [named, *clauses]}}}}


def _one_of(clauses: list[dict[str, Any]]) -> dict[str, Any]:
    return clauses[0] if len(clauses) == 1 else {"bool": {"should": clauses}}


def _parts_of(values: list[Any]) -> list[str]:
    """The parts in which the values can stand: whole numbers, fractions, text."""
    try:
        [float(value) for value in values]
    except (TypeError, ValueError):
        return ["stringValue"]
    return ["longValue", "doubleValue", "stringValue"]
