"""What is read of a dataset."""

import pytest

from reverse_metadata.connectors.bigquery.names import nameable
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Partition, Path, Verdict
from reverse_metadata_tests.connectors.bigquery.shop import BUYER, EMAIL, ID, Shop, asked, described, tagged
from reverse_metadata_tests.contract.bigquery import POLICY
from reverse_metadata_tests.contract.peer import SERVICE

ORDERS = ("shop-project", "sales", "orders")


def test_columns_are_read_with_those_within_them(shop: Shop) -> None:
    shop.table("orders", ID, {**BUYER, "description": "Who"}, EMAIL)
    with shop.connector() as connector:
        state = connector.read(shop.partition)
    assert {path[3:]: found.kind for path, found in state.items() if len(path) > 3} == {
        ("id",): "column",
        ("buyer",): "record",
        ("buyer", "name"): "column",
        ("buyer", "home"): "record",
        ("buyer", "home", "zip"): "column",
        ("email",): "column",
    }
    assert state[*ORDERS, "buyer"].description == "Who"
    assert {found.object_id for path, found in state.items() if path[:3] == ORDERS} == {state[ORDERS].object_id}
    assert state[ORDERS].object_id


def test_labels_and_policy_tags_are_tags(shop: Shop) -> None:
    other = {"name": "phone", "type": "STRING", "policyTags": {"names": [POLICY.format(9)]}}
    none = {"name": "fax", "type": "STRING", "policyTags": {"names": []}}
    shop.table("orders", EMAIL, other, none, labels={"team": "sales", "bare": ""})
    with shop.connector() as connector:
        state = connector.read(shop.partition)
    assert state[ORDERS].tags == {"team": "sales", "bare": ""}
    assert state[*ORDERS, "email"].tags == {"PII": "Sensitive"}
    assert state[*ORDERS, "phone"].tags == {POLICY.format(9): ""}
    assert state[*ORDERS, "fax"].tags == {}


@pytest.mark.parametrize(
    ("word", "kind"),
    [("TABLE", "table"), ("EXTERNAL", "external table"), ("SNAPSHOT", "snapshot"), ("SOMETHING_NEW", "something new")],
)
def test_a_kind_is_bigquerys_word(shop: Shop, word: str, kind: str) -> None:
    shop.table("orders", type=word)
    with shop.connector() as connector:
        assert connector.read(shop.partition)[ORDERS].kind == kind


def test_a_list_is_read_page_by_page(shop: Shop) -> None:
    shop.front.page_size = 2
    tables = {shop.table(f"events_2026010{number}") for number in range(5)}
    with shop.connector() as connector:
        assert {path for path in connector.read(shop.partition) if len(path) == 3} == tables
    assert shop.front.requests.count("GET projects/shop-project/datasets/sales/tables") == 3


def test_named_tables_are_read_without_a_list(shop: Shop) -> None:
    shop.table("orders")
    with shop.connector() as connector:
        state = connector.read(shop.partition, ["orders", "nowhere", "a/../b", "x?y"])
    assert set(state) == {shop.partition.path, ORDERS, (*ORDERS, "id")}
    assert sorted(asked(shop.front)) == ["GET sales", "GET sales/tables/nowhere", "GET sales/tables/orders"]


def test_a_table_that_goes_while_it_is_read_is_not_there(shop: Shop) -> None:
    shop.table("orders")
    shop.table("stays")
    shop.front.answer_next(shop.front.refusal(404, "notFound", "Not found: Table"), "tables/orders")
    with shop.connector() as connector:
        state = connector.read(shop.partition)
    assert {path[2] for path in state if len(path) == 3} == {"stays"}


def test_a_table_that_cannot_be_read_is_an_error(shop: Shop) -> None:
    shop.table("orders")
    with shop.front.denied("bigquery.tables.get"), shop.connector() as connector:
        with pytest.raises(SourceError) as raised:
            connector.read(shop.partition)
    assert raised.value.reason is Reason.MISSING_PRIVILEGE


def test_a_project_is_there_or_not(shop: Shop) -> None:
    with shop.connector() as connector:
        (project,) = connector.read(Partition(SERVICE, "shop-project", None)).values()
        assert (project.path, project.kind) == (("shop-project",), "project")
        assert connector.read(Partition(SERVICE, "no-project", None)) == {}
        assert connector.read(Partition(SERVICE, "no/project", None)) == {}
        assert connector.read(Partition(SERVICE, "shop-project", "a-b")) == {}


def test_another_name_is_read_and_written_where_a_rehearsal_asks_for_it(shop: Shop) -> None:
    shop.table("orders")
    with shop.connector(rewrite={"schema": {"prod": "sales"}}) as connector:
        partition = Partition(SERVICE, "shop-project", "prod")
        state = connector.read(partition)
        changes = connector.resolve([described(("shop-project", "prod", "orders"))])
        assert [each.error for each in connector.execute(partition, changes)] == [None]
    assert ("shop-project", "prod", "orders", "id") in state
    assert shop.stored("orders")["description"] == "x"


def test_what_another_organisation_shares_is_read_only(shop: Shop) -> None:
    shop.table("orders")
    linked = shop.stored() | {"linkedDatasetSource": {"sourceDataset": {}}}
    shop.front._datasets["sales"].resource.update(linked)
    with shop.connector() as connector:
        state = connector.read(shop.partition)
        assert [found.kind for found in state.values()] == ["linked dataset", "linked table", "linked column"]
        for found in state.values():
            for wish in (described(found.path, kind=found.kind), tagged(found.path, "team", "x", kind=found.kind)):
                assert (connector.refuse(wish) or ("",))[0] is Verdict.UNSUPPORTED


def test_identity_and_place(shop: Shop) -> None:
    with shop.connector() as connector:
        host = shop.front.url.removeprefix("http://")
        assert connector.place() == host
        assert shop.front.requests == []
        assert connector.identity() == f"{host}/shop-project"
        assert connector.version() == "BigQuery API v2, project shop-project"
        assert shop.front.requests == ["GET projects/shop-project/datasets"]
        assert connector.source(shop.partition) == host


@pytest.mark.parametrize(
    ("path", "able"),
    [
        (("shop-project",), True),
        (("example.com:shop",), True),
        (("shop/x",), False),
        (("shop-project", "sales_1"), True),
        (("shop-project", "sales-1"), False),
        (("shop-project", "sales", "ÄÖ 日本-_1"), True),
        (("shop-project", "sales", "a.b"), False),
        (("shop-project", "sales", "a/b"), False),
        (("shop-project", "sales", "half \ud83c"), False),
        (("shop-project", "sales", ""), False),
        (("shop-project", "sales", "é" * 513), False),
    ],
)
def test_names(path: Path, able: bool) -> None:
    assert nameable(path) is able


@pytest.mark.parametrize("value", ["nul\0", "half \ud83c"])
def test_what_is_no_text_is_refused(shop: Shop, value: str) -> None:
    verdict, reason = shop.connector().refuse(described(ORDERS, value)) or (None, "")
    assert verdict is Verdict.INVALID
    assert reason.endswith("remove it")
