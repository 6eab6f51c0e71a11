"""How to reach a Snowflake account: the keys of its service block, and the same from the catalog's connection."""

import re
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from reverse_metadata.connectors.base import CONNECTION, SECRET, ConnectorOptions
from reverse_metadata.connectors.catalog_connection import CatalogConnection
from reverse_metadata.redaction import register_secret

#: What the driver calls the ways to log in, and a way of ours to say key pair:
#: https://docs.snowflake.com/en/developer-guide/python-connector/python-connector-connect
_AUTHENTICATORS = (
    "snowflake",
    "snowflake_jwt",
    "externalbrowser",
    "oauth",
    "oauth_authorization_code",
    "oauth_client_credentials",
    "username_password_mfa",
    "programmatic_access_token",
    "workload_identity",
)
#: Ways that need a token.
_BY_TOKEN = ("oauth", "programmatic_access_token")
#: Ways that need nothing which the driver would not ask for itself.
_BY_ITSELF = ("externalbrowser", "oauth_authorization_code", "workload_identity")
_NAME = re.compile(r'"((?:[^"]|"")+)"|([A-Za-z_][A-Za-z0-9_$]*)')


class SnowflakeTags(BaseModel):
    """Where the tags of a Snowflake account are kept, and how they are looked at."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    home: str | None = Field(
        None,
        description="The schema that holds the tags, as Snowflake reads a name: `governance.tags` is GOVERNANCE.TAGS, "
        'and `"Gov"."tags"` is in this letter case. Without it a tag is the only one of its name in the account.',
    )
    create: bool = Field(False, description="Whether tags that are not there are created in `home`.")
    read: Literal["live", "account_usage", "never"] = Field(
        "live",
        description="Where the tags of objects are read: `live` asks for each table, 100 in a query; `account_usage` "
        "asks once for a whole schema, for an answer that is up to two hours old; `never` leaves them out, and no tag "
        "is pushed.",
    )
    allow_none: bool = Field(
        False,
        description="Whether the value None is set under a tag with a masking policy, as in PII.None. The policy is "
        "applied to such a column as well.",
    )

    @field_validator("home")
    @classmethod
    def _home_has_two_names(cls, home: str | None) -> str | None:
        if home is not None and len(_names(home)) != 2:
            raise ValueError(f"{home!r} is not a schema with its database; write it as Snowflake does: governance.tags")
        return home

    @model_validator(mode="after")
    def _created_at_home(self) -> Self:
        if self.create and self.home is None:
            raise ValueError("tags that are created need a `home`: governance.tags")
        return self

    @property
    def home_path(self) -> tuple[str, ...] | None:
        """Database and schema of the tags."""
        return None if self.home is None else _names(self.home)


class SnowflakeOptions(ConnectorOptions):
    """The connection of a Snowflake service."""

    account: str = Field(
        description="Account identifier, organization and account: acme-shop.",
        min_length=1,
        json_schema_extra=CONNECTION,
    )
    username: str = Field(description="User to log in as.", min_length=1, json_schema_extra=CONNECTION)
    password: str | None = Field(None, description="Password of the user.", json_schema_extra=SECRET)
    private_key: str | None = Field(
        None, description="Private key of the user in PEM, or the same in base64.", json_schema_extra=SECRET
    )
    private_key_path: str | None = Field(
        None, description="File with the private key of the user.", json_schema_extra=CONNECTION
    )
    private_key_passphrase: str | None = Field(
        None, description="Passphrase of the private key.", json_schema_extra=SECRET
    )
    token: str | None = Field(
        None, description="Access token, for `oauth` and `programmatic_access_token`.", json_schema_extra=SECRET
    )
    authenticator: str | None = Field(
        None,
        description="How to log in, in the driver's words: snowflake, snowflake_jwt, externalbrowser, oauth, "
        "oauth_client_credentials, username_password_mfa, programmatic_access_token, workload_identity, or the https "
        "address of Okta. Only what a service can do without a person is of use at night.",
        json_schema_extra=CONNECTION,
    )
    oauth_client_id: str | None = Field(None, description="Client of OAuth.", json_schema_extra=CONNECTION)
    oauth_client_secret: str | None = Field(None, description="Secret of the client.", json_schema_extra=SECRET)
    oauth_token_request_url: str | None = Field(
        None, description="Where the client gets its tokens.", json_schema_extra=CONNECTION
    )
    workload_identity_provider: Literal["AWS", "AZURE", "GCP", "OIDC"] | None = Field(
        None,
        description="Whose identity `workload_identity` shows; OIDC takes it from `token`.",
        json_schema_extra=CONNECTION,
    )
    role: str | None = Field(
        None, description="Role to write with; the user's default role unless said.", json_schema_extra=CONNECTION
    )
    warehouse: str | None = Field(
        None,
        description="Warehouse that answers the queries on INFORMATION_SCHEMA. An extra-small one is enough; writing "
        "needs none.",
        json_schema_extra=CONNECTION,
    )
    host: str | None = Field(
        None, description="Host instead of the account's, for a private link.", json_schema_extra=CONNECTION
    )
    port: int | None = Field(None, ge=1, le=65535, description="Port of that host.", json_schema_extra=CONNECTION)
    protocol: Literal["https", "http"] = Field(
        "https", description="http is for tests on the loopback.", json_schema_extra=CONNECTION
    )
    login_timeout: int = Field(60, ge=1, description="Seconds to wait for a login.")
    network_timeout: int = Field(120, ge=1, description="Seconds that the driver tries to reach Snowflake again.")
    statement_timeout: int = Field(120, ge=1, description="Seconds that one statement may take.")
    lock_timeout: int = Field(30, ge=1, description="Seconds that a statement waits for a lock.")
    keep_alive: bool = Field(True, description="Whether an idle session is kept from ending after four hours.")
    query_tag: str = Field(
        "reverse_metadata",
        min_length=1,
        max_length=1900,
        description="QUERY_TAG of the sessions; that of a run is `<query_tag>:<run id>`.",
    )
    tags: SnowflakeTags = Field(
        default_factory=lambda: SnowflakeTags.model_validate({}),
        description="Where tags are kept (`home`), whether missing ones are created (`create`), and how they are read.",
    )

    @field_validator("account")
    @classmethod
    def _account_alone(cls, account: str) -> str:
        if "/" in account or account.lower().endswith(".snowflakecomputing.com"):
            raise ValueError("give the account's identifier alone: acme-shop")
        return account

    @field_validator("authenticator")
    @classmethod
    def _known_authenticator(cls, authenticator: str | None) -> str | None:
        if authenticator is None or authenticator.lower().startswith("https://"):
            return authenticator
        if authenticator.lower() not in _AUTHENTICATORS:
            raise ValueError(f"{authenticator!r} is none of {', '.join(_AUTHENTICATORS)}, nor an address of Okta")
        return authenticator.lower()

    @model_validator(mode="after")
    def _can_log_in(self) -> Self:
        keys = [key for key in ("private_key", "private_key_path") if getattr(self, key)]
        if len(keys) == 2 or (keys and self.password):
            raise ValueError("give one of password, private_key and private_key_path: they are ways to log in")
        if self.authenticator in _BY_TOKEN and not self.token:
            raise ValueError(f"the authenticator {self.authenticator} needs a `token`")
        if self.authenticator == "workload_identity" and not self.workload_identity_provider:
            raise ValueError("the authenticator workload_identity needs a workload_identity_provider")
        if self.authenticator == "oauth_client_credentials":
            if not (self.oauth_client_id and self.oauth_client_secret and self.oauth_token_request_url):
                raise ValueError(
                    "the authenticator oauth_client_credentials needs oauth_client_id, oauth_client_secret and "
                    "oauth_token_request_url"
                )
        elif not (self.password or keys or self.token or self.authenticator in _BY_ITSELF):
            raise ValueError("give password, private_key, private_key_path, token, or an authenticator without them")
        return self

    def tagged(self, run_id: str) -> str:
        """The query tag of a run's sessions; at most 2,000 characters:
        https://docs.snowflake.com/en/sql-reference/parameters#query-tag."""
        return f"{self.query_tag}:{run_id}" if run_id else self.query_tag

    def is_ours(self, query_tag: str | None) -> bool:
        """Whether it is the query tag of some run, or of a session outside of one."""
        return query_tag == self.query_tag or (query_tag or "").startswith(f"{self.query_tag}:")

    def resource_fields(self, run_id: str = "") -> dict[str, Any]:
        """What `dagster_snowflake.SnowflakeResource` is told."""
        for name in ("password", "private_key", "private_key_passphrase", "token", "oauth_client_secret"):
            if secret := getattr(self, name):
                register_secret(secret)
        fields = {
            "account": self.account,
            "user": self.username,
            "password": self.password,
            "private_key": self.private_key,
            "private_key_path": self.private_key_path,
            "private_key_password": self.private_key_passphrase,
            "authenticator": self._authenticator(),
            "role": self.role,
            "warehouse": self.warehouse,
            "client_session_keep_alive": self.keep_alive,
            "login_timeout": self.login_timeout,
            "network_timeout": self.network_timeout,
            "additional_snowflake_connection_args": self._more(run_id),
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _authenticator(self) -> str | None:
        if self.authenticator is None and (self.private_key or self.private_key_path):
            return "SNOWFLAKE_JWT"
        if self.authenticator is None and self.token:
            return "oauth"
        return self.authenticator

    def _more(self, run_id: str) -> dict[str, Any]:
        more: dict[str, Any] = {
            "token": self.token,
            "oauth_client_id": self.oauth_client_id,
            "oauth_client_secret": self.oauth_client_secret,
            "oauth_token_request_url": self.oauth_token_request_url,
            "workload_identity_provider": self.workload_identity_provider,
            "host": self.host,
            "port": self.port,
            "session_parameters": {
                "QUERY_TAG": self.tagged(run_id),
                "STATEMENT_TIMEOUT_IN_SECONDS": self.statement_timeout,
                "LOCK_TIMEOUT": self.lock_timeout,
                # One statement at a time, whatever the account says: a text that broke out would get nowhere.
                "MULTI_STATEMENT_COUNT": 1,
                # A statement whose client is gone ends within five minutes.
                "ABORT_DETACHED_QUERY": True,
            },
        }
        if self.protocol != "https":
            more["protocol"] = self.protocol
        if self.authenticator == "username_password_mfa":
            # The second factor is asked for once, and its token kept by the driver.
            more["client_request_mfa_token"] = True
        if self.authenticator == "externalbrowser":
            more["client_store_temporary_credential"] = True
        return {name: value for name, value in more.items() if value is not None}


def _names(name: str) -> tuple[str, ...]:
    """The parts of a name as Snowflake reads it, none when it is no name."""
    found, at = list[str](), 0
    while match := _NAME.match(name, at):
        found.append(match[1].replace('""', '"') if match[1] else match[2].upper())
        at = match.end()
        if at == len(name):
            return tuple(found)
        if name[at] != ".":
            return ()
        at += 1
    return ()


#: The catalog's connectionOptions and connectionArguments that mean the same here, by the driver's word.
_SHARED = {
    "authenticator": "authenticator",
    "role": "role",
    "warehouse": "warehouse",
    "host": "host",
    "port": "port",
    "login_timeout": "login_timeout",
    "network_timeout": "network_timeout",
    "client_session_keep_alive": "keep_alive",
    "private_key_path": "private_key_path",
    "private_key_file": "private_key_path",
    "oauth_client_id": "oauth_client_id",
    "oauth_token_request_url": "oauth_token_request_url",
    "workload_identity_provider": "workload_identity_provider",
}
_SHARED_SECRETS = {
    "token": "token",
    "private_key_passphrase": "private_key_passphrase",
    "private_key_file_pwd": "private_key_passphrase",
    "oauth_client_secret": "oauth_client_secret",
}
_NUMBERS = ("port", "login_timeout", "network_timeout")


def options_from_catalog(connection: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of SnowflakeOptions for the `connection.config` of a `Snowflake` service in OpenMetadata.

    Raises ConfigurationError with one sentence for everything that cannot be reused.
    Source: OpenMetadata, `snowflakeConnection.json`.
    """
    held = CatalogConnection(connection)
    fields: dict[str, Any] = {
        "account": held.take("account"),
        "username": held.take("username"),
        "role": held.take("role"),
        "warehouse": held.take("warehouse"),
        "keep_alive": held.take("clientSessionKeepAlive"),
        # Also when empty: a secret of ours in the environment must not go to an account that the catalog names.
        "password": held.secret("password") or None,
        "private_key": held.secret("privateKey") or None,
        "private_key_passphrase": held.secret("snowflakePrivatekeyPassphrase") or None,
    }
    # The query tag is ingestion's: what we write is told apart by our own.
    held.ignore("queryTag", "database", "accountUsageSchema", "includeStreams", "includeStages")
    held.ignore("includeTempTables", "includeTransientTables")
    if not fields["account"]:
        held.mistakes.append("the catalog's connection names no account (account)")
    if not fields["username"]:
        held.mistakes.append("the catalog's connection names no user (username)")
    for group in ("connectionOptions", "connectionArguments"):
        shared = held.within(group)
        shared.refuse("insecure_mode", "which turns off the check of certificates: leave it out")
        shared.refuse("passcode", "which is good for one login: give the service a block with a key pair")
        for name, field in _SHARED.items():
            if name in shared:
                value = shared.take(name)
                fields[field] = int(value) if name in _NUMBERS and str(value).isdigit() else value
        for name, field in _SHARED_SECRETS.items():
            if name in shared:
                fields[field] = shared.secret(name)
    if isinstance(fields.get("keep_alive"), str):
        fields["keep_alive"] = fields["keep_alive"].lower() == "true"
    if fields["private_key"] and fields["password"]:
        # OpenMetadata's ingestion takes the key when it has both.
        fields["password"] = None
    held.raise_mistakes()
    return {name: value for name, value in fields.items() if value is not None}
