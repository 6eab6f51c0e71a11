"""How to reach an Oracle Database: the keys of its service block, and the same from the catalog's connection."""

import re
from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, model_validator

from reverse_metadata.connectors.base import CONNECTION, SECRET, ConnectorOptions
from reverse_metadata.connectors.catalog_connection import CatalogConnection
from reverse_metadata.redaction import register_secret


class OracleOptions(ConnectorOptions):
    """The connection of an Oracle service: by host and service name, by host and SID, or by `dsn`."""

    dsn: str | None = Field(
        None,
        description="A connect string of any form, as `tnsnames.ora` has them: tcps://db.example.com:1522/shop.",
        json_schema_extra=CONNECTION,
    )
    host: str | None = Field(None, description="Host name or address.", json_schema_extra=CONNECTION)
    port: int = Field(1521, ge=1, le=65535, description="Port of the listener.", json_schema_extra=CONNECTION)
    service_name: str | None = Field(
        None, description="Service name of the (pluggable) database.", json_schema_extra=CONNECTION
    )
    sid: str | None = Field(None, description="SID, for databases without a service.", json_schema_extra=CONNECTION)
    protocol: str = Field(
        "tcp", pattern="^tcps?$", description="`tcp`, or `tcps` for TLS.", json_schema_extra=CONNECTION
    )
    username: str = Field(description="User to log in as; `writer[owner]` is a proxy.", json_schema_extra=CONNECTION)
    password: str | None = Field(None, description="Password of the user.", json_schema_extra=SECRET)
    wallet_location: str | None = Field(
        None,
        description="Directory with `ewallet.pem`, for TLS with a client's certificate.",
        json_schema_extra=CONNECTION,
    )
    wallet_password: str | None = Field(None, description="Password of the wallet.", json_schema_extra=SECRET)
    config_dir: str | None = Field(
        None, description="Directory with `tnsnames.ora`, for a `dsn` that is an alias.", json_schema_extra=CONNECTION
    )
    connect_timeout: int = Field(10, ge=1, description="Seconds to wait for a connection.")
    statement_timeout: float = Field(60, gt=0, description="Seconds that one round trip may take.")
    lock_timeout: int = Field(
        2, ge=0, le=40, description="Seconds that a statement waits for a lock (DDL_LOCK_TIMEOUT)."
    )

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not self.dsn and not (self.host and (self.service_name or self.sid)):
            raise ValueError("give `dsn`, or `host` with `service_name` or `sid`: without it nothing can be reached")
        return self

    def connection_parameters(self) -> dict[str, Any]:
        """What `oracledb.connect` is told.

        https://python-oracledb.readthedocs.io/en/latest/user_guide/connection_handling.html
        """
        for secret in (self.password, self.wallet_password):
            if secret:
                register_secret(secret)
        where: dict[str, Any] = {"dsn": self.dsn}
        if not self.dsn:
            named = {"service_name": self.service_name} if self.service_name else {"sid": self.sid}
            where = {"host": self.host, "port": self.port, "protocol": self.protocol, **named}
        given = {
            "wallet_location": self.wallet_location,
            "wallet_password": self.wallet_password,
            "config_dir": self.config_dir,
        }
        login = {"user": self.username, "password": self.password, "tcp_connect_timeout": self.connect_timeout}
        return where | login | {key: value for key, value in given.items() if value}


def options_from_catalog(connection: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of OracleOptions for the `connection.config` of an `Oracle` service in OpenMetadata.

    Raises ConfigurationError with one sentence for everything that cannot be reused.
    Source: OpenMetadata, `oracleConnection.json`.
    """
    held = CatalogConnection(connection)
    # `databaseName` is how the catalog calls the database, and no name of Oracle's. Thin mode needs no client.
    held.ignore("instantClientDirectory", "databaseName")
    fields: dict[str, Any] = {"username": held.text("username"), "password": held.secret("password")}
    way = held.within("oracleConnectionType")
    alias = way.text("oracleTNSConnection")
    if alias:
        held.ignore("hostPort")
        fields["dsn"] = alias
    else:
        host, port = held.address()
        fields |= {"host": host, "port": port}
        fields["service_name"] = way.text("oracleServiceName")
        way.refuse(
            "databaseSchema",
            "which names a schema and no database: give the service a block of its own with `service_name` or `sid`",
        )
    for group in ("connectionOptions", "connectionArguments"):
        shared = held.within(group)
        for key in ("wallet_location", "config_dir"):
            if key in shared:
                fields[key] = shared.text(key)
        if "wallet_password" in shared:
            fields["wallet_password"] = shared.secret("wallet_password")
    held.raise_mistakes()
    return {name: value for name, value in fields.items() if value or name == "password"}


def address_of(options: OracleOptions) -> str:
    """Where the service points, without any secret: a connect string may hold none, but may be long."""
    if options.dsn:
        return re.sub(r"\s+", "", options.dsn)
    return f"{options.host}:{options.port}/{options.service_name or options.sid}"
