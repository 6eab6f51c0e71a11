"""Several channels over the same tables: one push, an error that names both, and what a priority settles."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from reverse_metadata.applying.apply import Applied
from reverse_metadata.applying.preview import preview
from reverse_metadata.config import Channel, load_config
from reverse_metadata.model import Partition
from reverse_metadata.planning.show import page
from reverse_metadata_tests.dagster_process import TOKEN, write_config
from reverse_metadata_tests.simulated.engine import Engine
from reverse_metadata_tests.simulated.world import SimulatedWorld
from reverse_metadata_tests.world import SERVICE, World, statements

RAW: dict[str, Any] = {"name": "raw"}
TEXT: dict[str, Any] = {"name": "text", "description_format": "text"}
BOTH = pytest.mark.parametrize(("first", "second"), [(RAW, TEXT), (TEXT, RAW)])


def sync(world: World | SimulatedWorld, channel: dict[str, Any], *others: dict[str, Any]) -> dict[str, Applied | str]:
    """A run of one of several channels."""
    return world.sync(**channel, others=tuple(Channel(**other) for other in others))


@BOTH
def test_channels_that_agree_push_once(world: World, first: dict[str, Any], second: dict[str, Any]) -> None:
    orders = world.table("sales", "orders", description="One row an order")
    assert statements(sync(world, first, second)) == 1
    assert statements(sync(world, second, first)) == 0
    assert [push.channel for push in world.pushes()] == [first["name"]]
    world.estate.describe(orders, "One row a sale")
    assert statements(sync(world, second, first)) == 1
    assert statements(sync(world, first, second)) == 0
    assert [push.channel for push in world.pushes()] == [first["name"], second["name"]]
    world.estate.describe(orders, None)
    assert statements(sync(world, first, second)) == 1
    assert statements(sync(world, second, first)) == 0
    assert world.comment("sales", "orders") is None


@BOTH
def test_what_another_channel_pushed_alike_is_not_even_noted(
    world: World, first: dict[str, Any], second: dict[str, Any]
) -> None:
    world.table("sales", "orders", description="One row an order")
    sync(world, first, second)
    with world.pipeline(**second, others=(Channel(**first),)) as pipeline:
        partitions = pipeline.discover()
        plans = [pipeline.resolve(pipeline.fetch(partition, "full")) for partition in partitions]
    assert [plan.counts for plan in plans] == [{}, {"in_sync": 1}]
    assert [plan.remember for plan in plans] == [(), ()]


@BOTH
def test_channels_that_agree_push_once_to_a_source_that_alters_what_it_stores(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    world = SimulatedWorld(Engine(lossy=str.upper))
    world.schema("sales", orders=("id",))
    world.catalog.describe(world.fqn("sales", "orders"), "One row an order")
    assert statements(sync(world, first, second)) == 1
    for _ in range(3):
        assert statements(sync(world, second, first)) == 0
        assert statements(sync(world, first, second)) == 0
    assert len(world.pushes()) == 1


@BOTH
def test_channels_that_contradict_each_other_write_nothing_of_the_schema(
    world: World, first: dict[str, Any], second: dict[str, Any]
) -> None:
    world.table("sales", "customers", description="People")
    world.table("sales", "orders", description="One **bold** row")
    world.table("stock", "items", description="One row an item")
    texts = {"raw": "'One **bold** row'", "text": "'One bold row'"}
    name, other = first["name"], second["name"]
    results = sync(world, first, second)
    assert results[world.fqn("sales")] == (
        f"channels {name} and {other} would write the description of {world.fqn('sales', 'orders')} differently: "
        f"{name} writes {texts[name]}, {other} writes {texts[other]}. Nothing of {world.fqn('sales')} is written by"
        " either. Give one of them the higher priority, or filters that do not overlap."
    )
    assert world.comment("sales", "orders") is None
    assert world.comment("sales", "customers") is None
    # Another schema is not concerned.
    assert world.comment("stock", "items") == "One row an item"
    assert [push.entity for push in world.pushes()] == [world.fqn("stock", "items")]


@pytest.mark.parametrize("lower_first", [True, False])
def test_a_priority_settles_it(world: World, lower_first: bool) -> None:
    world.table("sales", "customers", description="People")
    world.table("sales", "orders", description="One **bold** row")
    high, low = TEXT | {"priority": 1}, RAW
    if lower_first:
        assert statements(sync(world, low, high)) == 1
        assert world.comment("sales", "orders") is None
        assert statements(sync(world, high, low)) == 1
    else:
        assert statements(sync(world, high, low)) == 2
    assert world.comment("sales", "orders") == "One bold row"
    assert world.comment("sales", "customers") == "People"
    for _ in range(2):
        assert statements(sync(world, low, high)) == 0
        assert statements(sync(world, high, low)) == 0


def test_what_is_left_is_not_listed_and_is_counted(world: World) -> None:
    world.table("sales", "orders", description="One **bold** row")
    plan = world.plan("sales", **RAW, others=(Channel(**TEXT, priority=1),))
    assert (list(plan.changes), plan.counts, plan.remember) == ([], {}, ())
    assert plan.left_to == {"text": 1}


def test_a_new_priority_writes_once_and_no_channel_removes_what_the_other_pushed(world: World) -> None:
    orders = world.table("sales", "orders", description="One **bold** row")
    assert statements(sync(world, RAW)) == 1
    high = TEXT | {"priority": 1}
    assert statements(sync(world, RAW, high)) == 0
    assert statements(sync(world, high, RAW)) == 1
    assert world.comment("sales", "orders") == "One bold row"
    world.estate.describe(orders, "<!-- later -->")
    # For the one this is a text, for the other it is none: it is the first one's.
    assert statements(sync(world, high, RAW)) == 0
    assert statements(sync(world, RAW, high)) == 1
    assert statements(sync(world, high, RAW)) == 0


def test_a_channel_that_is_gone_leaves_what_it_wrote_to_those_that_are_left(world: World) -> None:
    orders = world.table("sales", "orders", description="One row an order")
    world.table("sales", "customers", description="A **bold** one")
    assert statements(sync(world, RAW)) == 2
    # Same text: taken over without a push. Another one: written once, though `keep` protects texts of the source.
    keep = TEXT | {"on_conflict": "keep"}
    assert statements(sync(world, keep)) == 1
    assert [(push.channel, push.after) for push in world.pushes()][2:] == [("text", "A bold one")]
    world.estate.describe(orders, None)
    assert statements(sync(world, keep)) == 1
    assert world.comment("sales", "orders") is None


def test_a_channel_that_is_gone_and_covers_nothing_else_leaves_the_source_as_it_is(world: World) -> None:
    orders = world.table("sales", "orders", description="One row an order")
    world.table("stock", "items", description="One row an item")
    sync(world, RAW)
    world.estate.describe(orders, None)
    assert statements(sync(world, TEXT | {"filter": {"schema": "stock"}})) == 0
    assert world.comment("sales", "orders") == "One row an order"


def tagging(name: str, **settings: Any) -> dict[str, Any]:
    return {"name": name, "update_tags": True, "update_descriptions": False, **settings}


@pytest.fixture
def labels() -> SimulatedWorld:
    """One table in a system with tags."""
    world = SimulatedWorld()
    world.schema("sales", orders=("id",))
    return world


def test_channels_for_different_keys_of_one_table(labels: SimulatedWorld) -> None:
    orders = labels.fqn("sales", "orders")
    pii = tagging("pii", tags={"include": ["PII.*"], "case": "lower"})
    rest = tagging("rest", tags={"exclude": ["PII.*"]})
    labels.catalog.tag(orders, "PII.Sensitive")
    labels.catalog.tag(orders, "Size.L")
    assert statements(sync(labels, pii, rest)) == 1
    assert statements(sync(labels, rest, pii)) == 1
    assert labels.found("sales", "orders").tags == {"pii": "sensitive", "Size": "L"}
    for _ in range(2):
        assert statements(sync(labels, pii, rest)) == 0
        assert statements(sync(labels, rest, pii)) == 0


def test_a_tag_that_another_channel_pushed_alike_is_not_even_noted(labels: SimulatedWorld) -> None:
    labels.catalog.tag(labels.fqn("sales", "orders"), "PII.Sensitive")
    one, two = tagging("one"), tagging("two", tags={"map": {"Size": "size"}})
    assert statements(sync(labels, one, two)) == 1
    plan = labels.plan("sales", **two, others=(Channel(**one),))
    assert (plan.counts, plan.remember) == ({"in_sync": 1}, ())


def test_a_key_that_changes_its_value_is_never_removed_by_the_channel_that_does_not_write_it(
    labels: SimulatedWorld,
) -> None:
    """A mask hangs on the key: it must not be lifted on the way from one value to the next."""
    orders = labels.fqn("sales", "orders")
    pii = tagging("pii", tags={"include": ["PII.*"]})
    rest = tagging("rest", tags={"exclude": ["PII.*"]})
    labels.catalog.tag(orders, "PII.Sensitive")
    sync(labels, pii, rest)
    labels.catalog.untag(orders, "PII.Sensitive")
    labels.catalog.tag(orders, "PII.Contact")
    assert statements(sync(labels, rest, pii)) == 0
    assert statements(sync(labels, pii, rest)) == 1
    assert labels.found("sales", "orders").tags == {"PII": "Contact"}
    labels.catalog.untag(orders, "PII.Contact")
    assert statements(sync(labels, rest, pii)) == 1
    assert labels.found("sales", "orders").tags == {}


def test_contradictory_tags_and_owners(labels: SimulatedWorld) -> None:
    orders = labels.fqn("sales", "orders")
    labels.catalog.user("ada")
    labels.catalog.own(orders, "ada")
    labels.catalog.tag(orders, "PII.Sensitive")
    one = tagging("one", update_owners=True)
    two = tagging(
        "two", update_owners=True, tags={"map": {"PII": {"value": "yes"}}}, owners={"map": {"ada": "finance"}}
    )
    message = sync(labels, one, two)[labels.fqn("sales")]
    assert message == (
        "channels one and two would write the tags PII of lake.db.sales.orders differently: one writes"
        " 'Sensitive', two writes 'yes' (and 1 more). Nothing of lake.db.sales is written by either. Give one"
        " of them the higher priority, or filters that do not overlap."
    )
    assert labels.engine.log == []
    high = two | {"priority": 1}
    assert statements(sync(labels, one, high)) == 0
    assert statements(sync(labels, high, one)) == 2
    found = labels.found("sales", "orders")
    assert (found.tags, found.owner) == ({"PII": "yes"}, "finance")
    assert statements(sync(labels, one, high)) == 0


def test_two_defaults_do_not_hand_a_table_back_and_forth(labels: SimulatedWorld) -> None:
    orders = labels.fqn("sales", "orders")
    labels.catalog.user("ada")
    labels.catalog.own(orders, "ada")
    owning = {"update_owners": True, "update_descriptions": False}
    one = owning | {"name": "one", "owners": {"default": "finance"}}
    two = owning | {"name": "two", "owners": {"default": "grace"}, "priority": 1}
    assert statements(sync(labels, two, one)) == 1
    labels.catalog.own(orders)
    assert statements(sync(labels, one, two)) == 0
    assert statements(sync(labels, two, one)) == 1
    assert statements(sync(labels, one, two)) == 0
    assert labels.found("sales", "orders").owner == "grace"
    both = sync(labels, one, two | {"priority": 0})[labels.fqn("sales")]
    assert isinstance(both, str)
    assert "the owner of lake.db.sales.orders differently: their owners differ in default. Nothing" in both


def test_an_undo_is_not_concerned(labels: SimulatedWorld) -> None:
    labels.catalog.describe(labels.fqn("sales", "orders"), "One **bold** row")
    sync(labels, RAW)
    assert isinstance(sync(labels, RAW, TEXT)[labels.fqn("sales")], str)
    labels.channel = RAW
    assert statements(labels.undo("undo", run_id="run")) == 1
    assert labels.found("sales", "orders").description is None
    # What was undone stays so for every channel.
    assert statements(sync(labels, TEXT)) == 0


def test_a_preview_knows_the_other_channels(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, world.server.bot_token)
    world.table("sales", "orders", description="One **bold** row")

    def shown(text: dict[str, Any]) -> str:
        config = load_config(write_config(world, tmp_path, RAW, text))
        ((partition, result),) = preview(config, config.channel("raw"), Partition(SERVICE, world.database, "sales"))
        return page(partition, result)

    assert "problem: channels raw and text would write the description of " in shown(TEXT)
    assert shown(TEXT | {"priority": 1}) == (
        f"{world.fqn('sales')}: nothing in scope\n  1 value left to channel text, whose priority is higher\n"
    )


def test_the_documented_example(world: World) -> None:
    page = (Path(__file__).parents[2] / "docs/several_channels.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    error = re.search(r"```text\n(.*?)\n```", page, re.DOTALL)
    assert example is not None
    assert error is not None
    first, second = yaml.safe_load(example[1])["channels"]
    contradictory = {key: value for key, value in second.items() if key != "priority"}
    world.table("sales", "orders", description="One row per **order**")
    world.table("finance", "ledger", description="**Every** booking")
    world.table("finance", "accounts", description="Accounts")
    results = sync(world, first, contradictory)
    shown = results[world.fqn("finance")]
    assert isinstance(shown, str)
    assert shown.replace(world.database, "shop") == " ".join(error[1].split())
    assert statements(sync(world, first, second)) == 1
    assert statements(sync(world, second, first)) == 1
    assert world.comment("sales", "orders") == "One row per **order**"
    assert world.comment("finance", "ledger") == "Every booking"
    assert world.comment("finance", "accounts") == "Accounts"
