"""Debian's PostgreSQL 15."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reverse_metadata_tests.engines.servers import absent, as_user, home

_PROGRAMS = Path("/usr/lib/postgresql/15/bin")


@contextmanager
def postgres_15() -> Iterator[str]:
    """The socket directory of Debian's PostgreSQL 15; `postgres` is its superuser and needs no password.

    PostgreSQL does not run as root: for root it runs as the system user `postgres`, whom Debian's package creates.
    """
    if not (_PROGRAMS / "postgres").exists():
        absent("PostgreSQL 15", "apt-get install postgresql-15")
    with home(owner="postgres") as directory:
        data = directory / "data"
        _run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        settings = f"-c listen_addresses='' -c unix_socket_directories={directory} -c fsync=off"
        _run("pg_ctl", "-D", data, "-w", "-l", directory / "log", "-o", settings, "start")
        try:
            yield str(directory)
        finally:
            _run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


def _run(program: str, option: str, data: Path, *arguments: str | Path) -> None:
    # Not captured: the server that pg_ctl starts would keep the pipe open.
    subprocess.run(
        [*as_user("postgres"), str(_PROGRAMS / program), option, str(data), *map(str, arguments)],
        check=True,
        cwd=data.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
