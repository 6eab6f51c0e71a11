"""How a server is reached: by a service block, or by what the catalog holds."""

import ssl
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from pydantic import ValidationError

from reverse_metadata.connectors.mysql import MysqlConnector, MysqlOptions
from reverse_metadata.errors import ConfigurationError, Reason, SourceError
from reverse_metadata.redaction import redact
from reverse_metadata_tests.connectors.mysql.shop import Shop


def parameters(**options: Any) -> dict[str, Any]:
    return MysqlOptions(**{"host": "db.example", "username": "writer", **options}).connection_parameters()


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        ({"username": "w"}, "give either `host` or `unix_socket`"),
        ({"host": "db"}, "give a `username`"),
        ({"host": "db", "username": "w", "lock_timeout": 0}, "lock_timeout"),
        ({"host": "db", "username": "w", "ssl_mode": "verify"}, "ssl_mode"),
        ({"host": "db", "username": "w", "passwrod": "x"}, "passwrod"),
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ValidationError, match=mistake):
        MysqlOptions.model_validate(fields)


def test_fields_are_told_in_the_words_of_the_driver() -> None:
    assert parameters(port=3307, password="pä", statement_timeout=9, lock_timeout=3, connect_timeout=4) == {
        "host": "db.example",
        "port": 3307,
        "unix_socket": None,
        "user": "writer",
        "password": "pä".encode(),
        "connect_timeout": 4,
        "read_timeout": 17,
        "write_timeout": 9,
        "program_name": "reverse_metadata",
    }


def test_a_password_is_never_shown_again() -> None:
    password = token_hex(8)
    parameters(password=password)
    assert redact(f"it is {password}") == "it is ********"


# TLS


@pytest.mark.parametrize(
    ("mode", "verifies", "names"),
    [
        ("required", ssl.CERT_NONE, False),
        ("verify_ca", ssl.CERT_REQUIRED, False),
        ("verify_identity", ssl.CERT_REQUIRED, True),
    ],
)
def test_the_modes_of_tls_mean_what_mysql_means(mode: str, verifies: ssl.VerifyMode, names: bool) -> None:
    context = parameters(ssl_mode=mode)["ssl"]
    assert (context.verify_mode, context.check_hostname) == (verifies, names)


def test_no_tls_is_asked_for_only_when_somebody_says_so() -> None:
    assert parameters(ssl_mode="disabled")["ssl_disabled"] is True
    assert {"ssl", "ssl_disabled"}.isdisjoint(parameters())


def test_an_authority_is_verified_against_unless_said_otherwise(tmp_path: Path) -> None:
    authority = Path(ssl.get_default_verify_paths().openssl_cafile)
    system = next((path for path in (authority, Path("/etc/ssl/certs/ca-certificates.crt")) if path.exists()), None)
    if system is None:
        pytest.skip("this machine trusts nobody")
    assert parameters(ssl_ca=str(system))["ssl"].verify_mode is ssl.CERT_REQUIRED
    text = system.read_text(encoding="utf-8")
    begin = text.index("-----BEGIN CERTIFICATE-----")
    end = text.index("-----END CERTIFICATE-----", begin) + len("-----END CERTIFICATE-----")
    assert len(parameters(ssl_ca=text[begin:end])["ssl"].get_ca_certs()) == 1
    assert parameters(ssl_ca=str(system), ssl_mode="required")["ssl"].verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize("fields", [{"ssl_ca": "/nowhere.pem"}, {"ssl_cert": "/nowhere.pem"}, {"ssl_ca": "-----BEGIN"}])
def test_certificates_that_cannot_be_read_are_a_mistake(fields: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="ssl_ca, ssl_cert and ssl_key of the service cannot be used"):
        parameters(**fields)


def test_a_server_without_tls_is_none_for_who_asks_for_it(shop: Shop) -> None:
    with shop.connector(ssl_mode="required") as connector, pytest.raises(SourceError) as raised:
        connector.version()
    assert raised.value.reason is Reason.OTHER
    assert "ssl_mode" in str(raised.value)


# What the catalog holds


