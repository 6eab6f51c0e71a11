"""The job `prune_ledger`, one for the project: forgets what is older than `ledger.keep` says."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import dagster as dg
from pydantic import Field

from reverse_metadata.channels.resources import LEDGER
from reverse_metadata.channels.triggers import triggers_run
from reverse_metadata.config import LedgerOptions
from reverse_metadata.config.models import LEAST_KEPT

#: After the nightly runs of most channels.
_DAILY = "30 4 * * *"


class PruneConfig(dg.Config):
    """What one run may be told."""

    keep: int | None = Field(
        default=None,
        description=f"Days to keep, at least {LEAST_KEPT}, in this run alone; without it those of `ledger.keep`.",
    )


def prune_job(options: LedgerOptions) -> dg.JobDefinition:
    """The job; without `ledger.keep` a run must say what to keep."""

    @dg.op(
        name="prune_ledger_rows",
        required_resource_keys={LEDGER},
        description="Deletes old pushes, finished plans and delivered events. Newest pushes and last values stay.",
    )
    def prune_rows(context: dg.OpExecutionContext, config: PruneConfig) -> None:
        keep = config.keep or options.keep
        if keep is None:
            raise dg.Failure(
                "Nothing was deleted: the ledger keeps everything. Set ledger.keep in the configuration, or keep in"
                " the launchpad for this run alone.",
                allow_retries=False,
            )
        if keep < LEAST_KEPT:
            raise dg.Failure(f"keep: {keep} days is too few; at least {LEAST_KEPT} are kept", allow_retries=False)
        before = datetime.now(UTC) - timedelta(days=keep)
        with getattr(context.resources, LEDGER).open() as ledger:
            pruned = asdict(ledger.prune(before))
        told = ", ".join(f"{count} {noun}" for noun, count in pruned.items())
        context.log.info(f"deleted what is older than {before:%Y-%m-%d %H:%M} UTC ({keep} days): {told}")
        context.add_output_metadata({"keep_days": keep, **pruned})

    @dg.job(name="prune_ledger", description="Forgets what was pushed, planned and delivered long ago.")
    def prune_ledger() -> None:
        prune_rows()

    return prune_ledger


def prune_schedule(options: LedgerOptions, job: dg.JobDefinition) -> dg.ScheduleDefinition | None:
    """Prunes every day; None when everything is kept for ever."""
    if options.keep is None:
        return None
    status = dg.DefaultScheduleStatus.RUNNING if triggers_run() else dg.DefaultScheduleStatus.STOPPED
    return dg.ScheduleDefinition(
        name="prune_ledger_schedule",
        job=job,
        cron_schedule=_DAILY,
        default_status=status,
        description=f"Deletes every day what is older than {options.keep} days.",
    )
