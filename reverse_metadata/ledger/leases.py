"""Leases: one holder at a time, across processes and machines, with a fencing token.

A lease is a row with a time at which it ends; its holder renews it from a thread. The clock is the database's on
PostgreSQL, the machine's on SQLite. Tokens come from one counter, so a token names one tenure of one lease.
"""

import logging
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from reverse_metadata.errors import LeaseBusy, LeaseLost, LedgerError
from reverse_metadata.ledger.database import Database
from reverse_metadata.ledger.holder import Holder
from reverse_metadata.ledger.schema import counters, leases

_log = logging.getLogger(__name__)

#: Seconds between two looks at a lease that another holds; the actual time is between half of it and all of it.
_POLL = 0.5


@dataclass(frozen=True, slots=True)
class _Tenure:
    """A lease as the database has it: who holds it, and (`expired`) whether its time is over."""

    name: str
    token: int
    owner: str
    holder: Holder
    acquired_at: float
    expired: bool

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.acquired_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"{self.owner} (process {self.holder.pid} on {self.holder.host}) since {since}"


class Lease:
    """A lease that is held. `token` is larger than that of every earlier holder."""

    def __init__(self, name: str, token: int, ttl: float, renewed_at: float) -> None:
        self.name = name
        self.token = token
        self._ttl = ttl
        self._renewed_at = renewed_at
        self._lost = ""

    def check(self) -> None:
        """Raise LeaseLost when another holds the lease, or when it could not be renewed for most of its time."""
        age = _clock() - self._renewed_at
        # The rest of the time is for what the caller does between this check and its effect.
        if not self._lost and age > self._ttl * 0.875:
            self._lost = f"it was not renewed for {age:.0f} seconds, of the {self._ttl:.0f} that it lasts"
        if self._lost:
            raise LeaseLost(f"The lease {self.name!r} is lost: {self._lost}. Nothing more may be written under it.")

    def _renewed(self, at: float) -> None:
        self._renewed_at = at

    def _taken(self) -> None:
        self._lost = "another run holds it now"


class Leases(Database):
    """The part of the ledger that lets one run at a time write a schema."""

    @contextmanager
    def lease(self, name: str, *, owner: str, ttl: float = 60.0, wait: float = 0.0) -> Iterator[Lease]:
        """Hold a lease for the time of a `with` block. `owner` is the run id; `ttl` and `wait` are seconds.

        A lease whose time is over, or whose holder is a dead process of this machine, is taken over. Raises LeaseBusy
        when another keeps it for longer than `wait`.
        """
        with self._held(f"The lease {name!r}", [name], owner, ttl, wait) as lease:
            yield lease

    @contextmanager
    def slot(self, service: str, limit: int, *, owner: str, ttl: float = 60.0, wait: float = 0.0) -> Iterator[Lease]:
        """Hold one of `limit` places at a service, as `lease` does."""
        names = [f"slot/{service}/{number}" for number in range(limit)]
        with self._held(f"Each of the {limit} places at {service!r}", names, owner, ttl, wait) as lease:
            yield lease

    @contextmanager
    def _held(self, what: str, names: list[str], owner: str, ttl: float, wait: float) -> Iterator[Lease]:
        lease = self._acquire(what, names, owner, ttl, wait)
        done = threading.Event()
        heart = threading.Thread(target=self._beat, args=(lease, ttl, done), name=f"lease {lease.name}", daemon=True)
        heart.start()
        try:
            yield lease
        finally:
            done.set()
            # A renewal that hangs in a dead connection must not hold up the run; it finds its row gone.
            heart.join(timeout=ttl / 4)
            self._release(lease)

    def _acquire(self, what: str, names: list[str], owner: str, ttl: float, wait: float) -> Lease:
        me = Holder.here()
        deadline = time.monotonic() + wait
        while True:
            holders = []
            for name in names:
                asked_at = _clock()
                found = self._look(name)
                if found is None or found.expired or found.holder.is_dead(me):
                    token = self._take(name, found, me, owner, ttl)
                    if token is not None:
                        return Lease(name, token, ttl, asked_at)
                else:
                    holders.append(found)
            left = deadline - time.monotonic()
            if left <= 0:
                by = ", ".join(str(holder) for holder in holders) or "another run that was faster"
                raise LeaseBusy(
                    f"{what} is held by {by}, and was not given back within {wait:.0f} seconds. Try again when that run"
                    " is done."
                )
            time.sleep(min(left, random.uniform(_POLL / 2, _POLL)))

    def _look(self, name: str) -> _Tenure | None:
        c = leases.c
        query = sa.select(leases, (c.expires_at <= self._now()).label("expired")).where(c.name == name)
        with self._reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        holder = Holder(row.host, row.boot_id, row.pid_namespace, row.pid, row.process_start)
        return _Tenure(name, row.token, row.owner, holder, row.acquired_at, row.expired)

    def _take(self, name: str, found: _Tenure | None, me: Holder, owner: str, ttl: float) -> int | None:
        """The token; None when another was faster, or the former holder renewed after all."""
        now = self._now()
        insert = self._insert(leases)
        with self._writing() as connection:
            token = self._next_token(connection)
            values: dict[str, Any] = {
                "name": name,
                "token": token,
                "owner": owner,
                "host": me.host,
                "boot_id": me.boot_id,
                "pid_namespace": me.pid_namespace,
                "pid": me.pid,
                "process_start": me.process_start,
                "acquired_at": now,
                "expires_at": now + ttl,
            }
            others = {key: insert.excluded[key] for key in values if key != "name"}
            same_tenure = leases.c.token == (0 if found is None else found.token)
            if found is not None and found.expired:
                same_tenure = sa.and_(same_tenure, leases.c.expires_at <= now)
            upsert = insert.values(values).on_conflict_do_update(
                index_elements=["name"], set_=others, where=same_tenure
            )
            # No row comes back when the condition does not hold.
            taken: int | None = connection.scalar(upsert.returning(leases.c.token))
        return taken

    def _next_token(self, connection: sa.Connection) -> int:
        insert = self._insert(counters).values(name="lease", value=1)
        upsert = insert.on_conflict_do_update(index_elements=["name"], set_={"value": counters.c.value + 1})
        return int(connection.execute(upsert.returning(counters.c.value)).scalar_one())

    def _beat(self, lease: Lease, ttl: float, done: threading.Event) -> None:
        c = leases.c
        while not done.wait(ttl / 4):
            asked_at = _clock()
            renewal = sa.update(leases).where(c.name == lease.name, c.token == lease.token)
            try:
                with self._writing() as connection:
                    held = connection.execute(renewal.values(expires_at=self._now() + ttl)).rowcount == 1
            except LedgerError as error:
                # Not the end yet: the next beat may get through, and `check` knows when it is too late.
                _log.warning("The lease %r could not be renewed: %s", lease.name, error)
                continue
            if not held:
                lease._taken()
                return
            lease._renewed(asked_at)

    def _release(self, lease: Lease) -> None:
        c = leases.c
        try:
            with self._writing() as connection:
                connection.execute(sa.delete(leases).where(c.name == lease.name, c.token == lease.token))
        except LedgerError as error:
            # What was done under the lease is done; it ends by itself.
            _log.warning("The lease %r could not be given back: %s", lease.name, error)

    def _now(self) -> sa.ColumnElement[float]:
        """Seconds since 1970, by the one clock that every process sees."""
        if self._postgresql:
            return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Float(53))
        return sa.literal(time.time(), sa.Float(53))


def _clock() -> float:
    """Seconds on a clock that nobody sets; where possible one that goes on while the machine sleeps."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)
