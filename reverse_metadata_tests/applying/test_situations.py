"""Concrete situations of the merge table, played against a real PostgreSQL and a catalog with history."""

from collections.abc import Iterator
from typing import Any

import pytest

from reverse_metadata.applying.apply import Applied
from reverse_metadata.connectors.base import Capabilities, Permit
from reverse_metadata.connectors.postgres import PostgresConnector
from reverse_metadata.errors import IncompleteListing
from reverse_metadata.model import Aspect, EntityType, Outcome, Partition, Statement
from reverse_metadata_tests.world import SERVICE, World, statements


def counts(world: World, schema: str, **channel: Any) -> dict[str, int]:
    result = world.sync(**channel)[world.fqn(schema)]
    assert isinstance(result, Applied), result
    return {verdict: count for verdict, count in result.counts.items() if count}


def test_new_text_arrives_and_a_second_run_sends_nothing(world: World) -> None:
    world.table("sales", "orders", ("id", "email"), description="One row an order")
    world.estate.describe(world.fqn("sales", "orders"), "Where to write", column="email")
    assert statements(world.sync()) == 2
    assert world.comment("sales", "orders") == "One row an order"
    assert world.comment("sales", "orders", "email") == "Where to write"
    assert statements(world.sync()) == 0


def test_adopted_then_changed_in_the_source(world: World) -> None:
    world.table("sales", "orders", description="Orders")
    world.comment_by_hand("sales", "orders", "Orders")
    assert statements(world.sync()) == 0
    world.comment_by_hand("sales", "orders", "by hand")
    assert counts(world, "sales", on_conflict="keep") == {"conflict": 1}
    assert world.comment("sales", "orders") == "by hand"
    assert counts(world, "sales") == {"apply": 1}
    assert world.comment("sales", "orders") == "Orders"


def test_both_sides_changed_to_the_same(world: World) -> None:
    fqn = world.table("sales", "orders", description="Orders")
    world.sync()
    world.estate.describe(fqn, "Sales orders")
    world.comment_by_hand("sales", "orders", "Sales orders")
    assert counts(world, "sales") == {"in_sync": 1}


def test_both_sides_changed_differently(world: World) -> None:
    fqn = world.table("sales", "orders", description="Orders")
    world.sync()
    world.estate.describe(fqn, "Sales orders")
    world.comment_by_hand("sales", "orders", "by hand")
    assert counts(world, "sales", on_conflict="keep") == {"conflict": 1}
    assert world.comment("sales", "orders") == "by hand"


def test_emptied_in_the_catalog_is_cleared(world: World) -> None:
    fqn = world.table("sales", "orders", description="Orders")
    world.sync()
    world.estate.describe(fqn, None)
    assert counts(world, "sales") == {"clear": 1}
    assert world.comment("sales", "orders") is None
    assert counts(world, "sales") == {}


@pytest.mark.parametrize("empty", ["", " \n", "<p></p>", "<p><br></p>"])
def test_empty_markup_clears_too(world: World, empty: str) -> None:
    fqn = world.table("sales", "orders", description="Orders")
    world.sync()
    world.estate.describe(fqn, empty)
    assert counts(world, "sales") == {"clear": 1}


def test_cleared_by_us_and_added_again_by_hand_stays(world: World) -> None:
    fqn = world.table("sales", "orders", description="Orders")
    world.sync()
    world.estate.describe(fqn, None)
    world.sync()
    world.comment_by_hand("sales", "orders", "by hand")
    assert counts(world, "sales") == {}
    assert world.comment("sales", "orders") == "by hand"


def test_cleared_by_us_then_described_again(world: World) -> None:
    fqn = world.table("sales", "orders", description="Orders")
    world.sync()
    world.estate.describe(fqn, None)
    world.sync()
    world.estate.describe(fqn, "Orders again")
    assert counts(world, "sales") == {"apply": 1}
    assert world.comment("sales", "orders") == "Orders again"


