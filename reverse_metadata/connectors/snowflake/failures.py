"""What Snowflake's and its driver's errors mean.

Codes of the driver: `snowflake.connector.errorcode`. Snowflake's own are not listed by the vendor; those below are from
its documentation's examples and from public reports of errors.
"""

from typing import Any

from reverse_metadata.connectors.refusals import Refusal, told
from reverse_metadata.errors import Reason

_REASONS = {
    904: Reason.MISSING_OBJECT,  # invalid identifier: the column
    2003: Reason.MISSING_OBJECT,  # does not exist or not authorized
    2043: Reason.MISSING_OBJECT,  # the same, at execution
    2203: Reason.MISSING_OBJECT,  # of another kind than it was read as
    91367: Reason.MISSING_OBJECT,  # an Iceberg table where another stood
    3001: Reason.MISSING_PRIVILEGE,
    3041: Reason.MISSING_PRIVILEGE,
    604: Reason.STATEMENT_TIMEOUT,  # cancelled
    630: Reason.STATEMENT_TIMEOUT,
    625: Reason.LOCK_TIMEOUT,
    390111: Reason.CONNECTION,  # the session is gone
    390112: Reason.CONNECTION,  # expired
    390114: Reason.CONNECTION,  # the token that would renew it, too
    250001: Reason.CONNECTION,
    250002: Reason.CONNECTION,  # closed
    250003: Reason.CONNECTION,
    250006: Reason.CONNECTION,
    390189: Reason.AUTHENTICATION,  # the role was not granted
    390144: Reason.AUTHENTICATION,  # the key is not the user's
    251001: Reason.AUTHENTICATION,  # no account
    251005: Reason.AUTHENTICATION,  # no user
    251006: Reason.AUTHENTICATION,  # no password
    251007: Reason.AUTHENTICATION,
    251008: Reason.AUTHENTICATION,  # the private key cannot be read
}
#: Whatever else is said of a login: a user who is locked, a token that expired, a network that may not. The driver has
#: them under the state of a lost connection.
_LOGIN = (*range(390100, 390500), *range(394300, 394500))
_UNSUPPORTED = 2
_NO_WAREHOUSE = 606
#: Of the state when a login was refused, and when no connection came about.
_STATES = {"28000": Reason.AUTHENTICATION, "08001": Reason.CONNECTION}
_ADVICE = {
    _UNSUPPORTED: "The edition of the account may lack it: tags begin with Enterprise Edition",
    _NO_WAREHOUSE: "Name a `warehouse` in the service block: queries on INFORMATION_SCHEMA need one",
    90030: "The schema is too large for one query on INFORMATION_SCHEMA: run channels that select fewer of its tables",
}
#: What a name may be that stands in the sentence of an absent object: one that is no table spoils no table.
_TABLES = ("Table '", "View '", "Object '")


def refusal(error: Exception) -> Refusal | None:
    """What an error of the driver means; None for an error that is not the driver's."""
    from snowflake.connector import errors

    if not isinstance(error, errors.Error):
        return None
    code = code_of(error)
    refused = Reason.AUTHENTICATION if code in _LOGIN else None
    reason = _REASONS.get(code) or refused or _STATES.get(str(error.sqlstate or "")) or Reason.OTHER
    if reason is Reason.OTHER and isinstance(error, errors.OperationalError | errors.InterfaceError):
        reason = Reason.CONNECTION
    message = _sentence(error)
    if code in _ADVICE:
        message = f"{message.rstrip('.')}. {_ADVICE[code]}"
    spoils = code == 2203 or (code == 2003 and any(name in message for name in _TABLES))
    return Refusal(reason, message, spoils_table=spoils)


def code_of(error: Any) -> int:
    """The number of an error of the driver, 0 without one."""
    try:
        return int(error.errno)
    except (TypeError, ValueError):
        return 0


def is_unsupported(error: Exception) -> bool:
    """Whether the edition of the account lacks what was asked for."""
    return code_of(error) == _UNSUPPORTED


def _sentence(error: Any) -> str:
    """The server's sentence, and the id by which the query is found in the history."""
    text = told(error.raw_msg or error.msg or error)
    for opening in ("SQL compilation error: ", "SQL access control error: ", "SQL execution error: "):
        text = text.removeprefix(opening)
    query = f" (query {error.sfqid})" if getattr(error, "sfqid", None) else ""
    return f"{text.rstrip('.')}{query}"
