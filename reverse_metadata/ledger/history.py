"""What was pushed, for people, for the brakes and for telling whether a value is contested."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from reverse_metadata.ledger.database import Database, chunks
from reverse_metadata.ledger.records import Contest, Intent, Push
from reverse_metadata.ledger.schema import plan_changes, plans, pushes
from reverse_metadata.model import Aspect, LastKey, Origin

_PAGE = 1000
#: Flips that lie further apart are no contest.
_ROUND = timedelta(hours=24)


class History(Database):
    """The part of the ledger that tells what was pushed."""

    def pushes(
        self,
        *,
        catalog: str | None = None,
        service: str | None = None,
        entity: str | None = None,
        below: bool = False,
        channel: str | None = None,
        run_id: str | None = None,
        since: datetime | None = None,
    ) -> Iterator[Push]:
        """The pushes that match all that is given, newest first, read page by page. Raises LedgerError.

        `entity` is an FQN and means this entity alone; with `below` also all that is in it, such as the columns of a
        table.
        """
        c = pushes.c
        query = sa.select(pushes).order_by(c.id.desc()).limit(_PAGE)
        wanted = {c.catalog: catalog, c.service: service, c.channel: channel, c.run_id: run_id}
        for column, value in wanted.items():
            if value is not None:
                query = query.where(column == value)
        if entity is not None:
            query = query.where(_within(entity) if below else c.entity == entity)
        if since is not None:
            query = query.where(c.pushed_at >= since)
        page = query
        while True:
            with self._reading() as connection:
                found = [Push(**row) for row in connection.execute(page).mappings()]
            yield from found
            if len(found) < _PAGE:
                return
            page = query.where(c.id < found[-1].id)

    def intents(self, catalog: str, service: str, entities: Collection[str]) -> dict[LastKey, list[Intent]]:
        """What every push that arrived was for, oldest first, for every aspect of these entities."""
        c, p, o = plan_changes.c, pushes.c, plans.c
        same_change = sa.and_(
            c.plan_id == p.plan_id, c.entity == p.entity, c.aspect == p.aspect, c.tag_key == p.tag_key
        )
        query = (
            sa.select(p.entity, p.aspect, p.tag_key, p.id, c.wanted, c.origin, o.scope)
            # What was planned may have been pruned.
            .select_from(pushes.outerjoin(plan_changes, same_change).outerjoin(plans, o.plan_id == p.plan_id))
            .where(p.catalog == catalog, p.service == service, p.outcome == "applied")
            .order_by(p.id)
        )
        found: dict[LastKey, list[Intent]] = {}
        with self._reading() as connection:
            for some in chunks(entities):
                for entity, aspect, tag_key, *row in connection.execute(query.where(p.entity.in_(some))):
                    number, wanted, origin, scope = row
                    key = LastKey(entity, Aspect(aspect), tag_key)
                    found.setdefault(key, []).append(
                        Intent(number, wanted, Origin(origin or Origin.PUSHED), scope == "undo")
                    )
        return found

    def brake_counts(self, catalog: str, channel: str, since: datetime) -> tuple[int, int]:
        """How many texts of the source a channel replaced, and how many values it removed, since a moment.

        What was started and never finished counts as well: it may have been written.
        """
        c, p = plan_changes.c, plans.c
        written = sa.or_(
            sa.and_(c.state == "applied", c.finished_at >= since), sa.and_(c.state == "started", c.started_at >= since)
        )
        by_plan = (
            sa.select(
                c.plan_id,
                sa.func.count().filter(c.replaces).label("replaced"),
                sa.func.count().filter(c.removes).label("removed"),
            )
            # Word for word the condition of the index that holds these rows alone.
            .where(sa.text("(replaces OR removes)"), written)
            .group_by(c.plan_id)
            .subquery()
        )
        counts = (by_plan.c.replaced, by_plan.c.removed)
        query = (
            sa.select(*(sa.func.coalesce(sa.func.sum(count), 0) for count in counts))
            .join_from(by_plan, plans, by_plan.c.plan_id == p.plan_id)
            .where(p.catalog == catalog, p.channel == channel)
        )
        with self._reading() as connection:
            row = connection.execute(query).one()
        return int(row[0]), int(row[1])

    def contests(self, catalog: str, service: str, partition_key: str, since: datetime) -> dict[LastKey, Contest]:
        """What was written over what somebody else made of our values, for a partition: values of which the last such
        write was since a moment, with the number of those in the 24 hours up to it.

        All channels count together, and only what arrived. Of writes for different values of the catalog only those
        for the value that was written last count: it is contested, the others are history. Raises LedgerError.
        """
        c, p = plan_changes.c, plans.c
        query = (
            sa.select(c.entity, c.aspect, c.tag_key, c.wanted, c.after, c.before, c.finished_at)
            .join_from(plan_changes, plans, c.plan_id == p.plan_id)
            # Word for word the condition of the index that holds these rows alone.
            .where(sa.text("flips"), c.state == "applied", c.finished_at >= since - _ROUND)
            # Not the bare column: SQLite would begin with every plan of the catalog.
            .where(p.catalog.concat("") == catalog, p.service == service, p.partition_key == partition_key)
            .order_by(c.finished_at.desc(), c.plan_id.desc())
        )
        found: dict[LastKey, Contest] = {}
        with self._reading() as connection:
            for entity, aspect, tag_key, wanted, ours, theirs, at in connection.execute(query):
                key = LastKey(entity, Aspect(aspect), tag_key)
                newest = found.setdefault(key, Contest(wanted, ours, theirs, 0, at))
                if newest.wanted == wanted and at >= newest.newest - _ROUND:
                    found[key] = replace(newest, flips=newest.flips + 1)
        return {key: contest for key, contest in found.items() if contest.newest >= since}


def _within(entity: str) -> sa.ColumnElement[bool]:
    """The entity or anything below it. Not LIKE, which on SQLite takes letters of either case."""
    column, prefix = pushes.c.entity, f"{entity}."
    return sa.or_(column == entity, sa.func.substr(column, 1, len(prefix), type_=column.type) == prefix)
