"""The job `preflight` and the asset checks in which Dagster shows what it found."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster import AssetKey

from reverse_metadata.channels.definitions import code_location
from reverse_metadata.config import load_config
from reverse_metadata_tests.channels.conftest import Locate
from reverse_metadata_tests.channels.location import Location, failure_of, logged
from reverse_metadata_tests.world import World, some_roles


@pytest.fixture
def roles(world: World) -> Iterator[list[str]]:
    """A writer that may do nothing, and `keeper`, who owns everything."""
    with some_roles(world, "writer", "keeper") as names:
        world.table("sales", "orders")
        world.run(f"ALTER SCHEMA sales OWNER TO {names[1]}; ALTER TABLE sales.orders OWNER TO {names[1]}")
        world.run(f"ALTER DATABASE {world.database} OWNER TO {names[1]}")
        world.username = names[0]
        yield names
        world.run(f"ALTER DATABASE {world.database} OWNER TO postgres")


def run(location: Location) -> dg.ExecuteInProcessResult:
    return location._execute("preflight", {}, {})


def checks(result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, dict[str, Any]]]:
    """Whether each service passed, and what its check shows."""
    return {
        each.asset_key.path[0]: (each.passed, {key: value.value for key, value in each.metadata.items()})
        for each in result.get_asset_check_evaluations()
    }


def test_a_service_that_lacks_privileges_is_red_and_shows_the_grants(
    world: World, locate: Locate, roles: list[str]
) -> None:
    writer, keeper = roles
    location = locate()
    result = run(location)
    assert not result.success
    assert failure_of(result).startswith("1 of 1 services are not ready: shop_pg.")
    passed, shown = checks(result)["shop_pg"]
    assert not passed
    script = f"GRANT {keeper} TO {writer};\nGRANT USAGE ON SCHEMA sales TO {writer};"
    assert shown["grants"] == f"```sql\n{script}\n```"
    assert f"{writer} may not act for {keeper}, who owns table {world.database}.sales.orders." in shown["missing"]
    assert shown["system"] == "postgres"
    assert any(script in line for line in logged(location, result))

    world.run(script)
    result = run(location)
    assert result.success
    passed, shown = checks(result)["shop_pg"]
    assert passed
    assert "missing" not in shown
    record = location.instance.get_latest_asset_check_evaluation_record(
        dg.AssetCheckKey(AssetKey("shop_pg"), "preflight")
    )
    assert record is not None


def test_services_whose_connection_the_catalog_holds_are_looked_at_too(world: World, locate: Locate) -> None:
    world.table("sales", "orders")
    world.estate.service("crm_pg")
    world.estate.database("crm_pg.crm")
    result = run(locate())
    assert not result.success
    assert failure_of(result).startswith("1 of 2 services are not ready: crm_pg.")
    assert [(name, passed) for name, (passed, _) in checks(result).items()] == [("shop_pg", True)]


def test_a_service_that_no_channel_speaks_of_says_so(world: World, locate: Locate) -> None:
    world.table("sales", "orders")
    result = run(locate({"name": "shop", "filter": {"service": "other"}}))
    passed, shown = checks(result)["shop_pg"]
    assert passed
    assert shown["warnings"] == "no channel of this configuration has anything of this service in its filter"


def test_without_configured_services_the_job_is_there_all_the_same(world: World, locate: Locate, tmp_path: Any) -> None:
    world.table("sales", "orders")
    location = locate()
    file = tmp_path / "location" / "reverse_metadata.yaml"
    text = file.read_text()
    begin, end = text.index('"services": '), text.index('"channels": ')
    file.write_text(text[:begin] + text[end:])
    location.defs = code_location(load_config(file))
    result = run(location)
    assert not result.success
    assert failure_of(result).startswith("1 of 1 services are not ready: shop_pg.")


def test_a_catalog_that_does_not_answer_is_one_sentence(world: World, locate: Locate) -> None:
    location = locate()
    world.server.expire_tokens()
    result = run(location)
    assert not result.success
    assert "Traceback" not in failure_of(result)