def test_emptied_by_hand_is_a_conflict(world: World) -> None:
    world.table("sales", "orders", description="Orders")
    world.sync()
    world.comment_by_hand("sales", "orders", None)
    assert counts(world, "sales", on_conflict="keep") == {"conflict": 1}
    assert counts(world, "sales") == {"apply": 1}


def test_a_rebuilt_table_gets_its_comments_back_even_under_keep(world: World) -> None:
    fqn = world.table("sales", "orders", ("id", "email"), description="Orders")
    world.estate.describe(fqn, "Where to write", column="email")
    world.sync()
    world.rebuild("sales", "orders", ("id", "email"))
    assert counts(world, "sales", on_conflict="keep") == {"apply": 2}
    assert world.comment("sales", "orders", "email") == "Where to write"


def test_rebuilt_while_the_catalog_emptied_it(world: World) -> None:
    fqn = world.table("sales", "orders", description="Orders")
    world.sync()
    world.rebuild("sales", "orders")
    world.estate.describe(fqn, None)
    assert counts(world, "sales") == {}
    assert world.comment("sales", "orders") is None


def test_rebuilt_with_a_text_of_its_own_under_keep(world: World) -> None:
    world.table("sales", "orders", description="Orders")
    world.sync()
    world.rebuild("sales", "orders")
    world.comment_by_hand("sales", "orders", "from dbt")
    assert counts(world, "sales", on_conflict="keep") == {"conflict": 1}
    assert world.comment("sales", "orders") == "from dbt"


def test_foreign_text_at_first_contact_is_kept_and_reported(world: World) -> None:
    world.table("sales", "orders", description="Orders")
    world.comment_by_hand("sales", "orders", "a text of our own")
    assert counts(world, "sales") == {"conflict": 1}
    assert world.comment("sales", "orders") == "a text of our own"
    assert counts(world, "sales", on_first_contact="overwrite") == {"apply": 1}
    assert world.comment("sales", "orders") == "Orders"


def test_first_contact_replaces_what_the_catalog_once_held(world: World) -> None:
    fqn = world.table("sales", "orders", description="read from the source")
    world.comment_by_hand("sales", "orders", "read from the source")
    world.estate.forward(3600)
    world.estate.describe(fqn, "curated")
    assert counts(world, "sales") == {"apply": 1}
    assert world.comment("sales", "orders") == "curated"


def test_first_contact_on_a_column_asks_the_history_of_its_table(world: World) -> None:
    fqn = world.table("sales", "orders", ("id",))
    world.estate.describe(fqn, "read from the source", column="id")
    world.estate.forward(3600)
    world.estate.describe(fqn, "curated", column="id")
    world.run("COMMENT ON COLUMN sales.orders.id IS 'read from the source'")
    assert counts(world, "sales") == {"apply": 1}
    assert world.comment("sales", "orders", "id") == "curated"


def test_adopted_then_emptied_in_the_catalog_is_cleared_by_its_history(world: World) -> None:
    fqn = world.table("sales", "orders", description="Orders")
    world.comment_by_hand("sales", "orders", "Orders")
    world.sync()
    world.estate.forward(3600)
    world.estate.describe(fqn, None)
    assert counts(world, "sales") == {"clear": 1}
    assert world.comment("sales", "orders") is None


def test_soft_deleted_is_left_and_restored_is_in_sync(world: World) -> None:
    fqn = world.table("sales", "orders", description="Orders")
    world.table("sales", "customers", description="Customers")
    world.sync()
    world.estate.delete(fqn)
    assert counts(world, "sales") == {"gone": 1, "in_sync": 1}
    assert world.comment("sales", "orders") == "Orders"
    world.estate.restore(fqn)
    assert counts(world, "sales") == {"in_sync": 2}


def test_deleted_is_cleared_when_the_channel_says_so(world: World) -> None:
    fqn = world.table("sales", "orders", description="Orders")
    world.table("sales", "customers", description="Customers")
    world.sync()
    world.estate.delete(fqn, hard=True)
    assert counts(world, "sales", on_catalog_delete="clear") == {"clear": 1, "in_sync": 1}
    assert world.comment("sales", "orders") is None


