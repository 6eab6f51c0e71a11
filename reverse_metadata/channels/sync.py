"""The job `<channel>_sync`: everything in the channel's scope, discovered from the catalog, no partition needed.

It is an op job, because a run of partitioned assets needs a partition tag; it records the partitions that it did, so
that the partition bar of the assets is true.
"""

from datetime import UTC, datetime, timedelta
from functools import partial

import dagster as dg

from reverse_metadata.applying.apply import Applied
from reverse_metadata.applying.pipeline import Pipeline
from reverse_metadata.channels import report
from reverse_metadata.channels.advice import RunAdvice
from reverse_metadata.channels.assets import Names, log_applied, problem_of, raise_failures
from reverse_metadata.channels.planned import report_planned
from reverse_metadata.channels.plans import PlanConfig, PlanStep, apply, is_done
from reverse_metadata.channels.resources import open_pipeline
from reverse_metadata.channels.steps import Failed, kept_apart
from reverse_metadata.config import Channel
from reverse_metadata.display import printable
from reverse_metadata.model import Partition
from reverse_metadata.planning.plan import Plan

#: A run that was killed leaves what its steps handed on; no run lasts so long.
_HANDOFFS_KEPT = timedelta(days=7)


def sync_job(channel: Channel, resource_keys: set[str], others: tuple[Channel, ...]) -> dg.JobDefinition:
    """The whole-channel job of a channel; `others` are the other channels of the configuration."""
    names = Names.of(channel)

    @dg.op(
        name=f"{names.slug}_sync_all",
        required_resource_keys=resource_keys,
        description="Every schema and database in the channel's scope: fetched, planned, applied, recorded.",
    )
    def sync_all(context: dg.OpExecutionContext, config: PlanConfig) -> None:
        with open_pipeline(
            channel, context.resources, context.run_id, ignore_brakes=config.ignore_brakes, others=others
        ) as pipeline:
            pipeline.ledger.drop_handoffs_before(datetime.now(UTC) - _HANDOFFS_KEPT)
            partitions = pipeline.discover()
            _register(context, names, partitions)
            for service in pipeline.first_contacts(partitions):
                context.log.info(
                    f"first contact with {printable(service)}: the ledger knows nothing of it, so texts that stand "
                    f"there are treated as on_first_contact says ({channel.on_first_contact})"
                )
            told, step = RunAdvice(context, pipeline), PlanStep(pipeline, config)
            failures: dict[str, str] = {}
            for position, partition in enumerate(partitions, start=1):
                context.log.info(f"{position} of {len(partitions)}: {printable(partition.key)}")
                result = _sync_partition(context, names, pipeline, partition, step, told)
                if problem := problem_of(result):
                    failures[partition.key] = problem
                    pipeline.failed(partition, problem, "full", parks=not result.lacks_privilege)
        if failures:
            raise_failures(failures)

    @dg.job(
        name=f"{names.slug}_sync",
        description=f"Everything in the scope of channel {channel.name}, at once: run now, or drift repair.",
        metadata={"channel": channel.name},
    )
    def sync() -> None:
        sync_all()

    return sync


def _register(context: dg.OpExecutionContext, names: Names, partitions: list[Partition]) -> None:
    """Make Dagster's partitions those that the catalog has; the history of removed ones stays."""
    wanted = {partition.key for partition in partitions}
    present = set(context.instance.get_dynamic_partitions(names.partitions))
    context.instance.add_dynamic_partitions(names.partitions, sorted(wanted - present))
    for key in sorted(present - wanted):
        context.log.info(f"{printable(key)} is no longer in scope; its partition is removed, its history stays")
        context.instance.delete_dynamic_partition(names.partitions, key)


def _sync_partition(
    context: dg.OpExecutionContext,
    names: Names,
    pipeline: Pipeline,
    partition: Partition,
    step: PlanStep,
    told: RunAdvice,
) -> Applied | Failed:
    """The three steps for one partition."""
    fetched_key, plan_key, applied_key = names.keys
    report_planned(context, (fetched_key, plan_key), partition.key)
    plan: Plan | Failed
    fetched = kept_apart(context, partition, partial(pipeline.fetch, partition, "full"))
    if isinstance(fetched, Failed):
        plan = fetched
    else:
        _materialize(context, fetched_key, partition, report.fetched_metadata(fetched))
        plan = kept_apart(context, partition, partial(step.plan, fetched))
    if isinstance(plan, Failed):
        report_planned(context, (applied_key,), partition.key)
        return plan
    shown = report.plan_metadata(plan) | told.metadata(partition.service)
    _materialize(context, plan_key, partition, shown)
    done = is_done(pipeline.channel, plan)
    if done:
        report_planned(context, (applied_key,), partition.key)
    result = kept_apart(context, partition, partial(apply, pipeline, plan))
    if isinstance(result, Applied):
        log_applied(context, plan, result)
    if problem_of(result):
        # Whatever waits: a partition that failed is red.
        report_planned(context, () if done else (applied_key,), partition.key)
    elif done and isinstance(result, Applied):
        _materialize(context, applied_key, partition, report.applied_metadata(plan, result))
    return result


def _materialize(
    context: dg.OpExecutionContext, key: dg.AssetKey, partition: Partition, metadata: report.Metadata
) -> None:
    context.log_event(dg.AssetMaterialization(key, partition=partition.key, metadata=metadata))
