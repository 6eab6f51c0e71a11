"""The jobs of a channel, and what Dagster shows of a run."""

import json
from typing import Any

import dagster as dg
import pytest

from reverse_metadata_tests.channels.conftest import Locate
from reverse_metadata_tests.channels.location import ASSETS, Location, failure_of, logged
from reverse_metadata_tests.world import World


def test_a_partition_that_an_empty_instance_does_not_know(world: World, locate: Locate) -> None:
    world.table("sales", "orders", description="One row an order")
    location = locate()
    key = world.fqn("sales")
    assert location.run(key).success
    assert location.partitions() == [key]
    assert [location.colours(asset) for asset in ASSETS] == [{key: "MATERIALIZED"}] * 3
    assert world.comment("sales", "orders") == "One row an order"


def test_a_run_without_a_partition_says_what_to_do(world: World, locate: Locate) -> None:
    assert failure_of(locate().run()) == (
        "This run names no partition. Choose schemas on the asset's page, or run the job shop_sync, which does every"
        " schema in the channel's scope."
    )


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("shop_pg", "'shop_pg' is not the FQN of a schema (service.database.schema) or of a database"),
        ("shop_pg.shop.sales.orders", "'shop_pg.shop.sales.orders' is not the FQN of a schema"),
        ('shop_pg."shop', "shop_pg"),
        ("other_pg.shop.sales", "other_pg.shop.sales is outside the filter of channel shop; nothing is done"),
    ],
)
def test_a_partition_key_that_is_wrong(world: World, locate: Locate, key: str, message: str) -> None:
    location = locate({"name": "shop", "filter": {"service": "shop_*"}})
    assert message in failure_of(location.run(key))
    assert location.partitions() == []


def test_a_schema_that_the_catalog_does_not_have(world: World, locate: Locate) -> None:
    location = locate()
    message = failure_of(location.run(world.fqn("saels")))
    assert f"has no schema {world.fqn('saels')}; check how the partition key is written" in message
    assert location.colours() == {world.fqn("saels"): "FAILED"}


def test_sync_registers_what_the_catalog_has_and_removes_the_rest(world: World, locate: Locate) -> None:
    for schema in ("sales", "stock"):
        world.table(schema, "orders", description="One row an order")
    location = locate()
    location.instance.add_dynamic_partitions("shop_schemas", [world.fqn("long_gone")])
    assert location.sync().success
    assert location.partitions() == [world.fqn(), world.fqn("sales"), world.fqn("stock")]
    assert set(location.colours().values()) == {"MATERIALIZED"}
    world.estate.delete(world.fqn("stock"))
    assert location.sync().success
    assert location.partitions() == [world.fqn(), world.fqn("sales")]


def test_a_catalog_that_lists_nothing_removes_no_partition(world: World, locate: Locate) -> None:
    world.table("sales", "orders", description="One row an order")
    location = locate()
    assert location.sync().success
    world.server.hidden = {world.fqn(), world.fqn("sales")}
    result = location.sync()
    assert not result.success
    assert location.partitions() == [world.fqn(), world.fqn("sales")]
    assert world.comment("sales", "orders") == "One row an order"


