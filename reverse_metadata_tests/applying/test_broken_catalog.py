"""A catalog that fails in the middle of a run: nothing is removed, nothing half-read is written."""

import pytest

from reverse_metadata.applying.apply import Applied
from reverse_metadata.errors import CatalogError
from reverse_metadata_tests.world import World, statements


@pytest.fixture
def pushed(world: World) -> World:
    """Two schemas that were pushed, with an edit waiting in each."""
    for schema in ("finance", "sales"):
        for number in range(3):
            world.table(schema, f"t{number}", description=f"{schema} {number}")
    assert statements(world.sync()) == 6
    for schema in ("finance", "sales"):
        world.estate.describe(world.fqn(schema, "t0"), "edited")
        world.estate.describe(world.fqn(schema, "t1"), None)
    return world


def intact(world: World, schema: str) -> bool:
    return [world.comment(schema, f"t{number}") for number in range(3)] == [f"{schema} {n}" for n in range(3)]


def test_a_token_that_expires_in_mid_run_fails_what_is_left_and_loses_nothing(pushed: World) -> None:
    found: dict[str, str] = {}
    with pushed.pipeline() as pipeline:
        partitions = [partition for partition in pipeline.discover() if partition.schema]
        first, second = partitions
        assert pipeline.apply(pipeline.recover_and_resolve(pipeline.fetch(first, "full"))).statements == 2
        pushed.server.expire_tokens()
        with pytest.raises(CatalogError, match=r"(?i)token") as raised:
            pipeline.fetch(second, "full")
        found[second.key] = str(raised.value)
    assert pushed.server.bot_token not in found[second.key]
    assert intact(pushed, "sales")
    pushed.server.heal()
    assert statements(pushed.sync()) == 2


def test_a_storm_of_500s_is_ridden_out_when_it_ends_and_reported_when_it_does_not(pushed: World) -> None:
    pushed.server.fail(500, times=2, path="tables")
    assert statements(pushed.sync()) == 4
    pushed.server.fail(500, times=1000, path="tables")
    pushed.estate.describe(pushed.fqn("sales", "t2"), "edited")
    results = pushed.sync()
    assert {key: isinstance(result, Applied) for key, result in results.items()} == {
        pushed.fqn(): True,
        pushed.fqn("finance"): False,
        pushed.fqn("sales"): False,
    }
    assert "500" in str(results[pushed.fqn("sales")])
    assert pushed.comment("sales", "t2") == "sales 2"


def test_a_listing_that_lacks_a_table_is_an_error_and_not_a_deletion(pushed: World) -> None:
    pushed.server.hidden.add(pushed.fqn("sales", "t2"))
    results = pushed.sync(on_catalog_delete="clear")
    assert "listed 2 of 3 tables" in str(results[pushed.fqn("sales")])
    assert isinstance(results[pushed.fqn("finance")], Applied)
    assert intact(pushed, "sales")


def test_a_right_that_was_taken_away_is_an_error_and_not_a_deletion(pushed: World) -> None:
    pushed.server.fail(403, times=1000, path="tables")
    results = pushed.sync(on_catalog_delete="clear")
    assert not isinstance(results[pushed.fqn("sales")], Applied)
    assert intact(pushed, "sales")
    assert intact(pushed, "finance")
