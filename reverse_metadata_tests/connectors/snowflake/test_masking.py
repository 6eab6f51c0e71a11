"""The whole way of a tag: a steward puts it on a column in the catalog, and the mask that hangs on it closes.

Taken off, the mask falls once somebody approved. The stand-in evaluates the policies.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path as File
from typing import Any

import pytest

from reverse_metadata.applying.apply import Applied
from reverse_metadata.applying.approval import Approvals
from reverse_metadata.applying.pipeline import Pipeline
from reverse_metadata.config import Channel
from reverse_metadata.ledger import Ledger
from reverse_metadata.model import Verdict
from reverse_metadata.planning.plan import Plan
from reverse_metadata.services import Services
from reverse_metadata_tests.contract.estate import Estate
from reverse_metadata_tests.contract.peer import SERVICE
from reverse_metadata_tests.contract.snowflake import Snowflake
from reverse_metadata_tests.engines.snowflake import SnowflakeStandIn

_MAIL = "ada@example.com"
_CHANNEL: dict[str, Any] = {
    "name": "pii",
    "update_descriptions": False,
    "update_tags": True,
    "tags": {"protected": ["PII.*"]},
}
_POLICY = ("GOVERNANCE", "TAGS", "HIDE")


class Masked:
    """A column `email` whose tag PII carries a policy, and a catalog that knows it."""

    def __init__(self, front: SnowflakeStandIn, directory: File) -> None:
        self.snow = Snowflake(front)
        self.snow.table("customers", ["id", "email"])
        # As the vendor's guide has it: it does not look at the value of the tag.
        self.policy(lambda _value, _tag: "***")
        front.administer("ALTER TAG GOVERNANCE.TAGS.PII SET MASKING POLICY GOVERNANCE.TAGS.HIDE")
        self._estate = Estate(self.snow, directory)
        self.catalog, self._ledger = self._estate.catalog, directory / "pii.sqlite"
        (self.email,) = [fqn for fqn in self._estate.fqns if fqn.endswith(".email")]

    def policy(self, policy: Any) -> None:
        self.snow.account.policies[_POLICY] = policy

    def seen(self) -> str:
        """What an analyst sees of somebody's address."""
        return self.snow.account.shown(self.snow.path("customers"), "email", _MAIL)

    @contextmanager
    def pipeline(self) -> Iterator[Pipeline]:
        services = Services(self.catalog, {SERVICE: self.snow.connector}, {})
        with closing(services), Ledger.open(f"sqlite:///{self._ledger}") as ledger:
            yield Pipeline(Channel(**_CHANNEL), self.catalog, services, ledger, "run", patience=0)

    def run(self) -> tuple[Plan, Applied]:
        """A run that nobody watches: what it plans, and what became of it."""
        with self.pipeline() as pipeline:
            plan = pipeline.recover_and_resolve(pipeline.fetch(self.snow.partition, "full"))
            shown = Approvals(pipeline).keep(plan)
            return shown, pipeline.apply(shown)

    def approve(self, plan: Plan) -> Applied:
        with self.pipeline() as pipeline:
            approvals = Approvals(pipeline)
            approved = approvals.approved(self.snow.partition, frozenset([plan.waiting_hash]), "grace")
            applied = pipeline.apply(approved)
            approvals.end(approved)
            return applied

    def verdicts(self, plan: Plan) -> dict[str, tuple[Verdict, str]]:
        return {change.entity: (change.verdict, change.reason) for change in plan.changes}


@pytest.fixture
def masked(snowflake_standin: SnowflakeStandIn, tmp_path: File) -> Masked:
    return Masked(snowflake_standin, tmp_path)


def test_a_mask_closes_with_the_tag_and_falls_once_somebody_approved(masked: Masked) -> None:
    assert masked.seen() == _MAIL
    masked.catalog.tag(masked.email, "PII.Sensitive")
    _, applied = masked.run()
    assert (applied.problems, applied.statements) == ((), 1)
    assert masked.seen() == "***"
    assert masked.run()[1].statements == 0

    masked.catalog.untag(masked.email, "PII.Sensitive")
    plan, applied = masked.run()
    assert (plan.counts, applied.statements) == ({"waiting": 1}, 0)
    assert masked.seen() == "***"
    ((statement,),) = [[each.text for each in plan.waiting]]
    assert statement.endswith('MODIFY COLUMN "email" UNSET TAG "GOVERNANCE"."TAGS"."PII"')

    applied = masked.approve(plan)
    assert (applied.problems, applied.statements) == ((), 1)
    assert masked.seen() == _MAIL


def test_a_new_value_keeps_the_mask_closed_all_the_time(masked: Masked) -> None:
    masked.catalog.tag(masked.email, "PII.Sensitive")
    masked.run()
    seen = list[str]()

    def hide(value: str, tag: str | None) -> str:
        seen.append(str(tag))
        return "***" if tag in ("Sensitive", "Contact") else value

    masked.policy(hide)
    masked.catalog.untag(masked.email, "PII.Sensitive")
    masked.catalog.tag(masked.email, "PII.Contact")
    plan, _ = masked.run()
    assert masked.seen() == "***"
    masked.approve(plan)
    assert masked.seen() == "***"
    assert set(seen) == {"Sensitive", "Contact"}


def test_pii_none_is_not_pushed_under_a_policy_and_is_reported(masked: Masked) -> None:
    # Whoever says None in the catalog means that there is nothing to hide, and the policy would hide it.
    masked.catalog.tag(masked.email, "PII.None")
    plan, applied = masked.run()
    verdict, reason = masked.verdicts(plan)[masked.email]
    assert verdict is Verdict.UNSAFE
    assert "a masking policy is bound to the tag GOVERNANCE.TAGS.PII" in reason
    assert applied.statements == 0
    assert masked.seen() == _MAIL


def test_pii_none_in_place_of_a_protected_tag_does_not_open_the_mask(masked: Masked) -> None:
    masked.policy(lambda value, tag: value if tag in (None, "None") else "***")
    masked.catalog.tag(masked.email, "PII.Sensitive")
    masked.run()
    assert masked.seen() == "***"
    masked.catalog.untag(masked.email, "PII.Sensitive")
    masked.catalog.tag(masked.email, "PII.None")
    plan, applied = masked.run()
    assert masked.verdicts(plan)[masked.email][0] is Verdict.UNSAFE
    assert (plan.waiting, applied.statements) == ((), 0)
    assert masked.seen() == "***"
