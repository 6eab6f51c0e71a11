"""What ClickHouse's errors mean.

Codes: https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp. The driver's errors have them as
`code`, and none where no server of ClickHouse answered.
"""

import re

from reverse_metadata.connectors.refusals import Refusal, told
from reverse_metadata.errors import Reason

_REASONS = {
    10: Reason.MISSING_OBJECT,  # NOT_FOUND_COLUMN_IN_BLOCK: COMMENT COLUMN of one that is not there
    16: Reason.MISSING_OBJECT,  # NO_SUCH_COLUMN_IN_TABLE
    60: Reason.MISSING_OBJECT,  # UNKNOWN_TABLE
    81: Reason.MISSING_OBJECT,  # UNKNOWN_DATABASE
    218: Reason.MISSING_OBJECT,  # TABLE_IS_DROPPED
    164: Reason.MISSING_PRIVILEGE,  # READONLY
    291: Reason.MISSING_PRIVILEGE,  # DATABASE_ACCESS_DENIED
    497: Reason.MISSING_PRIVILEGE,  # ACCESS_DENIED
    192: Reason.AUTHENTICATION,  # UNKNOWN_USER
    193: Reason.AUTHENTICATION,  # WRONG_PASSWORD
    194: Reason.AUTHENTICATION,  # REQUIRED_PASSWORD
    195: Reason.AUTHENTICATION,  # IP_ADDRESS_NOT_ALLOWED
    516: Reason.AUTHENTICATION,  # AUTHENTICATION_FAILED
    473: Reason.LOCK_TIMEOUT,  # DEADLOCK_AVOIDED: lock_acquire_timeout has passed
    517: Reason.SERIALIZATION,  # CANNOT_ASSIGN_ALTER: another ALTER was first
    159: Reason.STATEMENT_TIMEOUT,  # TIMEOUT_EXCEEDED, also of ON CLUSTER
    160: Reason.STATEMENT_TIMEOUT,  # TOO_SLOW
    341: Reason.STATEMENT_TIMEOUT,  # UNFINISHED: a replica is still at it
    394: Reason.STATEMENT_TIMEOUT,  # QUERY_WAS_CANCELLED
    202: Reason.CONNECTION,  # TOO_MANY_SIMULTANEOUS_QUERIES
    203: Reason.CONNECTION,  # NO_FREE_CONNECTION
    209: Reason.CONNECTION,  # SOCKET_TIMEOUT
    210: Reason.CONNECTION,  # NETWORK_ERROR
    225: Reason.CONNECTION,  # NO_ZOOKEEPER
    236: Reason.CONNECTION,  # ABORTED: the server stops
    242: Reason.CONNECTION,  # TABLE_IS_READ_ONLY: a replica that lost its Keeper
    279: Reason.CONNECTION,  # ALL_CONNECTION_TRIES_FAILED
    319: Reason.CONNECTION,  # UNKNOWN_STATUS_OF_INSERT: Keeper did not answer
    999: Reason.CONNECTION,  # KEEPER_EXCEPTION
}
#: After these nothing else on the same table can succeed either, or would wait as long again: what is missing, locked,
#: read-only or slow, and 392 (QUERY_IS_PROHIBITED) and 701 (CLUSTER_DOESNT_EXIST).
_SPOILS_THE_TABLE = {60, 81, 159, 160, 164, 218, 242, 341, 392, 394, 473, 701}
#: What answers in place of a server: a proxy or load balancer.
_REASONS_OF_STATUS = {
    401: Reason.AUTHENTICATION,
    403: Reason.AUTHENTICATION,
    429: Reason.CONNECTION,
    502: Reason.CONNECTION,
    503: Reason.CONNECTION,
    504: Reason.CONNECTION,
}
#: A table's comments are kept in its definition. One that is longer than the setting bars every later ALTER of the
#: table (from 26.7 on, https://github.com/ClickHouse/ClickHouse/pull/108283), and keeps new replicas out of a database
#: that is Replicated (https://github.com/ClickHouse/ClickHouse/issues/117695). So the setting is never raised, and what
#: does not fit is not sent in parts.
_TOO_LARGE = "All comments of a table together must fit into max_query_size: shorten some of them"
_TOO_LONG = "Max query size exceeded"
_STATUS = re.compile(r"HTTP driver received HTTP status (\d+)")
_SERVER_S = re.compile(r"DB::Exception: (.*)", re.DOTALL)
#: What the driver and the server add to a sentence.
_TRAILERS = re.compile(r"\s*\(for url [^)]*\)\s*$|\s*\(version (?:[^()]|\([^()]*\))*\)\s*$")


def refusal(error: Exception) -> Refusal | None:
    """What an error of the driver means; None for an error that is not the driver's."""
    from clickhouse_connect.driver.exceptions import Error, OperationalError

    if not isinstance(error, Error):
        return None
    if error.code == 229:
        return Refusal(Reason.OTHER, f"{_message(error)}. {_TOO_LARGE}", spoils_table=True)
    if error.code == 62 and _TOO_LONG in str(error):
        # The server goes on with the beginning of the text that it did not read to its end.
        return Refusal(Reason.OTHER, f"{_TOO_LONG}. {_TOO_LARGE}", spoils_table=True)
    if error.code is not None:
        return Refusal(_REASONS.get(error.code, Reason.OTHER), _message(error), error.code in _SPOILS_THE_TABLE)
    if status := _STATUS.match(str(error)):
        return Refusal(_REASONS_OF_STATUS.get(int(status[1]), Reason.OTHER), _message(error))
    if isinstance(error, OperationalError) and error.__cause__ is not None:
        return _of_transport(error.__cause__)
    return Refusal(Reason.OTHER, _message(error))


def _of_transport(cause: BaseException) -> Refusal:
    """No answer came; a certificate that is refused, or a file that is not there, will be the same again."""
    from urllib3.exceptions import SSLError

    reason: object = getattr(cause, "reason", None) or cause
    if isinstance(reason, SSLError):
        return Refusal(
            Reason.OTHER, f"{told(reason)}. Check secure, port, verify, ca_cert and client_cert of the service"
        )
    return Refusal(Reason.CONNECTION, told(reason))


def _message(error: Exception) -> str:
    """The server's own sentence, without code, version and address, and without secrets."""
    text = str(error)
    while _TRAILERS.search(text):
        text = _TRAILERS.sub("", text)
    found = _SERVER_S.search(text)
    return told(found[1] if found else text)
