"""Every example of docs/filters.md, over a small estate."""

from collections.abc import Iterator

import pytest
import yaml

from reverse_metadata import fqn as fqns
from reverse_metadata.catalogs.filter import matches, parse_filter, reaches
from reverse_metadata.catalogs.filter.facts import FIELDS
from reverse_metadata.model import Domain, Entity, EntityType, Owner, Tag
from reverse_metadata_tests.docs_page import examples, text

ADA = Owner("1", "user", "ada", "Ada L")
PLATFORM = Owner("2", "team", "platform", "Data Platform")


def entity(name: str, *columns: Entity, **values: object) -> Entity:
    service, *path = fqns.split(name)
    return Entity(name, EntityType.of(tuple(path)), "", service, tuple(path), columns=columns, **values)  # type: ignore[arg-type]


def tagged(name: str, *tags: str) -> Entity:
    return entity(name, tags=tuple(map(Tag, tags)))


ESTATE = [
    entity("shop_pg.shop", description="The shop"),
    entity("shop_pg.shop.sales", description="Sales", owners=(ADA,)),
    entity(
        "shop_pg.shop.sales.orders",
        tagged("shop_pg.shop.sales.orders.email", "pii.sensitive"),
        tagged("shop_pg.shop.sales.orders.id", "PII.None"),
        tagged("shop_pg.shop.sales.orders.bill_email"),
        description="Deprecated: see facts",
        owners=(ADA,),
        domains=(Domain("Finance.Risk"),),
        tags=(Tag("Tier.Tier1"), Tag("Business.Revenue", source="Glossary")),
        extension={
            "costCenter": "CC-1",
            "steward": {"id": "1", "type": "user", "name": "ada"},
            "quality": ["low", "high"],
            "rows": 5000,
            "reviewed": "2026-02-01",
            "retentionDays": 30,
        },
    ),
    entity("shop_pg.shop.sales.tmp_1", description="x", certification="Certification.Gold"),
    entity("shop_pg.shop.crm_eu", description="x"),
    entity("shop_pg.shop.crm_eu.fact_2026"),
    entity("shop_pg.shop.crm_eu.fact_x", description="x", domains=(Domain("Financeless"),)),
    entity("shop_pg.shop.sales_archive", description="x"),
    entity("shop_pg.shop.sales_archive.dim_1", description="x"),
    entity("other_pg.shop.sales.orders", description="x"),
]

#: What is in scope of each example, in the order of the page.
EXPECTED = [
    "sales sales.orders sales_archive sales_archive.dim_1",
    "sales.orders crm_eu.fact_2026 sales_archive.dim_1 other:sales.orders",
    "sales sales.orders crm_eu crm_eu.fact_2026 crm_eu.fact_x other:sales.orders",
    "sales.orders",
    "sales.orders",
    "sales.orders sales.tmp_1 crm_eu.fact_2026",
    "sales.orders",
    "sales.orders",
    "sales.orders.email",
    "sales.orders sales.orders.email sales.orders.id",
]


@pytest.mark.parametrize(("example", "expected"), list(zip(examples("filters"), EXPECTED, strict=False)))
def test_an_example_chooses(example: str, expected: str) -> None:
    filter = parse_filter(yaml.safe_load(example)["filter"])

    def found() -> Iterator[str]:
        for top in ESTATE:
            parts = list(top.walk()) if filter.speaks_of_columns else [top]
            chosen = [part for part in parts if matches(filter, part, top)]
            assert reaches(filter, top) is bool(chosen)
            for part in chosen:
                yield part.fqn.replace("shop_pg.shop.", "").replace("other_pg.shop.", "other:")

    assert " ".join(found()) == expected


def test_no_example_is_left_out() -> None:
    assert text("filters").partition("## The query builder's JSON")[0].count("```yaml") == len(EXPECTED)


def test_every_field_that_people_are_told_about_is_on_the_page() -> None:
    missing = [name for name in FIELDS if "." not in name and f"`{name}`" not in text("filters")]
    assert missing == []
