"""Descriptions that are pushed as plain text, against a real PostgreSQL and a catalog with history."""

from typing import Any

import pytest

from reverse_metadata.applying.apply import Applied
from reverse_metadata.connectors.base import Capabilities
from reverse_metadata.connectors.postgres import PostgresConnector
from reverse_metadata.ledger import Ledger
from reverse_metadata.model import Aspect, EntityType, Last, LastKey
from reverse_metadata.planning import markdown
from reverse_metadata.planning.plan import Plan
from reverse_metadata_tests.world import SERVICE, World

MARKDOWN = "One row per **order**, see [docs](https://x.y)"
PLAIN = "One row per order, see docs (https://x.y)"


def counts(world: World, schema: str = "sales", **channel: Any) -> dict[str, int]:
    channel.setdefault("description_format", "text")
    result = world.sync(**channel)[world.fqn(schema)]
    assert isinstance(result, Applied), result
    return {verdict: count for verdict, count in result.counts.items() if count}


def last(world: World, name: str, aspect: Aspect = Aspect.DESCRIPTION) -> Last:
    with Ledger.open(world.ledger_url) as ledger, world.pipeline() as pipeline:
        (push, *_) = world.pushes()
        catalog = pipeline.catalog.name
        return ledger.last(catalog, push.service, world.fqn("sales"), None)[LastKey(world.fqn("sales", name), aspect)]


def test_text_arrives_and_a_second_run_sends_nothing(world: World) -> None:
    fqn = world.table("sales", "orders", ("id",), description=MARKDOWN)
    world.estate.describe(fqn, "The `id`<br>of <a data-type='mention' href='x'>@ada</a>", column="id")
    assert counts(world) == {"apply": 2}
    assert world.comment("sales", "orders") == PLAIN
    assert world.comment("sales", "orders", "id") == "The id\nof @ada"
    assert counts(world) == {"in_sync": 2}


def test_the_ledger_keeps_the_catalogs_text_and_the_rules_that_were_used(world: World) -> None:
    world.table("sales", "orders", description=MARKDOWN)
    counts(world)
    known = last(world, "orders")
    assert (known.wanted, known.stored, known.template) == (MARKDOWN, PLAIN, markdown.VERSION)


def test_an_edit_that_reads_the_same_sends_nothing(world: World) -> None:
    fqn = world.table("sales", "orders", description=MARKDOWN)
    counts(world)
    world.estate.describe(fqn, MARKDOWN.replace("**", "__"))
    assert counts(world) == {"in_sync": 1}
    world.estate.describe(fqn, "Another **text**")
    assert counts(world) == {"apply": 1}
    assert world.comment("sales", "orders") == "Another text"


def test_a_text_that_stands_in_the_source_already_is_adopted(world: World) -> None:
    fqn = world.table("sales", "orders", description=MARKDOWN)
    world.comment_by_hand("sales", "orders", PLAIN)
    assert counts(world) == {"in_sync": 1}
    world.estate.forward(3600)
    world.estate.describe(fqn, None)
    assert counts(world) == {"clear": 1}
    assert world.comment("sales", "orders") is None


def test_first_contact_replaces_what_the_catalog_once_held_as_text(world: World) -> None:
    fqn = world.table("sales", "orders", description=MARKDOWN)
    world.comment_by_hand("sales", "orders", PLAIN)
    world.estate.forward(3600)
    world.estate.describe(fqn, "*curated*")
    assert counts(world, description_format="raw") == {"conflict": 1}
    assert counts(world) == {"apply": 1}
    assert world.comment("sales", "orders") == "curated"


@pytest.mark.parametrize("nothing", ["<p></p>", "<!-- later -->", "![](orders.png)", "---"])
def test_markup_without_text_clears(world: World, nothing: str) -> None:
    fqn = world.table("sales", "orders", description=MARKDOWN)
    counts(world)
    world.estate.describe(fqn, nothing)
    assert counts(world) == {"clear": 1}
    assert world.comment("sales", "orders") is None
    assert counts(world) == {}


def test_markup_without_text_of_a_missing_table_is_not_missed(world: World) -> None:
    world.table("sales", "orders", description="<!-- later -->")
    world.run("DROP TABLE sales.orders")
    assert counts(world) == {}
    assert counts(world, description_format="raw") == {"missing": 1}


def test_another_format_is_written_once_both_ways(world: World) -> None:
    world.table("sales", "orders", description=MARKDOWN)
    assert counts(world, description_format="raw") == {"apply": 1}
    (change,) = world.plan("sales", description_format="text").changes
    assert change.reason == "the channel writes it differently now"
    assert not change.replaces
    assert counts(world, on_conflict="keep") == {"apply": 1}
    assert world.comment("sales", "orders") == PLAIN
    assert counts(world) == {"in_sync": 1}
    assert counts(world, description_format="raw") == {"apply": 1}
    assert world.comment("sales", "orders") == MARKDOWN
    assert counts(world, description_format="raw") == {"in_sync": 1}


