"""Makes the plan of one partition: desired, last and actual merged, and the statements resolved."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial

from reverse_metadata import fqn as fqns
from reverse_metadata.catalogs.base import Catalog
from reverse_metadata.catalogs.filter import matches
from reverse_metadata.config import Channel
from reverse_metadata.connectors.base import Connector
from reverse_metadata.model import (
    Aspect,
    Change,
    Entity,
    EntityType,
    Last,
    LastKey,
    Owner,
    Path,
    SourceState,
    Tag,
    Verdict,
)
from reverse_metadata.planning import owners, tags
from reverse_metadata.planning.brakes import Brakes
from reverse_metadata.planning.careful import ALL, Careful
from reverse_metadata.planning.decisions import Decisions, Known, Subject
from reverse_metadata.planning.descriptions import fitted, formatted, template_of
from reverse_metadata.planning.fetch import Fetched
from reverse_metadata.planning.history import History
from reverse_metadata.planning.merge import Absent, Decision, Desired
from reverse_metadata.planning.plan import Plan
from reverse_metadata.planning.rivals import OURS, Rivals
from reverse_metadata.planning.statements import Statements, shape_of
from reverse_metadata.planning.text import normal, same


def build_plan(
    fetched: Fetched,
    channel: Channel,
    state: SourceState,
    known: Known,
    *,
    catalog: Catalog,
    connector: Connector,
    brakes: Brakes | None,
    others: Sequence[Channel] = (),
    careful: Careful = ALL,
) -> Plan:
    """Merge desired, last and actual, and resolve the statements; `brakes` None lets every change through, `others`
    are the other channels of the configuration. What a careful run leaves out stays due, and the plan does not claim
    that the schema is in sync.

    Reads the catalog's history where a row of the merge asks for it, its people where an owner rule does, and the
    source's principals once when owners are pushed. Raises CatalogError, SourceError, and ContradictoryChannels before
    any statement is made; writes nothing anywhere.
    """
    rivals = Rivals(channel, others, fetched.partition, connector)
    statements = Statements(channel, connector)
    planner = _Planner(fetched, channel, state, known, catalog, connector, statements, rivals)
    planner.plan_everything(in_scope_only=True)
    rivals.refuse_contradictions()
    planner.refuse_owners()
    planner.refuse_surplus_tags()
    decided = planner.decisions
    chosen, left_out = careful.choose(decided.changes)
    changes = chosen if brakes is None else brakes.hold_back(chosen)
    waiting = [change for change in changes if _waits(change, channel)]
    at_once = [change for change in changes if change.verdict.writes and not _waits(change, channel)]
    verdicts = Counter((Verdict.WAITING if _waits(change, channel) else change.verdict).value for change in changes)
    return Plan(
        channel=channel.name,
        partition=fetched.partition,
        scope="narrowed" if left_out else fetched.scope,
        statements=tuple(statements.resolve(at_once)),
        waiting=tuple(statements.resolve(waiting)),
        others=tuple(change for change in changes if not change.verdict.writes),
        counts=dict(verdicts + decided.in_sync),
        left_to=dict(rivals.left_to),
        remember=tuple(decided.remember),
        released=tuple(decided.released),
        filter_hash=decided.filter_hash,
        unbraked=brakes is None,
        left_out=left_out,
        dry_run=careful.dry_run,
        upto={} if left_out else fetched.upto,
    )


def desired_values(
    fetched: Fetched,
    channel: Channel,
    state: SourceState,
    last: Mapping[LastKey, Last],
    *,
    catalog: Catalog,
    connector: Connector,
) -> dict[LastKey, Desired | Absent]:
    """What the catalog wants of every aspect now, as the channel would push it. Raises CatalogError."""
    alone = Rivals(channel, (), fetched.partition, connector)
    statements = Statements(channel, connector)
    planner = _Planner(fetched, channel, state, Known(last), catalog, connector, statements, alone)
    planner.plan_everything(in_scope_only=False)
    return planner.decisions.desired


def _waits(change: Change, channel: Channel) -> bool:
    """Whether a person must approve the change before it is written."""
    return change.verdict.writes and (change.protected or channel.approval == "required")


class _Planner:
    def __init__(
        self,
        fetched: Fetched,
        channel: Channel,
        state: SourceState,
        known: Known,
        catalog: Catalog,
        connector: Connector,
        statements: Statements,
        rivals: Rivals,
    ) -> None:
        self._fetched = fetched
        self._channel = channel
        self._state = state
        self._last = known.last
        self._catalog = catalog
        self._connector = connector
        self._statements = statements
        self._rivals = rivals
        self._known_keys = _keys_by_entity(known.last)
        self._known_columns = _columns_by_table(known.last)
        self.decisions = Decisions(channel, state, known, connector, statements)

    def plan_everything(self, *, in_scope_only: bool) -> None:
        """Plan what was fetched; what left the channel's scope only for removals, unless all of it counts."""
        for entity in self._fetched.entities:
            self._plan_entity(entity, self._chosen if in_scope_only else _always)
        for entity in self._fetched.left:
            self._plan_entity(entity, _never if in_scope_only else _always)

    def refuse_owners(self) -> None:
        """Refuse to hand anything to a superuser, or to a default that the source does not know."""
        changes = self.decisions.changes
        for index, change in enumerate(changes):
            if change.aspect is Aspect.OWNER and change.verdict.writes and change.value:
                reason = self._owner_rules.refusal(change.value)
                if reason:
                    changes[index] = replace(change, verdict=Verdict.UNMAPPED_OWNER, reason=reason, removes=False)

    def refuse_surplus_tags(self) -> None:
        """Refuse the new tags of an object that would have more than the system takes, those of others included.

        A tag that goes in the same run makes room for one, unless it is protected: it may wait for longer.
        """
        standing = Counter({path: len(found.tags) for path, found in self._state.items()})
        changes = self.decisions.changes
        standing.subtract(
            change.path
            for change in changes
            if change.aspect is Aspect.TAGS and change.verdict is Verdict.CLEAR and not change.protected
        )
        for index, change in enumerate(changes):
            if change.aspect is Aspect.TAGS and change.verdict is Verdict.APPLY and change.actual is None:
                standing[change.path] += 1
                most = self._connector.capabilities.tag_limits(change.type).max_tags
                if most is not None and standing[change.path] > most:
                    reason = f"this would be tag number {standing[change.path]}; a {change.type} takes {most}"
                    changes[index] = replace(change, verdict=Verdict.TOO_LONG, reason=reason)

    def _chosen(self, entity: Entity, top: Entity) -> bool:
        """Whether a part of what is in scope is so itself: a filter may choose columns, with or without their table."""
        chosen = self._channel.filter
        return top.deleted or not chosen.speaks_of_columns or matches(chosen, entity, top)

    def _plan_entity(self, top: Entity, in_scope: Callable[[Entity, Entity], bool]) -> None:
        """Plan a database, schema or table with its columns."""
        if top.path not in self._state and not top.deleted:
            self._plan_missing(top, in_scope)
            return
        history = History(self._catalog, top, self._channel, self._connector.capabilities.tag_limits)
        for entity in top.walk():
            self._plan_aspects(entity, top, history, in_scope(entity, top))
        listed = {entity.fqn for entity in top.walk()}
        for name, path in self._known_columns.get(top.fqn, {}).items():
            if name not in listed:
                dropped = Entity(name, EntityType.COLUMN, top.id, top.service, path, deleted=True)
                self._plan_aspects(dropped, top, history, in_scope(dropped, top))

    def _plan_aspects(self, entity: Entity, top: Entity, history: History, in_scope: bool) -> None:
        if self._channel.update_descriptions:
            self._plan_description(entity, top, history, in_scope)
        if self._channel.update_tags:
            self._plan_tags(entity, top, history, in_scope)
        if self._channel.update_owners and entity.type is not EntityType.COLUMN:
            self._plan_owner(entity, top, in_scope)

    def _plan_missing(self, top: Entity, in_scope: Callable[[Entity, Entity], bool]) -> None:
        """One change says that a table is missing; its columns need none of their own."""
        parts = [entity for entity in top.walk() if in_scope(entity, top)]
        described = self._channel.update_descriptions and any(
            formatted(entity.description, self._channel) for entity in parts
        )
        tagged = self._channel.update_tags and any(self._wishes(entity) for entity in parts)
        owned = self._channel.update_owners and any(not owner.inherited for owner in top.owners) and in_scope(top, top)
        if described or tagged or owned:
            aspect = Aspect.DESCRIPTION if described else Aspect.TAGS if tagged else Aspect.OWNER
            missing = Decision(2, Verdict.MISSING, f"the {top.type} is not in the source")
            self.decisions.report(Subject(top, top, aspect, in_scope=True), missing)

    def _plan_description(self, entity: Entity, top: Entity, history: History, in_scope: bool) -> None:
        settled = self._rivals.description(entity, top, in_scope=in_scope)
        if settled.left:
            return
        text = self._text(entity)
        desired: Desired | Absent
        if entity.deleted or top.deleted:
            desired = Absent.DELETED
        elif text is None or entity.description is None:
            desired = Absent.EMPTY
        else:
            limit = self._connector.capabilities.limit(Aspect.DESCRIPTION, entity.type)
            desired = Desired(entity.description, fitted(text, self._channel, limit))
        subject = Subject(
            entity,
            top,
            Aspect.DESCRIPTION,
            in_scope,
            once_held=lambda text: history.described(entity.path, text),
            templates=settled.templates,
        )
        self.decisions.decide(subject, desired)

    def _text(self, entity: Entity) -> str | None:
        """The description in the channel's format; None when nothing of it is left.

        What the channel wrote and what came back through the catalog's ingestion was formatted before: formatting it
        again would make another text of it, and that bounce. By which SQL it was written does not matter.
        """
        last = self._last.get(LastKey(entity.fqn, Aspect.DESCRIPTION))
        text = entity.description
        came_back = (
            last is not None and shape_of(last.template) == template_of(self._channel) and same(text, last.stored)
        )
        return text if came_back and normal(text) is not None else formatted(text, self._channel)

    def _plan_tags(self, entity: Entity, top: Entity, history: History, in_scope: bool) -> None:
        """Plan every key that the catalog wants, or that was pushed."""
        gone = entity.deleted or top.deleted
        labels = () if gone else entity.tags
        wishes = {wish.key: wish for wish in self._wishes(entity)}
        supported = self._statements.supports(Aspect.TAGS, entity.type)
        known = {key.tag_key for key in self._known_keys.get(entity.fqn, ()) if key.aspect is Aspect.TAGS}
        settled = self._rivals.tags(entity, top, in_scope=in_scope)
        for tag_key in sorted(wishes.keys() | known):
            if settled.get(tag_key, OURS).left:
                continue
            wish = wishes.get(tag_key)
            subject = Subject(
                entity,
                top,
                Aspect.TAGS,
                in_scope,
                tag_key,
                once_held=partial(history.tagged, entity.path, tag_key),
                templates=settled.get(tag_key, OURS).templates,
                protects=partial(self._protects, labels, wish),
            )
            last = self._last.get(subject.key)
            if gone:
                self.decisions.decide(subject, Absent.DELETED)
            elif wish is None and last is not None and tags.carries(labels, last.wanted or ""):
                # The rules were edited, not the catalog: nothing is removed.
                self.decisions.desired[subject.key] = Desired(last.wanted or "", last.stored or "")
            elif wish is None:
                self.decisions.decide(subject, Absent.EMPTY)
            elif wish.verdict is not None and supported:
                self.decisions.desired[subject.key] = Desired(wish.wanted, wish.value)
                if in_scope:
                    self.decisions.report(subject, Decision(0, wish.verdict, wish.reason))
            else:
                self.decisions.decide(subject, Desired(wish.wanted, wish.value))

    def _wishes(self, entity: Entity) -> list[tags.TagWish]:
        return tags.wishes(entity.tags, self._channel.tags, self._connector.capabilities.tag_limits(entity.type))

    def _protects(
        self, labels: Sequence[Tag], wish: tags.TagWish | None, last: Last | None, actual: str | None
    ) -> bool:
        """Whether a write takes away a protected tag: the one that was pushed, or one of that name at the source."""
        if actual is None:
            return False
        ours = last is not None and last.stored == actual
        taken = (last.wanted or "") if ours and last is not None else tags.label_of(wish.wanted, actual) if wish else ""
        return tags.loses_protected(labels, taken, self._channel.tags)

    def _plan_owner(self, entity: Entity, top: Entity, in_scope: bool) -> None:
        subject = Subject(entity, top, Aspect.OWNER, in_scope)
        if entity.deleted:
            self.decisions.decide(subject, Absent.DELETED)
            return
        own = self._own_owners(entity)
        last = self._last.get(subject.key)
        if own is None:
            if last is None or not self._lost_its_own(entity, last):
                return  # only inherited: the catalog says nothing of this entity itself
            own = ()
        if own and not self._statements.supports(Aspect.OWNER, entity.type):
            # Nobody is looked up where nothing can have an owner.
            self.decisions.decide(subject, Desired(own[0].name, own[0].name))
            return
        taken_off = not own and last is not None
        if self._rivals.owner(entity, self._parents_of(entity), taken_off=taken_off, in_scope=in_scope).left:
            return
        wish = self._owner_rules.wish(own)
        if wish.verdict is not None:
            if in_scope:
                self.decisions.report(subject, Decision(0, wish.verdict, wish.reason))
            return
        self.decisions.decide(subject, Desired(wish.principal, wish.principal) if wish.principal else Absent.EMPTY)

    def _own_owners(self, entity: Entity) -> tuple[Owner, ...] | None:
        return owners.own_owners(entity, self._parents_of(entity), self._channel.owners)

    def _parents_of(self, entity: Entity) -> list[Entity]:
        return [parent for parent in self._fetched.parents if len(parent.path) < len(entity.path)]

    def _lost_its_own(self, entity: Entity, last: Last) -> bool:
        """Whether the owner that was pushed was taken off, and the entity now inherits another one."""
        return self._owner_rules.wish(entity.owners).principal != last.wanted

    @cached_property
    def _owner_rules(self) -> owners.OwnerRules:
        """Made when the first owner is planned, for those of the whole partition: the source is asked once."""
        named: list[tuple[Owner, ...]] = []
        for top in (*self._fetched.entities, *self._fetched.left):
            own = self._own_owners(top)
            if own is not None or LastKey(top.fqn, Aspect.OWNER) in self._last:
                named.append(top.owners if own is None else own)
        return owners.OwnerRules(self._channel.owners, named, catalog=self._catalog, connector=self._connector)


def _always(entity: Entity, top: Entity) -> bool:
    return True


def _never(entity: Entity, top: Entity) -> bool:
    return False


def _keys_by_entity(last: Mapping[LastKey, Last]) -> dict[str, list[LastKey]]:
    keys: dict[str, list[LastKey]] = {}
    for key in last:
        keys.setdefault(key.entity, []).append(key)
    return keys


def _columns_by_table(last: Mapping[LastKey, Last]) -> dict[str, dict[str, Path]]:
    """The columns that the ledger knows, by the FQN of their table."""
    columns: dict[str, dict[str, Path]] = {}
    for key in last:
        service, *path = fqns.split(key.entity)
        if len(path) > 3:
            columns.setdefault(fqns.join((service, *path[:3])), {})[key.entity] = tuple(path)
    return columns
