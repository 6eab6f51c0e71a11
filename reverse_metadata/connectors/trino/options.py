"""How to reach a Trino server: the keys of its service block, and the same from the catalog's connection."""

import json
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from reverse_metadata.connectors.base import CONNECTION, SECRET, ConnectorOptions
from reverse_metadata.connectors.catalog_connection import CatalogConnection


class TrinoOptions(ConnectorOptions):
    """The connection of a Trino service. Whoever gives no password, token or certificate is believed by name."""

    host: str = Field(
        description="Host name or address of the coordinator, or of the gateway before it.",
        json_schema_extra=CONNECTION,
    )
    port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port; 443 with https and 8080 with http unless said otherwise.",
        json_schema_extra=CONNECTION,
    )
    username: str = Field(description="User to work as.", json_schema_extra=CONNECTION)
    password: str | None = Field(
        None, description="Password of the user (file, LDAP or Salesforce).", json_schema_extra=SECRET
    )
    jwt: str | None = Field(None, description="JSON Web Token that proves who the user is.", json_schema_extra=SECRET)
    certificate: str | None = Field(
        None, description="File with the client's certificate.", json_schema_extra=CONNECTION
    )
    key: str | None = Field(None, description="File with the certificate's private key.", json_schema_extra=CONNECTION)
    http_scheme: Literal["http", "https"] | None = Field(
        None,
        description="https where something proves who the user is or the port is 443, else http, unless said here.",
        json_schema_extra=CONNECTION,
    )
    verify: bool | str = Field(
        True,
        description="Whether the server's certificate is checked, or a file with those of trusted authorities.",
        json_schema_extra=CONNECTION,
    )
    proxies: dict[str, str] = Field(
        default_factory=dict,
        description="Proxies by scheme: {https: 'http://proxy.example.com:3128'}.",
        json_schema_extra=CONNECTION,
    )
    roles: dict[str, str] = Field(
        default_factory=dict,
        description="Role to take in each catalog: {hive: admin}; that of the whole server under `system`.",
        json_schema_extra=CONNECTION,
    )
    session_properties: dict[str, str] = Field(
        default_factory=dict,
        description="Properties of the session: {iceberg.expire_snapshots_min_retention: 7d}.",
        json_schema_extra=CONNECTION,
    )
    client_tags: list[str] = Field(
        default_factory=list,
        description="Tags by which a resource group is chosen. The source is always reverse_metadata.",
        json_schema_extra=CONNECTION,
    )
    principals: Literal["user", "role"] = Field(
        "user", description="What an owner is whose name does not begin with `user:` or `role:`."
    )
    connect_timeout: int = Field(10, ge=1, description="Seconds to wait for a connection.")
    statement_timeout: float | None = Field(
        60, gt=0, description="Seconds that one statement may take (query_max_run_time); null leaves it to the server."
    )

    @field_validator("host")
    @classmethod
    def _bare(cls, host: str) -> str:
        if not host or "/" in host:
            raise ValueError("give the host alone, and its scheme as http_scheme")
        return host

    @model_validator(mode="after")
    def _proven_once(self) -> Self:
        proofs = [name for name in ("password", "jwt", "certificate") if getattr(self, name)]
        if len(proofs) > 1:
            raise ValueError(f"{' and '.join(proofs)} exclude each other: give one")
        if self.key and not self.certificate:
            raise ValueError("a key needs its certificate")
        if proofs and self.http_scheme == "http":
            raise ValueError(f"a {proofs[0]} is sent over https only")
        return self

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        proven = self.password or self.jwt or self.certificate
        return self.http_scheme or ("https" if proven or self.port == 443 else "http")

    @property
    def address(self) -> tuple[str, int]:
        """Host, an IPv6 address in brackets, and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host, self.port or (443 if self.scheme == "https" else 8080)


#: What the driver takes in a URL (connectionOptions) or as arguments, and means the same here.
_SHARED = {
    "http_scheme": "http_scheme",
    "verify": "verify",
    "roles": "roles",
    "session_properties": "session_properties",
    "client_tags": "client_tags",
    "cert": "certificate",
    "key": "key",
}
#: What does not matter to a writer.
_IGNORED = (
    "source",
    "legacy_primitive_types",
    "legacy_prepared_statements",
    "max_attempts",
    "request_timeout",
    "isolation_level",
    "timezone",
    "encoding",
    "heartbeat_interval",
)


def options_from_catalog(connection: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of TrinoOptions for the `connection.config` of a `Trino` service in OpenMetadata.

    Raises ConfigurationError with one sentence for everything that cannot be reused.
    Source: OpenMetadata, `trinoConnection.json` with `common/{basicAuth,jwtAuth,azureConfig,noConfigAuthentication
    Types}.json`; `password` and `params` stood at the top in older versions.
    """
    held = CatalogConnection(connection)
    host, port = held.address()
    # IPv6 addresses keep their brackets in URLs alone.
    fields: dict[str, Any] = {"host": host, "port": port, "username": held.take("username")}
    fields |= {"verify": held.take("verify"), "proxies": held.take("proxies")}
    held.ignore("catalog", "queryHistoryTable")
    for group in ("params", "connectionOptions", "connectionArguments"):
        shared = held.within(group)
        fields |= {field: _said(shared.take(name)) for name, field in _SHARED.items() if name in shared}
        if "access_token" in shared:
            fields["jwt"] = shared.secret("access_token")
        shared.refuse(
            "externalAuthentication",
            "which opens a browser, and at night nobody sits before one: give the service a block of its own with a "
            "password, a jwt or a certificate",
        )
        shared.ignore(*_IGNORED)
    fields = {name: value for name, value in fields.items() if value not in (None, {}, [])}
    _refuse_blind_trust(fields, held)
    # Also when empty: a secret of ours in the environment must not go to a host that the catalog names.
    fields["password"] = held.secret("password")
    fields.setdefault("jwt", "")
    if isinstance(connection.get("authType"), str):
        held.refuse(
            "authType",
            "which opens a browser, and at night nobody sits before one: give the service a block of its own with a "
            "password, a jwt or a certificate",
        )
    auth = held.within("authType")
    fields["password"] = auth.secret("password") or fields["password"]
    fields["jwt"] = auth.secret("jwt") or fields["jwt"]
    auth.refuse(
        "azureConfig",
        "which takes short-lived tokens of Azure: give the service a block of its own with a password, a jwt or a "
        "certificate",
    )
    held.raise_mistakes()
    return fields


def _said(value: Any) -> Any:
    """A value of the driver: in a URL everything but plain words is written as JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _refuse_blind_trust(fields: dict[str, Any], held: CatalogConnection) -> None:
    verify = fields.get("verify", True)
    if str(verify).lower() == "true":
        fields.pop("verify", None)
    elif str(verify).lower() == "false":
        held.mistakes.append(
            "the catalog's connection sets verify to false, so that any server is believed to be yours: give the "
            "service a block of its own, with the authority's certificate in a file as verify"
        )
