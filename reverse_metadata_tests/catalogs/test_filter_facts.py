"""What filters ask of an entity, as each catalog and each generation of the server says it."""

import json
from pathlib import Path
from typing import Any

import pytest

from reverse_metadata.catalogs.entities import MalformedEntity, entity_from_json
from reverse_metadata.catalogs.filter import catalog_fields, matches, parse_filter
from reverse_metadata.catalogs.folder import FolderCatalog
from reverse_metadata.catalogs.openmetadata import OpenMetadataCatalog
from reverse_metadata.errors import CatalogError, CatalogRejected
from reverse_metadata.model import Domain, Entity, Partition
from reverse_metadata_tests.openmetadata_server import OpenMetadataServer

SCHEMA = "shop_pg.shop.sales"
ORDERS = f"{SCHEMA}.orders"
ITEMS = f"{SCHEMA}.items"
FILTER = {"domain": "Finance", "extension.rows": {"greater": 5}, "certification": "Gold"}


def fill(server: OpenMetadataServer) -> None:
    estate = server.estate
    estate.domain_names["Finance.Risk"] = "Risk in Europe"
    estate.service("shop_pg")
    estate.database("shop_pg.shop", displayName="Shop DB")
    estate.schema(SCHEMA, domains=["Finance.Risk"], extension={"rows": 7})
    values: dict[str, Any] = {"certification": "Certification.Gold", "extension": {"rows": 6}, "tableType": "View"}
    estate.table(ORDERS, displayName="Orders", domains=["Finance"], **values)
    estate.table(ITEMS, [{"name": "id", "displayName": "Number"}], **values)


def read(server: OpenMetadataServer, *fields: str) -> dict[str, Entity]:
    with OpenMetadataCatalog(server.url, server.bot_token, fields=fields) as catalog:
        found = [*catalog.tables(Partition.parse(SCHEMA)), catalog.entity(SCHEMA), catalog.entity("shop_pg.shop")]
    return {entity.fqn: entity for entity in found if entity is not None}


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        # Before 1.9 both names are refused, one a request; a certification comes with the tags then.
        (
            "domain",
            [
                "owners,tags,columns,domains,extension,certification",
                "owners,tags,columns,domains,extension",
                "owners,tags,columns,domain,extension",
                "owners,tags,domain,extension",
                "owners,tags,domain,extension",
            ],
        ),
        (
            "domains",
            [
                "owners,tags,columns,domains,extension,certification",
                "owners,tags,domains,extension,certification",
                "owners,tags,domains,extension,certification",
            ],
        ),
    ],
)
def test_both_generations_of_the_server(name: str, asked: list[str]) -> None:
    with OpenMetadataServer() as server:
        server.domain_field = name
        fill(server)
        found = read(server, *catalog_fields([parse_filter(FILTER)]))
    assert [query["fields"] for _, query in server.requests] == asked
    assert found[ORDERS].domains == (Domain("Finance", "Finance"),)
    assert found[ITEMS].domains == (Domain("Finance.Risk", "Risk in Europe"),)
    assert found["shop_pg.shop"].domains == ()
    assert found[SCHEMA].extension == {"rows": 7}
    assert (found[ORDERS].certification, found[SCHEMA].certification) == ("Certification.Gold", "")
    assert (found[ORDERS].display_name, found[ITEMS].display_name) == ("Orders", "")
    assert (found[ORDERS].service_type, found[ORDERS].table_type) == ("Postgres", "View")
    assert found[ORDERS].parent_names == ("shop_pg", "Shop DB", "sales")
    assert found["shop_pg.shop"].parent_names == ("shop_pg",)
    assert found[ITEMS].columns[0].display_name == "Number"
    assert all(matches(parse_filter(FILTER), found[table]) for table in (ORDERS, ITEMS))
    assert not matches(parse_filter(FILTER), found[SCHEMA])


