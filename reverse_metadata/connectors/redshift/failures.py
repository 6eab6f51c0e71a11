"""What the errors of Redshift and its driver mean.

The server's are PostgreSQL's SQLSTATEs, see `sqlstate`; a conflict between two transactions is error 1023
(https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation-serializable-isolation-troubleshooting.html).
"""

import re
from typing import Any

from reverse_metadata.connectors import aws, sqlstate
from reverse_metadata.connectors.refusals import Refusal, told
from reverse_metadata.errors import Reason, SourceError

_CONFLICT = re.compile(r"^1023\b|conflict with concurrent transaction|serializable isolation violation", re.I)
#: The driver's own errors have no code.
_WORDS = (
    (re.compile(r"authentication failed|no password was provided", re.I), Reason.AUTHENTICATION),
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
    if not is_answer(error):
        words = " ".join(str(each) for each in error.args) or type(error).__name__
        reason = next((reason for pattern, reason in _WORDS if pattern.search(words)), None)
        return Refusal(reason or (Reason.CONNECTION if isinstance(error, OSError) else Reason.OTHER), told(words))
    fields = error.args[0]
    state = str(fields.get("C", ""))
    message = told(" ".join(str(fields[key]) for key in ("M", "D") if fields.get(key)))
    # An internal error by its state: what kind of it is only in the words.
    if state == "XX000" and _CONFLICT.search(message):
        return Refusal(Reason.SERIALIZATION, message)
    return Refusal(sqlstate.reason_of(state), message, state in sqlstate.SPOILS_THE_TABLE)


def is_answer(error: Exception) -> bool:
    """Whether the server said it, and not the driver or the network, which do not know what became of a statement."""
    return bool(error.args) and isinstance(error.args[0], dict)


def of_aws(error: Exception, what: str) -> SourceError | None:
    """Why AWS gave no password for the database; None for an error of anything else.

    The driver lets boto3's errors pass, or puts them into one of its own. What is not there for AWS (a cluster) is not
    a database that is not there. Permissions:
    https://docs.aws.amazon.com/redshift/latest/mgmt/generating-iam-credentials-role-permissions.html
    """
    cause = error.args[0] if error.args and isinstance(error.args[0], Exception) else error
    if not aws.is_boto3s(cause):
        return None
    refused = aws.refused(cause, what)
    if refused.reason is Reason.MISSING_PRIVILEGE:
        advice = (
            "The identity needs redshift:GetClusterCredentials on the user and the database, or "
            "redshift-serverless:GetCredentials on the workgroup; without `host` also redshift:DescribeClusters or "
            "redshift-serverless:GetWorkgroup."
        )
        return SourceError(Reason.AUTHENTICATION, f"{refused} {advice}")
    return SourceError(Reason.OTHER, str(refused)) if refused.reason is Reason.MISSING_OBJECT else refused


def is_no_such_form(error: Exception) -> bool:
    """Whether the server has no such statement: a mistake of syntax, or a feature that is not supported."""
    return is_answer(error) and error.args[0].get("C") in ("42601", "0A000")


def is_driver_error(error: Exception, base: Any) -> bool:
    """Whether it is an error of the driver or of the network, and not a mistake of ours."""
    return isinstance(error, (base, OSError))
