from dataclasses import replace

import pytest

from reverse_metadata.ledger import FinishedChange, Ledger
from reverse_metadata.model import Aspect, EntityType, Last, LastKey, Origin
from reverse_metadata_tests.ledger.samples import CATALOG, PARTITION, SERVICE, change, last, pushed, record, started

SCHEMA = LastKey(PARTITION, Aspect.OWNER)
ORDERS = LastKey(f"{PARTITION}.orders", Aspect.DESCRIPTION)
AMOUNT = LastKey(f"{PARTITION}.orders.amount", Aspect.DESCRIPTION)
PII = LastKey(f"{PARTITION}.orders.amount", Aspect.TAGS, "PII")
USERS = LastKey(f"{PARTITION}.users", Aspect.DESCRIPTION)

ROWS = [
    (SCHEMA, PARTITION, EntityType.SCHEMA, last("schema")),
    (ORDERS, ORDERS.entity, EntityType.TABLE, last("orders")),
    (AMOUNT, ORDERS.entity, EntityType.COLUMN, last("amount")),
    (PII, ORDERS.entity, EntityType.COLUMN, Last("Sensitive", None, Origin.ADOPTED)),
    (USERS, USERS.entity, EntityType.TABLE, last("users")),
]


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    ledger.record_last(CATALOG, SERVICE, PARTITION, ROWS)
    return ledger


def test_what_was_recorded_comes_back(filled: Ledger) -> None:
    assert filled.last(CATALOG, SERVICE, PARTITION) == {key: value for key, _, _, value in ROWS}


def test_tables_restrict_what_comes_back(filled: Ledger) -> None:
    assert set(filled.last(CATALOG, SERVICE, PARTITION, [ORDERS.entity])) == {ORDERS, AMOUNT, PII}
    assert set(filled.last(CATALOG, SERVICE, PARTITION, [PARTITION, USERS.entity])) == {SCHEMA, USERS}
    assert filled.last(CATALOG, SERVICE, PARTITION, []) == {}
    many = [f"{PARTITION}.t{number}" for number in range(70_000)]
    assert set(filled.last(CATALOG, SERVICE, PARTITION, [*many, USERS.entity])) == {USERS}


@pytest.mark.parametrize("place", [("other", SERVICE), (CATALOG, "other")])
def test_other_catalogs_and_services_are_other_entities(filled: Ledger, place: tuple[str, str]) -> None:
    assert filled.last(*place, PARTITION) == {}
    assert filled.known_entities(*place, PARTITION) == set()
    filled.forget(*place, [ORDERS])
    filled.record_last(*place, PARTITION, [(ORDERS, ORDERS.entity, EntityType.TABLE, last("theirs"))])
    assert filled.last(CATALOG, SERVICE, PARTITION)[ORDERS] == last("orders")


def test_recording_again_replaces_every_column(filled: Ledger) -> None:
    newer = Last("w", "s", Origin.RESTORED, "e-2", "99", "t-2", "other", "f-2")
    filled.record_last(CATALOG, SERVICE, PARTITION, [(ORDERS, ORDERS.entity, EntityType.TABLE, newer)])
    assert filled.last(CATALOG, SERVICE, PARTITION)[ORDERS] == newer
    assert len(filled.last(CATALOG, SERVICE, PARTITION)) == 5


def test_forgetting_takes_the_named_aspects_alone(filled: Ledger) -> None:
    filled.forget(CATALOG, SERVICE, [AMOUNT, SCHEMA])
    filled.forget(CATALOG, SERVICE, [])
    assert set(filled.last(CATALOG, SERVICE, PARTITION)) == {ORDERS, PII, USERS}


def test_known_entities_are_the_schema_and_its_tables(filled: Ledger) -> None:
    assert filled.known_entities(CATALOG, SERVICE, PARTITION) == {PARTITION, ORDERS.entity, USERS.entity}


def test_a_channel_is_counted_by_what_it_wrote_or_adopted_last(filled: Ledger) -> None:
    filled.record_last(CATALOG, SERVICE, "shop_pg.shop.sales", [(
        LastKey("shop_pg.shop.sales.t", Aspect.DESCRIPTION), "shop_pg.shop.sales.t", EntityType.TABLE, last("x"),
    )])  # fmt: skip
    assert filled.count_last(CATALOG, "descriptions") == 5
    assert filled.count_last("other", "descriptions") == 0
    assert filled.known_partitions(CATALOG, "descriptions") == {PARTITION, "shop_pg.shop.sales"}
    filled.record_last(CATALOG, SERVICE, PARTITION, [(*ROWS[1][:3], replace(last("orders"), channel="tags"))])
    assert filled.count_last(CATALOG, "descriptions") == 4
    assert filled.known_partitions(CATALOG, "tags") == {PARTITION}


def test_first_contact_ends_with_a_last_value(ledger: Ledger) -> None:
    assert ledger.first_contact(CATALOG, SERVICE)
    ledger.record_last(CATALOG, SERVICE, PARTITION, ROWS[:1])
    assert not ledger.first_contact(CATALOG, SERVICE)
    assert ledger.first_contact(CATALOG, "other")
    assert ledger.first_contact("other", SERVICE)


def test_first_contact_ends_with_a_push_even_a_failed_one(ledger: Ledger) -> None:
    ledger.finish(started(ledger, [change("a")]), [FinishedChange(0, "failed", "permission denied")])
    assert not ledger.first_contact(CATALOG, SERVICE)


def test_a_finished_plan_is_known_as_the_rows_recorded_directly_are(ledger: Ledger) -> None:
    pushed(ledger, [change("amount")], record(plan_id="p"))
    assert ledger.last(CATALOG, SERVICE, PARTITION, [ORDERS.entity]) == {AMOUNT: last("new")}
    assert ledger.known_entities(CATALOG, SERVICE, PARTITION) == {ORDERS.entity}
    assert ledger.known_partitions(CATALOG, "descriptions") == {PARTITION}


def test_the_longest_name_that_a_catalog_allows_is_a_key(ledger: Ledger) -> None:
    name = f"{PARTITION}." + ".".join(f"nested_field_number_{number}" for number in range(130))
    key = LastKey(name[:3072], Aspect.DESCRIPTION)
    ledger.record_last(CATALOG, SERVICE, PARTITION, [(key, ORDERS.entity, EntityType.COLUMN, last("deep"))])
    assert ledger.last(CATALOG, SERVICE, PARTITION) == {key: last("deep")}
