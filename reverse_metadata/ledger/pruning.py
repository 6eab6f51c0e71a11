"""Forgetting what is older than anybody wants to look back.

Last values, holds, what was started and never finished, and the newest push of every value stay whatever their age:
the merge and the undo work from them. Everything goes in chunks, a transaction each, so that no run waits for long.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reverse_metadata.ledger.database import Database
from reverse_metadata.ledger.records import Pruned
from reverse_metadata.ledger.schema import (
    deliveries,
    handoffs,
    inbox,
    plan_changes,
    plans,
    pushes,
    subscriptions,
    waiting_plans,
)

#: Rows that one transaction looks at or deletes.
_CHUNK = 1000


class Pruning(Database):
    """The part of the ledger that forgets."""

    def prune(self, before: datetime) -> Pruned:
        """Delete what was pushed, planned, delivered and handed on before a moment; gives the numbers of rows.

        The moment lies at least a day back: the brakes and contests count what was written within 24 hours. A failed
        push stays while nothing was tried after it, one that was applied while nothing was applied after it. A plan
        that waits for approval stays, however old; it goes once it expired before the moment, and as nobody ended it
        until then, no look at its partition is asked for. Raises LedgerError; what was deleted until then stays
        deleted, and another call goes on.
        """
        changes, headers = self._prune_plans(before)
        return Pruned(
            pushes=self._prune_pushes(before),
            changes=changes,
            plans=headers,
            events=self._prune_inbox(before),
            handoffs=self._delete(handoffs, handoffs.c.created_at < before)
            + self._delete(waiting_plans, waiting_plans.c.expires_at < before),
        )

    def _prune_pushes(self, before: datetime) -> int:
        c, later = pushes.c, pushes.alias("later")
        superseded = sa.exists().where(
            later.c.entity == c.entity,
            later.c.id > c.id,
            # Not the bare column: SQLite would take the index of the service, and read every later push in it.
            later.c.catalog.concat("") == c.catalog,
            later.c.service == c.service,
            later.c.aspect == c.aspect,
            later.c.tag_key == c.tag_key,
            sa.or_(later.c.outcome == "applied", c.outcome != "applied"),
        )
        old = c.pushed_at < before
        return sum(
            # What is superseded stays so: pushes are only ever added behind it, and the newest is never deleted.
            self._delete(pushes, c.id >= page[0], c.id <= page[-1], old, superseded)
            for page in self._pages(c.id, old)
        )

    def _prune_plans(self, before: datetime) -> tuple[int, int]:
        """The changes that are done, or that no run will start any more, and the plans of which none is left."""
        c = plan_changes.c
        done = sa.and_(c.state != "started", sa.or_(c.finished_at.is_(None), c.finished_at < before))
        has_changes = sa.exists().where(c.plan_id == plans.c.plan_id)
        changes = headers = 0
        for page in self._pages(plans.c.plan_id, plans.c.created_at < before):
            changes += self._delete(plan_changes, c.plan_id.in_(page), done)
            headers += self._delete(plans, plans.c.plan_id.in_(page), ~has_changes)
        return changes, headers

    def _prune_inbox(self, before: datetime) -> int:
        """The events that every channel dealt with which follows the catalog, and then how far channels were."""
        i, d, s = inbox.c, deliveries.c, subscriptions.c
        to_do = (
            sa.exists()
            .select_from(
                subscriptions.outerjoin(
                    deliveries, sa.and_(d.channel == s.channel, d.catalog == s.catalog, d.entity == i.entity)
                )
            )
            .where(
                s.catalog == i.catalog, sa.or_(i.channel == s.channel, sa.and_(i.channel == "", i.seq > s.start_seq))
            )
            .where(i.seq > sa.func.coalesce(d.applied_seq, 0))
            .correlate(inbox)
        )
        events = self._delete(inbox, i.at < int(before.timestamp() * 1000), ~to_do)
        # An event that arrives meanwhile has a number above every one that was applied: nothing is done twice.
        named = sa.exists().where(i.catalog == d.catalog, i.channel.in_(("", d.channel)), i.entity == d.entity)
        self._delete(deliveries, ~named.correlate(deliveries))
        return events

    def _pages(self, key: sa.Column[Any], old: sa.ColumnElement[bool]) -> Iterator[list[Any]]:
        """The old rows of a table by their key, in pages; a page may be deleted before the next is read."""
        query = sa.select(key).where(old).order_by(key).limit(_CHUNK)
        # Without an end the last page would read through all that is young.
        with self._reading() as connection:
            end = connection.scalar(sa.select(sa.func.max(key)).where(old))
        if end is None:
            return
        query = query.where(key <= end)
        following = query
        while True:
            with self._reading() as connection:
                page = list(connection.scalars(following))
            if not page:
                return
            yield page
            following = query.where(key > page[-1])

    def _delete(self, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
        """Delete the rows of a table that match, chunk by chunk; gives their number."""
        key = list(table.primary_key)
        some = sa.select(*key).where(*where).order_by(*key).limit(_CHUNK)
        total = 0
        while True:
            with self._writing() as connection:
                rows = [tuple(row) for row in connection.execute(some)]
                if rows:
                    # The condition is said again: somebody may have changed a row meanwhile.
                    gone = sa.delete(table).where(sa.tuple_(*key).in_(rows), *where)
                    total += connection.execute(gone).rowcount
            if len(rows) < _CHUNK:
                return total
