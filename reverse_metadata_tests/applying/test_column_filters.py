"""Channels whose filter speaks of columns, over whole runs."""

from typing import Any

from reverse_metadata.config import Channel
from reverse_metadata.model import Verdict
from reverse_metadata_tests.simulated.world import SimulatedWorld

EMAILS = {"filter": {"column": "email"}}


def world(**channel: Any) -> SimulatedWorld:
    """One table, described as its columns are."""
    made = SimulatedWorld(update_tags=True, **channel)
    made.schema("sales", orders=("id", "email"))
    for names in (("orders",), ("orders", "id"), ("orders", "email")):
        made.catalog.describe(made.fqn("sales", *names), f"about {names[-1]}")
    return made


def described(made: SimulatedWorld) -> dict[str, str | None]:
    """What the source holds of the table and its columns."""
    names = {"orders": ("orders",), "id": ("orders", "id"), "email": ("orders", "email")}
    return {name: made.found("sales", *path).description for name, path in names.items()}


def test_only_the_chosen_columns_are_written_without_their_table() -> None:
    made = world(**EMAILS)
    made.sync()
    assert described(made) == {"orders": None, "id": None, "email": "about email"}
    assert [push.entity for push in made.pushes()] == [made.fqn("sales", "orders", "email")]


def test_columns_may_be_left_out_of_their_table() -> None:
    made = world(filter={"not": {"column": "email"}})
    made.sync()
    assert described(made) == {"orders": "about orders", "id": "about id", "email": None}


def test_a_run_for_one_table_looks_at_its_chosen_columns_alone() -> None:
    made = world(**EMAILS)
    with made.pipeline() as pipeline:
        (partition,) = [each for each in pipeline.discover() if each.schema == "sales"]
        fetched = pipeline.fetch(partition, "full")
    assert [entity.fqn for entity in fetched.entities] == [made.fqn("sales", "orders")]


def test_a_table_without_a_chosen_column_is_out_of_scope() -> None:
    made = world(filter={"column": "phone"})
    with made.pipeline() as pipeline:
        (partition,) = [each for each in pipeline.discover() if each.schema == "sales"]
        assert pipeline.fetch(partition, "full").entities == ()


def test_a_column_that_left_the_filter_is_looked_at_for_removals() -> None:
    made = world(filter={"column": "*", "tags": "PII.*"})
    email = made.fqn("sales", "orders", "email")
    made.catalog.tag(email, "PII.Sensitive")
    made.sync("first")
    assert made.found("sales", "orders", "email").tags == {"PII": "Sensitive"}
    made.catalog.untag(email, "PII.Sensitive")
    made.catalog.describe(email, "changed meanwhile")
    made.sync("second")
    assert made.found("sales", "orders", "email").tags == {}
    assert described(made)["email"] == "about email"


def test_a_table_that_is_not_in_the_source_is_missing_only_for_what_is_chosen() -> None:
    made = world(**EMAILS)
    made.engine.drop(*made.path("sales", "orders"))
    assert [change.verdict for change in made.plan("sales").changes] == [Verdict.MISSING]
    made.catalog.describe(made.fqn("sales", "orders", "email"), None)
    assert list(made.plan("sales").changes) == []


def test_another_channel_has_a_say_only_in_the_columns_that_it_chooses() -> None:
    made = world()
    text = Channel(name="text", filter={"column": "email"}, description_format="text", priority=1)
    made.catalog.describe(made.fqn("sales", "orders", "id"), "the **id**")
    made.catalog.describe(made.fqn("sales", "orders", "email"), "the **e-mail**")
    with made.pipeline(others=(text,)) as pipeline:
        (partition,) = [each for each in pipeline.discover() if each.schema == "sales"]
        plan = pipeline.resolve(pipeline.fetch(partition, "full"))
    written = {change.entity for statement in plan.statements for change in statement.changes}
    assert written == {made.fqn("sales", "orders"), made.fqn("sales", "orders", "id")}
    assert plan.left_to == {"text": 1}


def test_services_of_another_type_are_not_read() -> None:
    made = world(filter={"service_type": "Postgres"})
    with made.pipeline() as pipeline:
        assert pipeline.services_in_scope() == []
    with made.pipeline(filter={"service_type": "labelbase"}) as pipeline:
        assert pipeline.services_in_scope() == ["lake"]
