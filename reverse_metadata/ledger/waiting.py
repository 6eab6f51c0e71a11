"""Plans that wait until somebody approves them.

At most one a channel and partition. However it ends, a full look at the partition is asked for in the same
transaction: edits that came while it waited, and changes that were stale by then, are planned again.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from reverse_metadata.ledger.handoffs import packed, unpacked
from reverse_metadata.ledger.inbox import Inbox
from reverse_metadata.ledger.records import WaitingPlan
from reverse_metadata.ledger.schema import waiting_plans


class Waiting(Inbox):
    """The part of the ledger that keeps plans for approval. Every method raises LedgerError."""

    def keep_waiting(
        self,
        catalog: str,
        channel: str,
        partition_key: str,
        plan_hash: str,
        payload: bytes,
        *,
        run_id: str,
        expires_at: datetime,
        replace: bool = False,
    ) -> WaitingPlan:
        """Let a plan wait until `expires_at`; gives the plan that waits from then on.

        While another one waits, that one goes on waiting and is given, unless `replace` says that the new one takes
        its place. Without it, a plan with the hash of the one that waits is that one: its times, payload and run stay.
        Of two processes that do this at once, both get the same plan, unless one replaces the other's.
        """
        c, now = waiting_plans.c, datetime.now(UTC)
        row = {
            "catalog": catalog,
            "channel": channel,
            "partition_key": partition_key,
            "hash": plan_hash,
            "run_id": run_id,
            "created_at": now,
            "expires_at": expires_at,
            "payload": packed(payload),
        }
        gives_way = c.expires_at <= now
        if replace:
            gives_way = sa.true()
        insert = self._insert(waiting_plans).values(row)
        upsert = insert.on_conflict_do_update(
            index_elements=list(waiting_plans.primary_key),
            set_={column.name: insert.excluded[column.name] for column in c if not column.primary_key},
            where=gives_way,
        )
        with self._writing() as connection:
            # The row is locked from here on, also when it stays as it was: the plan that is given is the one there.
            connection.execute(upsert)
            return _plan(connection.execute(_one(catalog, channel, partition_key)).one())

    def waiting(self, catalog: str, channel: str, partition_key: str, now: datetime) -> WaitingPlan | None:
        """The plan that waits; None when there is none, or when it has expired by `now`."""
        query = _one(catalog, channel, partition_key).where(waiting_plans.c.expires_at > now)
        with self._reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _plan(row)

    def waiting_partitions(self, catalog: str, channel: str, now: datetime) -> dict[str, str]:
        """The hash of every plan of a channel that waits and has not expired by `now`, by partition key."""
        c = waiting_plans.c
        query = sa.select(c.partition_key, c.hash).where(c.catalog == catalog, c.channel == channel, c.expires_at > now)
        with self._reading() as connection:
            return dict(connection.execute(query).all())

    def end_waiting(self, catalog: str, channel: str, partition_key: str, plan_hash: str) -> bool:
        """The plan was applied or turned down: it waits no longer, and the channel owes a full look at the partition.

        False, and nothing changes, when no plan with this hash is kept. One that expired meanwhile can still be ended.
        """
        c = waiting_plans.c
        return self._end(catalog, channel, c.partition_key == partition_key, c.hash == plan_hash) != []

    def end_expired(self, catalog: str, channel: str, now: datetime) -> list[str]:
        """End every plan of a channel that has expired by `now`, as `end_waiting` does; gives the partition keys."""
        return self._end(catalog, channel, waiting_plans.c.expires_at <= now)

    def _end(self, catalog: str, channel: str, *which: sa.ColumnElement[bool]) -> list[str]:
        c = waiting_plans.c
        delete = sa.delete(waiting_plans).where(c.catalog == catalog, c.channel == channel, *which)
        with self._writing() as connection:
            ended = sorted(connection.scalars(delete.returning(c.partition_key)))
            if ended:
                self._request_full(connection, catalog, ended, channel)
        return ended


def _one(catalog: str, channel: str, partition_key: str) -> sa.Select[Any]:
    c = waiting_plans.c
    return sa.select(c.hash, c.payload, c.run_id, c.created_at, c.expires_at).where(
        c.catalog == catalog, c.channel == channel, c.partition_key == partition_key
    )


def _plan(row: sa.Row[Any]) -> WaitingPlan:
    return WaitingPlan(row.hash, unpacked(row.payload), row.run_id, row.created_at, row.expires_at)
