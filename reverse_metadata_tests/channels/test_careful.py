"""First tries: runs that write a part of what is due, or nothing."""

import pytest

from reverse_metadata_tests.channels.conftest import Locate
from reverse_metadata_tests.channels.location import Location, failure_of, shown
from reverse_metadata_tests.world import World


@pytest.fixture
def shop(world: World) -> World:
    for schema in ("sales", "stock"):
        for name in ("items", "orders"):
            world.table(schema, name, description=f"{name} of {schema}")
    return world


@pytest.fixture
def location(shop: World, locate: Locate) -> Location:
    return locate()


def written(world: World) -> list[str]:
    return [push.entity.removeprefix(world.fqn() + ".") for push in world.pushes()]


def test_a_dry_run_shows_the_plan_and_writes_nothing(shop: World, location: Location) -> None:
    result = location.sync(dry_run=True)
    assert result.success
    plan = shown(result, "resolved_templates")[shop.fqn("sales")]
    assert (plan["statements"], plan["dry_run"]) == (2, True)
    assert shop.pushes() == []
    assert location.colours() == {}
    assert location.run(shop.fqn("sales"), resolved_templates={"dry_run": True}).success
    assert shop.pushes() == []
    assert location.colours() == {}


def test_only_some_entities(shop: World, location: Location) -> None:
    result = location.sync(only=["*.sales.orders", "*.stock.it*"])
    assert result.success
    assert written(shop) == ["sales.orders", "stock.items"]
    applied = shown(result, "applied_updates")[shop.fqn("sales")]
    assert (applied["scope"], applied["verdict/apply"]) == ("narrowed", 1)
    assert shown(result, "resolved_templates")[shop.fqn("sales")]["left_out"] == 1
    assert location.sync().success
    assert len(written(shop)) == 4


def test_at_most_so_many_changes_in_the_whole_run(shop: World, location: Location) -> None:
    assert location.sync(limit=3).success
    assert written(shop) == ["sales.items", "sales.orders", "stock.items"]
    assert location.sync(limit=3).success
    assert len(written(shop)) == 4


def test_one_aspect(shop: World, locate: Locate) -> None:
    shop.run(f"CREATE ROLE {shop.database}_ada")
    try:
        location = locate({"name": "shop", "update_owners": True, "owners": {"map": {"ada": f"{shop.database}_ada"}}})
        shop.estate.user("ada")
        shop.estate.own(shop.fqn("sales", "orders"), ["ada"])
        assert location.sync(aspects=["owner"]).success
        assert [(push.entity, push.aspect) for push in shop.pushes()] == [(shop.fqn("sales", "orders"), "owner")]
        assert "aspects: 'owners' is not one of description, tags, owner" in failure_of(
            location.sync(aspects=["owners"])
        )
    finally:
        shop.run(f"DROP OWNED BY {shop.database}_ada CASCADE")
        shop.run(f"DROP ROLE {shop.database}_ada")


def test_what_was_left_out_stays_due(shop: World, location: Location) -> None:
    with shop.pipeline() as pipeline:
        pipeline.ledger.ensure_channel("shop", pipeline.catalog.name)
        pipeline.ledger.request_full(pipeline.catalog.name, [shop.fqn("sales")], "shop")
        assert location.sync(limit=1).success
        assert [w.entity for w in pipeline.ledger.pending("shop", pipeline.catalog.name, shop.fqn("sales"))]
        assert location.sync().success
        assert pipeline.ledger.pending("shop", pipeline.catalog.name, shop.fqn("sales")) == []
