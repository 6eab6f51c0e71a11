"""What is found out before any run: which privileges the channels lack, on a real PostgreSQL."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from reverse_metadata.applying.preflight import Checked, check_services
from reverse_metadata.config import Channel
from reverse_metadata.connectors.postgres import PostgresConnector
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Partition
from reverse_metadata.services import Services
from reverse_metadata_tests.world import SERVICE, World, some_roles


@pytest.fixture
def roles(world: World) -> Iterator[list[str]]:
    """A writer that may do nothing, and `keeper`, who owns `sales.orders` and its schema, both on either side."""
    with some_roles(world, "writer", "keeper") as names:
        world.table("sales", "orders", ("id", "amount"))
        world.run(f"ALTER SCHEMA sales OWNER TO {names[1]}; ALTER TABLE sales.orders OWNER TO {names[1]}")
        world.username = names[0]
        yield names


def check(world: World, *channels: dict[str, Any], service: str = "") -> list[Checked]:
    """What preflight finds for channels, `shop` alone unless said otherwise."""
    first, *rest = channels or ({},)
    with world.pipeline(preview=True, **first) as pipeline:
        others = [Channel(**{"name": f"other_{number}", **channel}) for number, channel in enumerate(rest)]
        return list(check_services([pipeline, *(replace(pipeline, channel=each) for each in others)], service))


def only_schema(**more: Any) -> dict[str, Any]:
    """A channel over the schema `sales` and what is in it."""
    return {"filter": {"schema": "sales"}, **more}


def test_what_is_missing_is_told_with_its_grants_which_mend_it(world: World, roles: list[str]) -> None:
    writer, keeper = roles
    (found,) = check(world, only_schema())
    assert not found.ready
    assert [each.what for each in found.missing] == [
        f"{writer} may not act for {keeper}, who owns schema {world.database}.sales.",
        f"{writer} may not use schema sales.",
        f"{writer} may not act for {keeper}, who owns table {world.database}.sales.orders.",
    ]
    assert found.grants == (
        f"GRANT {keeper} TO {writer};",
        f"GRANT USAGE ON SCHEMA sales TO {writer};",
    )
    assert (found.partitions, found.system, found.version[:11]) == (2, "postgres", "PostgreSQL ")
    for grant in found.grants:
        world.run(grant)
    (mended,) = check(world, only_schema())
    assert (mended.ready, mended.missing, mended.grants) == (True, (), ())
    results = world.sync(filter={"schema": "sales"})
    assert not any(isinstance(result, str) or result.problems for result in results.values())


def test_nothing_is_written(world: World, roles: list[str]) -> None:
    world.estate.describe(world.fqn("sales", "orders"), "all orders")
    world.username = "postgres"
    assert check(world)[0].ready
    assert world.comment("sales", "orders") is None
    assert world.pushes() == []


def test_a_table_out_of_scope_lacks_nothing(world: World, roles: list[str]) -> None:
    with some_roles(world, "stranger") as (stranger,):
        world.table("sales", "secrets")
        world.run(f"ALTER TABLE sales.secrets OWNER TO {stranger}")
        world.run(f"GRANT {roles[1]} TO {roles[0]}; GRANT USAGE ON SCHEMA sales TO {roles[0]}")
        (found,) = check(world, only_schema())
        assert found.grants == (f"GRANT {stranger} TO {roles[0]};",)
        (found,) = check(world, {"filter": {"table": "orders"}})
        assert found.ready


def test_what_nobody_pushes_needs_nothing(world: World, roles: list[str]) -> None:
    (found,) = check(world, only_schema(update_descriptions=False, update_tags=True))
    assert (found.ready, found.needs) == (True, 0)


def test_what_a_template_writes_is_not_guessed(world: World, roles: list[str]) -> None:
    (found,) = check(world, {"filter": {"table": "orders"}})
    assert found.needs == 3
    template = "COMMENT ON TABLE {schema}.{table} IS {description}"
    (found,) = check(world, {"filter": {"table": "orders"}, "sql_template": template})
    assert found.needs == 2


def test_whoever_becomes_an_owner_must_be_reachable_too(world: World, roles: list[str]) -> None:
    writer, keeper = roles
    with some_roles(world, "ada") as (ada,):
        world.run(f"GRANT {keeper} TO {writer}; GRANT USAGE ON SCHEMA sales TO {writer}")
        world.estate.user(ada)
        world.estate.own(world.fqn("sales", "orders"), [ada])
        owners = {"map": {f"user:{ada}": ada}, "allow": ["ada_*"]}
        (found,) = check(world, {"filter": {"table": "orders"}, "update_owners": True, "owners": owners})
        assert found.grants == (f"GRANT {ada} TO {writer} WITH SET TRUE;", f"GRANT CREATE ON SCHEMA sales TO {ada};")


def test_several_channels_are_told_together_and_each_grant_once(world: World, roles: list[str]) -> None:
    (found,) = check(world, only_schema(), {"filter": {"table": "orders"}})
    assert found.channels == ("shop", "other_0")
    assert len(found.grants) == len(set(found.grants)) == 2
    assert len(found.missing) == 3


def test_a_service_that_does_not_answer_is_a_problem_and_the_others_are_checked(world: World) -> None:
    world.table("sales", "orders")
    world.estate.service("crm_pg")
    world.estate.database("crm_pg.crm")
    crm, shop = check(world)
    assert (crm.service, crm.ready, shop.service, shop.ready) == ("crm_pg", False, SERVICE, True)
    assert len(crm.problems) == 1
    assert crm.version == ""
    assert crm.page().startswith("crm_pg  no answer  not ready: ")
    assert [each.service for each in check(world, service=SERVICE)] == [SERVICE]


def test_a_schema_that_cannot_be_read_hides_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.table("sales", "orders")
    world.table("stock", "items")
    read = PostgresConnector.read

    def failing(self: PostgresConnector, partition: Partition, only: Any = None) -> Any:
        if partition.schema == "sales":
            raise SourceError(Reason.STATEMENT_TIMEOUT, "reading schema sales: too slow")
        return read(self, partition, only)

    monkeypatch.setattr(PostgresConnector, "read", failing)
    (found,) = check(world)
    assert found.problems == (f"{world.fqn('sales')}: reading schema sales: too slow",)
    assert found.partitions == 3


def test_two_services_that_are_one_database_are_told(world: World) -> None:
    world.table("sales", "orders")
    world.estate.service("again_pg")
    world.estate.database(f"again_pg.{world.database}")
    with world.pipeline(preview=True) as pipeline:
        services = Services(pipeline.catalog, {SERVICE: world.connector, "again_pg": world.connector}, {})
        with closing(services):
            again, shop = check_services([replace(pipeline, services=services)])
    assert again.warnings == ()
    assert [warning.startswith("shop_pg and again_pg are one database: ") for warning in shop.warnings] == [True]
    assert shop.ready


def test_overriding_ingestion_is_warned_of(world: World) -> None:
    world.table("sales", "orders")
    world.estate.ingestion(SERVICE, "nightly", overrideMetadata=True)
    (found,) = check(world)
    assert [warning.split(" has ")[0] for warning in found.warnings] == ["shop_pg: the ingestion pipeline nightly"]
    assert found.ready


def test_many_tables_of_one_owner_are_a_few_lines(world: World, roles: list[str]) -> None:
    for number in range(20):
        world.table("sales", f"t{number}")
        world.run(f"ALTER TABLE sales.t{number} OWNER TO {roles[1]}")
    (found,) = check(world, only_schema())
    page = found.page()
    assert page.count("  missing: ") == 7
    assert "  missing: the same of 17 more\n" in page
    assert page.count(f"\nGRANT {roles[1]} TO {roles[0]}") == 1


def test_tables_that_the_writer_does_not_see_are_told(world: World, roles: list[str]) -> None:
    world.username = "postgres"
    for name in ("gone", "lost"):
        world.table("sales", name)
        world.run(f"DROP TABLE sales.{name}")
    (found,) = check(world, only_schema())
    assert found.ready
    names = f"{world.fqn('sales', 'gone')}, {world.fqn('sales', 'lost')}"
    assert found.warnings == (
        f"2 of the 3 tables in scope are not in {SERVICE}, or nobody shows them to this writer, and nothing is written"
        f" there: {names}",
    )
    world.run("DROP TABLE sales.orders")
    (found,) = check(world, only_schema())
    assert not found.ready
    assert [problem.partition(",")[0] for problem in found.problems] == [
        f"3 of the 3 tables in scope are not in {SERVICE}"
    ]
    assert found.warnings == ()


def test_an_error_that_nobody_expected_hides_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.table("sales", "orders")

    def failing(_self: PostgresConnector, _partition: Partition, only: Any = None) -> Any:
        raise KeyError("password=hunter22")

    monkeypatch.setattr(PostgresConnector, "read", failing)
    (found,) = check(world)
    assert found.problems[0] == f"{world.fqn()}: unexpected KeyError: 'password=********"
    assert found.partitions == 2
