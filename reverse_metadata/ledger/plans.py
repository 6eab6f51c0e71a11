"""Plans, written ahead of what they do, and the pushes that came of them.

A change goes planned -> started -> applied or failed. `started` is committed before its batch is sent; so whatever
a crash leaves behind is either certainly not sent (planned) or for the source to say (started).
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from reverse_metadata import fqn as fqns
from reverse_metadata.errors import LeaseLost, LedgerError
from reverse_metadata.ledger.holds import Holds
from reverse_metadata.ledger.last_values import last_row
from reverse_metadata.ledger.records import FinishedChange, OpenChange, PlanRecord
from reverse_metadata.ledger.schema import last_values, leases, plan_changes, plans, pushes
from reverse_metadata.model import Aspect, Change, EntityType, Last, LastKey, Origin

#: The columns of `pushes` that come from the change and from its plan.
_OF_THE_CHANGE = (
    "entity", "entity_id", "entity_type", "aspect", "tag_key", "plan_id", "before", "after", "statement", "changed_by",
    "catalog_version",
)  # fmt: skip
_OF_THE_PLAN = ("catalog", "service", "channel", "approved_by", "run_id")


class Plans(Holds):
    """The part of the ledger that knows what was about to be written, and what was."""

    def save_plan(self, plan: PlanRecord, changes: Sequence[tuple[Change, str]]) -> None:
        """Keep a plan: its changes in the order in which they will run, each with the statement that carries it.

        The place in `changes` is the `seq` of a change from then on. Raises LedgerError.
        """
        header = {
            "plan_id": plan.plan_id,
            "channel": plan.channel,
            "catalog": plan.catalog,
            "service": plan.service,
            "partition_key": plan.partition,
            "run_id": plan.run_id,
            "scope": plan.scope,
            "hash": plan.hash,
            "filter_hash": plan.filter_hash,
            "approved_by": plan.approved_by,
            "created_at": plan.created_at,
        }
        rows = [
            {
                "plan_id": plan.plan_id,
                "seq": seq,
                "state": "planned",
                "entity": change.entity,
                "entity_id": change.entity_id,
                "entity_type": change.type,
                "path": json.dumps(change.path),
                "table_entity": fqns.join(fqns.split(change.entity)[: 1 + len(change.table)]),
                "aspect": change.aspect,
                "tag_key": change.tag_key,
                "kind": change.kind,
                "object_id": change.object_id,
                "before": change.actual,
                "after": change.value,
                "wanted": change.wanted,
                "statement": statement,
                "replaces": change.replaces,
                "removes": change.removes,
                "flips": change.flips,
                "template": change.template,
                "origin": change.origin,
                "changed_by": change.changed_by,
                "catalog_version": change.catalog_version,
            }
            for seq, (change, statement) in enumerate(changes)
        ]
        with self._writing() as connection:
            connection.execute(sa.insert(plans), header)
            if rows:
                connection.execute(sa.insert(plan_changes), rows)

    def start(self, plan_id: str, seqs: Iterable[int], lease_token: int) -> None:
        """Mark planned changes as about to be sent, and commit that.

        Raises LeaseLost, and marks nothing, when the lease with this token is no longer held: a run that was
        overtaken while it slept cannot send what the next one does not see.
        """
        with self._writing() as connection:
            # The row lock makes a takeover wait, so that it finds what is started here.
            held = sa.select(leases.c.name).where(leases.c.token == lease_token).with_for_update(read=True)
            if connection.execute(held).first() is None:
                raise LeaseLost(f"Plan {plan_id} was not started: its lease (token {lease_token}) is no longer held.")
            values = {"state": "started", "started_at": datetime.now(UTC), "lease_token": lease_token}
            for first, end in _ranges(seqs):
                _move(connection, plan_id, first, end, ("planned",), values)

    def finish(self, plan_id: str, results: Sequence[FinishedChange]) -> None:
        """Record what became of changes: their state, a push for each that was applied or failed, the last values.

        All of it in one transaction. Raises LedgerError, and records nothing, when one of them was never started
        (`stale` may also be said of a planned one) or is finished already.
        """
        if not results:
            return
        now = datetime.now(UTC)
        with self._writing() as connection:
            for outcome, error, first, end in _outcomes(results):
                sources = ("planned", "started") if outcome == "stale" else ("started",)
                values = {"state": outcome, "error": error, "finished_at": now}
                _move(connection, plan_id, first, end, sources, values)
            for result in results:
                if result.statement is not None:
                    _rewrite(connection, plan_id, result.seq, result.statement)
            for first, end in _ranges(result.seq for result in results if result.outcome != "stale"):
                _push(connection, plan_id, first, end)
            lasts = {result.seq: result.last for result in results if result.last is not None}
            if lasts:
                rows = list(_last_rows(connection, plan_id, lasts, now))
                self._upsert(connection, last_values, rows)
                self._hold(connection, rows)

    def abandon(self, plan_id: str, seqs: Iterable[int]) -> None:
        """Close started changes that the source turned out never to have received. Raises LedgerError."""
        ranges = _ranges(seqs)
        if ranges:
            values = {"state": "abandoned", "finished_at": datetime.now(UTC)}
            with self._writing() as connection:
                for first, end in ranges:
                    _move(connection, plan_id, first, end, ("started",), values)

    def open_changes(self, catalog: str, service: str, partition_key: str) -> list[OpenChange]:
        """The changes of a partition, of any channel, that were started and never finished; oldest plan first."""
        c, p = plan_changes.c, plans.c
        query = (
            sa.select(
                c.plan_id, c.seq, p.channel, p.catalog, p.service, p.partition_key.label("partition"), p.run_id,
                c.entity, c.entity_id, c.entity_type.label("type"), c.path, c.aspect, c.tag_key, c.kind, c.object_id,
                c.before, c.after, c.wanted, c.origin, c.statement, c.template, p.filter_hash, c.changed_by,
                c.catalog_version, c.started_at,
            )
            .join_from(plan_changes, plans, c.plan_id == p.plan_id)
            .where(c.state == "started", p.catalog == catalog, p.service == service, p.partition_key == partition_key)
            .order_by(p.created_at, c.plan_id, c.seq)
        )  # fmt: skip
        # The few plans first, and without a parameter: only so is the index used that holds the started rows alone.
        some_open = sa.select(c.plan_id).where(sa.text("state = 'started'")).distinct()
        with self._reading() as connection:
            plan_ids = connection.scalars(some_open).all()
            if not plan_ids:
                return []
            rows = connection.execute(query.where(c.plan_id.in_(plan_ids))).mappings().all()
        return [
            OpenChange(
                **{
                    **row,
                    "type": EntityType(row["type"]),
                    "path": tuple(json.loads(row["path"])),
                    "aspect": Aspect(row["aspect"]),
                    "origin": Origin(row["origin"]),
                }
            )
            for row in rows
        ]


def _ranges(seqs: Iterable[int]) -> list[tuple[int, int]]:
    """The runs of consecutive numbers as (first, end), the end excluded: each is one statement."""
    ranges: list[tuple[int, int]] = []
    for seq in sorted(set(seqs)):
        if ranges and ranges[-1][1] == seq:
            ranges[-1] = (ranges[-1][0], seq + 1)
        else:
            ranges.append((seq, seq + 1))
    return ranges


def _outcomes(results: Sequence[FinishedChange]) -> Iterator[tuple[str, str | None, int, int]]:
    """(outcome, error, first, end) for runs of consecutive numbers with the same fate."""
    fates: dict[tuple[str, str | None], list[int]] = {}
    for result in results:
        fates.setdefault((result.outcome, result.error), []).append(result.seq)
    for (outcome, error), seqs in fates.items():
        for first, end in _ranges(seqs):
            yield outcome, error, first, end


def _move(
    connection: sa.Connection,
    plan_id: str,
    first: int,
    end: int,
    sources: Sequence[str],
    values: dict[str, Any],
) -> None:
    """Change the state of seqs first..end-1; LedgerError when one of them is not in one of the `sources`."""
    c = plan_changes.c
    update = sa.update(plan_changes).where(c.plan_id == plan_id, c.seq >= first, c.seq < end, c.state.in_(sources))
    moved = connection.execute(update.values(values)).rowcount
    if moved != end - first:
        raise LedgerError(
            f"Changes {first} to {end - 1} of plan {plan_id} cannot become {values['state']!r}: only {moved} of"
            f" {end - first} are {' or '.join(sources)}. Another run dealt with them; nothing was recorded."
        )


def _rewrite(connection: sa.Connection, plan_id: str, seq: int, statement: str) -> None:
    c = plan_changes.c
    connection.execute(sa.update(plan_changes).where(c.plan_id == plan_id, c.seq == seq).values(statement=statement))


def _push(connection: sa.Connection, plan_id: str, first: int, end: int) -> None:
    """A push for each finished change of the range: the texts are already in the database and stay there."""
    c = plan_changes.c
    columns: dict[str, sa.Column[Any]] = {name: c[name] for name in _OF_THE_CHANGE}
    columns |= {"outcome": c.state, "error": c.error, "pushed_at": c.finished_at}
    columns |= {name: plans.c[name] for name in _OF_THE_PLAN}
    query = (
        sa.select(*columns.values())
        .join_from(plan_changes, plans, c.plan_id == plans.c.plan_id)
        .where(c.plan_id == plan_id, c.seq >= first, c.seq < end)
        .order_by(c.seq)
    )
    connection.execute(sa.insert(pushes).from_select(list(columns), query))


def _last_rows(
    connection: sa.Connection, plan_id: str, lasts: dict[int, Last], now: datetime
) -> Iterator[dict[str, Any]]:
    c, p = plan_changes.c, plans.c
    query = (
        sa.select(
            c.seq, p.catalog, p.service, p.partition_key, c.entity, c.aspect, c.tag_key, c.table_entity, c.entity_type
        )
        .join_from(plan_changes, plans, c.plan_id == p.plan_id)
        .where(c.plan_id == plan_id, c.seq >= min(lasts), c.seq <= max(lasts))
    )
    for seq, catalog, service, partition_key, entity, aspect, tag_key, table, entity_type in connection.execute(query):
        if seq in lasts:
            key = LastKey(entity, Aspect(aspect), tag_key)
            yield last_row(catalog, service, partition_key, key, table, EntityType(entity_type), lasts[seq], now=now)
