"""How to reach a Redshift: the keys of its service block, and the same from the catalog's connection."""

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from reverse_metadata.connectors.aws_credentials import AwsOptions, credentials_from_catalog
from reverse_metadata.connectors.base import CONNECTION, SECRET
from reverse_metadata.connectors.catalog_connection import CatalogConnection

# https://docs.aws.amazon.com/redshift/latest/mgmt/connecting-from-psql.html,
# https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-connecting.html
_ENDPOINT = re.compile(
    r"(?P<name>[^.]+)\.[^.]+\.(?P<region>[^.]+)\.redshift(?P<serverless>-serverless)?\.amazonaws\..+"
)


class Endpoint(NamedTuple):
    """What the name of an endpoint of AWS tells; None where it is another name."""

    region: str | None = None
    cluster: str | None = None
    workgroup: str | None = None

    @staticmethod
    def of(host: str) -> "Endpoint":
        """`shop.abc123.eu-west-1.redshift.amazonaws.com` tells a cluster and a region."""
        found = _ENDPOINT.fullmatch(host.lower())
        if found is None:
            return Endpoint()
        if found["serverless"]:
            return Endpoint(found["region"], workgroup=found["name"])
        return Endpoint(found["region"], cluster=found["name"])


class RedshiftOptions(AwsOptions):
    """The connection of a Redshift service: by host and password, or with credentials of AWS (`iam`), whose region an
    endpoint of AWS tells, too."""

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
        "verify-full",
        description="How much TLS is asked for; with `iam` some must be. verify-full is the one that stops an"
        " impostor.",
        json_schema_extra=CONNECTION,
    )
    iam: bool = Field(
        False,
        description="Log in with temporary credentials that AWS gives: by an access key, a `profile`, or what"
        " boto3 finds by itself.",
        json_schema_extra=CONNECTION,
    )
    cluster_identifier: str | None = Field(
        None,
        description="Name of a provisioned cluster, for `iam`; an endpoint of AWS tells it.",
        json_schema_extra=CONNECTION,
    )
    workgroup: str | None = Field(
        None,
        description="Name of a serverless workgroup, for `iam`; an endpoint of AWS tells it.",
        json_schema_extra=CONNECTION,
    )
    connect_timeout: int = Field(10, ge=1, description="Seconds to wait for a connection.")
    statement_timeout: float = Field(60, gt=0, description="Seconds that one statement may take, locks included.")
    application_name: str = Field("reverse_metadata", description="Name of the session in Redshift's logs.")

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not self.host and not (self.iam and (self.cluster_identifier or self.workgroup)):
            raise ValueError("give `host`, or `iam: true` with a `cluster_identifier` or a `workgroup`")
        if not self.username and not (self.iam and (self.workgroup or self.endpoint.workgroup)):
            raise ValueError("give `username`: only a serverless workgroup finds the user by the identity of AWS")
        if self.workgroup and self.cluster_identifier:
            raise ValueError("give either `cluster_identifier` or `workgroup`")
        return self

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        for_iam = sorted(name for name in _FOR_IAM if getattr(self, name))
        if for_iam and not self.iam:
            raise ValueError(f"`{for_iam[0]}` does nothing without `iam: true`")
        if self.iam and self.password:
            raise ValueError("give either `password` or `iam: true`, which asks AWS for one")
        if self.iam and self.sslmode == "disable":
            raise ValueError("`iam` needs TLS: leave `sslmode` out, or make it `verify-ca`")
        return self

    @property
    def endpoint(self) -> Endpoint:
        """What `host` tells."""
        return Endpoint.of(self.host or "")


_FOR_IAM = ("access_key_id", "assume_role_arn", "cluster_identifier", "profile", "workgroup")


def options_from_catalog(connection: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of RedshiftOptions for the `connection.config` of a `Redshift` service in OpenMetadata.

    Raises ConfigurationError with one sentence for everything that cannot be reused.
    Source: OpenMetadata, `redshiftConnection.json`; the password stands at the top, or in `authType` beside the ways to
    log in through AWS: `common/basicAuth.json`, `common/iamAuthConfig.json`.
    """
    held = CatalogConnection(connection)
    host, port = held.address()
    fields: dict[str, Any] = {
        "host": host,
        "port": port,
        "username": held.text("username"),
        "database": held.text("database"),
        "sslmode": held.text("sslMode") or "disable",
    }
    auth = held.within("authType")
    # Also when empty: a password of ours in the environment must not go to a host that the catalog names.
    fields["password"] = held.secret("password") or auth.secret("password")
    if "awsConfig" in auth:
        fields |= _iam(auth.within("awsConfig"))
        if fields["password"]:
            held.mistakes.append(
                "the catalog's connection sets a password and authType.awsConfig: remove one of them there"
            )
    held.refuse(
        "sslConfig",
        "and Redshift's driver trusts Amazon's certificates, which it brings with it, and those of the machine: remove"
        " it there, or give the service a block of its own",
    )
    for group in ("connectionOptions", "connectionArguments"):
        shared = held.within(group)
        fields["application_name"] = shared.text("application_name") or fields.get("application_name")
        fields["sslmode"] = shared.text("sslmode") or fields["sslmode"]
    fields["sslmode"] = _sslmode(fields["sslmode"], iam="iam" in fields)
    held.raise_mistakes()
    return {name: value for name, value in fields.items() if value or name == "password"}


def _sslmode(mode: str, *, iam: bool) -> str:
    """The driver knows two of libpq's modes; what asks for some TLS gets the stricter of what it means.

    `disable` is the catalog's default, and no choice of anybody's; with `iam` the driver takes no less than TLS.
    """
    return mode if mode == "verify-full" or (mode == "disable" and not iam) else "verify-ca"


def _iam(aws: CatalogConnection) -> dict[str, Any]:
    aws.refuse(
        "endPointURL",
        "which a service block has no key for: a profile of AWS's configuration files can have an endpoint_url; name it"
        " as `profile` in a service block",
    )
    return {"iam": True} | credentials_from_catalog(aws)
