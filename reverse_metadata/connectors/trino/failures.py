"""What the errors of the driver mean: those of Trino by their name, those of HTTP by their status.

Source: https://github.com/trinodb/trino/blob/476/core/trino-spi/src/main/java/io/trino/spi/StandardErrorCode.java and
the error codes of the connectors.
"""

import re
import ssl
from collections.abc import Iterator
from json import JSONDecodeError
from traceback import walk_tb
from typing import Any

from reverse_metadata.connectors.drivers import driver
from reverse_metadata.connectors.refusals import Refusal, told
from reverse_metadata.errors import Reason

_REASONS = {
    "TABLE_NOT_FOUND": Reason.MISSING_OBJECT,
    "COLUMN_NOT_FOUND": Reason.MISSING_OBJECT,
    "SCHEMA_NOT_FOUND": Reason.MISSING_OBJECT,
    "CATALOG_NOT_FOUND": Reason.MISSING_OBJECT,
    "NOT_FOUND": Reason.MISSING_OBJECT,
    "PERMISSION_DENIED": Reason.MISSING_PRIVILEGE,
    "EXCEEDED_TIME_LIMIT": Reason.STATEMENT_TIMEOUT,
    "EXCEEDED_QUEUED_TIME_LIMIT": Reason.STATEMENT_TIMEOUT,
    "USER_CANCELED": Reason.STATEMENT_TIMEOUT,
    "ADMINISTRATIVELY_KILLED": Reason.STATEMENT_TIMEOUT,
    "ADMINISTRATIVELY_PREEMPTED": Reason.STATEMENT_TIMEOUT,
    "TRANSACTION_CONFLICT": Reason.SERIALIZATION,
    "HIVE_CONCURRENT_MODIFICATION_DETECTED": Reason.SERIALIZATION,
    "ICEBERG_COMMIT_ERROR": Reason.SERIALIZATION,
    "DELTA_LAKE_BAD_WRITE": Reason.SERIALIZATION,
    "QUERY_QUEUE_FULL": Reason.CONNECTION,
    "SERVER_STARTING_UP": Reason.CONNECTION,
    "SERVER_SHUTTING_DOWN": Reason.CONNECTION,
    "NO_NODES_AVAILABLE": Reason.CONNECTION,
    "REMOTE_HOST_GONE": Reason.CONNECTION,
}
#: Iceberg over a JDBC catalog has no name of its own for this.
_CONCURRENT = "Failed to update table due to concurrent updates"
#: After these no other statement on the same table can succeed either.
_SPOILS_THE_TABLE = ("TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND", "CATALOG_NOT_FOUND", "PERMISSION_DENIED")
#: The driver has the status of an answer in its sentence alone: `error 401: b'Unauthorized'`.
_STATUS = re.compile(r"error (\d{3})\b")


def refusal(error: Exception) -> Refusal | None:
    """What an error of the driver means; None for an error that is not the driver's."""
    # The driver's own errors do not cover those of the HTTP below it.
    from requests.exceptions import ConnectionError, Timeout

    exceptions = driver("trino.exceptions", "trino")
    if isinstance(error, exceptions.TrinoQueryError):
        return of_trino(error)
    if isinstance(error, exceptions.HttpError):
        return _of_http(error)
    if isinstance(error, exceptions.TrinoAuthError):
        return Refusal(Reason.AUTHENTICATION, told(error))
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in _behind(error)):
        return Refusal(Reason.OTHER, f"the server's certificate is not trusted, see verify: {told(error)}")
    if isinstance(error, JSONDecodeError | KeyError | TypeError) and _is_drivers(error):
        other = "what answers is no Trino: perhaps a proxy that asks for a login"
        return Refusal(Reason.CONNECTION, f"{other} ({type(error).__name__}: {told(error)})")
    if isinstance(error, (exceptions.Error, ConnectionError, Timeout)):
        return Refusal(Reason.CONNECTION, told(error))
    # A file of certificates that cannot be read.
    return Refusal(Reason.OTHER, told(error)) if isinstance(error, OSError) else None


def _is_drivers(error: Exception) -> bool:
    """Whether it was raised within the driver, which believes every answer."""
    return any(frame.f_globals["__name__"].startswith("trino.") for frame, _ in walk_tb(error.__traceback__))


def _behind(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and those that it was raised in place of."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def of_trino(error: Any) -> Refusal:
    """What a TrinoQueryError means."""
    name = str(error.error_name)
    reason = _REASONS.get(name, Reason.OTHER)
    if name == "GENERIC_INTERNAL_ERROR" and _CONCURRENT in error.message:
        reason = Reason.SERIALIZATION
    return Refusal(reason, f"{told(error.message).rstrip('.')} ({name})", name in _SPOILS_THE_TABLE)


def _of_http(error: Exception) -> Refusal:
    found = _STATUS.match(str(error))
    status = int(found[1]) if found else 0
    if status in (401, 403):
        return Refusal(Reason.AUTHENTICATION, f"the server does not let this user in: {told(error)}")
    busy = status in (429, 502, 503, 504)
    return Refusal(Reason.CONNECTION if busy else Reason.OTHER, told(error))
