from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from reverse_metadata_tests.engines.aws import AwsFront
from reverse_metadata_tests.engines.front import When

ONCE = Config(retries={"max_attempts": 0})


@pytest.fixture
def glue(aws: AwsFront) -> Any:
    client = aws.client("glue", config=ONCE)
    client.create_database(DatabaseInput={"Name": "shop"})
    client.create_table(DatabaseName="shop", TableInput=table())
    aws.requests.clear()
    return client


def table(description: str = "", comment: str = "", **more: Any) -> dict[str, Any]:
    columns = [{"Name": "id", "Type": "int"}, {"Name": "email", "Type": "string", "Comment": comment}]
    return {"Name": "orders", "Description": description, "StorageDescriptor": {"Columns": columns}, **more}


def test_a_table_reads_back_as_it_was_written(aws: AwsFront, glue: Any) -> None:
    glue.update_table(DatabaseName="shop", TableInput=table("Orders,\nall", "é" * 255), SkipArchive=True)
    found = glue.get_table(DatabaseName="shop", Name="orders")["Table"]
    assert found["Description"] == "Orders,\nall"
    assert found["StorageDescriptor"]["Columns"][1]["Comment"] == "é" * 255
    assert aws.requests == [
        "glue:UpdateTable arn:aws:glue:eu-west-1:123456789012:table/shop/orders",
        "glue:GetTable arn:aws:glue:eu-west-1:123456789012:table/shop/orders",
    ]
    assert aws.count("glue:UpdateTable") == 1


def test_nothing_is_left_of_the_test_before(aws: AwsFront) -> None:
    assert aws.client("glue").get_databases()["DatabaseList"] == []
    assert aws.requests == ["glue:GetDatabases arn:aws:glue:eu-west-1:123456789012:catalog"]


def test_a_client_finds_its_way_by_the_environment(aws: AwsFront, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    assert boto3.client("sts").get_caller_identity()["Arn"] == aws.user
    assert aws.requests == ["sts:GetCallerIdentity *"]


def test_an_update_of_an_older_version_is_refused(glue: Any) -> None:
    version = glue.get_table(DatabaseName="shop", Name="orders")["Table"]["VersionId"]
    glue.update_table(DatabaseName="shop", TableInput=table("first"), VersionId=version)
    with pytest.raises(glue.exceptions.ConcurrentModificationException, match="due to concurrent modifications"):
        glue.update_table(DatabaseName="shop", TableInput=table("second"), VersionId=version)
    assert glue.get_table(DatabaseName="shop", Name="orders")["Table"]["Description"] == "first"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (table("x" * 2049), "at 'table.description' failed .* length less than or equal to 2048"),
        (table(comment="x" * 256), "at 'table.storageDescriptor.columns.2.member.comment' .* equal to 255"),
        (table(comment="a\nb"), "'table.storageDescriptor.columns.2.member.comment' .* regular expression pattern"),
        (table("a\0b"), "1 validation error detected: .*'table.description' failed .* regular expression pattern"),
        (table("a\0b", "x" * 256), "2 validation errors detected"),
        (table(PartitionKeys=[{"Name": "d", "Comment": "x" * 256}]), "at 'table.partitionKeys.1.member.comment'"),
    ],
)
def test_what_is_too_long_or_no_character_is_refused(glue: Any, wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=rf"(?s)\(ValidationException\).* {message}"):
        glue.update_table(DatabaseName="shop", TableInput=wanted)
    assert glue.get_table(DatabaseName="shop", Name="orders")["Table"]["Description"] == ""


def test_the_description_of_a_database_has_a_limit_too(glue: Any) -> None:
    glue.update_database(Name="shop", DatabaseInput={"Name": "shop", "Description": "x" * 2048})
    with pytest.raises(ClientError, match=r"\(ValidationException\).* 'database.description'"):
        glue.update_database(Name="shop", DatabaseInput={"Name": "shop", "Description": "x" * 2049})


