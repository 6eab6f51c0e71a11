"""Runs the SQL of templates in Athena, and waits for its end."""

from collections.abc import Mapping
from contextlib import suppress
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

from reverse_metadata.connectors import batches
from reverse_metadata.connectors.athena.clients import Call
from reverse_metadata.connectors.athena.options import AthenaOptions
from reverse_metadata.connectors.refusals import Refusal, told
from reverse_metadata.errors import Reason, SourceError

#: Seconds between two looks at a query: at first, and at most.
_FIRST_LOOK, _LONGEST_LOOK = 0.2, 3.0
#: Queries that AWS tells of at once.
_LOOKED_AT = 50


def run(call: Call, options: AthenaOptions, database: str, sql: str, what: str) -> None:
    """Run one statement as it is, in a database; `what` is for messages.

    Raises SourceError, `batches.Unanswered` when nobody can tell what became of it.
    https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html
    """
    asked: dict[str, Any] = {"QueryString": sql, "QueryExecutionContext": {"Database": database}}
    if options.workgroup:
        asked["WorkGroup"] = options.workgroup
    if options.output_location:
        asked["ResultConfiguration"] = {"OutputLocation": options.output_location}
    # Under the same token AWS starts a statement once, however often it is asked.
    token = str(uuid4())
    try:
        started = batches.persistently(
            lambda: call("athena", "start_query_execution", what, ClientRequestToken=token, **asked)
        )
    except SourceError as error:
        raise _unanswered(error) from None
    _wait(call, options.query_timeout, started["QueryExecutionId"], what)


def _wait(call: Call, timeout: float, query: str, what: str) -> None:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryExecution.html"""
    ends, look = monotonic() + timeout, _FIRST_LOOK
    while True:
        try:
            answer = batches.persistently(lambda: call("athena", "get_query_execution", what, QueryExecutionId=query))
        except SourceError as error:
            raise _unanswered(error) from None
        status = answer["QueryExecution"]["Status"]
        if status["State"] == "SUCCEEDED":
            return
        if status["State"] in ("FAILED", "CANCELLED"):
            raise _failed(status, query, what)
        if monotonic() >= ends:
            with suppress(SourceError):
                call("athena", "stop_query_execution", what, QueryExecutionId=query)
            late = Refusal(Reason.STATEMENT_TIMEOUT, f"query {query} was still {status['State']} after {timeout:g} s")
            raise late.error(what, "It was stopped; see query_timeout of the service.")
        sleep(look)
        look = min(2 * look, _LONGEST_LOOK)


def settle(call: Call, options: AthenaOptions, database: str) -> None:
    """Wait until no statement of DDL runs in the database any more, whoever started it, for as long as one may take.

    Looks at the latest fifty of the workgroup: https://docs.aws.amazon.com/athena/latest/APIReference/API_ListQueryExecutions.html.
    Without the permission to look, nothing is waited for.
    Raises SourceError.
    """
    what = f"waiting for the queries in schema {database}"
    group = {"WorkGroup": options.workgroup} if options.workgroup else {}
    ends, look = monotonic() + options.query_timeout, _FIRST_LOOK
    while True:
        try:
            listed = call("athena", "list_query_executions", what, MaxResults=_LOOKED_AT, **group)
            latest = listed.get("QueryExecutionIds") or []
            found = call("athena", "batch_get_query_execution", what, QueryExecutionIds=latest) if latest else {}
        except SourceError as error:
            if error.reason is Reason.MISSING_PRIVILEGE:
                return
            raise
        if not any(_is_running(query, database) for query in found.get("QueryExecutions") or ()):
            return
        if monotonic() >= ends:
            late = f"a query still runs there after {options.query_timeout:g} s"
            raise Refusal(Reason.STATEMENT_TIMEOUT, late).error(what, "Stop it, or wait: the next run looks again.")
        sleep(look)
        look = min(2 * look, _LONGEST_LOOK)


def _is_running(query: Mapping[str, Any], database: str) -> bool:
    return (
        query["Status"]["State"] in ("QUEUED", "RUNNING")
        and query.get("StatementType") == "DDL"
        and (query.get("QueryExecutionContext") or {}).get("Database") == database
    )


def _unanswered(error: SourceError) -> SourceError:
    """A statement whose fate is not known must not run again by itself."""
    return batches.Unanswered(error.reason, str(error)) if error.reason is Reason.CONNECTION else error


def _failed(status: Mapping[str, Any], query: str, what: str) -> SourceError:
    message = told(status.get("StateChangeReason") or f"the query is {status['State']}")
    return Refusal(Reason.OTHER, f"query {query}: {message}").error(what, "See the query in Athena's history.")
