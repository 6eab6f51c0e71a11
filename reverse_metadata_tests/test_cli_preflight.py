"""`reverse-metadata preflight` in a terminal."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reverse_metadata.cli import main
from reverse_metadata_tests.dagster_process import TOKEN, write_config
from reverse_metadata_tests.world import World, some_roles


@pytest.fixture
def roles(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A writer that may do nothing, and `keeper`, who owns `sales`."""
    monkeypatch.setenv(TOKEN, world.server.bot_token)
    with some_roles(world, "writer", "keeper") as names:
        world.table("sales", "orders")
        world.run(f"ALTER SCHEMA sales OWNER TO {names[1]}; ALTER TABLE sales.orders OWNER TO {names[1]}")
        world.username = names[0]
        yield names


def run(world: World, directory: Path, *arguments: str) -> Result:
    file = write_config(world, directory, {"name": "shop", "filter": {"schema": "sales"}})
    return CliRunner().invoke(main, ["--config", str(file), "preflight", *arguments])


def test_what_is_missing_is_a_script_to_paste(world: World, roles: list[str], tmp_path: Path) -> None:
    writer, keeper = roles
    result = run(world, tmp_path)
    assert result.exit_code == 2
    first, *rest = result.stdout.splitlines()
    assert first.startswith("shop_pg  PostgreSQL ")
    assert first.endswith("  not ready: 2 schemas and databases of channel shop")
    script = [f"GRANT {keeper} TO {writer};", f"GRANT USAGE ON SCHEMA sales TO {writer};"]
    assert rest[-5:] == ["  What gives it, for somebody who may:", "", *script, ""]
    world.run(" ".join(script))
    result = run(world, tmp_path, "shop_pg")
    assert result.exit_code == 0
    assert "  ready: 2 schemas" in result.stdout
    assert "GRANT" not in result.stdout


def test_json_has_the_same(world: World, roles: list[str], tmp_path: Path) -> None:
    result = run(world, tmp_path, "--json")
    assert result.exit_code == 2
    document = json.loads(result.stdout)
    assert document["ready"] is False
    (service,) = document["services"]
    assert service["service"] == "shop_pg"
    assert service["channels"] == ["shop"]
    assert service["grants"] == [f"GRANT {roles[1]} TO {roles[0]};", f"GRANT USAGE ON SCHEMA sales TO {roles[0]};"]
    assert service["problems"] == []


def test_a_service_that_no_channel_has_in_its_filter(world: World, roles: list[str], tmp_path: Path) -> None:
    result = run(world, tmp_path, "crm_pg")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "No channel has the service crm_pg in its filter.\n"


def test_a_catalog_that_cannot_be_read(world: World, roles: list[str], tmp_path: Path) -> None:
    world.server.expire_tokens()
    result = run(world, tmp_path)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr
