"""What the errors of the driver mean."""

import ssl
from typing import Any

import pytest
import requests

from reverse_metadata.connectors.trino import failures
from reverse_metadata.errors import Reason

exceptions = pytest.importorskip("trino.exceptions")


def of(name: str, message: str = "no", kind: str = "TrinoUserError") -> Any:
    return failures.refusal(getattr(exceptions, kind)({"errorName": name, "message": message, "errorType": "x"}))


@pytest.mark.parametrize(
    ("name", "reason", "spoils"),
    [
        ("TABLE_NOT_FOUND", Reason.MISSING_OBJECT, True),
        ("SCHEMA_NOT_FOUND", Reason.MISSING_OBJECT, True),
        ("CATALOG_NOT_FOUND", Reason.MISSING_OBJECT, True),
        ("COLUMN_NOT_FOUND", Reason.MISSING_OBJECT, False),
        ("PERMISSION_DENIED", Reason.MISSING_PRIVILEGE, True),
        ("EXCEEDED_TIME_LIMIT", Reason.STATEMENT_TIMEOUT, False),
        ("ADMINISTRATIVELY_KILLED", Reason.STATEMENT_TIMEOUT, False),
        ("HIVE_CONCURRENT_MODIFICATION_DETECTED", Reason.SERIALIZATION, False),
        ("ICEBERG_COMMIT_ERROR", Reason.SERIALIZATION, False),
        ("DELTA_LAKE_BAD_WRITE", Reason.SERIALIZATION, False),
        ("SERVER_SHUTTING_DOWN", Reason.CONNECTION, False),
        ("QUERY_QUEUE_FULL", Reason.CONNECTION, False),
        ("QUERY_TEXT_TOO_LARGE", Reason.OTHER, False),
        ("JDBC_ERROR", Reason.OTHER, False),
        ("GENERIC_INTERNAL_ERROR", Reason.OTHER, False),
    ],
)
def test_an_error_of_trino_is_known_by_its_name(name: str, reason: Reason, spoils: bool) -> None:
    refusal = of(name)
    assert (refusal.reason, refusal.spoils_table, refusal.message) == (reason, spoils, f"no ({name})")


def test_writers_of_a_jdbc_catalog_of_iceberg_are_told_apart_by_a_sentence() -> None:
    refusal = of("GENERIC_INTERNAL_ERROR", "Failed to update table due to concurrent updates", "TrinoInternalError")
    assert refusal.reason is Reason.SERIALIZATION


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, Reason.AUTHENTICATION),
        (403, Reason.AUTHENTICATION),
        (429, Reason.CONNECTION),
        (502, Reason.CONNECTION),
        (503, Reason.CONNECTION),
        (504, Reason.CONNECTION),
        (404, Reason.OTHER),
        (500, Reason.OTHER),
    ],
)
def test_an_answer_that_is_not_trinos_is_known_by_its_status(status: int, reason: Reason) -> None:
    response = requests.Response()
    response.status_code = status
    client = pytest.importorskip("trino.client")
    with pytest.raises(Exception, match=str(status)) as raised:
        client.TrinoRequest.raise_response_error(response)
    refusal = failures.refusal(raised.value)
    assert refusal is not None
    assert refusal.reason is reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (exceptions.TrinoConnectionError("failed to execute"), Reason.CONNECTION),
        (requests.exceptions.ConnectionError("gone"), Reason.CONNECTION),
        (requests.exceptions.ReadTimeout("late"), Reason.CONNECTION),
        (requests.exceptions.SSLError("EOF"), Reason.CONNECTION),
        (exceptions.TrinoAuthError("no"), Reason.AUTHENTICATION),
        (OSError("Could not find a suitable TLS CA certificate bundle"), Reason.OTHER),
    ],
)
def test_what_happens_on_the_way(error: Exception, reason: Reason) -> None:
    refusal = failures.refusal(error)
    assert refusal is not None
    assert refusal.reason is reason


def test_a_certificate_that_nobody_trusts_is_not_tried_again() -> None:
    error = exceptions.TrinoConnectionError("failed to execute")
    error.__context__ = requests.exceptions.SSLError("x")
    error.__context__.__context__ = ssl.SSLCertVerificationError("self-signed")
    refusal = failures.refusal(error)
    assert refusal is not None
    assert refusal.reason is Reason.OTHER
    assert refusal.message.startswith("the server's certificate is not trusted, see verify: ")


def test_an_error_of_ours_is_not_the_drivers() -> None:
    assert failures.refusal(KeyError("x")) is None
