"""Looks at every service before a run does: does it answer, and may the writer do what the channels mean to do?

Nothing is written anywhere. What a channel means to do is looked at as widely as its filter: an object that has no
description today may have one tomorrow.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from reverse_metadata.applying.pipeline import Pipeline
from reverse_metadata.applying.reingestion import advice_of
from reverse_metadata.catalogs.filter import catalog_fields, matches
from reverse_metadata.config import Channel, Config, ledger_url
from reverse_metadata.connectors.base import Connector, Missing, Need
from reverse_metadata.connectors.refusals import told
from reverse_metadata.display import printable
from reverse_metadata.errors import ReverseMetadataError
from reverse_metadata.ledger import Ledger
from reverse_metadata.model import Aspect, Entity, EntityType, Partition
from reverse_metadata.planning.fetch import Fetched
from reverse_metadata.planning.plan import Plan
from reverse_metadata.services import open_catalog, services_of

_UPDATES = {
    Aspect.DESCRIPTION: "update_descriptions",
    Aspect.TAGS: "update_tags",
    Aspect.OWNER: "update_owners",
}
#: So many sentences are shown of those that say the same of different objects.
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of one service. `partitions` and `needs` are how many schemas and how many aspects of objects
    were looked at; `problems` are sentences, `warnings` are what does not keep anybody from writing."""

    service: str
    channels: tuple[str, ...]
    system: str = ""
    version: str = ""
    identity: str = ""
    partitions: int = 0
    needs: int = 0
    missing: tuple[Missing, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether every run of the channels may write what it means to."""
        return not self.missing and not self.problems

    @property
    def grants(self) -> tuple[str, ...]:
        """The script for whoever may grant: each statement once, in an order that works."""
        return tuple(dict.fromkeys(grant for each in self.missing for grant in each.grants))

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "service": self.service,
            "channels": list(self.channels),
            "system": self.system,
            "version": self.version,
            "ready": self.ready,
            "partitions": self.partitions,
            "missing": [each.what for each in self.missing],
            "grants": list(self.grants),
            "problems": list(self.problems),
            "warnings": list(self.warnings),
        }

    def page(self) -> str:
        """For a terminal: a heading, what is wrong, the script."""
        looked_at = f"{self.partitions} schemas and databases of {_listed('channel', self.channels)}"
        lines = [
            f"{self.service}  {self.version or 'no answer'}  {'ready' if self.ready else 'not ready'}: {looked_at}"
        ]
        lines += [f"  problem: {problem}" for problem in self.problems]
        lines += [f"  missing: {sentence}" for sentence in self.sentences()]
        lines += [f"  warning: {warning}" for warning in self.warnings]
        if self.grants:
            lines += ["  What gives it, for somebody who may:", "", *self.grants, ""]
        return printable("\n".join(lines))

    def sentences(self) -> Iterator[str]:
        """What is missing; of what the same grants would mend, the first few."""
        by_grants: dict[tuple[str, ...], dict[str, None]] = {}
        for each in self.missing:
            by_grants.setdefault(each.grants, {})[each.what] = None
        for grants, sentences in by_grants.items():
            shown = list(sentences)[:_SHOWN] if grants else list(sentences)
            yield from shown
            if len(sentences) > len(shown):
                yield f"the same of {len(sentences) - len(shown)} more"


def preflight(config: Config, service: str = "") -> Iterator[Checked]:
    """Every service in the scope of a channel, or one; opens the catalog and reads the ledger.

    Raises ReverseMetadataError when the catalog or the ledger cannot be read at all.
    """
    with _pipelines(config) as pipelines:
        yield from check_services(pipelines, service)


def check_services(pipelines: Sequence[Pipeline], service: str = "") -> Iterator[Checked]:
    """As `preflight`, by the pipelines of the channels, which share their catalog and services."""
    scope: dict[str, list[Pipeline]] = {}
    for pipeline in pipelines:
        for name in pipeline.services_in_scope():
            if service in ("", name):
                scope.setdefault(name, []).append(pipeline)
    known: dict[str, str] = {}
    for name in sorted(scope):
        yield _told_twice(_checked(name, scope[name]), known)


@contextmanager
def _pipelines(config: Config) -> Iterator[list[Pipeline]]:
    directory, fields = config.path.absolute().parent, catalog_fields(each.filter for each in config.channels)
    with closing(open_catalog(config.catalog, directory, fields)) as catalog, Ledger.open(ledger_url(config)) as ledger:
        with closing(services_of(config, catalog)) as services:
            yield [
                Pipeline(each, catalog, services, ledger, run_id="preflight", preview=True, others=config.others(each))
                for each in config.channels
            ]


def _checked(service: str, pipelines: list[Pipeline]) -> Checked:
    channels = tuple(pipeline.channel.name for pipeline in pipelines)
    found = Checked(service, channels)
    try:
        connector = pipelines[0].services.connector(service)
        found = replace(found, system=connector.system, version=connector.version(), identity=connector.identity())
    except Exception as error:
        return replace(found, problems=(_said(error),))
    advised = advice_of(pipelines[0].catalog, [pipeline.channel for pipeline in pipelines], service)
    missing: dict[Missing, None] = {}
    problems: dict[str, None] = {}
    partitions: set[str] = set()
    seen: dict[str, bool] = {}
    needs = 0
    for pipeline in pipelines:
        for partition in _partitions(pipeline, service, problems):
            partitions.add(partition.key)
            try:
                wanted = _needs(pipeline, partition, connector, seen)
                needs += len(wanted)
                missing |= dict.fromkeys(connector.missing(partition, wanted) if wanted else ())
            except Exception as error:
                problems[f"{partition.key}: {_said(error)}"] = None
    unseen = _unseen(service, seen)
    if unseen and not any(seen.values()):
        problems[unseen] = None
        unseen = ""
    return replace(
        found,
        partitions=len(partitions),
        needs=needs,
        missing=tuple(missing),
        problems=tuple(problems),
        warnings=(*advised.warnings, *filter(None, (unseen, advised.note))),
    )


def _said(error: Exception) -> str:
    """The error's own sentence; of one that nobody expected, which keeps no other service from being looked at, also
    its type."""
    known = isinstance(error, ReverseMetadataError)
    return str(error) if known else f"unexpected {type(error).__name__}: {told(error)}"


def _partitions(pipeline: Pipeline, service: str, problems: dict[str, None]) -> list[Partition]:
    try:
        return pipeline.partitions_of(service)
    except ReverseMetadataError as error:
        problems[str(error)] = None
        return []


def _unseen(service: str, seen: Mapping[str, bool]) -> str:
    """A sentence about the tables in scope that the writer does not see; "" when there is none."""
    hidden = [fqn for fqn, is_seen in seen.items() if not is_seen]
    if not hidden:
        return ""
    shown = ", ".join(hidden[:_SHOWN]) + (f" and {len(hidden) - _SHOWN} more" if len(hidden) > _SHOWN else "")
    count = f"{len(hidden)} of the {len(seen)} tables in scope"
    return f"{count} are not in {service}, or nobody shows them to this writer, and nothing is written there: {shown}"


def _needs(pipeline: Pipeline, partition: Partition, connector: Connector, seen: dict[str, bool]) -> list[Need]:
    """What the channel means to write in a partition; `seen` is told of each table whether the writer sees it.

    What it does not see may be there: some systems hide what somebody has no privilege on. Where a template writes,
    nobody knows what that takes.
    """
    fetched = pipeline.fetch(partition, "full")
    state = connector.read(partition)
    owners = _new_owners(pipeline.resolve(fetched)) if pipeline.channel.update_owners else {}
    statements = pipeline.statements(partition)
    needs = list[Need]()
    for entity in _in_scope(fetched, pipeline.channel):
        there = state.get(entity.path)
        if entity.type is EntityType.TABLE:
            seen[entity.fqn] = there is not None
        for aspect in _aspects(pipeline.channel):
            if statements.own(aspect, entity.type):
                owner = owners.get(entity.path) if aspect is Aspect.OWNER else None
                needs.append(Need(aspect, entity.path, there.kind if there else entity.type, owner))
    return needs


def _in_scope(fetched: Fetched, channel: Channel) -> Iterator[Entity]:
    for top in fetched.entities:
        for entity in top.walk():
            if not channel.filter.speaks_of_columns or matches(channel.filter, entity, top):
                yield entity


def _aspects(channel: Channel) -> list[Aspect]:
    return [aspect for aspect, setting in _UPDATES.items() if getattr(channel, setting)]


def _new_owners(plan: Plan) -> Mapping[tuple[str, ...], str | None]:
    """Whom the plan would hand things over to, by path."""
    statements = (*plan.statements, *plan.waiting)
    changes = (change for statement in statements for change in statement.changes)
    return {change.path: change.value for change in changes if change.aspect is Aspect.OWNER}


def _told_twice(checked: Checked, known: dict[str, str]) -> Checked:
    """The same with a warning when the service is a database that another service stands for, too."""
    if not checked.identity:
        return checked
    other = known.setdefault(checked.identity, checked.service)
    if other == checked.service:
        return checked
    warning = (
        f"{checked.service} and {other} are one database: what a channel writes through one of them, another may write"
        " differently through the other; leave one of them out of the filters"
    )
    return replace(checked, warnings=(*checked.warnings, warning))


def _listed(noun: str, names: Iterable[str]) -> str:
    listed = list(names)
    return f"{noun if len(listed) == 1 else noun + 's'} {', '.join(listed)}"
