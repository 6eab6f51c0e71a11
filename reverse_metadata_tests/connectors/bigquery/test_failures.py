"""What BigQuery's refusals mean, and what becomes of the rest."""

import json
from importlib import import_module
from typing import Any

import pytest
from requests.exceptions import ReadTimeout

from reverse_metadata.connectors.bigquery.failures import Unreachable, refused
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.redaction import register_secret
from reverse_metadata_tests.connectors.bigquery.shop import EMAIL, ID, Shop, asked, described, failed, tagged

#: Google's libraries have no types.
api: Any = import_module("google.api_core.exceptions")
auth: Any = import_module("google.auth.exceptions")

ORDERS = ("shop-project", "sales", "orders")


def of(status: int, reason: str = "", message: str = "Too bad.") -> Exception:
    """An answer of BigQuery."""
    errors = [{"reason": reason, "message": message}] if reason else []
    made: Exception = api.from_http_status(status, "GET https://x: Too bad.", errors=errors)
    return made


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (of(403, "accessDenied"), Reason.MISSING_PRIVILEGE),
        (of(403, "rateLimitExceeded"), Reason.CONNECTION),
        (of(400, "jobRateLimitExceeded"), Reason.CONNECTION),
        (of(403, "quotaExceeded"), Reason.OTHER),
        (of(404, "notFound"), Reason.MISSING_OBJECT),
        (of(412, "conditionNotMet"), Reason.SERIALIZATION),
        (of(400, "invalid"), Reason.OTHER),
        (of(401), Reason.AUTHENTICATION),
        (of(429), Reason.CONNECTION),
        (of(500), Reason.CONNECTION),
        (of(503, "backendError"), Reason.CONNECTION),
        (of(409, "duplicate"), Reason.OTHER),
        (auth.DefaultCredentialsError("none found"), Reason.AUTHENTICATION),
        (auth.RefreshError("invalid_grant: bad", {"error": "invalid_grant"}), Reason.AUTHENTICATION),
        (auth.RefreshError("try later", retryable=True), Reason.CONNECTION),
        (auth.TransportError("no route"), Reason.CONNECTION),
        (ReadTimeout("too slow"), Reason.CONNECTION),
        (TimeoutError(), Reason.STATEMENT_TIMEOUT),
        (OSError("Project was not passed and could not be determined from the environment."), Reason.AUTHENTICATION),
    ],
)
def test_every_error_has_its_reason(error: Exception, reason: Reason) -> None:
    assert refused(error, "reading it").reason is reason
    assert str(refused(error, "reading it")).startswith("reading it: ")


def test_a_message_is_bigquerys_own_sentence_short_and_without_secrets() -> None:
    register_secret("s3cret-of-a-test")
    long = of(400, "invalid", f"s3cret-of-a-test {'x' * 2000}")
    assert str(refused(of(400, "invalid"), "reading it")) == "reading it: Too bad."
    told = str(refused(long, "reading it"))
    assert "s3cret" not in told
    assert len(told) < 600
    whole = refused(auth.RefreshError("invalid_grant: bad", {"assertion": "abc"}), "connecting")
    assert str(whole) == "connecting: invalid_grant: bad. Check the credentials of the service."


def test_another_error_is_nobodys_refusal() -> None:
    with pytest.raises(KeyError):
        refused(KeyError("a mistake of ours"), "reading it")
    own = SourceError(Reason.OTHER, "said already")
    assert refused(own, "reading it") is own


def test_a_limit_passes_and_the_table_is_written_after_the_others(shop: Shop, pauses: list[int]) -> None:
    for name in ("a", "b"):
        shop.table(name)
    shop.front.answer_next(shop.front.rate_limited(), "PATCH", times=1)
    assert failed(shop.push(described(shop.path("a")), described(shop.path("b")))) == []
    assert [each for each in asked(shop.front) if "PATCH" in each] == [
        "PATCH sales/tables/a",
        "PATCH sales/tables/b",
        "PATCH sales/tables/a",
    ]
    assert pauses == [1]


@pytest.mark.parametrize(
    ("status", "reason"), [(429, "rateLimitExceeded"), (503, "backendError"), (403, "rateLimitExceeded")]
)
def test_what_does_not_pass_is_tried_three_times_and_no_longer(shop: Shop, status: int, reason: str) -> None:
    shop.table("orders")
    shop.front.answer_next(shop.front.refusal(status, reason, "Exceeded rate limits."), "PATCH", times=100)
    assert failed(shop.push(described(ORDERS))) == [("orders", "connection")]
    assert shop.front.count("PATCH") == 3


def test_a_read_is_asked_again_while_it_may_pass(shop: Shop, pauses: list[int]) -> None:
    shop.table("orders")
    shop.front.answer_next(shop.front.refusal(503, "backendError", "Error encountered."), "GET", times=2)
    with shop.connector() as connector:
        assert ORDERS in connector.read(shop.partition)
    assert pauses == [1, 2]


def test_where_nothing_answers_nobody_waits_table_by_table(shop: Shop) -> None:
    tables = [shop.table(f"t{number}") for number in range(5)]
    shop.front.lose_next("before", "", times=100)
    outcomes = shop.push(*map(described, tables))
    assert failed(outcomes) == [(table[-1], "connection") for table in tables]
    assert all(isinstance(outcome.error, Unreachable) for outcome in outcomes)
    # Three tries of the first table, and each read of it is asked three times.
    assert len(shop.front.requests) == 9


