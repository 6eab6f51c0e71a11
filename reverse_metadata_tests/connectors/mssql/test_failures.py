"""What errors mean, by the server's number or by the driver's words."""

import mssql_python
import pytest

from reverse_metadata.connectors.mssql import failures
from reverse_metadata.errors import Reason


@pytest.mark.parametrize(
    ("number", "reason", "transient"),
    [
        (229, Reason.MISSING_PRIVILEGE, False),
        (15247, Reason.MISSING_PRIVILEGE, False),
        (15135, Reason.MISSING_OBJECT, False),
        (15151, Reason.MISSING_OBJECT, False),
        (1222, Reason.LOCK_TIMEOUT, True),
        (1205, Reason.SERIALIZATION, True),
        (18456, Reason.AUTHENTICATION, False),
        (40613, Reason.CONNECTION, True),
        (40501, Reason.CONNECTION, True),
        (15097, Reason.INVALID_VALUE, False),
        (102, Reason.OTHER, False),
        (15233, Reason.OTHER, False),
    ],
)
def test_a_number(number: int, reason: Reason, transient: bool) -> None:
    refusal = failures.refusal_by(number, "Said the server.")
    assert refusal.reason is reason
    assert refusal.error("x").transient is transient
    assert str(refusal.error("writing")).startswith("writing: Said the server.")


@pytest.mark.parametrize(
    ("words", "message", "reason"),
    [
        ("Invalid authorization specification", "Login failed for user 'w'.", Reason.AUTHENTICATION),
        ("Communication link failure", "TCP Provider: An existing connection was closed.", Reason.CONNECTION),
        ("Client unable to establish connection", "Login timeout expired", Reason.CONNECTION),
        ("Timeout expired", "Query timeout expired", Reason.STATEMENT_TIMEOUT),
        (
            "General error",
            "Database 'shop' on server 'x' is not currently available. Please retry the connection later.",
            Reason.CONNECTION,
        ),
        ("Syntax error or access violation", "Incorrect syntax near 'x'.", Reason.OTHER),
        ("Connection operation failed", "Failed to load the driver.", Reason.OTHER),
    ],
)
def test_the_driver_s_words(words: str, message: str, reason: Reason) -> None:
    error = mssql_python.OperationalError(words, f"[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]{message}")
    refusal = failures.refusal_of(error)
    assert (refusal.reason, refusal.message) == (reason, message)