def test_an_unexpected_error_stays_in_its_partition_and_keeps_its_traceback(
    world: World, locate: Locate, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reverse_metadata.applying.pipeline import Pipeline

    for schema in ("sales", "stock"):
        world.table(schema, "orders", description="One row an order")
    apply = Pipeline.apply

    def broken(self: Pipeline, plan: Any) -> Any:
        if plan.partition.schema == "sales":
            raise ZeroDivisionError("something of ours")
        return apply(self, plan)

    monkeypatch.setattr(Pipeline, "apply", broken)
    location = locate()
    result = location.sync()
    assert f"{world.fqn('sales')}: unexpected ZeroDivisionError: something of ours" in failure_of(result)
    assert location.colours() == {
        world.fqn(): "MATERIALIZED",
        world.fqn("sales"): "FAILED",
        world.fqn("stock"): "MATERIALIZED",
    }
    assert world.comment("stock", "orders") == "One row an order"


def test_one_observation_a_written_table(world: World, locate: Locate) -> None:
    orders = world.table("sales", "orders", ("id", "email"), description="One row an order")
    world.estate.describe(orders, "Where to write", column="email", user="grace")
    world.table("sales", "customers", description="People")
    world.comment_by_hand("sales", "customers", "People")
    location = locate()
    result = location.run(world.fqn("sales"))
    (observation,) = observations(result)
    assert observation.asset_key == dg.AssetKey(["shop_pg", world.database, "sales", "orders"])
    assert observation.description == "2 changes pushed"
    metadata = plain(observation.metadata)
    assert metadata["before_and_after"] == [
        {"entity": orders, "aspect": "description", "before": "", "after": "One row an order"},
        {"entity": f"{orders}.email", "aspect": "description", "before": "", "after": "Where to write"},
    ]
    assert metadata["changes"] == 2
    assert "COMMENT ON TABLE" in metadata["sql"]
    assert "'Where to write'" in metadata["sql"]
    assert metadata["changed_by"] == "grace"
    assert metadata["catalog_url"].startswith(f"{world.server.url}/table/")
    assert metadata["run"] == result.run_id
    assert metadata["dagster/table_name"] == f"{world.database}.sales.orders"
    assert metadata["plan_id"] == world.pushes()[0].plan_id

    assert observations(location.run(world.fqn("sales"))) == []


def test_an_observation_shows_what_stood_before(world: World, locate: Locate) -> None:
    orders = world.table("sales", "orders", description="One row an order")
    location = locate()
    location.sync()
    world.estate.describe(orders, "One row a sale")
    (observation,) = observations(location.sync())
    assert plain(observation.metadata)["before_and_after"] == [
        {"entity": orders, "aspect": "description", "before": "One row an order", "after": "One row a sale"}
    ]


def test_what_the_assets_show(world: World, locate: Locate) -> None:
    world.table("sales", "orders", ("id", "email"), description="One row an order")
    world.table("sales", "customers", description="People")
    world.comment_by_hand("sales", "customers", "a text of our own")
    location = locate()
    location.run(world.fqn("sales"))
    fetched, plan, applied = (plain(metadata_of(location, asset)) for asset in ASSETS)
    assert fetched["scope"] == "full"
    assert fetched["tables"] == 2
    assert fetched["catalog_url"].startswith(world.server.url)
    assert plan["statements"] == 1
    assert plan["verdict/apply"] == 1
    assert plan["verdict/conflict"] == 1
    assert [(row["entity"], row["verdict"], row["before"]) for row in plan["changes"]] == [
        (world.fqn("sales", "orders"), "apply", ""),
        (world.fqn("sales", "customers"), "conflict", "a text of our own"),
    ]
    assert plan["sql"].startswith("```sql\nCOMMENT ON TABLE")
    assert applied["pushed"] == 1
    assert applied["failed"] == 0
    assert [(row["after"], row["outcome"]) for row in applied["updates"]] == [("One row an order", "applied")]


def test_hostile_text_is_shown_escaped_and_arrives_as_it_is(world: World, locate: Locate) -> None:
    text = "\u202etxet\x1b[31m red\n```\n<script>alert(1)</script>"
    world.table("sales", "orders", description=text)
    location = locate()
    result = location.sync()
    assert result.success
    assert world.comment("sales", "orders") == text
    shown = [json.dumps(plain(metadata_of(location, asset)), ensure_ascii=False) for asset in ASSETS[1:]]
    shown += [json.dumps(plain(each.metadata), ensure_ascii=False) for each in observations(result)]
    assert len(shown) == 3
    for everything in shown:
        assert "\u202e" not in everything
        assert "\x1b" not in everything
        assert "\\u001b" not in everything
        assert "u{202e}txet" in everything
        assert "u{1b}[31m red" in everything
    # The fence around the SQL is longer than any in the text.
    assert plain(metadata_of(location, "resolved_templates"))["sql"].startswith("````sql\n")


def test_a_wrong_password_names_no_secret(world: World, locate: Locate) -> None:
    """A connection that is refused says whom it tried, where, and what to check."""
    world.table("sales", "orders", description="One row an order")
    world.username = "nobody_at_all"
    location = locate()
    message = failure_of(location.run(world.fqn("sales")))
    assert 'role "nobody_at_all" does not exist. Check username and password of the service.' in message
    assert location.colours() == {world.fqn("sales"): "FAILED"}


def test_the_log_says_what_happened_to_each_partition(world: World, locate: Locate) -> None:
    world.table("sales", "orders", description="One row an order")
    location = locate()
    lines = logged(location, location.sync())
    assert f"2 of 2: {world.fqn('sales')}" in lines
    assert f"{world.fqn('sales')}: 1 statements; 1 apply" in lines


def observations(result: dg.ExecuteInProcessResult) -> list[dg.AssetObservation]:
    """The observations of a run, in their order."""
    events = [event for event in result.all_events if event.event_type_value == "ASSET_OBSERVATION"]
    return [event.asset_observation_data.asset_observation for event in events]


def metadata_of(location: Location, asset: str) -> dict[str, Any]:
    """The metadata of the newest materialization of an asset of the channel `shop` with a schema as partition."""
    key = dg.AssetKey(["shop", asset])
    records = location.instance.fetch_materializations(key, limit=10).records
    found = [r.asset_materialization for r in records if r.partition_key and r.partition_key.count(".") == 2]
    assert found[0] is not None
    return dict(found[0].metadata)


def plain(metadata: Any) -> dict[str, Any]:
    """Metadata as plain values; a table is a list of its rows."""
    values: dict[str, Any] = {}
    for name, value in metadata.items():
        records = getattr(value, "records", None)
        values[name] = value.value if records is None else [dict(record.data) for record in records]
    return values
