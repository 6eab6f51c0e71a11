"""What AWS's errors mean, and what becomes of the rest of a run."""

from typing import Any

import pytest

from reverse_metadata.connectors.aws import refused
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata_tests.connectors.athena.shop import ORDERS, SALES, Shop, changes, column, write
from reverse_metadata_tests.contract.peer import errors

UPDATE = "glue:UpdateTable"


def refusal(code: str, status: int = 400) -> SourceError:
    from botocore.exceptions import ClientError

    answer: Any = {
        "Error": {"Code": code, "Message": "No."},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return refused(ClientError(answer, "UpdateTable"), "trying")


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("AccessDeniedException", 400, Reason.MISSING_PRIVILEGE),
        ("EntityNotFoundException", 400, Reason.MISSING_OBJECT),
        ("ConcurrentModificationException", 400, Reason.SERIALIZATION),
        ("ValidationException", 400, Reason.INVALID_VALUE),
        ("UnrecognizedClientException", 400, Reason.AUTHENTICATION),
        ("InvalidSignatureException", 400, Reason.AUTHENTICATION),
        ("ExpiredTokenException", 400, Reason.AUTHENTICATION),
        ("ExpiredToken", 403, Reason.AUTHENTICATION),
        ("InvalidClientTokenId", 403, Reason.AUTHENTICATION),
        ("ThrottlingException", 400, Reason.CONNECTION),
        ("InternalServiceException", 500, Reason.CONNECTION),
        ("OperationTimeoutException", 400, Reason.CONNECTION),
        ("ResourceNotReadyException", 400, Reason.CONNECTION),
        ("FederationSourceRetryableException", 400, Reason.CONNECTION),
        ("TooManyRequestsException", 400, Reason.CONNECTION),
        ("503", 503, Reason.CONNECTION),
        ("InvalidInputException", 400, Reason.OTHER),
        ("GlueEncryptionException", 400, Reason.OTHER),
        ("FederationSourceException", 400, Reason.OTHER),
    ],
)
def test_a_code_has_a_reason(code: str, status: int, reason: Reason) -> None:
    assert refusal(code, status).reason is reason


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("ThrottlingException", "trying: ThrottlingException: No. The next run tries again."),
        ("ValidationException", "trying: ValidationException: No. Shorten or correct it in the catalog."),
        (
            "ResourceNumberLimitExceededException",
            "trying: ResourceNumberLimitExceededException: No. Delete old versions of tables, or set skip_archive: "
            "true.",
        ),
        (
            "ConcurrentModificationException",
            "trying: ConcurrentModificationException: No. Another session changed it at the same moment; the next run "
            "tries again.",
        ),
    ],
)
def test_a_message_says_what_to_do(code: str, told: str) -> None:
    assert str(refusal(code)) == told


def test_a_value_that_aws_repeats_is_cut_short(shop: Shop) -> None:
    with shop.connector() as connector:
        (error,) = errors(write(connector, changes({ORDERS: "x" * 3000}))).values()
    assert error.reason is Reason.INVALID_VALUE
    assert len(str(error)) < 700


def test_an_error_of_our_own_stays_what_it_is() -> None:
    with pytest.raises(KeyError):
        refused(KeyError("x"), "trying")


@pytest.mark.parametrize("code", ["InternalServiceException", "OperationTimeoutException"])
def test_what_may_pass_is_tried_again_and_the_others_go_on(shop: Shop, code: str) -> None:
    shop.create("stock")
    shop.refuse(code, UPDATE)
    with shop.connector() as connector:
        outcomes = write(connector, changes({ORDERS: "x", (*SALES.path, "stock"): "y"}))
    assert [(each.statement.table[2], each.attempts, each.error) for each in outcomes] == [
        ("stock", 1, None),
        ("orders", 2, None),
    ]


def test_reading_is_tried_again(shop: Shop) -> None:
    shop.refuse("InternalServiceException", "glue:GetTables", times=2)
    with shop.connector() as connector:
        assert ORDERS in connector.read(SALES)
    assert shop.aws.count("glue:GetTables") == 3


def test_a_call_is_made_again_by_botocore_before_anybody_hears_of_it(shop: Shop) -> None:
    shop.aws.lose_next("before", "glue:GetDatabase")
    with shop.connector(max_attempts=2) as connector:
        assert ORDERS in connector.read(SALES)
    assert shop.aws.count("glue:GetDatabase") == 2


def test_nobody_waits_table_by_table_where_nothing_answers(shop: Shop) -> None:
    tables = [(*SALES.path, f"t{number}") for number in range(5)]
    shop.aws.lose_next("before", "glue:", times=1000)
    with shop.connector() as connector:
        failed = errors(write(connector, changes(dict.fromkeys(tables, "x"))))
    assert {error.reason for error in failed.values()} == {Reason.CONNECTION}
    assert len(failed) == 5
    assert len(shop.aws.requests) == 3


def test_nobody_tries_on_with_credentials_that_expired(shop: Shop) -> None:
    shop.create("stock")
    shop.refuse("ExpiredTokenException", UPDATE, times=1000)
    with shop.connector() as connector:
        failed = errors(write(connector, changes({ORDERS: "x", (*SALES.path, "stock"): "y"})))
    assert {error.reason for error in failed.values()} == {Reason.AUTHENTICATION}
    assert shop.aws.count(UPDATE) == 1


def test_a_value_that_is_refused_takes_no_other_column_with_it(shop: Shop) -> None:
    wishes = {ORDERS: "x", column("id"): "y" * 256, column("email"): "z"}
    with shop.connector() as connector:
        failed = errors(write(connector, changes(wishes)))
    assert list(failed) == [column("id")]
    assert shop.table()["Description"] == "x"
    assert shop.table()["StorageDescriptor"]["Columns"][1]["Comment"] == "z"


def test_a_lost_answer_is_not_taken_for_somebody_elses_write(shop: Shop) -> None:
    shop.aws.lose_next("after", UPDATE)
    with shop.connector(max_attempts=3) as connector:
        assert errors(write(connector, changes({ORDERS: "x"}))) == {}
    # The second try names the version before its own; then the table is read, and there is nothing left to do.
    assert shop.aws.count(UPDATE) == 2
    assert shop.table()["VersionId"] == "2"
