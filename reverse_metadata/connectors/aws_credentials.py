"""In whose name AWS is called: the keys of a service block, the same from the catalog, and what boto3 makes of them."""

from typing import Any, Self

from pydantic import Field, model_validator

from reverse_metadata.connectors.aws import refused
from reverse_metadata.connectors.base import CONNECTION, SECRET, ConnectorOptions
from reverse_metadata.connectors.catalog_connection import CatalogConnection
from reverse_metadata.connectors.drivers import driver
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.redaction import register_secret


class AwsOptions(ConnectorOptions):
    """The keys of every service that signs in to AWS. What is not said is found as boto3 finds it: in the environment,
    in `~/.aws`, or in the role of the machine."""

    region: str | None = Field(None, description="Region of AWS: `eu-west-1`.", json_schema_extra=CONNECTION)
    access_key_id: str | None = Field(
        None, description="Access key to sign with, together with its secret.", json_schema_extra=CONNECTION
    )
    secret_access_key: str | None = Field(None, description="Secret of the access key.", json_schema_extra=SECRET)
    session_token: str | None = Field(
        None, description="Session token, where the access key is a temporary one.", json_schema_extra=SECRET
    )
    profile: str | None = Field(
        None, description="Profile of `~/.aws` to sign with, in place of an access key.", json_schema_extra=CONNECTION
    )
    assume_role_arn: str | None = Field(
        None, description="ARN of a role to assume with these credentials.", json_schema_extra=CONNECTION
    )
    assume_role_session_name: str = Field(
        "reverse_metadata",
        description="Name of the session of the role, which CloudTrail shows.",
        json_schema_extra=CONNECTION,
    )
    assume_role_external_id: str | None = Field(
        None, description="External id that the role's trust policy asks for.", json_schema_extra=SECRET
    )
    assume_role_source_identity: str | None = Field(
        None, description="Source identity of the session of the role.", json_schema_extra=CONNECTION
    )

    @model_validator(mode="after")
    def _one_way_to_sign(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("give `access_key_id` and `secret_access_key` together")
        if self.session_token and not self.access_key_id:
            raise ValueError("`session_token` belongs to an access key: give `access_key_id` and `secret_access_key`")
        if self.profile and self.access_key_id:
            raise ValueError("give either `profile` or an access key")
        if not self.assume_role_arn and (self.assume_role_external_id or self.assume_role_source_identity):
            raise ValueError("`assume_role_external_id` and `assume_role_source_identity` belong to `assume_role_arn`")
        return self

    def register_secrets(self) -> None:
        """No message shows them from now on."""
        for secret in (self.secret_access_key, self.session_token, self.assume_role_external_id):
            register_secret(secret or "")


#: Members of the catalog's awsConfig, and what they are called here.
_CREDENTIALS = {
    "awsAccessKeyId": "access_key_id",
    "awsRegion": "region",
    "profileName": "profile",
    "assumeRoleArn": "assume_role_arn",
}
#: Those that stand there without meaning anything as long as no role is named: the server fills in a default.
_OF_THE_ROLE = {
    "assumeRoleSessionName": "assume_role_session_name",
    "assumeRoleSourceIdentity": "assume_role_source_identity",
}


def credentials_from_catalog(held: CatalogConnection) -> dict[str, Any]:
    """The fields of AwsOptions for the catalog's awsConfig; "" where it says nothing. An endPointURL is left over.

    Source: OpenMetadata, `security/credentials/awsCredentials.json`.
    """
    fields: dict[str, Any] = {field: held.text(name) for name, field in _CREDENTIALS.items()}
    fields["secret_access_key"] = held.secret("awsSecretAccessKey")
    fields["session_token"] = held.secret("awsSessionToken")
    of_the_role = {field: held.text(name) for name, field in _OF_THE_ROLE.items()}
    if fields["assume_role_arn"]:
        fields |= of_the_role
    if fields["access_key_id"]:
        # The ingestion does not look at a profile then either.
        fields["profile"] = ""
    # Whether the ingestion signs at all, and not with what.
    held.ignore("enabled")
    return fields


def sign_in(options: AwsOptions, extra: str, region: str | None = None) -> Any:
    """A session of boto3 in the name that the options say, without the role. Raises what boto3 raises, and SourceError
    that names the `extra` to install where boto3 is missing."""
    return driver("boto3", extra).Session(
        aws_access_key_id=options.access_key_id,
        aws_secret_access_key=options.secret_access_key,
        aws_session_token=options.session_token,
        profile_name=options.profile,
        region_name=options.region or region,
    )


def assumed(sts: Any, options: AwsOptions) -> dict[str, Any]:
    """The `Credentials` of a session of the role that the options name, asked for with a client of STS, which is
    closed; they are registered as secrets.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html. Raises SourceError.
    """
    asked = {
        "RoleArn": options.assume_role_arn,
        "RoleSessionName": options.assume_role_session_name,
        "ExternalId": options.assume_role_external_id,
        "SourceIdentity": options.assume_role_source_identity,
    }
    try:
        answer = sts.assume_role(**{name: value for name, value in asked.items() if value})
    except Exception as error:
        refusal = refused(error, f"assuming the role {options.assume_role_arn}")
        if refusal.reason is Reason.MISSING_PRIVILEGE:
            # Who may not become the role has not signed in yet.
            advice = "The role's trust policy must allow whoever signs, and their policies sts:AssumeRole."
            refusal = SourceError(Reason.AUTHENTICATION, f"{refusal} {advice}")
        raise refusal from None
    finally:
        sts.close()
    credentials: dict[str, Any] = answer["Credentials"]
    for secret in ("SecretAccessKey", "SessionToken"):
        register_secret(credentials[secret])
    return credentials
