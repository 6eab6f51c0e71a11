"""The simulated world goes through the pipeline as a real one does; its catalog keeps what people did."""

from collections.abc import Callable

import pytest

from reverse_metadata.model import Origin, Partition, Tag
from reverse_metadata_tests.simulated.catalog import MemoryCatalog
from reverse_metadata_tests.simulated.engine import Crash, Engine
from reverse_metadata_tests.simulated.world import SimulatedWorld
from reverse_metadata_tests.world import statements


@pytest.fixture
def world() -> SimulatedWorld:
    """Three tables in one schema."""
    world = SimulatedWorld(update_owners=True)
    world.schema("sales", orders=("id", "total"), customers=("id",), returns=("id",))
    world.catalog.user("ada")
    return world


def test_descriptions_and_owners_arrive_once_and_are_taken_back(world: SimulatedWorld) -> None:
    orders, total = world.fqn("sales", "orders"), world.fqn("sales", "orders", "total")
    world.catalog.describe(world.fqn(), "the lake")
    world.catalog.describe(total, "in cents")
    world.catalog.own(orders, "ada")
    assert statements(world.sync("first")) == 3
    assert world.engine.log == [
        """COMMENT ON DATABASE "db" IS 'the lake'""",
        """COMMENT ON COLUMN "db"."sales"."orders"."total" IS 'in cents'""",
        """ALTER TABLE "db"."sales"."orders" SET OWNER "ada\"""",
    ]
    assert world.found("sales", "orders").owner == "ada"
    assert statements(world.sync("second")) == 0
    assert [(push.entity, push.after) for push in world.pushes()] == [
        (world.fqn(), "the lake"),
        (total, "in cents"),
        (orders, "ada"),
    ]
    assert statements(world.undo("third", run_id="first", entity=total)) == 1
    assert world.found("sales", "orders", "total").description is None
    assert world.plan("sales").counts == {"held": 1, "in_sync": 1}


@pytest.mark.parametrize("lossy", [None, str.upper])
@pytest.mark.parametrize("after", [False, True])
def test_a_dead_run_is_made_up_for(world: SimulatedWorld, after: bool, lossy: Callable[[str], str] | None) -> None:
    world.engine.lossy = lossy
    for table in ("customers", "orders", "returns"):
        world.catalog.describe(world.fqn("sales", table), f"about {table}")
    world.engine.crash_at, world.engine.crash_after = 2, after
    with pytest.raises(Crash):
        world.sync("dies")
    assert len(world.engine.log) == 1 + after
    assert statements(world.sync("next")) == 2 - after
    assert len(world.engine.log) == 3
    assert [push.outcome for push in world.pushes()] == ["applied"] * 3
    assert statements(world.sync("quiet")) == 0


def test_a_new_world_knows_nothing_of_the_one_before(world: SimulatedWorld) -> None:
    world.catalog.describe(world.fqn("sales"), "sales")
    world.sync()
    assert len(world.pushes()) == 1
    assert SimulatedWorld().pushes() == []


def test_a_reingestion_brings_back_what_stands_in_the_source(world: SimulatedWorld) -> None:
    curated, empty = world.fqn("sales", "orders"), world.fqn("sales", "orders", "id")
    world.catalog.describe(curated, "curated")
    world.engine.describe(world.path("sales", "orders"), "in the source")
    world.engine.describe(world.path("sales", "orders", "id"), "a key")
    world.engine.tag(world.path("sales", "orders"), {"PII": "v1.none", "core": ""})
    world.reingest(tags=True)
    assert world.catalog.find(curated).description == "curated"
    assert world.catalog.find(empty).description == "a key"
    assert world.catalog.find(curated).tags == (Tag('PII."v1.none"', label_type="Automated"),)
    assert world.catalog.find(curated).updated_by == "ingestion-bot"
    version = world.catalog.find(curated).version
    world.reingest(tags=True)
    assert world.catalog.find(curated).version == version
    world.reingest(override=True)
    assert world.catalog.find(curated).description == "in the source"


def test_a_reingestion_leaves_the_tags_of_people_alone(world: SimulatedWorld) -> None:
    orders = world.fqn("sales", "orders")
    world.catalog.tag(orders, "PII.None")
    world.engine.tag(world.path("sales", "orders"), {"PII": "None"})
    world.reingest(tags=True)
    assert world.catalog.find(orders).tags == (Tag("PII.None"),)
    world.catalog.describe(orders, "curated")
    assert world.catalog.find(orders).updated_by == "curator"


def test_a_lossy_engine_is_known_as_one() -> None:
    world = SimulatedWorld(Engine(lossy=str.strip))
    world.schema("sales", orders=("id",))
    world.catalog.describe(world.fqn("sales", "orders"), " orders ")
    assert statements(world.sync("first")) == 1
    assert world.found("sales", "orders").description == "orders"
    assert statements(world.sync("second")) == 0
    (last,) = world.ledger.last("memory", "lake", world.fqn("sales")).values()
    assert (last.wanted, last.stored, last.origin) == (" orders ", "orders", Origin.PUSHED)


@pytest.fixture
def catalog() -> MemoryCatalog:
    catalog = MemoryCatalog("lake")
    for fqn in ("lake.db", "lake.db.sales"):
        catalog.add(fqn)
    catalog.add("lake.db.sales.orders", ("id", "v1.total"), "first")
    return catalog


