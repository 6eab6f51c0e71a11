"""What becomes of edits when the catalog ingests the source again: the cases of docs/reingestion.md."""

from reverse_metadata_tests.world import World, statements


def described(world: World, fqn: str) -> str | None:
    return next(e.get("description") for e in world.estate.entities.values() if e["fullyQualifiedName"] == fqn)


def ingest(world: World, *, override: bool) -> None:
    """Ingestion of `sales.orders`: without `overrideMetadata` it only fills in what the catalog lacks."""
    fqn = world.fqn("sales", "orders")
    if override or not described(world, fqn):
        world.estate.describe(fqn, world.comment("sales", "orders"), user="ingestion-bot")


def test_without_the_flag_an_edit_survives_until_it_is_pushed(world: World) -> None:
    orders = world.table("sales", "orders", description="One row an order")
    assert statements(world.sync()) == 1
    world.estate.describe(orders, "One row a paid order")
    ingest(world, override=False)
    assert statements(world.sync()) == 1
    ingest(world, override=False)
    assert statements(world.sync()) == 0
    assert world.comment("sales", "orders") == described(world, orders) == "One row a paid order"


def test_without_the_flag_a_text_taken_away_comes_back(world: World) -> None:
    orders = world.table("sales", "orders", description="One row an order")
    assert statements(world.sync()) == 1
    world.estate.describe(orders, None)
    ingest(world, override=False)
    assert statements(world.sync()) == 0
    assert world.comment("sales", "orders") == described(world, orders) == "One row an order"


def test_with_the_flag_only_a_pushed_edit_survives(world: World) -> None:
    orders = world.table("sales", "orders", description="One row an order")
    assert statements(world.sync()) == 1
    ingest(world, override=True)
    assert described(world, orders) == "One row an order"
    world.estate.describe(orders, "One row a paid order")
    ingest(world, override=True)
    assert statements(world.sync()) == 0
    assert world.comment("sales", "orders") == described(world, orders) == "One row an order"


def test_with_the_flag_plain_text_replaces_the_markup(world: World) -> None:
    orders = world.table("sales", "orders", description="One row an **order**")
    assert statements(world.sync(description_format="text")) == 1
    ingest(world, override=True)
    assert described(world, orders) == "One row an order"
    assert statements(world.sync(description_format="text")) == 0
