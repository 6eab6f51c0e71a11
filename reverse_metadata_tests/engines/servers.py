"""What every engine needs: to be missed in the open, to be waited for, and to be stopped."""

import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

_START_SECONDS = 120
_STOP_SECONDS = 30


class EngineDied(Exception):
    """An engine did not start, or ended before it was told to; the message has the end of its log."""


def absent(engine: str, install: str) -> NoReturn:
    """Skip the test for want of an engine; where every engine must be there, fail it."""
    message = f"{engine} is not installed: {install}"
    if os.environ.get("REQUIRE_ENGINES") == "1":
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def home(owner: str = "") -> Iterator[Path]:
    """A directory for an engine's files, of a system user where root starts the engine.

    Not below pytest's own directory: every new session of root's pytest closes the one above to other users.
    """
    with tempfile.TemporaryDirectory(prefix="reverse_metadata-") as name:
        if owner and os.geteuid() == 0:
            shutil.chown(name, owner)
        yield Path(name)


def as_user(user: str) -> list[str]:
    """The beginning of a command that runs as a system user, for engines that do not run as root."""
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if os.geteuid() == 0 else []


def mortal(user: str = "") -> list[str]:
    """The beginning of a command, perhaps of a system user, that ends when whoever started it is killed.

    Only Linux knows that; elsewhere a killed pytest leaves its engines behind.
    """
    if not shutil.which("setpriv"):
        return []
    return [*((user and as_user(user)) or ["setpriv"]), "--pdeathsig=TERM"]


def free_port() -> int:
    """A port of the loopback on which nobody listens, below those that the system gives to clients."""
    for port in range(23000 + os.getpid() % 5000, 32768):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise EngineDied("no port between 23000 and 32767 is free")


@contextmanager
def server(command: Sequence[str | Path], log: Path, ready: Callable[[], bool], **environment: str) -> Iterator[None]:
    """A server that runs until the end of the block. Raises EngineDied when it does not become ready."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            list(map(str, command)),
            cwd=log.parent,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise EngineDied(f"it did not start: {shlex.join(map(str, command))}\n{log_end(log)}")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            wait_or_kill(process)


def wait_or_kill(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that was told to end, and kill it if it does not."""
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def log_end(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
