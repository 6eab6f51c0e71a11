"""One table of a simulated system that knows tags, and people who label it on both sides."""

from typing import Any

from reverse_metadata.model import Tag
from reverse_metadata_tests.simulated.engine import Engine
from reverse_metadata_tests.simulated.world import SimulatedWorld
from reverse_metadata_tests.world import statements


def a_lake(engine: Engine | None = None, **channel: Any) -> SimulatedWorld:
    """A world whose only table is `sales.orders`, in a channel that pushes tags."""
    world = SimulatedWorld(engine, update_tags=True, **channel)
    world.schema("sales", orders=("id", "email"))
    return world


def orders(world: SimulatedWorld, *column: str) -> str:
    """The FQN of the table, or of a column of it."""
    return world.fqn("sales", "orders", *column)


def label(world: SimulatedWorld, *labels: str | Tag) -> None:
    """Labels are put on the table in the catalog."""
    for each in labels:
        world.catalog.tag(orders(world), each)


def unlabel(world: SimulatedWorld, *labels: str) -> None:
    """Labels are taken off the table in the catalog."""
    for each in labels:
        world.catalog.untag(orders(world), each)


def by_hand(world: SimulatedWorld, **tags: str | None) -> None:
    """Somebody sets tags of the table in the source, or takes off those whose value is None."""
    world.engine.tag(world.path("sales", "orders"), tags)


def tags(world: SimulatedWorld, *column: str) -> dict[str, str]:
    """The tags that the table, or a column of it, has in the source."""
    return dict(world.found("sales", "orders", *column).tags)


def sync(world: SimulatedWorld, **channel: Any) -> list[str]:
    """A run without problems; the statements that were done."""
    before = len(world.engine.log)
    statements(world.sync(**channel))
    return world.engine.log[before:]


def found(world: SimulatedWorld, **channel: Any) -> dict[str, str]:
    """The verdict of every change of a tag that a run of the schema would list, by its key."""
    return {change.tag_key: change.verdict.value for change in world.plan("sales", **channel).changes}


def reason(world: SimulatedWorld, **channel: Any) -> str:
    """Why the only change of the schema has its verdict."""
    (change,) = world.plan("sales", **channel).changes
    return change.reason


def rules(**tags: Any) -> dict[str, Any]:
    """A channel with these settings of `tags`."""
    return {"tags": tags}
