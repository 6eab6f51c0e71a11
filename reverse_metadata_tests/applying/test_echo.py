"""What was pushed comes back through the catalog's ingestion, and nothing bounces."""

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from reverse_metadata_tests.simulated.engine import Engine, Limits
from reverse_metadata_tests.simulated.world import SimulatedWorld
from reverse_metadata_tests.world import statements

ROUNDS = 50

#: Formatted as text each is another one, and formatted twice yet another, or (the last two) none.
MARKUP = [
    "  One **bold**   row per \\*order\\*  ",
    "`snake_*case*_name` and `**two**` \\`stars\\`",
    "1. `<b>`\n2. `&amp;lt;`\n",
    "`<!-- nothing to see -->`",
    "`[](x)`",
]


def collapsing(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def cutting(text: str) -> str:
    """Collapses blanks, and cuts silently and far before the limit that is known."""
    return collapsing(text)[:12]


def a_lake(lossy: Callable[[str], str] | None, **channel: Any) -> SimulatedWorld:
    """Tables with difficult descriptions, and one with tags."""
    world = SimulatedWorld(Engine(lossy=lossy, limits=Limits(description=24)), update_tags=True, **channel)
    world.schema("sales")
    for number, text in enumerate(MARKUP):
        world.table("sales", f"t{number}", description=text)
    tagged = world.table("sales", "tagged", description="One row per customer of all the shops there are")
    world.catalog.tag(tagged, "PII.Sensitive")
    world.catalog.tag(tagged, "Retention.Long")
    world.catalog.tag(world.fqn("sales", "tagged", "id"), "PII.None")
    return world


def sync(world: SimulatedWorld, run: str = "run", **channel: Any) -> int:
    """How many statements a run sent; nothing may be in conflict."""
    results = world.sync(run, **channel)
    for result in results.values():
        assert not isinstance(result, str)
        assert not {"conflict", "ambiguous", "contested"}.intersection(result.counts)
    return statements(results)


@pytest.mark.parametrize(
    ("lossy", "description_format", "label_types"),
    [
        (None, "raw", ["Manual"]),
        (None, "text", ["Manual", "Automated"]),
        (cutting, "raw", ["Manual", "Automated"]),
        (cutting, "text", ["Manual"]),
    ],
)
def test_nothing_bounces_over_fifty_rounds(
    lossy: Callable[[str], str] | None, description_format: str, label_types: list[str]
) -> None:
    world = a_lake(
        lossy,
        description_format=description_format,
        on_too_long="truncate",
        tags={"map": {"PII": "pii_class", "Retention": {"key": "keep", "case": "lower"}}, "label_types": label_types},
    )
    assert sync(world, "first") > 5
    before = deepcopy(world.engine.objects)
    for number in range(ROUNDS):
        world.reingest(override=number % 2 == 1, tags=True)
        assert sync(world, f"round {number}") == 0
    assert world.engine.objects == before
    assert {push.run_id for push in world.pushes()} == {"first"}


@pytest.mark.parametrize("description_format", ["raw", "text"])
@pytest.mark.parametrize("lossy", [None, collapsing, cutting])
def test_an_edit_between_two_rounds_is_pushed_once(lossy: Callable[[str], str] | None, description_format: str) -> None:
    world = a_lake(lossy, description_format=description_format, on_too_long="truncate")
    sync(world)
    tagged = world.fqn("sales", "tagged")
    for number in range(3):
        world.reingest(override=True, tags=True)
        assert sync(world) == 0
        world.catalog.describe(tagged, f"**{number}**  `*rows*` per customer of all the shops")
        world.catalog.untag(tagged, f"Size.{number - 1}")
        world.catalog.tag(tagged, f"Size.{number}")
        assert sync(world) == 2
        assert sync(world) == 0


def described(world: SimulatedWorld) -> list[str | None]:
    return [world.found("sales", f"t{number}").description for number in range(len(MARKUP))]


@pytest.mark.parametrize("description_format", ["raw", "text"])
def test_what_came_back_is_emptied_as_what_was_written(description_format: str) -> None:
    world = a_lake(None, description_format=description_format, on_too_long="truncate")
    sync(world)
    world.reingest(override=True)
    assert sync(world) == 0
    for number in range(len(MARKUP)):
        world.catalog.describe(world.fqn("sales", f"t{number}"), None)
    assert sync(world) == len(MARKUP)
    assert described(world) == [None] * len(MARKUP)


@pytest.mark.parametrize("noticed", [False, True])
def test_a_rebuilt_table_gets_what_came_back_to_the_letter(noticed: bool) -> None:
    """The catalog has lost the markup by then; what it got instead must not lose more."""
    world = a_lake(None, description_format="text", on_too_long="truncate")
    sync(world)
    stood = described(world)
    world.reingest(override=True)
    if noticed:
        sync(world)
    for number in range(len(MARKUP)):
        world.engine.rebuild(*world.path("sales", f"t{number}"))
    assert sync(world) == len(MARKUP)
    assert described(world) == stood
    assert sync(world) == 0


def test_an_echo_does_not_keep_a_new_format_from_being_written() -> None:
    world = SimulatedWorld(Engine(lossy=collapsing))
    world.schema("sales")
    world.table("sales", "orders", description="One  **bold** row")
    sync(world)
    world.reingest(override=True)
    assert sync(world, description_format="text") == 1
    assert world.found("sales", "orders").description == "One bold row"


@pytest.mark.parametrize("lossy", [collapsing, cutting])
def test_an_edit_that_the_source_does_not_tell_from_what_stands_there_is_pushed_once(
    lossy: Callable[[str], str],
) -> None:
    world = SimulatedWorld(Engine(lossy=lossy))
    world.schema("sales")
    orders = world.table("sales", "orders", description="One row an order")
    sync(world)
    world.catalog.describe(orders, "One row an order  ")
    assert sync(world) == 1
    assert sync(world) == 0


def test_a_removal_before_which_the_catalog_read_the_source_again_is_taken_back_by_that() -> None:
    world = a_lake(None, on_too_long="truncate", tags={"label_types": ["Manual", "Automated"]})
    sync(world)
    tagged = world.fqn("sales", "tagged")
    world.catalog.untag(tagged, "PII.Sensitive")
    world.reingest(tags=True)
    assert sync(world) == 0
    assert world.found("sales", "tagged").tags == {"PII": "Sensitive", "Retention": "Long"}
    world.catalog.untag(tagged, "PII.Sensitive")
    assert sync(world) == 1
    world.reingest(tags=True)
    assert sync(world) == 0
    assert world.found("sales", "tagged").tags == {"Retention": "Long"}
