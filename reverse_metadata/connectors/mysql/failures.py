"""What the errors of the driver and of the engines mean.

https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html,
https://dev.mysql.com/doc/mysql-errors/8.4/en/client-error-reference.html,
https://mariadb.com/kb/en/mariadb-error-code-reference/
"""

import ssl

from reverse_metadata.connectors.refusals import Refusal, told
from reverse_metadata.errors import Reason

_REASONS = {
    **dict.fromkeys((1044, 1142, 1143, 1227, 1370), Reason.MISSING_PRIVILEGE),
    # A wrong password, a plugin that only one side has, an expired password, a locked account, a host that may not.
    **dict.fromkeys((1045, 1130, 1251, 1524, 1698, 1820, 1862, 2059, 2061, 3118, 3159, 4151), Reason.AUTHENTICATION),
    **dict.fromkeys((1049, 1054, 1146, 1347, 1932), Reason.MISSING_OBJECT),
    **dict.fromkeys((1205, 3572), Reason.LOCK_TIMEOUT),
    **dict.fromkeys((1020, 1213, 1412, 3058), Reason.SERIALIZATION),
    **dict.fromkeys((1317, 1969, 3024), Reason.STATEMENT_TIMEOUT),
    **dict.fromkeys((1300, 1366), Reason.INVALID_VALUE),
    # Too many connections, a server that goes down, a session that was killed or slept for too long.
    **dict.fromkeys(
        (0, 1040, 1053, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1226, 1927, 2002, 2003, 2006, 2013, 2055, 3169, 4031),
        Reason.CONNECTION,
    ),
}
#: After these no other statement on the same table can succeed either.
_SPOIL_THE_TABLE = {1044, 1049, 1142, 1143, 1146, 1205, 1347, 1932}
#: The engine cannot do it by the algorithm that was asked for, and gives no reason.
#: https://mariadb.com/kb/en/innodb-online-ddl-overview/
_NOT_INSTANT = 1845
_TLS = "Check ssl_mode and ssl_ca of the service"
_ADVICE = {
    _NOT_INSTANT: "The engine would have to build the whole table anew; set `rebuild_tables: true` in the block of the "
    "service where that is meant",
    # A session may have its own value since 10.5.17, 10.6.9, ...: https://jira.mariadb.org/browse/MDEV-28632
    1238: "MariaDB can be written to from 10.5.17 and 10.6.9 on, or when started with explicit_defaults_for_timestamp",
    2026: _TLS,
    1290: "Writers need the primary server, not a replica",
    1836: "Writers need the primary server, not a replica",
}


class Refused(Exception):
    """What the engine itself would not refuse, and must not be sent all the same."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.refusal = Refusal(reason, message)


def would_rebuild(error: Exception) -> bool:
    """Whether the engine refused to do at once what it can do by building the table anew.

    Not where it gives a reason (1846): where that is another type, the definition is not shown as it stands, and to
    send it without the guard would change it.
    """
    return error.args[:1] == (_NOT_INSTANT,)


def is_not_lockable(error: Exception) -> bool:
    """Whether a privilege on the schema or the table is missing, or the statement needs a table that was not locked:
    the sequence of a default."""
    return error.args[:1] in ((1044,), (1142,), (1100,))


def refusal(error: Exception) -> Refusal | None:
    """What an error means; None for one that is neither the driver's nor `Refused`."""
    import pymysql

    if isinstance(error, Refused):
        return error.refusal
    if isinstance(error, RuntimeError) and "cryptography" in str(error):
        return Refusal(Reason.OTHER, f"{told(error)}. Install it, or use TLS (ssl_mode)")
    if not isinstance(error, pymysql.MySQLError):
        return None
    if isinstance(getattr(error, "original_exception", None), ssl.SSLError):
        return Refusal(Reason.OTHER, f"{_said(error)}. {_TLS}")
    code = error.args[0] if error.args and isinstance(error.args[0], int) else -1
    advice = _ADVICE.get(code)
    message = f"{_said(error).rstrip('.')}. {advice}" if advice else _said(error)
    return Refusal(_REASONS.get(code, Reason.OTHER), message, code in _SPOIL_THE_TABLE)


def _said(error: Exception) -> str:
    """The server's own sentence with its number."""
    if len(error.args) > 1:
        return f"{told(error.args[1] or type(error).__name__)} ({error.args[0]})"
    return told(error)
