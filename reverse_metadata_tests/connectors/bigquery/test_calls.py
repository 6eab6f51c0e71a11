"""What is read by a person, and what goes over the wire."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from reverse_metadata.connectors.bigquery.statements import resolve
from reverse_metadata.errors import LeaseLost
from reverse_metadata.model import Aspect
from reverse_metadata_tests.connectors.bigquery.shop import BUYER, EMAIL, ID, Shop, asked, described, failed, tagged
from reverse_metadata_tests.contract.bigquery import POLICY
from reverse_metadata_tests.engines.front import Answer, Request

ORDERS = ("shop-project", "sales", "orders")


def body(shop: Shop) -> dict[str, object]:
    """What the last PATCH held."""
    found: dict[str, object] = json.loads(shop.front.received[-1].body)
    return found


def test_a_person_reads_the_call_and_what_changes(shop: Shop) -> None:
    changes = [
        described(ORDERS, "All orders"),
        described((*ORDERS, "buyer", "home", "zip"), 'Where "they" live\n\x07\u202e'),
        described((*ORDERS, "buyer", "name"), None),
        tagged(ORDERS, "team", "sales"),
        tagged(ORDERS, "old", None),
        tagged((*ORDERS, "email"), "PII", "Sensitive"),
        tagged((*ORDERS, "phone"), "PII", None),
        described(ORDERS[:2], "Sales"),
    ]
    dataset, table = (each.text for each in resolve(changes, shop.connector().options))
    assert dataset == 'PATCH projects/shop-project/datasets/sales\n{\n  "description": "Sales"\n}'
    call, _, text = table.partition("\n")
    assert call == "PATCH projects/shop-project/datasets/sales/tables/orders"
    assert r'"Where \"they\" live\n\u0007\u202e"' in text
    assert json.loads(text) == {
        "description": "All orders",
        "schema": {
            "fields": [
                {
                    "name": "buyer",
                    "fields": [
                        {"name": "home", "fields": [{"name": "zip", "description": 'Where "they" live\n\x07\u202e'}]},
                        {"name": "name", "description": None},
                    ],
                },
                {"name": "email", "policyTags": {"names": [POLICY.format(2)]}},
                {"name": "phone", "policyTags": {"names": []}},
            ]
        },
        "labels": {"team": "sales", "old": None},
    }


def test_a_name_that_is_written_to_instead_is_the_one_that_is_shown(shop: Shop) -> None:
    options = shop.connector(rewrite={"schema": {"sales": "sales_clone"}}).options
    (statement,) = resolve([described(ORDERS)], options)
    assert statement.text.startswith("PATCH projects/shop-project/datasets/sales_clone/tables/orders\n")


def test_one_patch_carries_everything_of_a_table_with_its_version(shop: Shop) -> None:
    shop.table("orders", ID, EMAIL, BUYER, labels={"old": "1", "theirs": "2"})
    version = shop.stored("orders")["etag"]
    shop.forget()
    changes = [
        described(ORDERS, "All orders"),
        described((*ORDERS, "id"), "Number"),
        described((*ORDERS, "buyer", "home", "zip"), "Where"),
        tagged(ORDERS, "team", "sales"),
        tagged(ORDERS, "old", None),
        tagged((*ORDERS, "email"), "PII", "None"),
    ]
    assert failed(shop.push(*changes)) == []
    assert asked(shop.front) == ["GET sales/tables/orders", "PATCH sales/tables/orders"]
    assert shop.front.received[-1].headers["if-match"] == version
    (name, home) = BUYER["fields"]
    assert body(shop) == {
        "description": "All orders",
        "labels": {"team": "sales", "old": None},
        "schema": {
            "fields": [
                {**ID, "description": "Number"},
                {**EMAIL, "policyTags": {"names": [POLICY.format(3)]}},
                {**BUYER, "fields": [name, {**home, "fields": [{**ID, "name": "zip", "description": "Where"}]}]},
            ]
        },
    }
    assert shop.stored("orders")["labels"] == {"team": "sales", "theirs": "2"}


def test_a_dataset_is_patched_without_touching_who_has_access(shop: Shop) -> None:
    assert failed(shop.push(described(ORDERS[:2], "Sales"), tagged(ORDERS[:2], "team", "sales"))) == []
    assert asked(shop.front) == ["GET sales", "PATCH sales"]
    patch = shop.front.received[-1]
    assert patch.query["updateMode"] == "UPDATE_METADATA"
    assert patch.headers["if-match"]
    assert body(shop) == {"description": "Sales", "labels": {"team": "sales"}}


def test_only_what_differs_is_sent_and_nothing_when_nothing_does(shop: Shop) -> None:
    shop.table("orders", {**ID, "description": "Number"}, description="Orders", labels={"team": "sales"})
    same = [described(ORDERS, "Orders"), described((*ORDERS, "id"), "Number"), tagged(ORDERS, "team", "sales")]
    assert failed(shop.push(*same)) == []
    assert asked(shop.front) == ["GET sales/tables/orders"]
    assert failed(shop.push(*same, tagged(ORDERS, "tier", "gold"))) == []
    assert body(shop) == {"labels": {"tier": "gold"}}


def test_a_description_that_goes_is_sent_as_null(shop: Shop) -> None:
    shop.table("orders", {**ID, "description": "Number"}, description="Orders")
    assert failed(shop.push(described(ORDERS, None), described((*ORDERS, "id"), None))) == []
    assert body(shop) == {"description": None, "schema": {"fields": [{**ID, "description": None}]}}
    assert "description" not in shop.stored("orders")


def test_what_nobody_here_knows_of_a_column_is_sent_back(shop: Shop) -> None:
    strange = {**ID, "collation": "und:ci", "dataPolicies": [{"name": "mask"}], "rangeElementType": {"type": "DATE"}}
    shop.table("orders", strange, EMAIL)
    assert failed(shop.push(described((*ORDERS, "id"), "Number"))) == []
    assert body(shop) == {"schema": {"fields": [{**strange, "description": "Number"}, EMAIL]}}


def test_a_table_is_one_call_however_many_columns_it_has(shop: Shop) -> None:
    columns = [f"c{number}" for number in range(50)]
    tables = [shop.table(f"t{number}", *({**ID, "name": name} for name in columns)) for number in range(20)]
    assert failed(shop.push(*(described((*table, name)) for table in tables for name in columns))) == []
    assert [shop.front.count(method) for method in ("PATCH", "GET")] == [20, 20]


# Somebody else was faster


def beaten(shop: Shop, monkeypatch: pytest.MonkeyPatch, *others: Callable[[], None]) -> None:
    """Have each of the others happen just before a PATCH arrives."""
    left, answer = list(others), shop.front.answer

    def after(request: Request) -> Answer:
        if request.method == "PATCH" and left and request.headers.get("user-agent") != "other":
            monkeypatch.setattr(shop.front, "answer", answer)
            left.pop(0)()
            monkeypatch.setattr(shop.front, "answer", after if left else answer)
        return answer(request)

    monkeypatch.setattr(shop.front, "answer", after)


def test_a_table_that_changed_meanwhile_is_read_again_and_only_our_changes_are_made(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.table("orders", ID, EMAIL)
    others: dict[str, Any] = {
        "fields": [{**ID, "description": "Theirs"}, {**EMAIL, "policyTags": {"names": [POLICY.format(9)]}}]
    }
    beaten(shop, monkeypatch, lambda: shop.by_hand("orders", description="Theirs", schema=others))
    assert failed(shop.push(described((*ORDERS, "email"), "Ours"))) == []
    found = shop.stored("orders")
    assert found["description"] == "Theirs"
    assert found["schema"]["fields"] == [others["fields"][0], {**others["fields"][1], "description": "Ours"}]


def test_a_table_that_never_rests_is_given_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.table("orders")
    times = [lambda n=number: shop.by_hand("orders", description=f"Theirs {n}") for number in range(100)]
    beaten(shop, monkeypatch, *times)
    (outcome,) = shop.push(described((*ORDERS, "id"), "Ours"))
    assert failed([outcome]) == [("id", "serialization")]
    # Three tries of five races, each beaten once.
    assert sum(request.method == "PATCH" for request in shop.front.received) == 2 * 15
    assert shop.stored("orders")["description"] == "Theirs 14"


def test_a_writer_that_lost_its_lease_sends_nothing(shop: Shop) -> None:
    shop.table("orders")

    def permit() -> None:
        raise LeaseLost("another run holds it")

    with shop.connector() as connector, pytest.raises(LeaseLost):
        list(connector.execute(shop.partition, connector.resolve([described(ORDERS)]), permit))
    assert shop.front.count("PATCH") == 0


def test_descriptions_and_tags_of_a_table_are_one_statement_of_descriptions(shop: Shop) -> None:
    (statement,) = shop.connector().resolve([tagged(ORDERS, "team", "sales"), described(ORDERS)])
    assert [each.aspect for each in statement.changes] == [Aspect.DESCRIPTION, Aspect.TAGS]
    assert statement.aspect is Aspect.DESCRIPTION
