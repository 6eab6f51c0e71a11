"""Reading entities, lists and versions from a server that behaves as the recorded ones."""

import weakref
from collections.abc import Iterator

import pytest

from reverse_metadata.catalogs.openmetadata import OpenMetadataCatalog
from reverse_metadata.catalogs.openmetadata.client import Client
from reverse_metadata.errors import CatalogRejected, FqnError, IncompleteListing
from reverse_metadata.model import EntityType, Partition, Tag
from reverse_metadata_tests.openmetadata_estate import fill_with_a_shop
from reverse_metadata_tests.openmetadata_server import OpenMetadataServer

PUBLIC = Partition("shop_pg", "shop", "public")
ORDERS = "shop_pg.shop.public.orders"


@pytest.fixture
def server() -> Iterator[OpenMetadataServer]:
    with OpenMetadataServer() as server:
        fill_with_a_shop(server.estate)
        yield server


@pytest.fixture
def catalog(server: OpenMetadataServer) -> Iterator[OpenMetadataCatalog]:
    with OpenMetadataCatalog(server.url, server.bot_token, pause=lambda _: None) as catalog:
        yield catalog


def test_a_table_is_read_with_everything_that_is_pushed(
    server: OpenMetadataServer, catalog: OpenMetadataCatalog
) -> None:
    table = catalog.entity(ORDERS)
    assert table is not None
    assert (table.fqn, table.type, table.service, table.path) == (
        ORDERS,
        EntityType.TABLE,
        "shop_pg",
        ("shop", "public", "orders"),
    )
    assert (table.description, table.version, table.updated_by, table.deleted) == (
        "One row an order",
        "0.1",
        "admin",
        False,
    )
    assert table.id == server.estate.id(ORDERS)
    assert table.updated_at == server.estate.entities[table.id]["updatedAt"]
    assert [(owner.name, owner.type, owner.display_name, owner.inherited) for owner in table.owners] == [
        ("ada", "user", "Ada L", False)
    ]
    assert table.tags == (Tag("Tier.Tier1"),)
    assert table.url == f"{server.url}/table/shop_pg.shop.public.orders"


def test_columns_are_read_with_their_nested_ones_and_their_tags(catalog: OpenMetadataCatalog) -> None:
    table = catalog.entity(ORDERS)
    assert table is not None
    columns = {entity.path[3:]: entity for entity in table.walk() if entity.type is EntityType.COLUMN}
    assert list(columns) == [
        ("id",),
        ("email",),
        ("addr",),
        ("addr", "geo"),
        ("addr", "geo", "lat"),
        ("addr", "geo", "lon"),
    ]
    assert columns["addr", "geo", "lat"].description == "Latitude"
    assert columns["addr", "geo", "lat"].fqn == f"{ORDERS}.addr.geo.lat"
    assert columns["email",].tags == (Tag("PII.Sensitive"),)
    assert columns["id",].description is None


def test_a_database_and_a_schema_are_read_by_name(server: OpenMetadataServer, catalog: OpenMetadataCatalog) -> None:
    database, schema = catalog.entity("shop_pg.shop"), catalog.entity("shop_pg.shop.public")
    assert database is not None
    assert schema is not None
    assert (database.type, database.description, database.url) == (
        EntityType.DATABASE,
        "The shop",
        f"{server.url}/database/shop_pg.shop",
    )
    assert (schema.type, schema.description, schema.url) == (
        EntityType.SCHEMA,
        "What customers buy",
        f"{server.url}/databaseSchema/shop_pg.shop.public",
    )
    assert [owner.type for owner in schema.owners] == ["team"]


def test_an_inherited_owner_is_marked_and_becomes_its_own_by_any_edit(
    server: OpenMetadataServer, catalog: OpenMetadataCatalog
) -> None:
    items = "shop_pg.shop.public.items"
    before = catalog.entity(items)
    server.estate.describe(items, "What can be ordered")
    after = catalog.entity(items)
    assert before is not None
    assert after is not None
    assert [(owner.name, owner.inherited) for owner in before.owners] == [("finance", True)]
    assert [(owner.name, owner.inherited) for owner in after.owners] == [("finance", False)]


@pytest.mark.parametrize(
    "name",
    [
        "v1.events",
        "Order Items",
        "slash/inside",
        "%41 percent",
        "what?",
        "#hash",
        "a&b=c",
        "plus+sign",
        "[brackets]",
        "表_таблица_naïve",
        "..",
        "say __reserved__quote__hi__reserved__quote__",
        "back\\slash",
        "it's",
        "a%2Fb",
        "😀",
    ],
)
def test_an_entity_is_found_whatever_characters_its_name_has(
    server: OpenMetadataServer, catalog: OpenMetadataCatalog, name: str
) -> None:
    fqn = f'shop_pg.shop.public."{name}"' if "." in name else f"shop_pg.shop.public.{name}"
    server.estate.table(fqn, description="odd")
    table = catalog.entity(fqn)
    assert table is not None
    assert table.fqn == fqn
    assert table.path[2] == name.replace("__reserved__quote__", '"')
    assert table in list(catalog.tables(PUBLIC))