def test_created_again_under_a_new_id_without_a_text_removes_nothing(world: World) -> None:
    fqn = world.table("sales", "orders", description="Orders")
    world.sync()
    world.estate.delete(fqn, hard=True)
    world.estate.table(fqn, ("id",))
    assert counts(world, "sales") == {}
    assert world.comment("sales", "orders") == "Orders"


def test_created_again_under_a_new_id_with_the_same_text_may_be_emptied_later(world: World) -> None:
    fqn = world.table("sales", "orders", description="Orders")
    world.sync()
    world.estate.delete(fqn, hard=True)
    world.estate.table(fqn, ("id",), description="Orders")
    assert counts(world, "sales") == {"in_sync": 1}
    world.estate.describe(fqn, None)
    assert counts(world, "sales") == {"clear": 1}


class ShortConnector(PostgresConnector):
    """PostgreSQL, if its comments were short."""

    capabilities = Capabilities(
        levels=PostgresConnector.capabilities.levels,
        transactional=True,
        limits={(Aspect.DESCRIPTION, EntityType.TABLE): 12},
    )


def test_truncated_then_shortened(world: World) -> None:
    world.connector_type = ShortConnector
    fqn = world.table("sales", "orders", description="One row an order, since 2019")
    assert counts(world, "sales") == {"too_long": 1}
    assert counts(world, "sales", on_too_long="truncate") == {"apply": 1}
    assert world.comment("sales", "orders") == "One row an …"
    assert counts(world, "sales", on_too_long="truncate") == {"in_sync": 1}
    world.estate.describe(fqn, "One row")
    assert counts(world, "sales", on_too_long="truncate") == {"apply": 1}
    assert world.comment("sales", "orders") == "One row"


def test_missing_in_the_source_then_created(world: World) -> None:
    world.table("sales", "orders", description="Orders")
    world.run("DROP TABLE sales.orders")
    assert counts(world, "sales") == {"missing": 1}
    world.create("sales", "orders")
    assert counts(world, "sales") == {"apply": 1}
    assert world.comment("sales", "orders") == "Orders"


def test_a_column_that_is_missing_does_not_stop_the_others(world: World) -> None:
    fqn = world.table("sales", "orders", ("id", "email"), description="Orders")
    world.estate.describe(fqn, "Where to write", column="email")
    world.run("ALTER TABLE sales.orders DROP COLUMN email")
    assert counts(world, "sales") == {"missing": 1, "apply": 1}


def test_left_the_filter_because_its_data_changed_and_emptied(world: World) -> None:
    fqn = world.table("sales", "orders", description="Orders", tags=["PII.Sensitive"])
    scope = {"tags": "PII.*"}
    assert counts(world, "sales", filter=scope) == {"apply": 1}
    world.estate.tag(fqn, [])
    assert counts(world, "sales", filter=scope) == {}
    world.estate.describe(fqn, None)
    assert counts(world, "sales", filter=scope) == {"clear": 1}
    assert world.comment("sales", "orders") is None


def test_left_the_scope_because_the_filter_was_edited_removes_nothing(world: World) -> None:
    fqn = world.table("sales", "orders", description="Orders", tags=["PII.Sensitive"])
    counts(world, "sales", filter={"tags": "PII.*"})
    world.estate.describe(fqn, None)
    assert counts(world, "sales", filter={"tags": "Secret.*"}) == {}
    assert world.comment("sales", "orders") == "Orders"


def test_a_lost_ledger_repeats_neither_damage_nor_pushes(world: World) -> None:
    world.table("sales", "orders", description="Orders")
    world.table("sales", "customers", description="Customers")
    world.comment_by_hand("sales", "customers", "a text of our own")
    world.sync()
    world.ledger_url = world.ledger_url.replace("ledger.sqlite", "another.sqlite")
    assert counts(world, "sales") == {"in_sync": 1, "conflict": 1}
    assert world.comment("sales", "customers") == "a text of our own"


