"""What preflight finds missing, by calls that change nothing."""

import json
import shlex
from typing import Any

import pytest

from reverse_metadata.connectors.athena.grants import principal_of
from reverse_metadata.connectors.base import Missing, Need
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, Path
from reverse_metadata_tests.connectors.athena.shop import ORDERS, SALES, Shop, changes, column, write
from reverse_metadata_tests.contract.peer import errors
from reverse_metadata_tests.engines.front import Answer

GLUE = "arn:aws:glue:eu-west-1:123456789012:"


def needs(*paths: Path, kind: str = "table") -> list[Need]:
    return [Need(Aspect.DESCRIPTION, path, kind) for path in paths]


def statement(missing: Missing) -> dict[str, Any]:
    (grant,) = missing.grants
    found: dict[str, Any] = json.loads(grant)
    return found


def simulated(*decisions: str) -> Answer:
    """IAM's answer to what it would decide."""
    members = "".join(
        f"<member><EvalActionName>glue:UpdateDatabase</EvalActionName><EvalDecision>{decision}</EvalDecision></member>"
        for decision in decisions
    )
    inner = f"<EvaluationResults>{members}</EvaluationResults>"
    body = f"<R xmlns='x'><SimulatePrincipalPolicyResult>{inner}</SimulatePrincipalPolicyResult></R>"
    return Answer(200, body.encode(), {"Content-Type": "text/xml"})


def test_one_statement_names_all_tables_and_what_they_stand_in(shop: Shop) -> None:
    shop.create("stock")
    stock = (*SALES.path, "stock")
    with shop.connector() as connector, shop.aws.denied("glue:UpdateTable"):
        (found,) = connector.missing(SALES, needs(ORDERS, column("id"), stock))
    assert found.what == "no policy allows the writer glue:UpdateTable on tables sales.orders, sales.stock."
    assert statement(found) == {
        "Effect": "Allow",
        "Action": ["glue:UpdateTable"],
        "Resource": [
            f"{GLUE}{name}" for name in ("catalog", "database/sales", "table/sales/orders", "table/sales/stock")
        ],
    }


def test_of_many_tables_the_schema_is_named(shop: Shop) -> None:
    tables = [(*SALES.path, f"t{number:02}") for number in range(21)]
    for table in tables:
        shop.create(table[2])
    with shop.connector() as connector, shop.aws.denied("glue:UpdateTable"):
        (found,) = connector.missing(SALES, needs(*tables))
    assert statement(found)["Resource"][-1] == f"{GLUE}table/sales/*"
    assert found.what.endswith("sales.t19 and 1 more.")


def test_trying_out_changes_nothing(shop: Shop) -> None:
    before = shop.table()
    with shop.connector() as connector:
        assert connector.missing(SALES, needs(ORDERS)) == []
    after = shop.table()
    assert {**before, "ResponseMetadata": 0} == {**after, "ResponseMetadata": 0}
    (tried,) = shop.sent("glue:UpdateTable")
    assert tried["VersionId"] == "1999"
    assert tried["SkipArchive"] is True
    assert tried["TableInput"]["StorageDescriptor"] == before["StorageDescriptor"]


@pytest.mark.parametrize(
    "kind", ["resource link", "column of a resource link", "multi-dialect view", "federated table"]
)
def test_what_is_not_written_is_not_tried_out(shop: Shop, kind: str) -> None:
    with shop.connector() as connector, shop.aws.denied("glue:UpdateTable"):
        assert connector.missing(SALES, needs(ORDERS, kind=kind)) == []
    assert shop.aws.requests == []


def test_a_version_that_nobody_tells_cannot_be_tried_out(shop: Shop) -> None:
    shop.answer({"Table": {"Name": "orders"}}, "glue:GetTable")
    with shop.connector() as connector:
        assert connector.missing(SALES, needs(ORDERS)) == []
    assert shop.aws.count("glue:UpdateTable") == 0


def test_lake_formation_grants_by_table(shop: Shop) -> None:
    message = "Insufficient Lake Formation permission(s): Required Alter on orders"
    shop.refuse("AccessDeniedException", "glue:UpdateTable", message, times=2)
    with shop.connector() as connector:
        (found,) = connector.missing(SALES, needs(ORDERS))
        (error,) = errors(write(connector, changes({ORDERS: "x"}))).values()
    (grant,) = found.grants
    assert shlex.split(grant) == [
        *("aws", "lakeformation", "grant-permissions"),
        *("--principal", f"DataLakePrincipalIdentifier={shop.aws.user}"),
        *("--permissions", "ALTER", "DESCRIBE"),
        *("--resource", '{"Table": {"DatabaseName": "sales", "Name": "orders"}}'),
    ]
    assert found.what == f"Lake Formation has not granted ALTER DESCRIBE on table sales.orders to {shop.aws.user}."
    assert str(error).endswith(f"What is missing: {grant}")


