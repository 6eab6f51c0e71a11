"""What the errors of boto3 mean.

Codes: https://docs.aws.amazon.com/glue/latest/webapi/CommonErrors.html, and the "Errors" of each action there;
https://docs.aws.amazon.com/lake-formation/latest/APIReference/CommonErrors.html;
https://docs.aws.amazon.com/athena/latest/APIReference/CommonErrors.html;
https://docs.aws.amazon.com/redshift/latest/APIReference/CommonErrors.html.
"""

from typing import Any

from reverse_metadata.connectors.refusals import Refusal, told
from reverse_metadata.errors import Reason, SourceError

_REASONS = {
    Reason.MISSING_PRIVILEGE: ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation"),
    Reason.MISSING_OBJECT: ("EntityNotFoundException", "MetadataException"),
    Reason.SERIALIZATION: ("ConcurrentModificationException",),
    Reason.INVALID_VALUE: ("ValidationException", "ValidationError"),
    Reason.AUTHENTICATION: (
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotAuthorized",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ),
    # AWS was reached and did not carry it out; it may the next time.
    Reason.CONNECTION: (
        "FederationSourceRetryableException",
        "InternalFailure",
        "InternalServerException",
        "InternalServiceException",
        "OperationTimeoutException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ResourceNotReadyException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    ),
}
_REASON_OF = {code: reason for reason, codes in _REASONS.items() for code in codes}
#: Errors of botocore itself, by the name of their class: before AWS was asked, or without an answer.
_REASON_OF_CLASS = {
    "NoCredentialsError": Reason.AUTHENTICATION,
    "PartialCredentialsError": Reason.AUTHENTICATION,
    "CredentialRetrievalError": Reason.AUTHENTICATION,
    "RefreshWithMFAUnsupportedError": Reason.AUTHENTICATION,
    "ProfileNotFound": Reason.AUTHENTICATION,
    "SSOError": Reason.AUTHENTICATION,
    "TokenRetrievalError": Reason.AUTHENTICATION,
    "HTTPClientError": Reason.CONNECTION,
    "ConnectionError": Reason.CONNECTION,
    "EndpointConnectionError": Reason.CONNECTION,
    # What answers may be a proxy that asks for a login.
    "ResponseParserError": Reason.CONNECTION,
    "SSLError": Reason.OTHER,
}
_ADVICE = {
    Reason.AUTHENTICATION: "Check the access key, profile or role of the service.",
    Reason.INVALID_VALUE: "Shorten or correct it in the catalog.",
    Reason.CONNECTION: "The next run tries again.",
}
_ADVICE_OF_CODE = {
    "ResourceNumberLimitExceededException": "Delete old versions of tables, or set skip_archive: true.",
    "NoRegionError": "Give the service a region.",
    "SSLError": "Check that the machine trusts the certificate of the endpoint.",
}
#: AWS repeats a value that it refuses, which may have thousands of characters.
_LONGEST = 500


class Unreachable(SourceError):
    """Nothing answers: whatever else is asked will not be answered either."""


def code_of(error: Exception) -> str:
    """AWS's code of an error, or the name of botocore's own class."""
    response: dict[str, Any] = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code") or type(error).__name__)


def is_boto3s(error: BaseException) -> bool:
    """Whether it is an error of boto3."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    return isinstance(error, BotoCoreError | ClientError | ResponseParserError)


def refused(error: Exception, what: str) -> SourceError:
    """The error for what was attempted: `reading table shop.orders`.

    Raises the error itself when it is not one of boto3's.
    """
    from botocore.exceptions import ClientError

    if not is_boto3s(error):
        raise error
    code = code_of(error)
    reason = _reason(error, code)
    message = told(error)
    if isinstance(error, ClientError):
        message = f"{code}: {told(error.response['Error'].get('Message') or error)}"
    if len(message) > _LONGEST:
        message = f"{message[:_LONGEST]}…"
    advice = _ADVICE_OF_CODE.get(code) or _ADVICE.get(reason, "")
    refusal = Refusal(reason, message).error(what, advice)
    if reason is Reason.CONNECTION and not isinstance(error, ClientError):
        return Unreachable(reason, str(refusal))
    return refusal


def reason_of_code(code: str) -> Reason:
    """What a code means that stands within an answer, as those of Lake Formation do."""
    return _REASON_OF.get(code, Reason.OTHER)


def _reason(error: Exception, code: str) -> Reason:
    if code in _REASON_OF:
        return _REASON_OF[code]
    for each in type(error).__mro__:
        if each.__name__ in _REASON_OF_CLASS:
            return _REASON_OF_CLASS[each.__name__]
    response: dict[str, Any] = getattr(error, "response", None) or {}
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return Reason.CONNECTION if status >= 500 else Reason.OTHER