def test_an_empty_catalog_fails_the_run_and_writes_nothing(world: World) -> None:
    fqn = world.table("sales", "orders", description="Orders")
    world.sync()
    for name in (fqn, world.fqn("sales"), world.fqn()):
        world.estate.delete(name, hard=True)
    with pytest.raises(Exception, match="lists none of the 1 schemas that channel shop has pushed to"):
        world.sync(on_catalog_delete="clear")
    assert world.comment("sales", "orders") == "Orders"


def test_descriptions_that_all_vanished_stop_at_the_brake(world: World) -> None:
    for number in range(25):
        world.table("sales", f"t{number}", description=f"Table {number}")
    world.sync()
    for number in range(25):
        world.estate.describe(world.fqn("sales", f"t{number}"), None)
    result = world.sync()[world.fqn("sales")]
    assert isinstance(result, Applied)
    assert result.counts["braked"] == 25
    assert "max_removals of channel shop is 20; none of them is written" in result.problems[0]
    assert world.comment("sales", "t3") == "Table 3"
    assert statements(world.sync(ignore_brakes=True)) == 25
    assert world.comment("sales", "t3") is None


def test_the_brake_counts_over_a_day(world: World) -> None:
    for number in range(4):
        world.table("sales", f"t{number}", description=f"Table {number}")
    world.sync()
    for number in range(4):
        world.estate.describe(world.fqn("sales", f"t{number}"), None)
        result = world.sync(max_removals=2)[world.fqn("sales")]
        assert isinstance(result, Applied)
        assert bool(result.problems) == (number >= 2)


def test_a_rehearsal_on_a_clone_teaches_the_ledger_nothing_about_production(world: World) -> None:
    world.table("sales", "orders", description="Orders")
    world.run("CREATE SCHEMA sales_clone")
    world.create("sales_clone", "orders")
    world.options = {"rewrite": {"schema": {"sales": "sales_clone"}}}
    assert counts(world, "sales") == {"apply": 1}
    assert world.comment("sales_clone", "orders") == "Orders"
    world.options = {}
    world.comment_by_hand("sales", "orders", "a text of our own")
    assert counts(world, "sales") == {"conflict": 1}
    assert world.comment("sales", "orders") == "a text of our own"
    world.options = {"rewrite": {"schema": {"sales": "sales_clone"}}}
    assert counts(world, "sales") == {"in_sync": 1}


def test_a_schema_that_was_deleted_is_cleared_and_then_forgotten(world: World) -> None:
    world.table("sales", "orders", description="Orders")
    world.table("finance", "invoices", description="Invoices")
    world.sync()
    world.estate.delete(world.fqn("sales"))
    assert world.fqn("sales") not in world.sync()
    assert counts(world, "sales", on_catalog_delete="clear") == {"clear": 1}
    assert world.comment("sales", "orders") is None
    assert counts(world, "sales", on_catalog_delete="clear") == {}
    assert world.fqn("sales") not in world.sync(on_catalog_delete="clear")
    assert world.comment("finance", "invoices") == "Invoices"


def test_owners_arrive_and_are_set_again_after_a_rebuild(world: World) -> None:
    role = f"ada_{world.database}"
    world.run(f"CREATE ROLE {role}")
    try:
        world.estate.user(role)
        fqn = world.table("sales", "orders")
        world.estate.own(fqn, [role])
        settings = {"update_owners": True, "update_descriptions": False}
        assert counts(world, "sales", **settings) == {"apply": 1}
        assert world.owner("sales", "orders") == role
        assert counts(world, "sales", **settings) == {"in_sync": 1}
        world.rebuild("sales", "orders")
        assert counts(world, "sales", on_conflict="keep", **settings) == {"apply": 1}
        assert world.owner("sales", "orders") == role
        world.estate.own(fqn, [])
        assert counts(world, "sales", **settings) == {"unsupported": 1}
        assert world.owner("sales", "orders") == role
    finally:
        world.run(f"REASSIGN OWNED BY {role} TO postgres; DROP ROLE {role}")