def test_a_denied_action_is_answered_in_the_words_of_iam(aws: AwsFront, glue: Any) -> None:
    with aws.denied("glue:UpdateTable", aws.arn("table/shop/*")):
        with pytest.raises(glue.exceptions.AccessDeniedException) as caught:
            glue.update_table(DatabaseName="shop", TableInput=table("x"))
        assert caught.value.response["Error"]["Message"] == (
            "User: arn:aws:sts::123456789012:user/moto is not authorized to perform: glue:UpdateTable on resource: "
            "arn:aws:glue:eu-west-1:123456789012:table/shop/orders because no identity-based policy allows the "
            "glue:UpdateTable action"
        )
        glue.update_database(Name="shop", DatabaseInput={"Name": "shop"})
    glue.update_table(DatabaseName="shop", TableInput=table("x"))


@pytest.mark.parametrize(("when", "description"), [("before", ""), ("after", "x")])
def test_a_connection_is_lost_before_or_after_the_update(
    aws: AwsFront, glue: Any, when: When, description: str
) -> None:
    aws.lose_next(when, "glue:UpdateTable")
    with pytest.raises(ConnectionClosedError):
        glue.update_table(DatabaseName="shop", TableInput=table("x"))
    assert glue.get_table(DatabaseName="shop", Name="orders")["Table"]["Description"] == description


def test_any_other_error_is_played(aws: AwsFront, glue: Any) -> None:
    aws.answer_next(aws.refusal("ThrottlingException", "Rate exceeded"), "glue:UpdateTable")
    with pytest.raises(ClientError, match=r"\(ThrottlingException\).* Rate exceeded"):
        glue.update_table(DatabaseName="shop", TableInput=table("x"))
    glue.update_table(DatabaseName="shop", TableInput=table("x"))


def test_lake_formation_tags_tables_and_columns(aws: AwsFront, glue: Any) -> None:
    lake = aws.client("lakeformation", config=ONCE)
    lake.create_lf_tag(TagKey="pii", TagValues=["sensitive", "none"])
    email = {"TableWithColumns": {"DatabaseName": "shop", "Name": "orders", "ColumnNames": ["email"]}}
    tag = {"TagKey": "pii", "TagValues": ["sensitive"]}
    assert lake.add_lf_tags_to_resource(Resource=email, LFTags=[tag])["Failures"] == []
    assert lake.get_resource_lf_tags(Resource=email)["LFTagsOnColumns"][0]["Name"] == "email"
    (failure,) = lake.add_lf_tags_to_resource(Resource=email, LFTags=[{"TagKey": "no", "TagValues": ["x"]}])["Failures"]
    assert failure["Error"]["ErrorCode"] == "EntityNotFoundException"
    with aws.denied("lakeformation:AddLFTagsToResource"):
        with pytest.raises(lake.exceptions.AccessDeniedException, match="lakeformation:AddLFTagsToResource"):
            lake.add_lf_tags_to_resource(Resource=email, LFTags=[tag])


def test_lake_formation_keeps_tags_in_lower_case(aws: AwsFront, glue: Any) -> None:
    lake = aws.client("lakeformation", config=ONCE)
    lake.create_lf_tag(TagKey="PII", TagValues=["Sensitive"])
    shop = {"Database": {"Name": "shop"}}
    lake.add_lf_tags_to_resource(Resource=shop, LFTags=[{"TagKey": "Pii", "TagValues": ["SENSITIVE"]}])
    (tag,) = lake.get_resource_lf_tags(Resource=shop)["LFTagOnDatabase"]
    assert (tag["TagKey"], tag["TagValues"]) == ("pii", ["sensitive"])


def test_athena_accepts_every_query(aws: AwsFront) -> None:
    athena = aws.client("athena")
    output = {"OutputLocation": "s3://results/"}
    query = athena.start_query_execution(QueryString="nonsense", ResultConfiguration=output)["QueryExecutionId"]
    state = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]["State"]
    assert state == "SUCCEEDED"
    assert aws.requests[0] == "athena:StartQueryExecution *"