@pytest.mark.parametrize(("decisions", "lacks"), [(("allowed", "allowed"), False), (("allowed", "implicitDeny"), True)])
def test_of_a_database_iam_is_asked(shop: Shop, decisions: tuple[str, ...], lacks: bool) -> None:
    shop.aws.answer_next(simulated(*decisions), "iam:SimulatePrincipalPolicy")
    with shop.connector() as connector:
        found = connector.missing(SALES, needs(SALES.path, kind="schema"))
    assert [statement(each)["Action"] for each in found] == ([["glue:UpdateDatabase"]] if lacks else [])
    assert shop.aws.count("glue:UpdateDatabase") == 0


def test_what_iam_does_not_tell_is_not_known_to_be_missing(shop: Shop) -> None:
    shop.aws.answer_next(shop.aws.refusal_in_xml("AccessDenied", "no", 403), "iam:SimulatePrincipalPolicy")
    with shop.connector() as connector:
        assert connector.missing(SALES, needs(SALES.path, kind="schema")) == []


@pytest.mark.parametrize(
    ("message", "helps"),
    [
        ("no identity-based policy allows it", '"glue:UpdateDatabase"'),
        ("Insufficient Lake Formation permission(s): Required Alter on sales", "aws lakeformation grant-permissions"),
    ],
)
def test_a_database_that_may_not_be_updated_says_what_would_help(shop: Shop, message: str, helps: str) -> None:
    shop.refuse("AccessDeniedException", "glue:UpdateDatabase", message)
    with shop.connector() as connector:
        (error,) = errors(write(connector, changes({SALES.path: "x"}))).values()
    assert error.reason is Reason.MISSING_PRIVILEGE
    assert helps in str(error)


def test_a_database_that_may_not_be_read_says_what_would_help(shop: Shop) -> None:
    with shop.connector() as connector, shop.aws.denied("glue:GetTables"), pytest.raises(SourceError) as raised:
        connector.read(SALES)
    assert raised.value.reason is Reason.MISSING_PRIVILEGE
    assert '"Action": ["glue:GetDatabase", "glue:GetTable", "glue:GetTables"]' in str(raised.value)


@pytest.mark.parametrize("denied", ["lakeformation:AddLFTagsToResource", "lakeformation:RemoveLFTagsFromResource"])
def test_tags_are_tried_out_with_one_that_does_not_exist(shop: Shop, denied: str) -> None:
    need = [Need(Aspect.TAGS, ORDERS, "table")]
    with shop.connector(lf_tags=True, lf_tags_create=True) as connector:
        assert connector.missing(SALES, need) == []
        with shop.aws.denied(denied):
            (found,) = connector.missing(SALES, need)
    assert denied in statement(found)["Action"]
    assert "lakeformation:CreateLFTag" in statement(found)["Action"]


def test_without_tags_lake_formation_is_not_asked(shop: Shop) -> None:
    with shop.connector() as connector:
        assert connector.missing(SALES, [Need(Aspect.TAGS, ORDERS, "table")]) == []
    assert shop.aws.requests == []


def test_a_lost_connection_is_not_taken_for_a_right(shop: Shop) -> None:
    shop.aws.lose_next("before", "glue:UpdateTable")
    with shop.connector() as connector, pytest.raises(SourceError):
        connector.missing(SALES, needs(ORDERS))


def test_a_catalog_within_a_catalog_has_its_own_arns(shop: Shop) -> None:
    with shop.connector(catalog_id="210987654321:s3tablescatalog/b") as connector, shop.aws.denied("glue:UpdateTable"):
        (found,) = connector.missing(SALES, needs(ORDERS))
    assert statement(found)["Resource"] == [
        "arn:aws:glue:eu-west-1:210987654321:catalog",
        "arn:aws:glue:eu-west-1:210987654321:catalog/s3tablescatalog",
        "arn:aws:glue:eu-west-1:210987654321:catalog/s3tablescatalog/b",
        "arn:aws:glue:eu-west-1:210987654321:database/s3tablescatalog/b/sales",
        "arn:aws:glue:eu-west-1:210987654321:table/s3tablescatalog/b/sales/orders",
    ]


@pytest.mark.parametrize(
    ("arn", "principal"),
    [
        ("arn:aws-cn:sts::1:assumed-role/writer/session", "arn:aws-cn:iam::1:role/writer"),
        ("arn:aws:iam::1:user/etl/writer", "arn:aws:iam::1:user/etl/writer"),
    ],
)
def test_a_session_is_granted_through_its_role(arn: str, principal: str) -> None:
    assert principal_of(arn) == principal
