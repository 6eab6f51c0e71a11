"""What PostgreSQL's errors mean, and which privilege would have helped.

SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import re
from typing import TYPE_CHECKING

from reverse_metadata.dialects.postgres import identifier
from reverse_metadata.errors import Reason, SourceError, Unwritable
from reverse_metadata.model import Aspect, Statement
from reverse_metadata.redaction import redact

if TYPE_CHECKING:
    import psycopg

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

_ADVICE = {
    Reason.MISSING_OBJECT: "It was dropped, or made anew as something else, since it was read; the next run reads it.",
    Reason.LOCK_TIMEOUT: "Another session holds a lock on it for longer than lock_timeout; the next run tries again.",
    Reason.STATEMENT_TIMEOUT: "It was cancelled, or took longer than statement_timeout.",
    Reason.SERIALIZATION: "Another session changed it at the same moment; the next run tries again.",
    Reason.INVALID_VALUE: "The database's encoding has no such character.",
}

#: A connection that was refused has no SQLSTATE, only text. Servers that speak another language than English
#: end as CONNECTION.
_REFUSALS = (
    (re.compile(r'database ".*" does not exist'), Reason.MISSING_OBJECT, ""),
    (
        re.compile(r"permission denied for database"),
        Reason.MISSING_PRIVILEGE,
        " What is missing: GRANT CONNECT ON DATABASE {database} TO {user};",
    ),
    (
        re.compile(
            r"authentication failed|no password supplied|pg_hba|role \".*\" does not exist|not permitted to log"
        ),
        Reason.AUTHENTICATION,
        " Check username and password of the service.",
    ),
    (
        re.compile(r"certificate|does not support SSL"),
        Reason.OTHER,
        " Check sslmode and sslrootcert of the service.",
    ),
)


def reason_of(error: "psycopg.Error") -> Reason:
    """Why the server refused."""
    state = error.sqlstate or ""
    if not state:
        return Reason.CONNECTION if error.pgconn is None or error.pgconn.status != 0 else Reason.OTHER
    # A function that runs inside ours (an event trigger) failed for its own reasons: our object is there.
    if error.diag.context and state[:2] in ("42", "3D", "3F"):
        return Reason.OTHER
    if state == "XX000" and "concurrently" in (error.diag.message_primary or ""):
        return Reason.SERIALIZATION
    return _REASONS.get(state) or _REASONS_BY_CLASS.get(state[:2]) or Reason.OTHER


def message_of(error: "psycopg.Error") -> str:
    """The server's own sentence, without its echo of the statement and without secrets."""
    text = error.diag.message_primary if error.sqlstate else None
    if text and error.diag.message_detail:
        text = f"{text} ({error.diag.message_detail})"
    return redact((text or str(error) or type(error).__name__).strip()).replace("\n", " ")


def refused_connection(error: "psycopg.Error", database: str) -> SourceError:
    """Why a connection could not be opened."""
    user = error.pgconn.user.decode() if error.pgconn is not None else ""
    message = message_of(error)
    reason, advice = Reason.CONNECTION, ""
    if error.sqlstate:
        reason = reason_of(error)
    for pattern, meaning, hint in _REFUSALS:
        if pattern.search(message):
            reason, advice = meaning, hint.format(database=_name(database), user=_name(user))
            break
    return SourceError(reason, f"connecting to database {database}: {message}.{advice}")


def refused_read(error: "psycopg.Error", what: str) -> SourceError:
    """Why a read failed."""
    return SourceError(reason_of(error), f"reading {what}: {message_of(error)}.{_advice(reason_of(error))}")


def refused_lock(error: "psycopg.Error", partition: str) -> SourceError:
    """Why no transaction could begin on a partition."""
    reason = reason_of(error)
    if reason in (Reason.LOCK_TIMEOUT, Reason.STATEMENT_TIMEOUT):
        message = f"waiting for another writer of {partition}: {message_of(error)}. The next run tries again."
        return SourceError(reason, message)
    return SourceError(reason, f"beginning to write to {partition}: {message_of(error)}.{_advice(reason)}")


def refused_statement(error: "psycopg.Error", statement: Statement, grants: str) -> SourceError:
    """Why a statement failed; `grants` says which privileges are missing, when it is that."""
    reason = reason_of(error)
    advice = f" {grants}" if reason is Reason.MISSING_PRIVILEGE and grants else _advice(reason)
    return SourceError(reason, f"{_named(statement)}: {message_of(error)}.{advice}")


def _name(name: str) -> str:
    """As a GRANT would have it; a name that is wrong or not known is shown as it is."""
    try:
        return identifier(name)
    except Unwritable:
        return name


def _advice(reason: Reason) -> str:
    return f" {_ADVICE[reason]}" if reason in _ADVICE else ""


def _named(statement: Statement) -> str:
    """The statement as far as it names its object: the rest may be 64 kB of description."""
    return statement.text.partition(" IS ")[0] if statement.aspect is Aspect.DESCRIPTION else statement.text
