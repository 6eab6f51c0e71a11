"""How to reach a workspace of Databricks: the keys of its service block, and the same from the catalog's connection."""

import re
from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from reverse_metadata.connectors.base import CONNECTION, SECRET, ConnectorOptions
from reverse_metadata.connectors.catalog_connection import CatalogConnection

_LOGINS = (
    ("token",),
    ("client_id", "client_secret"),
    ("azure_client_id", "azure_client_secret", "azure_tenant_id"),
)


class DatabricksOptions(ConnectorOptions):
    """The connection to a SQL warehouse or cluster, with one of three logins."""

    host: str = Field(
        description="Host name of the workspace: dbc-a1b2c3d4-e5f6.cloud.databricks.com.", json_schema_extra=CONNECTION
    )
    port: int = Field(443, ge=1, le=65535, description="Port of the workspace.", json_schema_extra=CONNECTION)
    http_path: str = Field(
        description="HTTP path of the SQL warehouse or cluster that runs the statements: /sql/1.0/warehouses/...",
        json_schema_extra=CONNECTION,
    )
    token: str | None = Field(None, description="Personal access token.", json_schema_extra=SECRET)
    client_id: str | None = Field(
        None,
        description="Application id of a service principal that logs in with an OAuth secret of Databricks.",
        json_schema_extra=CONNECTION,
    )
    client_secret: str | None = Field(None, description="OAuth secret of `client_id`.", json_schema_extra=SECRET)
    azure_client_id: str | None = Field(
        None,
        description="Application id of a service principal of Microsoft Entra ID.",
        json_schema_extra=CONNECTION,
    )
    azure_client_secret: str | None = Field(None, description="Secret of `azure_client_id`.", json_schema_extra=SECRET)
    azure_tenant_id: str | None = Field(None, description="Tenant of `azure_client_id`.", json_schema_extra=CONNECTION)
    ca_file: str | None = Field(
        None,
        description="File with the certificates of trusted authorities, where the system's do not do.",
        json_schema_extra=CONNECTION,
    )
    session_configuration: dict[str, str] = Field(
        default_factory=dict,
        description="Parameters of the session, as SET takes them: {QUERY_TAGS: 'team:governance'}.",
        json_schema_extra=CONNECTION,
    )
    connect_timeout: int = Field(300, ge=1, description="Seconds to wait for a warehouse that starts.")
    statement_timeout: int = Field(
        60, ge=1, description="Seconds that one statement may take. A SQL warehouse ends it then; a cluster does not."
    )
    columns_together: bool = Field(
        True,
        description="Whether one statement describes many columns. SQL warehouses and Databricks Runtime 16.3 can.",
    )
    nested_fields: bool = Field(
        True,
        description="Whether the fields of structs are read, one query for each table that has some. SQL warehouses "
        "and Databricks Runtime 16.2 can.",
    )

    @field_validator("host", mode="before")
    @classmethod
    def _host_alone(cls, host: Any) -> Any:
        return re.sub(r"^https?://", "", host).rstrip("/") if isinstance(host, str) else host

    @field_validator("http_path")
    @classmethod
    def _absolute(cls, path: str) -> str:
        return f"/{path.lstrip('/')}"

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        given = [login for login in _LOGINS if any(getattr(self, key) for key in login)]
        if len(given) != 1:
            raise ValueError(
                "give one login: `token`; `client_id` and `client_secret`; or `azure_client_id`, "
                "`azure_client_secret` and `azure_tenant_id`"
            )
        if absent := [key for key in given[0] if not getattr(self, key)]:
            raise ValueError(f"the login needs {' and '.join(f'`{key}`' for key in absent)} as well")
        return self

    @property
    def is_warehouse(self) -> bool:
        """Whether a SQL warehouse runs the statements, and not a cluster."""
        return re.match(r"/sql/1\.0/(warehouses|endpoints)/", self.http_path) is not None


def options_from_catalog(connection: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of DatabricksOptions for the `connection.config` of a `Databricks` or `UnityCatalog` service.

    Raises ConfigurationError with a sentence for everything that cannot be reused.
    Source: OpenMetadata, `databricksConnection.json`, `unityCatalogConnection.json` and their `databricks/*.json`; up
    to 1.9 the token stood in the connection itself.
    """
    held = CatalogConnection(connection)
    host, port = held.address()
    fields: dict[str, Any] = {"host": host, "port": port, "http_path": held.take("httpPath")}
    fields["connect_timeout"] = held.take("connectionTimeout")
    held.ignore("catalog", "queryHistoryTable", "useUnityCatalog")
    arguments = held.within("connectionArguments")
    # Releases without a field of its own took it from here.
    fields["http_path"] = fields["http_path"] or arguments.take("http_path")
    fields["session_configuration"] = arguments.take("session_configuration")
    if not fields["http_path"]:
        held.mistakes.append(
            "the catalog's connection names no httpPath, without which no SQL can be sent: set it there, or give the "
            "service a block of its own"
        )
    fields |= _login(held)
    held.raise_mistakes()
    return {name: value for name, value in fields.items() if value}


def _login(held: CatalogConnection) -> dict[str, Any]:
    auth = held.within("authType")
    fields = {
        "token": auth.secret("token") or held.secret("token"),
        "client_id": auth.take("clientId"),
        "client_secret": auth.secret("clientSecret"),
        "azure_client_id": auth.take("azureClientId"),
        "azure_client_secret": auth.secret("azureClientSecret"),
        "azure_tenant_id": auth.take("azureTenantId"),
    }
    if not held.mistakes and not any(fields.values()):
        held.mistakes.append("the catalog's connection has no authType: give the service a block of its own")
    return fields
