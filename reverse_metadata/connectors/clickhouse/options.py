"""How to reach a ClickHouse server: the keys of its service block, and the same from the catalog's connection."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from reverse_metadata.connectors.base import CONNECTION, SECRET, ConnectorOptions
from reverse_metadata.connectors.catalog_connection import CatalogConnection
from reverse_metadata.redaction import register_secret


class ClickHouseOptions(ConnectorOptions):
    """The connection of a ClickHouse service, by its HTTP interface."""

    host: str = Field(
        min_length=1, description="Host name or address of the HTTP interface.", json_schema_extra=CONNECTION
    )
    port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port of the HTTP interface; 8123 unless said otherwise, 8443 with `secure`.",
        json_schema_extra=CONNECTION,
    )
    username: str | None = Field(
        None, description="User to log in as; `default` unless said otherwise.", json_schema_extra=CONNECTION
    )
    password: str | None = Field(None, description="Password of the user.", json_schema_extra=SECRET)
    access_token: str | None = Field(
        None,
        description="JSON web token, in place of a user and a password (ClickHouse Cloud).",
        json_schema_extra=SECRET,
    )
    secure: bool = Field(False, description="Whether to speak TLS.", json_schema_extra=CONNECTION)
    verify: bool = Field(
        True,
        description="Whether the server's certificate must be trusted. Without, an impostor is not noticed.",
        json_schema_extra=CONNECTION,
    )
    ca_cert: str | None = Field(
        None,
        description="File with the certificates of trusted authorities, in place of the system's.",
        json_schema_extra=CONNECTION,
    )
    client_cert: str | None = Field(
        None,
        description="File with the client's certificate. Without a password, the user is known by it.",
        json_schema_extra=CONNECTION,
    )
    client_key: str | None = Field(
        None,
        description="File with the client's private key, unless it is in `client_cert`.",
        json_schema_extra=CONNECTION,
    )
    cluster: str | None = Field(
        None,
        min_length=1,
        description="Cluster on all of whose servers comments are changed (ON CLUSTER); `{cluster}` for the macro. "
        "For tables and databases that are the same on every server and not replicated as ClickHouse Cloud or a "
        "database of the engine Replicated does.",
    )
    connect_timeout: int = Field(10, ge=1, description="Seconds to wait for a connection.")
    statement_timeout: int = Field(60, ge=1, description="Seconds that a query may take.")
    lock_timeout: int = Field(10, ge=1, description="Seconds to wait for a lock on a table.")
    cluster_timeout: int = Field(
        180, ge=1, description="Seconds to wait until every server of a cluster has carried out a statement."
    )
    alter_sync: Literal[0, 1, 2] = Field(
        1, description="What a statement on a replicated table waits for: 0 nothing, 1 its own replica, 2 all of them."
    )

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if self.access_token and (self.username or self.password):
            raise ValueError("give either `access_token` or `username` and `password`: a token says who it is for")
        if self.client_cert and not self.secure:
            raise ValueError("`client_cert` needs `secure: true`: without TLS nobody asks for it")
        return self

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port or (8443 if self.secure else 8123)}"

    def client_parameters(self) -> dict[str, Any]:
        """What `clickhouse_connect.get_client` is told."""
        for secret in filter(None, (self.password, self.access_token)):
            register_secret(secret)
        parameters = {
            "host": self.host,
            "port": self.port,
            "interface": "https" if self.secure else "http",
            "verify": self.verify,
            "ca_cert": self.ca_cert,
            "client_cert": self.client_cert,
            "client_cert_key": self.client_key,
            "connect_timeout": self.connect_timeout,
            # Longer than the server itself gives up after.
            "send_receive_timeout": max(self.statement_timeout, self.cluster_timeout) + 30,
            "client_name": "reverse_metadata",
            # Whoever sends requests of a session in turns needs none, and a load balancer would break it.
            "autogenerate_session_id": False,
            "dedicated_pool": True,
            "query_retries": 0,
        }
        if self.access_token:
            parameters["access_token"] = self.access_token
        else:
            parameters |= {"username": self.username or "default", "password": self.password or ""}
        if self.client_cert and (self.password or self.access_token):
            # The certificate is for the connection alone.
            parameters["tls_mode"] = "strict"
        return {name: value for name, value in parameters.items() if value is not None}


_NATIVE = (
    "the catalog's connection has the scheme clickhouse+native, whose port is not the one of the HTTP interface that a "
    "writer needs: give the service a block of its own with host and port"
)
#: The catalog's connectionOptions and connectionArguments that mean the same here.
_SHARED_ARGUMENTS = ("secure", "verify", "connect_timeout")


def options_from_catalog(connection: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ClickHouseOptions for the `connection.config` of a `Clickhouse` service in OpenMetadata.

    Raises ConfigurationError with one sentence for everything that cannot be reused.
    Source: OpenMetadata, `clickhouseConnection.json`.
    """
    held = CatalogConnection(connection)
    if held.take("scheme") == "clickhouse+native":
        held.mistakes.append(_NATIVE)
    host, port = held.address()
    https, secure = held.take("https"), held.take("secure")
    fields: dict[str, Any] = {"host": host, "port": port, "username": held.take("username")}
    fields = {name: value for name, value in fields.items() if value}
    # Also when empty: a password of ours in the environment must not go to a host that the catalog names.
    fields["password"] = held.secret("password")
    if https or secure:
        fields["secure"] = True
    held.refuse(
        "keyfile",
        "a file on the machine that ingests: name client_cert and client_key on the writer's machine, in a service "
        "block with host and username",
    )
    # The name that the catalog gives to its one database, and how long its ingestion keeps a connection.
    held.ignore("databaseName", "duration")
    for group in ("connectionOptions", "connectionArguments"):
        shared = held.within(group)
        fields |= {name: shared.take(name) for name in _SHARED_ARGUMENTS if name in shared}
        if shared.take("protocol") == "https":
            fields["secure"] = True
    held.raise_mistakes()
    return fields
