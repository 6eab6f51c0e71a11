"""What is missing, and that the grants that are named give it."""

from contextlib import closing
from pathlib import Path as File

import pytest

from reverse_metadata.applying.pipeline import Pipeline
from reverse_metadata.applying.preflight import Checked, check_services
from reverse_metadata.config import Channel
from reverse_metadata.connectors.base import Missing, Need
from reverse_metadata.connectors.mysql import MysqlConnector
from reverse_metadata.connectors.mysql.grants import Grants, missing
from reverse_metadata.connectors.mysql.reading import Server
from reverse_metadata.ledger import Ledger
from reverse_metadata.model import Aspect
from reverse_metadata.services import Services
from reverse_metadata_tests.connectors.mysql.shop import Shop
from reverse_metadata_tests.contract.peer import SERVICE
from reverse_metadata_tests.simulated.catalog import MemoryCatalog

MYSQL = Server("8.4.3", "MySQL Community Server - GPL", folds=False)


def held(*lines: str, schema: str = "sales", table: str | None = "orders", server: Server = MYSQL) -> set[str]:
    """Which of the privileges that matter these lines give."""
    return Grants(lines, server).on(schema, table) & {"SELECT", "ALTER", "CREATE", "INSERT"}


@pytest.mark.parametrize(
    ("line", "gives"),
    [
        ("GRANT USAGE ON *.* TO `w`@`%` IDENTIFIED BY PASSWORD '*D821'", set()),
        ("GRANT SELECT, ALTER ON *.* TO `w`@`%`", {"SELECT", "ALTER"}),
        ("GRANT ALL PRIVILEGES ON *.* TO 'w'@'%' WITH GRANT OPTION", {"SELECT", "ALTER", "CREATE", "INSERT"}),
        ("GRANT ALTER ON `sales`.* TO `w`@`%`", {"ALTER"}),
        ("GRANT ALTER ON `sal%`.* TO `w`@`%`", {"ALTER"}),
        ("GRANT ALTER ON `sale_`.* TO `w`@`%`", {"ALTER"}),
        ("GRANT ALTER ON `sale\\_`.* TO `w`@`%`", set()),
        ("GRANT ALTER ON `Sales`.* TO `w`@`%`", set()),
        ("GRANT ALTER ON `sales`.`orders` TO `w`@`%`", {"ALTER"}),
        ("GRANT ALTER ON `sales`.`order_` TO `w`@`%`", set()),
        ("GRANT SELECT (`id`, `a, ALTER`), INSERT ON `sales`.`orders` TO `w`@`%`", {"INSERT"}),
        ("GRANT EXECUTE, ALTER ON PROCEDURE `sales`.`orders` TO `w`@`%`", set()),
        ("GRANT `r`@`%`,`s`@`%` TO `w`@`%`", set()),
        ("GRANT PROXY ON ``@`%` TO `w`@`%`", set()),
        ("SET DEFAULT ROLE `r` FOR `w`@`localhost`", set()),
    ],
)
def test_a_line_of_show_grants_is_understood(line: str, gives: set[str]) -> None:
    assert held(line) == gives


def test_case_does_not_matter_where_the_server_says_so() -> None:
    folding = Server("8.4.3", "", folds=True)
    assert held("GRANT ALTER ON `Sales`.`ORDERS` TO `w`@`%`", server=folding) == {"ALTER"}


def test_the_most_specific_pattern_counts_alone() -> None:
    general, exact = "GRANT ALTER ON `sal%`.* TO `w`@`%`", "GRANT SELECT ON `sales`.* TO `w`@`%`"
    assert held(general, exact) == {"SELECT"}
    assert held(general, exact.replace("`w`@`%`", "`role`")) == {"SELECT", "ALTER"}


def test_a_partial_revoke_takes_away() -> None:
    everything = "GRANT SELECT, ALTER ON *.* TO `w`@`%`"
    assert held(everything, "REVOKE ALTER ON `sales`.* FROM `w`@`%`") == {"SELECT"}
    assert held(everything, "REVOKE ALTER ON `stock`.* FROM `w`@`%`") == {"SELECT", "ALTER"}


def test_whoever_sees_nothing_is_granted_the_schema() -> None:
    need = Need(Aspect.DESCRIPTION, ("default", "a_b", "orders"), "table")
    assert missing([need], ("default", "a_b"), Grants([], MYSQL), [], "it's@10.0.%", MYSQL) == [
        Missing(
            "'it''s'@'10.0.%' sees nothing of table orders in schema a_b.",
            ("GRANT SELECT, ALTER, CREATE, INSERT ON `a\\_b`.* TO 'it''s'@'10.0.%';",),
        )
    ]


