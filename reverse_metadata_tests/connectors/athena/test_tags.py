"""LF-tags: only on request, call by call, to the letter."""

import re
from typing import Any

import pytest

from reverse_metadata.config.tags import Tags
from reverse_metadata.connectors.athena import AthenaConnector
from reverse_metadata.errors import Reason
from reverse_metadata.model import Aspect, EntityType, SourceState, Tag, Verdict
from reverse_metadata.planning.tags import wishes
from reverse_metadata_tests.connectors.athena.shop import ORDERS, SALES, Shop, changes, column, write
from reverse_metadata_tests.contract.peer import change, errors

ADD, REMOVE = "lakeformation:AddLFTagsToResource", "lakeformation:RemoveLFTagsFromResource"
LIMITS = AthenaConnector.capabilities.tags


def tagged(*wanted: tuple[tuple[str, ...], str, str | None], state: SourceState | None = None) -> list[Any]:
    return [each for path, key, value in wanted for each in changes({path: value}, Aspect.TAGS, key, state)]


def test_without_the_option_nothing_is_asked_of_lake_formation(shop: Shop) -> None:
    with shop.connector() as connector:
        state = connector.read(SALES)
        refused = connector.refuse(change(ORDERS, "none", state, Aspect.TAGS, "pii"))
    assert refused is not None
    assert refused[0] is Verdict.UNSUPPORTED
    assert "lf_tags: true" in refused[1]
    assert shop.aws.count("lakeformation:") == 0


def test_tags_are_read_by_a_call_for_each_table_and_without_those_from_above(shop: Shop) -> None:
    shop.lake.create_lf_tag(TagKey="pii", TagValues=["yes", "no"])
    tag = [{"TagKey": "pii", "TagValues": ["yes"]}]
    shop.lake.add_lf_tags_to_resource(Resource={"Database": {"Name": "sales"}}, LFTags=tag)
    email = {"DatabaseName": "sales", "Name": "orders", "ColumnNames": ["email"]}
    shop.lake.add_lf_tags_to_resource(Resource={"TableWithColumns": email}, LFTags=tag)
    shop.create("stock")
    shop.aws.requests.clear()
    shop.aws.received.clear()
    with shop.connector(lf_tags=True) as connector:
        state = connector.read(SALES)
    assert {path: dict(found.tags) for path, found in state.items() if found.tags} == {
        SALES.path: {"pii": "yes"},
        column("email"): {"pii": "yes"},
    }
    received = zip(shop.aws.requests, shop.aws.received, strict=True)
    bodies = [request.body for name, request in received if name.startswith("lakeformation:")]
    assert len(bodies) == 3
    assert all(b'"ShowAssignedLFTags": true' in body for body in bodies)


def test_what_gets_the_same_is_one_call(shop: Shop) -> None:
    wanted = tagged(
        (ORDERS, "pii", "yes"),
        (ORDERS, "team", "sales"),
        (column("id"), "pii", "no"),
        (column("email"), "pii", "yes"),
        (column("day"), "pii", "no"),
        (SALES.path, "pii", "yes"),
    )
    with shop.connector(lf_tags=True, lf_tags_create=True) as connector:
        assert errors(write(connector, wanted)) == {}
    table = {"DatabaseName": "sales", "Name": "orders"}
    pii, team = ({"TagKey": key, "TagValues": [value]} for key, value in (("pii", "yes"), ("team", "sales")))
    none = {"TagKey": "pii", "TagValues": ["no"]}
    assert shop.sent(ADD) == [
        {"Resource": {"Database": {"Name": "sales"}}, "LFTags": [pii]},
        {"Resource": {"Table": table}, "LFTags": [pii, team]},
        {"Resource": {"TableWithColumns": {**table, "ColumnNames": ["day", "id"]}}, "LFTags": [none]},
        {"Resource": {"TableWithColumns": {**table, "ColumnNames": ["email"]}}, "LFTags": [pii]},
    ]


def test_a_tag_is_removed_by_the_value_that_stands_there_and_after_others_are_set(shop: Shop) -> None:
    with shop.connector(lf_tags=True, lf_tags_create=True) as connector:
        assert errors(write(connector, tagged((ORDERS, "pii", "yes"), (column("id"), "pii", "no")))) == {}
        state = connector.read(SALES)
        wanted = tagged((ORDERS, "pii", None), (column("id"), "pii", None), (ORDERS, "team", "sales"), state=state)
        statements = connector.resolve(wanted)
        assert [statement.text for statement in statements] == [
            'lakeformation.add_lf_tags_to_resource(DatabaseName="sales", Name="orders")\n    "team": "sales"',
            'lakeformation.remove_lf_tags_from_resource(DatabaseName="sales", Name="orders")\n    "pii": "yes"',
            'lakeformation.remove_lf_tags_from_resource(DatabaseName="sales", Name="orders", ColumnNames=["id"])\n'
            '    "pii": "no"',
        ]
        assert errors(connector.execute(SALES, statements)) == {}
        assert {path: dict(found.tags) for path, found in connector.read(SALES).items() if found.tags} == {
            ORDERS: {"team": "sales"}
        }


