"""What writing to MariaDB costs beside the raw floor: `python -m benchmarks.mysql`.

The connector describes 200 tables of 50 columns each: it reads the schema, resolves the changes, which takes the
definition of every column from SHOW CREATE TABLE, and executes them. The floor sends the very same statements, one
ALTER TABLE a table, over one connection. Prints one JSON document: seconds of each part, and the ratio of their sum to
the floor.
"""

import json
import shutil
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pymysql

from reverse_metadata.connectors.mysql import MysqlConnector, MysqlOptions
from reverse_metadata.model import Aspect, Change, EntityType, Partition, Path, SourceState, Verdict
from reverse_metadata_tests.engines.mariadb import mariadb

TABLES = 200
_COLUMNS = 50
_TYPES = (
    "int NOT NULL DEFAULT 0",
    "varchar(80) CHARACTER SET latin1 DEFAULT 'it''s'",
    "timestamp NOT NULL DEFAULT current_timestamp()",
    "decimal(10,2) CHECK (`{name}` >= 0)",
    "enum('a','b,c') DEFAULT 'a'",
)


def available() -> bool:
    """Whether there is a MariaDB on this machine."""
    return bool(shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin"))


def measure() -> dict[str, Any]:
    """Seconds for the reading, the resolving, the executing and the floor; each writes tables without any comment."""
    with mariadb() as socket, closing(pymysql.connect(unix_socket=socket, user="root", autocommit=True)) as connection:
        with MysqlConnector(MysqlOptions(unix_socket=socket, username="root")) as connector:
            partition = Partition("bench", "default", "bench")
            _create(connection)
            connector.version()
            started = time.perf_counter()
            state = connector.read(partition)
            read = time.perf_counter()
            statements = connector.resolve(_changes(state))
            resolved = time.perf_counter()
            outcomes = list(connector.execute(partition, statements))
            executed = time.perf_counter()
        if any(outcome.error for outcome in outcomes):
            raise SystemExit(str([outcome.error for outcome in outcomes if outcome.error]))
        _create(connection)
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_mode = 'STRICT_ALL_TABLES'")
            floor = time.perf_counter()
            for statement in statements:
                cursor.execute(statement.text)
            floor = time.perf_counter() - floor
    return {
        "descriptions": len(state) - 1,
        "statements": len(statements),
        "read": round(read - started, 3),
        "resolve": round(resolved - read, 3),
        "execute": round(executed - resolved, 3),
        "floor": round(floor, 3),
        "ratio": round((executed - started) / floor, 2),
    }


def _create(connection: "pymysql.Connection[Any]") -> None:
    columns = []
    for number in range(_COLUMNS):
        name = f"column_{number}"
        columns.append(f"`{name}` {_TYPES[number % len(_TYPES)].format(name=name)}")
    with connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE DATABASE bench")
        for number in range(TABLES):
            cursor.execute(f"CREATE TABLE bench.table_{number} ({', '.join(columns)})")


def _changes(state: SourceState) -> list[Change]:
    """A change of every table and column."""
    return [_change(path) for path in state if len(path) > 2]


def _change(path: Path) -> Change:
    text = f"What {path[-1]} holds: one value a row, curated by people, who say it's right."
    return Change(
        entity=".".join(path),
        entity_id="",
        type=EntityType.of(path),
        path=path,
        aspect=Aspect.DESCRIPTION,
        verdict=Verdict.APPLY,
        value=text,
        actual=None,
        reason="",
        kind=EntityType.of(path).value,
    )


def report(figures: Mapping[str, Any] | None) -> str:
    """The figures as a sentence; None where there were none to be had."""
    if figures is None:
        return "MariaDB was not measured: it is not installed (apt-get install mariadb-server)"
    seconds = sum(figures[part] for part in ("read", "resolve", "execute"))
    return (
        f"{figures['descriptions']} descriptions in {figures['statements']} tables of MariaDB take {seconds:.1f} s,"
        f" {figures['ratio']:.2f} of the {figures['floor']:.1f} s that the statements alone take"
    )


if __name__ == "__main__":
    print(json.dumps(measure()) if available() else report(None))
