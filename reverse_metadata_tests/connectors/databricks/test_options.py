"""How a workspace is reached: by a service block, or by what the catalog holds."""

from secrets import token_hex
from typing import Any

import pytest
from pydantic import ValidationError

from reverse_metadata.connectors.databricks import DatabricksConnector, DatabricksOptions, UnityCatalogConnector
from reverse_metadata.connectors.databricks.login import arguments
from reverse_metadata.errors import ConfigurationError
from reverse_metadata.redaction import redact
from reverse_metadata_tests.connectors.databricks.changes import connector

SECRET = token_hex(16)
PATH = "/sql/1.0/warehouses/0123456789abcdef"
HELD = {
    "type": "Databricks",
    "scheme": "databricks",
    "hostPort": "dbc-1.cloud.databricks.com:443",
    "httpPath": PATH,
    "catalog": "main",
    "databaseSchema": "sales",
    "connectionTimeout": 120,
    "queryHistoryTable": "system.query.history",
    "schemaFilterPattern": {"excludes": ["^information_schema$"]},
    "supportsMetadataExtraction": True,
    "supportsPolicyAgent": {"enabled": True},
    "sampleDataStorageConfig": {"config": {}},
}
REUSED = {"host": "dbc-1.cloud.databricks.com", "port": 443, "http_path": PATH, "connect_timeout": 120}


@pytest.mark.parametrize("connector_type", [DatabricksConnector, UnityCatalogConnector])
@pytest.mark.parametrize(
    ("held", "fields"),
    [
        ({"authType": {"token": SECRET}}, {"token": SECRET}),
        # As releases up to 1.9 have it.
        ({"token": SECRET}, {"token": SECRET}),
        (
            {"authType": {"clientId": "8f1b7c52", "clientSecret": SECRET}},
            {"client_id": "8f1b7c52", "client_secret": SECRET},
        ),
        (
            {"authType": {"azureClientId": "8f1b7c52", "azureClientSecret": SECRET, "azureTenantId": "3c9d2e1f"}},
            {"azure_client_id": "8f1b7c52", "azure_client_secret": SECRET, "azure_tenant_id": "3c9d2e1f"},
        ),
        (
            {"authType": {"token": SECRET}, "connectionArguments": {"session_configuration": {"TIMEZONE": "UTC"}}},
            {"token": SECRET, "session_configuration": {"TIMEZONE": "UTC"}},
        ),
        (
            {"authType": {"token": SECRET}, "httpPath": "", "connectionArguments": {"http_path": PATH}},
            {"token": SECRET},
        ),
    ],
)
def test_what_the_catalog_holds_is_reused(
    connector_type: type[DatabricksConnector], held: dict[str, Any], fields: dict[str, Any]
) -> None:
    found = connector_type.options_from_catalog(HELD | held)
    assert found == REUSED | fields
    DatabricksOptions.model_validate(found)
    assert SECRET not in redact(f"the token {SECRET}")


@pytest.mark.parametrize(
    ("held", "mistake"),
    [
        ({}, "has no authType"),
        ({"authType": {"token": SECRET}, "httpPath": ""}, "names no httpPath"),
        ({"authType": {"token": SECRET}, "hostPort": ""}, "names no host"),
        ({"authType": {"token": "*********"}}, "shows authType.token as asterisks"),
        ({"authType": {"password": SECRET}}, "sets authType.password, which a service block has no key for"),
        ({"authType": {"token": SECRET}, "sslConfig": {"caCertificate": "x"}}, "sets sslConfig"),
        ({"authType": {"token": SECRET}, "connectionOptions": {"x": "y"}}, "sets connectionOptions"),
        (
            {"authType": {"token": SECRET}, "connectionArguments": {"_tls_no_verify": True}},
            "sets connectionArguments._tls_no_verify",
        ),
    ],
)
def test_what_cannot_be_reused_is_named(held: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        DatabricksConnector.options_from_catalog(HELD | held)
    assert mistake in str(raised.value)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"token": None}, "give one login"),
        ({"client_id": "a", "client_secret": "b"}, "give one login"),
        ({"token": None, "client_id": "a"}, "the login needs `client_secret` as well"),
        ({"token": None, "azure_client_id": "a"}, "needs `azure_client_secret` and `azure_tenant_id` as well"),
    ],
)
def test_there_is_exactly_one_login(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        connector(**given)


def test_host_and_path_may_be_pasted_as_databricks_shows_them() -> None:
    options = connector(host="https://dbc-1.cloud.databricks.com/", http_path="sql/protocolv1/o/1/2-3").options
    assert (options.host, options.http_path) == ("dbc-1.cloud.databricks.com", "/sql/protocolv1/o/1/2-3")


def test_the_client_sends_nothing_but_statements_and_does_not_wait_for_ever() -> None:
    told = arguments(connector(statement_timeout=30, connect_timeout=90, ca_file="/ca.pem").options)
    assert told == {
        "server_hostname": "dbc-1.cloud.databricks.com",
        "http_path": "/sql/1.0/warehouses/1",
        "_port": 443,
        "session_configuration": {"STATEMENT_TIMEOUT": "30"},
        "user_agent_entry": "reverse_metadata",
        "enable_telemetry": False,
        "use_cloud_fetch": False,
        "_socket_timeout": 90,
        "_retry_delay_max": 5,
        "_retry_stop_after_attempts_duration": 90,
        "_tls_trusted_ca_file": "/ca.pem",
    }


def test_a_cluster_is_not_told_a_parameter_of_warehouses() -> None:
    told = arguments(connector(http_path="/sql/protocolv1/o/1/2-3", session_configuration={"a": "b"}).options)
    assert told["session_configuration"] == {"a": "b"}
