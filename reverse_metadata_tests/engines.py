"""Real engines that the system brings, started for the tests and stopped after them."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

_POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")


def absent(engine: str, install: str) -> NoReturn:
    """Skip the test for want of an engine; where every engine must be there, fail it."""
    message = f"{engine} is not installed: {install}"
    if os.environ.get("REQUIRE_ENGINES") == "1":
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def postgres_15() -> Iterator[str]:
    """The socket directory of Debian's PostgreSQL 15; `postgres` is its superuser and needs no password.

    PostgreSQL does not run as root: for root it runs as the system user `postgres`, whom Debian's package creates.
    """
    if not (_POSTGRES_15 / "postgres").exists():
        absent("PostgreSQL 15", "apt-get install postgresql-15")
    # Not below pytest's own directory: every new session of root's pytest closes the one above to other users.
    with tempfile.TemporaryDirectory(prefix="reverse_metadata-") as name:
        data = Path(name, "data")
        if os.geteuid() == 0:
            shutil.chown(name, "postgres")
        _run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N", home=name)
        settings = f"-c listen_addresses='' -c unix_socket_directories={name} -c fsync=off"
        _run("pg_ctl", "-D", data, "-w", "-l", f"{name}/log", "-o", settings, "start", home=name)
        try:
            yield name
        finally:
            _run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop", home=name)


def _run(program: str, *arguments: str | Path, home: str) -> None:
    command = [str(_POSTGRES_15 / program), *map(str, arguments)]
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]
    # Not captured: the server that pg_ctl starts would keep the pipe open.
    subprocess.run(command, check=True, cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
