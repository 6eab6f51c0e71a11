"""Values that another writer sets back again and again are left to it, against a simulated system."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reverse_metadata.model import Change
from reverse_metadata_tests.simulated.world import SimulatedWorld
from reverse_metadata_tests.world import statements


@pytest.fixture
def lake() -> SimulatedWorld:
    """A table whose description is pushed."""
    world = SimulatedWorld()
    world.schema("sales", orders=("id",), customers=("id",))
    world.catalog.describe(world.fqn("sales", "orders"), "One row per order")
    return world


def rebuild_by_dbt(world: SimulatedWorld) -> None:
    """The other writer: it comments the table with a text of its own, as `persist_docs` does."""
    world.engine.describe(world.path("sales", "orders"), "an order")


def verdicts(world: SimulatedWorld, rounds: int, write: Callable[[SimulatedWorld], None], **channel: Any) -> list[str]:
    """What each of some runs made of the value, when somebody writes before each."""
    found = []
    for _ in range(rounds):
        write(world)
        counts = world.plan("sales", **channel).counts
        statements(world.sync(**channel))
        found.append(",".join(sorted(counts)))
    return found


def contested(world: SimulatedWorld, **channel: Any) -> Change:
    """The only change of the schema."""
    (change,) = world.plan("sales", **channel).changes
    assert change.verdict.value == "contested"
    return change


def a_day_passes(world: SimulatedWorld, hours: int = 24) -> None:
    """Moves what the ledger remembers into the past."""
    with world.ledger._writing() as connection:
        connection.exec_driver_sql(
            f"UPDATE plan_changes SET finished_at = strftime('%Y-%m-%d %H:%M:%f000', finished_at, '-{hours} hours')"
        )


def test_a_description_that_somebody_sets_back_every_time_is_written_three_times_more(lake: SimulatedWorld) -> None:
    statements(lake.sync())
    assert verdicts(lake, 6, rebuild_by_dbt) == ["apply"] * 3 + ["contested"] * 3
    assert lake.found("sales", "orders").description == "an order"
    change = contested(lake)
    assert change.reason == (
        "written 3 times within 24 hours, and each time somebody else wrote 'an order' in place of 'One row per order';"
        " it is not written again before 24 hours have passed or the catalog is edited. Find the other writer, or take"
        " the value out of the catalog or of the channel"
    )
    assert (change.actual, change.value, change.fails) == ("an order", "One row per order", False)
    assert change.verdict.needs_attention


def test_an_edit_in_the_catalog_ends_it(lake: SimulatedWorld) -> None:
    statements(lake.sync())
    verdicts(lake, 4, rebuild_by_dbt)
    lake.catalog.describe(lake.fqn("sales", "orders"), "One row per order line")
    assert statements(lake.sync()) == 1
    assert lake.found("sales", "orders").description == "One row per order line"
    assert verdicts(lake, 4, rebuild_by_dbt) == ["apply"] * 2 + ["contested"] * 2


def test_it_ends_after_a_day_without_a_write(lake: SimulatedWorld) -> None:
    statements(lake.sync())
    verdicts(lake, 3, rebuild_by_dbt)
    rebuild_by_dbt(lake)
    a_day_passes(lake, hours=23)
    contested(lake)
    a_day_passes(lake, hours=2)
    assert verdicts(lake, 4, rebuild_by_dbt) == ["apply"] * 3 + ["contested"]


def test_writes_that_lie_far_apart_are_no_contest(lake: SimulatedWorld) -> None:
    statements(lake.sync())
    for _ in range(6):
        assert verdicts(lake, 1, rebuild_by_dbt) == ["apply"]
        a_day_passes(lake, hours=13)


def test_the_other_writer_gives_in(lake: SimulatedWorld) -> None:
    statements(lake.sync())
    verdicts(lake, 4, rebuild_by_dbt)
    lake.engine.describe(lake.path("sales", "orders"), "One row per order")
    assert lake.plan("sales").counts == {"in_sync": 1}
    # If it changes its mind within the day, it is contested still.
    assert verdicts(lake, 1, rebuild_by_dbt) == ["contested"]


def test_a_table_that_is_rebuilt_without_it_is_no_contest(lake: SimulatedWorld) -> None:
    statements(lake.sync())

    def rebuild(world: SimulatedWorld) -> None:
        world.engine.rebuild(*world.path("sales", "orders"))

    assert verdicts(lake, 8, rebuild) == ["apply"] * 8


def test_a_value_that_is_emptied_by_hand_each_time(lake: SimulatedWorld) -> None:
    statements(lake.sync())

    def empty(world: SimulatedWorld) -> None:
        world.engine.describe(world.path("sales", "orders"), None)

    assert verdicts(lake, 4, empty) == ["apply"] * 3 + ["contested"]
    assert "and each time somebody else took 'One row per order' away; " in contested(lake).reason


def test_long_texts_are_named_by_how_they_begin(lake: SimulatedWorld) -> None:
    statements(lake.sync())

    def write(world: SimulatedWorld) -> None:
        world.engine.describe(world.path("sales", "orders"), "an order\n" + "=" * 300)

    verdicts(lake, 4, write)
    assert f"somebody else wrote 'an order⏎{'=' * 50}…' in place of 'One row per order'; " in contested(lake).reason


def test_a_contested_value_stops_no_other(lake: SimulatedWorld) -> None:
    statements(lake.sync())
    verdicts(lake, 4, rebuild_by_dbt)
    for number in range(4):
        lake.catalog.describe(lake.fqn("sales", "orders", "id"), f"the key, {number}")
        lake.catalog.describe(lake.fqn("sales", "customers"), f"who buys, {number}")
        assert statements(lake.sync()) == 2
        assert contested(lake).entity == lake.fqn("sales", "orders")


def test_emptied_in_the_catalog_it_leaves_the_other_value_alone(lake: SimulatedWorld) -> None:
    statements(lake.sync())
    verdicts(lake, 4, rebuild_by_dbt)
    lake.catalog.describe(lake.fqn("sales", "orders"), None)
    assert verdicts(lake, 2, rebuild_by_dbt) == ["", ""]
    assert lake.found("sales", "orders").description == "an order"


def test_kept_values_are_never_contested(lake: SimulatedWorld) -> None:
    statements(lake.sync())
    assert verdicts(lake, 5, rebuild_by_dbt, on_conflict="keep") == ["conflict"] * 5


def test_the_rounds_of_all_channels_count_together(lake: SimulatedWorld) -> None:
    statements(lake.sync())
    channels = ["lake", "other", "lake", "other"]
    found = [verdicts(lake, 1, rebuild_by_dbt, name=name)[0] for name in channels]
    assert found == ["apply", "apply", "apply", "contested"]
    assert contested(lake, name="third").entity == lake.fqn("sales", "orders")


def test_a_tag_that_somebody_sets_back_every_time() -> None:
    world = SimulatedWorld(update_tags=True, tags={"on_ambiguous": "overwrite"})
    world.schema("sales", orders=("id",))
    world.catalog.tag(world.fqn("sales", "orders"), "PII.Sensitive")
    world.catalog.tag(world.fqn("sales", "orders"), "Domain.Sales")

    def write(world: SimulatedWorld) -> None:
        world.engine.tag(world.path("sales", "orders"), {"PII": "None"})

    # The first round meets a value of the source's own: it replaces what nobody had set back.
    assert verdicts(world, 5, write) == ["apply", *["apply,in_sync"] * 3, "contested,in_sync"]
    assert "somebody else wrote 'None' in place of 'Sensitive'" in contested(world).reason
    assert world.found("sales", "orders").tags == {"PII": "None", "Domain": "Sales"}


def test_an_owner_that_somebody_sets_back_every_time() -> None:
    world = SimulatedWorld(update_owners=True)
    world.schema("sales", orders=("id",))
    world.catalog.user("ada")
    world.catalog.own(world.fqn("sales", "orders"), "ada")
    statements(world.sync())

    def write(world: SimulatedWorld) -> None:
        world.engine.own(world.path("sales", "orders"), "grace")

    assert verdicts(world, 5, write) == ["apply"] * 3 + ["contested"] * 2
    assert "somebody else wrote 'grace' in place of 'ada'" in contested(world).reason


def test_the_documented_sentence_is_the_one_that_is_shown(lake: SimulatedWorld) -> None:
    page = (Path(__file__).parents[2] / "docs/contested.md").read_text(encoding="utf-8")
    example = re.search(r"```text\n(.*?)\n```", page, re.DOTALL)
    assert example is not None
    statements(lake.sync())
    assert verdicts(lake, 4, rebuild_by_dbt)[-1] == "contested"
    assert contested(lake).reason == " ".join(example[1].split())
