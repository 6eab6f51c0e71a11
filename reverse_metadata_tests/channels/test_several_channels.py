"""Two channels of one configuration over the same schema, as Dagster shows them."""

from typing import Any

import pytest

from reverse_metadata_tests.channels.conftest import Locate
from reverse_metadata_tests.channels.location import failure_of
from reverse_metadata_tests.channels.test_runs import metadata_of, plain
from reverse_metadata_tests.world import World

SHOP: dict[str, Any] = {"name": "shop"}
FINANCE: dict[str, Any] = {"name": "finance", "description_format": "text"}


@pytest.fixture
def sales(world: World) -> str:
    """A schema that the channels contradict each other in, beside one in which they agree; the partition key."""
    world.table("sales", "orders", description="One **bold** row")
    world.table("stock", "items", description="One row an item")
    return world.fqn("sales")


def sentence(sales: str, one: str, other: str) -> str:
    texts = {"shop": "One **bold** row", "finance": "One bold row"}
    return (
        f"channels {one} and {other} would write the description of {sales}.orders differently: {one} writes"
        f" '{texts[one]}', {other} writes '{texts[other]}'. Nothing of {sales} is written by either."
    )


@pytest.mark.parametrize("whole", [True, False])
def test_contradictory_channels_are_both_red_until_a_priority_settles_it(
    world: World, locate: Locate, sales: str, whole: bool
) -> None:
    stock = world.fqn("stock")

    def run(location: Any, channel: str) -> Any:
        return location.sync(channel) if whole else location.run(sales, channel=channel)

    location = locate(SHOP, FINANCE)
    assert sentence(sales, "shop", "finance") in failure_of(run(location, "shop"))
    assert sentence(sales, "finance", "shop") in failure_of(run(location, "finance"))
    for channel in ("shop", "finance"):
        assert location.colours(channel=channel)[sales] == "FAILED"
    if whole:
        assert [location.colours(channel=each)[stock] for each in ("shop", "finance")] == ["MATERIALIZED"] * 2
    assert world.comment("sales", "orders") is None

    location = locate(SHOP, FINANCE | {"priority": 1})
    for channel in ("shop", "finance"):
        assert run(location, channel).success
        assert set(location.colours(channel=channel).values()) == {"MATERIALIZED"}
    assert world.comment("sales", "orders") == "One bold row"
    assert [push.channel for push in world.pushes() if push.entity == f"{sales}.orders"] == ["finance"]


def test_the_plan_says_what_was_left_to_whom(world: World, locate: Locate, sales: str) -> None:
    location = locate(SHOP, FINANCE | {"priority": 1})
    assert location.run(sales).success
    plan = plain(metadata_of(location, "resolved_templates"))
    assert plan["left_to/finance"] == 1
    assert (plan["statements"], plan["verdict/apply"]) == (0, 0)
