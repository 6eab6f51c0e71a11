"""Plans that wait for a person: kept in the ledger, shown unmoved, and applied to the letter once approved."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from reverse_metadata.applying.pipeline import Pipeline
from reverse_metadata.errors import NotApproved
from reverse_metadata.ledger import WaitingPlan
from reverse_metadata.model import Change, LastKey, Partition, Statement, Verdict
from reverse_metadata.planning.merge import Absent, Desired
from reverse_metadata.planning.plan import PLAN, Plan, dumped
from reverse_metadata.planning.statements import Statements
from reverse_metadata.planning.text import agree


@dataclass(frozen=True, slots=True)
class Approvals:
    """What waits for approval in the channel of a pipeline."""

    pipeline: Pipeline

    def keep(self, plan: Plan, *, anew: bool = False) -> Plan:
        """Let what must be approved of a plan wait; gives the plan as people should see it.

        While another plan of the partition waits, that one stays as it is, so that it does not move under its reader:
        it is shown, and what came since stands behind it. `anew` lets the new one take its place. Raises LedgerError.
        """
        key, channel = plan.partition.key, self.pipeline.channel
        catalog, ledger = self.pipeline.catalog.name, self.pipeline.ledger
        older = ledger.waiting(catalog, channel.name, key, datetime.now(UTC))
        # Nobody can approve what another version kept in words that this one does not know.
        anew = anew or (older is not None and _read(older) is None)
        if plan.waiting:
            kept = ledger.keep_waiting(
                catalog,
                channel.name,
                key,
                plan.waiting_hash,
                dumped(PLAN, self._kept(plan)),
                run_id=self.pipeline.run_id,
                expires_at=datetime.now(UTC) + timedelta(days=channel.approval_days),
                replace=anew,
            )
            return _behind(plan, kept)
        if older is None:
            return plan
        if plan.scope == "full" and (anew or channel.approval != "required"):
            ledger.end_waiting(catalog, channel.name, key, older.hash)
            return plan
        return _behind(plan, older)

    def _kept(self, plan: Plan) -> Plan:
        """What is kept of a plan: what waits, and the database that it was made for."""
        source = self.pipeline.source(plan.partition)
        return replace(plan, statements=(), others=(), remember=(), released=(), upto={}, source=source)

    def shown(self, plan: Plan) -> Plan:
        """The plan as `keep` would show it; nothing is recorded. Raises LedgerError."""
        catalog, channel = self.pipeline.catalog.name, self.pipeline.channel.name
        older = self.pipeline.ledger.waiting(catalog, channel, plan.partition.key, datetime.now(UTC))
        return plan if older is None else _behind(plan, older)

    def approved(self, partition: Partition, hashes: frozenset[str], by: str) -> Plan:
        """The plan that waits for the partition, when its hash is among those that somebody approved.

        What the catalog wants to be something else by now is `stale` and left out; what moved in the source is found
        out when the plan is applied. Raises NotApproved, CatalogError, SourceError and LedgerError.
        """
        kept = self._waiting(partition, hashes)
        plan = _read(kept)
        if plan is None:
            raise NotApproved(
                f"plan {kept.hash} was kept by another version of reverse_metadata, which this one cannot read; "
                "nothing is written. Let a new plan be made with anew: true"
            )
        if plan.source != self.pipeline.source(partition):
            raise NotApproved(
                f"plan {kept.hash} was made for another database than the one that {partition.service} stands for now; "
                "nothing is written. Let a new plan be made with anew: true"
            )
        now = self.pipeline.desired(partition, _changes(plan.waiting))
        valid, stale = _split(plan.waiting, now, self.pipeline.statements(partition))
        counts = Counter(change.verdict.value for change in (*_changes(valid), *stale))
        return replace(
            plan,
            scope="approved",
            statements=tuple(valid),
            waiting=(),
            others=tuple(stale),
            counts=dict(counts),
            approved=kept.hash,
            approved_by=by,
        )

    def end(self, plan: Plan) -> None:
        """An approved plan was applied: what came since, and what was stale, is due again. Raises LedgerError."""
        catalog, channel = self.pipeline.catalog.name, self.pipeline.channel.name
        self.pipeline.ledger.end_waiting(catalog, channel, plan.partition.key, plan.approved)

    def _waiting(self, partition: Partition, hashes: frozenset[str]) -> WaitingPlan:
        catalog, channel = self.pipeline.catalog.name, self.pipeline.channel.name
        kept = self.pipeline.ledger.waiting(catalog, channel, partition.key, datetime.now(UTC))
        asked = ", ".join(sorted(hashes))
        if kept is None:
            raise NotApproved(
                f"no plan waits for {partition.key}, so {asked} cannot be applied: it was applied already, or it "
                f"expired after {self.pipeline.channel.approval_days} days (approval_days of channel {channel}). Read "
                "the newest plan"
            )
        if kept.hash not in hashes:
            raise NotApproved(
                f"the plan that waits for {partition.key} is {kept.hash} of {kept.created_at:%Y-%m-%d %H:%M} UTC, not "
                f"{asked}; nothing is written. Read it and approve that one"
            )
        return kept


def _read(kept: WaitingPlan) -> Plan | None:
    """The plan that was kept; None when this version cannot read it."""
    try:
        return PLAN.validate_json(kept.payload)
    except ValidationError:
        return None


def _behind(plan: Plan, kept: WaitingPlan) -> Plan:
    """The plan with what waits already in front, and what would have to wait as well listed behind it."""
    older = _read(kept)
    if older is None or kept.hash == plan.waiting_hash:
        return plan
    waiting = older.waiting
    known = {_written(change) for change in _changes(waiting)}
    later = [
        replace(change, reason=f"behind plan {kept.hash}, which waits already: {change.reason}")
        for change, original in zip(plan.waiting_changes, _changes(plan.waiting), strict=True)
        if _written(original) not in known
    ]
    counts = {**plan.counts, Verdict.WAITING.value: len(known) + len(later)}
    return replace(plan, waiting=waiting, others=(*later, *plan.others), counts=counts)


def _changes(statements: Iterable[Statement]) -> Iterator[Change]:
    for statement in statements:
        yield from statement.changes


def _written(change: Change) -> tuple[LastKey, str | None, str | None]:
    return change.key, change.actual, change.value


def _split(
    statements: tuple[Statement, ...], now: Mapping[LastKey, Desired | Absent], resolver: Statements
) -> tuple[list[Statement], list[Change]]:
    """The statements whose changes the catalog still wants, to the letter where nothing of them is stale."""
    valid: list[Statement] = []
    stale: list[Change] = []
    for statement in statements:
        wanted = [change for change in statement.changes if _still_wanted(change, now.get(change.key))]
        if [each.text for each in resolver.resolve(statement.changes)] != [statement.text]:
            wanted = []
        stale += [
            replace(change, verdict=Verdict.STALE, reason="the catalog, or the channel, moved since the plan")
            for change in statement.changes
            if change not in wanted
        ]
        valid += [statement] if len(wanted) == len(statement.changes) else resolver.resolve(wanted)
    return valid, stale


def _still_wanted(change: Change, desired: Desired | Absent | None) -> bool:
    if isinstance(desired, Desired):
        same_wish = change.wanted is not None and agree(change.aspect, change.wanted, desired.wanted)
        return same_wish and agree(change.aspect, change.value, desired.value)
    return change.wanted is None
