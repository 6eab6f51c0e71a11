"""Ten kills at random moments of one big sync: 2,000 changes, or 10,000 with FULL=1."""

import os
import random
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from reverse_metadata.ledger import Ledger
from reverse_metadata_tests.applying.processes import a_run, statements_of, wait_until
from reverse_metadata_tests.audit import STATEMENTS_RUN, Audit
from reverse_metadata_tests.dagster_process import dagster_sync
from reverse_metadata_tests.world import World, statements

KILLS = 10
SCHEMAS = 10
COLUMNS = 49
TABLES = 20 if os.environ.get("FULL") else 4
CHANGES = SCHEMAS * TABLES * (COLUMNS + 1)


def text(schema: str, table: str, column: str = "") -> str:
    return f"What people say of {schema}.{table}.{column}: it's 100 % \\ «curated»"


def fill(world: World) -> dict[str, str | None]:
    """Every text by the object's name in PostgreSQL, None where none stood before; every third is replaced."""
    script: list[str] = []
    before: dict[str, str | None] = {}
    columns = [f"c{number}" for number in range(COLUMNS)]
    for schema in (f"s{number}" for number in range(SCHEMAS)):
        script.append(f"CREATE SCHEMA {schema}")
        world.estate.schema(world.fqn(schema))
        for table in (f"t{number}" for number in range(TABLES)):
            script.append(f"CREATE TABLE {schema}.{table} ({', '.join(f'{column} int' for column in columns)})")
            world.estate.table(
                world.fqn(schema, table),
                [{"name": column, "description": text(schema, table, column)} for column in columns],
                description=text(schema, table),
            )
            before[f"{schema}.{table}"] = None
            for number, column in enumerate(columns):
                before[f"{schema}.{table}.{column}"] = "stood before" if number % 3 == 0 else None
                if number % 3 == 0:
                    script.append(f"COMMENT ON COLUMN {schema}.{table}.{column} IS 'stood before'")
    world.run(";".join(script))
    return before


def test_ten_kills_at_random_moments(world: World, tmp_path: Path) -> None:
    before = fill(world)
    assert len(before) == CHANGES
    audit = Audit(world)
    settings: dict[str, Any] = {"on_first_contact": "overwrite", "max_replacements": CHANGES}
    chance = random.Random(6)
    with steps(world) as taken:
        reached = []
        for number in range(KILLS):
            # A change makes three steps: planned in the ledger, run in the database, recorded in the ledger.
            goal = taken() + chance.randint(0, 3 * CHANGES // (KILLS + 1))
            through_dagster = number == KILLS // 2
            with dagster_sync(world, tmp_path, **settings) if through_dagster else a_run(world, "", **settings) as run:
                wait_until(lambda: taken() >= goal or ended(run), f"{goal} steps")  # noqa: B023
                assert not ended(run), f"run {number} came to its end before step {goal}: nothing is left to kill"
                run.kill()
                assert run.wait(60) == -signal.SIGKILL
            reached.append(f"{taken()} ({left_open(world)} open)")
        with a_run(world, "the last", **settings) as last:
            assert statements_of(last) > 0
        print(f"{CHANGES} changes; kills after {', '.join(reached)} steps; then {taken()} steps in all")
    assert audit.committed() == dict.fromkeys(before, 1)
    assert comments(world) == {name: text(*name.split(".")) for name in before}
    prefix = f"{world.fqn()}."
    pushes = {push.entity.removeprefix(prefix): push for push in world.pushes()}
    assert len(world.pushes()) == CHANGES
    assert {push.outcome for push in pushes.values()} == {"applied"}
    assert {name: push.before for name, push in pushes.items()} == before
    assert {name: push.after for name, push in pushes.items()} == comments(world)
    assert statements(world.sync("again")) == 0


def ended(run: "subprocess.Popen[str]") -> bool:
    return run.poll() is not None


@contextmanager
def steps(world: World) -> Iterator[Callable[[], int]]:
    """Counts statements run, committed or not, and rows in the ledger: it only grows."""
    Ledger.open(world.ledger_url).close()
    file = world.ledger_url.removeprefix("sqlite:///")
    with world.connect() as database, closing(sqlite3.connect(file, isolation_level=None)) as ledger:

        def taken() -> int:
            rows = ledger.execute("SELECT count(*) FROM plan_changes UNION ALL SELECT count(*) FROM pushes").fetchall()
            ((ran,),) = database.execute(STATEMENTS_RUN).fetchall()
            return int(ran) + sum(int(count) for (count,) in rows)

        yield taken


def left_open(world: World) -> int:
    """How many changes the ledger holds as sent, with an outcome that is not known."""
    with closing(sqlite3.connect(world.ledger_url.removeprefix("sqlite:///"))) as ledger:
        ((count,),) = ledger.execute("SELECT count(*) FROM plan_changes WHERE state = 'started'").fetchall()
    return int(count)


def comments(world: World) -> dict[str, str]:
    query = (
        "SELECT concat_ws('.', n.nspname, c.relname, a.attname), d.description FROM pg_description d"
        " JOIN pg_class c ON c.oid = d.objoid AND d.classoid = 'pg_class'::regclass"
        " JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname ~ '^s[0-9]'"
        " LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0"
    )
    with world.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}
