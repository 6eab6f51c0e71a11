"""The engines that the tests use, started once a worker."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

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
ONE_A_RUN = {"bigquery_emulator", "spark", "trino_server"}
#: Those that are running.
_HEAVY = ExitStack()


def group(fixtures: Iterable[str]) -> str | None:
    """The group of a test that uses these fixtures; None if any worker may run it.

    One group a test: pytest-xdist makes a group of its own of two names, which would start both engines once more.
    """
    return min(ONE_A_RUN.intersection(fixtures), default=None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Send the tests of a heavy engine to the same worker. Who asks for it otherwise than by argument must say so."""
    for item in items:
        engine = group(getattr(item, "fixturenames", ()))
        if engine:
            item.add_marker(pytest.mark.xdist_group(engine))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop the engine of a group after its last test: an idle Trino takes a sixth of a processor from all others."""
    if _group_in(item) and nextitem is not None and _group_in(nextitem) != _group_in(item):
        _HEAVY.close()


def _group_in(item: pytest.Item) -> str:
    """The group that the scheduler knows of a test; "" where there is no scheduler, and tests come in any order."""
    group = item.nodeid.rpartition("@")[2]
    return group if group in ONE_A_RUN else ""


@pytest.fixture(scope="session")
def _heavy() -> Iterator[ExitStack]:
    with _HEAVY:
        yield _HEAVY


@pytest.fixture(scope="session", autouse=True)
def _revisions_are_read_once() -> Iterator[None]:
    """Whoever opens an instance of Dagster has alembic read a hundred files to know whether its databases are up to
    date, and tests open hundreds."""
    read = ScriptDirectory.from_config
    known: dict[str | None, ScriptDirectory] = {}

    def read_once(config: Config) -> ScriptDirectory:
        location = config.get_main_option("script_location")
        if location not in known:
            known[location] = read(config)
        return known[location]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", read_once)
        yield


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
def _bigquery_emulator(_heavy: ExitStack) -> str:
    """The URL of a BigQuery, which `engines.bigquery.client` connects to."""
    return _heavy.enter_context(bigquery_emulator())


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
def _spark(_heavy: ExitStack) -> Asked:
    """A Spark, which runs one statement after the other."""
    return _heavy.enter_context(spark())


@pytest.fixture(scope="session")
def trino_server(_heavy: ExitStack) -> Trino:
    """A Trino with the catalogs `memory`, `iceberg` and `hive`, whose users `Trino` names."""
    return _heavy.enter_context(trino())


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
