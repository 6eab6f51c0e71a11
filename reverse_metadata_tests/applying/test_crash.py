"""A run that is killed loses no push and repeats none, whatever the moment."""

import signal

import pytest

from reverse_metadata_tests.applying.processes import a_run, statements_of, wait_until
from reverse_metadata_tests.applying.run_process import MOMENTS
from reverse_metadata_tests.audit import Audit
from reverse_metadata_tests.world import World, statements

TABLES = ["t0", "t1", "t2"]
#: COMMIT takes as long as somebody holds the lock 42, as with a standby that is slow to confirm.
SLOW_COMMIT = """
CREATE FUNCTION audit.wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(42);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON audit.statements DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION audit.wait()
"""


def fill(world: World) -> None:
    for number, name in enumerate(TABLES):
        world.table("sales", name, ("id",), description=f"Table {number}")
        world.comment_by_hand("sales", name, f"before {number}")
        # What the catalog once held it may replace.
        fqn = world.fqn("sales", name)
        world.estate.describe(fqn, f"before {number}")
        world.estate.forward(3600)
        world.estate.describe(fqn, f"Table {number}")


def check(world: World, audit: Audit) -> None:
    assert [world.comment("sales", name) for name in TABLES] == ["Table 0", "Table 1", "Table 2"]
    assert audit.committed() == {f"sales.{name}": 1 for name in TABLES}
    assert [(push.entity, push.before, push.after, push.outcome) for push in world.pushes()] == [
        (world.fqn("sales", name), f"before {number}", f"Table {number}", "applied")
        for number, name in enumerate(TABLES)
    ]


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_a_certain_moment(world: World, moment: str) -> None:
    fill(world)
    audit = Audit(world)
    with a_run(world, "first", die=moment) as first:
        assert first.wait(60) == -signal.SIGKILL
    came_through = moment in ("committed, not recorded", "read back, not recorded", "recorded, not delivered")
    # What a dead process held is free at once: a lease that ran out by time would outlast the world's patience.
    assert statements(world.sync("second")) == (0 if came_through else len(TABLES))
    check(world, audit)
    assert statements(world.sync("third")) == 0
    check(world, audit)
    assert {push.run_id for push in world.pushes()} == {"first" if came_through else "second"}


def test_the_next_run_waits_for_a_statement_that_the_dead_one_left_running(world: World) -> None:
    """The server goes on with a batch whose sender is dead; it must not count as never sent while it runs."""
    fill(world)
    audit = Audit(world)
    with world.connect() as reader:
        reader.execute("BEGIN; LOCK TABLE sales.t1 IN ACCESS EXCLUSIVE MODE")
        with a_run(world, "first") as first:
            wait_until(lambda: _waiting(world, "relation") == 1, "the first run waits for the table")
            first.kill()
            assert first.wait(60) == -signal.SIGKILL
        with a_run(world, "second") as second:
            wait_until(lambda: _waiting(world, "advisory") == 1, "the second run waits for the batch of the first")
            assert world.pushes() == []
            reader.execute("ROLLBACK")
            assert statements_of(second) == len(TABLES)
    check(world, audit)


def test_the_next_run_waits_for_a_commit_that_the_dead_one_left_under_way(world: World) -> None:
    """Nothing of it can be seen yet, and all of it will be: a run that went on would send everything twice."""
    fill(world)
    audit = Audit(world)
    world.run(SLOW_COMMIT)
    with world.connect() as standby:
        standby.execute("SELECT pg_advisory_lock(42)")
        with a_run(world, "first") as first:
            wait_until(lambda: _waiting(world, "advisory") == 1, "the first run waits for its COMMIT")
            first.kill()
            assert first.wait(60) == -signal.SIGKILL
        with a_run(world, "second") as second:
            wait_until(lambda: _waiting(world, "advisory") == 2, "the second run waits for the first's COMMIT")
            standby.execute("SELECT pg_advisory_unlock(42)")
            assert statements_of(second) == 0
    check(world, audit)
    assert {push.run_id for push in world.pushes()} == {"first"}


def _waiting(world: World, kind: str) -> int:
    with world.connect() as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = %s", (kind,)
        ).fetchone()
    assert row is not None
    return int(row[0])
