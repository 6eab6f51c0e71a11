"""What the errors of Databricks and of its client mean.

Error conditions: https://docs.databricks.com/aws/en/error-messages/error-classes; SQLSTATEs:
https://docs.databricks.com/aws/en/error-messages/sqlstates. Errors of Unity Catalog's own service begin with their
name and a colon, or have it in brackets behind the id of the request; the others have theirs in brackets. Older servers
say first that a query failed.
"""

import re
import sys
from typing import Any

import urllib3.exceptions

from reverse_metadata.connectors.databricks.login import LoginRefused
from reverse_metadata.connectors.refusals import Refusal, told
from reverse_metadata.errors import Reason

_CONDITION = re.compile(
    r"\s*(?:(?:[\w.]+Exception: )?Error running query: )?"
    r"(?:\[(?:RequestId=\S+ ErrorClass=)?([A-Z][A-Z0-9_]*)(?:\.[A-Z0-9_.]+)?\]|([A-Z][A-Z0-9_]+):)"
)
_SQLSTATE = re.compile(r"SQLSTATE:? ?([0-9A-Z]{5})\b")
#: The parser repeats the statement, which may be 64 kB of description.
_ECHO = re.compile(r"\s*== SQL.*", re.DOTALL)
_HANDLE = re.compile(r"Invalid (Session|Operation) ?Handle|unexpectedly closed server side", re.IGNORECASE)
_CONDITIONS = {
    "CATALOG_DOES_NOT_EXIST": Reason.MISSING_OBJECT,
    "CATALOG_NOT_FOUND": Reason.MISSING_OBJECT,
    "NO_SUCH_CATALOG_EXCEPTION": Reason.MISSING_OBJECT,
    "SCHEMA_DOES_NOT_EXIST": Reason.MISSING_OBJECT,
    "SCHEMA_NOT_FOUND": Reason.MISSING_OBJECT,
    "TABLE_DOES_NOT_EXIST": Reason.MISSING_OBJECT,
    "TABLE_OR_VIEW_NOT_FOUND": Reason.MISSING_OBJECT,
    "DELTA_TABLE_NOT_FOUND": Reason.MISSING_OBJECT,
    "EXPECT_TABLE_NOT_VIEW": Reason.MISSING_OBJECT,
    "EXPECT_VIEW_NOT_TABLE": Reason.MISSING_OBJECT,
    "UNRESOLVED_COLUMN": Reason.MISSING_OBJECT,
    "FIELD_NOT_FOUND": Reason.MISSING_OBJECT,
    "DELTA_COLUMN_NOT_FOUND": Reason.MISSING_OBJECT,
    "PERMISSION_DENIED": Reason.MISSING_PRIVILEGE,
    "INSUFFICIENT_PERMISSIONS": Reason.MISSING_PRIVILEGE,
    "UNAUTHORIZED_ACCESS": Reason.MISSING_PRIVILEGE,
    "DELTA_METADATA_CHANGED": Reason.SERIALIZATION,
    "DELTA_CONCURRENT_APPEND": Reason.SERIALIZATION,
    "DELTA_CONCURRENT_DELETE_READ": Reason.SERIALIZATION,
    "DELTA_CONCURRENT_TRANSACTION": Reason.SERIALIZATION,
    "DELTA_CONCURRENT_WRITE": Reason.SERIALIZATION,
    "DELTA_PROTOCOL_CHANGED": Reason.SERIALIZATION,
    "CONCURRENT_MODIFICATION": Reason.SERIALIZATION,
    "QUERY_EXECUTION_TIMEOUT_EXCEEDED": Reason.STATEMENT_TIMEOUT,
    "REQUEST_LIMIT_EXCEEDED": Reason.CONNECTION,
    "TEMPORARILY_UNAVAILABLE": Reason.CONNECTION,
}
_SQLSTATES = {
    "42501": Reason.MISSING_PRIVILEGE,
    "42P01": Reason.MISSING_OBJECT,
    "42703": Reason.MISSING_OBJECT,
    "42704": Reason.MISSING_OBJECT,
    "2D521": Reason.SERIALIZATION,
    "57KD0": Reason.STATEMENT_TIMEOUT,
}
#: Where a column is missing, the others of its table are there.
_OF_A_COLUMN = ("UNRESOLVED_COLUMN", "FIELD_NOT_FOUND", "DELTA_COLUMN_NOT_FOUND")


def refusal(error: Exception) -> Refusal | None:
    """What an error means; None for one that is neither the client's nor of a login or connection."""
    if isinstance(error, LoginRefused):
        refused = error.status is not None and error.status < 500 and error.status != 429
        return Refusal(Reason.AUTHENTICATION if refused else Reason.CONNECTION, told(error))
    if isinstance(error, urllib3.exceptions.HTTPError | OSError):
        distrusted = isinstance(getattr(error, "reason", None), urllib3.exceptions.SSLError)
        advice = "; check host and ca_file of the service" if distrusted else ""
        return Refusal(Reason.OTHER if distrusted else Reason.CONNECTION, f"{told(error)}{advice}")
    errors: Any = sys.modules.get("databricks.sql.exc")
    if errors is None or not isinstance(error, errors.Error):
        return None
    if isinstance(error, errors.RequestError):
        return _of_a_request(error)
    return _of_a_statement(error)


def condition(message: str) -> str:
    """The name of the error that a message begins with, without the more special one behind a dot; "" without one."""
    found = _CONDITION.match(message)
    return (found[1] or found[2]) if found else ""


def _of_a_request(error: Any) -> Refusal:
    status = error.context.get("http-code")
    if status in (401, 403):
        return Refusal(Reason.AUTHENTICATION, f"{told(error)}; check the login of the service")
    if status in (400, 404, 501):
        return Refusal(Reason.OTHER, f"{told(error)}; check host and http_path of the service")
    return Refusal(Reason.CONNECTION, told(error))


def _of_a_statement(error: Any) -> Refusal:
    text = _ECHO.sub("", str(error.message or type(error).__name__))
    name = condition(text)
    state = _SQLSTATE.search(text)
    reason = _CONDITIONS.get(name) or _SQLSTATES.get(state[1] if state else "") or Reason.OTHER
    if _HANDLE.search(text):
        # The warehouse was restarted, or the session was idle for too long.
        reason = Reason.CONNECTION
    # Who lacks the right to assign one governed tag may have that to another.
    of_one_tag = "ASSIGN" in text
    spoils = reason is Reason.MISSING_OBJECT and name not in _OF_A_COLUMN
    return Refusal(reason, told(text), spoils or (reason is Reason.MISSING_PRIVILEGE and not of_one_tag))