def catalog(**fields: Any) -> dict[str, Any]:
    """The `connection.config` of a service, as a server with a bot's token gives it."""
    return {
        "type": "Mysql",
        "scheme": "mysql+pymysql",
        "username": "om_writer",
        "authType": {"password": "open sesame"},
        "hostPort": "db.example:3307",
        "databaseName": "shop",
        "databaseSchema": "sales",
        "schemaFilterPattern": {"includes": [], "excludes": ["^sys$"]},
        "storedProcedureFilterPattern": {"includes": ["x"]},
        "useSlowLogs": True,
        "supportsMetadataExtraction": True,
        **fields,
    }


def from_catalog(**fields: Any) -> dict[str, Any]:
    return MysqlConnector.options_from_catalog(catalog(**fields))


ADDRESS = {"host": "db.example", "port": 3307, "username": "om_writer"}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB"


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({}, {"password": "open sesame"}),
        # mariaDBConnection.json, and mysqlConnection.json until 1.1.
        ({"type": "MariaDB", "authType": None, "password": "open sesame"}, {"password": "open sesame"}),
        ({"authType": None}, {"password": ""}),
        ({"authType": {"password": "x", "enableIamAuth": False, "gcpConfig": {}}}, {"password": "x"}),
        (
            {"sslCA": "/ca.pem", "sslCert": "/me.pem", "sslKey": "/me.key"},
            {"password": "open sesame", "ssl_ca": "/ca.pem", "ssl_cert": "/me.pem", "ssl_key": "/me.key"},
        ),
        ({"sslConfig": {"caCertificate": PEM}}, {"password": "open sesame", "ssl_ca": PEM}),
        (
            {"connectionArguments": {"ssl": {"ssl_ca": "/ca.pem", "key": "/me.key"}, "connect_timeout": 3}},
            {"password": "open sesame", "ssl_ca": "/ca.pem", "ssl_key": "/me.key", "connect_timeout": 3},
        ),
        ({"connectionOptions": {"charset": "utf8mb4"}}, {"password": "open sesame"}),
    ],
)
def test_the_connection_of_the_catalog_is_reused(fields: dict[str, Any], options: dict[str, Any]) -> None:
    assert from_catalog(**fields) == {**ADDRESS, **options}
    MysqlOptions.model_validate(from_catalog(**fields))


TOKENS = "which takes short-lived tokens: give the service a block of its own with a username and a password"
FILES = (
    "and the driver takes a client's certificate from files only: write it to files and name these as ssl_cert and "
    "ssl_key in a service block"
)


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        ({"hostPort": None}, "the catalog's connection names no host (hostPort)"),
        ({"username": ""}, "the catalog's connection names no account (username)"),
        (
            {"authType": {"password": "*********"}},
            "the catalog shows authType.password as asterisks: its token must be a bot's",
        ),
        (
            {"authType": {"awsConfig": {"awsRegion": "eu-west-1", "awsSecretAccessKey": "*********"}}},
            f"the catalog's connection sets authType.awsConfig, {TOKENS}",
        ),
        # mysqlConnection.json of 1.1.
        (
            {"authType": {"awsRegion": "eu-west-1", "awsAccessKeyId": "x", "assumeRoleArn": "y"}},
            f"the catalog's connection sets authType.awsRegion, {TOKENS}",
        ),
        (
            {"authType": {"azureConfig": {"clientId": "x"}}},
            f"the catalog's connection sets authType.azureConfig, {TOKENS}",
        ),
        (
            {"authType": {"enableIamAuth": True}},
            f"the catalog's connection sets authType.enableIamAuth, {TOKENS}",
        ),
        (
            {"authType": {"gcpConfig": {"type": "service_account"}}},
            f"the catalog's connection sets authType.gcpConfig, {TOKENS}",
        ),
        ({"sslConfig": {"sslKey": "x"}}, f"the catalog's connection sets sslConfig.sslKey, {FILES}"),
        (
            {"connectionArguments": {"init_command": "SET sql_log_bin = 0"}},
            "the catalog's connection sets connectionArguments.init_command, which a service block has no key for",
        ),
        ({"newKey": "x"}, "the catalog's connection sets newKey, which a service block has no key for"),
    ],
)
def test_what_cannot_be_reused_is_named(fields: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        from_catalog(**fields)
    assert raised.value.mistakes == [mistake]
