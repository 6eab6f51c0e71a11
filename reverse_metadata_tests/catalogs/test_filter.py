from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_metadata import fqn as fqns
from reverse_metadata.catalogs.filter import EVERYTHING, FilterError, could_match, filter_hash, matches, parse_filter
from reverse_metadata.model import Entity, EntityType, Path, Tag


def entity(
    *path: str, service: str = "shop_pg", tags: tuple[Tag, ...] = (), columns: tuple[Entity, ...] = ()
) -> Entity:
    return Entity(fqns.join((service, *path)), EntityType.of(path), "id", service, path, tags=tags, columns=columns)


EMAIL = entity("shop", "sales", "orders", "email", tags=(Tag("PII.Sensitive"),))
ORDERS = entity("shop", "sales", "orders", columns=(entity("shop", "sales", "orders", "id"), EMAIL))
TMP = entity("shop", "sales", "tmp_1")
SALES = entity("shop", "sales")
SHOP = entity("shop")


CLAUSES = (
    "all, any, not, service, service_type, database, schema, table, column, entity_type, table_type, owner, domain,"
    " tags, tier, glossary, certification, description, updated_by, updated_at, fqn, name, display_name, deleted,"
    " extension.<property>"
)


def holds(data: object, subject: Entity, table: Entity | None = None) -> bool:
    return matches(parse_filter(data), subject, table)


@pytest.mark.parametrize(
    ("data", "orders", "sales", "shop"),
    [
        (None, True, True, True),
        ({"service": "shop_pg"}, True, True, True),
        ({"service": "shop_*"}, True, True, True),
        ({"service": "other"}, False, False, False),
        ({"database": "shop"}, True, True, True),
        ({"schema": "sales"}, True, True, False),
        ({"schema": "Sales"}, False, False, False),
        ({"schema": ["archive", "s?les"]}, True, True, False),
        ({"table": "ord*"}, True, False, False),
        ({"not": {"table": "tmp_*"}}, True, True, True),
        ({"not": {"schema": "archive"}}, True, True, True),
        ({"tags": "PII.*"}, True, False, False),
        ({"tags": "pii.sensitive"}, True, False, False),
        ({"not": {"tags": "PII.*"}}, False, True, True),
        ({"service": "shop_pg", "schema": "sales"}, True, True, False),
        ({"service": "shop_pg", "schema": "archive"}, False, False, False),
        ({"all": [{"schema": "sales"}, {"not": {"table": "tmp_*"}}]}, True, True, False),
        ({"any": [{"schema": "archive"}, {"tags": ["PII.None", "PII.Sens*"]}]}, True, False, False),
    ],
)
def test_a_table_its_schema_and_its_database(data: object, orders: bool, sales: bool, shop: bool) -> None:
    assert (holds(data, ORDERS), holds(data, SALES), holds(data, SHOP)) == (orders, sales, shop)


def test_a_column_is_in_scope_when_its_table_is() -> None:
    plain = ORDERS.columns[0]
    assert holds({"tags": "PII.*"}, plain, ORDERS)
    assert holds({"table": "orders"}, plain, ORDERS)
    assert not holds({"not": {"tags": "PII.*"}}, plain, ORDERS)


def test_a_nested_column_brings_its_table_into_scope() -> None:
    inner = entity("d", "s", "t", "a", "b", tags=(Tag("PII.Sensitive"),))
    outer = entity("d", "s", "t", "a", columns=(inner,))
    assert holds({"tags": "PII.Sensitive"}, entity("d", "s", "t", columns=(outer,)))


def test_a_schema_is_in_scope_of_a_tag_that_it_carries_itself() -> None:
    assert holds({"tags": "Domain.*"}, entity("shop", "sales", tags=(Tag("Domain.Sales"),)))


def test_a_suggested_tag_does_not_count() -> None:
    table = entity("shop", "sales", "t", tags=(Tag("PII.Sensitive", state="Suggested"),))
    assert not holds({"tags": "PII.*"}, table)


def test_names_with_glob_characters_are_matched_in_brackets() -> None:
    table = entity("shop", "sales", "a[1]*")
    assert holds({"table": "a[[]1][*]"}, table)
    assert not holds({"table": "a[1]*"}, entity("shop", "sales", "b"))


