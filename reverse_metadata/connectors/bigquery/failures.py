"""What the errors of BigQuery and of Google's libraries mean.

Reasons: https://cloud.google.com/bigquery/docs/error-messages
"""

from typing import Any

from reverse_metadata.connectors.refusals import Refusal, told
from reverse_metadata.errors import Reason, SourceError

#: By BigQuery's own word, which tells more than the status: 403 is a denial as well as a limit.
_REASONS = {
    "accessDenied": Reason.MISSING_PRIVILEGE,
    "conditionNotMet": Reason.SERIALIZATION,
    # BigQuery was reached and did not carry it out; it may the next time.
    "backendError": Reason.CONNECTION,
    "internalError": Reason.CONNECTION,
    "jobRateLimitExceeded": Reason.CONNECTION,
    "rateLimitExceeded": Reason.CONNECTION,
    "tableUnavailable": Reason.CONNECTION,
    # A quota of a day: it does not pass in a moment.
    "quotaExceeded": Reason.OTHER,
    "notFound": Reason.MISSING_OBJECT,
}
_REASONS_BY_STATUS = {
    401: Reason.AUTHENTICATION,
    403: Reason.MISSING_PRIVILEGE,
    404: Reason.MISSING_OBJECT,
    408: Reason.CONNECTION,
    412: Reason.SERIALIZATION,
    429: Reason.CONNECTION,
}
_ADVICE = {
    Reason.AUTHENTICATION: "Check the credentials of the service.",
    Reason.CONNECTION: "The next run tries again.",
}
#: BigQuery repeats a value that it refuses, which may have thousands of characters.
_LONGEST = 500


class Unreachable(SourceError):
    """Nothing answers: whatever else is asked will not be answered either."""


def refused(error: Exception, what: str) -> SourceError:
    """The error for what was attempted: `reading table shop.orders`.

    Raises the error itself when it is not one of Google's libraries or of the HTTP client.
    """
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError, TransportError
    from requests.exceptions import RequestException

    match error:
        case SourceError():
            return error
        case GoogleAPICallError():
            return _told(_reason(error), _message(error), what)
        case TransportError() | RequestException() | RetryError() | ConnectionError():
            return Unreachable(Reason.CONNECTION, str(_told(Reason.CONNECTION, told(error), what)))
        case TimeoutError():
            return _told(Reason.STATEMENT_TIMEOUT, "it took longer than statement_timeout", what)
        case GoogleAuthError():
            # What a token's server says may hold the answer as a whole; its first part is the sentence.
            sentence = told(error.args[0] if error.args else error)
            if error.retryable:
                return Unreachable(Reason.CONNECTION, str(_told(Reason.CONNECTION, sentence, what)))
            return _told(Reason.AUTHENTICATION, sentence, what)
        case OSError() if "Project was not passed" in str(error):
            sentence = "no project is known; give the service a project"
            return _told(Reason.AUTHENTICATION, sentence, what)
    raise error


def _reason(error: Any) -> Reason:
    words = [each.get("reason") for each in error.errors or () if isinstance(each, dict)]
    for word in words:
        if word in _REASONS:
            return _REASONS[word]
    status = int(error.code or 0)
    return _REASONS_BY_STATUS.get(status) or (Reason.CONNECTION if status >= 500 else Reason.OTHER)


def _message(error: Any) -> str:
    """BigQuery's own sentence, without the URL that was called."""
    sentences = [each["message"] for each in error.errors or () if isinstance(each, dict) and each.get("message")]
    return told("; ".join(dict.fromkeys(sentences)) or error.message or error)


def _told(reason: Reason, message: str, what: str) -> SourceError:
    if len(message) > _LONGEST:
        message = f"{message[:_LONGEST]}…"
    return Refusal(reason, message).error(what, _ADVICE.get(reason, ""))
