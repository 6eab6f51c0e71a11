"""Statements of templates, each a query job: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/insert"""

import hashlib
from contextlib import suppress
from typing import Any

from reverse_metadata.connectors.batches import Unanswered
from reverse_metadata.connectors.bigquery.calls import Calls
from reverse_metadata.connectors.bigquery.options import BigQueryOptions
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Path


def run(calls: Calls, options: BigQueryOptions, path: Path, location: str | None, what: str, sql: str) -> None:
    """Run one statement, as it is, to its end. `path` is the partition's in the source.

    Raises SourceError; an `Unanswered` one where nobody knows whether it runs.
    """
    from google.cloud import bigquery

    config = bigquery.QueryJobConfig(use_legacy_sql=False, labels={"application": "reverse_metadata"})
    where = {"project": _project(options, path), "location": location}

    def finished(client: Any) -> None:
        job = client.query(
            sql,
            config,
            job_id_prefix=_prefix(path),
            retry=None,
            job_retry=None,
            timeout=options.request_timeout,
            **where,
        )
        _wait(job, options)

    try:
        calls.make(what, finished)
    except SourceError as error:
        if error.reason is Reason.CONNECTION:
            raise Unanswered(error.reason, str(error)) from None
        raise


def settle(calls: Calls, options: BigQueryOptions, path: Path) -> None:
    """Wait for the statements of templates that a dead run left behind in this partition. Raises SourceError."""
    from google.api_core.exceptions import ClientError

    prefix, project = _prefix(path), _project(options, path)

    def waited(client: Any) -> None:
        for state in ("pending", "running"):
            for job in client.list_jobs(project, state_filter=state, retry=None, timeout=options.request_timeout):
                if str(job.job_id).startswith(prefix):
                    # That it failed is nothing to whoever waited for its end.
                    with suppress(ClientError):
                        _wait(job, options)

    try:
        calls.ask(f"reading the jobs of project {project}", waited)
    except SourceError as error:
        # Who may not look at jobs, or knows no project of them, has not started any.
        if error.reason not in (Reason.MISSING_PRIVILEGE, Reason.MISSING_OBJECT):
            raise


def _wait(job: Any, options: BigQueryOptions) -> None:
    """Wait for the end of a job; one that takes too long is cancelled. Raises what the client raises."""
    from google.cloud.bigquery import DEFAULT_RETRY

    retry = DEFAULT_RETRY.with_timeout(options.request_timeout)
    try:
        job.result(retry=retry, timeout=options.statement_timeout, job_retry=None)
    except TimeoutError:
        job.cancel(retry=None, timeout=options.request_timeout)
        raise


def _project(options: BigQueryOptions, path: Path) -> str:
    return options.billing_project or options.project or path[0]


def _prefix(path: Path) -> str:
    """What the ids of the jobs of a partition begin with."""
    return f"reverse_metadata_{hashlib.sha256('/'.join(path).encode()).hexdigest()[:12]}_"
