"""Debian's MariaDB."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from reverse_metadata_tests.engines.servers import absent, as_user, home, mortal, server


@contextmanager
def mariadb() -> Iterator[str]:
    """The socket of a MariaDB; `root` is its superuser and needs no password. It listens on nothing else.

    For root it runs as the system user `mysql`, whom Debian's package creates.
    """
    # Debian keeps it where only root's PATH looks.
    program = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")
    install = shutil.which("mariadb-install-db")
    if not program or not install:
        absent("MariaDB", "apt-get install mariadb-server")
    with home(owner="mysql") as directory:
        data, path = directory / "data", str(directory / "socket")
        unlocked = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(
            [*as_user("mysql"), install, "--no-defaults", f"--datadir={data}", *unlocked],
            check=True,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        options = [f"--datadir={data}", f"--socket={path}", f"--pid-file={directory}/pid", "--skip-networking"]
        speed = ["--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M"]
        command = [*mortal("mysql"), program, "--no-defaults", *options, *speed, "--character-set-server=utf8mb4"]

        def ready() -> bool:
            with socket.socket(socket.AF_UNIX) as probe:
                return probe.connect_ex(path) == 0

        with server(command, directory / "log", ready):
            yield path
