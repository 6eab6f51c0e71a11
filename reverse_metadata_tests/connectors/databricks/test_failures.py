"""What errors mean, whatever else they say."""

from importlib import import_module
from typing import Any

import pytest
import urllib3.exceptions

from reverse_metadata.connectors.databricks.failures import condition, refusal
from reverse_metadata.errors import Reason, SourceError

exc: Any = import_module("databricks.sql.exc")


@pytest.mark.parametrize(
    ("message", "reason", "spoils_table"),
    [
        (
            "[TABLE_OR_VIEW_NOT_FOUND] The table or view `a` cannot be found. SQLSTATE: 42P01",
            Reason.MISSING_OBJECT,
            True,
        ),
        ("[SCHEMA_NOT_FOUND] The schema `a` cannot be found. SQLSTATE: 42704", Reason.MISSING_OBJECT, True),
        ("[EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE] 'ALTER TABLE' expects a table.", Reason.MISSING_OBJECT, True),
        (
            "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column `b` cannot be resolved. SQLSTATE: 42703",
            Reason.MISSING_OBJECT,
            False,
        ),
        ("[A_NEW_ONE] Something is not there. SQLSTATE: 42P01", Reason.MISSING_OBJECT, True),
        (
            "PERMISSION_DENIED: User does not have MODIFY on Table 'a'. SQLSTATE: 42501",
            Reason.MISSING_PRIVILEGE,
            True,
        ),
        ("[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\nUser does not", Reason.MISSING_PRIVILEGE, True),
        ("PERMISSION_DENIED: User does not have ASSIGN on Tag Policy 'pii'.", Reason.MISSING_PRIVILEGE, False),
        ("[DELTA_METADATA_CHANGED] The metadata of the table was changed.", Reason.SERIALIZATION, False),
        ("[DELTA_CONCURRENT_WRITE.WITHOUT_HINT] Transaction conflict. SQLSTATE: 2D521", Reason.SERIALIZATION, False),
        ("[QUERY_EXECUTION_TIMEOUT_EXCEEDED] Query execution exceeded", Reason.STATEMENT_TIMEOUT, False),
        ("TEMPORARILY_UNAVAILABLE: try again", Reason.CONNECTION, False),
        ("Invalid SessionHandle: SessionHandle [0]", Reason.CONNECTION, False),
        ("Command 0 unexpectedly closed server side", Reason.CONNECTION, False),
        ("[PARSE_SYNTAX_ERROR] Syntax error. SQLSTATE: 42601", Reason.OTHER, False),
        ("INVALID_PARAMETER_VALUE: Tag value x is not an allowed value", Reason.OTHER, False),
        ("PRINCIPAL_DOES_NOT_EXIST: Could not find principal with name x", Reason.OTHER, False),
        # What a description says, repeated in an error, decides nothing.
        ("[PARSE_SYNTAX_ERROR] near 'PERMISSION_DENIED: x'. SQLSTATE: 42601", Reason.OTHER, False),
        ("nothing that has a name", Reason.OTHER, False),
    ],
)
def test_an_error_is_known_by_its_name(message: str, reason: Reason, spoils_table: bool) -> None:
    found = refusal(exc.ServerOperationError(message, {}))
    assert found is not None
    assert (found.reason, found.spoils_table) == (reason, spoils_table)


def test_the_statement_that_the_parser_repeats_is_left_out() -> None:
    message = "[PARSE_SYNTAX_ERROR] Syntax error.\n\n== SQL ==\nCOMMENT ON TABLE t IS 'a secret'\n--^^^"
    found = refusal(exc.ServerOperationError(message, {"diagnostic-info": "a secret"}))
    assert found is not None
    assert found.message == "[PARSE_SYNTAX_ERROR] Syntax error."


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, Reason.AUTHENTICATION),
        (403, Reason.AUTHENTICATION),
        (404, Reason.OTHER),
        (429, Reason.CONNECTION),
        (503, Reason.CONNECTION),
        (None, Reason.CONNECTION),
    ],
)
def test_a_request_that_failed_is_known_by_its_status(status: int | None, reason: Reason) -> None:
    found = refusal(exc.RequestError("Error during request to server", {"http-code": status}))
    assert found is not None
    assert found.reason is reason


def test_a_connection_that_failed_may_be_tried_again_and_a_certificate_may_not() -> None:
    pool: Any = None
    lost = refusal(urllib3.exceptions.ProtocolError("Connection aborted."))
    refused = refusal(OSError("Connection refused"))
    distrusted = refusal(urllib3.exceptions.MaxRetryError(pool, "/", urllib3.exceptions.SSLError("self-signed")))
    assert [each.reason for each in (lost, refused, distrusted) if each] == [
        Reason.CONNECTION,
        Reason.CONNECTION,
        Reason.OTHER,
    ]
    assert distrusted is not None
    assert distrusted.message.endswith("check host and ca_file of the service")


def test_errors_of_others_are_theirs() -> None:
    assert refusal(ValueError("x")) is None
    assert refusal(SourceError(Reason.OTHER, "the driver is not installed")) is None


def test_a_condition_begins_the_message() -> None:
    assert condition("[A_B.C_D] x") == "A_B"
    assert condition("A_B: x") == "A_B"
    assert condition("[RequestId=0f-1 ErrorClass=A_B.C_D] x") == "A_B"
    assert condition("org.apache.hive.service.cli.HiveSQLException: Error running query: [A_B] org.x: [A_B] y") == "A_B"
    assert condition("x [A_B] y") == condition("") == ""
