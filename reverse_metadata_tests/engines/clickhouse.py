"""ClickHouse, as the wheel `chdb` has it: the engine without its server, in a process of its own."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from reverse_metadata_tests.engines.asked import Asked, answer, asked
from reverse_metadata_tests.engines.servers import absent, home


@contextmanager
def clickhouse() -> Iterator[Asked]:
    """An empty ClickHouse. Statements with a semicolon between them all run."""
    if find_spec("chdb") is None:
        absent("chdb", "pip install 'reverse-metadata[dev]'")
    with home() as directory, asked(__name__, directory) as engine:
        yield engine


@contextmanager
def _started(directory: Path) -> Iterator[Callable[[str], list[list[Any]]]]:
    from chdb import session

    with session.Session(str(directory / "data")) as opened:

        def run(sql: str) -> list[list[Any]]:
            found = str(opened.query(sql, "JSONCompact"))
            return list(json.loads(found)["data"]) if found else []

        yield run


if __name__ == "__main__":
    answer(_started)