ORDERS = "lake.db.sales.orders"
SALES = Partition("lake", "db", "sales")


def test_every_edit_is_a_version_and_no_edit_is_none(catalog: MemoryCatalog) -> None:
    catalog.editor = "grace"
    catalog.describe(ORDERS, "second")
    catalog.describe(ORDERS, "second")
    catalog.tag(f'{ORDERS}."v1.total"', "PII.None")
    catalog.tag(f'{ORDERS}."v1.total"', "PII.None")
    catalog.untag(ORDERS, "PII.None")
    now = catalog.entity(ORDERS)
    assert now is not None
    assert (now.version, now.updated_by, now.updated_at) == ("0.3", "grace", 5)
    assert [each.tags for each in now.walk()] == [(), (), (Tag("PII.None"),)]
    earlier = list(catalog.versions(now))
    assert [(each.version, each.description) for each in earlier] == [("0.2", "second"), ("0.1", "first")]
    assert [each.updated_by for each in earlier] == ["grace", "curator"]


def test_a_tag_takes_the_place_of_its_namesake_and_the_same_one_changes_nothing(catalog: MemoryCatalog) -> None:
    for tag in ("PII.None", "Tier.Tier1", "PII.None"):
        catalog.tag(ORDERS, tag)
    assert catalog.find(ORDERS).version == "0.3"
    catalog.tag(ORDERS, Tag("PII.None", state="Suggested"))
    assert catalog.find(ORDERS).tags == (Tag("Tier.Tier1"), Tag("PII.None", state="Suggested"))
    catalog.untag(ORDERS, "Tier.Tier1")
    assert catalog.find(ORDERS).tags == (Tag("PII.None", state="Suggested"),)


def test_columns_come_and_go(catalog: MemoryCatalog) -> None:
    catalog.describe(f"{ORDERS}.id", "key")
    catalog.drop_column(f"{ORDERS}.id")
    catalog.add_column(f"{ORDERS}.id")
    (table,) = catalog.tables(SALES)
    assert [(column.path[-1], column.description) for column in table.columns] == [("v1.total", None), ("id", None)]
    with pytest.raises(StopIteration):
        catalog.find(f"{ORDERS}.lost")


def test_a_soft_deletion_is_seen_and_taken_back_and_a_hard_one_leaves_nothing(catalog: MemoryCatalog) -> None:
    before = catalog.find(ORDERS)
    catalog.delete("lake.db.sales")
    deleted = catalog.entity(ORDERS)
    assert deleted is not None
    assert deleted.deleted
    assert list(catalog.tables(SALES)) == []
    assert [partition.key for partition in catalog.partitions("lake")] == ["lake.db"]
    with pytest.raises(KeyError):
        catalog.describe(ORDERS, "second")
    catalog.restore("lake.db.sales")
    assert [table.id for table in catalog.tables(SALES)] == [before.id]
    catalog.delete(ORDERS, hard=True)
    assert catalog.entity(ORDERS) is None
    assert list(catalog.versions(before)) == []
    catalog.add(ORDERS)
    assert catalog.find(ORDERS).id != before.id


def test_owners_come_from_the_nearest_above_that_has_some(catalog: MemoryCatalog) -> None:
    catalog.user("ada", "ada@example.com")
    catalog.team("finance")
    catalog.own("lake.db", "ada")
    assert owners(catalog, "lake.db") == [("ada", "user", False)]
    assert owners(catalog, ORDERS) == [("ada", "user", True)]
    catalog.own("lake.db.sales", "finance", "ada")
    assert owners(catalog, ORDERS) == [("finance", "team", True), ("ada", "user", True)]
    catalog.own("lake.db.sales")
    catalog.own(ORDERS, "ada")
    assert owners(catalog, ORDERS) == [("ada", "user", False)]
    assert catalog.find("lake.db.sales").owners == ()


def owners(catalog: MemoryCatalog, fqn: str) -> list[tuple[str, str, bool]]:
    entity = catalog.entity(fqn)
    assert entity is not None
    people = [catalog.person(owner) for owner in entity.owners]
    assert [person and person.name for person in people] == [owner.name for owner in entity.owners]
    return [(owner.name, owner.type, owner.inherited) for owner in entity.owners]


def test_events_name_what_was_edited_since(catalog: MemoryCatalog) -> None:
    batch = catalog.events("")
    assert batch.reconcile
    catalog.describe(f"{ORDERS}.id", "key")
    catalog.delete("lake.db.sales", hard=True)
    events = catalog.events(batch.cursor)
    assert [(event.entity, event.kind, event.whole) for event in events.events] == [
        (ORDERS, "entityUpdated", False),
        ("lake.db.sales", "entityDeleted", True),
        (ORDERS, "entityDeleted", False),
    ]
    assert catalog.events(events.cursor).events == ()


def test_pipelines_that_override_are_named_by_service(catalog: MemoryCatalog) -> None:
    assert catalog.overriding() == {}
    catalog.pipelines.append("nightly")
    assert catalog.overriding() == catalog.overriding("lake") == {"lake": ["nightly"]}
    assert catalog.overriding("other") == {}
