"""`reverse-metadata plan` on the demo's files and a real database."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql

from reverse_metadata.cli import main


@pytest.fixture
def config(postgres_host: str, tmp_path: Path) -> Iterator[Path]:
    """A folder catalog with one table, and a database that has it."""
    database = f"plan_{uuid4().hex[:8]}"
    file = tmp_path / "reverse_metadata.yaml"
    file.write_text(
        "catalog: {type: folder, path: catalog}\n"
        f"services: {{shop_pg: {{type: postgres, host: {postgres_host}, username: postgres}}}}\n"
        "channels: [{name: shop}]\n"
    )
    folder = tmp_path / "catalog"
    folder.mkdir()
    orders = {
        "fullyQualifiedName": f"shop_pg.{database}.sales.orders",
        "description": "it's \u202eevil",
        "columns": [{"name": "id", "description": "Number"}],
    }
    (folder / "orders.json").write_text(json.dumps(orders))
    with psycopg.connect(host=postgres_host, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        with psycopg.connect(host=postgres_host, user="postgres", dbname=database, autocommit=True) as shop:
            shop.execute("CREATE SCHEMA sales; CREATE TABLE sales.orders (id int)")
        try:
            yield file
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))


def plan(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(config), "plan", *arguments])


def test_pending_changes_are_exit_code_3_and_nothing_is_written(config: Path) -> None:
    first, second = plan(config, "shop"), plan(config, "shop")
    assert first.exit_code == 3
    assert first.output == second.output
    assert first.output.endswith("2 statements in 2 partitions with 0 changes to look at and 0 problems\n")


def test_what_people_read_cannot_deceive_and_the_script_is_exact(config: Path) -> None:
    assert "it's \\u{202e}evil" in plan(config, "shop").output
    assert "\u202e" not in plan(config, "shop").output
    assert "COMMENT ON TABLE sales.orders IS 'it''s \u202eevil';" in plan(config, "shop", "--sql").output


def test_json_is_one_document(config: Path) -> None:
    found = plan(config, "shop", "--json")
    (_, schema) = json.loads(found.output)["partitions"]
    assert schema["counts"] == {"apply": 2}
    assert schema["statements"][1] == "COMMENT ON COLUMN sales.orders.id IS 'Number'"
    assert schema["changes"][0]["after"] == "it's \u202eevil"
    assert found.exit_code == 3


def test_an_unknown_schema_is_a_problem(config: Path) -> None:
    found = plan(config, "shop", "--partition", "shop_pg.nothing.here")
    assert found.exit_code == 2
    assert "has no schema shop_pg.nothing.here" in found.output


def test_an_unknown_channel_names_the_nearest(config: Path) -> None:
    found = plan(config, "shp")
    assert (found.exit_code, found.stderr) == (2, "there is no channel 'shp'; did you mean shop?\n")


def test_an_unreachable_source_is_a_problem_of_its_partition(config: Path) -> None:
    config.write_text(config.read_text().replace("host: ", "host: /nowhere"))
    found = plan(config, "shop")
    assert found.exit_code == 2
    assert found.output.count("problem: connecting to database") == 2
