"""Every field and operator of the short form, one row each, over one table and what is around it."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_metadata import fqn as fqns
from reverse_metadata.catalogs.filter import (
    FilterError,
    catalog_fields,
    could_match,
    filter_hash,
    matches,
    parse_filter,
    reaches,
)
from reverse_metadata.catalogs.filter.facts import FIELDS
from reverse_metadata.model import Domain, Entity, EntityType, Owner, Tag

COLUMN = Entity(
    fqn="shop_pg.shop.Sales.orders.email",
    type=EntityType.COLUMN,
    id="t",
    service="shop_pg",
    path=("shop", "Sales", "orders", "email"),
    description="E-mail",
    tags=(Tag("PII.Sensitive", label_type="Derived"), Tag("Business.Contact", source="Glossary")),
)
LAT = Entity(
    fqn="shop_pg.shop.Sales.orders.addr.lat",
    type=EntityType.COLUMN,
    id="t",
    service="shop_pg",
    path=("shop", "Sales", "orders", "addr", "lat"),
)
ADDR = Entity(
    fqn="shop_pg.shop.Sales.orders.addr",
    type=EntityType.COLUMN,
    id="t",
    service="shop_pg",
    path=("shop", "Sales", "orders", "addr"),
    columns=(LAT,),
)
ORDERS = Entity(
    fqn="shop_pg.shop.Sales.orders",
    type=EntityType.TABLE,
    id="t",
    service="shop_pg",
    path=("shop", "Sales", "orders"),
    description="One row an order. TODO: say more",
    owners=(Owner("1", "user", "ada.l", "Ada Lovelace"), Owner("2", "team", "finance")),
    tags=(
        Tag("Tier.Tier1"),
        Tag("Ops.Daily"),
        Tag("Business.Revenue", source="Glossary"),
        Tag("PII.None", state="Suggested"),
    ),
    columns=(COLUMN, ADDR),
    updated_by="grace",
    updated_at=1_769_904_000_000,
    display_name="Orders of customers",
    service_type="Postgres",
    table_type="Regular",
    parent_names=("Main shop", "Shop DB", ""),
    domains=(Domain('Finance."Risk.EU"', "Risk in Europe"),),
    certification="Certification.Gold",
    extension={
        "costCenter": "CC-1",
        "rows": 5000,
        "share": 0.5,
        "whole": 30.0,
        "reviewed": "2026-01-31",
        "loaded": "2026-01-31 15:00:00",
        "seen": 1_769_904_000_000,
        "noted": "31/01/2026",
        "quality": ["high", "certified"],
        "steward": {"id": "x1", "type": "user", "name": "ada", "fullyQualifiedName": "ada.fqn", "displayName": "Ada L"},
        "reviewers": [{"id": "x2", "type": "user", "name": "grace"}, {"id": "x3", "type": "user", "name": "alan"}],
        "window": {"start": 10, "end": 20},
        "critical": True,
        "empty": None,
    },
)
SALES = Entity(
    fqn="shop_pg.shop.Sales",
    type=EntityType.SCHEMA,
    id="s",
    service="shop_pg",
    path=("shop", "Sales"),
    description="<p> </p>",
    display_name="Sales & more",
    service_type="Postgres",
    parent_names=("Main shop", "Shop DB"),
)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # Names of the source are compared to the letter.
        ({"service": "shop_pg"}, True),
        ({"service": "Shop_pg"}, False),
        ({"schema": "Sales"}, True),
        ({"schema": "sales"}, False),
        ({"schema": {"glob": "sal*", "any_case": True}}, True),
        ({"schema": {"equals": "Sales"}}, True),
        ({"schema": {"equals": "S*"}}, False),
        ({"schema": {"regex": "Sal"}}, False),
        ({"schema": {"regex": ["x", "Sal.."]}}, True),
        ({"schema": {"regex": "x|sales", "any_case": True}}, True),
        ({"schema": {"regex": ["(?P<name>X)", "(?P<name>S)ales"]}}, True),
        ({"schema": {"regex": ["(x)", "(?i:(s)ale\\1)"]}}, True),
        ({"schema": {"contains": "ale"}}, True),
        ({"schema": {"include": ["S*", "x"], "exclude": ["*s"]}}, False),
        ({"schema": {"include": ["S*"], "exclude": ["archive", {"regex": "X.*"}]}}, True),
        ({"schema": {"exclude": "archive"}}, True),
        ({"table": [{"regex": "ord(er)?s"}]}, True),
        ({"table": ["x", {"regex": "y"}]}, False),
        ({"column": "email"}, False),
        # What the catalog calls things, in any case.
        ({"service_type": "postgres"}, True),
        ({"service_type": "Snowflake"}, False),
        ({"entity_type": "Table"}, True),
        ({"entity_type": ["TAB*", {"regex": "col.+"}]}, True),
        ({"entity_type": ["schema", "database"]}, False),
        ({"table_type": ["view", "regular"]}, True),
        ({"owner": "ADA.L"}, True),
        ({"owner": "ada love*"}, True),
        ({"owner": "Finance"}, True),
        ({"owner": "ada"}, False),
        ({"owner": {"exists": True}}, True),
        ({"owner": {"exists": False}}, False),
        ({"domain": "finance"}, True),
        ({"domain": 'Finance."Risk.EU"'}, True),
        ({"domain": "Risk"}, False),
        ({"domain": "Fin"}, False),
        ({"domain": {"exists": True}}, True),
        ({"tags": "ops.daily"}, True),
        ({"tags": "PII.Sensitive"}, True),
        ({"tags": "PII.None"}, False),
        ({"tags": "Tier.Tier1"}, True),
        ({"tags": "Business.*"}, True),
        ({"tags": {"regex": "pii\\..*"}}, True),
        ({"tier": "tier1"}, True),
        ({"tier": "Tier.Tier1"}, True),
        ({"tier": "Tier2"}, False),
        ({"tier": {"glob": "Tier1"}}, False),
        ({"tier": {"glob": "*.Tier1"}}, True),
        ({"glossary": "Business.Revenue"}, True),
        ({"glossary": "business.contact"}, True),
        ({"glossary": "PII.Sensitive"}, False),
        ({"certification": "gold"}, True),
        ({"certification": "Certification.Gold"}, True),
        ({"certification": "Silver"}, False),
        ({"description": "present"}, True),
        ({"description": "absent"}, False),
        ({"description": {"contains": "todo"}}, True),
        ({"description": {"contains": "todo", "any_case": False}}, False),
        ({"description": {"regex": "One.*"}}, True),
        ({"updated_by": "grace"}, True),
        ({"updated_at": {"at_least": "2026-02-01"}}, True),
        ({"updated_at": {"at_least": "2026-02-01T00:00:01Z"}}, False),
        ({"updated_at": {"less": "2026-02-01T01:30:00+01:00"}}, True),
        ({"fqn": "shop_pg.*"}, True),
        ({"name": "orders"}, True),
        ({"display_name": "orders of*"}, True),
        ({"deleted": False}, True),
        ({"deleted": "true"}, False),
        # Custom properties.
        ({"extension.costCenter": "CC-?"}, True),
        ({"extension.costCenter": "cc-1"}, False),
        ({"extension.costCenter": {"exists": True}}, True),
        ({"extension.nothing": {"exists": True}}, False),
        ({"extension.empty": {"exists": True}}, False),
        ({"extension.rows": 5000}, True),
        ({"extension.rows": "5*"}, True),
        ({"extension.rows": [1, 5000]}, True),
        ({"extension.rows": {"greater": 4999}}, True),
        ({"extension.rows": {"greater": 5000}}, False),
        ({"extension.rows": {"at_least": 5000, "less": 5001}}, True),
        ({"extension.rows": {"at_most": 4999.5}}, False),
        ({"extension.rows": {"between": [5000, 6000]}}, True),
        ({"extension.rows": {"between": [5001, 6000]}}, False),
        ({"extension.share": {"less": 1}}, True),
        ({"extension.share": 0.5}, True),
        ({"extension.whole": 30}, True),
        ({"extension.reviewed": {"less": "2026-02-01"}}, True),
        ({"extension.reviewed": {"less": date(2026, 2, 1)}}, True),
        ({"extension.reviewed": {"greater": datetime(2026, 2, 1)}}, False),
        ({"extension.reviewed": date(2026, 1, 31)}, True),
        ({"extension.loaded": {"greater": "2026-01-31"}}, True),
        ({"extension.loaded": {"between": ["2026-01-31", "2026-02-01"]}}, True),
        ({"extension.seen": {"at_least": "2026-02-01"}}, True),
        ({"extension.seen": {"greater": "2026-02-01"}}, False),
        ({"extension.noted": {"less": "2030-01-01"}}, False),
        ({"extension.noted": {"greater": "2000-01-01"}}, False),
        ({"extension.costCenter": {"less": 5}}, False),
        ({"extension.critical": {"greater": 0}}, False),
        ({"extension.critical": True}, True),
        ({"extension.quality": "certified"}, True),
        ({"extension.quality": ["low", "medium"]}, False),
        ({"extension.steward": "ada"}, True),
        ({"extension.steward": "ada.fqn"}, True),
        ({"extension.steward": "Ada L"}, True),
        ({"extension.steward": "x1"}, False),
        ({"extension.reviewers": "alan"}, True),
        ({"extension.window": {"greater": 19}}, True),
        # For the query builder.
        ({"service.display_name": "main shop"}, True),
        ({"database.display_name": "Shop DB"}, True),
        ({"schema.display_name": "sales"}, True),
        ({"table.display_name": "orders of customers"}, True),
        ({"owner.name": "ada.l"}, True),
        ({"owner.name": "Ada Lovelace"}, False),
        ({"owner.display_name": ["Ada Lovelace"]}, True),
        ({"owner.display_name": "finance"}, True),
        ({"owner.display_name": "ada.l"}, False),
        ({"domain.fqn": 'Finance."Risk.EU"'}, True),
        ({"domain.fqn": "Finance"}, False),
        ({"domain.name": "Risk.EU"}, True),
        ({"domain.display_name": "risk in europe"}, True),
        ({"tags.without_tier": "Tier.Tier1"}, False),
        ({"tags.without_tier": "Business.Revenue"}, True),
        ({"tags.classification": "Ops.Daily"}, True),
        ({"tags.classification": "PII.Sensitive"}, False),
        ({"tags.classification": "Business.Revenue"}, False),
        ({"tags.glossary": "Business.Revenue"}, True),
        ({"tags.glossary": "Business.Contact"}, False),
        ({"tags.label_type": "derived"}, True),
        ({"tags.label_type": "Automated"}, False),
        ({"tier.label_type": "Manual"}, True),
        ({"columns.name": ["email"]}, True),
        ({"columns.name": "lat"}, False),
        ({"columns.description_status": "INCOMPLETE"}, True),
        ({"description.status": "COMPLETE"}, True),
        ({"catalog.entity_type": "table"}, True),
        ({"catalog.id": "t"}, True),
        ({"description": {"words": ["say todo", "none"]}}, True),
        ({"description": {"words": "todo mor"}}, False),
    ],
)
def test_a_clause_about_a_table(data: object, expected: bool) -> None:
    assert matches(parse_filter(data), ORDERS) is expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"description": "absent"}, True),
        ({"owner": {"exists": False}}, True),
        ({"table": "*"}, False),
        ({"table": {"exclude": "tmp_*"}}, True),
        ({"table_type": "*"}, False),
        ({"columns.description_status": "*"}, False),
        ({"description.status": "INCOMPLETE"}, True),
        ({"catalog.entity_type": "databaseSchema"}, True),
        ({"schema.display_name": "Sales & more"}, True),
        ({"table.display_name": "*"}, False),
        ({"entity_type": "schema"}, True),
        ({"tier": "*"}, False),
    ],
)
def test_a_clause_about_a_schema(data: object, expected: bool) -> None:
    assert matches(parse_filter(data), SALES) is expected


@pytest.mark.parametrize(
    ("data", "table", "email", "lat"),
    [
        # A filter that speaks of columns decides each by itself.
        ({"column": "email"}, False, True, False),
        ({"column": "lat"}, False, False, True),
        ({"column": "addr.*"}, False, False, True),
        ({"not": {"column": "email"}}, True, False, True),
        ({"any": [{"column": "email"}, {"table": "x"}]}, False, True, False),
        ({"any": [{"column": "email"}, {"entity_type": "table"}]}, True, True, False),
        ({"column": "*", "tags": "PII.*"}, False, True, False),
        ({"column": "*", "tags": "Ops.*"}, False, False, False),
        ({"column": "*", "glossary": "*"}, False, True, False),
        ({"column": "*", "description": "absent"}, False, False, True),
        ({"column": "*", "tier": "Tier1", "owner": "finance", "table": "orders"}, False, True, True),
        ({"column": "*", "name": "email", "fqn": "*.email"}, False, True, False),
        ({"entity_type": "column", "tags": "PII.*"}, False, True, False),
        ({"entity_type": ["table", "column"], "tags": "PII.*"}, True, True, False),
        ({"not": {"entity_type": "column"}}, True, False, False),
        # Any other puts a column where its table is.
        ({"entity_type": "table"}, True, True, True),
        ({"tags": "PII.*"}, True, True, True),
        ({"columns.name": "email"}, True, True, True),
        ({"name": "email"}, False, False, False),
        (None, True, True, True),
    ],
)
def test_columns(data: object, table: bool, email: bool, lat: bool) -> None:
    filter = parse_filter(data)
    found = (matches(filter, ORDERS), matches(filter, COLUMN, ORDERS), matches(filter, LAT, ORDERS))
    assert found == (table, email, lat)
    assert reaches(filter, ORDERS) is any(found)


def test_a_table_whose_columns_are_all_described() -> None:
    assert matches(parse_filter({"columns.description_status": "COMPLETE"}), replace(ORDERS, columns=(COLUMN,)))


@pytest.mark.parametrize(
    ("data", "possible"),
    [
        ({"service_type": "Postgres"}, True),
        ({"service_type": "Snowflake"}, False),
        ({"not": {"service_type": "Postgres"}}, False),
        ({"domain": "Finance", "service_type": "Snow*"}, False),
        ({"domain": "Finance"}, True),
        ({"not": {"owner": {"exists": True}}}, True),
        ({"extension.rows": {"less": 5}}, True),
        ({"column": "email"}, True),
        ({"description": "absent", "service": "x"}, False),
    ],
)
def test_what_is_not_known_before_reading_is_possible(data: object, possible: bool) -> None:
    assert could_match(parse_filter(data), "shop_pg", service_type="Postgres") is possible


def test_a_service_whose_type_is_not_known_may_be_of_any() -> None:
    assert could_match(parse_filter({"service_type": "Snowflake"}), "shop_pg")


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        ({"extension.": "x"}, ("extension.",), "unknown key; a clause looks at one of all, any, not"),
        ({"ownr": "x"}, ("ownr",), "unknown key; did you mean owner?"),
        (
            {"description": "presnt"},
            ("description",),
            "is present or absent; to look at the text write {contains: ...}",
        ),
        ({"schema": {}}, ("schema",), "says nothing; write a pattern, or a mapping with one of include, exclude"),
        ({"schema": {"any_case": True}}, ("schema",), "says nothing; write a pattern"),
        ({"schema": {"any_case": "yes", "glob": "x"}}, ("schema", "any_case"), "must be true or false"),
        ({"schema": {"includes": ["x"]}}, ("schema", "includes"), "unknown key; did you mean include?"),
        ({"schema": {"like": "x"}}, ("schema", "like"), "unknown key; it may be one of include, exclude, equals"),
        ({"schema": {"include": []}}, ("schema", "include"), "takes a pattern or a list of patterns, and at least one"),
        ({"schema": {"glob": []}}, ("schema", "glob"), "takes a value or a list of values, and at least one"),
        ({"schema": {"regex": "("}}, ("schema", "regex"), "is not a regular expression: missing ), unterminated"),
        ({"schema": [{"regex": "("}]}, ("schema", 0, "regex"), "is not a regular expression: missing )"),
        ({"schema": {"regex": ["x", "a)|(b"]}}, ("schema", "regex"), "is not a regular expression: unbalanced paren"),
        ({"schema": {"regex": "a{99999999999999999999}"}}, ("schema", "regex"), "is not a regular expression: the rep"),
        (
            {"schema": {"regex": "(?i)sales"}},
            ("schema", "regex"),
            "(?i) sets flags, which a filter does not take; leave it out, and where letter case does not count write"
            " any_case: true",
        ),
        (
            {"entity_type": "databaseSchema"},
            ("entity_type",),
            "'databaseSchema' is none of the words that can stand here: database, schema, table, column",
        ),
        ({"entity_type": ["table", "colums"]}, ("entity_type",), "'colums' is none of the words"),
        ({"not": {"entity_type": "tables"}}, ("not", "entity_type"), "'tables' is none of the words"),
        ({"entity_type": {"equals": "view"}}, ("entity_type", "equals"), "'view' is none of the words"),
        ({"entity_type": {"regex": ["t.*", "v.*"]}}, ("entity_type", "regex"), "'v.*' is none of the words"),
        ({"schema": [{"glob": "x"}]}, ("schema", 0), "a pattern is text, or {regex: ...}"),
        ({"schema": {"exists": "yes"}}, ("schema", "exists"), "must be true or false"),
        ({"schema": {"equals": [None]}}, ("schema", "equals"), "takes text, a number or a date"),
        ({"schema": {"contains": 5}}, ("schema", "contains"), "a pattern is text that is not empty; put it in quotes"),
        (
            {"extension.rows": {"greater": "many"}},
            ("extension.rows", "greater"),
            "'many' is neither a number nor a date",
        ),
        ({"extension.rows": {"greater": [5]}}, ("extension.rows", "greater"), "takes text, a number or a date"),
        ({"extension.rows": {"less": True}}, ("extension.rows", "less"), "True is neither a number nor a date"),
        (
            {"extension.rows": {"between": 5}},
            ("extension.rows", "between"),
            "takes a list of two values, the lowest and",
        ),
        (
            {"extension.rows": {"between": [1, "x"]}},
            ("extension.rows", "between"),
            "'x' is neither a number nor a date",
        ),
    ],
)
def test_a_mistake_names_its_clause(data: object, place: tuple[str | int, ...], message: str) -> None:
    with pytest.raises(FilterError) as raised:
        parse_filter({"all": [{"service": "x"}, data]})
    ((where, told),) = raised.value.located
    assert where == ("all", 1, *place)
    assert told.startswith(message)


PATTERNS = st.sampled_from(["a", "A*", "?", "x.y"])
DETAILS = (
    PATTERNS
    | st.lists(PATTERNS | st.fixed_dictionaries({"regex": st.just("a|b")}), min_size=1, max_size=2)
    | st.fixed_dictionaries({"glob": PATTERNS, "any_case": st.booleans()})
    | st.fixed_dictionaries({"regex": st.just("a+"), "any_case": st.booleans()})
    | st.fixed_dictionaries({"include": st.lists(PATTERNS, min_size=1), "exclude": PATTERNS})
    | st.fixed_dictionaries({"equals": PATTERNS | st.integers(0, 2), "contains": PATTERNS})
    | st.fixed_dictionaries({"exists": st.booleans()})
    | st.fixed_dictionaries({"greater": st.integers(0, 5), "at_most": st.sampled_from([2.5, "2026-01-31"])})
    | st.fixed_dictionaries({"between": st.just([1, 2])})
)
CLAUSES = st.dictionaries(
    st.sampled_from([name for name, field in FIELDS.items() if name != "description" and not field.words])
    | st.just("extension.a"),
    DETAILS,
    min_size=1,
)


@given(
    CLAUSES | st.fixed_dictionaries({"not": CLAUSES}) | st.fixed_dictionaries({"any": st.lists(CLAUSES, min_size=1)})
)
def test_every_clause_survives_a_trip_through_json(data: dict[str, Any]) -> None:
    filter = parse_filter(data)
    assert parse_filter(filter.to_json()) == filter
    normal = filter.normal()
    assert normal.normal() == normal
    assert filter_hash(parse_filter(normal.to_json())) == filter_hash(filter)
    for subject in (ORDERS, SALES):
        assert matches(normal, subject) is matches(filter, subject)


def test_letter_case_is_no_difference_where_it_does_not_count() -> None:
    assert filter_hash(parse_filter({"owner": "ADA"})) == filter_hash(parse_filter({"owner": ["ada", "Ada"]}))
    assert filter_hash(parse_filter({"schema": "ADA"})) != filter_hash(parse_filter({"schema": "ada"}))


def test_what_the_catalog_is_asked_for() -> None:
    plain = parse_filter({"schema": "x", "tags": "y", "any": [{"owner": "z"}, {"description": "absent"}]})
    rich = parse_filter({"not": {"any": [{"domain.display_name": "x"}, {"extension.rows": 5}]}})
    assert catalog_fields([plain]) == []
    assert catalog_fields([plain, rich]) == ["domains", "extension"]
    assert catalog_fields([parse_filter({"certification": "Gold"})]) == ["certification"]


def test_names_of_the_estate_are_as_the_rows_assume() -> None:
    assert [fqns.join((each.service, *each.path)) for each in (ORDERS, COLUMN, LAT)] == [
        ORDERS.fqn,
        COLUMN.fqn,
        LAT.fqn,
    ]
