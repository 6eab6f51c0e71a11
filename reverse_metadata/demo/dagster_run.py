"""Runs a job as a newcomer would, and shows of its output what is worth reading while it runs."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from reverse_metadata.display import one_line

MODULE = "reverse_metadata.definitions"

#: `2026-11-21 04:40:00 +0000 - dagster - INFO - shop_sync - <run id> - step - message`
_LOGGED = re.compile(r"\S+ \S+ \S+ - dagster - (?P<level>INFO|WARNING|ERROR) - (?:\S+ - ){3}(?P<message>.*)")
_STEP_FAILED = " - STEP_FAILURE - "
#: Characters of a message that are shown.
_WIDTH = 160


def run_job(job: str, environment: Mapping[str, str], log: Path, say: Callable[[str], None]) -> str:
    """Run `dagster job execute` to its end, everything it prints written to `log`; its last line if it failed, else "".

    `environment` is the whole one; `say` is called with each message of the job as it comes.
    """
    say(f"==> dagster job execute -m {MODULE} -j {job}")
    say("    Dagster starts, this takes some seconds")
    command = [
        *(sys.executable, "-W", "ignore:Function `job_execute_command` is superseded:FutureWarning", "-m", "dagster"),
        *("job", "execute", "-m", MODULE, "-j", job),
    ]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=environment,
    ) as process:
        assert process.stdout is not None
        for message in worth_reading(_copied(process.stdout, log)):
            say(f"    {message}")
    return "" if process.returncode == 0 else _last_line(log)


def worth_reading(lines: Iterable[str]) -> Iterator[str]:
    """What the job itself logged, and the errors of failed steps without their stack traces."""
    in_error = False
    for line in lines:
        if match := _LOGGED.match(line):
            level, message = match["level"], match["message"]
            in_error = level == "ERROR" and _STEP_FAILED in message
            if "RUN_FAILURE - " not in message:
                yield one_line(message if level == "INFO" else f"{level}: {message.split(_STEP_FAILED)[-1]}", _WIDTH)
        elif line.startswith("Stack Trace:"):
            in_error = False
        elif in_error and line.strip():
            yield one_line(line.rstrip(), _WIDTH)


def _copied(lines: Iterable[str], log: Path) -> Iterator[str]:
    with log.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(line)
            yield line


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    return one_line(lines[-1], _WIDTH) if lines else "it printed nothing"
