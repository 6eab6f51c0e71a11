"""How a ClickHouse server is reached: by a service block, or by what the catalog holds."""

from secrets import token_hex
from typing import Any

import pytest
from pydantic import ValidationError

from reverse_metadata.connectors.base import is_connection
from reverse_metadata.connectors.clickhouse import ClickHouseConnector, ClickHouseOptions
from reverse_metadata.errors import ConfigurationError
from reverse_metadata.redaction import redact

DEFAULTS = {
    "interface": "http",
    "verify": True,
    "connect_timeout": 10,
    "send_receive_timeout": 210,
    "client_name": "reverse_metadata",
    "autogenerate_session_id": False,
    "dedicated_pool": True,
    "query_retries": 0,
    "username": "default",
    "password": "",
}
SECRET = token_hex(8)


def told(**options: Any) -> dict[str, Any]:
    """What the driver is told, beyond the defaults."""
    parameters = ClickHouseOptions(**options).client_parameters()
    return {name: value for name, value in parameters.items() if name not in DEFAULTS or DEFAULTS[name] != value}


@pytest.mark.parametrize(
    ("options", "parameters", "address"),
    [
        ({}, {}, "db:8123"),
        (
            {"port": 80, "username": "writer", "password": SECRET},
            {"port": 80, "username": "writer", "password": SECRET},
            "db:80",
        ),
        ({"secure": True}, {"interface": "https"}, "db:8443"),
        (
            {"secure": True, "verify": False, "ca_cert": "/ca.pem"},
            {"interface": "https", "verify": False, "ca_cert": "/ca.pem"},
            "db:8443",
        ),
        (
            {"secure": True, "username": "writer", "client_cert": "/me.pem", "client_key": "/me.key"},
            {"interface": "https", "username": "writer", "client_cert": "/me.pem", "client_cert_key": "/me.key"},
            "db:8443",
        ),
        (
            {"secure": True, "password": SECRET, "client_cert": "/me.pem"},
            {"interface": "https", "password": SECRET, "client_cert": "/me.pem", "tls_mode": "strict"},
            "db:8443",
        ),
        (
            {"connect_timeout": 3, "cluster_timeout": 300},
            {"connect_timeout": 3, "send_receive_timeout": 330},
            "db:8123",
        ),
        ({"cluster": "prod", "lock_timeout": 5, "alter_sync": 2}, {}, "db:8123"),
    ],
)
def test_a_service_block_is_told_in_the_words_of_the_driver(
    options: dict[str, Any], parameters: dict[str, Any], address: str
) -> None:
    assert told(host="db", **options) == {"host": "db", **parameters}
    assert ClickHouseOptions(host="db", **options).address == address


def test_a_token_stands_in_place_of_a_user() -> None:
    parameters = ClickHouseOptions(host="db", access_token=SECRET).client_parameters()
    assert parameters["access_token"] == SECRET
    assert not {"username", "password"} & set(parameters)
    assert SECRET not in redact(f"it was {SECRET}")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "host"),
        ({"host": ""}, "host"),
        ({"host": "db", "access_token": SECRET, "username": "writer"}, "give either `access_token` or `username`"),
        ({"host": "db", "access_token": SECRET, "password": SECRET}, "give either `access_token` or `username`"),
        ({"host": "db", "client_cert": "/me.pem"}, "`client_cert` needs `secure: true`"),
        ({"host": "db", "database": "sales"}, "database"),
        ({"host": "db", "alter_sync": 3}, "alter_sync"),
    ],
)
def test_what_contradicts_itself_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem) as raised:
        ClickHouseOptions(**options)
    assert "'input_value'" not in str(raised.value.errors(include_input=False))


def test_where_and_as_whom_to_connect_is_marked() -> None:
    marked = {name for name in ClickHouseOptions.model_fields if is_connection(ClickHouseOptions, name)}
    assert marked == {
        *("host", "port", "username", "password", "access_token"),
        *("secure", "verify", "ca_cert", "client_cert", "client_key"),
    }


# The catalog's connection


def reused(**connection: Any) -> dict[str, Any]:
    return ClickHouseConnector.options_from_catalog({"type": "Clickhouse", "hostPort": "db:8123", **connection})


@pytest.mark.parametrize(
    ("connection", "fields"),
    [
        ({}, {"password": ""}),
        ({"username": "writer", "password": SECRET}, {"username": "writer", "password": SECRET}),
        ({"scheme": "clickhouse+http", "https": True}, {"password": "", "secure": True}),
        ({"https": False, "secure": False}, {"password": ""}),
        ({"secure": True}, {"password": "", "secure": True}),
        ({"hostPort": "db"}, {"port": None, "password": ""}),
        ({"hostPort": "[::1]:8443", "https": True}, {"host": "::1", "port": 8443, "password": "", "secure": True}),
        ({"databaseName": "warehouse", "databaseSchema": "sales", "duration": 60}, {"password": ""}),
        ({"keyfile": "", "connectionOptions": {}, "connectionArguments": None}, {"password": ""}),
        ({"connectionOptions": {"protocol": "https"}}, {"password": "", "secure": True}),
        ({"connectionOptions": {"protocol": "http"}}, {"password": ""}),
        (
            {"connectionArguments": {"secure": True, "verify": False, "connect_timeout": 5}},
            {"password": "", "secure": True, "verify": False, "connect_timeout": 5},
        ),
        (
            {"schemaFilterPattern": {"includes": ["a"]}, "supportsProfiler": True, "supportsQueryComment": True},
            {"password": ""},
        ),
    ],
)
def test_every_variant_of_the_catalog_s_connection_is_reused(
    connection: dict[str, Any], fields: dict[str, Any]
) -> None:
    expected = {name: value for name, value in ({"host": "db", "port": 8123} | fields).items() if value is not None}
    assert reused(**connection) == expected
    ClickHouseOptions.model_validate(expected)


@pytest.mark.parametrize(
    ("connection", "mistake"),
    [
        (
            {"scheme": "clickhouse+native"},
            "the catalog's connection has the scheme clickhouse+native, whose port is not the one of the HTTP "
            "interface that a writer needs: give the service a block of its own with host and port",
        ),
        (
            {"keyfile": "/opt/keys/me.pem"},
            "the catalog's connection sets keyfile, a file on the machine that ingests: name client_cert and "
            "client_key on the writer's machine, in a service block with host and username",
        ),
        ({"hostPort": ""}, "the catalog's connection names no host (hostPort)"),
        ({"password": "********"}, "the catalog shows password as asterisks: its token must be a bot's"),
        (
            {"connectionOptions": {"ca_certs": "/ca.pem"}},
            "the catalog's connection sets connectionOptions.ca_certs, which a service block has no key for",
        ),
        (
            {"connectionArguments": {"http_session_timeout": 60}},
            "the catalog's connection sets connectionArguments.http_session_timeout, which a service block has no key "
            "for",
        ),
        ({"sslConfig": {"a": 1}}, "the catalog's connection sets sslConfig, which a service block has no key for"),
    ],
)
def test_what_cannot_be_reused_is_named(connection: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        reused(**connection)
    assert raised.value.mistakes == [mistake]


def test_everything_that_cannot_be_reused_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as raised:
        reused(scheme="clickhouse+native", keyfile="/k", odd=1)
    assert len(raised.value.mistakes) == 3


def test_a_password_of_the_catalog_is_never_shown() -> None:
    secret = token_hex(8)
    reused(password=secret)
    assert secret not in redact(f"it was {secret}")
