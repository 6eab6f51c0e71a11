from secrets import token_hex
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import ValidationError

from reverse_metadata.connectors.snowflake import SnowflakeConnector, SnowflakeOptions
from reverse_metadata.errors import ConfigurationError, Reason, SourceError
from reverse_metadata.redaction import redact
from reverse_metadata_tests.engines.snowflake import SnowflakeStandIn

_LOGIN = {"account": "acme-shop", "username": "RM_WRITER"}
_SESSION = {
    "QUERY_TAG": "reverse_metadata",
    "STATEMENT_TIMEOUT_IN_SECONDS": 120,
    "LOCK_TIMEOUT": 30,
    "MULTI_STATEMENT_COUNT": 1,
    "ABORT_DETACHED_QUERY": True,
}


def options(**given: Any) -> SnowflakeOptions:
    return SnowflakeOptions.model_validate({**_LOGIN, **given})


def told(**given: Any) -> dict[str, Any]:
    """What the resource is told beside account, user and time-outs; of what it passes on, beside the session."""
    fields = options(**given).resource_fields()
    more = fields.pop("additional_snowflake_connection_args")
    more.pop("session_parameters")
    for name in ("account", "user", "client_session_keep_alive", "login_timeout", "network_timeout"):
        del fields[name]
    return {**fields, **more}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"password": "p"}, {"password": "p"}),
        ({"password": "p", "authenticator": "https://acme.okta.com"}, None),
        ({"private_key": "k"}, {"private_key": "k", "authenticator": "SNOWFLAKE_JWT"}),
        (
            {"private_key_path": "/key.p8", "private_key_passphrase": "p"},
            {"private_key_path": "/key.p8", "private_key_password": "p", "authenticator": "SNOWFLAKE_JWT"},
        ),
        ({"token": "t"}, {"token": "t", "authenticator": "oauth"}),
        ({"token": "t", "authenticator": "OAuth"}, {"token": "t", "authenticator": "oauth"}),
        ({"token": "t", "authenticator": "programmatic_access_token"}, None),
        (
            {"authenticator": "externalbrowser"},
            {"authenticator": "externalbrowser", "client_store_temporary_credential": True},
        ),
        (
            {"password": "p", "authenticator": "username_password_mfa"},
            {"password": "p", "authenticator": "username_password_mfa", "client_request_mfa_token": True},
        ),
        (
            {
                "authenticator": "oauth_client_credentials",
                "oauth_client_id": "c",
                "oauth_client_secret": "s",
                "oauth_token_request_url": "https://sso.example.com/token",
            },
            None,
        ),
        ({"authenticator": "workload_identity", "workload_identity_provider": "AWS"}, None),
        ({"password": "p", "role": "R", "warehouse": "W"}, None),
        ({"password": "p", "host": "acme.privatelink.example.com", "port": 443}, None),
    ],
)
def test_every_way_to_log_in(given: dict[str, Any], expected: dict[str, Any] | None) -> None:
    assert told(**given) == (given if expected is None else expected)


