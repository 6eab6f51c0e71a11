"""Labels of datasets and tables, policy tags of columns."""

from pathlib import Path as File

import pytest

from reverse_metadata.config import Tags
from reverse_metadata.connectors.base import Connector
from reverse_metadata.model import Aspect, EntityType, Tag, Verdict
from reverse_metadata.planning.tags import wishes
from reverse_metadata_tests.connectors.bigquery.shop import BUYER, EMAIL, ID, Shop, failed, tagged
from reverse_metadata_tests.contract.bigquery import POLICY, standin
from reverse_metadata_tests.contract.estate import Estate
from reverse_metadata_tests.engines.bigquery_standin import BigQueryStandIn

ORDERS = ("shop-project", "sales", "orders")
EMAIL_OF = (*ORDERS, "email")
PHONE = {"name": "phone", "type": "STRING"}


def names(shop: Shop, column: str) -> list[str]:
    """The policy tags of a column."""
    fields = {each["name"]: each for each in shop.stored("orders")["schema"]["fields"]}
    return list(fields[column].get("policyTags", {}).get("names", []))


def refusal(connector: Connector, key: str, value: str | None, kind: str = "column") -> tuple[Verdict | None, str]:
    return connector.refuse(tagged(EMAIL_OF, key, value, kind)) or (None, "")


def test_a_policy_tag_is_set_exchanged_and_taken_off(shop: Shop) -> None:
    shop.table("orders", ID, PHONE)
    for value, expected in (("Sensitive", [POLICY.format(2)]), ("None", [POLICY.format(3)]), (None, [])):
        assert failed(shop.push(tagged((*ORDERS, "phone"), "PII", value))) == []
        assert names(shop, "phone") == expected
    assert names(shop, "id") == []


def test_a_policy_tag_of_others_is_never_taken_off_nor_joined(shop: Shop) -> None:
    shop.table("orders", {**PHONE, "policyTags": {"names": [POLICY.format(9)]}})
    assert failed(shop.push(tagged((*ORDERS, "phone"), "PII", None))) == []
    assert shop.front.count("PATCH") == 0
    (outcome,) = shop.push(tagged((*ORDERS, "phone"), "PII", "Sensitive"))
    assert failed([outcome]) == [("phone", "other")]
    assert f"has the policy tag {POLICY.format(9)}, and takes no second one" in str(outcome.error)
    assert names(shop, "phone") == [POLICY.format(9)]


def test_one_of_ours_makes_room_for_another_key(shop: Shop) -> None:
    shop.table("orders", EMAIL)
    policy_tags = {"PII": {"Sensitive": POLICY.format(2)}, "GDPR": {"Personal": POLICY.format(5)}}
    wanted = (tagged(EMAIL_OF, "GDPR", "Personal"), tagged(EMAIL_OF, "PII", None))
    assert failed(shop.push(*wanted, policy_tags=policy_tags)) == []
    assert names(shop, "email") == [POLICY.format(5)]


def test_a_label_without_an_entry_is_refused_and_never_guessed(shop: Shop) -> None:
    connector = shop.connector()
    assert refusal(connector, "PII", "Sensitive") == (None, "")
    assert refusal(connector, "PII", None) == (None, "")
    for key, value in (("PII", "Other"), ("pii", "sensitive"), ("Tier", "Gold")):
        verdict, reason = refusal(connector, key, value)
        assert verdict is Verdict.UNSUPPORTED
        assert f"no policy tag for {key}: {value}" in reason
    assert refusal(shop.connector(policy_tags={}), "PII", "Sensitive")[0] is Verdict.UNSUPPORTED
    # A plan that was made under another map.
    shop.table("orders", EMAIL)
    assert failed(shop.push(tagged(EMAIL_OF, "PII", "Other"))) == [("email", "invalid_value")]
    assert shop.front.count("PATCH") == 0


def test_a_column_with_columns_takes_no_policy_tag(shop: Shop) -> None:
    assert refusal(shop.connector(), "PII", "Sensitive", "record")[0] is Verdict.UNSUPPORTED
    shop.table("orders", BUYER)
    assert failed(shop.push(tagged((*ORDERS, "buyer", "name"), "PII", "Sensitive"))) == []
    (buyer,) = shop.stored("orders")["schema"]["fields"]
    assert buyer["fields"][0]["policyTags"] == {"names": [POLICY.format(2)]}


def test_a_key_of_a_label_begins_with_a_letter(shop: Shop) -> None:
    connector = shop.connector()
    for key, verdict in (("1st", Verdict.INVALID), ("_x", Verdict.INVALID), ("é", None), ("a-1_b", None)):
        assert (connector.refuse(tagged(ORDERS, key, "x")) or (None,))[0] is verdict
    assert connector.refuse(tagged(ORDERS, "1st", None)) is None


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ("gold", None),
        ("größe-1_x", None),
        ("日本", None),
        ("Gold", Verdict.INVALID),
        ("É", Verdict.INVALID),
        ("a b", Verdict.INVALID),
        ("a.b", Verdict.INVALID),
        ("x" * 63, None),
        ("x" * 64, Verdict.TOO_LONG),
    ],
)
def test_what_a_label_can_hold_is_what_the_stand_in_takes(shop: Shop, value: str, verdict: Verdict | None) -> None:
    limits = shop.connector().capabilities.tag_limits(EntityType.TABLE)
    (wish,) = wishes([Tag(f'tier."{value}"')], Tags(), limits)
    assert wish.verdict is verdict
    shop.table("orders")
    assert (failed(shop.push(tagged(ORDERS, "tier", value))) == []) is (verdict is None)


def test_a_label_of_a_column_is_bound_by_the_map_alone(shop: Shop) -> None:
    (wish,) = wishes([Tag("PII.Sensitive")], Tags(), shop.connector().capabilities.tag_limits(EntityType.COLUMN))
    assert (wish.key, wish.value, wish.verdict) == ("PII", "Sensitive", None)


def test_a_whole_run_writes_policy_tags_and_leaves_those_of_others(
    request: pytest.FixtureRequest, bigquery_standin: BigQueryStandIn, tmp_path: File
) -> None:
    with standin(request) as peer:
        orders = peer.create("orders", [ID, PHONE, {**EMAIL, "policyTags": {"names": [POLICY.format(9)]}}])
        estate = Estate(peer, tmp_path)
        table = next(fqn for fqn in estate.fqns if fqn.endswith(".orders"))
        for column in ("id", "phone", "email"):
            estate.catalog.tag(f"{table}.{column}", "PII.Sensitive")
        estate.catalog.tag(f"{table}.phone", "Domain.Sales")
        estate.catalog.tag(table, "team.sales")
        estate.catalog.describe(table, "All orders")
        applied = estate.run(peer.partition, update_tags=True)
        assert bigquery_standin.count("PATCH") == 1
        # `email` has one of others already, and `Domain` no entry in the map.
        assert applied.counts == {"apply": 4, "too_long": 1, "unsupported": 1}
        assert (applied.statements, applied.problems) == (1, ())
        assert peer.stored((*orders, "phone"), Aspect.TAGS, "PII") == "Sensitive"
        assert estate.run(peer.partition, update_tags=True).statements == 0
