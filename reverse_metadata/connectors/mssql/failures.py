"""What the errors of SQL Server and its driver mean.

Numbers of the server: https://learn.microsoft.com/en-us/sql/relational-databases/errors-events/; those of Azure that
pass: https://learn.microsoft.com/en-us/azure/azure-sql/database/troubleshoot-common-errors-issues. The driver tells no
number, only the SQLSTATE in its own words, so a batch of ours catches the number by itself, and after another that
failed the session is asked for it.
"""

import re
from dataclasses import replace
from typing import Any

from reverse_metadata.connectors.refusals import Refusal, told
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Statement

#: Added although it is there, and updated or dropped although it is not: somebody else was faster.
RACES = (15233, 15217)
#: Either there is no such object, or the login may not see it.
HIDDEN = (15135, 15151)
_REASONS = {
    208: Reason.MISSING_OBJECT,
    911: Reason.MISSING_OBJECT,
    4917: Reason.MISSING_OBJECT,
    15135: Reason.MISSING_OBJECT,
    15151: Reason.MISSING_OBJECT,
    229: Reason.MISSING_PRIVILEGE,
    230: Reason.MISSING_PRIVILEGE,
    262: Reason.MISSING_PRIVILEGE,
    297: Reason.MISSING_PRIVILEGE,
    300: Reason.MISSING_PRIVILEGE,
    916: Reason.MISSING_PRIVILEGE,
    15247: Reason.MISSING_PRIVILEGE,
    18456: Reason.AUTHENTICATION,
    1222: Reason.LOCK_TIMEOUT,
    1205: Reason.SERIALIZATION,
    3960: Reason.SERIALIZATION,
    206: Reason.INVALID_VALUE,
    2628: Reason.INVALID_VALUE,
    8152: Reason.INVALID_VALUE,
    15097: Reason.INVALID_VALUE,
    **dict.fromkeys(
        (233, 4060, 4221, 10053, 10054, 10060, 10928, 10929, 40143, 40197, 40501, 40540, 40613, 49918, 49919, 49920),
        Reason.CONNECTION,
    ),
}
#: The driver's words for SQLSTATEs that tell enough: https://github.com/microsoft/mssql-python, exceptions.py.
_WORDS = {
    "Invalid authorization specification": Reason.AUTHENTICATION,
    "Client unable to establish connection": Reason.CONNECTION,
    "Connection not open": Reason.CONNECTION,
    "Server rejected the connection": Reason.CONNECTION,
    "Communication link failure": Reason.CONNECTION,
    "Connection timeout expired": Reason.CONNECTION,
    "Disconnect error": Reason.CONNECTION,
    "Serialization failure": Reason.SERIALIZATION,
    "Timeout expired": Reason.STATEMENT_TIMEOUT,
    "Operation canceled": Reason.STATEMENT_TIMEOUT,
}
#: Azure's sentences when a database moves or is asked too much, which are always in English.
_PASSES = re.compile(r"is not currently available|Please retry|service is (?:currently )?busy|is too busy", re.I)
_PREFIX = re.compile(r"^(?:\[[^\]]*\])+\s*")
#: After these no other statement on the same table can succeed either.
_SPOIL_THE_TABLE = (229, 15247, 1222)


class Raced(SourceError):
    """The property was added or dropped by somebody else since it was read: it must be read again, not sent again."""

    @property
    def transient(self) -> bool:
        """False: the same statement fails once more."""
        return False


def refusal_by(number: int, message: str) -> Refusal:
    """What an error of the server with this number means."""
    return Refusal(_REASONS.get(number, Reason.OTHER), _sentence(message), number in _SPOIL_THE_TABLE)


def refusal_of(error: Any) -> Refusal:
    """What an error of the driver means whose number nobody knows."""
    words, message = getattr(error, "driver_error", ""), getattr(error, "ddbc_error", "") or str(error)
    reason = _WORDS.get(words, Reason.OTHER)
    return Refusal(Reason.CONNECTION if _PASSES.search(message) else reason, _sentence(message))


def error_of(refusal: Refusal, number: int, statement: Statement, what: str, advice: str = "") -> SourceError:
    """The error for a statement that was refused; `what` names it."""
    if number in RACES and not statement.sql:
        return Raced(Reason.SERIALIZATION, str(replace(refusal, reason=Reason.SERIALIZATION).error(what)))
    return refusal.error(what, advice)


def _sentence(message: str) -> str:
    return told(_PREFIX.sub("", message))
