"""The sensor: what changed in the catalog is due, is asked for once, and stays due until it arrived."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from sqlalchemy import create_engine, text

from reverse_metadata.connectors.postgres import PostgresConnector
from reverse_metadata.ledger import Ledger
from reverse_metadata.model import Partition, SourceState
from reverse_metadata_tests.channels.conftest import Locate
from reverse_metadata_tests.channels.location import Daemon, failure_of
from reverse_metadata_tests.world import World


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Dagster's storage in files: sensors that name partitions do not work on one in memory."""
    with dg.instance_for_test() as each:
        yield each


@pytest.fixture
def shop(world: World) -> World:
    """Two schemas with two tables each, described so long ago that the catalog has no event of it any more."""
    for schema in ("sales", "stock"):
        for name in ("items", "orders"):
            world.table(schema, name, description=f"{name} of {schema}")
    world.estate.events.clear()
    return world


@pytest.fixture
def daemon(shop: World, locate: Locate) -> Daemon:
    return Daemon(locate())


@pytest.fixture
def settled(daemon: Daemon, shop: World) -> Daemon:
    """The daemon after the first full look at everything arrived."""
    daemon.tick()
    shop.sync()
    assert daemon.tick() == []
    return daemon


def test_the_first_tick_registers_the_partitions_and_asks_for_full_runs(shop: World, daemon: Daemon) -> None:
    everything = [shop.fqn(), shop.fqn("sales"), shop.fqn("stock")]
    assert daemon.tick() == [(key, "full") for key in everything]
    assert daemon.location.partitions() == everything
    assert all(result.success for result in daemon.launch())
    assert shop.comment("stock", "items") == "items of stock"
    assert daemon.location.colours() == dict.fromkeys(everything, "MATERIALIZED")
    assert daemon.tick() == []
    assert daemon.skipped is not None
    assert daemon.skipped.startswith("nothing is due")


