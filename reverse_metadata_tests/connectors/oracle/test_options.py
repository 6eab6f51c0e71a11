"""How an Oracle Database is reached: by a service block, or by what the catalog holds."""

from secrets import token_hex
from typing import Any

import pytest
from pydantic import ValidationError

from reverse_metadata.connectors.oracle import OracleConnector, OracleOptions
from reverse_metadata.errors import ConfigurationError
from reverse_metadata.redaction import redact

PASSWORD = token_hex(8)
HELD = {
    "type": "Oracle",
    "scheme": "oracle+cx_oracle",
    "username": "writer",
    "password": PASSWORD,
    "hostPort": "db.example.com:1522",
    "instantClientDirectory": "/instantclient",
    "databaseName": "shop",
    "supportsMetadataExtraction": True,
}


@pytest.mark.parametrize(
    ("held", "fields"),
    [
        (
            {"oracleConnectionType": {"oracleServiceName": "shop"}},
            {"host": "db.example.com", "port": 1522, "service_name": "shop"},
        ),
        (
            {"oracleConnectionType": {"oracleTNSConnection": "(DESCRIPTION=(ADDRESS=(HOST=db)))"}},
            {"dsn": "(DESCRIPTION=(ADDRESS=(HOST=db)))"},
        ),
        (
            {
                "oracleConnectionType": {"oracleServiceName": "shop"},
                "hostPort": "db.example.com",
                "connectionArguments": {"wallet_location": "/wallet", "wallet_password": PASSWORD},
            },
            {
                "host": "db.example.com",
                "service_name": "shop",
                "wallet_location": "/wallet",
                "wallet_password": PASSWORD,
            },
        ),
    ],
)
def test_what_the_catalog_holds_is_reused(held: dict[str, Any], fields: dict[str, Any]) -> None:
    found = OracleConnector.options_from_catalog(HELD | held)
    assert found == {"username": "writer", "password": PASSWORD, **fields}
    OracleOptions.model_validate(found)
    assert PASSWORD not in redact(f"the password {PASSWORD}")


@pytest.mark.parametrize(
    ("held", "mistake"),
    [
        (
            {"oracleConnectionType": {"databaseSchema": "hr"}},
            "the catalog's connection sets oracleConnectionType.databaseSchema, which names a schema and no database:"
            " give the service a block of its own with `service_name` or `sid`",
        ),
        (
            {"oracleConnectionType": {"oracleServiceName": "shop"}, "password": "******"},
            "the catalog shows password as asterisks: its token must be a bot's",
        ),
        (
            {"oracleConnectionType": {"oracleServiceName": "shop"}, "kerberos": {"keytab": "x"}},
            "the catalog's connection sets kerberos, which a service block has no key for",
        ),
        (
            {"oracleConnectionType": {"oracleServiceName": "shop"}, "connectionOptions": {"events": "1"}},
            "the catalog's connection sets connectionOptions.events, which a service block has no key for",
        ),
    ],
)
def test_what_cannot_be_reused_is_named(held: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        OracleConnector.options_from_catalog(HELD | held)
    assert raised.value.mistakes == [mistake]


def test_the_driver_is_told() -> None:
    options = OracleOptions(host="db", service_name="shop", username="writer", password=PASSWORD, protocol="tcps")
    assert options.connection_parameters() == {
        "host": "db",
        "port": 1521,
        "protocol": "tcps",
        "service_name": "shop",
        "user": "writer",
        "password": PASSWORD,
        "tcp_connect_timeout": 10,
    }


def test_a_service_must_be_reachable() -> None:
    with pytest.raises(ValidationError, match="give `dsn`, or `host` with `service_name` or `sid`"):
        OracleOptions(host="db", username="writer")
