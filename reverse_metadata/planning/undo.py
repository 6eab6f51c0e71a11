"""The plan that takes pushes back to the values that stood before them.

A value that somebody changed since is skipped and said so; so is one that a later push, outside of what is undone,
wrote again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from reverse_metadata import fqn as fqns
from reverse_metadata.catalogs.filter import filter_hash
from reverse_metadata.config import Channel
from reverse_metadata.connectors.base import Connector
from reverse_metadata.ledger import Intent, Push
from reverse_metadata.model import (
    Aspect,
    Change,
    EntityType,
    Last,
    LastKey,
    Origin,
    Partition,
    SourceObject,
    SourceState,
    Verdict,
)
from reverse_metadata.planning.merge import Absent, Desired
from reverse_metadata.planning.plan import Plan
from reverse_metadata.planning.statements import Statements, Trace
from reverse_metadata.planning.text import agree


@dataclass(frozen=True, slots=True)
class Selection:
    """Which pushes are undone: those that match all that is given. At least one must be."""

    run_id: str = ""
    #: A glob over FQNs: `shop_pg.shop.sales.*` is everything in the schema and its columns.
    entity: str = ""
    since: datetime | None = None

    def matches(self, push: Push) -> bool:
        """Whether a push is selected. Only what arrived can be taken back."""
        return (
            push.outcome == "applied"
            and (not self.run_id or push.run_id == self.run_id)
            and (not self.entity or fnmatchcase(push.entity, self.entity))
            and (self.since is None or push.pushed_at >= self.since)
        )


def key_of(push: Push) -> LastKey:
    """The aspect of an entity that a push wrote."""
    return LastKey(push.entity, Aspect(push.aspect), push.tag_key)


def build_undo(
    partition: Partition,
    pushes: Iterable[Push],
    intents: Mapping[LastKey, Sequence[Intent]],
    state: SourceState,
    last: Mapping[LastKey, Last],
    desired: Mapping[LastKey, Desired | Absent],
    *,
    channel: Channel,
    connector: Connector,
) -> Plan:
    """The plan for the selected pushes of one partition.

    `intents` are all pushes of each aspect, selected or not, oldest first; `desired` is what the catalog wants now:
    what is taken back is held until the catalog wants something else.
    """
    selected: dict[LastKey, list[Push]] = {}
    for push in sorted(pushes, key=lambda push: push.id):
        selected.setdefault(key_of(push), []).append(push)
    statements = Statements(channel, connector)
    changes = [
        _change(key, of_key, intents[key], state, last.get(key), desired.get(key, Absent.EMPTY), statements)
        for key, of_key in selected.items()
    ]
    return Plan(
        channel=channel.name,
        partition=partition,
        scope="undo",
        statements=tuple(statements.restore(change for change in changes if change.verdict.writes)),
        others=tuple(
            change for change in changes if not change.verdict.writes and change.verdict is not Verdict.IN_SYNC
        ),
        counts=dict(Counter(change.verdict.value for change in changes)),
        filter_hash=filter_hash(channel.filter),
        unbraked=True,
    )


def _change(
    key: LastKey,
    pushes: list[Push],
    intents: Sequence[Intent],
    state: SourceState,
    last: Last | None,
    desired: Desired | Absent,
    statements: Statements,
) -> Change:
    _, *names = fqns.split(key.entity)
    path = tuple(names)
    found = state.get(path)
    target = pushes[0].before
    wanted = desired if isinstance(desired, Desired) else None
    level = EntityType(pushes[-1].entity_type)
    template = statements.template_of(key.aspect, level)
    verdict, reason = _verdict(key, pushes[-1], intents[-1].push_id, found, last, target)
    unread = Trace.NOTHING in (Trace.of(template), Trace.of(last.template if last is not None else ""))
    if unread and found is not None:
        verdict, reason = Verdict.UNSUPPORTED, "a template wrote it that is not read back; take it back by hand"
    wish, origin = (wanted.said or wanted.wanted) if wanted else None, Origin.RESTORED
    earlier = [intent for intent in intents if intent.push_id < pushes[0].id]
    if next(intent.undo for intent in intents if intent.push_id == pushes[0].id):
        # An undo is undone: what it had taken back counts as before, and gives way to what is wanted by now. If that
        # was itself the work of an undo, it is held as before.
        origin = earlier[-1].origin if earlier else Origin.PUSHED
        if origin is not Origin.RESTORED:
            wish = earlier[-1].wanted if earlier else None
    elif agree(key.aspect, wanted.value if wanted else None, target):
        origin = Origin.PUSHED
    return Change(
        entity=key.entity,
        entity_id=pushes[-1].entity_id,
        type=level,
        path=path,
        aspect=key.aspect,
        verdict=verdict,
        value=target,
        actual=None if found is None else found.value(key.aspect, key.tag_key),
        reason=reason,
        tag_key=key.tag_key,
        wanted=wish,
        last=None if last is None else last.stored,
        kind="" if found is None else found.kind,
        object_id="" if found is None else found.object_id,
        template=template,
        origin=origin,
    )


def _verdict(
    key: LastKey, push: Push, newest: int, found: SourceObject | None, last: Last | None, target: str | None
) -> tuple[Verdict, str]:
    if found is None:
        return Verdict.MISSING, "the object is not in the source any more"
    actual = found.value(key.aspect, key.tag_key)
    if agree(key.aspect, actual, target):
        return Verdict.IN_SYNC, "the source holds the value from before already"
    if newest > push.id:
        return Verdict.CONFLICT, "pushed again since, by a run that is not undone; kept"
    if not agree(key.aspect, actual, push.after if last is None else last.stored):
        return Verdict.CONFLICT, "changed in the source since; kept"
    if target is None and key.aspect is Aspect.OWNER:
        return Verdict.UNSUPPORTED, "nothing is known of the owner before"
    return (Verdict.CLEAR if target is None else Verdict.APPLY), f"taken back from run {push.run_id}"
