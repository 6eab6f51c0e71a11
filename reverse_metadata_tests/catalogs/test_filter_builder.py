"""The tree of the query builder: each operator is the clause that the builder writes for it."""

from typing import Any

import pytest

from reverse_metadata.catalogs.filter import parse_filter

NAME = "name.keyword"
A, B = {"term": {NAME: "a"}}, {"term": {NAME: "b"}}


def rule(field: str, operator: str, *value: object) -> dict[str, Any]:
    return {"type": "rule", "properties": {"field": field, "operator": operator, "value": list(value)}}


def group(*children: dict[str, Any], conjunction: str = "AND", negated: bool = False) -> dict[str, Any]:
    properties = {"conjunction": conjunction, "not": negated}
    return {"type": "group", "properties": properties, "children1": list(children)}


def no(clause: object) -> dict[str, Any]:
    return {"bool": {"must_not": clause}}


def should(*clauses: dict[str, Any]) -> dict[str, Any]:
    return {"bool": {"should": list(clauses)}}


def of_table(clause: dict[str, Any]) -> dict[str, Any]:
    return {"bool": {"must": [clause, {"term": {"entityType": "table"}}]}}


def typed(name: str, *clauses: dict[str, Any]) -> dict[str, Any]:
    must = [{"term": {"customPropertiesTyped.name": name}}, *clauses]
    return {"nested": {"path": "customPropertiesTyped", "query": {"bool": {"must": must}}}}


def part(name: str, kind: str, field: str, said: object) -> dict[str, Any]:
    return typed(name, {kind: {f"customPropertiesTyped.{field}": said}})


@pytest.mark.parametrize(
    ("tree", "query"),
    [
        (rule(NAME, "equal", "a"), A),
        (rule(NAME, "select_equals", "a"), A),
        (rule(NAME, "not_equal", "a"), no(A)),
        (rule(NAME, "select_not_equals", "a"), no(A)),
        (rule(NAME, "select_any_in", ["a", "b"]), should(A, B)),
        # As the builder writes it: each by itself is turned round, so that one of them is enough.
        (rule(NAME, "select_not_any_in", ["a", "b"]), should(no(A), no(B))),
        (rule(NAME, "multiselect_equals", ["a", "b"]), {"bool": {"must": [A, B]}}),
        (rule(NAME, "multiselect_not_equals", ["a", "b"]), {"bool": {"must": [no(A), no(B)]}}),
        (rule(NAME, "multiselect_contains", ["a"]), A),
        (rule(NAME, "like", "a"), {"wildcard": {NAME: {"value": "*a*"}}}),
        (rule(NAME, "not_like", "a"), no({"wildcard": {NAME: {"value": "*a*"}}})),
        (rule(NAME, "regexp", "a.*"), {"regexp": {NAME: {"value": "a.*", "case_insensitive": True}}}),
        (rule("owners.displayName.keyword", "is_null"), no({"exists": {"field": "owners.displayName.keyword"}})),
        (rule("owners.displayName.keyword", "is_not_null"), {"exists": {"field": "owners.displayName.keyword"}}),
        (rule("deleted", "equal", False), {"term": {"deleted": False}}),
        (rule("updatedAt", "between", 1, 2), {"range": {"updatedAt": {"gte": "1", "lte": "2"}}}),
        (rule("updatedAt", "not_between", 1, 2), no({"range": {"updatedAt": {"gte": "1", "lte": "2"}}})),
        (rule("updatedAt", "less", 1), {"range": {"updatedAt": {"lt": 1}}}),
        (rule("updatedAt", "less_or_equal", 1), {"range": {"updatedAt": {"lte": 1}}}),
        (rule("updatedAt", "greater", 1), {"range": {"updatedAt": {"gte": 1}}}),
        # Groups, nested and negated; a row that nobody filled in is left out.
        (group(rule(NAME, "equal", "a"), rule(NAME, "equal", "b"), conjunction="OR"), should(A, B)),
        (group(rule(NAME, "equal", "a"), rule("", "equal")), A),
        (
            group(rule(NAME, "equal", "a"), group(rule(NAME, "equal", "b"), negated=True)),
            {"bool": {"must": [A, no(B)]}},
        ),
        (
            group(rule(NAME, "equal", "a"), rule(NAME, "equal", "b"), conjunction="OR", negated=True),
            {"bool": {"must_not": [A, B]}},
        ),
        # Custom properties.
        (rule("extension.table.cc.keyword", "equal", "x"), of_table(part("cc", "term", "stringValue", "x"))),
        (rule("extension.table.cc", "not_equal", "x"), of_table(no(part("cc", "term", "stringValue", "x")))),
        (rule("extension.table.cc", "like", "x"), of_table(part("cc", "wildcard", "stringValue", "*x*"))),
        (
            rule("extension.table.q", "multiselect_contains", ["x", "y"]),
            should(*(of_table(part("q", "wildcard", "stringValue", f"*{each}*")) for each in "xy")),
        ),
        (
            rule("extension.table.cc", "regexp", "x"),
            of_table(part("cc", "regexp", "stringValue", {"value": "x", "case_insensitive": True})),
        ),
        (rule("extension.table.cc", "is_not_null"), of_table(typed("cc"))),
        (rule("extension.table.cc", "is_null"), of_table(no(typed("cc")))),
        (rule("extension.table.who.displayName.keyword", "equal", "x"), of_table(part("who", "term", "refName", "x"))),
        (rule("extension.table.w.end", "greater", 5), of_table(part("w", "range", "end", {"gt": 5}))),
        (rule("extension.table.link.url", "equal", "x"), of_table(part("link.url", "term", "stringValue", "x"))),
        (
            rule("extension.table.rows", "equal", 5),
            of_table(should(*(part("rows", "term", each, 5) for each in ("longValue", "doubleValue", "stringValue")))),
        ),
        (
            rule("extension.table.day", "between", "2026-01-01", "2026-01-31"),
            of_table(part("day", "range", "stringValue", {"gte": "2026-01-01", "lte": "2026-01-31"})),
        ),
        (rule("extension.cc", "equal", "x"), {"term": {"extension.cc": "x"}}),
    ],
)
def test_a_rule_is_the_clause_that_the_builder_writes(tree: dict[str, Any], query: dict[str, Any]) -> None:
    assert parse_filter(tree).normal() == parse_filter({"query": query}).normal()
