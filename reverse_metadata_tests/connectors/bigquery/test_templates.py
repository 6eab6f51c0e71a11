"""Statements of templates, which are query jobs: on the emulator, and as they go over the wire."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path as File
from secrets import token_hex
from typing import Any

import pytest

from reverse_metadata.connectors.base import Connector
from reverse_metadata.connectors.batches import Unanswered
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, Outcome, Partition, Path, Statement
from reverse_metadata_tests.connectors.bigquery.shop import Shop, described
from reverse_metadata_tests.contract.bigquery import BigQuery, on_emulator
from reverse_metadata_tests.contract.estate import Estate
from reverse_metadata_tests.engines.front import Answer
from reverse_metadata_tests.templates import golden

JOBS = "POST projects/shop-project/jobs"


@pytest.fixture
def peer(bigquery_emulator: str) -> Iterator[BigQuery]:
    with on_emulator(bigquery_emulator) as each:
        yield each


def templated(path: Path, *sql: str) -> Statement:
    return replace(Statement(";\n".join(sql), (described(path),)), sql=sql)


def run(connector: Connector, partition: Partition, statement: Statement) -> Outcome:
    (outcome,) = connector.execute(partition, [statement])
    return outcome


def test_statements_run_one_by_one_where_the_dataset_is(peer: BigQuery) -> None:
    orders = peer.table("orders", ["id"])
    named = f"`{'.'.join(orders)}`"
    sql = [f"ALTER TABLE {named} SET OPTIONS (description = '{text}')" for text in ("first", r"it\'s second")]
    with peer.connector() as connector:
        outcome = run(connector, peer.partition, templated(orders, *sql))
    assert outcome.error is None
    assert peer.stored(orders) == "it's second"


def test_a_statement_that_fails_says_what_bigquery_says(peer: BigQuery) -> None:
    orders = peer.table("orders", ["id"])
    with peer.connector() as connector:
        outcome = run(connector, peer.partition, templated(orders, "ALTER NONSENSE"))
        connector.settle(peer.partition)
    assert outcome.error is not None
    assert outcome.error.reason is Reason.OTHER
    assert outcome.attempts == 1


def test_a_whole_run_with_the_published_template(peer: BigQuery, tmp_path: File) -> None:
    orders = peer.table("orders", ["id"])
    (published, _) = (row["template"] for row in golden.rows("published.yaml") if row["system"] == "bigquery")
    estate = Estate(peer, tmp_path)
    table = next(fqn for fqn in estate.fqns if fqn.endswith(".orders"))
    for label in ("team.sales", "domain.gold"):
        estate.catalog.tag(table, label)
    settings = {"update_descriptions": False, "update_tags": True, "sql_template": published}
    applied = estate.run(peer.partition, **settings)
    assert (applied.statements, applied.problems, applied.counts) == (1, (), {"apply": 2})
    assert [peer.stored(orders, Aspect.TAGS, key) for key in ("team", "domain")] == ["sales", "gold"]
    assert estate.run(peer.partition, **settings).statements == 0


# On the wire


def job(state: str, job_id: str = "x", **status: Any) -> dict[str, Any]:
    reference = {"projectId": "shop-project", "jobId": job_id, "location": "EU"}
    return {
        "jobReference": reference,
        "status": {"state": state, **status},
        "configuration": {"jobType": "QUERY", "query": {"query": "x"}},
    }


def ok(body: dict[str, Any]) -> Answer:
    return Answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})


DONE: dict[str, Any] = {
    "jobComplete": True,
    "jobReference": {"projectId": "shop-project", "jobId": "x", "location": "EU"},
}


def test_a_query_runs_in_its_project_and_in_the_place_of_its_dataset(shop: Shop) -> None:
    shop.front.answer_next(ok(job("DONE")), "/jobs", times=1)
    shop.front.answer_next(ok(DONE), "/queries/", times=5)
    shop.front.answer_next(ok(job("DONE")), "/jobs/", times=5)
    with shop.connector(billing_project="payer") as connector:
        assert run(connector, shop.partition, templated(shop.path("orders"), "SELECT 1")).error is None
    (posted,) = [each for each in shop.front.received if each.method == "POST"]
    assert posted.path.endswith("projects/payer/jobs")
    sent = json.loads(posted.body)
    assert sent["configuration"]["query"]["query"] == "SELECT 1"
    assert sent["configuration"]["query"]["useLegacySql"] is False
    assert sent["jobReference"]["location"] == "EU"
    assert sent["jobReference"]["jobId"].startswith("reverse_metadata_")


def test_a_query_whose_answer_is_lost_is_never_sent_again(shop: Shop) -> None:
    shop.front.lose_next("before", JOBS)
    with shop.connector() as connector:
        outcome = run(connector, shop.partition, templated(shop.path("orders"), "SELECT 1"))
    assert isinstance(outcome.error, Unanswered)
    assert shop.front.count(JOBS) == 1


def test_a_query_that_takes_too_long_is_cancelled(shop: Shop) -> None:
    shop.front.answer_next(ok(job("RUNNING")), JOBS, times=1)
    shop.front.answer_next(ok({"jobComplete": False, "jobReference": DONE["jobReference"]}), "/queries/", times=1000)
    shop.front.answer_next(ok({"job": job("DONE")}), "/cancel", times=1)
    shop.front.answer_next(ok(job("RUNNING")), "GET projects/shop-project/jobs/", times=1000)
    with shop.connector(statement_timeout=0.01) as connector:
        outcome = run(connector, shop.partition, templated(shop.path("orders"), "SELECT 1"))
    assert outcome.error is not None
    assert outcome.error.reason is Reason.STATEMENT_TIMEOUT
    assert shop.front.count("/cancel") == 1


def test_the_jobs_of_a_dead_run_are_waited_for(shop: Shop) -> None:
    with shop.connector() as connector:
        shop.front.lose_next("before", JOBS)
        run(connector, shop.partition, templated(shop.path("orders"), "SELECT 1"))
        left = json.loads(next(each for each in shop.front.received if each.method == "POST").body)["jobReference"][
            "jobId"
        ]
        listed = [job("RUNNING", left), job("RUNNING", f"of_others_{token_hex(4)}")]
        shop.front.answer_next(ok({"jobs": []}), "GET projects/shop-project/jobs", times=1)
        shop.front.answer_next(ok({"jobs": listed}), "GET projects/shop-project/jobs", times=1)
        shop.front.answer_next(ok(job("DONE", left)), f"/jobs/{left}", times=5)
        shop.front.answer_next(
            ok({**DONE, "jobReference": {**DONE["jobReference"], "jobId": left}}), f"/queries/{left}", times=5
        )
        shop.forget()
        connector.settle(shop.partition)
    assert any(left in name for name in shop.front.requests)
    assert not any("of_others" in name for name in shop.front.requests)


def test_who_may_not_look_at_jobs_has_none(shop: Shop) -> None:
    with shop.connector() as connector:
        connector.settle(shop.partition)
        shop.front.answer_next(shop.front.refusal(403, "accessDenied", "Access Denied"), "/jobs")
        connector.settle(shop.partition)
        connector.settle(Partition(shop.partition.service, "shop-project", None))
        shop.front.answer_next(shop.front.refusal(503, "backendError", "Try again later."), "/jobs", times=3)
        with pytest.raises(SourceError):
            connector.settle(shop.partition)
