"""One schema of five that the writer may not touch: exactly it is red, and says which GRANT it lacks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import dagster as dg
import pytest

from reverse_metadata_tests.channels.conftest import Locate
from reverse_metadata_tests.channels.location import ASSETS, Location, failure_of
from reverse_metadata_tests.world import World, some_roles

SCHEMAS = ["s1", "s2", "s3", "s4", "s5"]


@dataclass
class Estate:
    """Five schemas that belong to `keeper`, but the tables of s3 belong to `stranger`."""

    world: World
    writer: str
    keeper: str
    stranger: str

    def key(self, schema: str) -> str:
        return self.world.fqn(schema)

    def describe(self, text: str) -> None:
        for schema in SCHEMAS:
            self.world.estate.describe(self.key(schema) + ".orders", text)

    def comments(self) -> list[str | None]:
        return [self.world.comment(schema, "orders") for schema in SCHEMAS]


@pytest.fixture
def estate(world: World) -> Iterator[Estate]:
    with some_roles(world, "writer", "keeper", "stranger") as names:
        estate = Estate(world, *names)
        world.run(f"GRANT {estate.keeper} TO {estate.writer}")
        for schema in SCHEMAS:
            world.table(schema, "orders")
            owner = estate.stranger if schema == "s3" else estate.keeper
            world.run(f"ALTER SCHEMA {schema} OWNER TO {estate.keeper}; ALTER TABLE {schema}.orders OWNER TO {owner}")
        world.username = estate.writer
        yield estate


def whole_channel(location: Location, _: Estate) -> dg.ExecuteInProcessResult:
    return location.sync()


def range_of_partitions(location: Location, estate: Estate) -> dg.ExecuteInProcessResult:
    keys = [estate.key(schema) for schema in SCHEMAS]
    location.instance.add_dynamic_partitions("shop_schemas", keys)
    return location.run(*keys)


@pytest.mark.parametrize("run", [whole_channel, range_of_partitions])
def test_one_schema_without_privileges(
    estate: Estate, locate: Locate, run: Callable[[Location, Estate], dg.ExecuteInProcessResult]
) -> None:
    location = locate()

    def colours(asset: str) -> list[str]:
        found = location.colours(asset)
        return [found[estate.key(schema)] for schema in SCHEMAS]

    green, one_red = ["MATERIALIZED"] * 5, ["MATERIALIZED", "MATERIALIZED", "FAILED", "MATERIALIZED", "MATERIALIZED"]
    grant = f"GRANT {estate.stranger} TO {estate.writer}"

    estate.describe("One row an order")
    refused = failure_of(run(location, estate)).replace('"', "")
    assert refused.startswith("1 partition failed:\n")
    assert f"{estate.key('s3')}: {estate.key('s3')}.orders: COMMENT ON TABLE s3.orders: must be owner of" in refused
    assert f"{grant};" in refused
    assert colours("applied_updates") == one_red
    assert estate.comments() == ["One row an order", "One row an order", None, "One row an order", "One row an order"]

    estate.world.run(grant)
    assert run(location, estate).success
    assert [colours(asset) for asset in ASSETS] == [green, green, green]
    assert estate.comments() == ["One row an order"] * 5

    # It was green: the failure must be seen all the same.
    estate.world.run(f"REVOKE {estate.stranger} FROM {estate.writer}")
    estate.describe("One row a sale")
    assert f"{grant};" in failure_of(run(location, estate)).replace('"', "")
    assert colours("applied_updates") == one_red
    assert estate.comments() == ["One row a sale", "One row a sale", "One row an order", *["One row a sale"] * 2]

    estate.world.run(grant)
    assert run(location, estate).success
    assert colours("applied_updates") == green
    assert [push.outcome for push in estate.world.pushes() if push.entity == estate.key("s3") + ".orders"] == [
        "failed",
        "applied",
        "failed",
        "applied",
    ]
