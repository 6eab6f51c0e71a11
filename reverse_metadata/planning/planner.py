"""Makes the plan of one partition: desired, last and actual merged, and the statements resolved."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property

from reverse_metadata import fqn as fqns
from reverse_metadata.catalogs.base import Catalog
from reverse_metadata.catalogs.filter import filter_hash
from reverse_metadata.config import Channel
from reverse_metadata.connectors.base import Connector
from reverse_metadata.model import (
    Aspect,
    Change,
    Entity,
    EntityType,
    Last,
    LastKey,
    Origin,
    Owner,
    Path,
    SourceObject,
    SourceState,
    Verdict,
)
from reverse_metadata.planning import owners
from reverse_metadata.planning.brakes import Brakes
from reverse_metadata.planning.descriptions import formatted, template_of
from reverse_metadata.planning.fetch import Fetched
from reverse_metadata.planning.history import History
from reverse_metadata.planning.merge import Absent, Actual, Decision, Desired, Ledger, Rules, decide
from reverse_metadata.planning.plan import Plan, Remembered
from reverse_metadata.planning.text import same, truncated

_OnceHeld = Callable[[str], bool]


def build_plan(
    fetched: Fetched,
    channel: Channel,
    state: SourceState,
    last: Mapping[LastKey, Last],
    *,
    catalog: Catalog,
    connector: Connector,
    brakes: Brakes | None,
    holds: Mapping[LastKey, str | None],
) -> Plan:
    """Merge desired, last and actual, and resolve the statements; `brakes` None lets every change through.

    `holds` are the changes that were undone, with what the catalog wanted then.

    Reads the catalog's history where a row of the merge asks for it, its people where an owner rule does, and the
    source's principals once when owners are pushed. Raises CatalogError and SourceError; writes nothing anywhere.
    """
    planner = _Planner(fetched, channel, state, last, catalog, connector, holds)
    for entity in fetched.entities:
        planner.plan_entity(entity, in_scope=True)
    for entity in fetched.left:
        planner.plan_entity(entity, in_scope=False)
    planner.refuse_owners()
    changes = planner.changes if brakes is None else brakes.hold_back(planner.changes)
    writing = [change for change in changes if change.verdict.writes]
    return Plan(
        channel=channel.name,
        partition=fetched.partition,
        scope=fetched.scope,
        statements=tuple(connector.resolve(writing)),
        others=tuple(change for change in changes if not change.verdict.writes),
        counts=dict(Counter(change.verdict.value for change in changes) + planner.in_sync),
        remember=tuple(planner.remember),
        released=tuple(planner.released),
        filter_hash=planner.filter_hash,
        template=template_of(channel),
        unbraked=brakes is None,
        upto=fetched.upto,
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
    planner = _Planner(fetched, channel, state, last, catalog, connector, {})
    for entity in (*fetched.entities, *fetched.left):
        planner.plan_entity(entity, in_scope=True)
    return planner.desired


class _Planner:
    def __init__(
        self,
        fetched: Fetched,
        channel: Channel,
        state: SourceState,
        last: Mapping[LastKey, Last],
        catalog: Catalog,
        connector: Connector,
        holds: Mapping[LastKey, str | None],
    ) -> None:
        self._fetched = fetched
        self._channel = channel
        self._state = state
        self._last = last
        self._catalog = catalog
        self._connector = connector
        self._holds = holds
        self._known_columns = _columns_by_table(last)
        self.filter_hash = filter_hash(channel.filter)
        self.changes: list[Change] = []
        self.remember: list[Remembered] = []
        self.released: list[LastKey] = []
        self.desired: dict[LastKey, Desired | Absent] = {}
        self.in_sync: Counter[str] = Counter()

    def plan_entity(self, top: Entity, *, in_scope: bool) -> None:
        """Plan a database, schema or table with its columns."""
        if top.path not in self._state and not top.deleted:
            self._plan_missing(top, in_scope)
            return
        history = History(self._catalog, top, lambda text: formatted(text, self._channel))
        for entity in top.walk():
            if self._channel.update_descriptions:
                self._plan_description(entity, top, history, in_scope)
            if self._channel.update_owners and entity.type is not EntityType.COLUMN:
                self._plan_owner(entity, top, in_scope)
        listed = {entity.fqn for entity in top.walk()}
        for name, path in self._known_columns.get(top.fqn, {}).items():
            if name not in listed and self._channel.update_descriptions:
                dropped = Entity(name, EntityType.COLUMN, top.id, top.service, path, deleted=True)
                self._plan_description(dropped, top, history, in_scope)

    def refuse_owners(self) -> None:
        """Refuse to hand anything to a superuser, or to a default that the source does not know."""
        for index, change in enumerate(self.changes):
            if change.aspect is Aspect.OWNER and change.verdict.writes and change.value:
                reason = self._owner_rules.refusal(change.value)
                if reason:
                    refused = replace(change, verdict=Verdict.UNMAPPED_OWNER, reason=reason, removes=False)
                    self.changes[index] = refused

    def _plan_missing(self, top: Entity, in_scope: bool) -> None:
        """One change says that a table is missing; its columns need none of their own."""
        described = self._channel.update_descriptions and any(
            formatted(entity.description, self._channel) for entity in top.walk()
        )
        owned = self._channel.update_owners and any(not owner.inherited for owner in top.owners)
        if in_scope and (described or owned):
            aspect = Aspect.DESCRIPTION if described else Aspect.OWNER
            self._list(top, top, aspect, Decision(2, Verdict.MISSING, f"the {top.type} is not in the source"))

    def _plan_description(self, entity: Entity, top: Entity, history: History, in_scope: bool) -> None:
        text = formatted(entity.description, self._channel)
        desired: Desired | Absent
        if entity.deleted or top.deleted:
            desired = Absent.DELETED
        elif text is None or entity.description is None:
            desired = Absent.EMPTY
        else:
            desired = Desired(entity.description, self._fitting(text, entity.type))
        self._decide(
            entity,
            top,
            Aspect.DESCRIPTION,
            desired,
            in_scope,
            once_held=lambda text: history.once_held(entity.path, text),
        )

    def _fitting(self, text: str, level: EntityType) -> str:
        limit = self._connector.capabilities.limits.get((Aspect.DESCRIPTION, level))
        if limit is None or self._channel.on_too_long == "report":
            return text
        return truncated(text, limit)

    def _plan_owner(self, entity: Entity, top: Entity, in_scope: bool) -> None:
        if entity.deleted:
            self._decide(entity, top, Aspect.OWNER, Absent.DELETED, in_scope)
            return
        own = self._own_owners(entity)
        last = self._last.get(LastKey(entity.fqn, Aspect.OWNER))
        if own is None:
            if last is None or not self._lost_its_own(entity, last):
                return  # only inherited: the catalog says nothing of this entity itself
            own = ()
        wish = self._owner_rules.wish(own)
        if wish.verdict is not None:
            if in_scope:
                decision = Decision(0, wish.verdict, wish.reason)
                self._list(entity, top, Aspect.OWNER, decision, found=self._state.get(entity.path), last=last)
            return
        desired = Desired(wish.principal, wish.principal) if wish.principal else Absent.EMPTY
        self._decide(entity, top, Aspect.OWNER, desired, in_scope)

    def _own_owners(self, entity: Entity) -> tuple[Owner, ...] | None:
        parents = [parent for parent in self._fetched.parents if len(parent.path) < len(entity.path)]
        return owners.own_owners(entity, parents, self._channel.owners)

    def _lost_its_own(self, entity: Entity, last: Last) -> bool:
        """Whether the owner that was pushed was taken off, and the entity now inherits another one."""
        inherits = all(owner.inherited for owner in entity.owners)
        return inherits and self._owner_rules.wish(entity.owners).principal != last.wanted

    @cached_property
    def _owner_rules(self) -> owners.OwnerRules:
        """Made when the first owner is planned, for those of the whole partition: the source is asked once."""
        named: list[tuple[Owner, ...]] = []
        for top in (*self._fetched.entities, *self._fetched.left):
            own = self._own_owners(top)
            if own is not None or LastKey(top.fqn, Aspect.OWNER) in self._last:
                named.append(top.owners if own is None else own)
        return owners.OwnerRules(self._channel.owners, named, catalog=self._catalog, connector=self._connector)

    def _decide(
        self,
        entity: Entity,
        top: Entity,
        aspect: Aspect,
        desired: Desired | Absent,
        in_scope: bool,
        once_held: _OnceHeld = lambda _text: False,
    ) -> None:
        key = LastKey(entity.fqn, aspect)
        last = self._last.get(key)
        self.desired[key] = desired
        if not in_scope and not self._removal_is_ours(desired, last):
            return
        if key in self._holds:
            if same(desired.wanted if isinstance(desired, Desired) else None, self._holds[key]):
                held = Decision(0, Verdict.HELD, "undone, and the catalog has wanted nothing else since")
                self._list(entity, top, aspect, held, desired, self._state.get(entity.path), last)
                return
            self.released.append(key)
        if not self._connector.capabilities.supports(aspect, entity.type):
            if isinstance(desired, Desired):
                reason = f"{self._connector.system} has no {aspect} at the level {entity.type}"
                self._list(entity, top, aspect, Decision(0, Verdict.UNSUPPORTED, reason))
            return
        found = self._state.get(entity.path)
        if found is None and last is None and not isinstance(desired, Desired):
            return
        decision = decide(
            desired,
            last,
            None if found is None else _actual(found, aspect, last),
            rules=self._rules(aspect),
            entity_id=entity.id or (last.entity_id if last is not None else ""),
            template=self._template(aspect),
            once_held=once_held,
        )
        self._note(key, entity, top, desired, last, found, decision)
        if decision.verdict is Verdict.IN_SYNC:
            self.in_sync[Verdict.IN_SYNC.value] += 1
        elif decision.verdict is not None:
            self._list(entity, top, aspect, decision, desired, found, last)

    def _template(self, aspect: Aspect) -> str:
        return template_of(self._channel) if aspect is Aspect.DESCRIPTION else ""

    def _removal_is_ours(self, desired: Desired | Absent, last: Last | None) -> bool:
        """For an entity that left the filter: whether its data changed, and not the filter, and nothing is wanted."""
        return (
            isinstance(desired, Absent)
            and last is not None
            and last.channel == self._channel.name
            and last.filter_hash == self.filter_hash
        )

    def _rules(self, aspect: Aspect) -> Rules:
        return Rules(
            on_first_contact=self._channel.on_first_contact,
            on_conflict=self._channel.on_conflict,
            on_catalog_delete=self._channel.on_catalog_delete,
            clearable=aspect is not Aspect.OWNER,
            stand_in=self._channel.owners.default if aspect is Aspect.OWNER else None,
        )

    def _note(
        self,
        key: LastKey,
        entity: Entity,
        top: Entity,
        desired: Desired | Absent,
        last: Last | None,
        found: SourceObject | None,
        decision: Decision,
    ) -> None:
        """What the ledger remembers or forgets without a push."""
        if decision.ledger is Ledger.FORGET:
            self.remember.append(Remembered(key, top.fqn, entity.type, last, None))
        if decision.ledger is not Ledger.RENEW or found is None or not isinstance(desired, Desired):
            return
        mine = last is None or last.channel == self._channel.name
        renewed = Last(
            wanted=desired.wanted,
            stored=found.value(key.aspect),
            origin=Origin.ADOPTED if last is None else last.origin,
            entity_id=entity.id,
            object_id=found.object_id,
            template=self._template(key.aspect),
            channel=self._channel.name if last is None else last.channel,
            filter_hash=self.filter_hash if mine or last is None else last.filter_hash,
        )
        if renewed != last:
            self.remember.append(Remembered(key, top.fqn, entity.type, last, renewed))

    def _list(
        self,
        entity: Entity,
        top: Entity,
        aspect: Aspect,
        decision: Decision,
        desired: Desired | Absent = Absent.EMPTY,
        found: SourceObject | None = None,
        last: Last | None = None,
    ) -> None:
        assert decision.verdict is not None
        wanted = desired if isinstance(desired, Desired) else None
        change = Change(
            entity=entity.fqn,
            entity_id=entity.id or (last.entity_id if last is not None else ""),
            type=entity.type,
            path=entity.path,
            aspect=aspect,
            verdict=decision.verdict,
            value=wanted.value if wanted else decision.value,
            actual=None if found is None else found.value(aspect),
            reason=decision.reason,
            wanted=wanted.wanted if wanted else None,
            last=None if last is None else last.stored,
            kind="" if found is None else found.kind,
            object_id="" if found is None else found.object_id,
            replaces=decision.replaces,
            removes=decision.removes,
            fails=decision.fails,
            changed_by=top.updated_by,
            changed_at=top.updated_at,
            catalog_version=top.version,
            url=top.url,
        )
        refused = self._refused(change) if change.verdict is Verdict.APPLY else None
        if refused is not None:
            change = replace(change, verdict=refused[0], reason=refused[1], replaces=False, fails=False)
        self.changes.append(change)

    def _refused(self, change: Change) -> tuple[Verdict, str] | None:
        """The verdict and reason when the system cannot hold the value."""
        limit = self._connector.capabilities.limits.get((change.aspect, change.type))
        if limit is not None and change.value is not None and len(change.value) > limit:
            return Verdict.TOO_LONG, f"{len(change.value)} characters; a {change.type} takes {limit}"
        return self._connector.refuse(change)


def _actual(found: SourceObject, aspect: Aspect, last: Last | None) -> Actual:
    recreated = not found.object_id or (last is not None and last.object_id != found.object_id)
    return Actual(found.value(aspect), recreated)


def _columns_by_table(last: Mapping[LastKey, Last]) -> dict[str, dict[str, Path]]:
    """The columns that the ledger knows, by the FQN of their table."""
    columns: dict[str, dict[str, Path]] = {}
    for key in last:
        service, *path = fqns.split(key.entity)
        if len(path) > 3:
            columns.setdefault(fqns.join((service, *path[:3])), {})[key.entity] = tuple(path)
    return columns
