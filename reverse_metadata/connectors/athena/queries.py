"""Runs the SQL of templates in Athena, and waits for its end."""

import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from reverse_metadata.connectors import batches
from reverse_metadata.connectors.athena.clients import Call
from reverse_metadata.connectors.athena.options import AthenaOptions
from reverse_metadata.connectors.refusals import Refusal, told
from reverse_metadata.errors import Reason, SourceError

#: Seconds between two looks at a query: at first, and at most.
_FIRST_LOOK, _LONGEST_LOOK = 0.2, 3.0


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
    ends, look = time.monotonic() + timeout, _FIRST_LOOK
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
        if time.monotonic() >= ends:
            call("athena", "stop_query_execution", what, QueryExecutionId=query)
            late = Refusal(Reason.STATEMENT_TIMEOUT, f"query {query} was still {status['State']} after {timeout:g} s")
            raise late.error(what, "It was stopped; see query_timeout of the service.")
        time.sleep(look)
        look = min(2 * look, _LONGEST_LOOK)


def _unanswered(error: SourceError) -> SourceError:
    """A statement whose fate is not known must not run again by itself."""
    return batches.Unanswered(error.reason, str(error)) if error.reason is Reason.CONNECTION else error


def _failed(status: Mapping[str, Any], query: str, what: str) -> SourceError:
    message = told(status.get("StateChangeReason") or f"the query is {status['State']}")
    return Refusal(Reason.OTHER, f"query {query}: {message}").error(what, "See the query in Athena's history.")
