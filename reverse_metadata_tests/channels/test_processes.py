"""Whole runs as a newcomer starts them: `dagster job execute` in an empty DAGSTER_HOME."""

import json
from pathlib import Path

from reverse_metadata_tests.dagster_process import dagster_job
from reverse_metadata_tests.world import World


def test_the_whole_channel(world: World, tmp_path: Path) -> None:
    world.table("sales", "orders", description="One row an order")
    with dagster_job(world, tmp_path, "-j", "shop_sync") as process:
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert f"{world.fqn('sales')}: 1 statements; 1 apply" in output
    assert "DeprecationWarning" not in output
    assert world.comment("sales", "orders") == "One row an order"


def test_one_partition_of_an_empty_instance(world: World, tmp_path: Path) -> None:
    world.table("sales", "orders", description="One row an order")
    world.table("stock", "items", description="Things")
    tags = json.dumps({"dagster/partition": world.fqn("sales")})
    with dagster_job(world, tmp_path, "-j", "shop", "--tags", tags) as process:
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert "DeprecationWarning" not in output
    assert world.comment("sales", "orders") == "One row an order"
    assert world.comment("stock", "items") is None


def test_a_run_without_a_partition_fails(world: World, tmp_path: Path) -> None:
    with dagster_job(world, tmp_path, "-j", "shop") as process:
        output, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "run the job shop_sync, which does every schema in the channel's scope" in output
