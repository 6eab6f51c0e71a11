"""Two runs of one schema at once: one waits or yields, and no statement is sent twice."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

import pytest

from reverse_metadata.connectors.base import Permit
from reverse_metadata.connectors.postgres import PostgresConnector
from reverse_metadata.errors import LeaseLost
from reverse_metadata.ledger import Ledger, PlanRecord, leases
from reverse_metadata.model import Change, Outcome, Partition, Statement, Verdict
from reverse_metadata_tests.applying.processes import a_run, output_of, statements_of, wait_until
from reverse_metadata_tests.audit import Audit
from reverse_metadata_tests.world import SERVICE, World, statements


def fill(world: World) -> Audit:
    for name in ("t0", "t1", "t2"):
        world.table("sales", name, description=f"Table {name}")
    return Audit(world)


def once_each(world: World, audit: Audit) -> bool:
    pushes = [(push.entity, push.outcome) for push in world.pushes()]
    return audit.committed() == {f"sales.t{n}": 1 for n in range(3)} and pushes == [
        (world.fqn("sales", f"t{n}"), "applied") for n in range(3)
    ]


def test_a_second_process_waits_and_finds_nothing_to_do(world: World) -> None:
    audit = fill(world)
    with world.connect() as reader:
        reader.execute("BEGIN; LOCK TABLE sales.t1 IN ACCESS EXCLUSIVE MODE")
        with a_run(world, "first") as first, a_run(world, "second") as second:
            wait_until(lambda: waiting_for_a_table(world) == 1, "one of the runs is in the middle of its batch")
            assert first.poll() is None
            assert second.poll() is None
            assert audit.committed() == {}
            reader.execute("ROLLBACK")
            assert sorted([statements_of(first), statements_of(second)]) == [0, 3]
    assert once_each(world, audit)
    assert len({push.run_id for push in world.pushes()}) == 1


def test_a_second_process_without_patience_yields_and_names_the_first(world: World) -> None:
    audit = fill(world)
    with world.connect() as reader:
        reader.execute("BEGIN; LOCK TABLE sales.t1 IN ACCESS EXCLUSIVE MODE")
        with a_run(world, "first") as first:
            wait_until(lambda: waiting_for_a_table(world) == 1, "the first run waits for the table")
            with a_run(world, "second", patience=0) as second:
                refusals = [line for line in output_of(second) if line.startswith("failed")]
            assert len(refusals) == 1
            assert f"failed {world.fqn('sales')} The lease 'partition/{world.fqn('sales')}'" in refusals[0]
            assert f"is held by first (process {first.pid} on " in refusals[0]
            assert refusals[0].endswith("was not given back within 0 seconds. Try again when that run is done.")
            reader.execute("ROLLBACK")
            assert statements_of(first) == 3
    assert once_each(world, audit)


def test_of_two_runs_that_planned_the_same_the_second_sends_nothing(world: World) -> None:
    audit = fill(world)
    with world.pipeline("first") as first, world.pipeline("second") as second:
        plans = [run.recover_and_resolve(run.fetch(sales(world), "full")) for run in (first, second)]
        assert [len(plan.statements) for plan in plans] == [3, 3]
        assert first.apply(plans[0]).statements == 3
        applied = second.apply(plans[1])
    assert (applied.statements, applied.pushed, applied.problems) == (0, (), ())
    assert once_each(world, audit)


def test_a_run_that_waited_does_not_write_over_what_moved_since_its_plan(world: World) -> None:
    fill(world)
    with world.pipeline() as pipeline:
        plan = pipeline.recover_and_resolve(pipeline.fetch(sales(world), "full"))
        world.comment_by_hand("sales", "t1", "by hand, a moment ago")
        applied = pipeline.apply(plan)
    assert [(change.entity, change.verdict) for change in applied.held_back] == [
        (world.fqn("sales", "t1"), Verdict.STALE)
    ]
    assert applied.counts == {"apply": 2, "stale": 1}
    assert world.comment("sales", "t1") == "by hand, a moment ago"


def test_a_run_that_lost_its_lease_writes_nothing_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    audit = fill(world)
    clock, asleep = leases._clock, [0.0]
    monkeypatch.setattr(leases, "_clock", lambda: clock() + sum(asleep))

    class SleepsForAMinute(PostgresConnector):
        """Commits one table; then the machine sleeps for as long as a lease lasts."""

        def execute(
            self, partition: Partition, statements: list[Statement], permit: Permit = lambda: None
        ) -> Iterator[Outcome]:
            for statement in statements:
                for outcome in super().execute(partition, [statement], permit):
                    asleep.append(60.0)
                    yield outcome

    world.connector_type = SleepsForAMinute
    with world.pipeline("sleeper") as pipeline:
        plan = pipeline.recover_and_resolve(pipeline.fetch(sales(world), "full"))
        with pytest.raises(LeaseLost, match=r"was not renewed for 6\d seconds, of the 60 that it lasts"):
            pipeline.apply(plan)
    assert audit.committed() == {"sales.t0": 1}
    assert world.pushes() == []

    world.connector_type = PostgresConnector
    assert statements(world.sync("next")) == 2
    assert [(push.entity, push.run_id) for push in world.pushes()] == [
        (world.fqn("sales", "t0"), "sleeper"),
        (world.fqn("sales", "t1"), "next"),
        (world.fqn("sales", "t2"), "next"),
    ]
    assert set(audit.committed().values()) == {1}


def test_a_run_whose_lease_was_taken_over_sends_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was stopped for so long that another run took the schema, and goes on just before it sends."""
    audit = fill(world)
    save = Ledger.save_plan
    with Ledger.open(world.ledger_url) as other, ExitStack() as stack:

        def save_and_be_overtaken(ledger: Ledger, plan: PlanRecord, changes: Sequence[tuple[Change, str]]) -> None:
            save(ledger, plan, changes)
            with closing(sqlite3.connect(world.ledger_url.removeprefix("sqlite:///"))) as file, file:
                file.execute("UPDATE leases SET expires_at = 0")
            stack.enter_context(other.lease(f"partition/{sales(world).key}", owner="another"))

        monkeypatch.setattr(Ledger, "save_plan", save_and_be_overtaken)
        result = world.sync()[sales(world).key]
    assert isinstance(result, str)
    assert "was not started: its lease" in result
    assert audit.committed() == {}
    monkeypatch.undo()
    assert statements(world.sync()) == 3
    assert once_each(world, audit)


def sales(world: World) -> Partition:
    return Partition(SERVICE, world.database, "sales")


def waiting_for_a_table(world: World) -> int:
    """How many sessions wait for a lock on a table, which only a run that holds the schema does."""
    with world.connect() as connection:
        ((count,),) = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
        ).fetchall()
    return int(count)
