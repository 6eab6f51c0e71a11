"""Signs in to Google Cloud, and makes BigQuery's client.

https://cloud.google.com/docs/authentication/application-default-credentials,
https://cloud.google.com/docs/authentication/use-service-account-impersonation
"""

import json
import warnings
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

from reverse_metadata.connectors.bigquery.options import BigQueryOptions, register_key
from reverse_metadata.errors import Reason, SourceError

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


def connect(options: BigQueryOptions, stack: ExitStack) -> Any:
    """Google's client for the service; `stack` closes it. Nothing is asked yet of BigQuery.

    Raises what google-auth raises, and SourceError for a file that cannot be read.
    """
    given = options.credentials or options.credentials_file or options.impersonate
    if not (given or options.api_endpoint or options.quota_project):
        # Application default credentials and nothing else: that is what Dagster's resource is for. A key it would put
        # into a file and into the environment of the whole process, where the client of another service finds it.
        from dagster_gcp import BigQueryResource

        resource = BigQueryResource(project=options.project, location=options.location)
        return stack.enter_context(resource.get_client())
    from google.cloud import bigquery

    credentials, project = _credentials(options)
    return stack.enter_context(
        bigquery.Client(
            project=options.project or project,
            credentials=credentials,
            location=options.location,
            client_options={"api_endpoint": options.api_endpoint, "quota_project_id": options.quota_project},
        )
    )


def principal(client: Any) -> str:
    """Who calls, as IAM names them: `serviceAccount:writer@shop.iam.gserviceaccount.com`; "" where nobody knows.

    A user's credentials do not say whose they are, and the server of a machine's own account tells it with a token.
    """
    credentials = client._credentials
    email = getattr(credentials, "service_account_email", None)
    if email and email != "default":
        return f"serviceAccount:{email}"
    account = getattr(credentials, "account", None)
    return f"user:{account}" if account else ""


def _credentials(options: BigQueryOptions) -> tuple[Any, str | None]:
    """The credentials and the project that goes with them, if one does."""
    # Typed as anything: the library has no types.
    auth: Any = import_module("google.auth")
    info = _given(options)
    if info is None:
        credentials, project = auth.default(scopes=_SCOPES)
    else:
        with warnings.catch_warnings():
            # It warns of configurations from strangers. This one is the operator's own, or the catalog's as far as
            # `options_from_catalog` lets it through.
            warnings.simplefilter("ignore", DeprecationWarning)
            credentials, project = auth.load_credentials_from_dict(info, scopes=_SCOPES)
    if options.impersonate:
        credentials = import_module("google.auth.impersonated_credentials").Credentials(
            source_credentials=credentials,
            target_principal=options.impersonate,
            target_scopes=_SCOPES,
            delegates=options.impersonate_delegates,
            lifetime=options.impersonate_lifetime,
        )
    return credentials, project


def _given(options: BigQueryOptions) -> dict[str, Any] | None:
    text, where = options.credentials, "credentials"
    if options.credentials_file:
        where = options.credentials_file
        try:
            text = Path(options.credentials_file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise SourceError(Reason.AUTHENTICATION, f"reading the credentials in {where}: {why}") from None
    if text is None:
        return None
    try:
        info = json.loads(text)
    except ValueError:
        info = None
    if not isinstance(info, dict):
        raise SourceError(Reason.AUTHENTICATION, f"reading the credentials in {where}: this is no JSON object")
    register_key(info)
    return info
