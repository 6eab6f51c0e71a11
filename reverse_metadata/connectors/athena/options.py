"""How to reach Glue's catalog and Athena: the keys of a service block, and the same from the catalog's connection."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from reverse_metadata.connectors.base import CONNECTION, SECRET, ConnectorOptions
from reverse_metadata.connectors.catalog_connection import CatalogConnection

#: The services of AWS that are called, by their names in boto3.
Service = Literal["athena", "glue", "iam", "lakeformation", "sts"]


class AthenaOptions(ConnectorOptions):
    """The connection of an Athena service. What is not said is found as boto3 finds it: in the environment, in
    `~/.aws`, or in the role of the machine."""

    region: str | None = Field(None, description="Region of the catalog: `eu-west-1`.", json_schema_extra=CONNECTION)
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
    endpoint_url: str | None = Field(
        None, description="URL that all of AWS's services are called at.", json_schema_extra=CONNECTION
    )
    endpoints: dict[Service, str] = Field(
        default_factory=dict,
        description="URL of a single service, such as an interface endpoint of a VPC: `{glue: https://…}`. It wins over"
        " `endpoint_url`.",
        json_schema_extra=CONNECTION,
    )
    catalog_id: str | None = Field(
        None, description="Id of the Glue catalog, where it is not the one of the account that signs."
    )
    workgroup: str | None = Field(None, description="Workgroup in which the SQL of templates runs.")
    output_location: str | None = Field(
        None,
        description="Where Athena puts the results of templates, unless the workgroup says so: `s3://bucket/path`.",
    )
    skip_archive: bool = Field(
        True,
        description="Whether an update leaves no old version of the table behind in Glue, of which an account can have"
        " a million.",
    )
    lf_tags: bool = Field(
        False,
        description="Whether tags are read from and written to Lake Formation, where they decide who may see what."
        " Reading them takes a call for every table.",
    )
    lf_tags_create: bool = Field(
        False, description="Whether LF-tags and values that Lake Formation does not know yet are created."
    )
    query_timeout: float = Field(60, gt=0, description="Seconds that a statement of a template may take.")
    connect_timeout: float = Field(10, gt=0, description="Seconds to wait for a connection.")
    read_timeout: float = Field(60, gt=0, description="Seconds to wait for an answer.")
    max_attempts: int = Field(
        5, ge=1, le=20, description="How often a call is made in all while AWS is busy or cannot be reached."
    )

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("give `access_key_id` and `secret_access_key` together")
        if self.session_token and not self.access_key_id:
            raise ValueError("`session_token` belongs to an access key: give `access_key_id` and `secret_access_key`")
        if self.profile and self.access_key_id:
            raise ValueError("give either `profile` or an access key")
        if not self.assume_role_arn and (self.assume_role_external_id or self.assume_role_source_identity):
            raise ValueError("`assume_role_external_id` and `assume_role_source_identity` belong to `assume_role_arn`")
        if self.lf_tags_create and not self.lf_tags:
            raise ValueError("`lf_tags_create` does nothing without `lf_tags: true`")
        return self


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
#: The one catalog of Athena that is Glue's own.
_GLUE_IN_ATHENA = "AwsDataCatalog"


def options_from_catalog(connection: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of AthenaOptions for the `connection.config` of an `Athena` or `Glue` service in OpenMetadata.

    Raises ConfigurationError with one sentence for everything that cannot be reused.
    Source: OpenMetadata, `athenaConnection.json`, `glueConnection.json` and `awsCredentials.json`.
    """
    held = CatalogConnection(connection)
    fields: dict[str, Any] = {
        "workgroup": held.text("workgroup"),
        "output_location": held.text("s3StagingDir"),
        "catalog_id": held.text("catalogId"),
    }
    # The name that the catalog gives to the level above the schemas; nothing in AWS has it.
    held.ignore("databaseName")
    fields |= _credentials(held.within("awsConfig"))
    held.within("connectionOptions")
    arguments = held.within("connectionArguments")
    for name, field in (("work_group", "workgroup"), ("s3_staging_dir", "output_location")):
        fields[field] = arguments.text(name) or fields[field]
    if arguments.text("catalog_name") not in ("", _GLUE_IN_ATHENA):
        held.mistakes.append(
            "the catalog's connection sets connectionArguments.catalog_name to a data source that is not Glue's: its "
            "tables can only be described where they come from"
        )
    held.raise_mistakes()
    return {field: value for field, value in fields.items() if value}


def _credentials(held: CatalogConnection) -> dict[str, Any]:
    fields: dict[str, Any] = {field: held.text(name) for name, field in _CREDENTIALS.items()}
    fields["secret_access_key"] = held.secret("awsSecretAccessKey")
    fields["session_token"] = held.secret("awsSessionToken")
    of_the_role = {field: held.text(name) for name, field in _OF_THE_ROLE.items()}
    if fields["assume_role_arn"]:
        fields |= of_the_role
    if fields["access_key_id"]:
        # The ingestion does not look at a profile then either.
        fields["profile"] = ""
    # Whether it signs at all, and not with what.
    held.ignore("enabled")
    held.refuse(
        "endPointURL",
        "which is where one of AWS's services is called and a writer calls several: give the service a block of its "
        "own with endpoint_url or endpoints",
    )
    return fields