def test_credentials_that_are_refused_end_it(shop: Shop) -> None:
    tables = [shop.table(f"t{number}") for number in range(5)]
    shop.tokens.refusal = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    assert failed(shop.push(*map(described, tables))) == [(table[-1], "authentication") for table in tables]
    assert shop.front.requests == []


def test_a_column_that_is_not_there_fails_alone_and_costs_no_patch(shop: Shop) -> None:
    shop.table("orders", *({**ID, "name": f"c{number}"} for number in range(50)))
    wishes = [described((*ORDERS, f"c{number}")) for number in range(50)]
    outcomes = shop.push(
        *wishes[:20], described((*ORDERS, "nowhere")), *wishes[20:], described((*ORDERS, "c1", "deep"))
    )
    assert failed(outcomes) == [("nowhere", "missing_object"), ("deep", "missing_object")]
    assert "there is no column nowhere" in str(outcomes[0].error)
    assert [shop.front.count(method) for method in ("GET", "PATCH")] == [2, 1]


def test_changes_that_fail_for_different_reasons_are_told_each_its_own(shop: Shop) -> None:
    shop.table("orders", ID)
    unmapped, *gone = tagged((*ORDERS, "id"), "PII", "Other"), *(described((*ORDERS, f"x{n}")) for n in range(7))
    outcomes = shop.push(described(ORDERS), unmapped, *gone)
    assert sorted(failed(outcomes)) == [("id", "invalid_value"), *((f"x{n}", "missing_object") for n in range(7))]
    told = {str(outcome.error) for outcome in outcomes if outcome.error}
    assert any("there is no column x0; " in each and each.endswith("; and 2 more.") for each in told)
    assert any("no policy tag for PII: Other" in each for each in told)
    assert shop.stored("orders")["description"] == "x"


def test_a_table_that_is_gone_is_asked_for_once(shop: Shop) -> None:
    outcomes = shop.push(described(ORDERS), described((*ORDERS, "id")))
    assert failed(outcomes) == [("orders", "missing_object"), ("id", "missing_object")]
    assert asked(shop.front) == ["GET sales/tables/orders"]


def test_a_policy_tag_that_bigquery_does_not_know_fails_alone(shop: Shop) -> None:
    shop.table("orders", ID, EMAIL)
    unknown = shop.front.refusal(404, "notFound", "Not found: Policy tag 2")
    shop.front.answer_next(unknown, "PATCH", times=1)
    shop.front.answer_next(unknown, "PATCH", times=1)
    outcomes = shop.push(described(ORDERS), tagged((*ORDERS, "id"), "PII", "Sensitive"))
    assert len(failed(outcomes)) == 1
    assert failed(outcomes)[0][1] == "missing_object"


def test_who_may_not_send_policy_tags_still_describes_the_table(shop: Shop) -> None:
    shop.table("orders", ID, EMAIL)
    with shop.front.denied("bigquery.tables.setCategory"):
        wishes = (
            described(ORDERS),
            tagged(ORDERS, "team", "sales"),
            described((*ORDERS, "id")),
            described((*ORDERS, "email")),
        )
        outcomes = shop.push(*wishes)
    assert sorted(failed(outcomes)) == [("email", "missing_privilege"), ("id", "missing_privilege")]
    assert "--permissions=bigquery.tables.setCategory" in str(next(each.error for each in outcomes if each.error))
    found = shop.stored("orders")
    assert (found["description"], found["labels"]) == ("x", {"team": "sales"})
    assert found["schema"]["fields"] == [ID, EMAIL]
    assert shop.front.count("PATCH") == 2


def test_who_may_not_update_a_table_is_told_once(shop: Shop) -> None:
    shop.table("orders", ID, EMAIL)
    with shop.front.denied("bigquery.tables.update"):
        outcomes = shop.push(described(ORDERS), described((*ORDERS, "id")))
    assert sorted(failed(outcomes)) == [("id", "missing_privilege"), ("orders", "missing_privilege")]
    assert shop.front.count("PATCH") == 2


def test_a_dataset_that_may_not_be_read_says_what_would_help(shop: Shop) -> None:
    with shop.front.denied("bigquery.datasets.get"), shop.connector() as connector:
        with pytest.raises(SourceError) as raised:
            connector.read(shop.partition)
    assert raised.value.reason is Reason.MISSING_PRIVILEGE
    assert "GRANT `roles/bigquery.metadataViewer` ON SCHEMA `shop-project`.`sales` TO" in str(raised.value)


def test_a_lost_answer_is_no_second_change(shop: Shop) -> None:
    shop.table("orders")
    shop.front.lose_next("after", "PATCH")
    assert failed(shop.push(described(ORDERS))) == []
    assert asked(shop.front) == ["GET sales/tables/orders", "PATCH sales/tables/orders", "GET sales/tables/orders"]


def test_a_key_never_shows_in_an_error(shop: Shop) -> None:
    key = shop.tokens.key()
    shop.tokens.refusal = {"error": "invalid_grant", "error_description": f"bad {key['private_key']}"}
    with shop.connector(credentials=json.dumps(key)) as connector, pytest.raises(SourceError) as raised:
        connector.version()
    assert key["private_key"].splitlines()[1] not in str(raised.value)
