"""The engines that the tests use, started once a worker."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from reverse_metadata.demo import server
from reverse_metadata_tests.engines.asked import Asked
from reverse_metadata_tests.engines.aws import AwsFront, aws
from reverse_metadata_tests.engines.bigquery import bigquery_emulator
from reverse_metadata_tests.engines.bigquery_standin import BigQueryStandIn, bigquery_standin
from reverse_metadata_tests.engines.clickhouse import clickhouse
from reverse_metadata_tests.engines.clickhouse_http import ClickHouseFront, clickhouse_http
from reverse_metadata_tests.engines.databricks import DatabricksStandIn, databricks
from reverse_metadata_tests.engines.mariadb import mariadb
from reverse_metadata_tests.engines.postgres import postgres_15
from reverse_metadata_tests.engines.redshift import Redshift, Warehouse, redshift
from reverse_metadata_tests.engines.snowflake import SnowflakeStandIn, snowflake_standin
from reverse_metadata_tests.engines.spark import spark
from reverse_metadata_tests.engines.trino import Trino, trino
from reverse_metadata_tests.world import World, a_world

#: Engines that take seconds to start and hundreds of megabytes: all their tests run in one worker.
_ONE_A_RUN = {"bigquery_emulator", "spark", "trino_server"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Send the tests of a heavy engine to the same worker."""
    for item in items:
        for engine in _ONE_A_RUN.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(engine))


@pytest.fixture(scope="session")
def postgres_host() -> Iterator[str]:
    """The socket directory of an embedded PostgreSQL; `postgres` is its superuser and needs no password.

    Not below pytest's own directory: as root the server runs as another user, and every new session of pytest on the
    machine closes the directory above to others.
    """
    with tempfile.TemporaryDirectory(prefix="reverse_metadata-") as name:
        data = Path(name, "postgres")
        try:
            host = server.start(data).host
            with psycopg.connect(host=host, user="postgres", autocommit=True) as connection:
                # Every test makes and drops a database, which waits for the disk otherwise.
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
            yield host
        finally:
            server.stop(data)


@pytest.fixture(scope="session")
def postgres_15_host() -> Iterator[str]:
    """The socket directory of Debian's PostgreSQL 15, as `postgres_host`."""
    with postgres_15() as host:
        yield host


@pytest.fixture(scope="session", name="mariadb")
def _mariadb() -> Iterator[str]:
    """The socket of a MariaDB; `root` is its superuser and needs no password."""
    with mariadb() as socket:
        yield socket


@pytest.fixture(scope="session", name="clickhouse")
def _clickhouse() -> Iterator[Asked]:
    """A ClickHouse, which runs one statement after the other."""
    with clickhouse() as engine:
        yield engine


@pytest.fixture(scope="session", name="clickhouse_server")
def _clickhouse_server() -> Iterator[ClickHouseFront]:
    """A ClickHouse that the driver `clickhouse-connect` reaches."""
    with clickhouse_http() as front:
        yield front


@pytest.fixture(name="clickhouse_http")
def _clickhouse_http(clickhouse_server: ClickHouseFront) -> ClickHouseFront:
    """`clickhouse_server`, which has not been asked anything yet; what others left in it is still there."""
    clickhouse_server.reset()
    return clickhouse_server


@pytest.fixture(scope="session", name="aws_server")
def _aws_server() -> Iterator[AwsFront]:
    """AWS's Glue, Lake Formation, Athena, STS and S3."""
    with aws() as front:
        yield front


@pytest.fixture(name="aws")
def _aws(aws_server: AwsFront) -> AwsFront:
    """`aws_server`, empty."""
    aws_server.reset()
    return aws_server


@pytest.fixture(scope="session", name="bigquery_emulator")
def _bigquery_emulator() -> Iterator[str]:
    """The URL of a BigQuery, which `engines.bigquery.client` connects to."""
    with bigquery_emulator() as url:
        yield url


@pytest.fixture(name="bigquery_standin")
def _bigquery_standin() -> Iterator[BigQueryStandIn]:
    """A stand-in for BigQuery, empty."""
    with bigquery_standin() as front:
        yield front


@pytest.fixture(name="databricks")
def _databricks() -> Iterator[DatabricksStandIn]:
    """A stand-in for a Databricks workspace, empty."""
    with databricks() as front:
        yield front


@pytest.fixture(name="snowflake_standin")
def _snowflake_standin() -> Iterator[SnowflakeStandIn]:
    """A stand-in for Snowflake, empty."""
    with snowflake_standin() as front:
        yield front


@pytest.fixture(scope="session", name="spark")
def _spark() -> Iterator[Asked]:
    """A Spark, which runs one statement after the other."""
    with spark() as engine:
        yield engine


@pytest.fixture(scope="session")
def trino_server() -> Iterator[Trino]:
    """A Trino with the catalogs `memory`, `iceberg` and `hive`, whose users `Trino` names."""
    with trino() as server:
        yield server


@pytest.fixture(scope="session", name="trino")
def _trino(trino_server: Trino) -> int:
    """The port of `trino_server`."""
    return trino_server.port


@pytest.fixture(scope="session", name="redshift")
def _redshift(postgres_host: str) -> Iterator[Redshift]:
    """A Redshift: the embedded PostgreSQL behind a port for Redshift's driver."""
    with redshift(postgres_host) as server:
        yield server


@pytest.fixture
def warehouse(redshift: Redshift) -> Iterator[Warehouse]:
    """An empty database of `redshift`, with a superuser `admin`."""
    with redshift.warehouse() as each:
        yield each


@pytest.fixture(scope="session", params=["postgres-18", "postgres-15"])
def engine(request: pytest.FixtureRequest) -> str:
    """The socket directory of each PostgreSQL in turn."""
    host: str = request.getfixturevalue("postgres_host" if request.param == "postgres-18" else "postgres_15_host")
    return host


@pytest.fixture
def world(postgres_host: str, tmp_path: Path) -> Iterator[World]:
    """A catalog, a database of its own and a ledger."""
    with a_world(postgres_host, f"shop_{uuid4().hex[:8]}", tmp_path) as each:
        yield each
