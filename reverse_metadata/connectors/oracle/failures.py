"""What Oracle's errors mean. The numbers: https://docs.oracle.com/en/error-help/db/"""

from typing import Any

from reverse_metadata.connectors.refusals import Refusal, told
from reverse_metadata.errors import Reason

_REASONS = {
    942: Reason.MISSING_OBJECT,
    904: Reason.MISSING_OBJECT,
    1918: Reason.MISSING_OBJECT,
    12003: Reason.MISSING_OBJECT,
    1031: Reason.MISSING_PRIVILEGE,
    1045: Reason.MISSING_PRIVILEGE,
    41900: Reason.MISSING_PRIVILEGE,
    1005: Reason.AUTHENTICATION,
    1017: Reason.AUTHENTICATION,
    28000: Reason.AUTHENTICATION,
    28001: Reason.AUTHENTICATION,
    54: Reason.LOCK_TIMEOUT,
    4021: Reason.LOCK_TIMEOUT,
    30006: Reason.LOCK_TIMEOUT,
    1013: Reason.STATEMENT_TIMEOUT,
    3156: Reason.STATEMENT_TIMEOUT,
    60: Reason.SERIALIZATION,
    8177: Reason.SERIALIZATION,
    1704: Reason.INVALID_VALUE,
    12899: Reason.INVALID_VALUE,
    28: Reason.CONNECTION,
    1012: Reason.CONNECTION,
    1033: Reason.CONNECTION,
    1089: Reason.CONNECTION,
    3113: Reason.CONNECTION,
    3114: Reason.CONNECTION,
    3135: Reason.CONNECTION,
    12514: Reason.CONNECTION,
    12516: Reason.CONNECTION,
    12541: Reason.CONNECTION,
    12170: Reason.CONNECTION,
    12537: Reason.CONNECTION,
}
#: The driver's own: https://python-oracledb.readthedocs.io/en/latest/user_guide/exception_handling.html
_DRIVERS_REASONS = {
    "DPY-1001": Reason.CONNECTION,
    "DPY-4011": Reason.CONNECTION,
    "DPY-4024": Reason.STATEMENT_TIMEOUT,
    "DPY-6000": Reason.CONNECTION,
    "DPY-6005": Reason.CONNECTION,
    "DPY-6006": Reason.CONNECTION,
    "DPY-4001": Reason.AUTHENTICATION,
}
#: After these no other statement on the same table can succeed either; a missing column (904) is not among them.
_SPOIL_THE_TABLE = (942, 1031, 12003, 41900, 54, 4021)


def refusal_of(error: Any) -> Refusal:
    """What an error of the driver means."""
    said = error.args[0] if error.args else error
    code, full = getattr(said, "code", 0), getattr(said, "full_code", "")
    reason = _REASONS.get(code) or _DRIVERS_REASONS.get(full) or Reason.OTHER
    return Refusal(reason, _first_line(str(said)), code in _SPOIL_THE_TABLE)


def refusal_in(code: int, message: str) -> Refusal:
    """The same for what a block has caught: SQLCODE, which is negative, and SQLERRM."""
    return Refusal(_REASONS.get(-code, Reason.OTHER), _first_line(message), -code in _SPOIL_THE_TABLE)


def _first_line(text: str) -> str:
    """Without the lines that say where in a block it happened, and where to read more."""
    return told(text.splitlines()[0] if text.strip() else text)
