"""How to reach Glue's catalog and Athena: the keys of a service block, and the same from the catalog's connection."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from reverse_metadata.connectors.aws_credentials import AwsOptions, credentials_from_catalog
from reverse_metadata.connectors.base import CONNECTION
from reverse_metadata.connectors.catalog_connection import CatalogConnection

#: The services of AWS that are called, by their names in boto3.
Service = Literal["athena", "glue", "iam", "lakeformation", "sts"]


class AthenaOptions(AwsOptions):
    """The connection of an Athena service."""

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
    def _tags_that_are_created(self) -> Self:
        if self.lf_tags_create and not self.lf_tags:
            raise ValueError("`lf_tags_create` does nothing without `lf_tags: true`")
        return self


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
    aws = held.within("awsConfig")
    fields |= credentials_from_catalog(aws)
    aws.refuse(
        "endPointURL",
        "which is where one of AWS's services is called and a writer calls several: give the service a block of its "
        "own with endpoint_url or endpoints",
    )
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
