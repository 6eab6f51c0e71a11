"""Taking off a tag that a mask may hang on waits for a person, against a simulated system."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from reverse_metadata.applying.apply import Applied
from reverse_metadata.applying.approval import Approvals
from reverse_metadata.errors import NotApproved
from reverse_metadata.model import Partition
from reverse_metadata.planning.plan import Plan
from reverse_metadata_tests.simulated.world import SimulatedWorld
from reverse_metadata_tests.world import statements

SALES = Partition("lake", "db", "sales")
EMAIL = ("sales", "customers", "email")
UNSET = 'ALTER COLUMN "db"."sales"."customers"."email" UNSET TAG "PII"'
CONTACT = """ALTER COLUMN "db"."sales"."customers"."email" SET TAG "PII" = 'Contact'"""
SENSITIVE = """ALTER COLUMN "db"."sales"."customers"."email" SET TAG "PII" = 'Sensitive'"""


@pytest.fixture
def lake() -> SimulatedWorld:
    """A column with a protected tag, pushed."""
    world = SimulatedWorld(update_tags=True, tags={"protected": ["pii.*"]})
    world.schema("sales", customers=("id", "email"))
    world.catalog.tag(world.fqn(*EMAIL), "PII.Sensitive")
    return world


@pytest.fixture
def pushed(lake: SimulatedWorld) -> SimulatedWorld:
    """The same after a first run, which needed no approval."""
    assert statements(lake.sync("first")) == 1
    assert lake.engine.log == [SENSITIVE]
    return lake


def run(world: SimulatedWorld, **channel: Any) -> Plan:
    """A run of an automatic channel; gives the plan as it is shown."""
    with world.pipeline("automatic", **channel) as pipeline:
        plan = pipeline.recover_and_resolve(pipeline.fetch(SALES, "full"))
        shown = Approvals(pipeline).keep(plan)
        assert pipeline.apply(shown).problems == ()
        return shown


def approve(world: SimulatedWorld, plan_hash: str, **channel: Any) -> Applied:
    with world.pipeline("approved", **channel) as pipeline:
        approvals = Approvals(pipeline)
        plan = approvals.approved(SALES, frozenset([plan_hash]), "grace")
        applied = pipeline.apply(plan)
        approvals.end(plan)
        return applied


def waiting(world: SimulatedWorld, **channel: Any) -> list[str]:
    """The statements that wait after a run."""
    return [statement.text for statement in run(world, **channel).waiting]


def tag(world: SimulatedWorld) -> str | None:
    return world.found(*EMAIL).tags.get("PII")


def taken_off(world: SimulatedWorld) -> None:
    world.catalog.untag(world.fqn(*EMAIL), "PII.Sensitive")


def replaced(world: SimulatedWorld) -> None:
    taken_off(world)
    world.catalog.tag(world.fqn(*EMAIL), "PII.Contact")


def deleted(world: SimulatedWorld) -> None:
    world.catalog.delete(world.fqn("sales", "customers"))


def deleted_for_good(world: SimulatedWorld) -> None:
    world.catalog.delete(world.fqn("sales", "customers"), hard=True)


def dropped(world: SimulatedWorld) -> None:
    world.catalog.drop_column(world.fqn(*EMAIL))


def made_foreign(world: SimulatedWorld) -> None:
    """Somebody protects the column by hand with another tag that the catalog protects as well."""
    world.engine.tag(world.path(*EMAIL), {"PII": "Contact"})


@pytest.mark.parametrize(
    ("what", "settings", "statement", "after"),
    [
        (taken_off, {}, UNSET, None),
        (taken_off, {"filter": {"tags": "PII.*"}}, UNSET, None),
        (replaced, {}, CONTACT, "Contact"),
        (deleted, {"on_catalog_delete": "clear"}, UNSET, None),
        (deleted_for_good, {"on_catalog_delete": "clear"}, UNSET, None),
        (dropped, {"on_catalog_delete": "clear"}, UNSET, None),
        (made_foreign, {"tags": {"protected": ["PII.*"], "on_ambiguous": "overwrite"}}, SENSITIVE, "Sensitive"),
    ],
)
def test_taking_a_protected_tag_away_waits_while_other_changes_are_written(
    lake: SimulatedWorld,
    what: Callable[[SimulatedWorld], None],
    settings: dict[str, Any],
    statement: str,
    after: str | None,
) -> None:
    lake.sync("first", **settings)
    stood = "Contact" if what is made_foreign else "Sensitive"
    what(lake)
    lake.catalog.describe(lake.fqn("sales"), "what is sold")
    lake.catalog.tag(lake.fqn("sales"), "Domain.Sales")
    others = [] if "filter" in settings else ["""COMMENT ON SCHEMA "db"."sales" IS 'what is sold'"""]
    others += [] if "filter" in settings else ["""ALTER SCHEMA "db"."sales" SET TAG "Domain" = 'Sales'"""]
    plan = run(lake, **settings)
    assert lake.engine.log[1:] == others
    assert [each.text for each in plan.waiting] == [statement]
    (change,) = plan.waiting_changes
    assert change.reason.startswith("takes away a protected tag; waits for approval: ")
    assert tag(lake) == stood
    applied = approve(lake, plan.waiting_hash, **settings)
    assert (applied.problems, applied.held_back, applied.statements) == ((), (), 1)
    assert lake.engine.log[-1] == statement
    assert tag(lake) == after
    push = lake.pushes()[-1]
    assert (push.before, push.after, push.approved_by, push.run_id) == (stood, after, "grace", "approved")
    assert {push.approved_by for push in lake.pushes()[:-1]} == {""}
    assert waiting(lake, **settings) == []


def test_what_takes_nothing_protected_away_needs_no_approval(pushed: SimulatedWorld) -> None:
    email = pushed.fqn(*EMAIL)
    pushed.catalog.tag(email, "Domain.Sales")
    assert waiting(pushed) == []
    pushed.catalog.untag(email, "Domain.Sales")
    assert waiting(pushed) == []
    pushed.engine.rebuild(*pushed.path("sales", "customers"))
    assert waiting(pushed) == []
    pushed.engine.tag(pushed.path(*EMAIL), {"PII": None})
    assert waiting(pushed) == []
    # The label stays: its value is only spelled otherwise, or stands beside another one.
    spelled = {"protected": ["PII.*"], "case": "upper", "on_ambiguous": "join", "map": {"PII": {"key": "PII"}}}
    assert waiting(pushed, tags=spelled) == []
    pushed.catalog.tag(email, "PII.Contact")
    assert waiting(pushed, tags=spelled) == []
    assert tag(pushed) == "CONTACT,SENSITIVE"
    # One of the two goes, and with it what may hang on it.
    pushed.catalog.untag(email, "PII.Contact")
    assert waiting(pushed, tags=spelled) == [
        """ALTER COLUMN "db"."sales"."customers"."email" SET TAG "PII" = 'SENSITIVE'"""
    ]


def test_a_plan_that_waits_is_known_by_its_hash_alone(pushed: SimulatedWorld) -> None:
    replaced(pushed)
    first = run(pushed)
    pushed.catalog.untag(pushed.fqn(*EMAIL), "PII.Contact")
    # The plan does not move under its reader, and another one is not applied in its place.
    assert run(pushed).waiting_hash == first.waiting_hash
    with pytest.raises(NotApproved):
        approve(pushed, "0123456789abcdef")
    assert approve(pushed, first.waiting_hash).counts == {"stale": 1}
    assert tag(pushed) == "Sensitive"
    second = run(pushed)
    assert second.waiting_hash != first.waiting_hash
    with pytest.raises(NotApproved):
        approve(pushed, first.waiting_hash)
    approve(pushed, second.waiting_hash)
    assert tag(pushed) is None


def test_a_source_that_moved_while_a_plan_waited_is_left_alone(pushed: SimulatedWorld) -> None:
    taken_off(pushed)
    plan = run(pushed)
    made_foreign(pushed)
    (change,) = approve(pushed, plan.waiting_hash).held_back
    assert (change.verdict.value, change.reason) == ("stale", "the source moved since the plan")
    assert tag(pushed) == "Contact"


@pytest.mark.parametrize(
    ("labels", "later"),
    [
        (["PII.Sensitive"], {}),
        (["PII.Sensitive", "PII.Contact"], {}),
        (["PII.Sensitive"], {"tags": {"protected": ["PII.*"], "exclude": ["PII.*"]}}),
    ],
    ids=["as before", "with another one", "while the rules leave it out"],
)
def test_a_label_that_came_back_while_its_removal_waited_is_not_taken_away(
    pushed: SimulatedWorld, labels: list[str], later: dict[str, Any]
) -> None:
    taken_off(pushed)
    plan = run(pushed)
    for each in labels:
        pushed.catalog.tag(pushed.fqn(*EMAIL), each)
    assert approve(pushed, plan.waiting_hash, **later).counts == {"stale": 1}
    assert tag(pushed) == "Sensitive"


def test_a_label_that_comes_back_ends_the_waiting(pushed: SimulatedWorld) -> None:
    taken_off(pushed)
    run(pushed)
    pushed.catalog.tag(pushed.fqn(*EMAIL), "PII.Sensitive")
    assert waiting(pushed) == []
    with pushed.pipeline() as pipeline:
        assert pipeline.ledger.waiting("memory", "lake", SALES.key, datetime.now(UTC)) is None


def test_an_undo_of_an_approved_removal_brings_the_tag_back(pushed: SimulatedWorld) -> None:
    taken_off(pushed)
    approve(pushed, run(pushed).waiting_hash)
    assert statements(pushed.undo("undo", run_id="approved")) == 1
    assert tag(pushed) == "Sensitive"
    assert run(pushed).counts == {"held": 1}


def test_brakes_hold_a_protected_removal_back_before_anybody_is_asked(pushed: SimulatedWorld) -> None:
    taken_off(pushed)
    with pushed.pipeline(max_removals=0) as pipeline:
        plan = pipeline.resolve(pipeline.fetch(SALES, "full"))
    assert (plan.waiting, plan.counts) == ((), {"braked": 1})
