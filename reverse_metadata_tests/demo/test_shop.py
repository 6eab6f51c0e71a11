"""The demo's database and its catalog fit each other, and the writing role has just enough rights."""

from pathlib import Path

import psycopg
import pytest
from psycopg import sql

import reverse_metadata.demo
from reverse_metadata.catalogs.folder import FolderCatalog
from reverse_metadata.demo import shop
from reverse_metadata.demo.report import wishes

KEYWORDS = {
    "database": "DATABASE",
    "schema": "SCHEMA",
    "table": "TABLE",
    "partitioned table": "TABLE",
    "partition": "TABLE",
    "view": "VIEW",
    "materialized view": "MATERIALIZED VIEW",
}


@pytest.fixture(scope="module")
def catalog() -> FolderCatalog:
    return FolderCatalog(Path(reverse_metadata.demo.__file__).parent / "catalog")


def test_a_second_fill_changes_nothing(shop_host: str) -> None:
    before = shop.look(shop_host)
    assert shop.fill(shop_host) is False
    assert shop.look(shop_host) == before


def test_every_kind_of_table_is_there(shop_host: str) -> None:
    assert {found.kind for found in shop.look(shop_host)} == set(KEYWORDS)


def test_every_description_of_the_catalog_has_its_place_in_the_shop(shop_host: str, catalog: FolderCatalog) -> None:
    places = set()
    for found in shop.look(shop_host):
        places.add(found.path)
        places.update((*found.path, column) for column in found.columns)
    wanted = wishes(catalog, "shop_pg")
    assert wanted.keys() - places == set()
    assert len(wanted) == 71


def test_one_text_of_the_shop_differs_from_the_catalog_and_one_equals_it(
    shop_host: str, catalog: FolderCatalog
) -> None:
    wanted = wishes(catalog, "shop_pg")
    here = {found.path: found for found in shop.look(shop_host)}
    ledger = ("shop", "finance", "ledger")
    subscribers = ("shop", "marketing", "subscribers")
    assert here[ledger].comment not in (None, wanted[ledger])
    assert here[subscribers].columns["email"] == wanted[(*subscribers, "email")]


def test_every_owner_of_the_catalog_is_a_role_that_the_configuration_allows(
    shop_host: str, catalog: FolderCatalog
) -> None:
    owners = {
        owner.name
        for partition in catalog.partitions("shop_pg")
        for entity in (catalog.entity(partition.key), *(catalog.tables(partition) if partition.schema else ()))
        if entity
        for owner in entity.owners
    }
    assert owners == {"ada", "grace", "Analytics Engineering"}
    with shop.connect(shop_host) as connection:
        rows = connection.execute("SELECT rolname FROM pg_roles WHERE rolname IN ('ada', 'grace', 'analytics_eng')")
        assert len(rows.fetchall()) == 3


def test_the_writing_role_is_no_superuser_and_owns_nothing(shop_host: str) -> None:
    with shop.connect(shop_host) as connection:
        role = connection.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = 'rm_writer'"
        ).fetchone()
    assert role == {"rolsuper": False, "rolcreatedb": False, "rolcreaterole": False}
    assert all(found.owner == "loader" for found in shop.look(shop_host))


def test_the_writing_role_may_comment_on_and_hand_over_everything(shop_host: str) -> None:
    with psycopg.connect(host=shop_host, dbname="shop", user="rm_writer") as connection:
        for found in shop.look(shop_host):
            kind, name = sql.SQL(KEYWORDS[found.kind]), sql.SQL(found.name)
            connection.execute(sql.SQL("COMMENT ON {} {} IS 'x'").format(kind, name))
            if len(found.path) > 1:  # a database is handed over by whoever may create databases
                for owner in ("ada", "analytics_eng", "grace"):
                    change = sql.SQL("ALTER {} {} OWNER TO {}")
                    connection.execute(change.format(kind, name, sql.Identifier(owner)))
        connection.rollback()


def test_a_view_can_be_read_whoever_owns_it_and_its_tables(shop_host: str) -> None:
    with shop.connect(shop_host) as connection, connection.transaction(force_rollback=True):
        connection.execute("ALTER VIEW sales.daily_revenue OWNER TO analytics_eng")
        connection.execute("ALTER TABLE sales.orders OWNER TO ada")
        connection.execute("SET LOCAL ROLE analytics_eng")
        row = connection.execute("SELECT count(*) AS days FROM sales.daily_revenue").fetchone()
        assert row == {"days": 225}
