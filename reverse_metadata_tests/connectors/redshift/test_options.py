"""How a Redshift is reached: by a service block, or by what the catalog holds."""

from secrets import token_hex
from typing import Any

import boto3
import pytest
import redshift_connector
from botocore.exceptions import ClientError, NoCredentialsError, ProfileNotFound
from pydantic import ValidationError
from redshift_connector.error import InterfaceError
from redshift_connector.iam_helper import IamHelper

from reverse_metadata.connectors.redshift import RedshiftConnector, RedshiftOptions
from reverse_metadata.connectors.redshift.login import parameters
from reverse_metadata.errors import ConfigurationError, Reason, SourceError
from reverse_metadata.redaction import redact

PASSWORD, SECRET, SESSION, KEY = token_hex(8), token_hex(8), token_hex(8), token_hex(4)
ROLE = "arn:aws:iam::123456789012:role/push"
HOST = "shop.abc123.eu-west-1.redshift.amazonaws.com"
SERVERLESS = "lab.123456789012.eu-west-1.redshift-serverless.amazonaws.com"
HELD = {
    "type": "Redshift",
    "scheme": "redshift+psycopg2",
    "hostPort": f"{HOST}:5439",
    "username": "writer",
    "database": "shop",
    "ingestAllDatabases": False,
    "supportsProfiler": True,
}
FIELDS = {"host": HOST, "port": 5439, "username": "writer", "database": "shop"}
IAM = {"password": "", "sslmode": "verify-ca", "iam": True, "region": "eu-west-1"}


def by_aws(**config: Any) -> dict[str, Any]:
    """How the catalog holds that AWS is asked for a password."""
    return {"authType": {"awsConfig": {"awsRegion": "eu-west-1", **config}}}


@pytest.mark.parametrize(
    ("held", "fields"),
    [
        ({"password": PASSWORD}, {"password": PASSWORD, "sslmode": "disable"}),
        ({"authType": {"password": PASSWORD}}, {"password": PASSWORD, "sslmode": "disable"}),
        ({"authType": {"password": ""}}, {"password": "", "sslmode": "disable"}),
        ({"password": PASSWORD, "sslMode": "disable"}, {"password": PASSWORD, "sslmode": "disable"}),
        ({"password": PASSWORD, "sslMode": "allow"}, {"password": PASSWORD, "sslmode": "verify-ca"}),
        ({"password": PASSWORD, "sslMode": "prefer"}, {"password": PASSWORD, "sslmode": "verify-ca"}),
        ({"password": PASSWORD, "sslMode": "require"}, {"password": PASSWORD, "sslmode": "verify-ca"}),
        ({"password": PASSWORD, "sslMode": "verify-ca"}, {"password": PASSWORD, "sslmode": "verify-ca"}),
        ({"password": PASSWORD, "sslMode": "verify-full"}, {"password": PASSWORD, "sslmode": "verify-full"}),
        (
            {"password": PASSWORD, "connectionArguments": {"application_name": "catalog", "sslmode": "verify-full"}},
            {"password": PASSWORD, "sslmode": "verify-full", "application_name": "catalog"},
        ),
        (
            {"password": PASSWORD, "connectionOptions": {"application_name": "catalog"}},
            {"password": PASSWORD, "sslmode": "disable", "application_name": "catalog"},
        ),
        (by_aws(enabled=True), IAM),
        (by_aws() | {"sslMode": "disable"}, IAM),
        (by_aws() | {"sslMode": "verify-full"}, IAM | {"sslmode": "verify-full"}),
        (by_aws(profileName="push"), IAM | {"profile": "push"}),
        (
            by_aws(awsAccessKeyId=KEY, awsSecretAccessKey=SECRET, awsSessionToken=SESSION, profileName="unused"),
            IAM | {"access_key_id": KEY, "secret_access_key": SECRET, "session_token": SESSION},
        ),
        (by_aws(assumeRoleSessionName="OpenMetadataSession"), IAM),
        (
            by_aws(assumeRoleArn=ROLE, assumeRoleSessionName="nightly", assumeRoleSourceIdentity="etl"),
            IAM
            | {
                "assume_role_arn": ROLE,
                "assume_role_session_name": "nightly",
                "assume_role_source_identity": "etl",
            },
        ),
    ],
)
def test_what_the_catalog_holds_is_reused(held: dict[str, Any], fields: dict[str, Any]) -> None:
    found = RedshiftConnector.options_from_catalog(HELD | held)
    assert found == FIELDS | fields
    RedshiftOptions.model_validate(found)
    for secret in (PASSWORD, SECRET, SESSION):
        assert secret not in found.values() or secret not in redact(f"the secret {secret}")


