"""What starts runs: the sensor `<channel>_on_change` and the schedule `<channel>_schedule`.

Both are stopped until somebody starts them, unless REVERSE_METADATA_TRIGGERS is `on`: `dagster dev` on a laptop must
not write to production.
"""

import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime

import dagster as dg
from dagster import DagsterRunStatus

from reverse_metadata.applying.pipeline import Pipeline
from reverse_metadata.catalogs.base import Event
from reverse_metadata.catalogs.filter import could_match
from reverse_metadata.channels.assets import Names
from reverse_metadata.channels.resources import open_pipeline
from reverse_metadata.channels.steps import SCOPE_TAG
from reverse_metadata.config import Channel
from reverse_metadata.display import printable
from reverse_metadata.errors import LeaseBusy, ReverseMetadataError
from reverse_metadata.fqn import split
from reverse_metadata.ledger import DueWork, InboxEvent
from reverse_metadata.model import Partition

TRIGGERS_VARIABLE = "REVERSE_METADATA_TRIGGERS"

_INTERVAL_SECONDS = 10
#: A tick has 60 s; discovery stops here and goes on in the next tick.
_DISCOVERY_SECONDS = 30.0
#: Requests a tick: each becomes a process, and what is left is still due in the next tick.
_REQUESTS = 25

_ACTIVE = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def triggers_run() -> bool:
    """Whether sensors and schedules start with the code location."""
    return os.environ.get(TRIGGERS_VARIABLE, "").lower() == "on"


def channel_schedule(channel: Channel, job: dg.JobDefinition) -> dg.ScheduleDefinition | None:
    """Reconciles the whole channel, which is also drift repair; None when the channel has no schedule."""
    if channel.schedule is None:
        return None
    status = dg.DefaultScheduleStatus.RUNNING if triggers_run() else dg.DefaultScheduleStatus.STOPPED
    return dg.ScheduleDefinition(
        name=f"{Names.of(channel).slug}_schedule",
        job=job,
        cron_schedule=channel.schedule,
        default_status=status,
        description="Compares everything in the channel's scope and repairs what drifted.",
    )


def channel_sensor(channel: Channel, resource_keys: set[str]) -> dg.SensorDefinition | None:
    """Asks for a run of every partition that has work due; None when the channel does not follow changes."""
    if not channel.on_change:
        return None
    names = Names.of(channel)

    @dg.sensor(
        name=f"{names.slug}_on_change",
        job_name=names.slug,
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING if triggers_run() else dg.DefaultSensorStatus.STOPPED,
        required_resource_keys=resource_keys,
        description="Reads the catalog's changes into the inbox and requests runs for the schemas that they touch.",
    )
    def on_change(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        with open_pipeline(channel, context.resources, run_id="") as pipeline:
            return _tick(context, names, pipeline)

    return on_change


def _tick(context: dg.SensorEvaluationContext, names: Names, pipeline: Pipeline) -> dg.SensorResult | dg.SkipReason:
    """Inbox first, then requests derived from the ledger; the cursor only carries an unfinished discovery."""
    ledger, catalog, channel = pipeline.ledger, pipeline.catalog, pipeline.channel
    ledger.ensure_channel(channel.name, catalog.name)
    try:
        _read_tail(pipeline)
    except LeaseBusy:
        context.log.info("another sensor reads the catalog's events right now; its inbox serves this channel too")
    except ReverseMetadataError as error:
        # What is already in the inbox is still due, whatever the catalog does now.
        context.log.warning(printable(f"the catalog's events could not be read: {error}"))
    registered = set(context.instance.get_dynamic_partitions(names.partitions))
    cursor = context.cursor
    try:
        cursor = _discover(context, pipeline)
    except ReverseMetadataError as error:
        context.log.warning(printable(f"the catalog's schemas could not be listed: {error}"))
    now = datetime.now(UTC)
    for key in ledger.end_expired(catalog.name, channel.name, now):
        context.log.info(f"{printable(key)}: the plan that waited for approval has expired; it is made anew")
    due = ledger.due(channel.name, catalog.name, now)
    # A plan does not move under its reader; what comes meanwhile is still due when it was applied or has expired.
    waiting = ledger.waiting_partitions(catalog.name, channel.name, now) if channel.approval == "required" else {}
    requests: list[dg.RunRequest] = []
    new: list[str] = []
    busy = _busy(context, names)
    for work in due:
        if len(requests) == _REQUESTS:
            break
        if not _in_scope(channel, work.partition_key):
            # Nothing of this channel's; it must not be looked at again in every tick.
            ledger.delivered_all(channel.name, catalog.name, work.partition_key, work.newest_seq)
            continue
        if work.partition_key in busy or work.partition_key in waiting:
            continue
        if work.partition_key not in registered:
            new.append(work.partition_key)
        ledger.requested(channel.name, catalog.name, work.partition_key)
        requests.append(_request(work))
    reason = None if requests else f"nothing is due; {len(busy)} runs are under way, {len(waiting)} plans wait"
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=reason,
        cursor=cursor,
        dynamic_partitions_requests=(
            [dg.DynamicPartitionsDefinition(name=names.partitions).build_add_request(new)] if new else []
        ),
    )


