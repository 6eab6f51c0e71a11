"""Any query that the builder can make, against the second implementation: values of the estate, in any letter case."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reverse_metadata.catalogs.filter import matches, parse_filter
from reverse_metadata_tests.catalogs import filter_estate, naive_filter
from reverse_metadata_tests.catalogs.test_filter_query import term, typed

_TEXTS: dict[str, list[Any]] = {
    "name.keyword": ["Orders", "customers", "CORE", "orders_2019"],
    "displayName.keyword": ["Orders", "läden", "Customers"],
    "displayName.actualCase": ["Orders", "ORDERS", "customers"],
    "service.displayName.keyword": ["shop", "Snowflake Prod", "ch"],
    "service.name.keyword": ["lake_trino", "snow"],
    "database.name.keyword": ["core", "core_eu"],
    "databaseSchema.displayName.keyword": ["sales area", "Orders", "tmp"],
    "owners.displayName.keyword": ["ada lovelace", "Grace", "finance team"],
    "owners.name.keyword": ["ada", "Grace", "Finance_Team"],
    "domains.displayName.keyword": ["finance & co", "emea", "ops", "risk"],
    "domains.name.keyword": ["Finance", "Risk"],
    "tags.tagFQN": ["pii.sensitive", "business.revenue", "PII.Legacy", "tier.tier1"],
    "tier.tagFQN": ["tier.tier1", "Tier.Tier3"],
    "classificationTags": ["pii.none", "geo.eu"],
    "glossaryTags": ["business.customer"],
    "certification.tagLabel.tagFQN": ["certification.gold", "Certification.Bronze"],
    "tableType": ["view", "Regular", "external"],
    "serviceType": ["Trino", "postgres"],
    "entityType": ["table", "databaseSchema"],
    "columns.name.keyword": ["email", "amount", "city"],
    "descriptionStatus": ["COMPLETE", "INCOMPLETE"],
    "columnDescriptionStatus": ["COMPLETE", "INCOMPLETE"],
    "tags.labelType": ["Derived", "Manual"],
    "extension.costCenter": ["CC-1", "cc-1", "Group 7"],
    "extension.quality": ["low", "High"],
}
_TYPED_TEXTS: dict[tuple[str, str], list[str]] = {
    ("costCenter", "stringValue"): ["CC-1", "cc-1", "CC-42"],
    ("quality", "stringValue"): ["low", "High", "high"],
    ("reviewed", "stringValue"): ["2024-12-31", "2025-06-30", "2026-01-01"],
    ("loadedAt", "stringValue"): ["2026-01-15 06:00:00", "2026-01-15 12:00:00"],
    ("steward", "refName"): ["ada", "platform"],
    ("readers", "refName"): ["ada", "platform", "Grace"],
    ("readers", "stringValue"): ["Ada Lovelace"],
    ("runbook.url", "stringValue"): ["https://wiki/a"],
    ("contacts.rows.role", "stringValue"): ["owner", "DPO"],
}
_NUMBERS = [
    *[("retentionDays", "longValue"), ("score", "doubleValue"), ("score", "longValue"), ("window", "start")],
    *[("window", "end"), ("touched", "longValue")],
]


def _pattern(value: str, start: int, end: int) -> str:
    part = value[start : len(value) - end]
    return f"*{part}*" if start else f"{part}?" if end else part


_FIELDS = st.sampled_from(sorted(_TEXTS))
_CASES = st.sampled_from(["as it is", "lower", "upper"])


@st.composite
def _texts(draw: st.DrawFn) -> dict[str, Any]:
    field = draw(_FIELDS)
    value = str(draw(st.sampled_from(_TEXTS[field])))
    case = draw(_CASES)
    value = value.lower() if case == "lower" else value.upper() if case == "upper" else value
    kind = draw(st.sampled_from(["term", "term7", "terms", "wildcard", "regexp", "match", "exists"]))
    match kind:
        case "term":
            return term(field, value)
        case "term7":
            return term(field, {"value": value})
        case "terms":
            return {"terms": {field: [value, draw(st.sampled_from(_TEXTS[field]))]}}
        case "match":
            return {"match": {field: value}}
        case "exists":
            return {"exists": {"field": field}}
        case "wildcard":
            pattern = _pattern(value, draw(st.integers(0, 2)), draw(st.integers(0, 1)))
            insensitive = {"case_insensitive": True} if draw(st.booleans()) else {}
            return {"wildcard": {field: {"value": pattern, **insensitive}}}
    said = {"value": f"{value[:2].replace('.', '[.]')}.*", "case_insensitive": draw(st.booleans())}
    return {"regexp": {field: said}}


@st.composite
def _properties(draw: st.DrawFn) -> dict[str, Any]:
    if draw(st.booleans()):
        name, part = draw(st.sampled_from(_NUMBERS))
        limit = draw(st.sampled_from([0, 0.5, 1, 30, 100, 150, 200, 1_700_000_000_000]))
        bound = draw(st.sampled_from(["gt", "gte", "lt", "lte"]))
        clauses = [term(f"customPropertiesTyped.{part}", limit), _range(part, {bound: limit})]
        clauses.append(_range(part, {"gte": str(limit), "lte": str(limit + draw(st.integers(0, 300)))}))
        return typed(name, draw(st.sampled_from(clauses)))
    name, part = draw(st.sampled_from(sorted(_TYPED_TEXTS)))
    value = draw(st.sampled_from(_TYPED_TEXTS[name, part]))
    field = f"customPropertiesTyped.{part}"
    clauses = [
        term(field, value),
        {"wildcard": {field: {"value": f"*{value[1:3]}*"}}},
        {"regexp": {field: {"value": f"{value[:1].lower()}@", "case_insensitive": True}}},
        _range(part, {draw(st.sampled_from(["gt", "gte", "lt", "lte"])): value}),
        {"exists": {"field": field}},
    ]
    return typed(name, *draw(st.lists(st.sampled_from(clauses), max_size=1)))


def _range(part: str, bounds: dict[str, Any]) -> dict[str, Any]:
    return {"range": {f"customPropertiesTyped.{part}": bounds}}


_WORDS = st.builds(
    lambda text, operator: {"match": {"description": {"query": text, "operator": operator}}},
    st.sampled_from(["orders", "Revenue EUR", "all customer", "nothing"]),
    st.sampled_from(["and", "or"]),
)
_FLAGS = st.builds(lambda value: term("deleted", value), st.sampled_from([True, False, "true"]))
_DATES = st.builds(
    lambda key, days: {"range": {"updatedAt": {key: 1_700_000_000_000 + days * 86_400_000}}},
    st.sampled_from(["gt", "gte", "lt", "lte"]),
    st.integers(0, 3),
)


@st.composite
def _groups(draw: st.DrawFn, clause: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    keys = st.sampled_from(["must", "should", "must_not", "should_not", "filter"])
    for key in draw(st.lists(keys, min_size=1, unique=True)):
        clauses = draw(st.lists(clause, min_size=1, max_size=3))
        body[key] = clauses[0] if len(clauses) == 1 and draw(st.booleans()) else clauses
    if "should" in body and draw(st.booleans()):
        body["minimum_should_match"] = draw(st.sampled_from([0, 1, 2, -1, "50%", "-50%", "2"]))
    return {"bool": body}


CLAUSES = st.recursive(st.one_of(_texts(), _properties(), _WORDS, _FLAGS, _DATES), _groups, max_leaves=8)
SOME = [*range(16), *range(16, 300, 6)]


@settings(max_examples=300, deadline=None)
@given(CLAUSES)
def test_any_query_chooses_what_a_second_implementation_chooses(query: dict[str, Any]) -> None:
    filter = parse_filter({"query": query})
    entities, documents = filter_estate.entities(), filter_estate.documents()
    found = [entities[position].fqn for position in SOME if matches(filter, entities[position])]
    expected = [entities[position].fqn for position in SOME if naive_filter.answers(query, documents[position])]
    assert found == expected
