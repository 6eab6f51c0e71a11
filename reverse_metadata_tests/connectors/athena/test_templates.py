"""The SQL of templates, as it is, through queries of Athena."""

from typing import Any

import pytest

from reverse_metadata.connectors.batches import Unanswered
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata_tests.connectors.athena.shop import SALES, Shop, run
from reverse_metadata_tests.contract.peer import errors

START, LOOK = "athena:StartQueryExecution", "athena:GetQueryExecution"
SQL = "ALTER TABLE orders SET TBLPROPERTIES ('comment' = 'it\\'s')"


def state(name: str, **more: Any) -> dict[str, Any]:
    return {"QueryExecution": {"QueryExecutionId": "1", "Status": {"State": name, **more}}}


def test_statements_run_one_by_one_as_they_are(shop: Shop) -> None:
    shop.aws.client("athena").create_work_group(Name="etl")
    shop.aws.requests.clear()
    shop.aws.received.clear()
    with shop.connector(workgroup="etl", output_location="s3://results/") as connector:
        assert errors(run(connector, SQL, "SELECT 1")) == {}
    sent = shop.sent(START)
    tokens = [each.pop("ClientRequestToken") for each in sent]
    assert len(set(tokens)) == 2
    common = {
        "QueryExecutionContext": {"Database": "sales"},
        "WorkGroup": "etl",
        "ResultConfiguration": {"OutputLocation": "s3://results/"},
    }
    assert sent == [{"QueryString": SQL, **common}, {"QueryString": "SELECT 1", **common}]
    assert [name.split()[0] for name in shop.aws.requests] == [START, LOOK, START, LOOK]


def test_the_workgroup_says_the_rest(shop: Shop) -> None:
    with shop.connector() as connector:
        run(connector, SQL)
    assert shop.sent(START)[0].keys() == {"QueryString", "QueryExecutionContext", "ClientRequestToken"}


def test_a_query_is_waited_for(shop: Shop) -> None:
    for name in ("QUEUED", "RUNNING", "SUCCEEDED"):
        shop.answer(state(name), LOOK)
    with shop.connector() as connector:
        assert errors(run(connector, SQL)) == {}
    assert shop.aws.count(LOOK) == 3


@pytest.mark.parametrize("name", ["FAILED", "CANCELLED"])
def test_a_query_that_failed_says_why_and_ends_the_statement(shop: Shop, name: str) -> None:
    shop.answer(state(name, StateChangeReason="FAILED: no such table"), LOOK)
    with shop.connector() as connector:
        (error,) = errors(run(connector, SQL, "SELECT 1")).values()
    assert error.reason is Reason.OTHER
    assert "FAILED: no such table. See the query in Athena's history." in str(error)
    assert shop.aws.count(START) == 1


def test_a_query_that_takes_too_long_is_stopped(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(0, 1000, 20))
    monkeypatch.setattr("reverse_metadata.connectors.athena.queries.monotonic", lambda: float(next(times)))
    shop.answer(state("RUNNING"), LOOK, times=100)
    shop.answer({}, "athena:StopQueryExecution")
    with shop.connector(query_timeout=50) as connector:
        (error,) = errors(run(connector, SQL)).values()
    assert error.reason is Reason.STATEMENT_TIMEOUT
    assert "was still RUNNING after 50 s. It was stopped; see query_timeout of the service." in str(error)
    assert shop.aws.count("athena:StopQueryExecution") == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_answer_that_was_lost_starts_nothing_twice(shop: Shop, when: Any) -> None:
    shop.aws.lose_next(when, START)
    with shop.connector() as connector:
        assert errors(run(connector, SQL)) == {}
    first, second = shop.sent(START)
    assert first == second


@pytest.mark.parametrize("action", [START, LOOK])
def test_a_query_whose_fate_nobody_knows_is_not_run_again(shop: Shop, action: str) -> None:
    shop.aws.lose_next("after", action, times=100)
    with shop.connector() as connector:
        (error,) = errors(run(connector, SQL)).values()
    assert isinstance(error, Unanswered)
    assert shop.aws.count(action) == 3


def test_a_query_that_is_denied_is_told_in_the_words_of_iam(shop: Shop) -> None:
    with shop.connector() as connector, shop.aws.denied(START):
        (error,) = errors(run(connector, SQL)).values()
    assert error.reason is Reason.MISSING_PRIVILEGE
    assert "is not authorized to perform: athena:StartQueryExecution" in str(error)


def running(name: str, kind: str = "DDL", database: str = "sales") -> dict[str, Any]:
    return {"Status": {"State": name}, "StatementType": kind, "QueryExecutionContext": {"Database": database}}


def test_settling_waits_for_the_ddl_of_the_schema_alone(shop: Shop) -> None:
    shop.answer({"QueryExecutionIds": ["1", "2", "3"]}, "athena:ListQueryExecutions", times=2)
    others = [running("RUNNING", "DML"), running("QUEUED", database="stock"), running("SUCCEEDED")]
    shop.answer({"QueryExecutions": [*others, running("RUNNING")]}, "athena:BatchGetQueryExecution")
    shop.answer({"QueryExecutions": others}, "athena:BatchGetQueryExecution")
    with shop.connector(workgroup="etl") as connector:
        connector.settle(SALES)
    assert shop.sent("athena:ListQueryExecutions") == [{"MaxResults": 50, "WorkGroup": "etl"}] * 2
    assert shop.aws.count("athena:BatchGetQueryExecution") == 2


def test_settling_does_not_wait_for_ever(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(0, 1000, 20))
    monkeypatch.setattr("reverse_metadata.connectors.athena.queries.monotonic", lambda: float(next(times)))
    shop.answer({"QueryExecutionIds": ["1"]}, "athena:ListQueryExecutions", times=100)
    shop.answer({"QueryExecutions": [running("RUNNING")]}, "athena:BatchGetQueryExecution", times=100)
    with shop.connector(query_timeout=50) as connector, pytest.raises(SourceError) as raised:
        connector.settle(SALES)
    assert raised.value.reason is Reason.STATEMENT_TIMEOUT


def test_settling_asks_nothing_more_where_there_are_no_queries_or_nobody_may_look(shop: Shop) -> None:
    with shop.connector() as connector:
        shop.answer({"QueryExecutionIds": []}, "athena:ListQueryExecutions")
        connector.settle(SALES)
        with shop.aws.denied("athena:ListQueryExecutions"):
            connector.settle(SALES)
        connector.settle(type(SALES)(SALES.service, "default", None))
    assert [name.split()[0] for name in shop.aws.requests] == ["athena:ListQueryExecutions"] * 2
