"""Engines that live in a Python process of their own, which is asked line by line.

So an engine with threads, signal handlers and virtual machines of its own leaves the process of the tests alone.
Each line of the standard input is a statement as JSON, each line of the output its rows, or its error.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from reverse_metadata_tests.engines.servers import EngineDied, log_end, mortal, wait_or_kill


class Refused(Exception):
    """The engine refused a statement; the message is the engine's."""


class Asked:
    """An engine that runs one statement after the other."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process, self._log = process, log

    def run(self, sql: str) -> list[list[Any]]:
        """The rows of a statement. Raises Refused."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(sql).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise EngineDied(f"the engine ended:\n{log_end(self._log)}")
        answer = json.loads(line)
        if "error" in answer:
            raise Refused(answer["error"])
        rows: list[list[Any]] = answer["rows"]
        return rows


@contextmanager
def asked(module: str, directory: Path, **environment: str) -> Iterator[Asked]:
    """A process of the module, which calls `answer`, with the directory for its files."""
    log = directory / "log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [*mortal(), sys.executable, "-m", module, str(directory)],
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as process,
    ):
        try:
            yield Asked(process, log)
        finally:
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.close()
            wait_or_kill(process)


def answer(start: Callable[[Path], AbstractContextManager[Callable[[str], Sequence[Sequence[Any]]]]]) -> None:
    """Be such a process: start the engine in the directory that is asked for, and answer until nobody asks."""
    answers = os.fdopen(os.dup(1), "w")
    # What an engine prints belongs to the log, not between the answers.
    os.dup2(2, 1)
    with answers, start(Path(sys.argv[1])) as run:
        for line in sys.stdin:
            try:
                reply: dict[str, Any] = {"rows": [list(row) for row in run(json.loads(line))]}
            except Exception as error:
                reply = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(reply), file=answers, flush=True)