def _request(work: DueWork) -> dg.RunRequest:
    return dg.RunRequest(partition_key=work.partition_key, tags={SCOPE_TAG: "full" if work.full else "changed"})


def _read_tail(pipeline: Pipeline) -> None:
    """Move the catalog's events into the inbox: one reader a catalog at a time, for all channels."""
    ledger, catalog = pipeline.ledger, pipeline.catalog
    with ledger.lease(f"tail/{catalog.name}", wait=0, owner=f"sensor of {pipeline.channel.name}"):
        batch = catalog.events(ledger.cursor(catalog.name))
        # What happens to a whole database happens to all its schemas, and no event names them.
        everything = bool(batch.reconcile) or any(e.whole and len(split(e.entity)) == 2 for e in batch.events)
        ledger.record_events(catalog.name, list(_inbox(batch.events)), batch.cursor, everything=everything)


def _inbox(events: Iterable[Event]) -> Iterable[InboxEvent]:
    for event in events:
        service, *path = split(event.entity)
        if path:
            partition = Partition.holding(service, tuple(path))
            yield InboxEvent(
                entity=event.entity,
                partition_key=partition.key,
                service=service,
                at=event.at,
                by=event.by,
                kind=event.kind,
                whole=event.whole,
            )


def _discover(context: dg.SensorEvaluationContext, pipeline: Pipeline) -> str | None:
    """Ask for a full look at every partition when the ledger says that one is wanted.

    Service by service: what does not fit into a tick goes on in the next one, behind the service in the cursor, which
    counts only for the request that it was written for.
    """
    ledger, catalog, channel = pipeline.ledger, pipeline.catalog, pipeline.channel
    owed = ledger.owed(channel.name, catalog.name)
    if owed is None:
        return context.cursor
    request, _, after = (context.cursor or "").partition(" ")
    services = pipeline.services_in_scope()
    left = [service for service in services if service > after] if request == str(owed) else services
    started = time.monotonic()
    for service in left:
        keys = [partition.key for partition in pipeline.partitions_of(service)]
        ledger.request_full(catalog.name, keys, channel.name)
        if time.monotonic() - started > _DISCOVERY_SECONDS and service != left[-1]:
            return f"{owed} {service}"
    ledger.discovered(channel.name, catalog.name, owed)
    return context.cursor


def _busy(context: dg.SensorEvaluationContext, names: Names) -> set[str]:
    """The partitions for which this sensor's runs are under way."""
    records = context.instance.get_run_records(dg.RunsFilter(job_name=names.slug, statuses=_ACTIVE))
    return {
        key
        for record in records
        if "dagster/sensor_name" in record.dagster_run.tags
        and (key := record.dagster_run.tags.get("dagster/partition")) is not None
    }


def _in_scope(channel: Channel, key: str) -> bool:
    partition = Partition.parse(key)
    return could_match(channel.filter, partition.service, partition.path)