def test_the_session_is_bounded_and_named() -> None:
    secret = token_hex(8)
    fields = options(password=secret).resource_fields()
    assert fields["additional_snowflake_connection_args"]["session_parameters"] == _SESSION
    assert fields["client_session_keep_alive"] is True
    assert (fields["login_timeout"], fields["network_timeout"]) == (60, 120)
    assert secret not in redact(f"the password {secret}")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give password, private_key"),
        ({"password": "p", "private_key": "k"}, "give one of password"),
        ({"private_key": "k", "private_key_path": "/k"}, "give one of password"),
        ({"authenticator": "oauth"}, "needs a `token`"),
        ({"authenticator": "oauth_client_credentials", "oauth_client_id": "c"}, "needs oauth_client_id"),
        ({"authenticator": "workload_identity"}, "needs a workload_identity_provider"),
        ({"authenticator": "kerberos", "password": "p"}, "is none of snowflake"),
        ({"password": "p", "tags": {"home": "governance"}}, "is not a schema with its database"),
        ({"password": "p", "tags": {"home": "a.b.c"}}, "is not a schema with its database"),
        ({"password": "p", "tags": {"home": "my-gov.tags"}}, "is not a schema with its database"),
        ({"password": "p", "tags": {"create": True}}, "need a `home`"),
        ({"password": "p", "passwort": "p"}, "Extra inputs"),
    ],
)
def test_what_cannot_be_is_said(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        options(**given)


@pytest.mark.parametrize(
    ("home", "path"),
    [
        ("governance.tags", ("GOVERNANCE", "TAGS")),
        ('"Gov"."a.b"', ("Gov", "a.b")),
        ('gov."say ""hi"""', ("GOV", 'say "hi"')),
    ],
)
def test_the_home_of_the_tags_is_read_as_snowflake_reads_names(home: str, path: tuple[str, str]) -> None:
    assert options(password="p", tags={"home": home}).tags.home_path == path


# The catalog's connection: OpenMetadata, snowflakeConnection.json.

_HELD = {"type": "Snowflake", "scheme": "snowflake", "username": "om", "account": "acme-shop", "warehouse": "W"}
_REUSED = {"username": "om", "account": "acme-shop", "warehouse": "W"}


@pytest.mark.parametrize(
    ("held", "reused"),
    [
        ({"password": "p"}, {"password": "p"}),
        ({"password": "p", "role": "R"}, {"password": "p", "role": "R"}),
        ({"privateKey": "k"}, {"private_key": "k"}),
        (
            {"privateKey": "k", "snowflakePrivatekeyPassphrase": "pp", "password": "p"},
            {"private_key": "k", "private_key_passphrase": "pp"},
        ),
        (
            {"connectionArguments": {"authenticator": "externalbrowser"}},
            {"authenticator": "externalbrowser"},
        ),
        (
            {"connectionArguments": {"authenticator": "oauth", "token": "t"}},
            {"authenticator": "oauth", "token": "t"},
        ),
        (
            {"connectionArguments": {"authenticator": "programmatic_access_token", "token": "t"}},
            {"authenticator": "programmatic_access_token", "token": "t"},
        ),
        (
            {"password": "p", "connectionArguments": {"authenticator": "https://acme.okta.com"}},
            {"password": "p", "authenticator": "https://acme.okta.com"},
        ),
        (
            {"connectionArguments": {"authenticator": "workload_identity", "workload_identity_provider": "GCP"}},
            {"authenticator": "workload_identity", "workload_identity_provider": "GCP"},
        ),
        (
            {"connectionArguments": {"private_key_file": "/k.p8", "private_key_file_pwd": "pp"}},
            {"private_key_path": "/k.p8", "private_key_passphrase": "pp"},
        ),
        (
            {
                "connectionArguments": {
                    "authenticator": "oauth_client_credentials",
                    "oauth_client_id": "c",
                    "oauth_client_secret": "s",
                    "oauth_token_request_url": "https://sso.example.com/token",
                }
            },
            {
                "authenticator": "oauth_client_credentials",
                "oauth_client_id": "c",
                "oauth_client_secret": "s",
                "oauth_token_request_url": "https://sso.example.com/token",
            },
        ),
        (
            {
                "password": "p",
                "connectionOptions": {"host": "acme.privatelink.example.com", "port": "443", "login_timeout": "9"},
                "clientSessionKeepAlive": False,
            },
            {
                "password": "p",
                "host": "acme.privatelink.example.com",
                "port": 443,
                "login_timeout": 9,
                "keep_alive": False,
            },
        ),
        (
            {
                "password": "p",
                "queryTag": "openmetadata",
                "database": "SHOP",
                "includeTempTables": True,
                "includeTransientTables": True,
                "includeStreams": False,
                "accountUsageSchema": "SNOWFLAKE.ACCOUNT_USAGE",
                "supportsMetadataExtraction": True,
                "supportsQueryComment": True,
                "sampleDataStorageConfig": {"config": {}},
                "schemaFilterPattern": {"includes": ["x"]},
            },
            {"password": "p"},
        ),
    ],
)
def test_the_connection_of_the_catalog_is_reused(held: dict[str, Any], reused: dict[str, Any]) -> None:
    found = SnowflakeConnector.options_from_catalog({**_HELD, **held})
    assert found == {**_REUSED, **reused}
    SnowflakeOptions.model_validate(found)


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ({"account": ""}, "names no account"),
        ({"username": None}, "names no user"),
        ({"password": "********"}, "shows password as asterisks"),
        ({"privateKey": "*****"}, "shows privateKey as asterisks"),
        ({"connectionArguments": {"insecure_mode": True}}, "connectionArguments.insecure_mode, which turns off"),
        ({"connectionArguments": {"passcode": "1"}}, "connectionArguments.passcode, which is good for one login"),
        ({"connectionOptions": {"validate": 1}}, "connectionOptions.validate, which a service block has no key for"),
        ({"kerberosConfig": {"x": 1}}, "kerberosConfig, which a service block has no key for"),
    ],
)
def test_what_of_it_cannot_be_reused_is_named(held: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SnowflakeConnector.options_from_catalog({**_HELD, "password": "p", **held})


def test_a_private_key_that_cannot_be_read_is_a_refused_login(snowflake_standin: SnowflakeStandIn) -> None:
    address = {"host": "127.0.0.1", "port": snowflake_standin.port, "protocol": "http", "private_key": "no key at all"}
    with SnowflakeConnector(options(**address)) as connector, pytest.raises(SourceError) as refused:
        connector.identity()
    assert refused.value.reason is Reason.AUTHENTICATION
    assert "no key at all" not in str(refused.value)
    assert "private key cannot be read" in str(refused.value)


def test_a_key_pair_and_tokens_reach_the_server(snowflake_standin: SnowflakeStandIn) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    passphrase = "generated"
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    ).decode()
    address = {"host": "127.0.0.1", "port": snowflake_standin.port, "protocol": "http", "keep_alive": False}
    ways: list[tuple[str, dict[str, Any]]] = [
        ("SNOWFLAKE_JWT", {"private_key": pem, "private_key_passphrase": passphrase}),
        ("PROGRAMMATIC_ACCESS_TOKEN", {"token": "t", "authenticator": "programmatic_access_token"}),
        ("OAUTH", {"token": "t"}),
    ]
    for method, given in ways:
        with SnowflakeConnector(options(**address, **given)) as connector, pytest.raises(SourceError) as refused:
            connector.identity()
        assert refused.value.reason is Reason.AUTHENTICATION
        asked = snowflake_standin.logins[-1]
        assert asked["AUTHENTICATOR"].upper() == method
        assert asked["LOGIN_NAME"].upper() == "RM_WRITER"
        assert asked["SESSION_PARAMETERS"]["QUERY_TAG"] == "reverse_metadata"


def test_a_file_without_a_private_key_is_named(snowflake_standin: SnowflakeStandIn) -> None:
    address = {
        "host": "127.0.0.1",
        "port": snowflake_standin.port,
        "protocol": "http",
        "private_key_path": "/no/key.p8",
    }
    with SnowflakeConnector(options(**address)) as connector, pytest.raises(SourceError) as refused:
        connector.identity()
    assert str(refused.value).startswith(
        "connecting: the private key in /no/key.p8 cannot be read: No such file or directory."
    )


@pytest.mark.parametrize("account", ["https://acme-shop.snowflakecomputing.com", "acme-shop.snowflakecomputing.com"])
def test_an_account_is_no_address(account: str) -> None:
    with pytest.raises(ValidationError, match="give the account's identifier alone: acme-shop"):
        SnowflakeOptions.model_validate({**_LOGIN, "account": account, "password": "p"})