def test_an_edit_reads_and_writes_one_table(shop: World, settled: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.estate.describe(shop.fqn("sales", "orders"), "One row a sale")
    # Nobody told the catalog: a full look would set this right, a look at one table does not see it.
    shop.comment_by_hand("sales", "items", "by hand")
    assert settled.tick() == [(shop.fqn("sales"), "changed")]
    shop.server.requests.clear()
    read, tables_read = PostgresConnector.read, []

    def noted(self: PostgresConnector, partition: Partition, only: Collection[str] | None = None) -> SourceState:
        tables_read.append(only)
        return read(self, partition, only)

    monkeypatch.setattr(PostgresConnector, "read", noted)
    (result,) = settled.launch()
    assert result.success
    assert shop.comment("sales", "orders") == "One row a sale"
    assert shop.comment("sales", "items") == "by hand"
    asked = {path for path, _ in shop.server.requests}
    assert asked == {f"tables/name/{shop.fqn('sales', 'orders')}", "services/ingestionPipelines"}
    assert [list(only or ()) for only in tables_read] == [["orders"]] * 3  # to plan, before the write, and after it
    assert [push.entity for push in shop.pushes()][-1] == shop.fqn("sales", "orders")
    assert settled.tick() == []


def test_several_edits_are_one_request(shop: World, settled: Daemon) -> None:
    for number in range(3):
        shop.estate.describe(shop.fqn("sales", "orders"), f"Edit {number}")
    shop.estate.describe(shop.fqn("sales", "items"), "Things")
    shop.estate.describe(shop.fqn("stock", "items"), "Boxes")
    assert sorted(settled.tick()) == [(shop.fqn("sales"), "changed"), (shop.fqn("stock"), "changed")]
    settled.launch()
    assert shop.comment("sales", "orders") == "Edit 2"
    assert shop.comment("sales", "items") == "Things"
    assert shop.comment("stock", "items") == "Boxes"
    assert settled.tick() == []


def test_while_a_run_is_under_way_there_is_no_second_request(shop: World, settled: Daemon) -> None:
    instance = settled.location.instance
    shop.estate.describe(shop.fqn("sales", "orders"), "One row a sale")
    assert settled.tick() == [(shop.fqn("sales"), "changed")]
    under_way = instance.create_run_for_job(
        settled.location.defs.resolve_job_def("shop"),
        tags={"dagster/partition": shop.fqn("sales"), "dagster/sensor_name": "shop_on_change"},
        status=dg.DagsterRunStatus.STARTED,
    )
    assert settled.tick() == []
    shop.estate.describe(shop.fqn("stock", "orders"), "Orders of ours")
    assert settled.tick() == [(shop.fqn("stock"), "changed")]
    instance.delete_run(under_way.run_id)
    assert settled.tick() == []
    come_due(shop)
    assert sorted(settled.tick()) == [(shop.fqn("sales"), "changed"), (shop.fqn("stock"), "changed")]


def test_an_edit_during_the_run_stays_due(shop: World, settled: Daemon) -> None:
    orders = shop.fqn("sales", "orders")
    shop.estate.describe(orders, "first")
    settled.tick()

    asked_meanwhile = []

    def edit_twice(path: str) -> None:
        """The run has noted which events it answers, and is about to read the table."""
        if path.startswith("tables/name/"):
            shop.server.before = lambda _: None
            shop.estate.describe(orders, "second")
            asked_meanwhile.extend(settled.tick())
            shop.estate.describe(orders, "third")

    shop.server.before = edit_twice
    (result,) = settled.launch()
    assert result.success
    assert asked_meanwhile == []
    assert shop.comment("sales", "orders") == "third"
    assert settled.tick() == [(shop.fqn("sales"), "changed")]
    assert settled.launch()[0].success
    assert settled.tick() == []


def test_a_failed_run_is_due_again_at_growing_distances(shop: World, settled: Daemon, locate: Locate) -> None:
    shop.estate.describe(shop.fqn("sales", "orders"), "One row a sale")
    broken = Daemon(locate(host="/nowhere"))
    for minutes in (1, 2):
        assert broken.tick() == [(shop.fqn("sales"), "changed")]
        assert "connecting to database" in failure_of(broken.launch()[0])
        assert broken.tick() == []
        assert minutes - 1 < minutes_to_next_try(shop) <= minutes
        come_due(shop)
    assert settled.tick() == [(shop.fqn("sales"), "changed")]
    assert settled.launch()[0].success
    assert shop.comment("sales", "orders") == "One row a sale"
    assert settled.tick() == []


def test_after_many_failures_it_is_parked_until_something_happens(shop: World, settled: Daemon, locate: Locate) -> None:
    shop.estate.describe(shop.fqn("sales", "orders"), "One row a sale")
    broken = Daemon(locate(host="/nowhere"))
    broken.tick()
    broken.launch()
    come_due(shop, attempts=7)
    assert broken.tick() == [(shop.fqn("sales"), "changed")]
    broken.launch()
    come_due(shop)
    assert settled.tick() == []
    shop.estate.describe(shop.fqn("sales", "orders"), "One row a sale, since 2019")
    assert settled.tick() == [(shop.fqn("sales"), "changed")]


def test_a_missing_privilege_is_never_parked(shop: World, settled: Daemon, locate: Locate) -> None:
    writer = f"writer_{shop.database}"
    shop.run(f"CREATE ROLE {writer} LOGIN")
    shop.estate.describe(shop.fqn("sales", "orders"), "One row a sale")
    shop.username = writer
    unprivileged = Daemon(locate())
    unprivileged.tick()
    assert "permission denied" in failure_of(unprivileged.launch()[0])
    come_due(shop, attempts=7)
    assert unprivileged.tick() == [(shop.fqn("sales"), "changed")]
    unprivileged.launch()
    come_due(shop)
    assert unprivileged.tick() == [(shop.fqn("sales"), "changed")]
    shop.run(f"DROP ROLE {writer}")


def test_edits_while_the_daemon_was_down_are_found(shop: World, settled: Daemon, locate: Locate) -> None:
    shop.estate.forward(3600)
    shop.estate.describe(shop.fqn("stock", "items"), "Boxes")
    assert Daemon(locate()).tick() == [(shop.fqn("stock"), "changed")]


def test_after_more_days_than_the_catalog_keeps_its_events_everything_is_compared(shop: World, settled: Daemon) -> None:
    shop.comment_by_hand("stock", "items", None)
    with Ledger.open(shop.ledger_url) as ledger:
        ledger.record_events(shop.server.url, [], cursor="")
    assert settled.tick() == [(key, "full") for key in (shop.fqn(), shop.fqn("sales"), shop.fqn("stock"))]
    assert all(result.success for result in settled.launch())
    assert shop.comment("stock", "items") == "items of stock"


def test_a_catalog_that_does_not_answer_stops_no_work_that_is_known(shop: World, settled: Daemon) -> None:
    shop.estate.describe(shop.fqn("sales", "orders"), "One row a sale")
    assert settled.tick() == [(shop.fqn("sales"), "changed")]
    shop.server.fail(403, times=100, path="events")
    come_due(shop)
    assert settled.tick() == [(shop.fqn("sales"), "changed")]
    shop.server.heal()
    assert settled.launch()[0].success
    assert settled.tick() == []


def test_two_channels_share_one_tail_and_each_has_its_own_work(shop: World, locate: Locate) -> None:
    location = locate(
        {"name": "sales only", "filter": {"schema": "sales"}}, {"name": "stock only", "filter": {"schema": "stock"}}
    )
    sales, stock = Daemon(location, "sales_only"), Daemon(location, "stock_only")
    assert {key for key, _ in sales.tick()} >= {shop.fqn("sales")}
    assert {key for key, _ in stock.tick()} >= {shop.fqn("stock")}
    assert shop.fqn("stock") not in location.partitions("sales_only")
    for each in (sales, stock):
        assert all(result.success for result in each.launch())
        assert each.tick() == []
    shop.estate.describe(shop.fqn("sales", "orders"), "One row a sale")
    assert stock.tick() == []
    assert sales.tick() == [(shop.fqn("sales"), "changed")]


def test_a_lost_cursor_loses_nothing(shop: World, settled: Daemon) -> None:
    shop.estate.describe(shop.fqn("sales", "orders"), "One row a sale")
    settled.tick()
    settled.cursor = None
    come_due(shop)
    assert settled.tick() == [(shop.fqn("sales"), "changed")]


def minutes_to_next_try(world: World) -> float:
    """How far ahead the only waiting entity of the ledger is tried again."""
    engine = create_engine(world.ledger_url)
    try:
        with engine.begin() as connection:
            (moment,) = connection.scalars(text("SELECT next_try FROM deliveries WHERE next_try IS NOT NULL"))
    finally:
        engine.dispose()
    return (datetime.fromisoformat(moment).replace(tzinfo=UTC) - datetime.now(UTC)) / timedelta(minutes=1)


def come_due(world: World, attempts: int = 1) -> None:
    """Let the time pass until everything that waits may be tried again, after so many attempts."""
    engine = create_engine(world.ledger_url)
    query = "UPDATE deliveries SET next_try = '2020-01-01 00:00:00', attempts = max(attempts, :attempts)"
    try:
        with engine.begin() as connection:
            connection.execute(text(f"{query} WHERE next_try IS NOT NULL"), {"attempts": attempts})
    finally:
        engine.dispose()


def test_a_run_that_dies_without_a_word_is_asked_for_again_after_a_while(shop: World, settled: Daemon) -> None:
    shop.estate.describe(shop.fqn("sales", "orders"), "One row a sale")
    assert settled.tick() == [(shop.fqn("sales"), "changed")]
    assert settled.tick() == []
    come_due(shop)
    assert settled.tick() == [(shop.fqn("sales"), "changed")]


def test_half_of_a_surrogate_pair_stops_no_other_text(shop: World, settled: Daemon) -> None:
    shop.estate.describe(shop.fqn("sales", "orders"), "half of a pair: \ud800")
    shop.estate.describe(shop.fqn("sales", "items"), "fine")
    settled.tick()
    (result,) = settled.launch()
    assert result.success
    assert shop.comment("sales", "items") == "fine"
    assert shop.comment("sales", "orders") == "orders of sales"
    assert settled.tick() == []


def test_what_happens_to_a_database_asks_for_all_its_schemas(shop: World, settled: Daemon) -> None:
    shop.estate.delete(shop.fqn())
    shop.estate.restore(shop.fqn())
    assert sorted(settled.tick()) == [(key, "full") for key in (shop.fqn(), shop.fqn("sales"), shop.fqn("stock"))]


def test_discovery_that_does_not_fit_into_a_tick_goes_on_in_the_next(
    shop: World, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.estate.service("zoo_pg")
    shop.estate.database("zoo_pg.animals")
    monkeypatch.setattr("reverse_metadata.channels.triggers._DISCOVERY_SECONDS", -1.0)
    assert [key for key, _ in daemon.tick()] == [shop.fqn(), shop.fqn("sales"), shop.fqn("stock")]
    assert [key for key, _ in daemon.tick()] == ["zoo_pg.animals"]
    assert daemon.tick() == []
    with Ledger.open(shop.ledger_url) as ledger:
        assert ledger.owed("shop", shop.server.url) is None
        ledger.record_events(shop.server.url, [], ledger.cursor(shop.server.url), everything=True)
    come_due(shop)
    everything = [shop.fqn(), shop.fqn("sales"), shop.fqn("stock"), "zoo_pg.animals"]
    assert sorted(key for key, _ in daemon.tick()) == everything


def test_events_outside_the_filter_are_looked_at_once(shop: World, locate: Locate) -> None:
    daemon = Daemon(locate({"name": "shop", "filter": {"schema": "sales"}}))
    daemon.tick()
    shop.estate.describe(shop.fqn("stock", "orders"), "not ours")
    daemon.tick()
    with Ledger.open(shop.ledger_url) as ledger:
        waiting = ledger.due("shop", shop.server.url, datetime.now(UTC))
        assert [work.partition_key for work in waiting] == []


def test_schemas_that_cannot_be_listed_stop_no_work_that_is_known(shop: World, settled: Daemon) -> None:
    shop.estate.describe(shop.fqn("sales", "orders"), "One row a sale")
    with Ledger.open(shop.ledger_url) as ledger:
        ledger.record_events(shop.server.url, [], ledger.cursor(shop.server.url), everything=True)
    shop.server.fail(403, times=100, path="databaseServices")
    assert settled.tick() == [(shop.fqn("sales"), "changed")]
