"""How to reach a PostgreSQL server: the keys of its service block, and the same from the catalog's connection."""

import re
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from reverse_metadata.connectors.base import CONNECTION, SECRET, ConnectorOptions
from reverse_metadata.connectors.catalog_connection import CatalogConnection
from reverse_metadata.errors import ConfigurationError
from reverse_metadata.redaction import register_secret


class PostgresOptions(ConnectorOptions):
    """The connection of a PostgreSQL service: by `url`, by fields, or both (a field wins over the URL)."""

    url: str | None = Field(
        None,
        description="Connection URL: postgresql://user:password@host:5432/database?sslmode=require.",
        json_schema_extra=SECRET,
    )
    host: str | None = Field(
        None, description="Host name or address, or the directory of a Unix socket.", json_schema_extra=CONNECTION
    )
    port: int | None = Field(
        None, ge=1, le=65535, description="Port; 5432 unless said otherwise.", json_schema_extra=CONNECTION
    )
    database: str = Field(
        "postgres", description="Database to ask about roles and the server. Others are opened as schemas need them."
    )
    username: str | None = Field(None, description="Role to log in as.", json_schema_extra=CONNECTION)
    password: str | None = Field(None, description="Password of the role.", json_schema_extra=SECRET)
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] | None = Field(
        None,
        description="How much TLS is asked for; libpq's words. verify-full is the one that stops an impostor.",
        json_schema_extra=CONNECTION,
    )
    sslrootcert: str | None = Field(
        None,
        description="File with the certificates of trusted authorities, or `system`.",
        json_schema_extra=CONNECTION,
    )
    sslcert: str | None = Field(None, description="File with the client's certificate.", json_schema_extra=CONNECTION)
    sslkey: str | None = Field(None, description="File with the client's private key.", json_schema_extra=CONNECTION)
    options: str | None = Field(
        None,
        description="Settings for the session as libpq takes them: `-c role=writer`.",
        json_schema_extra=CONNECTION,
    )
    connect_timeout: int = Field(10, ge=1, description="Seconds to wait for a connection.")
    statement_timeout: float = Field(60, gt=0, description="Seconds that one statement may take.")
    lock_timeout: float = Field(
        2,
        gt=0,
        description="Seconds to wait for a lock. Readers queue behind a waiting statement, so keep it short.",
    )
    application_name: str = Field("reverse_metadata", description="Name of the session in pg_stat_activity.")

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not self.url and not self.host:
            raise ValueError("give either `url` or `host`: without one there is no server to connect to")
        return self

    def connection_parameters(self) -> dict[str, Any]:
        """What libpq is told. A field that was given wins over the URL, the URL over a field's default.

        Raises ConfigurationError when the URL cannot be read; the message does not repeat it.
        """
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict

        try:
            # URLs made for SQLAlchemy name a driver, which libpq does not know.
            url = conninfo_to_dict(re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", self.url or ""))
        except ProgrammingError:
            raise ConfigurationError(
                ["the `url` of the service is not a PostgreSQL URL: postgresql://user:password@host:5432/database"]
            ) from None
        defaults = self.model_dump(include=set(_PARAMETERS), exclude_none=True)
        given = {name for name in defaults if name in self.model_fields_set}
        parameters = {_PARAMETERS[name]: value for name, value in defaults.items() if name not in given}
        parameters |= {name: value for name, value in url.items() if value is not None}
        parameters |= {_PARAMETERS[name]: defaults[name] for name in given}
        if password := parameters.get("password"):
            register_secret(str(password))
        return parameters


#: libpq's word for each field that it is told.
_PARAMETERS = {
    "host": "host",
    "port": "port",
    "database": "dbname",
    "username": "user",
    "password": "password",
    "sslmode": "sslmode",
    "sslrootcert": "sslrootcert",
    "sslcert": "sslcert",
    "sslkey": "sslkey",
    "options": "options",
    "connect_timeout": "connect_timeout",
    "application_name": "application_name",
}

#: The catalog's connectionOptions and connectionArguments that mean the same here.
_SHARED_ARGUMENTS = {
    name: field for field, name in _PARAMETERS.items() if field not in ("password", "database", "host")
}


def options_from_catalog(connection: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of PostgresOptions for the `connection.config` of a `Postgres` service in OpenMetadata.

    Raises ConfigurationError with one sentence for everything that cannot be reused.
    Source: OpenMetadata, `postgresConnection.json`, and exchanges with a 1.6 server.
    """
    held = CatalogConnection(connection)
    host, port = held.address()
    fields: dict[str, Any] = {
        "host": host,
        "port": port,
        "username": held.take("username"),
        "database": held.take("database"),
        "sslmode": held.take("sslMode"),
    }
    fields = {name: value for name, value in fields.items() if value}
    # Also when empty: a password of ours in the environment must not go to a host that the catalog names.
    fields["password"] = _password(held.within("authType"))
    held.refuse(
        "sslConfig",
        "and PostgreSQL's client takes certificates from files only: write them to files and name these as "
        "sslrootcert, sslcert and sslkey in a service block",
    )
    for group in ("connectionOptions", "connectionArguments"):
        shared = held.within(group)
        fields |= {field: shared.take(name) for name, field in _SHARED_ARGUMENTS.items() if name in shared}
    held.raise_mistakes()
    return fields


def _password(auth: CatalogConnection) -> str:
    for key in ("awsConfig", "azureConfig"):
        auth.refuse(
            key,
            "which takes short-lived tokens: give the service a block of its own with a username and a password",
        )
    return auth.secret("password")
