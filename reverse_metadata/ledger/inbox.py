"""The inbox: which entities changed in the catalog, and how far each channel has dealt with them.

A row an entity, not an event: whatever happened since is one reason to look at it again. Every row carries the
number of its newest event; a channel has work where that number is above what it applied. Losing the cursor of the
event stream loses nothing that was recorded here.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from reverse_metadata import fqn as fqns
from reverse_metadata.ledger.database import Database, chunks
from reverse_metadata.ledger.records import DueWork, InboxEvent, PendingEntity
from reverse_metadata.ledger.schema import deliveries, inbox, subscriptions, tails
from reverse_metadata.redaction import redact

#: The first distance to another try, doubled each time up to the longest.
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)


class Inbox(Database):
    """The part of the ledger that knows what is pending. Every method raises LedgerError."""

    def record_events(
        self, catalog: str, events: Iterable[InboxEvent], cursor: str, *, everything: bool = False
    ) -> None:
        """Record events and the cursor behind them, in one transaction.

        `everything` says that events may have been lost: every channel then owes a look at all its scope.
        """
        newest = {event.entity: event for event in events}
        whole = {event.entity for event in events if event.whole}
        with self._writing() as connection:
            seq = self._advance(connection, catalog, len(newest) + everything)
            connection.execute(
                sa.update(tails).where(tails.c.catalog == catalog).values(cursor=cursor, updated_at=datetime.now(UTC))
            )
            if everything:
                owes = sa.update(subscriptions).where(subscriptions.c.catalog == catalog)
                connection.execute(owes.values(owed_seq=seq))
            first = seq - everything - len(newest) + 1
            self._put(
                connection,
                [
                    _row(catalog, "", event, number, event.entity in whole)
                    for number, event in enumerate(newest.values(), first)
                ],
            )

    def cursor(self, catalog: str) -> str:
        """The cursor of the event stream; "" before the first look."""
        with self._reading() as connection:
            return connection.scalar(sa.select(tails.c.cursor).where(tails.c.catalog == catalog)) or ""

    def newest_seq(self, catalog: str) -> int:
        """The number of the newest event: a run that reads the catalog after this call answers all up to it."""
        with self._reading() as connection:
            return connection.scalar(sa.select(tails.c.seq).where(tails.c.catalog == catalog)) or 0

    def ensure_channel(self, channel: str, catalog: str) -> None:
        """Make a channel known. A new one is spared the events of the past, and owes a look at everything instead."""
        with self._reading() as connection:
            known = sa.select(subscriptions.c.start_seq).where(
                subscriptions.c.channel == channel, subscriptions.c.catalog == catalog
            )
            if connection.execute(known).first() is not None:
                return
        with self._writing() as connection:
            seq = self._advance(connection, catalog, 1)
            row = {"channel": channel, "catalog": catalog, "start_seq": seq, "owed_seq": seq}
            connection.execute(self._insert(subscriptions).on_conflict_do_nothing(), row)

    def owed(self, channel: str, catalog: str) -> int | None:
        """Not None while the channel owes a look at everything in its scope: the number to give to `discovered`."""
        c = subscriptions.c
        with self._reading() as connection:
            return connection.scalar(sa.select(c.owed_seq).where(c.channel == channel, c.catalog == catalog))

    def discovered(self, channel: str, catalog: str, owed: int) -> None:
        """Everything in the channel's scope was requested, or done, since `owed` gave this number."""
        c = subscriptions.c
        with self._writing() as connection:
            connection.execute(
                sa.update(subscriptions)
                .where(c.channel == channel, c.catalog == catalog, c.owed_seq <= owed)
                .values(owed_seq=None)
            )

    def request_full(self, catalog: str, partition_keys: Collection[str], channel: str = "") -> None:
        """Ask for a full look at partitions, for one channel or ("") for all that are known by then."""
        if partition_keys:
            with self._writing() as connection:
                self._request_full(connection, catalog, partition_keys, channel)

    def _request_full(
        self, connection: sa.Connection, catalog: str, partition_keys: Collection[str], channel: str
    ) -> None:
        """`request_full` within a transaction of the caller."""
        now = int(datetime.now(UTC).timestamp() * 1000)
        events = [
            InboxEvent(key, key, fqns.split(key)[0], at=now, kind="requested", whole=True)
            for key in dict.fromkeys(partition_keys)
        ]
        seq = self._advance(connection, catalog, len(events))
        first = seq - len(events) + 1
        self._put(
            connection, [_row(catalog, channel, event, number, True) for number, event in enumerate(events, first)]
        )

    def pending(
        self, channel: str, catalog: str, partition_key: str, now: datetime | None = None
    ) -> list[PendingEntity]:
        """What the channel has not dealt with in a partition, oldest first; parked entities are left out.

        With `now`, also left out is what waits for its next try.
        """
        query = self._undelivered(channel, catalog, now).where(inbox.c.partition_key == partition_key)
        with self._reading() as connection:
            return [PendingEntity(row.entity, row.seq, row.full, row.attempts) for row in connection.execute(query)]

    def due(self, channel: str, catalog: str, now: datetime) -> list[DueWork]:
        """The work of a channel whose time has come, a partition each, the longest waiting first."""
        partitions: dict[str, list[Any]] = {}
        with self._reading() as connection:
            for row in connection.execute(self._undelivered(channel, catalog, now)):
                partitions.setdefault(row.partition_key, []).append(row)
        return [
            DueWork(
                partition_key=key,
                entities=tuple(row.entity for row in rows),
                full=any(row.full for row in rows),
                attempts=max(row.attempts for row in rows),
                newest_seq=max(row.seq for row in rows),
            )
            for key, rows in partitions.items()
        ]

    def delivered(self, channel: str, catalog: str, partition_key: str, upto: Mapping[str, int]) -> None:
        """The channel dealt with these entities of a partition, up to the numbers that `pending` gave."""
        self._settle(channel, catalog, partition_key, upto)

    def delivered_all(self, channel: str, catalog: str, partition_key: str, upto_seq: int) -> None:
        """A full run dealt with the whole partition, up to the number that `newest_seq` gave before it read."""
        c = inbox.c
        entities = sa.select(c.entity).where(
            c.catalog == catalog, c.partition_key == partition_key, c.channel.in_(("", channel)), c.seq <= upto_seq
        )
        with self._reading() as connection:
            upto = dict.fromkeys(connection.scalars(entities), upto_seq)
        self._settle(channel, catalog, partition_key, upto)

    def requested(self, channel: str, catalog: str, partition_key: str) -> None:
        """A run was asked for: its work is not due again before it had time to fail.

        A run that dies without a word, before it could note anything, is so asked for again once a minute, not at
        every look.
        """
        query = self._undelivered(channel, catalog, None).where(inbox.c.partition_key == partition_key)
        later = datetime.now(UTC) + FIRST_RETRY
        with self._writing() as connection:
            values = [
                {
                    "channel": channel,
                    "catalog": catalog,
                    "entity": row.entity,
                    "partition_key": partition_key,
                    "applied_seq": row.applied_seq,
                    "attempts": row.attempts,
                    "next_try": later,
                    "parked_seq": 0,
                    "error": None,
                }
                for row in sorted(connection.execute(query).all(), key=lambda row: row.entity)
            ]
            self._upsert(connection, deliveries, values, only_up=("applied_seq",))

    def failed(
        self,
        channel: str,
        catalog: str,
        partition_key: str,
        error: str,
        entities: Collection[str] | None = None,
        *,
        max_attempts: int = 8,
        park: bool = True,
    ) -> None:
        """Trying failed: for these entities, or (None) for all that is pending in the partition.

        They are due again after one minute, then two, four ... up to an hour; after `max_attempts` they are parked
        until another event names them or a full run delivers them. `park=False` never parks: a missing privilege
        stays red until someone grants it.
        """
        now = datetime.now(UTC)
        query = self._undelivered(channel, catalog, None).where(inbox.c.partition_key == partition_key)
        with self._writing() as connection:
            if entities is None:
                rows = connection.execute(query).all()
            else:
                rows = [
                    r for some in chunks(entities) for r in connection.execute(query.where(inbox.c.entity.in_(some)))
                ]
            values = []
            for row in sorted(rows, key=lambda row: row.entity):
                attempts = row.attempts + 1
                parked = park and attempts >= max_attempts
                values.append(
                    {
                        "channel": channel,
                        "catalog": catalog,
                        "entity": row.entity,
                        "partition_key": partition_key,
                        "applied_seq": row.applied_seq,
                        "attempts": attempts,
                        # The event that ends the parking is a reason to try at once.
                        "next_try": None if parked else now + _backoff(attempts),
                        "parked_seq": row.seq if parked else 0,
                        "error": redact(error),
                    }
                )
            self._upsert(connection, deliveries, values, only_up=("applied_seq",))

    def _advance(self, connection: sa.Connection, catalog: str, count: int) -> int:
        """Take `count` numbers; gives the last. The row stays locked, so numbers are committed in their order."""
        row = {"catalog": catalog, "seq": count, "cursor": "", "updated_at": datetime.now(UTC)}
        insert = self._insert(tails).values(row)
        upsert = insert.on_conflict_do_update(index_elements=[tails.c.catalog], set_={"seq": tails.c.seq + count})
        return int(connection.execute(upsert.returning(tails.c.seq)).scalar_one())

    def _put(self, connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
        # An edit that follows a request for a full look must not hide it.
        self._upsert(connection, inbox, rows, only_up=("full_seq",))

    def _settle(self, channel: str, catalog: str, partition_key: str, upto: Mapping[str, int]) -> None:
        # Sorted, so that two runs of one partition never wait for each other.
        rows = [
            {
                "channel": channel,
                "catalog": catalog,
                "entity": entity,
                "partition_key": partition_key,
                "applied_seq": seq,
                "attempts": 0,
                "next_try": None,
                "parked_seq": 0,
                "error": None,
            }
            for entity, seq in sorted(upto.items())
        ]
        if rows:
            with self._writing() as connection:
                self._upsert(connection, deliveries, rows, only_up=("applied_seq",))

    def _undelivered(self, channel: str, catalog: str, now: datetime | None) -> sa.Select[Any]:
        """An entity a row: what the channel has not applied, is not parked, and (with `now`) is due."""
        i, d, s = inbox.c, deliveries.c, subscriptions.c
        applied = sa.func.coalesce(d.applied_seq, 0)
        after = sa.case(
            (sa.and_(i.channel == "", sa.func.coalesce(s.start_seq, 0) > applied), s.start_seq), else_=applied
        )
        seq = sa.func.max(i.seq)
        query = (
            sa.select(
                i.entity,
                i.partition_key,
                seq.label("seq"),
                (sa.func.max(i.full_seq - after) > 0).label("full"),
                sa.func.max(applied).label("applied_seq"),
                sa.func.max(sa.func.coalesce(d.attempts, 0)).label("attempts"),
            )
            .select_from(inbox)
            .outerjoin(deliveries, sa.and_(d.channel == channel, d.catalog == i.catalog, d.entity == i.entity))
            .outerjoin(subscriptions, sa.and_(s.channel == channel, s.catalog == i.catalog))
            .where(i.catalog == catalog, i.channel.in_(("", channel)))
            .where(i.seq > after, i.seq > sa.func.coalesce(d.parked_seq, 0))
            .group_by(i.entity, i.partition_key)
            .order_by(seq)
        )
        return query if now is None else query.where(sa.or_(d.next_try.is_(None), d.next_try <= now))


def _row(catalog: str, channel: str, event: InboxEvent, seq: int, whole: bool) -> dict[str, Any]:
    return {
        "catalog": catalog,
        "channel": channel,
        "entity": event.entity,
        "service": event.service,
        "partition_key": event.partition_key,
        "seq": seq,
        "full_seq": seq if whole else 0,
        "at": event.at,
        "changed_by": event.by,
        "kind": event.kind,
    }


def _backoff(attempts: int) -> timedelta:
    doublings = min(attempts - 1, 16)
    return min(FIRST_RETRY * (1 << doublings), LONGEST_RETRY)