@pytest.mark.parametrize(
    ("data", "service", "path", "possible"),
    [
        (None, "shop_pg", (), True),
        ({"service": "shop_pg"}, "shop_pg", (), True),
        ({"service": "shop_pg"}, "other", (), False),
        ({"schema": "sales"}, "shop_pg", ("shop",), True),
        ({"schema": "sales"}, "shop_pg", ("shop", "sales"), True),
        ({"schema": "sales"}, "shop_pg", ("shop", "archive"), False),
        ({"not": {"schema": "archive"}}, "shop_pg", ("shop", "archive"), False),
        ({"not": {"schema": "archive"}}, "shop_pg", ("shop",), True),
        ({"table": "x"}, "shop_pg", ("shop", "sales"), True),
        ({"not": {"table": "x"}}, "shop_pg", ("shop", "sales"), True),
        ({"tags": "PII.*"}, "shop_pg", ("shop", "sales"), True),
        ({"all": [{"tags": "PII.*"}, {"database": "crm"}]}, "shop_pg", ("shop",), False),
        ({"any": [{"tags": "PII.*"}, {"database": "crm"}]}, "shop_pg", ("shop",), True),
    ],
)
def test_pruning(data: object, service: str, path: Path, possible: bool) -> None:
    assert could_match(parse_filter(data), service, path) is possible


def test_every_mistake_is_told_with_its_place() -> None:
    with pytest.raises(FilterError) as raised:
        parse_filter(
            {
                "all": [
                    {"servce": "x"},
                    {"colour": "red"},
                    {"any": []},
                    {"not": [{"table": "x"}]},
                    {"table": 5},
                    {"tags": ["PII.*", ""]},
                    {"schema": []},
                    "shop_pg",
                    {},
                ]
            }
        )
    assert raised.value.located == [
        (("all", 0, "servce"), "unknown key; did you mean service?"),
        (("all", 1, "colour"), f"unknown key; a clause looks at one of {CLAUSES}"),
        (("all", 2, "any"), "takes a list of clauses, and at least one"),
        (("all", 3, "not"), "takes one clause; for a list write not: {any: [...]}"),
        (("all", 4, "table"), "a pattern is text that is not empty; put it in quotes"),
        (("all", 5, "tags", 1), "a pattern is text that is not empty; put it in quotes"),
        (("all", 6, "schema"), "takes a pattern or a list of patterns, and at least one"),
        (("all", 7), f"a clause is a mapping with one of {CLAUSES}"),
        (("all", 8), f"a clause is a mapping with one of {CLAUSES}"),
    ]
    assert raised.value.mistakes[0] == "all[0].servce: unknown key; did you mean service?"


GLOBS = st.sampled_from(["a", "b", "a*", "*", "?", "PII.*", "x"])
LEAVES = st.dictionaries(
    st.sampled_from(["service", "database", "schema", "table", "tags"]),
    GLOBS | st.lists(GLOBS, min_size=1, max_size=3),
    min_size=1,
    max_size=2,
)
FILTERS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    LEAVES,
    lambda inner: (
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)})
        | st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)})
        | st.fixed_dictionaries({"not": inner})
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(["a", "b", "ab", "x"])
ENTITIES = st.builds(
    lambda service, path, tags: entity(*path, service=service, tags=tuple(map(Tag, tags))),
    NAMES,
    st.lists(NAMES, min_size=1, max_size=3),
    st.lists(st.sampled_from(["PII.a", "x"]), max_size=2),
)


@given(FILTERS, ENTITIES)
def test_pruning_never_loses_an_entity(data: dict[str, Any], subject: Entity) -> None:
    filter = parse_filter(data)
    if matches(filter, subject):
        assert all(could_match(filter, subject.service, subject.path[:length]) for length in range(4))


@given(FILTERS)
def test_a_filter_survives_a_trip_through_json(data: dict[str, Any]) -> None:
    filter = parse_filter(data)
    assert parse_filter(filter.to_json()) == filter


@given(FILTERS, ENTITIES)
def test_equal_hashes_decide_alike(data: dict[str, Any], subject: Entity) -> None:
    rewritten = {"not": {"not": {"all": [{"any": [data, data]}]}}}
    assert filter_hash(parse_filter(rewritten)) == filter_hash(parse_filter(data))
    assert holds(rewritten, subject) == holds(data, subject)


def test_the_hash_is_stable_and_tells_filters_apart() -> None:
    one = parse_filter({"all": [{"schema": ["a", "b"]}, {"all": [{"tags": "PII.*"}]}]})
    other = parse_filter({"tags": ["pii.*"], "schema": ["b", "a", "a"]})
    assert filter_hash(one) == filter_hash(other)
    hashes = {filter_hash(parse_filter(data)) for data in (None, {"schema": "a"}, {"table": "a"}, {"schema": "A"})}
    assert len(hashes) == 4
    # What stands in ledgers must mean the same after an upgrade.
    assert filter_hash(EVERYTHING) == "a4700bc963176733"
