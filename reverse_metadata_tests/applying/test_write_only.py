"""What a system can be told and never says: written once, and again when the catalog has another value."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, ClassVar

from reverse_metadata.applying.apply import Applied
from reverse_metadata.connectors.base import Capabilities, Connector, ConnectorOptions
from reverse_metadata.model import Aspect, EntityType, Partition, SourceState
from reverse_metadata_tests.simulated.connector import SimulatedConnector
from reverse_metadata_tests.simulated.world import SimulatedWorld


class Discreet(SimulatedConnector):
    """Tells the owner of nothing."""

    capabilities: ClassVar[Capabilities] = replace(
        SimulatedConnector.capabilities, write_only={Aspect.OWNER: tuple(EntityType)[:3]}
    )

    def read(self, partition: Partition, only: Collection[str] | None = None) -> SourceState:
        return {path: replace(found, owner=None) for path, found in super().read(partition, only).items()}


class DiscreetWorld(SimulatedWorld):
    def connector(self) -> Connector:
        return Discreet(ConnectorOptions(), self.engine)

    def counts(self) -> dict[str, int]:
        channel: dict[str, Any] = {"update_descriptions": False, "update_owners": True, "owners": {"allow": ["*"]}}
        applied = self.sync(**channel)[self.fqn("sales")]
        assert isinstance(applied, Applied)
        assert applied.problems == ()
        return {verdict: count for verdict, count in applied.counts.items() if count}


def test_an_owner_that_nobody_can_read_is_written_once_for_each_edit() -> None:
    world = DiscreetWorld()
    world.schema("sales", orders=("id",))
    orders = world.engine.objects[world.path("sales", "orders")]
    world.catalog.user("ada")
    world.catalog.user("grace")
    world.catalog.own(world.fqn("sales", "orders"), "ada")
    assert world.counts() == {"apply": 1}
    assert orders.owner == "ada"
    assert world.counts() == {"in_sync": 1}
    world.catalog.own(world.fqn("sales", "orders"), "grace")
    assert world.counts() == {"apply": 1}
    assert orders.owner == "grace"
    assert world.counts() == {"in_sync": 1}
