"""The examples of docs/filters.md that were pasted from the query builder, over the estate of the filter tests."""

import pytest
import yaml

from reverse_metadata.catalogs.filter import matches, parse_filter
from reverse_metadata.catalogs.filter.indexed import FIELDS
from reverse_metadata.catalogs.filter.query import CLAUSES
from reverse_metadata.catalogs.filter.typed import NUMBER_PARTS, TEXT_PARTS
from reverse_metadata_tests.catalogs.filter_estate import entities
from reverse_metadata_tests.docs_page import examples, text

SECTION = text("filters").partition("## The query builder's JSON")[2]
PASTED = [example for example in examples("filters") if example in SECTION]
EXPECTED = ["shop_pg.shop.sales.Orders", "shop_pg.shop.sales.Orders shop_pg.shop.sales.daily_revenue"]


@pytest.mark.parametrize(("example", "expected"), list(zip(PASTED, EXPECTED, strict=True)))
def test_an_example_chooses(example: str, expected: str) -> None:
    filter = parse_filter(yaml.safe_load(example)["filter"])
    assert " ".join(entity.fqn for entity in entities() if matches(filter, entity)) == expected


def test_every_clause_and_field_is_on_the_page() -> None:
    parts = [part for part in (*TEXT_PARTS, *NUMBER_PARTS) if part != "name"]
    names = [name for name in FIELDS if not name.startswith(("owner.", "domain."))]
    assert [name for name in (*CLAUSES, *names, *parts) if f"`{name}`" not in SECTION] == []
