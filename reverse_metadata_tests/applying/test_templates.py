"""Channels that write with SQL of their own, against a real PostgreSQL."""

from typing import Any

import psycopg
import pytest
from psycopg import sql

from reverse_metadata.applying.apply import Applied
from reverse_metadata.config import Channel
from reverse_metadata.planning.undo import Selection
from reverse_metadata_tests.world import World, statements

HOSTILE = 'it\'s \\ 50 % $$ {x} --\n/* "quoted" */ ; 顧客 ‮'
VENDORS = "COMMENT ON TABLE {schema}.{table} IS {description};"
PREFIXED = "COMMENT ON TABLE {schema}.{table} IS 'Catalog: {description}'"
NOTES = {
    "verify": "none",
    "description": {
        "table": {
            "set": "DELETE FROM notes.notes WHERE name = '{fqn}';"
            "INSERT INTO notes.notes VALUES ('{fqn}', {description})",
            "unset": "DELETE FROM notes.notes WHERE name = '{fqn}'",
        }
    },
}
TAGS = {
    "tags": {
        "table": {
            "set": "INSERT INTO notes.notes VALUES ('{table}', '{tag_key}={tag_value}')",
            "unset": "DELETE FROM notes.notes WHERE name = '{table}' AND note LIKE '{tag_key}=%'",
        }
    }
}


@pytest.fixture
def orders(world: World) -> str:
    return world.table("sales", "orders", description="One row an order")


@pytest.fixture
def notes(world: World) -> None:
    """A place of the author's own, where nothing is read."""
    world.run("CREATE SCHEMA notes")
    world.run("CREATE TABLE notes.notes (name text, note text)")


def counts(world: World, **channel: Any) -> dict[str, int]:
    result = world.sync(**channel)[world.fqn("sales")]
    assert isinstance(result, Applied), result
    assert not result.problems, result.problems
    return {verdict: count for verdict, count in result.counts.items() if count}


def noted(world: World) -> list[tuple[str, str]]:
    with world.connect() as connection:
        return connection.execute("SELECT name, note FROM notes.notes ORDER BY 1, 2").fetchall()


def test_a_plain_template_serves_what_it_speaks_about_and_the_rest_keeps_its_statement(
    world: World, orders: str
) -> None:
    world.estate.describe(orders, "The number", column="id")
    plan = world.plan("sales", sql_template=VENDORS)
    assert [statement.text for statement in plan.statements] == [
        "COMMENT ON TABLE sales.orders IS 'One row an order'",
        "COMMENT ON COLUMN sales.orders.id IS 'The number'",
    ]
    assert counts(world, sql_template=VENDORS) == {"apply": 2}
    assert counts(world, sql_template=VENDORS) == {"in_sync": 2}
    world.estate.describe(orders, None)
    assert counts(world, sql_template=VENDORS) == {"clear": 1, "in_sync": 1}
    assert world.comment("sales", "orders") is None


def test_a_hostile_text_arrives_as_it_is(world: World, orders: str) -> None:
    world.estate.describe(orders, HOSTILE)
    assert counts(world, sql_template=VENDORS) == {"apply": 1}
    assert world.comment("sales", "orders") == HOSTILE
    assert counts(world, sql_template=VENDORS) == {"in_sync": 1}


def test_a_text_that_the_dialect_cannot_hold_is_invalid(world: World, orders: str) -> None:
    world.estate.describe(orders, "a\0b")
    assert counts(world, sql_template=VENDORS) == {"invalid": 1}


def test_another_template_writes_once_more_only_where_the_result_differs(world: World, orders: str) -> None:
    assert counts(world) == {"apply": 1}
    assert counts(world, sql_template=VENDORS) == {"in_sync": 1}
    assert counts(world, sql_template=PREFIXED) == {"apply": 1}
    assert world.comment("sales", "orders") == "Catalog: One row an order"
    assert counts(world, sql_template=PREFIXED) == {"in_sync": 1}
    assert counts(world) == {"apply": 1}
    assert world.comment("sales", "orders") == "One row an order"