@pytest.mark.parametrize("missing", ["shop_pg.shop.public.nope", "shop_pg.nope", f"shop_pg.{'n' * 400}.public"])
def test_an_entity_that_the_catalog_does_not_know_is_none(catalog: OpenMetadataCatalog, missing: str) -> None:
    assert catalog.entity(missing) is None


def test_a_soft_deleted_entity_is_found_and_marked_and_a_hard_deleted_one_is_none(
    server: OpenMetadataServer, catalog: OpenMetadataCatalog
) -> None:
    server.estate.delete(ORDERS)
    table = catalog.entity(ORDERS)
    assert table is not None
    assert table.deleted
    assert [each.fqn for each in catalog.tables(PUBLIC)] == ["shop_pg.shop.public.items"]
    server.estate.delete(ORDERS, hard=True)
    assert catalog.entity(ORDERS) is None


@pytest.mark.parametrize("fqn", ["shop_pg", f"{ORDERS}.id"])
def test_only_databases_schemas_and_tables_can_be_asked_for(catalog: OpenMetadataCatalog, fqn: str) -> None:
    with pytest.raises(FqnError, match="a database has 2, a schema 3 and a table 4"):
        catalog.entity(fqn)


def test_an_entity_that_cannot_be_read_is_named(server: OpenMetadataServer, catalog: OpenMetadataCatalog) -> None:
    server.estate.entities[server.estate.id(ORDERS)]["columns"][1]["description"] = 5
    with pytest.raises(CatalogRejected, match=r"sent shop_pg\.shop\.public\.orders, .* columns\[1\]\.description"):
        catalog.entity(ORDERS)


# Lists


def test_the_tables_of_a_schema_come_in_pages(server: OpenMetadataServer, catalog: OpenMetadataCatalog) -> None:
    for number in range(250):
        server.estate.table(f"shop_pg.shop.empty.t{number:03}")
    server.estate.table("shop_pg.shop.public.not_this_one")
    server.requests.clear()
    tables = [table.path[2] for table in catalog.tables(Partition("shop_pg", "shop", "empty"))]
    assert tables == [f"t{number:03}" for number in range(250)]
    assert [path for path, _ in server.requests] == ["tables"] * 3
    assert {query["fields"] for _, query in server.requests} == {"owners,tags,columns"}


def test_a_page_is_asked_for_only_when_the_one_before_was_used(
    server: OpenMetadataServer, catalog: OpenMetadataCatalog
) -> None:
    for number in range(250):
        server.estate.table(f"shop_pg.shop.empty.t{number:03}")
    server.requests.clear()
    tables = catalog.tables(Partition("shop_pg", "shop", "empty"))
    next(tables)
    assert len(server.requests) == 1


def test_a_page_is_given_up_before_the_next_one_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    class Items(list[dict[str, str]]):
        """A list that can be referred to weakly."""

    pages: list[weakref.ref[Items]] = []
    alive: list[int] = []

    def read(client: Client, path: str, params: dict[str, str], consume: object) -> dict[str, object]:
        alive.append(sum(page() is not None for page in pages))
        items = Items({"id": f"{len(pages)}-{n}", "name": "s", "serviceType": "Postgres"} for n in range(3))
        pages.append(weakref.ref(items))
        after = {"after": str(len(pages))} if len(pages) < 4 else {}
        return {"data": items, "paging": {"total": 12, **after}}

    monkeypatch.setattr(Client, "read", read)
    with OpenMetadataCatalog("http://localhost", "t") as catalog:
        assert len(catalog.services()) == 12
    assert alive == [0, 0, 0, 0]


def test_a_database_partition_and_an_unknown_schema_have_no_tables(
    server: OpenMetadataServer, catalog: OpenMetadataCatalog
) -> None:
    assert list(catalog.tables(Partition("shop_pg", "shop", None))) == []
    assert server.requests == []
    assert list(catalog.tables(Partition("shop_pg", "shop", "nope"))) == []


def test_a_listing_with_gaps_is_an_error(server: OpenMetadataServer, catalog: OpenMetadataCatalog) -> None:
    server.hidden = {ORDERS}
    with pytest.raises(IncompleteListing, match="listed 1 of 2 tables, twice"):
        list(catalog.tables(PUBLIC))


def test_a_table_created_behind_the_cursor_is_met_in_a_second_reading(
    server: OpenMetadataServer, catalog: OpenMetadataCatalog
) -> None:
    empty = Partition("shop_pg", "shop", "empty")
    for number in range(150):
        server.estate.table(f"shop_pg.shop.empty.t{number:03}")

    def edit(path: str) -> None:
        if len(server.requests) == 2:
            server.estate.table("shop_pg.shop.empty.a_new_one")

    server.requests.clear()
    server.before = edit
    names = [table.path[2] for table in catalog.tables(empty)]
    assert names == [*(f"t{number:03}" for number in range(150)), "a_new_one"]