@pytest.mark.parametrize(
    ("held", "mistake"),
    [
        (
            {"sslConfig": {"caCertificate": "-----BEGIN CERTIFICATE-----"}},
            "the catalog's connection sets sslConfig, and Redshift's driver trusts Amazon's certificates, which it"
            " brings with it, and those of the machine: remove it there, or give the service a block of its own",
        ),
        (
            by_aws(endPointURL="https://redshift.example"),
            "the catalog's connection sets authType.awsConfig.endPointURL, which a service block has no key for: a"
            " profile of AWS's configuration files can have an endpoint_url; name it as `profile` in a service block",
        ),
        (
            by_aws() | {"password": PASSWORD},
            "the catalog's connection sets a password and authType.awsConfig: remove one of them there",
        ),
        (
            by_aws(somethingNew=1),
            "the catalog's connection sets authType.awsConfig.somethingNew, which a service block has no key for",
        ),
        ({"hostPort": ""}, "the catalog's connection names no host (hostPort)"),
        ({"password": "*********"}, "the catalog shows password as asterisks: its token must be a bot's"),
        (
            by_aws(awsSecretAccessKey="*****"),
            "the catalog shows authType.awsConfig.awsSecretAccessKey as asterisks: its token must be a bot's",
        ),
        (
            {"connectionOptions": {"keepalives": "1"}},
            "the catalog's connection sets connectionOptions.keepalives, which a service block has no key for",
        ),
        ({"something": "new"}, "the catalog's connection sets something, which a service block has no key for"),
    ],
)
def test_what_cannot_be_reused_is_named(held: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        RedshiftConnector.options_from_catalog(HELD | held)
    assert raised.value.mistakes == [mistake]


def told(**options: Any) -> dict[str, Any]:
    """What the driver is told, beyond what it is told always."""
    always = {
        "port": 5439,
        "database": "shop",
        "timeout": 10,
        "application_name": "reverse_metadata",
        "tcp_keepalive": True,
        "tcp_keepalive_idle": 30,
        "tcp_keepalive_interval": 10,
        "tcp_keepalive_count": 3,
        "max_prepared_statements": 0,
    }
    given = parameters(RedshiftOptions.model_validate(options), "shop")
    assert always.items() <= given.items()
    return {name: value for name, value in given.items() if name not in always}


def test_the_driver_is_told_of_a_password() -> None:
    assert told(host=HOST, username="writer", password=PASSWORD) == {
        "host": HOST,
        "ssl": True,
        "sslmode": "verify-full",
        "user": "writer",
        "password": PASSWORD,
    }


BY_IAM = {"ssl": True, "sslmode": "verify-full", "iam": True, "iam_disable_cache": True, "region": "eu-west-1"}


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        (
            {"workgroup": "push", "region": "eu-west-1"},
            {"is_serverless": True, "serverless_work_group": "push"},
        ),
        ({"host": SERVERLESS}, {"host": SERVERLESS}),
        (
            {"cluster_identifier": "shop", "region": "eu-west-1", "username": "writer", "profile": "push"},
            {"db_user": "writer", "cluster_identifier": "shop", "profile": "push"},
        ),
        ({"host": HOST, "username": "writer"}, {"host": HOST, "db_user": "writer", "cluster_identifier": "shop"}),
        (
            {"host": "dw.shop.example", "cluster_identifier": "dw", "region": "eu-west-1", "username": "writer"},
            {"host": "dw.shop.example", "db_user": "writer", "cluster_identifier": "dw"},
        ),
        (
            {"host": f"{HOST}.cn", "username": "writer", "access_key_id": KEY, "secret_access_key": SECRET},
            {
                "host": f"{HOST}.cn",
                "db_user": "writer",
                "cluster_identifier": "shop",
                "access_key_id": KEY,
                "secret_access_key": SECRET,
            },
        ),
    ],
)
def test_the_driver_is_told_how_to_ask_aws(options: dict[str, Any], parameters: dict[str, Any]) -> None:
    assert told(iam=True, **options) == BY_IAM | parameters


