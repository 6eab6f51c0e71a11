"""A plan that waits, is read on the asset and approved, as Dagster shows it."""

import json
from pathlib import Path

import pytest

from reverse_metadata_tests.channels.conftest import Locate
from reverse_metadata_tests.channels.location import Location, failure_of, logged, shown
from reverse_metadata_tests.dagster_process import dagster_job
from reverse_metadata_tests.world import World

CHANNEL = {"name": "shop", "approval": "required"}
APPROVED = {"approved_by": "grace"}


@pytest.fixture
def shop(world: World) -> World:
    for schema in ("sales", "stock"):
        world.table(schema, "orders", description=f"orders of {schema}")
    return world


@pytest.fixture
def location(shop: World, locate: Locate) -> Location:
    return locate(CHANNEL)


def test_an_automatic_run_stops_at_the_plan(shop: World, location: Location) -> None:
    result = location.run(shop.fqn("sales"))
    assert result.success
    assert location.colours("resolved_templates") == {shop.fqn("sales"): "MATERIALIZED"}
    assert location.colours() == {}
    assert shop.comment("sales", "orders") is None
    plan = shown(result, "resolved_templates")[shop.fqn("sales")]
    assert (plan["statements"], plan["verdict/waiting"], plan["needs_attention"]) == (1, 1, 1)
    assert f"-- plan {plan['waiting_plan']} waits for approval:" in plan["sql"]
    assert "COMMENT ON TABLE sales.orders IS 'orders of sales';" in plan["sql"]
    (line,) = [line for line in logged(location, result) if "approved_by: your name" in line]
    assert line.startswith(f"{shop.fqn('sales')}: plan {plan['waiting_plan']} waits for approval.")


def test_the_approved_plan_is_applied_by_its_asset_alone(shop: World, location: Location) -> None:
    plan = shown(location.run(shop.fqn("sales")), "resolved_templates")[shop.fqn("sales")]["waiting_plan"]
    result = location.approve(shop.fqn("sales"), plan=plan, **APPROVED)
    assert result.success
    assert location.colours() == {shop.fqn("sales"): "MATERIALIZED"}
    assert shop.comment("sales", "orders") == "orders of sales"
    (push,) = shop.pushes()
    assert (push.approved_by, push.run_id) == ("grace", result.run_id)


def test_a_whole_channel_waits_and_its_plans_are_approved_at_once(shop: World, location: Location) -> None:
    result = location.sync()
    assert result.success
    assert location.colours() == {shop.fqn(): "MATERIALIZED"}
    plans = {key: plan.get("waiting_plan", "") for key, plan in shown(result, "resolved_templates").items()}
    approved = location.approve(
        shop.fqn("sales"), shop.fqn("stock"), plan=f"{plans[shop.fqn('sales')]} {plans[shop.fqn('stock')]}", **APPROVED
    )
    assert approved.success
    assert set(location.colours().values()) == {"MATERIALIZED"}
    assert [shop.comment(schema, "orders") for schema in ("sales", "stock")] == ["orders of sales", "orders of stock"]


def test_a_partition_that_waits_is_not_red_because_another_failed(shop: World, location: Location) -> None:
    shop.estate.describe(shop.fqn("stock", "orders"), None)
    assert location.sync().success
    shop.run("DROP SCHEMA stock CASCADE")
    shop.server.fail(403, times=100, path=f"databaseSchemas/name/{shop.fqn('stock')}")
    assert not location.sync().success
    assert location.colours() == {shop.fqn(): "MATERIALIZED", shop.fqn("stock"): "FAILED"}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"plan": "0123456789abcdef"}, "approved_by is missing: say who approves the plan"),
        ({"plan": "0123456789abcdef", **APPROVED}, "not 0123456789abcdef; nothing is written"),
        ({}, "the step before left nothing in this run; materialize the three assets together, or apply a plan that"),
    ],
)
def test_what_cannot_be_applied_says_why(shop: World, location: Location, config: dict[str, str], message: str) -> None:
    location.run(shop.fqn("sales"))
    assert message in failure_of(location.approve(shop.fqn("sales"), **config))
    assert shop.pushes() == []


def test_a_run_of_all_three_assets_in_a_channel_that_waits_writes_nothing(shop: World, location: Location) -> None:
    for _ in range(2):
        assert location.run(shop.fqn("sales")).success
    assert shop.pushes() == []


def test_a_command_line_can_approve(shop: World, tmp_path: Path) -> None:
    key = shop.fqn("sales")
    tags = json.dumps({"dagster/partition": key})
    with dagster_job(shop, tmp_path, "-j", "shop", "--tags", tags, approval="required") as process:
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    plan = output.partition("plan: ")[2][:16]
    # `dagster asset materialize --config-json`, with the same words.
    config = {"ops": {"shop__applied_updates": {"config": {"plan": plan, "approved_by": "grace"}}}}
    with dagster_job(
        shop, tmp_path, "--select", 'key:"shop/applied_updates"', "--partition", key, "--config-json",
        json.dumps(config), command=("asset", "materialize"), approval="required",
    ) as process:  # fmt: skip
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert shop.comment("sales", "orders") == "orders of sales"