def test_a_tag_that_is_not_defined_is_refused_alone_and_says_what_would_help(shop: Shop) -> None:
    shop.lake.create_lf_tag(TagKey="pii", TagValues=["no"])
    with shop.connector(lf_tags=True) as connector:
        failed = errors(write(connector, tagged((ORDERS, "pii", "no"), (ORDERS, "team", "sales"))))
        assert dict(connector.read(SALES)[ORDERS].tags) == {"pii": "no"}
    (error,) = failed.values()
    assert error.reason is Reason.INVALID_VALUE
    assert str(error) == (
        "add_lf_tags_to_resource of table sales.orders: EntityNotFoundException: Tag or tag value does not exist. "
        "(LF-tag team = sales). Define the LF-tag team with the value sales in Lake Formation, or set "
        "lf_tags_create: true."
    )


def test_keys_and_values_are_defined_on_request_and_only_once(shop: Shop) -> None:
    shop.lake.create_lf_tag(TagKey="pii", TagValues=["no"])
    with shop.connector(lf_tags=True, lf_tags_create=True) as connector:
        for wanted in (("pii", "yes"), ("team", "sales"), ("team", "sales")):
            assert errors(write(connector, tagged((ORDERS, *wanted)))) == {}
    assert shop.sent("lakeformation:UpdateLFTag") == [{"TagKey": "pii", "TagValuesToAdd": ["yes"]}]
    assert shop.sent("lakeformation:CreateLFTag")[1:] == [{"TagKey": "team", "TagValues": ["sales"]}]


def test_a_tag_that_one_may_not_use_says_so(shop: Shop) -> None:
    tag = {"TagKey": "pii", "TagValues": ["yes"]}
    error = {"ErrorCode": "AccessDeniedException", "ErrorMessage": "Insufficient permissions."}
    shop.answer({"Failures": [{"LFTag": tag, "Error": error}]}, ADD)
    with shop.connector(lf_tags=True) as connector:
        (failed,) = errors(write(connector, tagged((ORDERS, "pii", "yes")))).values()
    assert failed.reason is Reason.MISSING_PRIVILEGE
    assert "Grant ASSOCIATE on the LF-tag pii in Lake Formation." in str(failed)


def test_an_action_that_is_denied_names_the_policy(shop: Shop) -> None:
    with shop.connector(lf_tags=True) as connector, shop.aws.denied(ADD):
        (failed,) = errors(write(connector, tagged((ORDERS, "pii", "yes")))).values()
    assert failed.reason is Reason.MISSING_PRIVILEGE
    assert '"Action": ["lakeformation:AddLFTagsToResource"' in str(failed)


@pytest.mark.parametrize(
    ("label", "rules", "wish"),
    [
        ("PII.Sensitive", Tags(), Verdict.INVALID),
        ("PII.Sensitive", Tags(case="lower"), ("pii", "sensitive")),
        ("PII.Sensitive", Tags(on_invalid="transform"), ("pii", "sensitive")),
        ('"Größe".Übergröße', Tags(on_invalid="transform"), ("größe", "übergröße")),
        ("個人.情報", Tags(), ("個人", "情報")),
        ("a.b#c", Tags(), Verdict.INVALID),
        ("a.b*", Tags(), ("a", "b*")),
        ("a*.b", Tags(), Verdict.INVALID),
        ("a." + "b" * 51, Tags(), Verdict.TOO_LONG),
    ],
)
def test_what_comes_back_is_what_was_sent(label: str, rules: Tags, wish: Any) -> None:
    (found,) = wishes([Tag(label)], rules, LIMITS)
    assert (found.verdict or (found.key, found.value)) == wish


def test_no_letter_is_taken_that_aws_would_turn_into_another_one() -> None:
    taken = re.compile(f"[{LIMITS.key_characters}{LIMITS.value_characters}]")
    assert [letter for letter in map(chr, range(0x10000)) if taken.match(letter) and letter.lower() != letter] == []


def test_links_have_no_tags(shop: Shop) -> None:
    shop.create("theirs", TargetTable={"DatabaseName": "theirs", "Name": "orders"})
    theirs = (*SALES.path, "theirs")
    with shop.connector(lf_tags=True) as connector:
        state = connector.read(SALES)
        for path in (theirs, column("id", theirs)):
            refused = connector.refuse(change(path, "yes", state, Aspect.TAGS, "pii"))
            assert refused is not None
            assert refused[0] is Verdict.UNSUPPORTED
        assert connector.refuse(change(ORDERS, "yes", state, Aspect.TAGS, "pii")) is None
    assert shop.aws.count("lakeformation:GetResourceLFTags") == 2
    assert EntityType.TABLE in connector.capabilities.levels[Aspect.TAGS]
