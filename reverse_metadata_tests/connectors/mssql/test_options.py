"""How a SQL Server is reached: by a service block, or by what the catalog holds."""

from secrets import token_hex
from typing import Any

import pytest
from pydantic import ValidationError

from reverse_metadata.connectors.mssql import MssqlConnector, MssqlOptions
from reverse_metadata.connectors.registry import for_service_type
from reverse_metadata.errors import ConfigurationError
from reverse_metadata.redaction import redact

PASSWORD = token_hex(8)
MSSQL = {
    "type": "Mssql",
    "scheme": "mssql+pytds",
    "username": "writer",
    "password": PASSWORD,
    "hostPort": "db.example.com:1433",
    "database": "shop",
    "driver": "ODBC Driver 18 for SQL Server",
    "ingestAllDatabases": True,
    "schemaFilterPattern": {"includes": [], "excludes": ["^sys$"]},
    "storedProcedureFilterPattern": {"includes": [], "excludes": ["^sp_"]},
    "supportsMetadataExtraction": True,
    "supportsQueryComment": True,
}
AZURE = MSSQL | {"type": "AzureSQL", "scheme": "mssql+pyodbc", "hostPort": "shop.database.windows.net:1433"}
FOUND = {"host": "db.example.com", "port": 1433, "database": "shop", "username": "writer", "password": PASSWORD}


@pytest.mark.parametrize(
    ("held", "fields"),
    [
        (MSSQL, {"trust_server_certificate": False}),
        (MSSQL | {"scheme": "mssql+pyodbc"}, {}),
        (MSSQL | {"scheme": "mssql+pymssql"}, {}),
        (
            MSSQL | {"encrypt": True, "trustServerCertificate": True},
            {"encrypt": "yes", "trust_server_certificate": True},
        ),
        (MSSQL | {"encrypt": False}, {"encrypt": "no"}),
        (MSSQL | {"hostPort": "db.example.com"}, {"port": None}),
        (MSSQL | {"hostPort": "db.example.com\\SALES"}, {"port": None, "instance": "SALES"}),
        (MSSQL | {"sslConfig": {"caCertificate": ""}, "connectionOptions": {}}, {}),
        (
            MSSQL | {"connectionArguments": {"TrustServerCertificate": "yes", "Encrypt": "strict"}},
            {"encrypt": "strict", "trust_server_certificate": True},
        ),
        (AZURE, {"host": "shop.database.windows.net"}),
        (
            AZURE
            | {
                "authenticationMode": {
                    "authentication": "ActiveDirectoryPassword",
                    "encrypt": True,
                    "trustServerCertificate": False,
                    "connectionTimeout": 30,
                }
            },
            {"host": "shop.database.windows.net", "authentication": "ActiveDirectoryPassword", "encrypt": "yes"},
        ),
        (
            AZURE | {"connectionOptions": {"Authentication": "ActiveDirectoryServicePrincipal"}},
            {"host": "shop.database.windows.net", "authentication": "ActiveDirectoryServicePrincipal"},
        ),
    ],
)
def test_what_the_catalog_holds_is_reused(held: dict[str, Any], fields: dict[str, Any]) -> None:
    found = MssqlConnector.options_from_catalog(held)
    wanted = {key: value for key, value in (FOUND | fields).items() if value is not None}
    assert {key: value for key, value in found.items() if value is not False} == {
        key: value for key, value in wanted.items() if value is not False
    }
    MssqlOptions.model_validate(found)
    assert PASSWORD not in redact(f"the password {PASSWORD}")


