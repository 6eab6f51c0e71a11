"""How to reach a PostgreSQL server: the keys of its service block, and the same from the catalog's connection."""

import re
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, JsonValue, model_validator

from reverse_metadata.connectors.base import ConnectorOptions
from reverse_metadata.errors import ConfigurationError
from reverse_metadata.redaction import register_secret

_SECRET: dict[str, JsonValue] = {"secret": True}


class PostgresOptions(ConnectorOptions):
    """The connection of a PostgreSQL service: by `url`, by fields, or both (a field wins over the URL)."""

    url: str | None = Field(
        None,
        description="Connection URL: postgresql://user:password@host:5432/database?sslmode=require.",
        json_schema_extra=_SECRET,
    )
    host: str | None = Field(None, description="Host name or address, or the directory of a Unix socket.")
    port: int | None = Field(None, ge=1, le=65535, description="Port; 5432 unless said otherwise.")
    database: str = Field(
        "postgres", description="Database to ask about roles and the server. Others are opened as schemas need them."
    )
    username: str | None = Field(None, description="Role to log in as.")
    password: str | None = Field(None, description="Password of the role.", json_schema_extra=_SECRET)
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] | None = Field(
        None, description="How much TLS is asked for; libpq's words. verify-full is the one that stops an impostor."
    )
    sslrootcert: str | None = Field(None, description="File with the certificates of trusted authorities, or `system`.")
    sslcert: str | None = Field(None, description="File with the client's certificate.")
    sslkey: str | None = Field(None, description="File with the client's private key.")
    options: str | None = Field(None, description="Settings for the session as libpq takes them: `-c role=writer`.")
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
    mistakes: list[str] = []
    fields: dict[str, Any] = {}

    host, port = _host_and_port(str(connection.get("hostPort") or ""))
    if host:
        fields["host"] = host
    else:
        mistakes.append("the catalog's connection names no host (hostPort)")
    if port:
        fields["port"] = int(port)
    if user := connection.get("username"):
        fields["username"] = user
    if database := connection.get("database"):
        fields["database"] = database
    if mode := connection.get("sslMode"):
        fields["sslmode"] = mode

    password, refusal = _password(connection.get("authType"))
    if refusal:
        mistakes.append(refusal)
    else:
        register_secret(password)
        # Also when empty: a password of ours in the environment must not go to a host that the catalog names.
        fields["password"] = password
    if any((connection.get("sslConfig") or {}).values()):
        mistakes.append(
            "the catalog's connection holds certificates (sslConfig), which PostgreSQL's client takes from files only: "
            "write them to files and name these as sslrootcert, sslcert and sslkey in a service block"
        )
    for group in ("connectionOptions", "connectionArguments"):
        for name, value in (connection.get(group) or {}).items():
            if name in _SHARED_ARGUMENTS:
                fields[_SHARED_ARGUMENTS[name]] = value
            else:
                mistakes.append(
                    f"the catalog's connection sets {name} in {group}, which a service block has no key for"
                )
    if mistakes:
        raise ConfigurationError(mistakes)
    return fields


def _host_and_port(host_port: str) -> tuple[str, str]:
    """`host:5432` in two; an IPv6 address stands in brackets when a port follows."""
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::(\d+))?", host_port)
    if bracketed:
        return bracketed[1], bracketed[2] or ""
    host, colon, port = host_port.rpartition(":")
    if colon and ":" not in host and port.isdigit():
        return host, port
    return host_port, ""


def _password(auth: Mapping[str, Any] | None) -> tuple[str, str]:
    """The password of `authType`, and the sentence that says why it cannot be used."""
    others = sorted(key for key, value in (auth or {}).items() if key != "password" and value)
    if others:
        return "", (
            f"the catalog's connection logs in by {' and '.join(others)}, which takes short-lived tokens: give the "
            "service a block of its own with a username and a password"
        )
    password = str((auth or {}).get("password") or "")
    if password and not password.strip("*"):
        return "", "the catalog shows the password as asterisks: its token must be a bot's"
    return password, ""
