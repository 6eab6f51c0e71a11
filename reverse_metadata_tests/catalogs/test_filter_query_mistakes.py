"""What the query builder's JSON may not say, and how that is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from reverse_metadata.catalogs.filter import FilterError, parse_filter
from reverse_metadata.config import load_config
from reverse_metadata.errors import ConfigurationError

NAME = {"term": {"name.keyword": "orders"}}
PROPERTY = {"term": {"customPropertiesTyped.name": "rows"}}


def mistakes(data: object) -> list[str]:
    with pytest.raises(FilterError) as caught:
        parse_filter(data)
    return caught.value.mistakes


def nested(*clauses: object, path: str = "customPropertiesTyped") -> dict[str, Any]:
    return {"nested": {"path": path, "query": {"bool": {"must": list(clauses)}}}}


def typed(part: str, value: object) -> dict[str, Any]:
    return {"term": {f"customPropertiesTyped.{part}": value}}


@pytest.mark.parametrize(
    ("query", "mistake"),
    [
        (
            {"bool": {"must": [NAME, {"term": {"tags.tagFqn": "x"}}]}},
            "query.bool.must[1].term.tags.tagFqn: the field tags.tagFqn of the catalog's search index cannot be looked"
            " at here; did you mean tags.tagFQN?",
        ),
        (
            {"term": {"createdBy": "ada"}},
            "query.term.createdBy: the field createdBy of the catalog's search index cannot be looked at here;"
            " docs/filters.md lists those that can",
        ),
        (
            {"bool": {"should": [{"trem": {"name": "x"}}]}},
            "query.bool.should[0].trem: the clause trem is not understood; did you mean term?",
        ),
        (
            {"query_string": {"query": "name:orders"}},
            "query.query_string: the clause query_string is not understood; one of bool, term, terms, wildcard, match,"
            " regexp, range, exists, ids, nested, match_all, match_none is",
        ),
        (
            {"bool": {"musst": [NAME]}},
            "query.bool.musst: musst is not understood here; one of must, filter, should, must_not, should_not,"
            " minimum_should_match is",
        ),
        ({"bool": [NAME]}, "query.bool: takes a mapping"),
        ({"bool": {}}, "query.bool: has no clause, so it would choose everything; leave it out, or the filter to have"),
        ({"bool": {"must": [], "should": [], "boost": 1}}, "query.bool: has no clause, so it would choose everything"),
        ({"bool": {"must": [NAME, {"bool": {"must": []}}]}}, "query.bool.must[1].bool: has no clause, so it would"),
        ({"bool": {"should": [], "minimum_should_match": 1}}, "query.bool: has no clause, so it would choose"),
        ({}, "query: a clause is a mapping with one key, such as bool, term, terms, wildcard, match"),
        ({**NAME, "match_all": {}}, "query: a clause is a mapping with one key, such as bool, term, terms, wildcard"),
        ({"bool": {"must": [[]]}}, "query.bool.must[0]: a clause is a mapping with one key"),
        (
            {"bool": {"should": [NAME], "minimum_should_match": "2<75%"}},
            "query.bool.minimum_should_match: takes a whole number or a percentage such as 75%",
        ),
        (
            {"bool": {"must": [NAME], "minimum_should_match": 1}},
            "query.bool.minimum_should_match: needs `should`, the clauses that it counts",
        ),
        (
            {"bool": {"should": [NAME] * 20, "minimum_should_match": 10}},
            "query.bool.minimum_should_match: 10 of 20 clauses are too many ways",
        ),
        ({"term": {"name": None}}, "query.term.name: takes one value"),
        ({"term": {"name": ["a"]}}, "query.term.name: takes one value"),
        ({"term": {"name": "a", "id": "b"}}, "query.term: takes one field"),
        ({"term": {"name": {"value": "a", "fuzzy": 1}}}, "query.term.name.fuzzy: fuzzy is not understood here; one of"),
        ({"terms": {"name": "a"}}, "query.terms: takes one field and a list of values"),
        ({"terms": {"name": [{}]}}, "query.terms.name[0]: takes text, a number, true or false"),
        ({"ids": {"values": "a"}}, "query.ids: takes `values`, a list of ids"),
        ({"exists": {"field": "deletd"}}, "query.exists: the field deletd of the catalog's search index cannot be"),
        ({"term": {"deleted": "maybe"}}, "query.term.deleted: takes true or false"),
        ({"match": {"name": {"query": "a", "operator": "xor"}}}, "query.match.name.operator: is `and` or `or`"),
        (
            {"range": {"name.keyword": {"gte": "a"}}},
            "query.range.name.keyword: is a name; a range is one of numbers, dates or custom properties",
        ),
        ({"range": {"updatedAt": {}}}, "query.range.updatedAt: takes one of gt, gte, lt, lte"),
        ({"range": {"updatedAt": {"from": 1, "gte": 1}}}, "query.range.updatedAt.from: from is not understood here"),
        (
            {"range": {"updatedAt": {"gte": "now-1d"}}},
            "query.range.updatedAt: 'now-1d' is neither a number nor a date such as 2026-01-31",
        ),
        ({"range": {"updatedAt": {"gte": True}}}, "query.range.updatedAt.gte: takes a number or a date"),
        (
            {"regexp": {"name.keyword": {"value": "a~b"}}},
            "query.regexp.name.keyword: ~ at character 2 is the complement of Elasticsearch, which is not understood"
            " here; for the character itself write \\~",
        ),
        ({"regexp": {"name.keyword": {"value": "(a"}}}, "query.regexp.name.keyword: is not a regular expression:"),
        ({"regexp": {"name.keyword": {"value": "a)|(b"}}}, "query.regexp.name.keyword: is not a regular expression:"),
        ({"regexp": {"name": {"value": "a", "flags": "NONE"}}}, "query.regexp.name.flags: only ALL is understood"),
        (
            {"term": {"customPropertiesTyped.stringValue": "x"}},
            "query.term.customPropertiesTyped.stringValue: customPropertiesTyped.stringValue stands outside of a nested"
            " clause with path customPropertiesTyped",
        ),
        (
            nested(typed("stringValue", "x")),
            "query.nested.query: takes one term of customPropertiesTyped.name, the name of the property, beside its",
        ),
        (
            nested(PROPERTY, typed("propertyType", "x")),
            "query.nested.query.bool.must[1].term.customPropertiesTyped.propertyType: the field"
            " customPropertiesTyped.propertyType cannot be looked at here; customPropertiesTyped.* is one of name,",
        ),
        (
            nested(PROPERTY, typed("longValue", "many")),
            "query.nested.query.bool.must[1].term.customPropertiesTyped.longValue: 'many' is no number",
        ),
        (
            nested(PROPERTY, typed("refName", "x"), typed("refType", "user")),
            "query.nested.query: asks more than one thing of one custom property; ask one, or use a clause for each",
        ),
        (
            nested(PROPERTY, {"bool": {"must_not": typed("stringValue", "x")}}),
            "query.nested.query: asks more than one thing of one custom property; ask one, or use a clause for each",
        ),
        (
            nested({"term": {"owners.name": "x"}}, {"term": {"owners.type": "user"}}, path="owners"),
            "query.nested.query.bool.must[1].term.owners.type: the field owners.type of the catalog's search index",
        ),
        (
            nested({"term": {"owners.name": "x"}}, {"term": {"owners.displayName": "X"}}, path="owners"),
            "query.nested.query: asks more than one thing of one owner; ask one, or use a clause for each",
        ),
        (nested(path="columns"), "query.nested.path: 'columns' holds nothing of its own here; customPropertiesTyped"),
        ({"match_all": {"field": "x"}}, "query.match_all.field: field is not understood here; it takes nothing"),
    ],
)
def test_a_mistake_in_a_query_names_the_clause_and_its_place(query: object, mistake: str) -> None:
    (found,) = mistakes({"query": query})[:1]
    assert found.startswith(mistake)


def test_every_mistake_is_told_at_once() -> None:
    query = {"bool": {"must": [{"term": {"nme": 1}}, {"match": {"dscription": "x"}}], "should": {"x": {}}}}
    assert [each.partition(":")[0] for each in mistakes(query)] == [
        "bool.must[0].term.nme",
        "bool.must[1].match.dscription",
        "bool.should.x",
    ]


def test_what_is_not_chosen_by_has_no_place_beside_the_query() -> None:
    assert mistakes({"query": {"match_all": {}}, "size": 10}) == ["size: only `query` chooses entities; leave this out"]


def test_text_that_is_almost_json() -> None:
    assert mistakes('{"query": {"bool": }}') == [
        "is text that looks like JSON and is none: Expecting value in line 1, column 20"
    ]


def rule(operator: str = "select_equals", value: object = ("x",), field: str = "name.keyword") -> dict[str, Any]:
    properties = {"field": field, "operator": operator, "value": list(value) if isinstance(value, tuple) else value}
    return {"type": "rule", "properties": properties}


def group(*children: object, **properties: object) -> dict[str, Any]:
    return {"type": "group", "properties": properties, "children1": {f"id{n}": c for n, c in enumerate(children)}}


@pytest.mark.parametrize(
    ("tree", "mistake"),
    [
        (group(), "has no rule, so it would choose everything; leave the filter out to have that"),
        (group(group(), rule(field="")), "has no rule, so it would choose everything; leave the filter out to have"),
        (group({"type": "switch_group"}), "children1.id0.type: is one of group, rule_group and rule"),
        (group(rule(), conjunction="XOR"), "properties.conjunction: is AND or OR"),
        ({"type": "group", "children1": "x"}, "children1: takes a mapping or a list of rules and groups"),
        (
            group(rule("starts_with")),
            "children1.id0.properties.operator: starts_with is not understood; one of equal, select_equals,",
        ),
        (
            group(rule(value=())),
            "children1.id0.properties.value: name.keyword is compared with nothing; fill it in or remove the rule",
        ),
        (group(rule(value=(None,))), "children1.id0.properties.value: name.keyword is compared with nothing"),
        (group(rule(value=([],))), "children1.id0.properties.value: name.keyword is compared with nothing"),
        (group(rule("between", (1,), "updatedAt")), "children1.id0.properties.value: updatedAt is compared with"),
        (group(rule(value="x")), "children1.id0.properties.value: takes a list"),
        (
            group(rule(field="nme.keyword")),
            "children1.id0.properties.term.nme.keyword: the field nme.keyword of the catalog's search index cannot be"
            " looked at here; did you mean name.keyword?",
        ),
        (
            {"type": "rule", "properties": {**rule()["properties"], "valueSrc": ["func"]}},
            "properties.valueSrc: compares with a function or another field, which a search cannot",
        ),
        ({"type": "rule", "properties": "x"}, "properties: takes a mapping"),
    ],
)
def test_a_mistake_in_a_tree_names_the_rule(tree: object, mistake: str) -> None:
    assert mistakes(tree)[0].startswith(mistake)


def test_a_mistake_in_the_configuration_names_the_line(tmp_path: Path) -> None:
    query = json.dumps({"query": {"bool": {"must": [{"term": {"nme": "x"}}]}}}, indent=2).replace("\n", "\n      ")
    file = tmp_path / "reverse_metadata.yaml"
    file.write_text(
        "catalog: {type: folder, path: .}\nservices: {}\nchannels:\n  - name: pii\n    filter:\n"
        f"      {query}\n    update_tags: true\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        load_config(file)
    assert len(caught.value.mistakes) == 1
    assert f"{file.name}:12: " in caught.value.mistakes[0]
    assert "filter.query.bool.must[0].term.nme: the field nme" in caught.value.mistakes[0]
