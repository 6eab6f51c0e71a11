"""Decides the changes of one partition, one value after the other, and keeps what was decided."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from reverse_metadata.catalogs.filter import filter_hash
from reverse_metadata.config import Channel
from reverse_metadata.connectors.base import Connector
from reverse_metadata.display import one_line
from reverse_metadata.ledger import Contest
from reverse_metadata.model import (
    Aspect,
    Change,
    Entity,
    Last,
    LastKey,
    Origin,
    SourceObject,
    SourceState,
    Verdict,
)
from reverse_metadata.planning.descriptions import fitted, formatted
from reverse_metadata.planning.merge import Absent, Actual, Decision, Desired, Ledger, Rules, decide
from reverse_metadata.planning.plan import Remembered
from reverse_metadata.planning.statements import Statements, Trace
from reverse_metadata.planning.text import agree, same

#: After so many flips within 24 hours a value is left to the other writer.
MOST_FLIPS = 3
#: So much of a contested text is shown.
_WIDTH = 60


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of a partition: last values, what was undone (with what the catalog wanted then), and
    which values another writer sets back again and again."""

    last: Mapping[LastKey, Last]
    holds: Mapping[LastKey, str | None] = field(default_factory=dict)
    contests: Mapping[LastKey, Contest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subject:
    """One value that is decided: an aspect of an entity, or one key of its tags.

    `top` is the table of a column, else the entity itself. `in_scope` False looks for removals alone. `once_held`
    asks the catalog's history for a value of the source, `protects` whether a value of the source, or what was pushed
    last, may only be taken away with approval, given what the catalog wants now. `templates` are those under which
    other channels write the same (see `rivals.Settled`).
    """

    entity: Entity
    top: Entity
    aspect: Aspect
    in_scope: bool
    tag_key: str = ""
    once_held: Callable[[str], bool] = lambda _value: False
    protects: Callable[[Last | None, str | None], bool] = lambda _last, _actual: False
    templates: frozenset[str] = frozenset()

    @property
    def key(self) -> LastKey:
        """Where the ledger keeps what is known of it."""
        return LastKey(self.entity.fqn, self.aspect, self.tag_key)


class Decisions:
    """The changes of one partition. `changes` are those that are listed, in the order in which they were decided."""

    def __init__(
        self, channel: Channel, state: SourceState, known: Known, connector: Connector, statements: Statements
    ) -> None:
        self._channel = channel
        self._state = state
        self._known = known
        self._connector = connector
        self._statements = statements
        self.filter_hash = filter_hash(channel.filter)
        self.changes: list[Change] = []
        self.remember: list[Remembered] = []
        self.released: list[LastKey] = []
        self.desired: dict[LastKey, Desired | Absent] = {}
        self.in_sync: Counter[str] = Counter()

    def decide(self, subject: Subject, desired: Desired | Absent) -> None:
        """Decide one value: what was undone and what is contested first, then the rows of the merge."""
        entity, aspect, key = subject.entity, subject.aspect, subject.key
        last, found = self._known.last.get(key), self._state.get(entity.path)
        self.desired[key] = desired
        if not subject.in_scope and not self._removal_is_ours(desired, last):
            return
        if self._is_held(key, desired):
            held = Decision(0, Verdict.HELD, "undone, and the catalog has wanted nothing else since")
            self.report(subject, held, desired)
            return
        if unsupported := self._statements.unsupported(aspect, entity.type):
            if isinstance(desired, Desired):
                self.report(subject, Decision(0, Verdict.UNSUPPORTED, unsupported))
            return
        if found is None and last is None and not isinstance(desired, Desired):
            return
        template = self._statements.template_of(aspect, entity.type)
        trace = Trace.of(template)
        same_sql = self._statements.written_by(aspect, entity.type)
        if last is not None and last.template in {shaped + same_sql for shaped in subject.templates}:
            template = last.template  # another channel's, which says the same
        if isinstance(desired, Desired) and trace is Trace.ALTERED:
            desired = self.desired[key] = self._altered(subject, desired, last, template)
        known = last
        if known is not None and Trace.of(known.template) is Trace.NOTHING and trace is not Trace.NOTHING:
            known = None  # what was written where nobody read says nothing of what stands here
        decision = decide(
            desired,
            known,
            None if found is None else _actual(found, key, last, trace),
            rules=self._rules(aspect, trace),
            entity_id=entity.id or (last.entity_id if last is not None else ""),
            template=template,
            once_held=subject.once_held,
        )
        decision = self._uncontested(key, desired, decision)
        self._note(subject, desired, found, decision, template)
        if decision.verdict is Verdict.IN_SYNC:
            self.in_sync[Verdict.IN_SYNC.value] += 1
        elif decision.verdict is not None:
            self.report(subject, decision, desired)

    def report(self, subject: Subject, decision: Decision, desired: Desired | Absent = Absent.EMPTY) -> None:
        """List a change with a verdict, unless the system turns out not to hold the value: then with that one."""
        assert decision.verdict is not None
        entity, top, key = subject.entity, subject.top, subject.key
        last, found = self._known.last.get(key), self._state.get(entity.path)
        wanted = desired if isinstance(desired, Desired) else None
        actual = None if found is None else found.value(key.aspect, key.tag_key)
        change = Change(
            entity=entity.fqn,
            entity_id=entity.id or (last.entity_id if last is not None else ""),
            type=entity.type,
            path=entity.path,
            aspect=key.aspect,
            tag_key=key.tag_key,
            verdict=decision.verdict,
            value=wanted.value if wanted else decision.value,
            actual=actual,
            reason=decision.reason,
            wanted=wanted.wanted if wanted else None,
            last=None if last is None else last.stored,
            kind="" if found is None else found.kind,
            object_id="" if found is None else found.object_id,
            template=self._statements.template_of(key.aspect, entity.type),
            replaces=decision.replaces,
            removes=decision.removes,
            flips=decision.flips,
            fails=decision.fails,
            protected=decision.verdict.writes and subject.protects(last, actual),
            changed_by=top.updated_by,
            changed_at=top.updated_at,
            catalog_version=top.version,
            url=top.url,
        )
        refused = self._refused(change) if change.verdict.writes else None
        if refused is not None:
            change = replace(change, verdict=refused[0], reason=refused[1], replaces=False, flips=False, fails=False)
        self.changes.append(change)

    def _is_held(self, key: LastKey, desired: Desired | Absent) -> bool:
        """Whether the value was undone and the catalog has wanted nothing else since; if it has, it is released."""
        if key not in self._known.holds:
            return False
        wanted = desired.wanted if isinstance(desired, Desired) else None
        if agree(key.aspect, wanted, self._known.holds[key]):
            return True
        self.released.append(key)
        return False

    def _altered(self, subject: Subject, desired: Desired, last: Last | None, template: str) -> Desired:
        """What is wanted under a template that makes something else of the value.

        What the template made of a description may come back through the catalog's ingestion. It stands for the text
        that it was made of: the template would make yet another one of it.
        """
        altered = replace(desired, exact=False)
        if subject.aspect is not Aspect.DESCRIPTION or last is None or last.wanted is None:
            return altered
        text = formatted(last.wanted, self._channel)
        if text is None or last.template != template or not same(desired.wanted, last.stored):
            return altered
        limit = self._connector.capabilities.limit(Aspect.DESCRIPTION, subject.entity.type)
        value = fitted(text, self._channel, limit)
        return replace(altered, wanted=last.wanted, value=value, said=desired.wanted)

    def _uncontested(self, key: LastKey, desired: Desired | Absent, decision: Decision) -> Decision:
        """The decision, unless it would write once more what somebody else has set back too often."""
        contest = self._known.contests.get(key)
        if contest is None or contest.flips < MOST_FLIPS or decision.verdict is not Verdict.APPLY:
            return decision
        if not isinstance(desired, Desired) or not agree(key.aspect, desired.wanted, contest.wanted):
            return decision
        ours = _quoted(contest.ours)
        emptied = Rules(key.aspect).empty(contest.theirs)
        did = f"took {ours} away" if emptied else f"wrote {_quoted(contest.theirs)} in place of {ours}"
        reason = (
            f"written {contest.flips} times within 24 hours, and each time somebody else {did}; it is not written "
            "again before 24 hours have passed or the catalog is edited. Find the other writer, or take the value out "
            "of the catalog or of the channel"
        )
        return Decision(0, Verdict.CONTESTED, reason)

    def _removal_is_ours(self, desired: Desired | Absent, last: Last | None) -> bool:
        """For an entity that left the filter: whether its data changed, and not the filter, and nothing is wanted."""
        return (
            isinstance(desired, Absent)
            and last is not None
            and last.channel == self._channel.name
            and last.filter_hash == self.filter_hash
        )

    def _rules(self, aspect: Aspect, trace: Trace) -> Rules:
        channel = self._channel
        return Rules(
            aspect=aspect,
            on_first_contact=channel.on_first_contact,
            on_conflict=channel.on_conflict,
            on_catalog_delete=channel.on_catalog_delete,
            on_ambiguous="overwrite" if channel.tags.on_ambiguous == "overwrite" else "report",
            stand_in=channel.owners.default if aspect is Aspect.OWNER else None,
            reads_back=trace is not Trace.NOTHING,
        )

    def _note(
        self,
        subject: Subject,
        desired: Desired | Absent,
        found: SourceObject | None,
        decision: Decision,
        template: str,
    ) -> None:
        """What the ledger remembers or forgets without a push."""
        key, entity = subject.key, subject.entity
        last = self._known.last.get(key)
        if decision.ledger is Ledger.FORGET:
            self.remember.append(Remembered(key, subject.top.fqn, entity.type, last, None))
        if decision.ledger is not Ledger.RENEW or found is None or not isinstance(desired, Desired):
            return
        mine = last is None or last.channel == self._channel.name
        renewed = Last(
            wanted=desired.wanted,
            stored=desired.value if Trace.of(template) is Trace.NOTHING else found.value(key.aspect, key.tag_key),
            origin=Origin.ADOPTED if last is None else last.origin,
            entity_id=entity.id,
            object_id=found.object_id,
            template=template,
            channel=self._channel.name if last is None else last.channel,
            filter_hash=self.filter_hash if mine or last is None else last.filter_hash,
        )
        if renewed != last:
            self.remember.append(Remembered(key, subject.top.fqn, entity.type, last, renewed))

    def _refused(self, change: Change) -> tuple[Verdict, str] | None:
        """The verdict and reason when the system cannot hold the value."""
        limit = self._connector.capabilities.limit(change.aspect, change.type)
        if limit is not None and change.value is not None and (length := limit.length(change.value)) > limit.most:
            return Verdict.TOO_LONG, f"{length} {limit.unit}; a {change.type} takes {limit.most}"
        return self._statements.refusal(change)


def _quoted(value: str | None) -> str:
    return f"'{one_line(value or '', _WIDTH)}'"


def _actual(found: SourceObject, key: LastKey, last: Last | None, trace: Trace) -> Actual:
    recreated = last is not None and last.object_id != found.object_id
    if not found.object_id:
        # A system that cannot tell: an empty value may be due to that, a value that nobody reads was written once.
        recreated = trace is not Trace.NOTHING
    return Actual(found.value(key.aspect, key.tag_key), recreated)
