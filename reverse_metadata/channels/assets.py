"""The three assets of a channel, partitioned by the schemas of its sources.

`fetched_changes` -> `resolved_templates` -> `applied_updates`. A partition that fails in an early step is handed on
as failed; `applied_updates` materializes every good partition and raises at the end, so that exactly the bad ones
are red.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import dagster as dg

from reverse_metadata.applying.apply import Applied
from reverse_metadata.channels import report
from reverse_metadata.channels.advice import RunAdvice
from reverse_metadata.channels.plans import ApplyConfig, PlanConfig, PlanStep, apply, approved, approved_hashes, is_done
from reverse_metadata.channels.resources import open_pipeline
from reverse_metadata.channels.steps import Context, Failed, HandOff, kept_apart, partitions_of, scope_of
from reverse_metadata.config import Channel, slug
from reverse_metadata.display import printable
from reverse_metadata.errors import PartitionsFailed
from reverse_metadata.planning.plan import Plan

CATALOG_KEY = dg.AssetKey(["catalog"])

_HINT = (
    "\n\nThe partitions are the schemas of the sources (`service.database.schema`), and the databases themselves. "
    "They are registered by the first tick of the sensor `{slug}_on_change` and by the job `{slug}_sync`, which does "
    "every schema at once: if no partition is offered yet, launch that job."
)


@dataclass(frozen=True)
class Names:
    """What Dagster calls the parts of a channel."""

    slug: str

    @property
    def partitions(self) -> str:
        """The name of the dynamic partitions."""
        return f"{self.slug}_schemas"

    def key(self, asset: str) -> dg.AssetKey:
        """The key of one of the three assets."""
        return dg.AssetKey([self.slug, asset])

    @property
    def keys(self) -> tuple[dg.AssetKey, dg.AssetKey, dg.AssetKey]:
        """The keys of the three assets, in their order."""
        return self.key("fetched_changes"), self.key("resolved_templates"), self.key("applied_updates")

    @staticmethod
    def of(channel: Channel) -> "Names":
        """The names of a channel."""
        return Names(slug(channel.name))


def channel_assets(channel: Channel, resource_keys: set[str], others: tuple[Channel, ...]) -> list[dg.AssetsDefinition]:
    """The three assets of a channel. A run may hold several partitions; `others` are the other channels of the
    configuration."""
    with warnings.catch_warnings():
        # `backfill_policy` has been in beta since Dagster 1.5; users of ours cannot do anything about that.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return _channel_assets(channel, resource_keys, others, dg.BackfillPolicy.single_run())


def _channel_assets(
    channel: Channel, resource_keys: set[str], others: tuple[Channel, ...], one_run: dg.BackfillPolicy
) -> list[dg.AssetsDefinition]:
    names = Names.of(channel)
    hint = _HINT.format(slug=names.slug)
    asset = partial(
        dg.asset,
        group_name=names.slug,
        partitions_def=dg.DynamicPartitionsDefinition(name=names.partitions),
        backfill_policy=one_run,
        required_resource_keys=resource_keys,
        metadata={"channel": channel.name},
    )
    fetched_key, plan_key, applied_key = names.keys

    @asset(
        key=fetched_key,
        deps=[CATALOG_KEY],
        description="What the catalog wants for the entities in scope: fetched, filtered, normalised." + hint,
    )
    def fetched_changes(context: dg.AssetExecutionContext) -> None:
        keys = partitions_of(context, channel, names.partitions)
        with open_pipeline(channel, context.resources, context.run.run_id) as pipeline:
            hand_off = HandOff(pipeline)
            for partition in keys:
                scope = scope_of(context.run)
                result = kept_apart(context, partition, partial(pipeline.fetch, partition, scope))
                hand_off.fetched(partition, result)
                shown = (
                    report.failure_metadata(result.message)
                    if isinstance(result, Failed)
                    else report.fetched_metadata(result)
                )
                context.add_asset_metadata(shown, partition_key=partition.key)

    @asset(
        key=plan_key,
        deps=[fetched_key],
        description="The plan: desired, last and actual merged, and every statement. Nothing is written to the source."
        + hint,
    )
    def resolved_templates(context: dg.AssetExecutionContext, config: PlanConfig) -> None:
        keys = partitions_of(context, channel, names.partitions)
        with open_pipeline(
            channel, context.resources, context.run.run_id, ignore_brakes=config.ignore_brakes, others=others
        ) as pipeline:
            hand_off, told, step = HandOff(pipeline), RunAdvice(context, pipeline), PlanStep(pipeline, config)
            for partition in keys:
                fetched = hand_off.received_fetched(partition)
                result = (
                    fetched
                    if isinstance(fetched, Failed)
                    else kept_apart(context, partition, partial(step.plan, fetched))
                )
                hand_off.plan(partition, result)
                shown = (
                    report.failure_metadata(result.message)
                    if isinstance(result, Failed)
                    else report.plan_metadata(result) | told.metadata(partition.service)
                )
                context.add_asset_metadata(shown, partition_key=partition.key)

    @asset(
        key=applied_key,
        deps=[plan_key],
        # Nothing is materialized while a plan waits for approval.
        output_required=False,
        description="The plan applied to the source, verified by reading back, and recorded in the ledger." + hint,
    )
    def applied_updates(context: dg.AssetExecutionContext, config: ApplyConfig) -> Iterator[dg.MaterializeResult[None]]:
        keys = partitions_of(context, channel, names.partitions)
        hashes = approved_hashes(config)
        done: dict[str, report.Metadata] = {}
        failures: dict[str, str] = {}
        with open_pipeline(channel, context.resources, context.run.run_id) as pipeline:
            hand_off = HandOff(pipeline)
            for partition in keys:
                plan = (
                    kept_apart(context, partition, partial(approved, pipeline, partition, hashes, config.approved_by))
                    if hashes
                    else hand_off.received_plan(partition)
                )
                if isinstance(plan, Failed):
                    result: Applied | Failed = plan
                else:
                    result = kept_apart(context, partition, partial(apply, pipeline, plan))
                    if isinstance(result, Applied):
                        log_applied(context, plan, result)
                        if is_done(channel, plan):
                            done[partition.key] = report.applied_metadata(plan, result)
                problem = problem_of(result)
                if problem:
                    failures[partition.key] = problem
                    done.pop(partition.key, None)
                    pipeline.failed(partition, problem, scope_of(context.run), parks=not result.lacks_privilege)
            hand_off.done()
        if len(done) == len(keys):
            for key, shown in done.items():
                context.add_asset_metadata(shown, partition_key=key)
            yield dg.MaterializeResult()
            return
        for key, shown in done.items():
            context.log_event(dg.AssetMaterialization(applied_key, partition=key, metadata=shown))
        if failures:
            raise_failures(failures)

    return [fetched_changes, resolved_templates, applied_updates]


def problem_of(result: Applied | Failed) -> str:
    """Why a partition is red; "" when it is not."""
    return result.message if isinstance(result, Failed) else "; ".join(result.problems)


def log_applied(context: Context, plan: Plan, applied: Applied) -> None:
    """One line for the partition, another when something waits, one observation a table that was written."""
    key = plan.partition.key
    context.log.info(report.summary(key, applied))
    if plan.waiting:
        context.log.warning(
            f"{printable(key)}: plan {plan.waiting_hash} waits for approval. Read it on resolved_templates, then "
            f"materialize applied_updates alone with the config plan: {plan.waiting_hash} and approved_by: your name"
        )
    for observation in report.observations(plan.partition.service, applied, context.run.run_id):
        context.log_event(observation)


def raise_failures(failures: dict[str, str]) -> None:
    """Raise dg.Failure that names every partition that failed, and why."""
    error = PartitionsFailed({printable(key): printable(message) for key, message in failures.items()})
    raise dg.Failure(str(error), allow_retries=False) from None