def test_what_a_template_altered_is_compared_with_what_was_read_back(world: World, orders: str) -> None:
    channel: dict[str, Any] = {"sql_template": PREFIXED}
    assert counts(world, **channel) == {"apply": 1}
    world.comment_by_hand("sales", "orders", "by hand")
    assert counts(world, on_conflict="keep", **channel) == {"conflict": 1}
    assert counts(world, **channel) == {"apply": 1}
    world.rebuild("sales", "orders")
    assert counts(world, **channel) == {"apply": 1}
    world.estate.describe(orders, "Edited")
    assert counts(world, **channel) == {"apply": 1}
    assert world.comment("sales", "orders") == "Catalog: Edited"
    world.estate.describe(orders, None)
    assert counts(world, **channel) == {"clear": 1}


def test_an_undo_puts_back_what_stood_there_without_the_template(world: World, orders: str) -> None:
    world.comment_by_hand("sales", "orders", "from before")
    channel: dict[str, Any] = {"sql_template": PREFIXED, "on_first_contact": "overwrite"}
    assert statements(world.sync("first", **channel)) == 1
    with world.pipeline("undo-1", **channel) as pipeline:
        for _, make_plan in pipeline.undo(Selection(run_id="first")):
            assert pipeline.apply(make_plan()).problems == ()
    assert world.comment("sales", "orders") == "from before"
    assert counts(world, **channel) == {"held": 1}


@pytest.mark.usefixtures("notes")
def test_what_is_not_read_back_is_written_once_and_after_an_edit_or_a_rebuild(world: World, orders: str) -> None:
    channel = {"sql_template": NOTES, "filter": {"schema": "sales"}}
    assert counts(world, **channel) == {"apply": 1}
    assert noted(world) == [(orders, "One row an order")]
    assert counts(world, **channel) == {"in_sync": 1}
    world.comment_by_hand("sales", "orders", "nobody looks at this")
    assert counts(world, **channel) == {"in_sync": 1}
    world.estate.describe(orders, HOSTILE)
    assert counts(world, **channel) == {"apply": 1}
    assert noted(world) == [(orders, HOSTILE)]
    world.rebuild("sales", "orders")
    world.run("DELETE FROM notes.notes")
    assert counts(world, **channel) == {"apply": 1}
    assert noted(world) == [(orders, HOSTILE)]
    world.estate.describe(orders, None)
    assert counts(world, **channel) == {"clear": 1}
    assert noted(world) == []
    assert counts(world, **channel) == {}


@pytest.mark.usefixtures("notes")
def test_a_template_runs_as_a_unit(world: World, orders: str) -> None:
    broken = (
        "INSERT INTO notes.notes VALUES ('{fqn}', {description}); COMMENT ON TABLE {schema}.\"missing_{table}\" IS 'x'"
    )
    result = world.sync(sql_template={"description": {"table": broken}})[world.fqn("sales")]
    assert isinstance(result, Applied)
    assert len(result.problems) == 1
    assert noted(world) == []


@pytest.mark.usefixtures("notes")
def test_a_system_without_tags_is_served_by_a_template(world: World, orders: str) -> None:
    channel = {"sql_template": TAGS, "filter": {"schema": "sales"}, "update_tags": True, "update_descriptions": False}
    world.estate.tag(orders, ["PII.Sensitive", "Layer.Gold"])
    assert counts(world, **channel) == {"apply": 2}
    assert noted(world) == [("orders", "Layer=Gold"), ("orders", "PII=Sensitive")]
    assert counts(world, **channel) == {"in_sync": 2}
    world.estate.tag(orders, ["Layer.Gold"])
    assert counts(world, **channel) == {"clear": 1, "in_sync": 1}
    assert noted(world) == [("orders", "Layer=Gold")]


@pytest.mark.usefixtures("notes")
def test_a_removal_that_no_template_serves_is_reported(world: World, orders: str) -> None:
    only_set = {"tags": {"table": TAGS["tags"]["table"]["set"]}}
    channel = {"sql_template": only_set, "filter": {"schema": "sales"}, "update_tags": True}
    world.estate.tag(orders, ["PII.Sensitive"])
    assert counts(world, **channel) == {"apply": 2}
    world.estate.tag(orders, [])
    (change,) = world.plan("sales", **channel).others
    assert (change.verdict.value, change.reason) == (
        "unsupported",
        "sql_template has nothing that takes the tags PII off a table",
    )