@pytest.mark.parametrize(
    ("held", "mistake"),
    [
        (MSSQL | {"password": "********"}, "the catalog shows password as asterisks: its token must be a bot's"),
        (MSSQL | {"hostPort": ""}, "the catalog's connection names no host (hostPort)"),
        (
            MSSQL | {"uriString": "mssql+pyodbc:///?odbc_connect=x"},
            "the catalog's connection sets uriString, which is a connection string of another driver: give the service"
            " a block of its own with host and login",
        ),
        (
            MSSQL | {"sslConfig": {"caCertificate": "-----BEGIN"}},
            "the catalog's connection sets sslConfig, and the driver takes no certificates of ours: give the service a"
            " block of its own, with `encrypt` and `trust_server_certificate`",
        ),
        (
            AZURE | {"authenticationMode": {"authentication": "ActiveDirectoryIntegrated"}},
            "the catalog's connection sets authentication to 'ActiveDirectoryIntegrated', which takes a person or a"
            " domain: give the service a block of its own",
        ),
        (
            MSSQL | {"connectionOptions": {"Authentication": "ActiveDirectoryInteractive"}},
            "the catalog's connection sets Authentication to 'ActiveDirectoryInteractive', which takes a person or a"
            " domain: give the service a block of its own",
        ),
        (
            MSSQL | {"connectionArguments": {"MARS_Connection": "yes"}},
            "the catalog's connection sets connectionArguments.MARS_Connection, which a service block has no key for",
        ),
        (
            AZURE | {"authenticationMode": {"tenant": "x"}},
            "the catalog's connection sets authenticationMode.tenant, which a service block has no key for",
        ),
        (MSSQL | {"kerberos": "x"}, "the catalog's connection sets kerberos, which a service block has no key for"),
    ],
)
def test_what_cannot_be_reused_is_named(held: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        MssqlConnector.options_from_catalog(held)
    assert raised.value.mistakes == [mistake]


_PLAIN = {"Encrypt": "yes", "TrustServerCertificate": "no", "autocommit": True, "timeout": 15, "Database": "shop"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"username": "w", "password": PASSWORD}, {"Server": "db,1433", "UID": "w", "PWD": PASSWORD}),
        ({"username": "w", "port": 1444}, {"Server": "db,1444", "UID": "w"}),
        ({"username": "w", "instance": "SALES"}, {"Server": "db\\SALES", "UID": "w"}),
        (
            {"authentication": "ActiveDirectoryServicePrincipal", "username": "app", "password": PASSWORD},
            {"Server": "db,1433", "Authentication": "ActiveDirectoryServicePrincipal", "UID": "app", "PWD": PASSWORD},
        ),
        ({"authentication": "ActiveDirectoryMSI"}, {"Server": "db,1433", "Authentication": "ActiveDirectoryMSI"}),
        (
            {"authentication": "ActiveDirectoryDefault"},
            {"Server": "db,1433", "Authentication": "ActiveDirectoryDefault"},
        ),
        (
            {
                "username": "w",
                "encrypt": "strict",
                "trust_server_certificate": True,
                "hostname_in_certificate": "db.example.com",
            },
            {
                "Server": "db,1433",
                "UID": "w",
                "Encrypt": "strict",
                "TrustServerCertificate": "yes",
                "HostnameInCertificate": "db.example.com",
            },
        ),
    ],
)
def test_the_driver_is_told(options: dict[str, Any], told: dict[str, Any]) -> None:
    assert MssqlOptions(host="db", **options).connection_parameters("shop") == _PLAIN | told


@pytest.mark.parametrize(
    ("options", "mistake"),
    [
        ({}, "give `username`, or say by `authentication` who logs in"),
        ({"username": "w", "port": 1, "instance": "x"}, "give `port` or `instance`"),
        ({"username": "w", "tags": {}}, "as"),
        ({"username": "w", "tags": {"as": "sensitivity"}}, "say which key is the `label`"),
        ({"username": "w", "tags": {"as": "sensitivity", "label": "a", "information_type": "a"}}, "two different keys"),
        ({"username": "w", "tags": {"as": "extended_properties", "label": "a"}}, "are for `as: sensitivity`"),
        ({"username": "w", "tags": {"as": "extended_properties", "prefix": ""}}, "prefix"),
        ({"username": "w", "tags": {"as": "sensitivity", "label": "a", "ranks": {"b": "severe"}}}, "ranks"),
    ],
)
def test_a_block_that_cannot_be_meant(options: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ValidationError, match=mistake):
        MssqlOptions.model_validate({"host": "db"} | options)


def test_which_services_are_served() -> None:
    assert for_service_type("Mssql") is for_service_type("AzureSQL") is MssqlConnector
    with pytest.raises(ConfigurationError, match="Azure Synapse has no extended properties"):
        for_service_type("Synapse")


@pytest.mark.parametrize(("written", "meant"), [(True, "yes"), (False, "no"), ("strict", "strict")])
def test_yes_and_no_are_what_yaml_makes_of_them(written: Any, meant: str) -> None:
    given = {"host": "db", "database": "shop", "username": "u", "password": PASSWORD, "encrypt": written}
    assert MssqlOptions.model_validate(given).encrypt == meant
