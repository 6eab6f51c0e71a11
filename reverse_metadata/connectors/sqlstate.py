"""What a SQLSTATE of PostgreSQL means, for the systems that descend from it.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from reverse_metadata.errors import Reason

_REASONS = {
    "42501": Reason.MISSING_PRIVILEGE,
    "42P01": Reason.MISSING_OBJECT,
    "42703": Reason.MISSING_OBJECT,
    "42704": Reason.MISSING_OBJECT,
    "42809": Reason.MISSING_OBJECT,
    "3D000": Reason.MISSING_OBJECT,
    "3F000": Reason.MISSING_OBJECT,
    "55P03": Reason.LOCK_TIMEOUT,
    "57014": Reason.STATEMENT_TIMEOUT,
    "40001": Reason.SERIALIZATION,
    "40P01": Reason.SERIALIZATION,
    "22021": Reason.INVALID_VALUE,
    "22P05": Reason.INVALID_VALUE,
    "25P03": Reason.CONNECTION,
    "53300": Reason.CONNECTION,
    "57P01": Reason.CONNECTION,
    "57P02": Reason.CONNECTION,
    "57P03": Reason.CONNECTION,
    "57P05": Reason.CONNECTION,
}
_REASONS_BY_CLASS = {"08": Reason.CONNECTION, "28": Reason.AUTHENTICATION}
#: After these no other statement on the same table can succeed either.
SPOILS_THE_TABLE = ("42501", "42P01", "3F000", "55P03")


def reason_of(state: str) -> Reason:
    """Why the server refused."""
    return _REASONS.get(state) or _REASONS_BY_CLASS.get(state[:2], Reason.OTHER)