def test_another_format_costs_no_statement_where_the_text_is_the_same(world: World) -> None:
    world.table("sales", "orders", description="One row per order")
    counts(world, description_format="raw")
    assert counts(world) == {"in_sync": 1}
    assert last(world, "orders").template == markdown.VERSION
    assert len(world.pushes()) == 1


def test_other_rules_write_again_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.table("sales", "orders", description=MARKDOWN)
    world.table("sales", "customers", description="Customers")
    counts(world)
    monkeypatch.setattr(markdown, "VERSION", "text/next")
    monkeypatch.setattr(markdown, "to_text", lambda text: text.replace("**", ""))
    assert counts(world) == {"apply": 1, "in_sync": 1}
    assert world.comment("sales", "orders") == "One row per order, see [docs](https://x.y)"
    assert counts(world) == {"in_sync": 2}
    assert {last(world, name).template for name in ("orders", "customers")} == {"text/next"}


def test_a_converter_that_changed_unnoticed_pushes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.table("sales", "orders", description=MARKDOWN)
    counts(world)
    monkeypatch.setattr(markdown, "to_text", lambda text: text.upper())
    assert counts(world) == {"in_sync": 1}


def test_owners_know_nothing_of_the_format(world: World) -> None:
    role = f"ada_{world.database}"
    world.run(f"CREATE ROLE {role}")
    try:
        world.estate.user(role)
        world.estate.own(world.table("sales", "orders", description=MARKDOWN), [role])
        assert counts(world, update_owners=True) == {"apply": 2}
        assert last(world, "orders").template == markdown.VERSION
        assert last(world, "orders", Aspect.OWNER).template == ""
        assert counts(world, update_owners=True) == {"in_sync": 2}
        assert len(world.pushes()) == 2
    finally:
        world.run(f"DROP OWNED BY {role}")
        world.run(f"DROP ROLE {role}")


def test_a_crash_forgets_neither_the_text_nor_the_rules(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.table("sales", "orders", description=MARKDOWN)

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "finish", crash)
        with pytest.raises(KeyboardInterrupt):
            world.sync(description_format="text")
    assert world.comment("sales", "orders") == PLAIN
    assert counts(world) == {"in_sync": 1}
    known = last(world, "orders")
    assert (known.wanted, known.template) == (MARKDOWN, markdown.VERSION)


def test_an_edit_in_the_source_is_seen(world: World) -> None:
    world.table("sales", "orders", description=MARKDOWN)
    counts(world)
    world.comment_by_hand("sales", "orders", MARKDOWN)
    assert counts(world, on_conflict="keep") == {"conflict": 1}
    assert counts(world) == {"apply": 1}
    assert world.comment("sales", "orders") == PLAIN


def test_what_the_catalog_reads_back_is_not_written_again(world: World) -> None:
    fqn = world.table("sales", "orders", description="- [docs](https://x.y)\n- **b**\n\n> quoted\n\n| a | b |\n|-|-|\n")
    counts(world)
    for _ in range(3):
        world.estate.describe(fqn, world.comment("sales", "orders"))
        assert counts(world) == {"in_sync": 1}
    assert len(world.pushes()) == 1


class ShortConnector(PostgresConnector):
    """PostgreSQL, if its comments were short."""

    capabilities = Capabilities(
        levels=PostgresConnector.capabilities.levels,
        transactional=True,
        limits={(Aspect.DESCRIPTION, EntityType.TABLE): 12},
    )


def test_limits_are_for_the_text(world: World) -> None:
    world.connector_type = ShortConnector
    fqn = world.table("sales", "orders", description="**<b>One row</b>**")
    assert counts(world) == {"apply": 1}
    assert world.comment("sales", "orders") == "One row"
    world.estate.describe(fqn, "**One row** per order")
    assert counts(world) == {"too_long": 1}
    assert counts(world, on_too_long="truncate") == {"apply": 1}
    assert world.comment("sales", "orders") == "One row per…"
    assert counts(world, on_too_long="truncate") == {"in_sync": 1}


def test_the_plan_shows_the_text_that_will_stand_there(world: World) -> None:
    world.table("sales", "orders", description=MARKDOWN)
    plan: Plan = world.plan("sales", description_format="text")
    (change,) = plan.changes
    assert (change.value, change.wanted, change.template) == (PLAIN, MARKDOWN, markdown.VERSION)
    assert PLAIN in plan.statements[0].text
    assert change.entity.startswith(SERVICE)


def test_the_catalogs_own_markdown_at_first_contact_is_not_foreign(world: World) -> None:
    world.table("sales", "orders", description=MARKDOWN)
    world.comment_by_hand("sales", "orders", MARKDOWN)
    assert counts(world, description_format="text") == {"apply": 1}
    assert world.comment("sales", "orders") == PLAIN