def test_owners_that_the_source_cannot_take_are_verdicts(world: World) -> None:
    world.estate.user("nobody-here")
    world.estate.user("postgres")
    for name, owners in (("a", ["nobody-here"]), ("b", ["postgres"]), ("c", ["nobody-here", "postgres"])):
        world.estate.own(world.table("sales", name), owners)
    found = world.plan("sales", update_owners=True, update_descriptions=False)
    assert not found.statements
    assert {(change.path[2], change.verdict.value) for change in found.others} == {
        ("a", "unmapped_owner"),
        ("c", "ambiguous"),
    }
    assert found.counts["in_sync"] == 1


def test_what_another_run_learned_meanwhile_is_not_overwritten(world: World) -> None:
    fqn = world.table("sales", "orders", description="Orders")
    world.comment_by_hand("sales", "orders", "Orders")
    partition = Partition(SERVICE, world.database, "sales")
    with world.pipeline() as slow:
        plan = slow.resolve(slow.fetch(partition, "full"))
        assert len(plan.remember) == 1
        world.sync()
        world.estate.describe(fqn, "Sales orders")
        world.sync()
        slow.apply(plan)
    world.estate.describe(fqn, None)
    assert counts(world, "sales") == {"clear": 1}


def test_a_schemas_own_comment_is_cleared_too_when_it_was_deleted(world: World) -> None:
    world.table("finance", "invoices", description="Invoices")
    world.table("sales", "orders", description="Orders")
    world.estate.describe(world.fqn("sales"), "What is sold")
    assert counts(world, "sales") == {"apply": 2}
    world.estate.delete(world.fqn("sales"))
    assert counts(world, "sales", on_catalog_delete="clear") == {"clear": 2}
    with world.connect() as connection:
        assert connection.execute("SELECT obj_description('sales'::regnamespace, 'pg_namespace')").fetchone() == (None,)


def test_what_somebody_writes_between_the_commit_and_the_reading_back_is_no_push_of_ours(world: World) -> None:
    class Raced(PostgresConnector):
        """Somebody comments the table right after our commit."""

        def execute(
            self, partition: Partition, statements: list[Statement], permit: Permit = lambda: None
        ) -> Iterator[Outcome]:
            yield from super().execute(partition, statements, permit)
            world.comment_by_hand("sales", "orders", "by hand")

    world.table("sales", "orders", description="Orders")
    world.connector_type = Raced
    world.sync()
    world.connector_type = PostgresConnector
    assert counts(world, "sales", on_conflict="keep") == {"conflict": 1}
    assert counts(world, "sales") == {"apply": 1}
    assert world.comment("sales", "orders") == "Orders"


def test_a_filter_that_matches_nothing_is_said(world: World) -> None:
    world.table("sales", "orders", description="Orders")
    with pytest.raises(IncompleteListing, match=r"matches no schema of .*, whose services are: shop_pg"):
        world.sync(filter={"service": "shop_pgg"})


def test_a_service_that_cannot_be_reached_is_asked_once_a_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for schema in ("a", "b", "c"):
        world.table(schema, "t", description="T")
    world.options = {"host": "/nowhere"}
    asked: list[str] = []
    place = PostgresConnector.place

    def counted(connector: PostgresConnector) -> str:
        asked.append("")
        return place(connector)

    monkeypatch.setattr(PostgresConnector, "place", counted)
    results = world.sync()
    assert len(results) == 4
    assert all("connecting to database" in str(result) for result in results.values())
    assert len(asked) == 1


def test_a_preview_decides_nothing_for_the_ledger(world: World) -> None:
    world.table("sales", "orders", description="Orders")
    world.options = {"rewrite": {"schema": {"sales": "elsewhere"}}}
    with world.pipeline(preview=True) as pipeline:
        pipeline.resolve(pipeline.fetch(Partition(SERVICE, world.database, "sales"), "full"))
    world.options = {}
    world.sync()
    assert {push.service for push in world.pushes()} == {SERVICE}
