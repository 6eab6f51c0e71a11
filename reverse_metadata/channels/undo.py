"""The job `<channel>_undo`: takes pushes back, by run, by entity or by time.

It plans first: without `dry_run: false` it only shows what it would do. An undo is recorded like any push, and can be
undone by its own run.
"""

from collections import Counter
from datetime import UTC, datetime
from functools import partial

import dagster as dg
from pydantic import Field

from reverse_metadata.applying.apply import Applied
from reverse_metadata.applying.pipeline import Pipeline
from reverse_metadata.channels import report
from reverse_metadata.channels.assets import Names, log_applied, problem_of, raise_failures
from reverse_metadata.channels.resources import open_pipeline
from reverse_metadata.channels.steps import Failed, kept_apart
from reverse_metadata.config import Channel
from reverse_metadata.model import Partition
from reverse_metadata.planning.plan import Plan
from reverse_metadata.planning.undo import Selection


class UndoConfig(dg.Config):
    """What is undone: the pushes that match all that is given."""

    run_id: str = Field(default="", description="The id of the run whose pushes are taken back.")
    entity: str = Field(
        default="", description="A glob over FQNs: `shop_pg.shop.sales.*` is all of a schema, columns included."
    )
    since: str = Field(
        default="",
        description="Everything pushed since this moment, as `2026-05-01T14:30:00+02:00`; UTC when no zone is given.",
    )
    dry_run: bool = Field(default=True, description="Only show what would be taken back.")


def undo_job(channel: Channel, resource_keys: set[str]) -> dg.JobDefinition:
    """The undo job of a channel."""
    names = Names.of(channel)

    @dg.op(
        name=f"{names.slug}_undo_pushes",
        required_resource_keys=resource_keys,
        description="Puts back the values that stood before the selected pushes; skips what somebody changed since.",
    )
    def undo_pushes(context: dg.OpExecutionContext, config: UndoConfig) -> None:
        selection = _selection(config)
        failures: dict[str, str] = {}
        plans: list[Plan] = []
        with open_pipeline(channel, context.resources, context.run_id) as pipeline:
            for partition, make_plan in pipeline.undo(selection):
                plan = kept_apart(context, partition, make_plan)
                result: Plan | Applied | Failed = plan
                if isinstance(plan, Plan):
                    plans.append(plan)
                    if not config.dry_run:
                        result = _apply(context, pipeline, partition, plan)
                if not isinstance(result, Plan) and (problem := problem_of(result)):
                    failures[partition.key] = problem
        _show(context, plans, config)
        if failures:
            raise_failures(failures)

    @dg.job(
        name=f"{names.slug}_undo",
        description=f"Takes back pushes of channel {channel.name}, by run, by entity or by time; shows them first.",
        metadata={"channel": channel.name},
    )
    def undo() -> None:
        undo_pushes()

    return undo


def _selection(config: UndoConfig) -> Selection:
    if not (config.run_id or config.entity or config.since):
        message = "nothing is selected: give run_id, entity or since, or several of them"
        raise dg.Failure(message, allow_retries=False)
    since = None
    if config.since:
        try:
            since = datetime.fromisoformat(config.since)
        except ValueError:
            message = f"since: {config.since!r} is not a moment such as 2026-05-01T14:30:00+02:00"
            raise dg.Failure(message, allow_retries=False) from None
        since = since if since.tzinfo else since.replace(tzinfo=UTC)
    return Selection(config.run_id, config.entity, since)


def _apply(context: dg.OpExecutionContext, pipeline: Pipeline, partition: Partition, plan: Plan) -> Applied | Failed:
    result = kept_apart(context, partition, partial(pipeline.apply, plan))
    if isinstance(result, Applied):
        log_applied(context, plan, result)
    return result


def _show(context: dg.OpExecutionContext, plans: list[Plan], config: UndoConfig) -> None:
    counts = Counter[str]()
    for plan in plans:
        counts.update(plan.counts)
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())) or "no push matches"
    done = "a dry run, nothing was written; set dry_run: false to take it back" if config.dry_run else "done"
    context.log.info(f"{told}: {done}")
    context.add_output_metadata(report.undo_metadata(plans))