@pytest.mark.parametrize(
    "held", [{}, {"hostPort": SERVERLESS}, {"hostPort": "dw.shop.example:5439"}], ids=["cluster", "workgroup", "domain"]
)
def test_the_driver_takes_what_the_catalog_holds_of_aws(held: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    class Asked(Exception):
        """The driver has checked all it was told, and would ask AWS next."""

    def ask(info: Any) -> None:
        assert info.region == "eu-west-1"
        raise Asked(info.host)

    monkeypatch.setattr(IamHelper, "set_iam_credentials", ask)
    options = RedshiftOptions.model_validate(RedshiftConnector.options_from_catalog(HELD | by_aws() | held))
    with pytest.raises(Asked, match=options.host):
        redshift_connector.connect(**parameters(options, "shop"))


class Sts:
    """Stands for a client of STS."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal
        self.asked: dict[str, Any] = {}
        self.closed = False

    def assume_role(self, **asked: Any) -> dict[str, Any]:
        self.asked = asked
        if self.refusal is not None:
            raise self.refusal
        return {"Credentials": {"AccessKeyId": "ASIA", "SecretAccessKey": f"{SECRET}2", "SessionToken": f"{SESSION}2"}}

    def close(self) -> None:
        self.closed = True


def with_sts(monkeypatch: pytest.MonkeyPatch, sts: Sts) -> dict[str, Any]:
    """What boto3 is told to sign with from now on."""
    signed: dict[str, Any] = {}

    class Session:
        def __init__(self, **options: Any) -> None:
            signed.update(options)

        def client(self, service: str) -> Sts:
            assert service == "sts"
            return sts

    monkeypatch.setattr(boto3, "Session", Session)
    return signed


def test_a_role_is_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    sts = Sts()
    signed = with_sts(monkeypatch, sts)
    login = told(
        iam=True,
        host=HOST,
        username="writer",
        profile="push",
        assume_role_arn=ROLE,
        assume_role_external_id=f"{SECRET}3",
    )
    assert login == BY_IAM | {
        "host": HOST,
        "db_user": "writer",
        "cluster_identifier": "shop",
        "access_key_id": "ASIA",
        "secret_access_key": f"{SECRET}2",
        "session_token": f"{SESSION}2",
    }
    assert (signed["profile_name"], signed["region_name"], sts.closed) == ("push", "eu-west-1", True)
    assert sts.asked == {"RoleArn": ROLE, "RoleSessionName": "reverse_metadata", "ExternalId": f"{SECRET}3"}
    for secret in (f"{SECRET}2", f"{SESSION}2", f"{SECRET}3"):
        assert secret not in redact(f"the secret {secret}")


def denied(action: str) -> ClientError:
    """What boto3 raises where a policy does not allow an action."""
    return ClientError({"Error": {"Code": "AccessDenied", "Message": f"not authorized: {action}"}}, action)


def test_a_role_that_may_not_be_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    with_sts(monkeypatch, Sts(denied("AssumeRole")))
    options = {"iam": True, "host": HOST, "username": "writer", "assume_role_arn": ROLE}
    with RedshiftConnector(RedshiftOptions.model_validate(options)) as connector, pytest.raises(SourceError) as raised:
        connector.version()
    assert raised.value.reason is Reason.AUTHENTICATION
    assert str(raised.value).startswith(f"assuming the role {ROLE}: AccessDenied: not authorized: AssumeRole.")


@pytest.mark.parametrize(
    ("error", "reason", "says"),
    [
        (denied("GetClusterCredentials"), Reason.AUTHENTICATION, "needs redshift:GetClusterCredentials"),
        (InterfaceError(ProfileNotFound(profile="push")), Reason.AUTHENTICATION, "profile or role of the service"),
        (NoCredentialsError(), Reason.AUTHENTICATION, "Unable to locate credentials"),
        (
            ClientError({"Error": {"Code": "ClusterNotFound", "Message": "Cluster shop not found."}}, "Get"),
            Reason.OTHER,
            "ClusterNotFound: Cluster shop not found",
        ),
        (
            ClientError({"Error": {"Code": "ExpiredToken", "Message": f"of {PASSWORD}"}}, "Get"),
            Reason.AUTHENTICATION,
            "ExpiredToken: of ***",
        ),
    ],
)
def test_what_aws_refuses_is_told(error: Exception, reason: Reason, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(**_: Any) -> None:
        raise error

    monkeypatch.setattr(redshift_connector, "connect", connect)
    RedshiftConnector.options_from_catalog(HELD | {"password": PASSWORD})
    options = RedshiftOptions.model_validate({"iam": True, "host": HOST, "username": "writer"})
    with RedshiftConnector(options) as connector, pytest.raises(SourceError) as raised:
        connector.version()
    assert raised.value.reason is reason
    assert str(raised.value).startswith("connecting to database dev: ")
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("options", "mistake"),
    [
        ({"username": "writer"}, "give `host`"),
        ({"host": HOST}, "give `username`"),
        ({"iam": True}, "give `host`, or `iam: true` with"),
        ({"iam": True, "username": "writer"}, "give `host`, or `iam: true` with"),
        ({"iam": True, "cluster_identifier": "shop"}, "give `username`"),
        ({"iam": True, "host": HOST}, "give `username`"),
        ({"iam": True, "workgroup": "a", "cluster_identifier": "b", "username": "c"}, "give either `cluster_id"),
        ({"iam": True, "workgroup": "a", "sslmode": "disable"}, "`iam` needs TLS"),
        ({"iam": True, "workgroup": "a", "password": "b"}, "give either `password` or `iam"),
        ({"iam": True, "workgroup": "a", "access_key_id": "b"}, "give `access_key_id` and `secret"),
        ({"iam": True, "workgroup": "a", "session_token": "b"}, "`session_token` belongs"),
        (
            {"iam": True, "workgroup": "a", "profile": "b", "access_key_id": "c", "secret_access_key": "d"},
            "give either `profile` or an access key",
        ),
        ({"iam": True, "workgroup": "a", "assume_role_external_id": "b"}, "belong to `assume_role_arn`"),
        ({"host": HOST, "username": "writer", "profile": "push"}, "`profile` does nothing without `iam: true`"),
    ],
)
def test_options_that_contradict_each_other(options: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ValidationError) as raised:
        RedshiftOptions.model_validate(options)
    assert mistake in str(raised.value)
