"""Who holds a lease, told precisely enough to see that the holder is dead.

On Linux a process is identified by machine, boot, PID namespace, PID and start time (proc(5)); another process of
the same namespace can then prove that it is gone. Elsewhere nothing is proven and a lease runs out by time.
"""

import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Holder:
    """A process. `boot_id`, `pid_namespace` and `process_start` are "" where the system does not tell them."""

    host: str
    boot_id: str
    pid_namespace: str
    pid: int
    process_start: str

    @staticmethod
    def here() -> "Holder":
        """This process."""
        pid = os.getpid()
        status = _status(pid)
        return Holder(socket.gethostname(), _boot_id(), _pid_namespace(), pid, status[1] if status else "")

    def is_dead(self, seen_from: "Holder") -> bool:
        """Whether the process is provably gone; False when in doubt."""
        ours = (self.host, self.boot_id, self.pid_namespace) == (
            seen_from.host,
            seen_from.boot_id,
            seen_from.pid_namespace,
        )
        if not (ours and self.boot_id and self.pid_namespace and self.process_start):
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        # /proc may hide processes of other users: an unreadable status proves nothing.
        status = _status(self.pid)
        if status is None:
            return False
        state, start = status
        return start != self.process_start or (state in "ZX" and _threads(self.pid) <= 1)


@cache
def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


@cache
def _pid_namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _status(pid: int) -> tuple[str, str] | None:
    """(state, start time in clock ticks since boot) of a process."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # The name of the program stands in parentheses and may contain anything, these too.
    fields = line.rpartition(")")[2].split()
    return fields[0], fields[19]


def _threads(pid: int) -> int:
    """The threads of a process whose first thread ended: a zombie still runs while it has others."""
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 2
