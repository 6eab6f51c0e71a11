"""Channels that write with SQL of their own, against a real PostgreSQL."""

from typing import Any

import psycopg
import pytest
from psycopg import sql

from reverse_metadata.applying.apply import Applied
from reverse_metadata.applying.approval import Approvals
from reverse_metadata.config import Channel
from reverse_metadata.errors import ContradictoryChannels
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


@pytest.mark.parametrize("template", [VENDORS, PREFIXED])
def test_what_comes_back_through_the_catalog_is_not_written_again(world: World, orders: str, template: str) -> None:
    channel: dict[str, Any] = {"sql_template": template, "description_format": "text"}
    world.estate.describe(orders, "costs \\* and \\_ and `<!-- x -->`")
    assert counts(world, **channel) == {"apply": 1}
    stored = world.comment("sales", "orders")
    for _ in range(3):
        world.estate.describe(orders, world.comment("sales", "orders"), user="ingestion-bot")
        assert counts(world, **channel) == {"in_sync": 1}
    assert world.comment("sales", "orders") == stored


def test_two_channels_with_other_templates_for_tags_contradict_each_other(world: World, orders: str) -> None:
    world.estate.tag(orders, ["PII.Sensitive"])
    other = Channel(name="other", update_tags=True, sql_template={"tags": {"table": "SELECT '{table}', '{tag_key}'"}})
    with world.pipeline(others=(other,), update_tags=True, sql_template=TAGS) as pipeline:
        (partition,) = (each for each in pipeline.discover() if each.schema)
        with pytest.raises(
            ContradictoryChannels, match=r"would write the tags PII of .* differently: their sql_template"
        ):
            pipeline.resolve(pipeline.fetch(partition, "full"))


def came_back(world: World, orders: str) -> None:
    """The catalog's ingestion reads the comment, and writes it over what the catalog holds."""
    world.estate.describe(orders, world.comment("sales", "orders"), user="ingestion-bot")


def test_an_edit_after_what_came_back_is_pushed(world: World, orders: str) -> None:
    assert counts(world, sql_template=PREFIXED) == {"apply": 1}
    came_back(world, orders)
    assert counts(world, sql_template=PREFIXED) == {"in_sync": 1}
    world.estate.describe(orders, "Edited")
    assert counts(world, sql_template=PREFIXED) == {"apply": 1}
    assert world.comment("sales", "orders") == "Catalog: Edited"
    came_back(world, orders)
    world.estate.describe(orders, "Edited")
    assert counts(world, sql_template=PREFIXED) == {"in_sync": 1}


def test_a_rebuilt_table_gets_what_came_back_as_it_was(world: World, orders: str) -> None:
    channel: dict[str, Any] = {"sql_template": PREFIXED, "description_format": "text"}
    world.estate.describe(orders, "One **row**")
    assert counts(world, **channel) == {"apply": 1}
    for _ in range(2):
        came_back(world, orders)
        world.rebuild("sales", "orders")
        assert counts(world, **channel) == {"apply": 1}
        assert world.comment("sales", "orders") == "Catalog: One row"


def test_what_came_back_and_was_written_over_by_hand_is_written_as_it_was(world: World, orders: str) -> None:
    channel: dict[str, Any] = {"sql_template": PREFIXED, "approval": "required"}
    assert counts(world, sql_template=PREFIXED) == {"apply": 1}
    came_back(world, orders)
    world.comment_by_hand("sales", "orders", "by hand")
    with world.pipeline(**channel) as pipeline:
        (partition,) = (each for each in pipeline.discover() if each.schema)
        plan = Approvals(pipeline).keep(pipeline.resolve(pipeline.fetch(partition, "full")))
        approved = Approvals(pipeline).approved(partition, frozenset({plan.waiting_hash}), "ada")
        assert pipeline.apply(approved).problems == ()
    assert world.comment("sales", "orders") == "Catalog: One row an order"


def test_an_undo_after_what_came_back_is_held(world: World, orders: str) -> None:
    assert statements(world.sync("first", sql_template=PREFIXED)) == 1
    came_back(world, orders)
    assert counts(world, sql_template=PREFIXED) == {"in_sync": 1}
    with world.pipeline("undo-1", sql_template=PREFIXED) as pipeline:
        for _, make_plan in pipeline.undo(Selection(run_id="first")):
            assert pipeline.apply(make_plan()).problems == ()
    assert world.comment("sales", "orders") is None
    assert counts(world, sql_template=PREFIXED) == {"held": 1}


def test_another_template_is_written_once_after_what_came_back(world: World, orders: str) -> None:
    assert counts(world, sql_template=PREFIXED) == {"apply": 1}
    came_back(world, orders)
    other = PREFIXED.replace("Catalog", "From the catalog")
    assert counts(world, sql_template=other) == {"apply": 1}
    assert counts(world, sql_template=other) == {"in_sync": 1}


@pytest.mark.parametrize(("before", "after"), [(VENDORS, None), (None, VENDORS)])
def test_what_came_back_is_not_formatted_again_for_another_template(
    world: World, orders: str, before: str | None, after: str | None
) -> None:
    world.estate.describe(orders, "costs \\* and `<!-- x -->`")
    assert counts(world, sql_template=before, description_format="text") == {"apply": 1}
    came_back(world, orders)
    assert counts(world, sql_template=after, description_format="text") == {"in_sync": 1}
    assert world.comment("sales", "orders") == "costs * and <!-- x -->"


@pytest.mark.parametrize(
    "templates",
    [
        None,
        {"description": VENDORS},
        {"tags": {"column": "SELECT '{table}', '{column}'"}},
        {"tags": {"table": "SELECT '{tabel}'"}},
    ],
)
@pytest.mark.usefixtures("notes")
def test_a_channel_that_has_no_place_for_tags_contradicts_nobody(world: World, orders: str, templates: Any) -> None:
    world.estate.tag(orders, ["PII.Sensitive"])
    settings: dict[str, Any] = {"update_tags": True, "update_descriptions": False}
    other = Channel(name="other", sql_template=templates, **settings)
    with world.pipeline(others=(other,), sql_template=TAGS, **settings) as pipeline:
        (partition,) = (each for each in pipeline.discover() if each.schema)
        assert pipeline.resolve(pipeline.fetch(partition, "full")).counts == {"apply": 1}


def test_channels_agree_where_their_templates_do_not_differ(world: World, orders: str) -> None:
    world.estate.describe(orders, "The number", column="id")
    other = Channel(name="other", sql_template=VENDORS)
    with world.pipeline(others=(other,), sql_template={"description": {"table": VENDORS}, **TAGS}) as pipeline:
        (partition,) = (each for each in pipeline.discover() if each.schema)
        assert pipeline.resolve(pipeline.fetch(partition, "full")).counts == {"apply": 2}


def test_two_channels_that_take_a_tag_off_otherwise_contradict_each_other(world: World, orders: str) -> None:
    world.estate.tag(orders, ["PII.Sensitive"])
    settings: dict[str, Any] = {"update_tags": True, "update_descriptions": False}
    other = Channel(name="other", sql_template={"tags": {"table": {"set": TAGS["tags"]["table"]["set"]}}}, **settings)
    with world.pipeline(others=(other,), sql_template=TAGS, **settings) as pipeline:
        (partition,) = (each for each in pipeline.discover() if each.schema)
        with pytest.raises(ContradictoryChannels, match=r"would write the tags PII of .* their sql_template differs"):
            pipeline.resolve(pipeline.fetch(partition, "full"))
