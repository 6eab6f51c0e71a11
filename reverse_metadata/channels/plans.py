"""What one run may be told, and how its plans are made, approved and applied."""

import re

import dagster as dg
from pydantic import Field

from reverse_metadata.applying.apply import Applied
from reverse_metadata.applying.approval import Approvals
from reverse_metadata.applying.pipeline import Pipeline
from reverse_metadata.config import Channel
from reverse_metadata.model import Aspect, Partition
from reverse_metadata.planning.careful import Careful
from reverse_metadata.planning.fetch import Fetched
from reverse_metadata.planning.plan import Plan


class PlanConfig(dg.Config):
    """What one run may be told of how it plans."""

    ignore_brakes: bool = Field(
        default=False, description="Let a plan over max_replacements or max_removals through, in this run alone."
    )
    anew: bool = Field(
        default=False, description="Let the new plan take the place of one that waits for approval already."
    )
    dry_run: bool = Field(default=False, description="Plan, and write nothing.")
    only: list[str] = Field(
        default=[],
        description="Write only to entities whose FQN matches one of these globs: `shop_pg.shop.sales.orders*`.",
    )
    aspects: list[str] = Field(
        default=[], description="Write only these: `description`, `tags`, `owner`. Without it, all of the channel's."
    )
    limit: int | None = Field(default=None, description="Write at most so many changes in this run.", ge=0)

    @property
    def careful(self) -> Careful:
        """What the run may write. Raises dg.Failure for an aspect that there is not."""
        known = [aspect.value for aspect in Aspect]
        for aspect in self.aspects:
            if aspect not in known:
                message = f"aspects: {aspect!r} is not one of {', '.join(known)}; nothing is written"
                raise dg.Failure(message, allow_retries=False)
        return Careful(tuple(self.only), tuple(map(Aspect, self.aspects)), self.limit, self.dry_run)


class ApplyConfig(dg.Config):
    """What one run may be told of what it applies."""

    plan: str = Field(
        default="",
        description="The hash of a plan that waits for approval (`waiting_plan` on `resolved_templates`): exactly it is"
        " applied. For several schemas at once, their hashes, separated by blanks.",
    )
    approved_by: str = Field(
        default="", description="Who approves it: a name that the ledger keeps. Nobody checks it, so take your own."
    )


class PlanStep:
    """Makes the plans of one run, one partition after the other: what the run may write, it may write in all."""

    def __init__(self, pipeline: Pipeline, config: PlanConfig) -> None:
        self._pipeline = pipeline
        self._anew = config.anew
        self._careful = config.careful

    def plan(self, fetched: Fetched) -> Plan:
        """The plan of a partition, as far as the run may write it; what of it must be approved waits in the ledger."""
        plan = self._pipeline.recover_and_resolve(fetched, self._careful)
        self._careful = self._careful.after(sum(change.verdict.plans for change in plan.changes))
        return plan if plan.dry_run else Approvals(self._pipeline).keep(plan, anew=self._anew)


def approved_hashes(config: ApplyConfig) -> frozenset[str]:
    """The plans that somebody approved. Raises dg.Failure when nobody stands for them."""
    if config.plan and not config.approved_by.strip():
        message = "approved_by is missing: say who approves the plan; the ledger keeps the name with every push"
        raise dg.Failure(message, allow_retries=False)
    return frozenset(re.split(r"[\s,]+", config.plan.strip())) if config.plan.strip() else frozenset()


def approved(pipeline: Pipeline, partition: Partition, hashes: frozenset[str], by: str) -> Plan:
    """The plan that waits for the partition, as `by` approved it. Raises NotApproved when no hash is that of the plan,
    CatalogError, SourceError and LedgerError."""
    return Approvals(pipeline).approved(partition, hashes, by.strip())


def apply(pipeline: Pipeline, plan: Plan) -> Applied:
    """The plan applied; one that was approved waits on only if nothing of it arrived. Of a dry run nothing is."""
    if plan.dry_run:
        return Applied("", counts=plan.counts)
    applied = pipeline.apply(plan)
    if plan.approved_by and (applied.arrived or not applied.problems):
        Approvals(pipeline).end(plan)
    return applied


def is_done(channel: Channel, plan: Plan) -> bool:
    """Whether applying the plan says anything of the state of the source: not when nothing of it was to be written,
    because all of it waits for approval or the run was a dry one."""
    return not plan.dry_run and not (plan.waiting and channel.approval == "required")
