"""What the errors of Redshift and its driver mean.

The server's are the SQLSTATEs of PostgreSQL, and a conflict between two transactions is error 1023
(https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation-serializable-isolation-troubleshooting.html).
"""

import re
from typing import Any

from reverse_metadata.connectors import sqlstate
from reverse_metadata.connectors.refusals import Refusal, told
from reverse_metadata.errors import Reason

_SERIALIZATION = re.compile(r"\b1023\b|conflict with concurrent transaction|serializable isolation violation", re.I)
#: The driver's own errors have no code.
_WORDS = (
    (
        re.compile(
            r"authentication failed|no password was provided|ExpiredToken|InvalidClientTokenId|UnrecognizedClient|"
            r"Unable to locate credentials|AccessDenied",
            re.I,
        ),
        Reason.AUTHENTICATION,
    ),
    (
        re.compile(
            r"communication error|connection is closed|connection time out|server closed|Unable to determine ip|"
            r"network error|BrokenPipe|timed out",
            re.I,
        ),
        Reason.CONNECTION,
    ),
)


def refusal_of(error: Exception) -> Refusal:
    """What an error means: of the server, whose fields come as a mapping, of the driver, or of the network below."""
    fields = error.args[0] if error.args and isinstance(error.args[0], dict) else None
    if fields is None:
        words = " ".join(str(each) for each in error.args) or type(error).__name__
        reason = next((reason for pattern, reason in _WORDS if pattern.search(words)), None)
        return Refusal(reason or (Reason.CONNECTION if isinstance(error, OSError) else Reason.OTHER), told(words))
    state = str(fields.get("C", ""))
    message = told(" ".join(str(fields[key]) for key in ("M", "D") if fields.get(key)))
    reason = sqlstate.reason_of(state)
    if _SERIALIZATION.search(message):
        reason = Reason.SERIALIZATION
    return Refusal(reason, message, state in sqlstate.SPOILS_THE_TABLE and reason is not Reason.SERIALIZATION)


def is_driver_error(error: Exception, base: Any) -> bool:
    """Whether it is an error of the driver or of the network, and not a mistake of ours."""
    return isinstance(error, (base, OSError))
