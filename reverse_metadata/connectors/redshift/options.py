"""How to reach a Redshift: the keys of its service block, and the same from the catalog's connection."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from reverse_metadata.connectors.base import CONNECTION, SECRET, ConnectorOptions
from reverse_metadata.connectors.catalog_connection import CatalogConnection
from reverse_metadata.redaction import register_secret


class RedshiftOptions(ConnectorOptions):
    """The connection of a Redshift service: by host and password, or with credentials of AWS (`iam`)."""

    host: str | None = Field(
        None,
        description="Endpoint of the cluster or workgroup; with `iam` it can be found by its name.",
        json_schema_extra=CONNECTION,
    )
    port: int = Field(5439, ge=1, le=65535, description="Port.", json_schema_extra=CONNECTION)
    database: str = Field(
        "dev", description="Database to ask about users and the server. Others are opened as schemas need them."
    )
    username: str | None = Field(
        None, description="User to log in as; with `iam`, the user of the database.", json_schema_extra=CONNECTION
    )
    password: str | None = Field(None, description="Password of the user.", json_schema_extra=SECRET)
    sslmode: Literal["disable", "verify-ca", "verify-full"] = Field(
        "verify-full", description="How much TLS is asked for.", json_schema_extra=CONNECTION
    )
    iam: bool = Field(
        False,
        description="Log in with temporary credentials that AWS gives: by the keys below, a `profile`, or what boto3"
        " finds by itself.",
        json_schema_extra=CONNECTION,
    )
    region: str | None = Field(None, description="AWS region, for `iam`.", json_schema_extra=CONNECTION)
    cluster_identifier: str | None = Field(
        None, description="Name of a provisioned cluster, for `iam`.", json_schema_extra=CONNECTION
    )
    workgroup: str | None = Field(
        None, description="Name of a serverless workgroup, for `iam`.", json_schema_extra=CONNECTION
    )
    profile: str | None = Field(
        None,
        description="Profile of AWS's configuration files, which may assume a role, for `iam`.",
        json_schema_extra=CONNECTION,
    )
    access_key_id: str | None = Field(None, description="AWS access key, for `iam`.", json_schema_extra=SECRET)
    secret_access_key: str | None = Field(None, description="Its secret.", json_schema_extra=SECRET)
    session_token: str | None = Field(None, description="Its session token.", json_schema_extra=SECRET)
    connect_timeout: int = Field(10, ge=1, description="Seconds to wait for a connection.")
    statement_timeout: float = Field(60, gt=0, description="Seconds that one statement may take, locks included.")
    application_name: str = Field("reverse_metadata", description="Name of the session in Redshift's logs.")

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not self.host and not (self.iam and (self.cluster_identifier or self.workgroup)):
            raise ValueError("give `host`, or `iam: true` with a `cluster_identifier` or a `workgroup`")
        if not self.iam and not self.username:
            raise ValueError("give `username`, or `iam: true`")
        return self

    def connection_parameters(self, database: str) -> dict[str, Any]:
        """What `redshift_connector.connect` is told.

        https://github.com/aws/amazon-redshift-python-driver#connection-parameters
        """
        for secret in (self.password, self.secret_access_key, self.session_token):
            if secret:
                register_secret(secret)
        parameters: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "database": database,
            "ssl": self.sslmode != "disable",
            "sslmode": None if self.sslmode == "disable" else self.sslmode,
            "timeout": self.connect_timeout,
            "application_name": self.application_name,
            # A session that dies must be noticed by either side.
            "tcp_keepalive": True,
            "tcp_keepalive_idle": 30,
            "tcp_keepalive_interval": 10,
            "tcp_keepalive_count": 3,
            # Each statement of ours is another one; kept as prepared they would fill the server.
            "max_prepared_statements": 0,
        }
        if self.iam:
            parameters |= {
                "iam": True,
                "db_user": self.username,
                "region": self.region,
                "cluster_identifier": self.cluster_identifier,
                "is_serverless": True if self.workgroup else None,
                "serverless_work_group": self.workgroup,
                "profile": self.profile,
                "access_key_id": self.access_key_id,
                "secret_access_key": self.secret_access_key,
                "session_token": self.session_token,
            }
        else:
            parameters |= {"user": self.username, "password": self.password or ""}
        return {name: value for name, value in parameters.items() if value is not None}


def options_from_catalog(connection: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of RedshiftOptions for the `connection.config` of a `Redshift` service in OpenMetadata.

    Raises ConfigurationError with one sentence for everything that cannot be reused.
    Source: OpenMetadata, `redshiftConnection.json`; the password stands at the top, or in `authType` beside the ways to
    log in through AWS.
    """
    held = CatalogConnection(connection)
    host, port = held.address()
    fields: dict[str, Any] = {
        "host": host,
        "port": port,
        "username": held.text("username"),
        "database": held.text("database"),
        "sslmode": _sslmode(held),
    }
    auth = held.within("authType")
    # Also when empty: a password of ours in the environment must not go to a host that the catalog names.
    fields["password"] = held.secret("password") or auth.secret("password")
    if "awsConfig" in auth:
        fields |= _iam(auth.within("awsConfig"))
    held.refuse(
        "sslConfig",
        "and Redshift's driver brings Amazon's certificates with it: remove them there, or give the service a block of"
        " its own",
    )
    for group in ("connectionOptions", "connectionArguments"):
        shared = held.within(group)
        fields |= {name: shared.text(name) for name in ("application_name",) if name in shared}
    held.raise_mistakes()
    return {name: value for name, value in fields.items() if value or name == "password"}


def _sslmode(held: CatalogConnection) -> str:
    """The driver knows two of libpq's modes; what asks for some TLS gets the stricter of what it means."""
    mode = held.text("sslMode") or "disable"
    return {"disable": "disable", "verify-full": "verify-full"}.get(mode, "verify-ca")


def _iam(aws: CatalogConnection) -> dict[str, Any]:
    """AWS credentials as OpenMetadata holds them: `security/credentials/awsCredentials.json`."""
    aws.ignore("enabled")
    for key in ("assumeRoleArn", "assumeRoleSessionName", "assumeRoleSourceIdentity", "endPointURL"):
        aws.refuse(
            key,
            "which Redshift's driver has no key for: name a `profile` that assumes the role in a service block",
        )
    return {
        "iam": True,
        "region": aws.text("awsRegion"),
        "profile": aws.text("profileName"),
        "access_key_id": aws.secret("awsAccessKeyId"),
        "secret_access_key": aws.secret("awsSecretAccessKey"),
        "session_token": aws.secret("awsSessionToken"),
    }
