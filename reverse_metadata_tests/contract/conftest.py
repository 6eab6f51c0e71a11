"""The peers, one after the other."""

from collections.abc import Iterator
from importlib import import_module

import pytest

from reverse_metadata_tests.contract.peer import Peer

#: For each engine, the module beside this one and its context manager, which is given the request of the test. Those of
#: a heavy engine also name the group of tests that shares it.
PEERS = {
    "postgres-18": ("postgres", "postgres_18", ""),
    "postgres-15": ("postgres", "postgres_15", ""),
    "athena": ("athena", "athena", ""),
    "bigquery-emulator": ("bigquery", "emulated", ""),
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
    "trino-memory": ("trino", "memory", "trino_server"),
    "unitycatalog": ("databricks", "unitycatalog_peer", ""),
}


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.xdist_group(group) if group else ())
        for name, (_, _, group) in PEERS.items()
    ]
)
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    """Two empty schemas in each engine in turn."""
    module, function, _ = PEERS[request.param]
    opened = getattr(import_module(f"reverse_metadata_tests.contract.{module}"), function)
    with opened(request) as each:
        yield each


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits between two tries."""
    monkeypatch.setattr("reverse_metadata.connectors.batches.pause", lambda _attempt: None)
