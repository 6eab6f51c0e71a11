"""The query builder's JSON: what each clause chooses, against a second implementation and against sets told by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from reverse_metadata.catalogs.filter import catalog_fields, could_match, matches, parse_filter
from reverse_metadata.catalogs.filter.tree import EVERYTHING, NOTHING, Filter
from reverse_metadata_tests.catalogs import filter_estate, naive_filter

QUERIES = Path(__file__).parent / "query_filters"
NAMES = sorted(file.name.removesuffix(".json") for file in QUERIES.glob("*.json") if ".tree." not in file.name)
TREES = sorted(file.name.removesuffix(".tree.json") for file in QUERIES.glob("*.tree.json"))

#: What is chosen, told by reading the estate: names below `shop_pg`.
BY_HAND = {
    "actual_case": "shop.crm.customers shop.crm.Customers_View",
    "cost_center": "shop.sales.Orders",
    "deleted_ownerless": "shop.archive shop.sales.TMP_2 shop.archive.orders_2019 shop.archive.orders_2020",
    "exact_name": "shop.sales.Orders",
    "finance_domain": "shop.sales.Orders",
    "gold_or_view": "shop.sales.Orders shop.crm.Customers_View",
    "retention": "shop.sales.Orders shop.sales.order_items",
    "runbook_link": "shop.crm.customers",
    "sales_area": "shop.sales shop.sales.Orders shop.sales.order_items shop.sales.daily_revenue shop.sales.tmp_1"
    " shop.sales.TMP_2",
    "tagged_in_service": "shop.sales.Orders shop.crm.customers shop.crm.Customers_View",
    "tiers": "shop.sales.Orders shop.sales.order_items shop.crm.customers",
    "undescribed_tables": "shop.sales.order_items shop.sales.daily_revenue shop.crm.Customers_View shop.crm.leads"
    " shop.crm.segments shop.archive.orders_2019",
}


def load(name: str) -> Any:
    return json.loads((QUERIES / f"{name}.json").read_text("utf-8"))


def chosen(filter: Filter) -> list[str]:
    return [entity.fqn for entity in filter_estate.entities() if matches(filter, entity)]


def naively_chosen(query: dict[str, Any]) -> list[str]:
    documents = filter_estate.documents()
    return [each["fullyQualifiedName"] for each in documents if naive_filter.answers(query, each)]


def term(field: str, value: Any) -> dict[str, Any]:
    return {"term": {field: value}}


def typed(name: str, *clauses: dict[str, Any]) -> dict[str, Any]:
    must = [term("customPropertiesTyped.name", name), *clauses]
    return {"nested": {"path": "customPropertiesTyped", "ignore_unmapped": True, "query": {"bool": {"must": must}}}}


def test_the_estate_has_300_entities() -> None:
    assert len({entity.fqn for entity in filter_estate.entities()}) == 300
    assert len(NAMES) >= 30
    assert len(TREES) >= 10
    assert len(BY_HAND) >= 10


@pytest.mark.parametrize("name", NAMES)
def test_a_query_chooses_what_a_second_implementation_chooses(name: str) -> None:
    query = load(name)
    found = chosen(parse_filter(query))
    assert found == naively_chosen(query["query"])
    assert 0 < len(found) < 300


@pytest.mark.parametrize("name", BY_HAND)
def test_a_query_chooses_what_a_reader_of_the_estate_chooses(name: str) -> None:
    assert chosen(parse_filter(load(name))) == [f"shop_pg.{each}" for each in BY_HAND[name].split()]


@pytest.mark.parametrize("name", TREES)
def test_the_tree_of_the_builder_is_the_query_that_was_saved_beside_it(name: str) -> None:
    tree, query = parse_filter(load(f"{name}.tree")), parse_filter(load(name))
    assert tree.normal() == query.normal()
    assert chosen(tree) == chosen(query)


@pytest.mark.parametrize("name", [*NAMES[:3], f"{TREES[0]}.tree"])
def test_a_filter_may_be_text(name: str) -> None:
    assert parse_filter((QUERIES / f"{name}.json").read_text("utf-8")) == parse_filter(load(name))


def test_the_outermost_key_may_be_left_out() -> None:
    assert parse_filter(load("tiers")["query"]) == parse_filter(load("tiers"))


ORDERS, CUSTOMERS, VIEW = "sales.Orders", "crm.customers", "crm.Customers_View"


@pytest.mark.parametrize(
    ("query", "name", "expected"),
    [
        # Groups.
        ({"bool": {"must": [term("name.keyword", "orders"), term("deleted", False)]}}, ORDERS, True),
        ({"bool": {"must": [term("name.keyword", "orders"), term("deleted", True)]}}, ORDERS, False),
        ({"bool": {"should": [term("name.keyword", "x"), term("name.keyword", "orders")]}}, ORDERS, True),
        ({"bool": {"must_not": term("name.keyword", "orders")}}, ORDERS, False),
        ({"bool": {"must_not": [term("name.keyword", "x"), term("name.keyword", "y")]}}, ORDERS, True),
        ({"bool": {"should_not": [term("name.keyword", "x"), term("name.keyword", "orders")]}}, ORDERS, False),
        ({"bool": {"filter": term("name.keyword", "orders")}}, ORDERS, True),
        # `should` beside `must` only adds to the score, unless it says how many must hold.
        ({"bool": {"must": term("deleted", False), "should": [term("name.keyword", "x")]}}, ORDERS, True),
        (
            {"bool": {"must": term("deleted", False), "should": [term("name", "x")], "minimum_should_match": 1}},
            ORDERS,
            False,
        ),
        ({"bool": {"must_not": term("deleted", True), "should": [term("name.keyword", "x")]}}, ORDERS, False),
        (
            {"bool": {"should": [term("deleted", False), term("name", "x")], "minimum_should_match": "100%"}},
            ORDERS,
            False,
        ),
        ({"bool": {"should": [term("deleted", False), term("name", "x")], "minimum_should_match": -1}}, ORDERS, True),
        ({"bool": {"should": [term("deleted", False)], "minimum_should_match": 2}}, ORDERS, False),
        # Alone, or beside `must_not`, one of them must hold, whatever the number says.
        ({"bool": {"should": [term("deleted", True)], "minimum_should_match": 0}}, ORDERS, False),
        ({"bool": {"should": [term("deleted", False)], "minimum_should_match": 0}}, ORDERS, True),
        ({"bool": {"should": [term("deleted", True)], "minimum_should_match": -1}}, ORDERS, False),
        ({"bool": {"should": [term("deleted", True)], "minimum_should_match": "10%"}}, ORDERS, False),
        (
            {"bool": {"must_not": term("name", "x"), "should": term("deleted", True), "minimum_should_match": 0}},
            ORDERS,
            False,
        ),
        (
            {"bool": {"filter": term("name", "orders"), "should": term("deleted", True), "minimum_should_match": 0}},
            ORDERS,
            True,
        ),
        # Both forms of a term; the case rules of the index.
        (term("name.keyword", "oRDERS"), ORDERS, True),
        (term("name.keyword", {"value": "ORDERS"}), ORDERS, True),
        (term("displayName.actualCase", "Customer Orders"), ORDERS, True),
        (term("displayName.actualCase", "customer orders"), ORDERS, False),
        (term("displayName.keyword", "customer orders"), ORDERS, True),
        (term("displayName.keyword", "CUSTOMERS"), CUSTOMERS, True),
        (term("fullyQualifiedName", "SHOP_PG.shop.sales.orders"), ORDERS, True),
        (term("domains.name.keyword", "Finance"), ORDERS, True),
        (term("domains.name.keyword", "finance"), ORDERS, False),
        (term("domains.displayName.keyword", "FINANCE & CO"), ORDERS, True),
        (term("domain.displayName.keyword", "finance & co"), ORDERS, True),
        (term("domains.fullyQualifiedName", "Finance"), "sales.order_items", False),
        (term("domains.displayName.keyword", "risk"), "sales.order_items", True),
        (term("owners.name.keyword", "Grace"), "sales.order_items", True),
        (term("owners.name.keyword", "grace"), "sales.order_items", False),
        (term("owners.name", "grace"), "sales.order_items", True),
        (term("owners.displayName.keyword", "grace"), "sales.order_items", True),
        (term("owner.displayName.keyword", "ADA LOVELACE"), ORDERS, True),
        (term("ownerDisplayName", "ada lovelace"), ORDERS, True),
        (term("entityType", "table"), ORDERS, True),
        (term("entityType", "Table"), ORDERS, False),
        (term("entityType.keyword", "Table"), ORDERS, True),
        (term("entityType", "databaseSchema"), "sales", True),
        (term("entityType", "database"), "", True),
        (term("tableType", "regular"), ORDERS, True),
        (term("serviceType", "POSTGRES"), ORDERS, True),
        (term("service.displayName.keyword", "shop"), ORDERS, True),
        (term("service.name.keyword", "SHOP_PG"), ORDERS, True),
        (term("service.name", "SHOP_PG"), ORDERS, False),
        (term("database.displayName.keyword", "web shop"), ORDERS, True),
        (term("database.name.keyword", "SHOP"), ORDERS, True),
        (term("databaseSchema.displayName.keyword", "SALES AREA"), ORDERS, True),
        (term("databaseSchema.name.keyword", "crm"), CUSTOMERS, True),
        (term("descriptionStatus", "COMPLETE"), ORDERS, True),
        (term("descriptionStatus", "complete"), ORDERS, False),
        (term("descriptionStatus", "INCOMPLETE"), "sales.daily_revenue", True),
        (term("columnDescriptionStatus", "INCOMPLETE"), CUSTOMERS, True),
        (term("columnDescriptionStatus", "COMPLETE"), ORDERS, True),
        (term("deleted", "false"), ORDERS, True),
        (term("certification.tagLabel.tagFQN", "CERTIFICATION.gold"), ORDERS, True),
        (term("updatedBy", "Grace"), "sales.tmp_1", True),
        # A filter is about tables: what is itself the schema or the database is in it, too.
        (term("databaseSchema.displayName.keyword", "sales area"), "sales", True),
        (term("database.name.keyword", "shop"), "", True),
        (term("databaseSchema.name.keyword", "sales"), "", False),
        ({"bool": {"must_not": term("databaseSchema.name.keyword", "sales")}}, "", True),
        (term("tableType", "Regular"), "sales", False),
        # Tags: those of the columns are the table's, at any depth; the tier is none of them.
        (term("tags.tagFQN", "pii.sensitive"), ORDERS, True),
        (term("tags.tagFQN", "pii.nonsensitive"), CUSTOMERS, True),
        (term("tags.tagFQN", "Tier.Tier1"), ORDERS, False),
        (term("tags.tagFQN", "PII.Sensitive"), "crm.leads", False),
        (term("tags.tagFQN", "domain.sales"), "sales", True),
        (term("tags.tagFQN", "PII.Sensitive"), "sales", False),
        (term("tier.tagFQN", "tier.tier1"), ORDERS, True),
        (term("glossaryTags", "business.revenue"), ORDERS, True),
        (term("glossaryTags", "business.revenue"), "sales.order_items", False),
        (term("classificationTags", "pii.none"), "sales.daily_revenue", True),
        (term("classificationTags", "pii.sensitive"), ORDERS, False),
        (term("tags.labelType", "Automated"), "sales.daily_revenue", True),
        (term("tags.labelType", "automated"), "sales.daily_revenue", False),
        (term("tier.labelType", "Derived"), "sales.order_items", True),
        (term("columns.name.keyword", "EMAIL"), ORDERS, True),
        (term("columns.name.keyword", "city"), CUSTOMERS, False),
        # Several values.
        ({"terms": {"name.keyword": ["x", "Orders"]}}, ORDERS, True),
        ({"terms": {"name.keyword": []}}, ORDERS, False),
        ({"ids": {"values": ["x"]}}, ORDERS, False),
        # Patterns.
        ({"wildcard": {"name.keyword": {"value": "*ORD?rs*"}}}, ORDERS, True),
        ({"wildcard": {"name.keyword": "ord*"}}, ORDERS, True),
        ({"wildcard": {"name.keyword": {"value": "rder"}}}, ORDERS, False),
        ({"wildcard": {"name.keyword": {"value": r"order\?"}}}, ORDERS, False),
        ({"wildcard": {"displayName.actualCase": {"value": "*orders"}}}, ORDERS, False),
        ({"wildcard": {"displayName.actualCase": {"value": "*orders", "case_insensitive": True}}}, ORDERS, True),
        ({"wildcard": {"description": {"value": "*RUNBOOK*"}}}, ORDERS, True),
        ({"regexp": {"name.keyword": {"value": "ORD.*", "case_insensitive": True}}}, ORDERS, True),
        ({"regexp": {"name.keyword": {"value": "rders"}}}, ORDERS, False),
        ({"regexp": {"displayName.actualCase": {"value": "customer @"}}}, ORDERS, False),
        ({"regexp": {"displayName.actualCase": {"value": "customer @", "case_insensitive": True}}}, ORDERS, True),
        # Presence.
        ({"exists": {"field": "owners.displayName.keyword"}}, ORDERS, True),
        ({"exists": {"field": "owners"}}, VIEW, False),
        ({"exists": {"field": "tier"}}, ORDERS, True),
        ({"exists": {"field": "tableType"}}, "sales", False),
        ({"exists": {"field": "description"}}, "sales.daily_revenue", False),
        ({"exists": {"field": "extension.costCenter"}}, ORDERS, True),
        # Words.
        ({"match": {"description": "every nothing"}}, ORDERS, True),
        ({"match": {"description": {"query": "every nothing", "operator": "and"}}}, ORDERS, False),
        ({"match": {"description": {"query": "ORDER every", "operator": "AND"}}}, ORDERS, True),
        ({"match": {"description": "run"}}, ORDERS, False),
        ({"match": {"description": "..."}}, ORDERS, False),
        ({"match": {"tableType": "regular"}}, ORDERS, True),
        ({"match": {"tableType": "regular view"}}, ORDERS, False),
        # Custom properties.
        (typed("costCenter", term("customPropertiesTyped.stringValue", "CC-42")), ORDERS, True),
        (typed("costCenter", term("customPropertiesTyped.stringValue", "cc-42")), ORDERS, False),
        (typed("quality", term("customPropertiesTyped.stringValue", "High")), ORDERS, True),
        (typed("retentionDays", term("customPropertiesTyped.longValue", 30)), ORDERS, True),
        (typed("retentionDays", term("customPropertiesTyped.longValue", "30")), ORDERS, True),
        (typed("retentionDays", term("customPropertiesTyped.stringValue", "30")), ORDERS, False),
        (typed("retentionDays", {"range": {"customPropertiesTyped.longValue": {"gte": 1, "lte": 30}}}), ORDERS, True),
        (typed("retentionDays", {"range": {"customPropertiesTyped.longValue": {"gt": 1, "lt": 30}}}), ORDERS, False),
        (typed("score", {"range": {"customPropertiesTyped.doubleValue": {"gte": "0.5"}}}), ORDERS, True),
        (
            typed(
                "reviewed", {"range": {"customPropertiesTyped.stringValue": {"gte": "2026-01", "lte": "2026-02-01"}}}
            ),
            ORDERS,
            True,
        ),
        (typed("steward", term("customPropertiesTyped.refName", "ada")), ORDERS, True),
        (typed("steward", term("customPropertiesTyped.refFqn", "ada")), ORDERS, True),
        (typed("readers", term("customPropertiesTyped.stringValue", "Data Platform")), CUSTOMERS, True),
        (typed("readers", term("customPropertiesTyped.refName", "Data Platform")), CUSTOMERS, False),
        (typed("purpose", {"match": {"customPropertiesTyped.textValue": "dashboard"}}), ORDERS, True),
        (typed("window", {"range": {"customPropertiesTyped.end": {"lt": 201}}}), "sales.daily_revenue", True),
        (typed("touched", term("customPropertiesTyped.longValue", 1_700_000_000_000)), CUSTOMERS, True),
        (typed("runbook.displayText", term("customPropertiesTyped.stringValue", "How to")), CUSTOMERS, True),
        (typed("contacts.rows.role", term("customPropertiesTyped.stringValue", "DPO")), CUSTOMERS, True),
        (typed("costCenter"), ORDERS, True),
        (typed("costCenter"), VIEW, False),
        (term("extension.costCenter", "CC-42"), ORDERS, True),
        (term("extension.costCenter.keyword", "cc-42"), ORDERS, False),
        (term("extension.retentionDays", 30), ORDERS, True),
        (term("extension.steward.name", "ada"), ORDERS, True),
        (term("extension.runbook.url", "https://wiki/customers"), CUSTOMERS, True),
        (term("extension.contacts.rows.role", "owner"), CUSTOMERS, True),
        (term("extension.window.start", 100), "sales.daily_revenue", True),
        ({"nested": {"path": "owners", "query": term("owners.displayName.keyword", "ada lovelace")}}, ORDERS, True),
        ({"range": {"updatedAt": {"gt": "1700000000000"}}}, "sales.tmp_1", True),
        ({"range": {"updatedAt": {"gte": "2025-01-01"}}}, ORDERS, False),
        ({"match_all": {}}, ORDERS, True),
        ({"match_none": {}}, ORDERS, False),
    ],
)
def test_a_clause(query: dict[str, Any], name: str, expected: bool) -> None:
    fqn = f"shop_pg.shop.{name}".rstrip(".")
    (entity,) = [each for each in filter_estate.entities() if each.fqn == fqn]
    assert matches(parse_filter(query), entity) is expected


def test_ids_are_those_of_the_catalog() -> None:
    entity = filter_estate.entities()[4]
    assert chosen(parse_filter({"ids": {"values": [entity.id]}})) == [entity.fqn]
    assert chosen(parse_filter(term("id.keyword", entity.id))) == [entity.fqn]


def test_what_the_catalog_must_be_asked_for() -> None:
    filters = [parse_filter(load(name)) for name in ("cost_center", "finance_domain", "gold_or_view")]
    assert catalog_fields(filters) == ["domains", "extension", "certification"]


def test_a_name_of_the_service_saves_reading() -> None:
    filter = parse_filter({"bool": {"must": [term("service.name.keyword", "SHOP_pg"), load("tiers")["query"]]}})
    assert could_match(filter, "shop_pg")
    assert not could_match(filter, "snow")


def test_what_always_and_what_never_holds() -> None:
    assert parse_filter({"query": {"match_all": {}}}) == EVERYTHING
    assert parse_filter({"query": {"bool": {"must": [{"match_none": {}}]}}}) == NOTHING
