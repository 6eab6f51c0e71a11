"""The examples of docs/approval.md, first_try.md and undo.md, run as they stand there."""

import re
import shlex
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from click.testing import CliRunner

from reverse_metadata.cli import main
from reverse_metadata_tests.channels.conftest import Locate
from reverse_metadata_tests.channels.location import Location, shown
from reverse_metadata_tests.dagster_process import dagster_job
from reverse_metadata_tests.docs_page import examples, text
from reverse_metadata_tests.world import World


@pytest.fixture
def shop(world: World) -> World:
    """The pages speak of `shop_pg.shop.sales.orders`; the world's database has another name."""
    for name in ("orders", "customers"):
        world.table("sales", name, description=f"all {name}")
    return world


def config_of(world: World, example: str, **replaced: str) -> dict[str, Any]:
    """The run config of an example, for the database of the world."""
    for old, new in {"shop_pg.shop": world.fqn(), **replaced}.items():
        example = example.replace(old, new)
    config: dict[str, Any] = yaml.safe_load(example)
    return config


def execute(location: Location, job: str, config: dict[str, Any]) -> dg.ExecuteInProcessResult:
    definition = location.defs.resolve_job_def(job)
    return definition.execute_in_process(instance=location.instance, run_config=config)


def written(world: World) -> list[str]:
    return [push.entity.removeprefix(world.fqn() + ".") for push in world.pushes()]


def test_first_try(shop: World, locate: Locate) -> None:
    dry, narrow = examples("first_try")
    location = locate()
    execute(location, "shop_sync", config_of(shop, dry))
    assert written(shop) == []
    execute(location, "shop_sync", config_of(shop, narrow))
    assert written(shop) == ["sales.orders"]
    execute(location, "shop_sync", {})
    assert written(shop) == ["sales.orders", "sales.customers"]


def test_undo(shop: World, locate: Locate) -> None:
    (form,) = examples("undo")
    location = locate()
    pushed = execute(location, "shop_sync", {})
    config = config_of(shop, form)
    assert config["ops"]["shop_undo_pushes"]["config"].keys() == {"run_id", "entity", "since", "dry_run"}
    config["ops"]["shop_undo_pushes"]["config"] |= {"run_id": pushed.run_id}
    execute(location, "shop_undo", config)
    assert shop.comment("sales", "orders") == "all orders"
    config["ops"]["shop_undo_pushes"]["config"] |= {"dry_run": False}
    execute(location, "shop_undo", config)
    assert shop.comment("sales", "orders") is None


def test_approval_in_the_launchpad(shop: World, locate: Locate) -> None:
    channel, form = examples("approval")
    location = locate(*yaml.safe_load(channel)["channels"])
    plan = shown(location.run(shop.fqn("sales")), "resolved_templates")[shop.fqn("sales")]
    assert (
        form.replace("5c94da69b3ebade2", plan["waiting_plan"]).replace("grace", "your name") in plan["how_to_approve"]
    )
    config = config_of(shop, form, **{"5c94da69b3ebade2": plan["waiting_plan"]})["ops"]["shop__applied_updates"][
        "config"
    ]
    assert location.approve(shop.fqn("sales"), **config).success
    assert {push.approved_by for push in shop.pushes()} == {"grace"}
    assert written(shop) == ["sales.customers", "sales.orders"]


def test_approval_from_a_terminal(shop: World, tmp_path: Path) -> None:
    tags = f'{{"dagster/partition": "{shop.fqn("sales")}"}}'
    with dagster_job(shop, tmp_path, "-j", "shop", "--tags", tags, approval="required") as process:
        output, _ = process.communicate(timeout=120)
    (plan,) = re.findall(r"plan: (\w{16}) and approved_by", output)
    (command,) = (block for block in examples("approval", "") if "asset materialize" in block)
    command = command.replace("5c94da69b3ebade2", plan).replace("shop_pg.shop", shop.fqn())
    dagster, asset, materialize, module, name, *arguments = shlex.split(command.replace("\\\n", " "))
    assert (dagster, module, name) == ("dagster", "-m", "reverse_metadata.definitions")
    with dagster_job(shop, tmp_path, *arguments, command=(asset, materialize), approval="required") as process:
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert written(shop) == ["sales.customers", "sales.orders"]


def test_merge(world: World, locate: Locate) -> None:
    (polite,) = (yaml.safe_load(example)["channels"][0] for example in examples("merge"))
    for name, text_there in (("orders", "from before"), ("customers", None)):
        world.table("sales", name, description=f"all {name}")
        world.comment_by_hand("sales", name, text_there)
    location = locate(polite)
    assert execute(location, "polite_sync", {}).success
    world.comment_by_hand("sales", "customers", "by hand")
    applied = shown(execute(location, "polite_sync", {}), "applied_updates")[world.fqn("sales")]
    assert (applied["verdict/conflict"], applied["statements"]) == (2, 0)
    assert [world.comment("sales", name) for name in ("orders", "customers")] == ["from before", "by hand"]


def test_contested(world: World, locate: Locate) -> None:
    (keeping,) = (yaml.safe_load(example)["channels"][0] for example in examples("contested"))
    world.table("sales", "orders", description="One row per order")
    location = locate(keeping)
    for _ in range(3):
        assert execute(location, "shop_sync", {}).success
        world.comment_by_hand("sales", "orders", "an order")
    assert len(world.pushes()) == 1


def test_templates(world: World, locate: Locate) -> None:
    plain, mapping = (yaml.safe_load(example)["channels"][0] for example in examples("templates"))
    orders = world.table("sales", "orders", description="all orders")
    world.estate.describe(orders, "number of the order", column="id")
    world.estate.tag(orders, ["PII.Sensitive"])
    world.run("CREATE SCHEMA governance")
    world.run("CREATE TABLE governance.tags (entity text, tag text, value text)")
    assert execute(locate(plain), "shop_sync", {}).success
    assert world.comment("sales", "orders") == "all orders"
    location = locate(mapping)
    assert execute(location, "notes_sync", {}).success
    assert execute(location, "notes_sync", {}).success
    with world.connect() as connection:
        assert connection.execute("SELECT * FROM governance.tags").fetchall() == [(orders, "PII", "Sensitive")]
    command, expected = re.findall(r"\$ (.*?)\n(COMMENT.*?)\n", examples("templates", "")[0], re.DOTALL)[0]
    program, *arguments = shlex.split(command.replace("\\\n", " "))
    assert program == "reverse-metadata"
    assert CliRunner().invoke(main, arguments).output == expected + "\n"


def test_every_page_is_linked_from_the_readme() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    pages = {page.name for page in (Path(__file__).parents[2] / "docs").glob("*.md")}
    assert {page for page in pages if f"docs/{page}" not in readme} == set()
    assert "reverse-metadata plan shop --partition shop_pg.shop.sales --sql > plan.sql" in text("approval")
