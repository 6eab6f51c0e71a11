"""How AWS is reached: by a service block, or by what the catalog holds."""

from datetime import UTC, datetime, timedelta
from pathlib import Path as File
from secrets import token_hex
from typing import Any

import pytest
from pydantic import ValidationError

from reverse_metadata.connectors.athena import AthenaConnector, AthenaOptions
from reverse_metadata.connectors.athena.clients import Clients
from reverse_metadata.connectors.base import is_connection
from reverse_metadata.errors import ConfigurationError, Reason, SourceError
from reverse_metadata.redaction import redact
from reverse_metadata_tests.connectors.athena.shop import SALES, Shop
from reverse_metadata_tests.contract.athena import options
from reverse_metadata_tests.engines.aws import AwsFront

ATHENA: dict[str, Any] = {"type": "Athena", "scheme": "awsathena+rest", "s3StagingDir": "s3://r/", "workgroup": "etl"}
OURS = {"output_location": "s3://r/", "workgroup": "etl"}
REGION = {"awsRegion": "eu-west-1"}
KEYS = {"awsAccessKeyId": "id", "awsSecretAccessKey": "a secret", **REGION}
ROLE = "arn:aws:iam::123456789012:role/writer"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"access_key_id": "a"}, "give `access_key_id` and `secret_access_key` together"),
        ({"secret_access_key": "a"}, "give `access_key_id` and `secret_access_key` together"),
        ({"session_token": "a"}, "`session_token` belongs to an access key"),
        ({"access_key_id": "a", "secret_access_key": "b", "profile": "c"}, "give either `profile` or an access key"),
        ({"assume_role_external_id": "a"}, "belong to `assume_role_arn`"),
        ({"assume_role_source_identity": "a"}, "belong to `assume_role_arn`"),
        ({"lf_tags_create": True}, "`lf_tags_create` does nothing without `lf_tags: true`"),
        ({"max_attempts": 0}, "greater than or equal to 1"),
        ({"endpoints": {"s3": "http://x"}}, "Input should be 'athena', 'glue'"),
    ],
)
def test_what_does_not_belong_together_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        AthenaOptions(**given)


def test_what_says_where_and_as_whom_is_told_apart_from_the_rest() -> None:
    rest = {name for name in AthenaOptions.model_fields if not is_connection(AthenaOptions, name)}
    assert rest == {
        *("rewrite", "catalog_id", "workgroup", "output_location", "skip_archive", "lf_tags", "lf_tags_create"),
        *("query_timeout", "connect_timeout", "read_timeout", "max_attempts"),
    }


@pytest.mark.parametrize(
    ("connection", "fields"),
    [
        ({**ATHENA, "awsConfig": REGION}, {**OURS, "region": "eu-west-1"}),
        (
            {**ATHENA, "awsConfig": KEYS},
            {**OURS, "region": "eu-west-1", "access_key_id": "id", "secret_access_key": "a secret"},
        ),
        (
            {"type": "Glue", "awsConfig": {**KEYS, "awsSessionToken": "a token", "enabled": False}},
            {
                "region": "eu-west-1",
                "access_key_id": "id",
                "secret_access_key": "a secret",
                "session_token": "a token",
            },
        ),
        ({"awsConfig": {**REGION, "profileName": "etl", "enabled": True}}, {"region": "eu-west-1", "profile": "etl"}),
        (
            {"awsConfig": {**KEYS, "profileName": "etl"}},
            {"region": "eu-west-1", "access_key_id": "id", "secret_access_key": "a secret"},
        ),
        (
            {"awsConfig": {**REGION, "assumeRoleArn": ROLE}},
            {"region": "eu-west-1", "assume_role_arn": ROLE},
        ),
        (
            {
                "awsConfig": {
                    **REGION,
                    "assumeRoleArn": ROLE,
                    "assumeRoleSessionName": "OpenMetadataSession",
                    "assumeRoleSourceIdentity": "etl",
                }
            },
            {
                "region": "eu-west-1",
                "assume_role_arn": ROLE,
                "assume_role_session_name": "OpenMetadataSession",
                "assume_role_source_identity": "etl",
            },
        ),
        ({"awsConfig": {**REGION, "assumeRoleSessionName": "OpenMetadataSession"}}, {"region": "eu-west-1"}),
        (
            {**ATHENA, "databaseName": "lake", "catalogId": "2", "awsConfig": REGION, "supportsProfiler": True},
            {**OURS, "catalog_id": "2", "region": "eu-west-1"},
        ),
        (
            {
                **ATHENA,
                "awsConfig": REGION,
                "connectionOptions": {},
                "connectionArguments": {
                    "work_group": "other",
                    "s3_staging_dir": "s3://o/",
                    "catalog_name": "AwsDataCatalog",
                },
            },
            {"output_location": "s3://o/", "workgroup": "other", "region": "eu-west-1"},
        ),
    ],
)
def test_what_the_catalog_holds_is_reused(connection: dict[str, Any], fields: dict[str, Any]) -> None:
    found = AthenaConnector.options_from_catalog(connection)
    assert found == fields
    AthenaOptions(**found)


