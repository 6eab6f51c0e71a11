"""How a Redshift is reached: by a service block, or by what the catalog holds."""

from secrets import token_hex
from typing import Any

import pytest
from pydantic import ValidationError

from reverse_metadata.connectors.redshift import RedshiftConnector, RedshiftOptions
from reverse_metadata.errors import ConfigurationError
from reverse_metadata.redaction import redact

PASSWORD, SECRET = token_hex(8), token_hex(8)
HOST = "shop.abc.eu-west-1.redshift.amazonaws.com"
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


@pytest.mark.parametrize(
    ("held", "fields"),
    [
        ({"password": PASSWORD}, {"password": PASSWORD, "sslmode": "disable"}),
        ({"authType": {"password": PASSWORD}}, {"password": PASSWORD, "sslmode": "disable"}),
        ({"password": PASSWORD, "sslMode": "disable"}, {"password": PASSWORD, "sslmode": "disable"}),
        ({"password": PASSWORD, "sslMode": "prefer"}, {"password": PASSWORD, "sslmode": "verify-ca"}),
        ({"password": PASSWORD, "sslMode": "require"}, {"password": PASSWORD, "sslmode": "verify-ca"}),
        ({"password": PASSWORD, "sslMode": "verify-full"}, {"password": PASSWORD, "sslmode": "verify-full"}),
        (
            {"password": PASSWORD, "connectionArguments": {"application_name": "catalog"}},
            {"password": PASSWORD, "sslmode": "disable", "application_name": "catalog"},
        ),
        (
            {"authType": {"awsConfig": {"awsRegion": "eu-west-1", "profileName": "push", "enabled": True}}},
            {"password": "", "sslmode": "disable", "iam": True, "region": "eu-west-1", "profile": "push"},
        ),
        (
            {
                "authType": {
                    "awsConfig": {
                        "awsRegion": "eu-west-1",
                        "awsAccessKeyId": "key",
                        "awsSecretAccessKey": SECRET,
                        "awsSessionToken": "session-token",
                    }
                }
            },
            {
                "password": "",
                "sslmode": "disable",
                "iam": True,
                "region": "eu-west-1",
                "access_key_id": "key",
                "secret_access_key": SECRET,
                "session_token": "session-token",
            },
        ),
    ],
)
def test_what_the_catalog_holds_is_reused(held: dict[str, Any], fields: dict[str, Any]) -> None:
    found = RedshiftConnector.options_from_catalog(HELD | held)
    assert found == FIELDS | fields
    RedshiftOptions.model_validate(found)
    assert SECRET not in redact(f"the secret {SECRET}") or "secret_access_key" not in found


@pytest.mark.parametrize(
    ("held", "mistake"),
    [
        (
            {"sslConfig": {"caCertificate": "-----BEGIN CERTIFICATE-----"}},
            "the catalog's connection sets sslConfig, and Redshift's driver brings Amazon's certificates with it:"
            " remove them there, or give the service a block of its own",
        ),
        (
            {"authType": {"awsConfig": {"awsRegion": "eu-west-1", "assumeRoleArn": "arn:aws:iam::1:role/push"}}},
            "the catalog's connection sets authType.awsConfig.assumeRoleArn, which Redshift's driver has no key for:"
            " name a `profile` that assumes the role in a service block",
        ),
        ({"password": "*********"}, "the catalog shows password as asterisks: its token must be a bot's"),
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
    parameters = RedshiftOptions.model_validate(options).connection_parameters("shop")
    assert always.items() <= parameters.items()
    return {name: value for name, value in parameters.items() if name not in always}


def test_the_driver_is_told_of_a_password() -> None:
    assert told(host=HOST, username="writer", password=PASSWORD) == {
        "host": HOST,
        "ssl": True,
        "sslmode": "verify-full",
        "user": "writer",
        "password": PASSWORD,
    }


def test_the_driver_is_told_of_a_workgroup_and_a_cluster() -> None:
    serverless = told(iam=True, workgroup="push", region="eu-west-1")
    assert serverless == {
        "ssl": True,
        "sslmode": "verify-full",
        "iam": True,
        "region": "eu-west-1",
        "is_serverless": True,
        "serverless_work_group": "push",
    }
    cluster = told(iam=True, cluster_identifier="shop", username="writer", profile="push", sslmode="disable")
    assert cluster == {
        "ssl": False,
        "iam": True,
        "db_user": "writer",
        "cluster_identifier": "shop",
        "profile": "push",
    }


@pytest.mark.parametrize(
    "options", [{"username": "writer"}, {"host": HOST}, {"iam": True}, {"iam": True, "username": "writer"}]
)
def test_a_service_must_be_reachable(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"give `(host|username)`"):
        RedshiftOptions.model_validate(options)
