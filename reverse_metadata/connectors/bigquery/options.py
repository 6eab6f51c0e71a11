"""How to reach BigQuery: the keys of its service block, and the same from the catalog's connection."""

import json
import re
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from reverse_metadata.connectors.base import CONNECTION, SECRET, ConnectorOptions
from reverse_metadata.connectors.catalog_connection import CatalogConnection
from reverse_metadata.redaction import register_secret

#: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#PolicyTagList
_POLICY_TAG = re.compile(r"projects/[^/\s]+/locations/[^/\s]+/taxonomies/[^/\s]+/policyTags/[^/\s]+")
_DEFAULT_HOST = "bigquery.googleapis.com"
#: Names of a service account's key, as the catalog and as Google spell them.
_KEY = {
    "privateKeyId": "private_key_id",
    "clientEmail": "client_email",
    "clientId": "client_id",
    "authUri": "auth_uri",
    "tokenUri": "token_uri",
    "authProviderX509CertUrl": "auth_provider_x509_cert_url",
    "clientX509CertUrl": "client_x509_cert_url",
}


class BigQueryOptions(ConnectorOptions):
    """The connection of a BigQuery service. Without credentials, the application default credentials are used."""

    project: str | None = Field(
        None,
        description="Project that stands for the service; that of the credentials unless said otherwise. Datasets of "
        "other projects are written too, as the catalog names them.",
        json_schema_extra=CONNECTION,
    )
    location: str | None = Field(
        None, description="Where the queries of templates run: EU. That of the dataset unless said otherwise."
    )
    credentials: str | None = Field(
        None,
        description="Credentials as JSON text: the key of a service account, or any other kind that Google's library "
        "knows by its `type`.",
        json_schema_extra=SECRET,
    )
    credentials_file: str | None = Field(
        None, description="File with the same; in place of `credentials`.", json_schema_extra=CONNECTION
    )
    impersonate: str | None = Field(
        None,
        description="E-mail address of a service account to act as. Whoever signs in must be allowed to create tokens "
        "for it.",
        json_schema_extra=CONNECTION,
    )
    impersonate_delegates: list[str] = Field(
        default_factory=list,
        description="Service accounts in between, each of which may create tokens for the next.",
        json_schema_extra=CONNECTION,
    )
    impersonate_lifetime: int = Field(
        3600,
        ge=60,
        le=43200,
        description="Seconds that a token of the impersonated account is valid.",
        json_schema_extra=CONNECTION,
    )
    billing_project: str | None = Field(
        None,
        description="Project in which the queries of templates run, and which pays for them; `project` unless said "
        "otherwise.",
        json_schema_extra=CONNECTION,
    )
    quota_project: str | None = Field(
        None,
        description="Project whose quota all calls count against. The account needs serviceusage.services.use there.",
        json_schema_extra=CONNECTION,
    )
    api_endpoint: str | None = Field(
        None,
        description="URL of the API where it is not https://bigquery.googleapis.com: a private or regional endpoint.",
        json_schema_extra=CONNECTION,
    )
    policy_tags: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="The policy tag that stands for a label of a column, by key and value as the channel writes them: "
        "{PII: {Sensitive: projects/p/locations/eu/taxonomies/1/policyTags/2}}.",
    )
    request_timeout: float = Field(60, gt=0, description="Seconds that one call may take.")
    statement_timeout: float = Field(300, gt=0, description="Seconds that one query of a template may take.")

    @field_validator("credentials")
    @classmethod
    def _json(cls, credentials: str | None) -> str | None:
        if credentials is None:
            return None
        try:
            known = json.loads(credentials)
        except ValueError:
            known = None
        if not isinstance(known, dict):
            # Nothing of it is shown: it may be a key that lost its quotes.
            raise ValueError("this is no JSON object; give the text of the key's file as it is")
        register_key(known)
        return credentials

    @field_validator("policy_tags")
    @classmethod
    def _one_label_each(cls, policy_tags: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        labels: dict[str, str] = {}
        for key, values in policy_tags.items():
            for value, resource in values.items():
                label = f"{key}: {value}"
                if not _POLICY_TAG.fullmatch(resource):
                    raise ValueError(
                        f"{label}: {resource!r} is not the full name of a policy tag: "
                        "projects/p/locations/eu/taxonomies/1/policyTags/2"
                    )
                if resource in labels:
                    raise ValueError(f"{labels[resource]} and {label} would both be the policy tag {resource}")
                labels[resource] = label
        return policy_tags

    @field_validator("api_endpoint")
    @classmethod
    def _url(cls, api_endpoint: str | None) -> str | None:
        if api_endpoint is not None and urlsplit(api_endpoint).scheme not in ("http", "https"):
            raise ValueError("give the whole URL: https://bigquery.googleapis.com")
        return api_endpoint

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if self.credentials and self.credentials_file:
            raise ValueError("give either `credentials` or `credentials_file`")
        return self

    @property
    def host(self) -> str:
        """The host of the API: `bigquery.googleapis.com`."""
        return urlsplit(self.api_endpoint or f"https://{_DEFAULT_HOST}").netloc

    def policy_tag(self, key: str, value: str) -> str | None:
        """The policy tag that stands for a key and value; None when there is none."""
        return self.policy_tags.get(key, {}).get(value)

    def label(self, policy_tag: str) -> tuple[str, str] | None:
        """The key and value that a policy tag stands for; None for one of others."""
        for key, values in self.policy_tags.items():
            for value, resource in values.items():
                if resource == policy_tag:
                    return key, value
        return None


def register_key(credentials: Mapping[str, Any]) -> None:
    """Keep what is secret in credentials out of every message: of a key, line by line."""
    for name in ("private_key", "refresh_token", "client_secret"):
        for line in str(credentials.get(name) or "").splitlines():
            if "PRIVATE KEY" not in line:
                register_secret(line)


def options_from_catalog(connection: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of BigQueryOptions for the `connection.config` of a `BigQuery` service in OpenMetadata.

    Raises ConfigurationError with one sentence for everything that cannot be reused.
    Source: OpenMetadata, `bigQueryConnection.json` and `security/credentials/gcp*.json`.
    """
    held = CatalogConnection(connection)
    fields: dict[str, Any] = {"billing_project": held.take("billingProjectId")}
    host = held.text("hostPort").removeprefix("https://").rstrip("/")
    if host and not _is_googles(host):
        held.mistakes.append(
            f"the catalog's connection sets hostPort to {host}, which is no host of Google's: give the service a block "
            "with that api_endpoint, so that its editors do not decide who is shown a token"
        )
    elif host and host.removesuffix(":443") != _DEFAULT_HOST:
        fields["api_endpoint"] = f"https://{host}"
    fields |= _login(held.within("credentials"), connection)
    # What only the ingestion goes by: where it looks for policy tags and usage, and how it samples.
    held.ignore("taxonomyProjectID", "taxonomyLocation", "usageLocation", "costPerTB")
    held.ignore("partitionQuery", "partitionQueryDuration", "partitionField")
    for group in ("connectionOptions", "connectionArguments"):
        held.within(group)
    held.raise_mistakes()
    return {name: value for name, value in fields.items() if value}


def _login(credentials: CatalogConnection, connection: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    impersonated = credentials.within("gcpImpersonateServiceAccount")
    fields["impersonate"] = impersonated.take("impersonateServiceAccount")
    lifetime = impersonated.take("lifetime")
    if fields["impersonate"]:
        fields["impersonate_lifetime"] = lifetime
    if isinstance(connection.get("credentials", {}).get("gcpConfig"), str):
        # Before 1.1 a path was not yet within a mapping.
        return fields | {"credentials_file": credentials.take("gcpConfig")}
    config = credentials.within("gcpConfig")
    projects = config.take("projectId")
    fields["project"] = projects[0] if isinstance(projects, list) else projects
    kind = config.text("externalType") or config.text("type")
    config.ignore("type")
    if "path" in config:
        return fields | {"credentials_file": config.take("path")}
    if "privateKey" in config:
        return fields | {"credentials": _key(config, fields["project"])}
    if "credentialSource" in config or kind == "external_account":
        return fields | {"credentials": _external_account(config)}
    if kind == "service_account":
        # It is not there, or somebody without the right to see it looks at it.
        config.mistakes.append("the catalog's connection has no privateKey for its service account")
    return fields


def _key(config: CatalogConnection, project: str | None) -> str:
    key = {"type": "service_account", "project_id": project or "", "private_key": config.secret("privateKey")}
    # A line break of the key may stand there as a backslash and an n.
    key["private_key"] = key["private_key"].replace("\\n", "\n")
    register_key(key)
    key |= {name: config.text(held) for held, name in _KEY.items()}
    key["token_uri"] = key["token_uri"] or "https://oauth2.googleapis.com/token"
    return json.dumps({name: value for name, value in key.items() if value})


def _external_account(config: CatalogConnection) -> str:
    """A configuration of workload identity: what proves who we are is read here and shown to `token_url`."""
    source = config.take("credentialSource") or {}
    token_url = config.text("tokenURL")
    if "executable" in source:
        config.mistakes.append(
            "the catalog's connection sets credentials.gcpConfig.credentialSource.executable, a "
            "program to run on this machine: give the service a block with credentials_file"
        )
    if not _is_googles(urlsplit(token_url).netloc):
        config.mistakes.append(
            "the catalog's connection sets credentials.gcpConfig.tokenURL to a host that is not "
            "Google's, and what proves who we are would be sent there: give the service a block with credentials_file"
        )
    return json.dumps(
        {
            "type": "external_account",
            "audience": config.text("audience"),
            "subject_token_type": config.text("subjectTokenType"),
            "token_url": token_url,
            "credential_source": source,
        }
    )


def _is_googles(host: str) -> bool:
    return re.fullmatch(r"(?:[a-z0-9-]+\.)+googleapis\.com(?::443)?", host) is not None