@pytest.mark.parametrize(
    ("connection", "mistake"),
    [
        (
            {"awsConfig": {**REGION, "endPointURL": "https://glue.example"}},
            "the catalog's connection sets awsConfig.endPointURL, which is where one of AWS's services is called and a "
            "writer calls several: give the service a block of its own with endpoint_url or endpoints",
        ),
        (
            {"awsConfig": {**REGION, "awsSecretAccessKey": "*****", "awsAccessKeyId": "id"}},
            "the catalog shows awsConfig.awsSecretAccessKey as asterisks: its token must be a bot's",
        ),
        (
            {"awsConfig": {**REGION, "externalId": "x"}},
            "the catalog's connection sets awsConfig.externalId, which a service block has no key for",
        ),
        (
            {"awsConfig": REGION, "connectionArguments": {"poll_interval": 1}},
            "the catalog's connection sets connectionArguments.poll_interval, which a service block has no key for",
        ),
        (
            {"awsConfig": REGION, "connectionOptions": {"role_arn": "x"}},
            "the catalog's connection sets connectionOptions.role_arn, which a service block has no key for",
        ),
        (
            {"awsConfig": REGION, "connectionArguments": {"catalog_name": "mysql"}},
            "the catalog's connection sets connectionArguments.catalog_name to a data source that is not Glue's: its "
            "tables can only be described where they come from",
        ),
        ({"hostPort": "x"}, "the catalog's connection sets hostPort, which a service block has no key for"),
    ],
)
def test_what_cannot_be_reused_is_named(connection: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        AthenaConnector.options_from_catalog(connection)
    assert raised.value.mistakes == [mistake]


def test_secrets_are_never_shown_again() -> None:
    secret, token, external = token_hex(20), token_hex(20), token_hex(20)
    given = {"access_key_id": "id", "secret_access_key": secret, "session_token": token}
    AthenaConnector(AthenaOptions(**given, assume_role_arn=ROLE, assume_role_external_id=external))
    assert redact(f"{secret} {token} {external}") == "******** ******** ********"


def test_a_role_is_assumed_once_for_all_services(shop: Shop) -> None:
    role = {
        "assume_role_arn": ROLE,
        "assume_role_session_name": "night",
        "assume_role_external_id": "agreed",
        "assume_role_source_identity": "etl",
    }
    with shop.connector(**role, lf_tags=True) as connector:
        connector.read(SALES)
        connector.identity()
    assert shop.aws.count("sts:AssumeRole") == 1
    body = next(each.body.decode() for each in shop.aws.received if b"Action=AssumeRole" in each.body)
    for said in ("RoleSessionName=night", "ExternalId=agreed", "SourceIdentity=etl", "role%2Fwriter"):
        assert said in body
    signed = {each.headers["authorization"].split("/")[0] for each in shop.aws.received}
    assert len(signed) == 2


def test_a_role_is_assumed_again_before_its_session_ends(aws: AwsFront) -> None:
    clients = Clients(options(aws, assume_role_arn=ROLE))
    assert clients.call("glue", "get_databases", "reading")["DatabaseList"] == []
    clients._expires = datetime.now(UTC) + timedelta(minutes=4)
    assert clients.call("glue", "get_databases", "reading")["DatabaseList"] == []
    clients.close()
    assert aws.count("sts:AssumeRole") == 2


def test_who_may_not_assume_the_role_has_not_signed_in(aws: AwsFront) -> None:
    aws.answer_next(aws.refusal_in_xml("AccessDenied", "not authorized to perform: sts:AssumeRole", 403), "sts:")
    with AthenaConnector(options(aws, assume_role_arn=ROLE)) as connector, pytest.raises(SourceError) as raised:
        connector.read(SALES)
    assert raised.value.reason is Reason.AUTHENTICATION
    assert str(raised.value) == (
        f"assuming the role {ROLE}: AccessDenied: not authorized to perform: sts:AssumeRole. The role's trust policy "
        "must allow whoever signs, and their policies sts:AssumeRole."
    )


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: File) -> File:
    """A home without credentials, in no cloud."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path


@pytest.mark.parametrize(
    ("given", "reason", "says"),
    [
        ({"region": "eu-west-1"}, Reason.AUTHENTICATION, "Unable to locate credentials. Check the access key"),
        ({}, Reason.OTHER, "You must specify a region. Give the service a region."),
        ({"profile": "etl"}, Reason.AUTHENTICATION, "The config profile (etl) could not be found. Check the access"),
    ],
)
def test_who_cannot_sign_is_told_what_to_do(nobody: File, given: dict[str, Any], reason: Reason, says: str) -> None:
    with AthenaConnector(AthenaOptions(**given)) as connector, pytest.raises(SourceError) as raised:
        connector.read(SALES)
    assert raised.value.reason is reason
    assert says in str(raised.value)


def test_a_profile_signs(nobody: File, aws: AwsFront) -> None:
    keys = aws.environment
    text = f"aws_access_key_id = {keys['AWS_ACCESS_KEY_ID']}\naws_secret_access_key = {keys['AWS_SECRET_ACCESS_KEY']}"
    (nobody / "credentials").write_text(f"[etl]\n{text}\nregion = eu-west-1\n", encoding="utf-8")
    with AthenaConnector(AthenaOptions(profile="etl", endpoint_url=aws.url)) as connector:
        assert connector.identity() == "aws/eu-west-1/123456789012"


def test_a_single_service_may_be_called_elsewhere(aws: AwsFront) -> None:
    elsewhere = {"endpoint_url": "http://127.0.0.1:9", "endpoints": {"sts": aws.url}}
    with AthenaConnector(options(aws, **elsewhere)) as connector:
        assert connector.version() == "AWS Glue Data Catalog of 123456789012 in eu-west-1"
        with pytest.raises(SourceError) as raised:
            connector.read(SALES)
    assert raised.value.reason is Reason.CONNECTION


@pytest.mark.parametrize(
    ("given", "identity"),
    [
        ({}, "aws/eu-west-1/123456789012"),
        ({"catalog_id": "123456789012"}, "aws/eu-west-1/123456789012"),
        ({"catalog_id": "210987654321"}, "aws/eu-west-1/210987654321"),
        ({"region": "cn-north-1"}, "aws-cn/cn-north-1/123456789012"),
    ],
)
def test_two_services_are_one_catalog_when_they_are(aws: AwsFront, given: dict[str, Any], identity: str) -> None:
    with AthenaConnector(options(aws, **given)) as connector:
        assert connector.identity() == connector.place() == identity
