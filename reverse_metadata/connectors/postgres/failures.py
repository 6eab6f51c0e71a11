"""What PostgreSQL's errors mean, and which privilege would have helped."""

import re
from typing import TYPE_CHECKING

from reverse_metadata.connectors import sqlstate
from reverse_metadata.connectors.refusals import Refusal, named, told
from reverse_metadata.dialects.postgres import identifier
from reverse_metadata.errors import Reason, SourceError, Unwritable
from reverse_metadata.model import Statement

if TYPE_CHECKING:
    import psycopg

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
    return sqlstate.reason_of(state)


def message_of(error: "psycopg.Error") -> str:
    """The server's own sentence, without its echo of the statement and without secrets."""
    text = error.diag.message_primary if error.sqlstate else None
    if text and error.diag.message_detail:
        text = f"{text} ({error.diag.message_detail})"
    return told(text or error)


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
    return _refusal(error).error(f"reading {what}")


def refused_lock(error: "psycopg.Error", partition: str) -> SourceError:
    """Why no transaction could begin on a partition."""
    refusal = _refusal(error)
    if refusal.reason in (Reason.LOCK_TIMEOUT, Reason.STATEMENT_TIMEOUT):
        return refusal.error(f"waiting for another writer of {partition}", "The next run tries again.")
    return refusal.error(f"beginning to write to {partition}")


def refused_statement(error: "psycopg.Error", statement: Statement, grants: str) -> SourceError:
    """Why a statement failed; `grants` says which privileges are missing, when it is that."""
    return _refusal(error).error(named(statement), grants)


def _refusal(error: "psycopg.Error") -> Refusal:
    return Refusal(reason_of(error), message_of(error))


def _name(name: str) -> str:
    """As a GRANT would have it; a name that is wrong or not known is shown as it is."""
    try:
        return identifier(name)
    except Unwritable:
        return name
