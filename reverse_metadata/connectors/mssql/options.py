"""How to reach a SQL Server: the keys of its service block, and the same from the catalog's connection."""

from collections.abc import Mapping
from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from reverse_metadata.connectors.base import CONNECTION, SECRET, ConnectorOptions
from reverse_metadata.connectors.catalog_connection import CatalogConnection
from reverse_metadata.redaction import register_secret

#: https://learn.microsoft.com/en-us/sql/t-sql/statements/add-sensitivity-classification-transact-sql
Rank = Literal["none", "low", "medium", "high", "critical"]
#: https://learn.microsoft.com/en-us/sql/connect/odbc/using-azure-active-directory: the words of `Authentication`.
Authentication = Literal[
    "ActiveDirectoryServicePrincipal", "ActiveDirectoryPassword", "ActiveDirectoryMSI", "ActiveDirectoryDefault"
]
_NEEDS_A_USERNAME = (None, "ActiveDirectoryServicePrincipal", "ActiveDirectoryPassword")
_YES = ("true", "yes", "1", "mandatory")


class TagOptions(BaseModel):
    """Where tags go, for which SQL Server has no place of their own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_: Literal["extended_properties", "sensitivity"] = Field(
        alias="as",
        description="`extended_properties` of every object, or the `sensitivity` classification of columns.",
    )
    prefix: str = Field(
        "OpenMetadata.Tag.",
        min_length=1,
        max_length=64,
        description="What the name of an extended property begins with that is a tag; behind it stands the key.",
    )
    label: str | None = Field(None, description="The key whose value is the label of a classification: PII.")
    information_type: str | None = Field(
        None, description="The key whose value is the information type of a classification."
    )
    ranks: dict[str, Rank] = Field(
        default_factory=dict, description="The rank of a classification by its label: {Sensitive: high}."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        sensitivity = self.label or self.information_type or self.ranks
        if self.as_ == "sensitivity" and not self.label and not self.information_type:
            raise ValueError("say which key is the `label` of a classification, or its `information_type`")
        if self.as_ == "sensitivity" and self.label == self.information_type:
            raise ValueError("`label` and `information_type` are the values of two different keys")
        if self.as_ == "extended_properties" and sensitivity:
            raise ValueError("`label`, `information_type` and `ranks` are for `as: sensitivity`")
        return self

    @property
    def parts(self) -> dict[str, str]:
        """The part of a classification that is the value of each key."""
        named = {self.label: "LABEL", self.information_type: "INFORMATION_TYPE"}
        return {key: part for key, part in named.items() if key}


class MssqlOptions(ConnectorOptions):
    """The connection of a SQL Server service."""

    host: str = Field(description="Host name or address.", json_schema_extra=CONNECTION)
    port: int | None = Field(
        None, ge=1, le=65535, description="Port; 1433 unless said otherwise.", json_schema_extra=CONNECTION
    )
    instance: str | None = Field(
        None,
        description="Named instance, whose port the server's browser service tells; instead of `port`.",
        json_schema_extra=CONNECTION,
    )
    database: str = Field(
        "master", description="Database to ask about the server. Others are opened as schemas need them."
    )
    username: str | None = Field(
        None,
        description="Login; the application's id for a service principal, the client's id for a managed identity.",
        json_schema_extra=CONNECTION,
    )
    password: str | None = Field(
        None, description="Password of the login, or secret of the service principal.", json_schema_extra=SECRET
    )
    authentication: Authentication | None = Field(
        None,
        description="How to log in with Microsoft Entra ID; without it the login is one of SQL Server.",
        json_schema_extra=CONNECTION,
    )
    encrypt: Literal["yes", "no", "strict"] = Field(
        "yes", description="Whether the connection is encrypted.", json_schema_extra=CONNECTION
    )

    @field_validator("encrypt", mode="before")
    @classmethod
    def _not_a_truth(cls, encrypt: Any) -> Any:
        # What YAML makes of yes and no.
        return {True: "yes", False: "no"}.get(encrypt, encrypt) if isinstance(encrypt, bool) else encrypt

    trust_server_certificate: bool = Field(
        False,
        description="Whether any certificate of the server is taken; then an impostor is not noticed.",
        json_schema_extra=CONNECTION,
    )
    hostname_in_certificate: str | None = Field(
        None, description="Name in the server's certificate, where it is not `host`.", json_schema_extra=CONNECTION
    )
    connect_timeout: int = Field(15, ge=1, description="Seconds to wait for a connection.")
    statement_timeout: int = Field(60, ge=1, description="Seconds that one round trip may take.")
    lock_timeout: float = Field(2, gt=0, description="Seconds to wait for a lock (SET LOCK_TIMEOUT).")
    tags: TagOptions | None = Field(
        None,
        description="Where tags go: {as: extended_properties}, or {as: sensitivity, label: PII}. Without it they are"
        " not written.",
    )

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.port and self.instance:
            raise ValueError("give `port` or `instance`: an instance has the port that its server tells")
        if self.authentication in _NEEDS_A_USERNAME and not self.username:
            raise ValueError("give `username`, or say by `authentication` who logs in")
        return self

    @property
    def address(self) -> str:
        """Where the service points: `host\\instance`, `host,1433`."""
        return f"{self.host}\\{self.instance}" if self.instance else f"{self.host},{self.port or 1433}"

    def connection_parameters(self, database: str) -> dict[str, Any]:
        """What `mssql_python.connect` is told.

        https://github.com/microsoft/mssql-python/wiki/Connection-to-SQL-Database
        """
        if self.password:
            register_secret(self.password)
        given = {
            "Server": self.address,
            "Database": database,
            "UID": self.username,
            "PWD": self.password,
            "Authentication": self.authentication,
            "Encrypt": self.encrypt,
            "TrustServerCertificate": "yes" if self.trust_server_certificate else "no",
            "HostnameInCertificate": self.hostname_in_certificate,
        }
        return {"autocommit": True, "timeout": self.connect_timeout} | {
            key: each for key, each in given.items() if each
        }


def options_from_catalog(connection: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of MssqlOptions for the `connection.config` of a `Mssql` or `AzureSQL` service in OpenMetadata.

    Raises ConfigurationError with one sentence for everything that cannot be reused.
    Source: OpenMetadata, `mssqlConnection.json` and `azureSQLConnection.json`.
    """
    held = CatalogConnection(connection)
    held.ignore("storedProcedureFilterPattern")
    held.refuse(
        "uriString",
        "which is a connection string of another driver: give the service a block of its own with host and login",
    )
    held.refuse(
        "sslConfig",
        "and the driver takes no certificates of ours: give the service a block of its own, with `encrypt` and"
        " `trust_server_certificate`",
    )
    host, port = held.address()
    host, _, instance = host.partition("\\")
    fields: dict[str, Any] = {
        "host": host,
        "port": None if instance else port,
        "instance": instance,
        "database": held.text("database"),
        "username": held.text("username"),
        "password": held.secret("password"),
    }
    mode = held.within("authenticationMode")
    mode.ignore("connectionTimeout")
    for part in (held, mode, held.within("connectionOptions"), held.within("connectionArguments")):
        fields |= _security(part)
    held.raise_mistakes()
    return {name: value for name, value in fields.items() if value not in ("", None) or name == "password"}


def _security(held: CatalogConnection) -> dict[str, Any]:
    """How to log in and whether to encrypt, in the words of OpenMetadata and in those of ODBC."""
    fields: dict[str, Any] = {}
    for key in ("authentication", "Authentication"):
        if key in held:
            fields["authentication"] = word = held.text(key)
            if word not in get_args(Authentication):
                held.mistakes.append(
                    f"the catalog's connection sets {key} to {word!r}, which takes a person or a domain: give the"
                    " service a block of its own"
                )
    for key in ("encrypt", "Encrypt"):
        if key in held:
            word = held.text(key).lower()
            fields["encrypt"] = "strict" if word == "strict" else "yes" if word in _YES else "no"
    for key in ("trustServerCertificate", "TrustServerCertificate"):
        if key in held:
            fields["trust_server_certificate"] = held.text(key).lower() in _YES
    # Which ODBC driver the catalog's own client uses; ours brings its own.
    held.ignore("driver", "Driver")
    return fields