def test_a_server_is_asked_for_nothing_that_no_filter_needs() -> None:
    with OpenMetadataServer() as server:
        fill(server)
        found = read(server)
    assert {query["fields"] for _, query in server.requests} == {"owners,tags,columns", "owners,tags"}
    assert (found[ORDERS].domains, found[ORDERS].extension) == ((), {})


def test_a_field_that_a_server_does_not_know_at_all_is_an_error() -> None:
    with OpenMetadataServer() as server:
        fill(server)
        with pytest.raises(CatalogRejected, match="Invalid field name nonsense"):
            read(server, "nonsense")


def test_a_folder_says_the_same(tmp_path: Path) -> None:
    documents = [
        {"name": "shop_pg", "serviceType": "Postgres", "displayName": "Main shop"},
        {"fullyQualifiedName": "shop_pg.shop", "displayName": "Shop DB"},
        {"name": "ada", "type": "user", "displayName": "Ada L"},
        {
            "fullyQualifiedName": ORDERS,
            "displayName": "Orders",
            "tableType": "View",
            "owners": [{"type": "user", "name": "ada"}, {"type": "team", "name": "x", "displayName": "Team X"}],
            "domains": ["Finance.Risk", {"fullyQualifiedName": "Sales", "displayName": "Selling"}],
            "certification": "Certification.Gold",
            "extension": {"rows": 6},
        },
        {"fullyQualifiedName": "gone.shop.s.t", "deleted": True, "domain": {"name": "a.b"}},
    ]
    (tmp_path / "all.json").write_text(json.dumps(documents))
    catalog = FolderCatalog(tmp_path, service_types={"gone": "Mysql"})
    orders, sales, gone = catalog.entity(ORDERS), catalog.entity(SCHEMA), catalog.entity("gone.shop.s.t")
    assert orders is not None
    assert sales is not None
    assert gone is not None
    assert orders.domains == (Domain("Finance.Risk"), Domain("Sales", "Selling"))
    assert (orders.display_name, orders.table_type, orders.certification) == ("Orders", "View", "Certification.Gold")
    assert [owner.display_name for owner in orders.owners] == ["Ada L", "Team X"]
    assert (orders.parent_names, sales.parent_names) == (("Main shop", "Shop DB", ""), ("Main shop", "Shop DB"))
    assert (orders.service_type, sales.service_type, gone.service_type) == ("Postgres", "Postgres", "Mysql")
    assert gone.domains == (Domain('"a.b"'),)
    assert matches(parse_filter(FILTER), orders)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"domains": "Finance"}, "domains: must be a list, not text"),
        ({"domains": [5]}, "domains[0]: must be a mapping, not a whole number"),
        ({"domains": ["Finance..Risk"]}, "domains[0]: 'Finance..Risk': part 2 is empty"),
        ({"domain": {"fullyQualifiedName": 5}}, "domain.fullyQualifiedName: must be text, not a whole number"),
        ({"extension": ["x"]}, "extension: must be a mapping, not a list"),
        ({"certification": {"tagLabel": "Gold"}}, "certification.tagLabel: must be a mapping, not text"),
        ({"displayName": []}, "displayName: must be text, not a list"),
    ],
)
def test_what_has_not_the_shape_is_told(values: dict[str, Any], message: str) -> None:
    with pytest.raises(MalformedEntity) as raised:
        entity_from_json({"fullyQualifiedName": ORDERS, **values})
    assert str(raised.value).startswith(message)


def test_an_earlier_version_may_name_nothing() -> None:
    entity = entity_from_json({"fullyQualifiedName": ORDERS, "domain": {"id": "1", "type": "domain"}, "service": "x"})
    assert (entity.domains, entity.parent_names) == ((), ("", "", ""))


def test_a_folder_with_a_wrong_domain_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "orders.yaml").write_text(f"fullyQualifiedName: {ORDERS}\ndomains: [a.]\n")
    with pytest.raises(CatalogError, match=r"orders\.yaml:2: domains\[0\]: 'a\.': part 2 is empty"):
        FolderCatalog(tmp_path).entity(ORDERS)
