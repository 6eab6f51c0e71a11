"""The peers, one after the other."""

import os
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from reverse_metadata.redaction import redact
from reverse_metadata_tests.contract.peer import NotHere, Peer
from reverse_metadata_tests.templates.injection.values import FULL

#: For each engine, the module beside this one and its context manager, which is given the request of the test. Those of
#: a heavy engine also name the group of tests that shares it.
PEERS = {
    "postgres-18": ("postgres", "postgres_18", ""),
    "postgres-15": ("postgres", "postgres_15", ""),
    "athena": ("athena", "athena", ""),
    "bigquery-emulator": ("bigquery", "emulated", "bigquery_emulator"),
    "bigquery-standin": ("bigquery", "standin", ""),
    "clickhouse": ("clickhouse", "clickhouse", ""),
    "databricks": ("databricks", "databricks_peer", ""),
    "mssql": ("mssql", "mssql_peer", ""),
    "mysql-mariadb": ("mysql", "mariadb", ""),
    "oracle": ("oracle", "oracle_peer", ""),
    "redshift": ("redshift", "redshift", ""),
    "snowflake": ("snowflake", "snowflake", ""),
    "trino-hive": ("trino", "hive", "trino_server"),
    "trino-iceberg": ("trino", "iceberg", "trino_server"),
    "unitycatalog": ("databricks", "unitycatalog_peer", ""),
}
if FULL:
    # It has nothing that the others have not.
    PEERS["trino-memory"] = ("trino", "memory", "trino_server")

_PARAMETERS = [
    pytest.param(name, marks=pytest.mark.xdist_group(group) if group else ()) for name, (_, _, group) in PEERS.items()
]
if os.environ.get("LIVE_SYSTEM"):
    # `make live` sets it; whoever does not ask for it never sees the peer that needs an account.
    PEERS["live"] = ("live.peer", "live", "")
    _PARAMETERS.append(pytest.param("live", marks=pytest.mark.live))


@pytest.fixture(params=_PARAMETERS)
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    """Two empty schemas in each engine in turn."""
    module, function, _ = PEERS[request.param]
    opened = getattr(import_module(f"reverse_metadata_tests.contract.{module}"), function)
    with opened(request) as each:
        yield each


@pytest.fixture(autouse=True)
def _impatient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits between two tries, but where somebody pays for every query."""
    if request.node.get_closest_marker("live") is None:
        monkeypatch.setattr("reverse_metadata.connectors.batches.pause", lambda _attempt: None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Skip what a live account cannot play; only such a test may leave out anything."""
    try:
        yield
    except NotHere as reason:
        if item.get_closest_marker("live") is None:
            raise
        pytest.skip(str(reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Keep the secrets of a live account out of what a failure shows: frames of drivers have them at hand."""
    report = yield
    if item.get_closest_marker("live") is not None:
        if report.failed:
            report.longrepr = redact(str(report.longrepr))
        report.sections = [(name, redact(text)) for name, text in report.sections]
    return report
