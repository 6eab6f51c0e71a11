"""A statement that carries several changes and is sent in parts in the end."""

from collections.abc import Iterable, Iterator

from reverse_metadata.applying.apply import Applied
from reverse_metadata.connectors.base import Connector, ConnectorOptions, Permit
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Change, Outcome, Partition, Statement
from reverse_metadata_tests.simulated.connector import SimulatedConnector
from reverse_metadata_tests.simulated.world import SimulatedWorld

_REFUSED = SourceError(Reason.OTHER, "COMMENT ON email: no")


class Joining(SimulatedConnector):
    """Makes one statement of everything, and learns that the engine takes each change alone, and one not at all."""

    def resolve(self, changes: Iterable[Change]) -> list[Statement]:
        own = super().resolve(changes)
        if not own:
            return []
        return [Statement("; ".join(each.text for each in own), tuple(c for each in own for c in each.changes))]

    def execute(
        self, partition: Partition, statements: list[Statement], permit: Permit = lambda: None
    ) -> Iterator[Outcome]:
        for part in (each for statement in statements for each in super(Joining, self).resolve(statement.changes)):
            if part.changes[0].path[-1] == "email":
                yield Outcome(part, _REFUSED)
            else:
                yield from super().execute(partition, [part], permit)


class JoiningWorld(SimulatedWorld):
    def connector(self) -> Connector:
        return Joining(ConnectorOptions(), self.engine)


def test_each_change_has_the_outcome_and_the_statement_of_its_part() -> None:
    world = JoiningWorld()
    world.schema("sales", orders=("id", "email"))
    for column in ("id", "email"):
        world.catalog.describe(world.fqn("sales", "orders", column), f"the {column}")
    applied = world.sync()[world.fqn("sales")]
    assert isinstance(applied, Applied)
    assert applied.problems == (f"{world.fqn('sales', 'orders', 'email')}: COMMENT ON email: no",)
    assert world.found("sales", "orders", "id").description == "the id"
    assert [(push.entity.rpartition(".")[2], push.outcome, push.statement) for push in world.pushes()] == [
        ("id", "applied", """COMMENT ON COLUMN "db"."sales"."orders"."id" IS 'the id'"""),
        ("email", "failed", """COMMENT ON COLUMN "db"."sales"."orders"."email" IS 'the email'"""),
    ]
