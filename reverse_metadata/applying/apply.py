"""A plan applied: checked against what moved since, written, verified by reading back, and recorded.

The order is what makes a crash harmless: the intent is in the ledger before a statement is sent, and what a
crash left open is resolved by reading the source before anything else is planned (see `recover`).
"""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import uuid4

from reverse_metadata.applying.recover import lease_name, recover_under_lease
from reverse_metadata.connectors.base import Connector
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.ledger import FinishedChange, Lease, Ledger, PlanRecord
from reverse_metadata.model import Aspect, Change, Last, LastKey, Outcome, Path, SourceState, Statement, Verdict
from reverse_metadata.planning.brakes import Brakes
from reverse_metadata.planning.plan import Plan
from reverse_metadata.planning.statements import Trace
from reverse_metadata.planning.text import agree


@dataclass(frozen=True, slots=True)
class Pushed:
    """A change that was tried: `stored` is what was read back, `error` why it failed ("" when it arrived)."""

    change: Change
    statement: str
    stored: str | None
    error: str = ""
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a plan. `held_back` are planned changes that were not tried after all (`stale`, `braked`);
    `problems` are the sentences that turn the partition red."""

    plan_id: str
    pushed: tuple[Pushed, ...] = ()
    held_back: tuple[Change, ...] = ()
    statements: int = 0
    problems: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def lacks_privilege(self) -> bool:
        """Whether something failed that only a GRANT can mend, so that trying again must never end."""
        return any(push.reason is Reason.MISSING_PRIVILEGE for push in self.pushed)

    @property
    def arrived(self) -> list[Pushed]:
        """The changes that the source holds now."""
        return [push for push in self.pushed if not push.error]


@dataclass(frozen=True, slots=True)
class Run:
    """Who applies a plan, and what bounds the run."""

    #: The id of the Dagster run.
    run_id: str
    #: The catalog that the plan was made from.
    catalog: str
    #: The ledger's name for the database that is written to.
    source: str
    #: So many runs may write to one service at a time.
    slots: int
    #: Makes statements of changes, anew where some of them turn out not to be written.
    resolve: Callable[[Iterable[Change]], list[Statement]]
    #: Counts anew on each call; None lets every change through.
    brakes: Callable[[], Brakes] | None = None
    #: How long to wait for another run that holds the schema, in seconds.
    patience: float = 600.0


def apply_plan(plan: Plan, run: Run, connector: Connector, ledger: Ledger) -> Applied:
    """Apply a plan and record the outcome of every change.

    Raises LeaseBusy when another run keeps the schema, LeaseLost when this run lost it, SourceError when the source
    cannot be read at all; a statement that fails is an outcome, not an exception.
    """
    if not plan.statements and not plan.remember and not plan.released:
        return Applied("", problems=tuple(_counted(plan.failures)), counts=dict(plan.counts))
    partition = plan.partition
    plan_id = uuid4().hex
    pushed: list[Pushed] = []
    with ExitStack() as stack:
        lease = stack.enter_context(ledger.lease(lease_name(partition), wait=run.patience, owner=run.run_id))
        recover_under_lease(partition, run.catalog, run.source, connector, ledger)
        statements, held_back = _still_true(plan, run, connector)
        if statements:
            stack.enter_context(ledger.slot(partition.service, run.slots, wait=run.patience, owner=run.run_id))
            statements, braked = _intend(plan, plan_id, statements, run, ledger, lease)
            held_back += braked
            pushed = _write(plan, plan_id, statements, connector, ledger, lease)
        _remember(plan, run, ledger)
        ledger.release(run.catalog, run.source, plan.released)
    return _result(plan, plan_id, pushed, held_back, len(statements))


def _remember(plan: Plan, run: Run, ledger: Ledger) -> None:
    """Change what the ledger knows without a push, unless another run changed it since the plan was made."""
    if not plan.remember:
        return
    key = plan.partition.key
    now = ledger.last(run.catalog, run.source, key, {item.table for item in plan.remember})
    current = [item for item in plan.remember if now.get(item.key) == item.before]
    renewed = [(item.key, item.table, item.type, item.last) for item in current if item.last is not None]
    ledger.record_last(run.catalog, run.source, key, renewed)
    ledger.forget(run.catalog, run.source, [item.key for item in current if item.last is None])


def _still_true(plan: Plan, run: Run, connector: Connector) -> tuple[list[Statement], list[Change]]:
    """The statements whose changes still start from what was planned, and the changes that do not.

    A run that waited for another one, or a plan that was approved later, must not write over what moved since.
    """
    if not plan.statements:
        return [], []
    state = connector.read(plan.partition, _tables(plan.statements))
    statements: list[Statement] = []
    stale: list[Change] = []
    for statement in plan.statements:
        valid: list[Change] = []
        for change in statement.changes:
            found = state.get(change.path)
            stands = None if found is None else found.value(change.aspect, change.tag_key)
            trace = Trace.of(change.template)
            if found is not None and trace is Trace.VALUE and agree(change.aspect, stands, change.value):
                continue  # another run was faster: nothing is left to do
            if found is not None and (trace is Trace.NOTHING or agree(change.aspect, stands, change.actual)):
                valid.append(change)
            else:
                stale.append(replace(change, verdict=Verdict.STALE, reason="the source moved since the plan"))
        # To the letter, unless a change of it is not to be written after all.
        statements += [statement] if len(valid) == len(statement.changes) else run.resolve(valid)
    return statements, stale


def _intend(
    plan: Plan,
    plan_id: str,
    statements: list[Statement],
    run: Run,
    ledger: Ledger,
    lease: Lease,
) -> tuple[list[Statement], list[Change]]:
    """Write ahead: the statements that will be sent are in the ledger, marked as started, when this returns.

    The brakes are counted once more, one run of the channel at a time: runs of many schemas that were planned side by
    side must not multiply the limits.
    """
    changes = [change for statement in statements for change in statement.changes]
    braking = run.brakes is not None and any(change.replaces or change.removes for change in changes)
    with ExitStack() as stack:
        braked: list[Change] = []
        if braking and run.brakes is not None:
            stack.enter_context(ledger.lease(f"brakes/{plan.channel}", wait=run.patience, owner=run.run_id))
            decided = run.brakes().hold_back(changes)
            braked = [change for change in decided if not change.verdict.writes]
            if braked:
                statements = run.resolve([change for change in decided if change.verdict.writes])
        record = PlanRecord(
            plan_id=plan_id,
            channel=plan.channel,
            catalog=run.catalog,
            service=run.source,
            partition=plan.partition.key,
            run_id=run.run_id,
            scope=plan.scope,
            hash=plan.approved or plan.hash,
            created_at=datetime.now(UTC),
            filter_hash=plan.filter_hash,
            approved_by=plan.approved_by,
        )
        rows = [(change, statement.text) for statement in statements for change in statement.changes]
        ledger.save_plan(record, rows)
        ledger.start(plan_id, range(len(rows)), lease.token)
    return statements, braked


def _write(
    plan: Plan, plan_id: str, statements: list[Statement], connector: Connector, ledger: Ledger, lease: Lease
) -> list[Pushed]:
    partition = plan.partition
    outcomes: dict[LastKey, Outcome] = {}
    for outcome in connector.execute(partition, statements, lease.check):
        outcomes |= dict.fromkeys((change.key for change in outcome.statement.changes), outcome)
    state = connector.read(partition, _tables(statements))
    verbatim = connector.capabilities.verbatim
    pushed = [
        _verified(change, statement, outcomes.get(change.key), state, verbatim=verbatim)
        for statement in statements
        for change in statement.changes
    ]
    planned = [statement.text for statement in statements for _ in statement.changes]
    finished = (_finished(plan, seq, push, planned[seq], state, connector) for seq, push in enumerate(pushed))
    ledger.finish(plan_id, list(finished))
    return pushed


def _verified(
    change: Change, statement: Statement, outcome: Outcome | None, state: SourceState, *, verbatim: bool
) -> Pushed:
    """What reading back says of a change; it outranks what the driver said, whose answer can be lost.

    A statement that failed was perhaps sent again in parts: what became of the change stands in its own part.
    """
    statement = statement if outcome is None else outcome.statement
    found = state.get(change.path)
    stored = None if found is None else found.value(change.aspect, change.tag_key)
    trace = Trace.of(change.template)
    arrived = trace is Trace.VALUE and found is not None and agree(change.aspect, stored, change.value)
    error = outcome.error if outcome is not None else SourceError(Reason.OTHER, "the statement was not run")
    if error is not None:
        lost = error.reason is Reason.CONNECTION and arrived
        return Pushed(change, statement.text, stored) if lost else _failed(change, statement, stored, error)
    if found is None:
        return Pushed(change, statement.text, None, "the object disappeared while the run wrote to it")
    if trace is not Trace.VALUE:
        return Pushed(change, statement.text, change.value if trace is Trace.NOTHING else stored)
    # A source that alters texts may make of the new one what it made of the former.
    altered = not verbatim and change.aspect is Aspect.DESCRIPTION and stored is not None and change.value is not None
    if agree(change.aspect, stored, change.actual) and not arrived and not altered:
        return Pushed(change, statement.text, stored, "the source accepted the statement and kept the former value")
    return Pushed(change, statement.text, stored)


def _failed(change: Change, statement: Statement, stored: str | None, error: SourceError) -> Pushed:
    return Pushed(change, statement.text, stored, str(error), error.reason)


def _finished(
    plan: Plan, sequence: int, push: Pushed, planned: str, state: SourceState, connector: Connector
) -> FinishedChange:
    sent = None if push.statement == planned else push.statement
    if push.error:
        return FinishedChange(sequence, "failed", push.error, None, sent)
    change = push.change
    trace = Trace.of(change.template)
    last = Last(
        wanted=change.wanted,
        # What somebody else wrote between the commit and the reading back must not pass for ours.
        stored=change.value if connector.capabilities.verbatim and trace is Trace.VALUE else push.stored,
        origin=change.origin,
        entity_id=change.entity_id,
        object_id=state[change.path].object_id,
        template=change.template,
        channel=plan.channel,
        filter_hash=plan.filter_hash,
    )
    return FinishedChange(sequence, "applied", None, last, sent)


def _result(plan: Plan, plan_id: str, pushed: list[Pushed], held_back: list[Change], statements: int) -> Applied:
    counts = Counter(plan.counts)
    for change in held_back:
        counts[(Verdict.CLEAR if change.value is None else Verdict.APPLY).value] -= 1
        counts[change.verdict.value] += 1
    braked = [change for change in held_back if change.fails]
    problems = [*_counted([*plan.failures, *braked]), *_grouped([push for push in pushed if push.error])]
    return Applied(plan_id, tuple(pushed), tuple(held_back), statements, tuple(problems), dict(counts))


def _counted(changes: Iterable[Change]) -> list[str]:
    """At most five sentences for changes that nobody tried and that turn the partition red."""
    reasons = Counter((change.verdict, change.reason) for change in changes)
    return [f"{count} x {verdict}: {reason}" for (verdict, reason), count in reasons.most_common(5)]


def _grouped(failed: list[Pushed]) -> list[str]:
    """At most five sentences for the failures, most frequent first; the ledger holds each."""
    errors = Counter(push.error for push in failed)
    first = {push.error: push.change.entity for push in reversed(failed)}
    lines = [
        f"{first[error]}: {error}" if count == 1 else f"{first[error]} and {count - 1} more: {error}"
        for error, count in errors.most_common(5)
    ]
    if len(errors) > 5:
        lines.append(f"and {len(errors) - 5} other errors; `pushes` in the ledger has all of them")
    return lines


def _tables(statements: Iterable[Statement]) -> list[str]:
    """The names of the tables that the statements touch, as `Connector.read` takes them."""
    tables: dict[Path, None] = {}
    for statement in statements:
        if len(statement.table) > 2:
            tables[statement.table] = None
    return [path[2] for path in tables]