def test_a_table_deleted_while_the_list_is_read_is_no_error(
    server: OpenMetadataServer, catalog: OpenMetadataCatalog
) -> None:
    empty = Partition("shop_pg", "shop", "empty")
    for number in range(150):
        server.estate.table(f"shop_pg.shop.empty.t{number:03}")

    def edit(path: str) -> None:
        if len(server.requests) == 2:
            server.estate.delete("shop_pg.shop.empty.t000")

    server.requests.clear()
    server.before = edit
    assert len(list(catalog.tables(empty))) == 150


def test_partitions_are_the_databases_and_schemas_of_one_service_sorted_by_key(
    server: OpenMetadataServer, catalog: OpenMetadataCatalog
) -> None:
    estate = server.estate
    estate.schema('shop_pg.shop."Weird Schema.v1"')
    estate.schema("shop_pg.shop.dropped")
    estate.delete("shop_pg.shop.dropped")
    estate.service("my.svc")
    estate.database('"my.svc".db')
    estate.schema('"my.svc".db.s')
    assert [partition.key for partition in catalog.partitions("shop_pg")] == [
        "shop_pg.shop",
        'shop_pg.shop."Weird Schema.v1"',
        "shop_pg.shop.empty",
        "shop_pg.shop.public",
    ]
    assert list(catalog.partitions("my.svc")) == [Partition("my.svc", "db", None), Partition("my.svc", "db", "s")]
    assert list(catalog.partitions("nope")) == []


def test_what_a_server_lists_beyond_the_question_is_left_out(
    server: OpenMetadataServer, catalog: OpenMetadataCatalog
) -> None:
    server.estate.service("other")
    server.estate.database("other.db")
    server.estate.table("shop_pg.shop.empty.t")
    server.ignore_parents = True
    assert [table.fqn for table in catalog.tables(PUBLIC)] == ["shop_pg.shop.public.items", ORDERS]
    assert [partition.key for partition in catalog.partitions("shop_pg")] == [
        "shop_pg.shop",
        "shop_pg.shop.empty",
        "shop_pg.shop.public",
    ]


# Older servers


def test_the_field_name_of_an_older_server_is_found_out_once(server: OpenMetadataServer) -> None:
    server.owner_field = "owner"
    with OpenMetadataCatalog(server.url, server.bot_token) as catalog:
        table, again = catalog.entity(ORDERS), catalog.entity("shop_pg.shop.public.items")
    assert table is not None
    assert again is not None
    assert [owner.name for owner in table.owners] == ["ada"]
    assert [owner.name for owner in again.owners] == ["finance"]
    assert [query["fields"] for _, query in server.requests] == [
        "owners,tags,columns",
        "owner,tags,columns",
        "owner,tags,columns",
    ]


# Versions


def test_versions_hold_the_old_descriptions_of_a_table_and_of_its_nested_columns(
    server: OpenMetadataServer, catalog: OpenMetadataCatalog
) -> None:
    estate = server.estate
    estate.describe(ORDERS, "Orders, second text", user="ada")
    estate.describe(ORDERS, "WGS84", column="addr.geo.lat", user="grace")
    estate.describe(ORDERS, None, column="email", user="ada")
    table = catalog.entity(ORDERS)
    assert table is not None
    versions = list(catalog.versions(table))
    lat = ("shop", "public", "orders", "addr", "geo", "lat")
    texts = [{entity.path: entity.description for entity in version.walk()} for version in versions]
    assert table.version == "0.4"
    assert [version.version for version in versions] == ["0.3", "0.2", "0.1"]
    assert [version.description for version in versions] == [
        "Orders, second text",
        "Orders, second text",
        "One row an order",
    ]
    assert [text[lat] for text in texts] == ["WGS84", "Latitude", "Latitude"]
    assert [version.updated_by for version in versions] == ["grace", "ada", "admin"]


def test_an_edit_taken_back_within_the_session_leaves_no_version(
    server: OpenMetadataServer, catalog: OpenMetadataCatalog
) -> None:
    server.estate.describe(ORDERS, "Second thoughts")
    server.estate.describe(ORDERS, "One row an order")
    table = catalog.entity(ORDERS)
    assert table is not None
    assert table.version == "0.1"
    assert list(catalog.versions(table)) == []


def test_schemas_and_databases_have_versions_too(server: OpenMetadataServer, catalog: OpenMetadataCatalog) -> None:
    for fqn in ("shop_pg.shop", "shop_pg.shop.public"):
        before = catalog.entity(fqn)
        assert before is not None
        server.estate.describe(fqn, "new")
        after = catalog.entity(fqn)
        assert after is not None
        assert [version.description for version in catalog.versions(after)] == [before.description]


def test_an_entity_that_is_gone_has_no_versions(server: OpenMetadataServer, catalog: OpenMetadataCatalog) -> None:
    table = catalog.entity(ORDERS)
    assert table is not None
    server.estate.delete(ORDERS, hard=True)
    assert list(catalog.versions(table)) == []
