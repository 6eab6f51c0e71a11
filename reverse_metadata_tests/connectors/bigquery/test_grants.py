"""What a writer lacks, and the commands that give it."""

import shlex
from collections.abc import Iterable

import pytest

from reverse_metadata.connectors.base import Missing, Need
from reverse_metadata.connectors.bigquery.grants import Grants
from reverse_metadata.model import Aspect, Path
from reverse_metadata_tests.connectors.bigquery.shop import EMAIL, ID, Shop

ORDERS = ("shop-project", "sales", "orders")
UPDATE, CATEGORY = "bigquery.tables.update", "bigquery.tables.setCategory"
WRITER = "serviceAccount:writer@shop-project.iam.gserviceaccount.com"


def needs(*paths: Path, aspect: Aspect = Aspect.DESCRIPTION, kind: str = "table") -> list[Need]:
    return [Need(aspect, path, kind) for path in paths]


def missing(shop: Shop, wanted: Iterable[Need]) -> list[Missing]:
    with shop.connector() as connector:
        return connector.missing(shop.partition, list(wanted))


def test_a_role_of_what_is_missing_is_bound_to_the_table(shop: Shop) -> None:
    shop.table("orders", ID)
    with shop.front.denied(UPDATE):
        (lacking,) = missing(shop, needs(ORDERS, (*ORDERS, "id")))
    assert lacking.what == f"{WRITER} may not update table shop-project.sales.orders: bigquery.tables.update."
    assert lacking.grants == (
        "gcloud iam roles create reverse_metadata.tables_update --project=shop-project "
        "--permissions=bigquery.tables.update",
        f"bq add-iam-policy-binding --member={WRITER} "
        "--role=projects/shop-project/roles/reverse_metadata.tables_update --table=true shop-project:sales.orders",
    )


def test_it_is_red_and_then_green(shop: Shop) -> None:
    shop.table("orders", ID)
    with shop.front.denied(UPDATE), shop.front.denied("bigquery.datasets.update"):
        found = missing(shop, needs(ORDERS[:2], ORDERS))
    assert [each.what.split(": ")[-1] for each in found] == ["bigquery.datasets.update.", "bigquery.tables.update."]
    assert missing(shop, needs(ORDERS[:2], ORDERS)) == []
    assert "PATCH" not in {each.split()[0] for each in shop.front.requests[-1:]}
    assert shop.stored("orders").get("description") is None


def test_a_dataset_is_tried_with_a_change_that_cannot_happen(shop: Shop) -> None:
    before = shop.stored()
    shop.forget()
    assert missing(shop, needs(ORDERS[:2])) == []
    (patch,) = shop.front.received
    assert (patch.method, patch.headers["if-match"], patch.body) == ("PATCH", "reverse_metadata", b'{"labels": {}}')
    assert shop.stored() == before
    with shop.front.denied("bigquery.datasets.update"):
        (lacking,) = missing(shop, needs(ORDERS[:2]))
    assert lacking.grants[0].endswith("--permissions=bigquery.datasets.update")
    assert shlex.split(lacking.grants[1])[-1] == (
        "GRANT `projects/shop-project/roles/reverse_metadata.datasets_update` ON SCHEMA `shop-project`.`sales` "
        f'TO "{WRITER}"'
    )


@pytest.mark.parametrize(
    ("wanted", "lacking"),
    [
        (needs(ORDERS), ""),
        (needs(ORDERS, aspect=Aspect.TAGS), ""),
        (needs((*ORDERS, "id")), CATEGORY),
        (needs((*ORDERS, "id"), aspect=Aspect.TAGS), CATEGORY),
    ],
)
def test_policy_tags_that_stand_in_a_schema_are_a_right_of_their_own(
    shop: Shop, wanted: list[Need], lacking: str
) -> None:
    shop.table("orders", ID, EMAIL)
    with shop.front.denied(CATEGORY):
        found = missing(shop, wanted)
    assert [each.what.rsplit(": ")[-1] for each in found] == ([f"{lacking}."] if lacking else [])


def test_a_schema_without_policy_tags_needs_no_right_to_them(shop: Shop) -> None:
    shop.table("orders", ID)
    with shop.front.denied(CATEGORY):
        assert missing(shop, needs((*ORDERS, "id"))) == []
        assert missing(shop, needs((*ORDERS, "id"), aspect=Aspect.TAGS))


def test_many_tables_are_granted_on_their_dataset(shop: Shop) -> None:
    tables = [shop.table(f"t{number:02}") for number in range(11)]
    with shop.front.denied(UPDATE):
        found = missing(shop, needs(*tables))
    assert len(found) == 11
    (grants,) = {each.grants for each in found}
    assert "ON SCHEMA `shop-project`.`sales`" in grants[1]


def test_a_table_costs_one_call_and_one_more_where_something_is_missing(shop: Shop) -> None:
    shop.table("orders")
    missing(shop, needs(ORDERS, (*ORDERS, "id"), shop.path("nowhere")))
    assert sorted(name.split("/")[-1] for name in shop.front.requests) == [
        "nowhere",
        "nowhere:testIamPermissions",
        "orders:testIamPermissions",
    ]


def test_what_may_not_even_be_read_is_named(shop: Shop) -> None:
    shop.table("orders")
    with shop.front.denied("bigquery.tables.*"):
        (lacking,) = missing(shop, needs(ORDERS))
    assert "--permissions=bigquery.tables.get,bigquery.tables.update" in lacking.grants[0]


def test_nothing_is_needed_where_nothing_is_written(shop: Shop) -> None:
    shop.table("orders")
    with shop.front.denied("*"):
        assert missing(shop, needs(ORDERS[:1])) == []
        assert missing(shop, needs(ORDERS, kind="linked table")) == []
        assert missing(shop, needs(shop.path("../../x"))) == []
    assert shop.front.requests == []


def test_a_writer_whom_nobody_can_name_is_asked_for() -> None:
    grants = Grants("", ("shop-project", "sales"))
    (lacking,) = grants.on_tables([UPDATE], ["ÄÖ 日本"])
    member = '"${WRITER:?user:NAME or serviceAccount:NAME}"'
    assert f"--member={member} " in lacking.grants[1]
    assert lacking.grants[1].endswith("'shop-project:sales.ÄÖ 日本'")
    assert lacking.what.startswith("the writer may not update table")
    (reading,) = grants.reading().grants
    assert reading.endswith(f"TO \"'{member}'\"'")