# On MariaDB


def needs(shop: Shop, *paths: tuple[str, ...]) -> list[Need]:
    return [Need(Aspect.DESCRIPTION, shop.path(*names), "table") for names in paths]


@pytest.mark.parametrize("given", [[], ["SELECT ON {}.orders"], ["ALTER ON {}.*"], ["SELECT(id) ON {}.orders"]])
def test_the_grants_that_are_named_are_enough(shop: Shop, given: list[str]) -> None:
    shop.run(f"CREATE TABLE {shop.sales}.orders (id int)")
    name, password = shop.account(*(grant.format(shop.sales) for grant in given))
    login = {"username": name, "password": password}
    wanted = needs(shop, (), ("orders",), ("orders", "id"))
    with shop.connector(**login) as connector:
        lacking = connector.missing(shop.partition, wanted)
        assert lacking
        shop.run(*dict.fromkeys(grant for each in lacking for grant in each.grants))
    with shop.connector(**login) as connector:
        assert connector.missing(shop.partition, wanted) == []
    assert shop.failed({need.path: "x" for need in wanted}, **login) == {}


def test_the_privileges_of_active_roles_count(shop: Shop) -> None:
    shop.run(f"CREATE TABLE {shop.sales}.orders (id int)")
    name, password = shop.account(f"SELECT ON {shop.sales}.*")
    outer, inner = f"outer_{name}", f"inner_{name}"
    login = {"username": name, "password": password}
    shop.run(f"CREATE ROLE {outer}", f"CREATE ROLE {inner}", f"GRANT {inner} TO {outer}")
    try:
        shop.run(f"GRANT ALTER ON {shop.sales}.orders TO {inner}", f"GRANT {outer} TO {name}@localhost")
        with shop.connector(**login) as connector:
            assert connector.missing(shop.partition, needs(shop, ("orders",))) != []
        shop.run(f"SET DEFAULT ROLE {outer} FOR {name}@localhost")
        with shop.connector(**login) as connector:
            assert connector.missing(shop.partition, needs(shop, ("orders",))) == []
        assert shop.failed({shop.path("orders"): "x"}, **login) == {}
    finally:
        shop.run(f"DROP ROLE {outer}", f"DROP ROLE {inner}")


def test_a_table_with_a_wildcard_in_its_schema_is_granted_alone(shop: Shop) -> None:
    name, password = shop.account(f"SELECT ON {shop.sales}.*")
    with shop.connector(username=name, password=password) as connector:
        (lacking,) = connector.missing(shop.partition, needs(shop, ()))
        assert lacking.grants[0].startswith(f"GRANT ALTER ON `{shop.sales.replace('_', chr(92) + '_')}`.* TO ")


def test_no_message_shows_what_show_grants_says_of_passwords(shop: Shop) -> None:
    shop.run(f"CREATE TABLE {shop.sales}.orders (id int)")
    name, password = shop.account(f"SELECT ON {shop.sales}.*")
    with shop.connector(username=name, password=password) as connector:
        said = repr(connector.missing(shop.partition, needs(shop, ("orders",))))
    assert "PASSWORD" not in said
    assert password not in said


def test_preflight_finds_what_nobody_shows_to_the_writer(shop: Shop, tmp_path: File) -> None:
    shop.run(f"CREATE TABLE {shop.sales}.orders (id int)")
    catalog = MemoryCatalog(SERVICE, "MariaDB")
    for names, columns in ((shop.partition.path[:1], ()), (shop.partition.path, ()), (shop.path("orders"), ("id",))):
        catalog.add(".".join((SERVICE, *names)), columns)
    user, password = shop.account("USAGE ON *.*")
    login = shop.options(username=user, password=password)

    def found() -> Checked:
        services = Services(catalog, {SERVICE: lambda: MysqlConnector(login)}, {})
        with closing(services), Ledger.open(f"sqlite:///{tmp_path}/ledger.sqlite") as ledger:
            (found,) = check_services([Pipeline(Channel(name="shop"), catalog, services, ledger, "run", preview=True)])
        return found

    before = found()
    assert [each.partition(" tables")[0] for each in before.problems] == ["1 of the 1"]
    assert f"'{user}'@'localhost' sees nothing of table orders in schema {shop.sales}." in [
        each.what for each in before.missing
    ]
    shop.run(*before.grants)
    after = found()
    assert (after.ready, after.problems, after.missing, after.warnings) == (True, (), (), ())