def test_names_are_quoted_where_they_must_be(world: World) -> None:
    world.table("Odd Schema", "or der", description="text")
    (statement,) = world.plan("Odd Schema", sql_template=VENDORS).statements
    assert statement.text == 'COMMENT ON TABLE "Odd Schema"."or der" IS \'text\''


def test_two_templates_for_one_aspect_contradict_each_other(world: World, orders: str) -> None:
    other = Channel(name="other", sql_template=PREFIXED)
    with world.pipeline(others=(other,)) as pipeline:
        (partition,) = (each for each in pipeline.discover() if each.schema)
        with pytest.raises(Exception, match=r"channels shop and other would write the description of .* differently"):
            pipeline.resolve(pipeline.fetch(partition, "full"))


def test_a_template_that_does_not_fit_the_system_fails_its_partitions_alone(world: World, orders: str) -> None:
    message = world.sync(sql_template="COMMENT ON TABLE {schema}.{tabel} IS {description}")[world.fqn("sales")]
    assert "there is no variable tabel; did you mean table?" in str(message)
    assert world.comment("sales", "orders") is None


def test_the_statement_of_a_push_is_the_authors(world: World, orders: str) -> None:
    counts(world, sql_template=PREFIXED)
    (push,) = world.pushes()
    assert push.statement == "COMMENT ON TABLE sales.orders IS 'Catalog: One row an order'"
    assert (push.before, push.after) == (None, "One row an order")


def test_a_table_of_the_authors_is_dropped_by_nobody(world: World, orders: str) -> None:
    world.run("CREATE TABLE sales.canary (x int)")
    world.estate.describe(orders, "x'; DROP TABLE sales.canary; --")
    for template in (VENDORS, PREFIXED, 'COMMENT ON TABLE "{schema}"."{table}" IS \'{description}\''):
        statements(world.sync(sql_template=template))
    with psycopg.connect(host=world.host, user="postgres", dbname=world.database) as connection:
        assert connection.execute(sql.SQL("SELECT count(*) FROM sales.canary")).fetchone() == (0,)


def test_dropping_a_template_that_was_not_read_back_is_a_first_contact(world: World, orders: str) -> None:
    world.run("CREATE SCHEMA notes")
    world.run("CREATE TABLE notes.notes (name text, note text)")
    channel: dict[str, Any] = {"filter": {"schema": "sales"}}
    assert counts(world, sql_template=NOTES, **channel) == {"apply": 1}
    (statement,) = world.plan("sales", on_conflict="keep", **channel).statements
    assert (statement.changes[0].reason, statement.changes[0].replaces) == ("new", False)
    with world.pipeline("undo-1", **channel) as pipeline:
        (plan,) = (make_plan() for _, make_plan in pipeline.undo(Selection(run_id="run")))
    assert plan.counts == {"unsupported": 1}


def test_a_session_that_reads_backslashes_otherwise_changes_nothing(world: World, orders: str) -> None:
    world.run("CREATE TABLE sales.canary (x int)")
    world.run("ALTER DATABASE " + world.database + " SET standard_conforming_strings = off")
    world.estate.describe(orders, "'; DROP TABLE sales.canary; --")
    template = "COMMENT ON TABLE {schema}.{table} IS 'dir\\{description}'"
    assert counts(world, sql_template=template) == {"apply": 1}
    assert world.comment("sales", "orders") == "dir\\'; DROP TABLE sales.canary; --"
    assert world.comment("sales", "canary") is None


@pytest.mark.parametrize("start", ["SET ROLE ada", "RESET ALL", "PREPARE TRANSACTION 'a'"])
def test_a_template_reaches_beyond_no_statement_of_its_own(world: World, orders: str, start: str) -> None:
    message = world.sync(sql_template=f"{start}; {VENDORS}")[world.fqn("sales")]
    assert "line 1, column 1" in str(message)
    assert world.pushes() == []


@pytest.mark.usefixtures("notes")
def test_labels_that_disagree_are_ambiguous_under_a_template_too(world: World, orders: str) -> None:
    channel: dict[str, Any] = {"sql_template": TAGS, "filter": {"schema": "sales"}, "update_tags": True}
    world.estate.tag(orders, ["PII.Sensitive", "PII.None"])
    assert counts(world, **channel) == {"apply": 1, "ambiguous": 1}
    assert noted(world) == []
