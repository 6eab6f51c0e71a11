"""What the driver's errors mean."""

import ssl

import pytest
import urllib3
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError, ProgrammingError

from reverse_metadata.connectors.clickhouse.failures import refusal
from reverse_metadata.errors import TRANSIENT, Reason


def answered(code: int, name: str = "SOME_ERROR", text: str = "it went wrong") -> DatabaseError:
    """As the driver raises it for an answer of the server."""
    return DatabaseError(
        f"Received ClickHouse exception, code: {code}, server response: Code: {code}. DB::Exception: {text}. ({name}) "
        "(version 26.9.2.1 (official build)) (for url http://db:8123)",
        code=code,
        name=name,
    )


@pytest.mark.parametrize(
    ("reason", "codes"),
    [
        (Reason.MISSING_OBJECT, [10, 16, 60, 81, 218]),
        (Reason.MISSING_PRIVILEGE, [164, 291, 497]),
        (Reason.AUTHENTICATION, [192, 193, 194, 195, 516]),
        (Reason.LOCK_TIMEOUT, [473]),
        (Reason.SERIALIZATION, [517]),
        (Reason.STATEMENT_TIMEOUT, [159, 160, 341, 394]),
        (Reason.CONNECTION, [202, 203, 209, 210, 225, 236, 242, 279, 319, 999]),
        (Reason.OTHER, [36, 48, 62, 168, 241, 392, 452, 701]),
    ],
)
def test_a_code_has_its_reason(reason: Reason, codes: list[int]) -> None:
    for code in codes:
        found = refusal(answered(code))
        assert found is not None
        assert found.reason is reason, code


def test_only_what_may_pass_is_tried_again() -> None:
    passing = {473, 517, 202, 203, 209, 210, 225, 236, 242, 279, 319, 999}
    found = {code: refusal(answered(code)) for code in range(1, 1003)}
    assert {code for code, each in found.items() if each and each.reason in TRANSIENT} == passing


@pytest.mark.parametrize("code", [60, 81, 159, 164, 218, 242, 341, 392, 394, 473, 701])
def test_after_some_nothing_on_the_table_is_tried_any_more(code: int) -> None:
    found = refusal(answered(code))
    assert found is not None
    assert found.spoils_table


@pytest.mark.parametrize("code", [10, 16, 48, 62, 168, 497])
def test_after_others_the_rest_of_a_statement_is(code: int) -> None:
    found = refusal(answered(code))
    assert found is not None
    assert not found.spoils_table


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (62, "Syntax error: failed at position 262144: Max query size exceeded"),
        (229, "The metadata would be too large"),
    ],
)
def test_comments_that_are_too_long_together_are_never_sent_in_parts(code: int, text: str) -> None:
    found = refusal(answered(code, text=text))
    assert found is not None
    assert found.spoils_table
    assert found.message.endswith("All comments of a table together must fit into max_query_size: shorten some of them")


def test_the_server_s_sentence_is_told_alone() -> None:
    found = refusal(answered(60, "UNKNOWN_TABLE", "Could not find table: orders (version 2).\n Maybe you meant\torder"))
    assert found is not None
    assert found.message == "Could not find table: orders (version 2). Maybe you meant order. (UNKNOWN_TABLE)"


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, Reason.AUTHENTICATION), (403, Reason.AUTHENTICATION), (404, Reason.OTHER), (502, Reason.CONNECTION)],
)
def test_what_answers_in_place_of_a_server_is_known_by_its_status(status: int, reason: Reason) -> None:
    found = refusal(
        DatabaseError(f"HTTP driver received HTTP status {status}, server response: <html> (for url http://p)")
    )
    assert found is not None
    assert (found.reason, found.message) == (
        reason,
        f"HTTP driver received HTTP status {status}, server response: <html>",
    )


def caused(cause: Exception) -> OperationalError:
    try:
        raise OperationalError("Error executing HTTP request") from cause
    except OperationalError as error:
        return error


def test_no_answer_is_a_lost_connection() -> None:
    found = refusal(caused(urllib3.exceptions.ProtocolError("Connection aborted.")))
    assert found is not None
    assert (found.reason, found.message) == (Reason.CONNECTION, "Connection aborted.")


def test_a_certificate_that_is_not_trusted_is_not_tried_again() -> None:
    refused = urllib3.exceptions.SSLError(ssl.SSLCertVerificationError(1, "self-signed certificate"))
    pool = urllib3.HTTPSConnectionPool("db")
    found = refusal(caused(urllib3.exceptions.MaxRetryError(pool, "/?query_id=1", refused)))
    pool.close()
    assert found is not None
    assert found.reason is Reason.OTHER
    assert "self-signed certificate" in found.message
    assert found.message.endswith("Check secure, port, verify, ca_cert and client_cert of the service")


def test_what_the_driver_itself_refuses_is_told() -> None:
    found = refusal(ProgrammingError("no such thing"))
    assert found is not None
    assert (found.reason, found.message) == (Reason.OTHER, "no such thing")


def test_an_error_of_ours_is_not_the_driver_s() -> None:
    assert refusal(ValueError("x")) is None
