"""How to reach a MySQL or MariaDB server: the keys of its service block, and the same from the catalog's connection."""

import ssl
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from reverse_metadata.connectors.base import CONNECTION, SECRET, ConnectorOptions
from reverse_metadata.connectors.catalog_connection import CatalogConnection
from reverse_metadata.errors import ConfigurationError
from reverse_metadata.redaction import register_secret

SslMode = Literal["disabled", "preferred", "required", "verify_ca", "verify_identity"]


class MysqlOptions(ConnectorOptions):
    """The connection of a MySQL or MariaDB service, and what its writer may do."""

    host: str | None = Field(None, description="Host name or address.", json_schema_extra=CONNECTION)
    port: int = Field(3306, ge=1, le=65535, description="Port.", json_schema_extra=CONNECTION)
    unix_socket: str | None = Field(
        None, description="File of the server's Unix socket, instead of host and port.", json_schema_extra=CONNECTION
    )
    username: str | None = Field(None, description="Account to log in as.", json_schema_extra=CONNECTION)
    password: str | None = Field(None, description="Password of the account.", json_schema_extra=SECRET)
    ssl_mode: SslMode | None = Field(
        None,
        description="How much TLS is asked for, in MySQL's words; verify_identity is the one that stops an impostor. "
        "Unless said otherwise verify_ca with an ssl_ca, and preferred without.",
        json_schema_extra=CONNECTION,
    )
    ssl_ca: str | None = Field(
        None,
        description="File with the certificates of trusted authorities, or the certificates themselves (PEM).",
        json_schema_extra=CONNECTION,
    )
    ssl_cert: str | None = Field(None, description="File with the client's certificate.", json_schema_extra=CONNECTION)
    ssl_key: str | None = Field(None, description="File with the client's private key.", json_schema_extra=CONNECTION)
    connect_timeout: int = Field(10, ge=1, description="Seconds to wait for a connection.")
    statement_timeout: int = Field(
        60,
        ge=1,
        description="Seconds that one statement may take. Give it hours where rebuild_tables is on.",
    )
    lock_timeout: int = Field(
        2,
        ge=1,
        description="Seconds to wait for a lock on a table. Readers queue behind whoever waits, so keep it short.",
    )
    rebuild_tables: bool = Field(
        False,
        description="Whether a table may be built anew where the comment of a column cannot be written otherwise: "
        "stored generated columns, indexed virtual ones, JSON on MariaDB. Writers of rows wait meanwhile.",
    )

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not self.host and not self.unix_socket:
            raise ValueError("give either `host` or `unix_socket`: without one there is no server to connect to")
        if not self.username:
            raise ValueError("give a `username`: without one the driver would take that of the operating system")
        return self

    def connection_parameters(self) -> dict[str, Any]:
        """What the driver is told. Raises ConfigurationError when a file for TLS cannot be read."""
        if self.password:
            register_secret(self.password)
        parameters: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "unix_socket": self.unix_socket,
            "user": self.username,
            # As text the driver would take it for Latin-1.
            "password": (self.password or "").encode(),
            "connect_timeout": self.connect_timeout,
            # The server gives up first where it can; this is for one that fell silent.
            "read_timeout": self.statement_timeout + self.lock_timeout + 5,
            "write_timeout": self.statement_timeout,
            "program_name": "reverse_metadata",
        }
        mode = self.ssl_mode or ("verify_ca" if self.ssl_ca else "preferred")
        if mode == "disabled":
            return {**parameters, "ssl_disabled": True}
        if mode == "preferred" and not self.ssl_cert:
            return parameters
        return {**parameters, "ssl": self._context(mode)}

    def _context(self, mode: str) -> ssl.SSLContext:
        is_text = bool(self.ssl_ca) and "-----BEGIN" in str(self.ssl_ca)
        source: dict[str, Any] = {"cadata" if is_text else "cafile": self.ssl_ca} if self.ssl_ca else {}
        try:
            context = ssl.create_default_context(**source)
            if self.ssl_cert:
                context.load_cert_chain(self.ssl_cert, self.ssl_key)
        except (OSError, ValueError) as error:
            raise ConfigurationError([f"ssl_ca, ssl_cert and ssl_key of the service cannot be used: {error}"]) from None
        context.check_hostname = mode == "verify_identity"
        context.verify_mode = ssl.CERT_REQUIRED if mode.startswith("verify") else ssl.CERT_NONE
        # The certificates that MySQL makes for itself do not pass the strict rules, by default from Python 3.13 on.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


#: The catalog's connectionOptions and connectionArguments that mean the same here.
_SHARED_ARGUMENTS = ("unix_socket", "connect_timeout", "ssl_ca", "ssl_cert", "ssl_key")
_TOKENS = "which takes short-lived tokens: give the service a block of its own with a username and a password"
_FILES = (
    "and the driver takes a client's certificate from files only: write it to files and name these as ssl_cert and "
    "ssl_key in a service block"
)


def options_from_catalog(connection: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of MysqlOptions for the `connection.config` of a `Mysql` or `MariaDB` service in OpenMetadata.

    Raises ConfigurationError with one sentence for everything that cannot be reused.
    Source: OpenMetadata, `mysqlConnection.json` and `mariaDBConnection.json`, from 1.0 (`password`, `sslCA`) on.
    """
    held = CatalogConnection(connection)
    host, port = held.address()
    fields: dict[str, Any] = {
        "host": host,
        "port": port,
        "username": held.take("username"),
        "ssl_ca": held.take("sslCA"),
        "ssl_cert": held.take("sslCert"),
        "ssl_key": held.take("sslKey"),
    }
    if not fields["username"]:
        held.mistakes.append("the catalog's connection names no account (username)")
    tls = held.within("sslConfig")
    fields["ssl_ca"] = tls.take("caCertificate") or fields["ssl_ca"]
    tls.refuse("sslCertificate", _FILES)
    tls.refuse("sslKey", _FILES)
    for group in ("connectionOptions", "connectionArguments"):
        shared = held.within(group)
        fields |= {name: shared.take(name) for name in _SHARED_ARGUMENTS if name in shared}
        # The text is always sent as utf8mb4.
        shared.ignore("charset")
        # As PyMySQL had it before it took one argument each.
        nested = shared.within("ssl")
        for name in ("ca", "cert", "key"):
            fields |= {f"ssl_{name}": nested.take(key) for key in (name, f"ssl_{name}") if key in nested}
    fields["password"] = held.secret("password") or _password(held.within("authType"))
    held.ignore("databaseName", "filters", "storedProcedureFilterPattern", "useSlowLogs")
    held.raise_mistakes()
    # The password also when empty: one of ours must not go to a host that the catalog names.
    return {name: value for name, value in fields.items() if value or name == "password"}


def _password(auth: CatalogConnection) -> str:
    # MySQL's first tokens of AWS stood without a mapping of their own.
    for key in ("awsConfig", "awsRegion", "azureConfig", "gcpConfig"):
        auth.refuse(key, _TOKENS)
    if auth.take("enableIamAuth"):
        auth.mistakes.append(f"the catalog's connection sets authType.enableIamAuth, {_TOKENS}")
    auth.ignore("awsAccessKeyId", "awsSecretAccessKey", "awsSessionToken", "endPointURL", "profileName")
    auth.ignore("assumeRoleArn", "assumeRoleSessionName", "assumeRoleSourceIdentity")
    return auth.secret("password")
