"""How BigQuery is reached: the keys of the block, every login, and what the catalog holds."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from pydantic import ValidationError

from reverse_metadata.connectors.bigquery import BigQueryConnector, BigQueryOptions
from reverse_metadata.connectors.bigquery.calls import Calls
from reverse_metadata.connectors.bigquery.failures import refused
from reverse_metadata.connectors.bigquery.login import connect, principal
from reverse_metadata.errors import ConfigurationError, Reason, SourceError
from reverse_metadata.redaction import redact
from reverse_metadata_tests.engines.google_tokens import Tokens, google_tokens

EMAIL = "writer@shop-project.iam.gserviceaccount.com"
POLICY = "projects/p/locations/eu/taxonomies/1/policyTags/2"


@pytest.fixture
def tokens() -> Iterator[Tokens]:
    with google_tokens() as each:
        yield each


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as each:
        yield each


# The block


@pytest.mark.parametrize(
    ("options", "mistake"),
    [
        ({"credentials": "not json"}, "no JSON object; give the text of the key's file"),
        ({"credentials": "[]"}, "no JSON object"),
        ({"credentials": "{}", "credentials_file": "key.json"}, "either `credentials` or `credentials_file`"),
        ({"api_endpoint": "bigquery.googleapis.com"}, "give the whole URL"),
        ({"policy_tags": {"PII": {"Sensitive": "2"}}}, "PII: Sensitive: '2' is not the full name of a policy tag"),
        ({"policy_tags": {"PII": {"A": POLICY}, "GDPR": {"B": POLICY}}}, "PII: A and GDPR: B would both be"),
        ({"impersonate_lifetime": 1}, "greater than or equal to 60"),
        ({"dataset": "sales"}, "Extra inputs"),
    ],
)
def test_a_mistake_is_named(options: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ValidationError, match=mistake.replace("(", r"\(")) as raised:
        BigQueryOptions(**options)
    assert "not json" not in str(raised.value.errors(include_input=False))


def test_a_policy_tag_and_its_label() -> None:
    options = BigQueryOptions(policy_tags={"PII": {"Sensitive": POLICY}})
    assert options.policy_tag("PII", "Sensitive") == POLICY
    assert options.policy_tag("PII", "None") is options.policy_tag("Tier", "Gold") is None
    assert options.label(POLICY) == ("PII", "Sensitive")
    assert options.label("another") is None


def test_a_key_is_secret_line_by_line(tokens: Tokens) -> None:
    key = tokens.key()
    BigQueryOptions(credentials=json.dumps(key))
    line = key["private_key"].splitlines()[1]
    assert line not in redact(f"a part of it: {line}")


# The logins


def signed_in(stack: ExitStack, **options: Any) -> Any:
    return connect(BigQueryOptions(**options), stack)


def test_a_key_as_text_or_in_a_file(tokens: Tokens, stack: ExitStack, tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(tokens.key()))
    for options in ({"credentials": json.dumps(tokens.key())}, {"credentials_file": str(file)}):
        client = signed_in(stack, location="EU", **options)
        assert (client.project, client.location, principal(client)) == ("shop-project", "EU", f"serviceAccount:{EMAIL}")
        assert signed_in(stack, project="other", **options).project == "other"


def test_application_default_credentials_are_those_of_dagsters_resource(
    tokens: Tokens, stack: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dagster_gcp

    made: list[dict[str, Any]] = []
    resource = dagster_gcp.BigQueryResource

    def making(**given: Any) -> dagster_gcp.BigQueryResource:
        made.append(given)
        return resource(**given)

    monkeypatch.setattr(dagster_gcp, "BigQueryResource", making)
    file = tmp_path / "adc.json"
    file.write_text(json.dumps(tokens.key()))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    client = signed_in(stack, project="shop-project", location="EU")
    assert made == [{"project": "shop-project", "location": "EU"}]
    assert (client.project, client.location, principal(client)) == ("shop-project", "EU", f"serviceAccount:{EMAIL}")
    # What the resource has no field for is given to the client itself.
    client = signed_in(stack, quota_project="payer", api_endpoint="https://bigquery-shop.p.googleapis.com")
    assert len(made) == 1
    assert principal(client) == f"serviceAccount:{EMAIL}"
    assert client._connection.API_BASE_URL == "https://bigquery-shop.p.googleapis.com"
    assert client._credentials.quota_project_id == "payer"


def test_another_account_is_acted_as(tokens: Tokens, stack: ExitStack) -> None:
    other = "pusher@shop-project.iam.gserviceaccount.com"
    client = signed_in(
        stack,
        credentials=json.dumps(tokens.key()),
        impersonate=other,
        impersonate_delegates=["between@shop-project.iam.gserviceaccount.com"],
        impersonate_lifetime=600,
    )
    assert principal(client) == f"serviceAccount:{other}"
    assert client.project == "shop-project"
    credentials = client._credentials
    assert (credentials._delegates, credentials._lifetime) == (["between@shop-project.iam.gserviceaccount.com"], 600)
    assert credentials._source_credentials.service_account_email == EMAIL


def test_a_user_signs_in_too(stack: ExitStack) -> None:
    user = {"type": "authorized_user", "client_id": "x", "client_secret": token_hex(8), "refresh_token": token_hex(8)}
    assert principal(signed_in(stack, project="p", credentials=json.dumps(user))) == ""
    named = user | {"account": "ada@example.com"}
    assert principal(signed_in(stack, project="p", credentials=json.dumps(named))) == "user:ada@example.com"


def test_a_workload_proves_who_it_is_when_it_connects(stack: ExitStack, tmp_path: Path) -> None:
    proof = tmp_path / "token"
    workload = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/provider",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": {"file": str(proof)},
    }
    with pytest.raises(SourceError) as raised:
        Calls(BigQueryOptions(project="p", credentials=json.dumps(workload))).project()
    assert raised.value.reason is Reason.AUTHENTICATION
    assert f"File '{proof}' was not found" in str(raised.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file or directory"), (b"no json", "no JSON object"), (b"\xff", "it is no text")],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / "key.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SourceError) as raised:
        Calls(BigQueryOptions(credentials_file=str(file))).project()
    assert raised.value.reason is Reason.AUTHENTICATION
    assert str(raised.value) == f"reading the credentials in {file}: {why}" or why in str(raised.value)


@pytest.mark.parametrize("credentials", [{"type": "service_account"}, {"type": "unheard_of"}, {}])
def test_credentials_that_are_none_are_an_authentication_error(credentials: dict[str, str], stack: ExitStack) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011
        signed_in(stack, credentials=json.dumps(credentials))
    assert refused(raised.value, "connecting").reason is Reason.AUTHENTICATION


# The catalog


def reused(**config: Any) -> dict[str, Any]:
    return BigQueryConnector.options_from_catalog({"type": "BigQuery", "scheme": "bigquery", **config})


def config(**gcp: Any) -> dict[str, Any]:
    return {"hostPort": "bigquery.googleapis.com", "credentials": {"gcpConfig": gcp}}


def key(**more: Any) -> dict[str, Any]:
    return {
        "type": "service_account",
        "projectId": "shop-project",
        "privateKeyId": "1",
        "privateKey": f"-----BEGIN PRIVATE KEY-----\\n{token_hex(32)}\\n-----END PRIVATE KEY-----\\n",
        "clientEmail": EMAIL,
        "clientId": "2",
        "authUri": "https://accounts.google.com/o/oauth2/auth",
        "tokenUri": "https://oauth2.googleapis.com/token",
        "authProviderX509CertUrl": "https://www.googleapis.com/oauth2/v1/certs",
        "clientX509CertUrl": "https://www.googleapis.com/robot/v1/metadata/x509/writer",
    } | more


WORKLOAD = {
    "externalType": "external_account",
    "audience": "//iam.googleapis.com/x",
    "subjectTokenType": "urn:ietf:params:oauth:token-type:jwt",
    "tokenURL": "https://sts.googleapis.com/v1/token",
    "credentialSource": {"file": "/run/token"},
}


def test_a_key_of_the_catalog_is_googles_key(stack: ExitStack, tokens: Tokens) -> None:
    held = key(privateKey=tokens.key()["private_key"].replace("\n", "\\n"))
    fields = reused(**config(**held))
    assert set(fields) == {"project", "credentials"}
    assert json.loads(fields["credentials"]) == {
        "type": "service_account",
        "project_id": "shop-project",
        "private_key": tokens.key()["private_key"],
        "private_key_id": "1",
        "client_email": EMAIL,
        "client_id": "2",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "client_x509_cert_url": "https://www.googleapis.com/robot/v1/metadata/x509/writer",
    }
    assert principal(signed_in(stack, **fields)) == f"serviceAccount:{EMAIL}"


@pytest.mark.parametrize(
    ("held", "fields"),
    [
        (config(type="gcp_adc", projectId="shop-project"), {"project": "shop-project"}),
        (config(type="gcp_adc", projectId=["a", "b"]), {"project": "a"}),
        (config(type="gcp_credential_path", path="/run/key.json"), {"credentials_file": "/run/key.json"}),
        (config(path="/run/key.json", projectId="a"), {"credentials_file": "/run/key.json", "project": "a"}),
        ({"credentials": {"gcpConfig": "/run/key.json"}}, {"credentials_file": "/run/key.json"}),
        ({"credentials": {"gcpConfig": {}}}, {}),
        (
            {
                "credentials": {
                    "gcpConfig": {"type": "gcp_adc"},
                    "gcpImpersonateServiceAccount": {"impersonateServiceAccount": EMAIL, "lifetime": 600},
                },
                "billingProjectId": "payer",
                "hostPort": "https://bigquery.europe-west3.rep.googleapis.com",
                "taxonomyProjectID": ["shop-project"],
                "taxonomyLocation": "eu",
                "usageLocation": "eu",
                "costPerTB": 6.25,
                "partitionField": "_PARTITIONTIME",
                "sampleDataStorageConfig": {"config": {"bucketName": "x"}},
                "schemaFilterPattern": {"includes": ["x"]},
                "supportsProfiler": True,
                "connectionOptions": {},
            },
            {
                "impersonate": EMAIL,
                "impersonate_lifetime": 600,
                "billing_project": "payer",
                "api_endpoint": "https://bigquery.europe-west3.rep.googleapis.com",
            },
        ),
        (
            {"credentials": {"gcpConfig": {}, "gcpImpersonateServiceAccount": {"lifetime": 3600}}},
            {},
        ),
    ],
)
def test_every_login_of_the_catalog(held: dict[str, Any], fields: dict[str, Any]) -> None:
    assert reused(**held) == fields
    BigQueryOptions(**fields)


def test_a_workload_of_the_catalog() -> None:
    fields = reused(**config(**WORKLOAD))
    assert json.loads(fields["credentials"]) == {
        "type": "external_account",
        "audience": "//iam.googleapis.com/x",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": {"file": "/run/token"},
    }


@pytest.mark.parametrize(
    ("held", "mistake"),
    [
        (
            config() | {"hostPort": "bigquery.example.com"},
            "hostPort to bigquery.example.com, which is no host of Google's",
        ),
        (config() | {"hostPort": "googleapis.com.example.com"}, "no host of Google's"),
        (config() | {"hostPort": "x@example.com/.googleapis.com"}, "no host of Google's"),
        (config(**key(privateKey="*********")), "credentials.gcpConfig.privateKey as asterisks"),
        (config(**key(privateKey="")), "no privateKey for its service account"),
        (config(**key(universe="x")), "credentials.gcpConfig.universe, which a service block has no key for"),
        (config(**WORKLOAD | {"credentialSource": {"executable": "x"}}), "credentialSource.executable, a program"),
        (config(**WORKLOAD | {"tokenURL": "https://example.com/token"}), "tokenURL to a host that is not Google's"),
        (config() | {"connectionOptions": {"location": "EU"}}, "connectionOptions.location, which"),
        (config() | {"connectionArguments": {"x": "1"}}, "connectionArguments.x, which"),
        (config() | {"quotaProject": "x"}, "quotaProject, which a service block has no key for"),
        ({"credentials": {"gcsConfig": {"x": "1"}}}, "credentials.gcsConfig, which"),
    ],
)
def test_what_cannot_be_reused_is_named(held: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        reused(**held)
    assert mistake in str(raised.value)
