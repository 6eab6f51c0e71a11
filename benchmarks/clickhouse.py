"""What the connector of ClickHouse costs beside the same statements by hand: `python -m benchmarks.clickhouse`.

200 tables of 50 columns, on the engine of the wheel `chdb` behind HTTP of ours. The floor is what the driver takes to
send the very ALTERs that the connector makes, one a table, with the same settings. Both are measured three times in
turns, on comments that replace others, and the fastest of each counts. Prints one JSON document.
"""

import json
import time
from importlib.util import find_spec
from typing import Any

from reverse_metadata.connectors.clickhouse import ClickHouseConnector, ClickHouseOptions
from reverse_metadata.model import Aspect, Change, EntityType, Partition, SourceState, Statement, Verdict
from reverse_metadata_tests.engines.clickhouse_http import ClickHouseFront, clickhouse_http

TABLES = 200
COLUMNS = 50
_TURNS = 3
_SETTINGS = {"lock_acquire_timeout": 10, "distributed_ddl_output_mode": "none", "wait_end_of_query": 1}
_PARTITION = Partition("bench", "default", "bench")


def available() -> bool:
    """Whether the engine is installed."""
    return find_spec("chdb") is not None


def measure() -> dict[str, Any]:
    """Seconds for one pass of the connector and for its statements alone, and how many were sent."""
    with clickhouse_http() as front:
        _create(front)
        login = {"host": "127.0.0.1", "port": front.port, "username": front.user, "password": front.password}
        with ClickHouseConnector(ClickHouseOptions.model_validate(login)) as connector:
            connector.version()
            # A table without comments is altered faster than one with.
            _floor(connector, "at first")
            floors, passes, sent = [], [], set[int]()
            for turn in range(_TURNS):
                floors.append(_floor(connector, f"by hand, {turn}"))
                front.reset()
                passes.append(_pass(connector, f"by the connector, {turn}"))
                sent.add(front.count("ALTER TABLE"))
    (alters,) = sent
    floor, best = min(floors), min(passes, key=lambda seconds: sum(seconds.values()))
    total = sum(best.values())
    return {
        "tables": TABLES,
        "descriptions": TABLES * (COLUMNS + 1),
        "alters": alters,
        "floor": round(floor, 3),
        **{phase: round(seconds, 3) for phase, seconds in best.items()},
        "connector": round(total, 3),
        "ratio": round(total / floor, 3),
    }


def report(figures: dict[str, Any] | None) -> str:
    """The figures in a sentence; None stands for an engine that is not there."""
    if figures is None:
        return "ClickHouse is not measured: chdb is not installed (pip install 'reverse-metadata[dev]')"
    return (
        f"{figures['alters']} ALTERs carry the {figures['descriptions']} descriptions of {figures['tables']} tables of"
        f" ClickHouse in {figures['connector']:.1f} s with all that is read, {figures['ratio']:.2f} of the"
        f" {figures['floor']:.1f} s that the same ALTERs take by hand"
    )


def _create(front: ClickHouseFront) -> None:
    columns = ", ".join(f"column_{number} Int32" for number in range(COLUMNS))
    front.run("CREATE DATABASE bench")
    for number in range(TABLES):
        front.run(f"CREATE TABLE bench.table_{number} ({columns}) ENGINE = MergeTree ORDER BY tuple()")


def _floor(connector: ClickHouseConnector, text: str) -> float:
    """Seconds for the statements alone."""
    statements = connector.resolve(_changes(connector.read(_PARTITION), text))
    client = connector.connect()
    started = time.perf_counter()
    for statement in statements:
        client.command(statement.text, settings=_SETTINGS)
    taken = time.perf_counter() - started
    client.close()
    return taken


def _pass(connector: ClickHouseConnector, text: str) -> dict[str, float]:
    """Seconds for reading the schema, making the statements, sending them and reading back, as a run does."""
    seconds = dict[str, float]()
    started = time.perf_counter()

    def took(phase: str) -> None:
        nonlocal started
        seconds[phase], started = time.perf_counter() - started, time.perf_counter()

    state = connector.read(_PARTITION)
    took("read")
    changes = _changes(state, text)
    started = time.perf_counter()
    statements: list[Statement] = connector.resolve(changes)
    took("resolve")
    failed = [outcome.error for outcome in connector.execute(_PARTITION, statements) if outcome.error]
    took("execute")
    after = connector.read(_PARTITION)
    took("read_back")
    if failed or any(after[change.path].description != change.value for change in changes):
        raise SystemExit(f"not everything arrived: {failed[:1]}")
    return seconds


def _changes(state: SourceState, text: str) -> list[Change]:
    """A description of usual length for every table and column."""
    return [
        Change(
            entity=".".join(path),
            entity_id="1",
            type=EntityType.of(path),
            path=path,
            aspect=Aspect.DESCRIPTION,
            verdict=Verdict.APPLY,
            value=f"What {'.'.join(path[2:])} holds: one value a row, it's curated by people, {text}. Checked yearly.",
            actual=found.description,
            reason="",
            kind=found.kind,
            object_id=found.object_id,
        )
        for path, found in state.items()
        if len(path) > 2
    ]


if __name__ == "__main__":
    if not available():
        raise SystemExit(report(None))
    print(json.dumps(measure()))
