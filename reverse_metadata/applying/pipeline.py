"""The three steps of a channel for one partition: fetch, resolve, apply.

Dagster's assets, the whole-channel job and the command line call the same steps.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from reverse_metadata import fqn as fqns
from reverse_metadata.applying.apply import Applied, Run, apply_plan
from reverse_metadata.applying.recover import recover
from reverse_metadata.catalogs.base import Catalog
from reverse_metadata.catalogs.filter import could_match
from reverse_metadata.config import Channel
from reverse_metadata.errors import IncompleteListing, Reason, SourceError
from reverse_metadata.ledger import Ledger, Push
from reverse_metadata.model import Change, Last, LastKey, Partition, SourceState
from reverse_metadata.planning.brakes import Brakes
from reverse_metadata.planning.careful import ALL, Careful
from reverse_metadata.planning.decisions import Known
from reverse_metadata.planning.fetch import Fetched, Scope, fetch
from reverse_metadata.planning.merge import Absent, Desired
from reverse_metadata.planning.plan import Plan
from reverse_metadata.planning.planner import build_plan, desired_values
from reverse_metadata.planning.statements import Statements
from reverse_metadata.planning.undo import Selection, build_undo
from reverse_metadata.services import Services

#: So many entities are read by name; with more pending, and more than a tenth of what is known, a listing is faster.
_FEW = 100
#: How long the brakes and the contests look back.
_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One channel in one run. `ignore_brakes` lets a plan over the limits through, once."""

    channel: Channel
    catalog: Catalog
    services: Services
    ledger: Ledger
    run_id: str
    ignore_brakes: bool = False
    #: Nothing is recorded, not even which database the service stands for.
    preview: bool = False
    #: How long to wait for another run that holds the schema, in seconds.
    patience: float = 600.0
    #: The other channels of the configuration: what both would write, and differently, is settled with them.
    others: tuple[Channel, ...] = ()

    def fetch(self, partition: Partition, scope: Scope) -> Fetched:
        """What the catalog wants; `scope: changed` looks only at the entities in the inbox, unless there are very many.

        The numbers of the pending events are read before the catalog is, so that an edit made meanwhile stays due.
        """
        newest = self.ledger.newest_seq(self.catalog.name)
        pending = self.ledger.pending(self.channel.name, self.catalog.name, partition.key)
        known = self.ledger.known_entities(self.catalog.name, self.source(partition), partition.key)
        whole = scope == "full" or any(work.full for work in pending) or len(pending) > max(_FEW, len(known) // 10)
        return fetch(
            self.catalog,
            partition,
            self.channel.filter,
            known=known,
            pending=None if whole else {work.entity: work.seq for work in pending},
            with_parents=self.channel.update_owners,
            newest=newest,
        )

    def discover(self) -> list[Partition]:
        """Every partition of the catalog that could hold something in the channel's scope, sorted by key.

        Under `on_catalog_delete: clear` also those that the catalog dropped and that the ledger has values for.
        Raises IncompleteListing when there is none, or none of those that the channel has pushed to.
        """
        services = self.services_in_scope()
        found = [partition for service in services for partition in self.partitions_of(service)]
        known = self.ledger.known_partitions(self.catalog.name, self.channel.name)
        in_scope = {key for key in known if self._could_hold(key)}
        if in_scope and not in_scope & {partition.key for partition in found}:
            raise IncompleteListing(
                f"{self.catalog.name} lists none of the {len(in_scope)} schemas that channel {self.channel.name} has "
                "pushed to. Nothing is written, no partition is removed. If the catalog was reset, restore it first."
            )
        if not found:
            listed = ", ".join(sorted(service.name for service in self.catalog.services())) or "none"
            raise IncompleteListing(
                f"the filter of channel {self.channel.name} matches no schema of {self.catalog.name}, whose services "
                f"are: {listed}"
            )
        if self.channel.on_catalog_delete == "clear":
            found += [Partition.parse(key) for key in in_scope - {partition.key for partition in found}]
        return sorted(found, key=lambda partition: partition.key)

    def first_contacts(self, partitions: Iterable[Partition]) -> list[str]:
        """The services of the partitions of which the ledger knows nothing at all."""
        names = sorted({partition.service for partition in partitions})
        return [name for name in names if self.ledger.first_contact(self.catalog.name, name)]

    def services_in_scope(self) -> list[str]:
        """The catalog's services that could hold something in the channel's scope, sorted."""
        services = sorted(self.catalog.services(), key=lambda service: service.name)
        scope = self.channel.filter
        return [each.name for each in services if could_match(scope, each.name, service_type=each.service_type)]

    def partitions_of(self, service: str) -> list[Partition]:
        """The databases and schemas of a service that could hold something in the channel's scope."""
        partitions = self.catalog.partitions(service)
        return [each for each in partitions if could_match(self.channel.filter, service, each.path)]

    def _could_hold(self, key: str) -> bool:
        partition = Partition.parse(key)
        return could_match(self.channel.filter, partition.service, partition.path)

    def recover_and_resolve(self, fetched: Fetched, careful: Careful = ALL) -> Plan:
        """The plan, after what a crashed run left open was resolved: nothing is planned on top of the unknown."""
        partition = fetched.partition
        connector = self.services.connector(partition.service)
        source = self.source(partition)
        recover(partition, self.catalog.name, source, connector, self.ledger, self.run_id, self.patience)
        return self.resolve(fetched, careful)

    def resolve(self, fetched: Fetched, careful: Careful = ALL) -> Plan:
        """The plan; writes nothing anywhere."""
        partition = fetched.partition
        connector = self.services.connector(partition.service)
        only = fetched.tables
        names = None if only is None else [e.path[2] for e in (*fetched.entities, *fetched.left) if len(e.path) > 2]
        catalog, source = self.catalog.name, self.source(partition)
        known = Known(
            self.ledger.last(catalog, source, partition.key, only),
            self.ledger.holds(catalog, source, partition.key),
            self.ledger.contests(catalog, source, partition.key, datetime.now(UTC) - _DAY),
        )
        return build_plan(
            fetched,
            self.channel,
            connector.read(partition, names),
            known,
            catalog=self.catalog,
            connector=connector,
            brakes=None if self.ignore_brakes else self._brakes(),
            others=self.others,
            careful=careful,
        )

    def undo(self, selection: Selection) -> Iterator[tuple[Partition, Callable[[], Plan]]]:
        """Every partition that the selected pushes of the channel wrote to, with what makes the plan to undo them.

        Pushes to a database that the service does not stand for now are left out.
        """
        by_partition: dict[Partition, list[Push]] = {}
        since = selection.since
        run_id = selection.run_id or None
        for push in self.ledger.pushes(
            catalog=self.catalog.name, channel=self.channel.name, run_id=run_id, since=since
        ):
            if selection.matches(push):
                service, *path = fqns.split(push.entity)
                by_partition.setdefault(Partition.holding(service, tuple(path)), []).append(push)
        for partition in sorted(by_partition, key=lambda partition: partition.key):
            yield partition, partial(self._plan_undo, partition, by_partition[partition])

    def _plan_undo(self, partition: Partition, selected: list[Push]) -> Plan:
        source, catalog = self.source(partition), self.catalog.name
        connector = self.services.connector(partition.service)
        recover(partition, catalog, source, connector, self.ledger, self.run_id, self.patience)
        here = [push for push in selected if push.service == source]
        looked_at = self._look_at(partition, {push.entity for push in here})
        return build_undo(
            partition,
            here,
            self.ledger.intents(catalog, source, {push.entity for push in here}),
            looked_at.state,
            looked_at.last,
            looked_at.desired,
            channel=self.channel,
            connector=connector,
        )

    def desired(self, partition: Partition, changes: Iterable[Change]) -> Mapping[LastKey, Desired | Absent]:
        """What the catalog wants of these changes by now, as the channel would push it; nothing of an entity that has
        left the filter. Raises CatalogError and SourceError."""
        looked_at = self._look_at(partition, {change.entity for change in changes})
        return {
            key: Absent.EMPTY if _table(key.entity) in looked_at.left else desired
            for key, desired in looked_at.desired.items()
        }

    def _look_at(self, partition: Partition, entities: Collection[str]) -> "_LookedAt":
        """Both sides of the tables of some entities, read now, whatever the filter says."""
        connector = self.services.connector(partition.service)
        tables = dict.fromkeys(map(_table, entities), 0)
        fetched = fetch(
            self.catalog,
            partition,
            self.channel.filter,
            known=tables,
            pending=tables if len(tables) <= _FEW else None,
            with_parents=self.channel.update_owners,
        )
        state = connector.read(partition, [path[3] for path in map(fqns.split, tables) if len(path) > 3])
        last = self.ledger.last(self.catalog.name, self.source(partition), partition.key, tables)
        desired = desired_values(fetched, self.channel, state, last, catalog=self.catalog, connector=connector)
        return _LookedAt(state, last, desired, frozenset(entity.fqn for entity in fetched.left))

    def statements(self, partition: Partition) -> Statements:
        """How the channel writes to the service of a partition. Raises SourceError."""
        return Statements(self.channel, self.services.connector(partition.service))

    def apply(self, plan: Plan) -> Applied:
        """The plan applied and recorded; the inbox then knows what this run dealt with."""
        connector = self.services.connector(plan.partition.service)
        statements = self.statements(plan.partition)
        run = Run(
            self.run_id,
            self.catalog.name,
            self.source(plan.partition),
            slots=self.channel.max_parallel,
            resolve=statements.restore if plan.scope == "undo" else statements.resolve,
            patience=self.patience,
            brakes=None if plan.unbraked else self._brakes,
        )
        applied = apply_plan(plan, run, connector, self.ledger)
        if not applied.problems:
            self._delivered(plan)
        return applied

    def _delivered(self, plan: Plan) -> None:
        """Note in the inbox what was dealt with."""
        channel, catalog, key = self.channel.name, self.catalog.name, plan.partition.key
        if "" in plan.upto:
            self.ledger.delivered_all(channel, catalog, key, plan.upto[""])
        else:
            self.ledger.delivered(channel, catalog, key, plan.upto)

    def failed(self, partition: Partition, error: str, scope: Scope, *, parks: bool) -> None:
        """Note in the inbox that the partition failed: its work is due again later, at growing distances.

        After a full look all of it is. `parks` False keeps trying for ever: a missing privilege stays red until it
        is granted.
        """
        channel, catalog = self.channel.name, self.catalog.name
        pending = self.ledger.pending(channel, catalog, partition.key)
        if scope == "full" and not any(work.full for work in pending):
            self.ledger.request_full(catalog, [partition.key], channel)
        self.ledger.failed(self.channel.name, self.catalog.name, partition.key, error, park=parks)

    def source(self, partition: Partition) -> str:
        """The ledger's name for the database that the partition is written to."""
        connector = self.services.connector(partition.service)
        try:
            identity = connector.source(partition)
        except SourceError as error:
            if error.reason in (Reason.CONNECTION, Reason.AUTHENTICATION):
                self.services.give_up(partition.service, error)
            raise
        return self.ledger.source(self.catalog.name, partition.service, identity, record=not self.preview)

    def _brakes(self) -> Brakes:
        catalog, channel = self.catalog.name, self.channel.name
        since = datetime.now(UTC) - _DAY
        replaced, removed = self.ledger.brake_counts(catalog, channel, since)
        return Brakes.of(self.channel, self.ledger.count_last(catalog, channel), replaced, removed)


@dataclass(frozen=True, slots=True)
class _LookedAt:
    """The source, the ledger and the catalog on the same tables; `left` are those outside the filter."""

    state: SourceState
    last: Mapping[LastKey, Last]
    desired: Mapping[LastKey, Desired | Absent]
    left: frozenset[str]


def _table(entity: str) -> str:
    """The FQN of the table of a column, or of the entity itself."""
    return fqns.join(fqns.split(entity)[:4])
