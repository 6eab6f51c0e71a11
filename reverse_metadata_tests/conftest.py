"""The engines that the tests use, started once a worker."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from reverse_metadata.demo import server
from reverse_metadata_tests.engines.asked import Asked
from reverse_metadata_tests.engines.clickhouse import clickhouse
from reverse_metadata_tests.engines.mariadb import mariadb
from reverse_metadata_tests.engines.postgres import postgres_15
from reverse_metadata_tests.engines.spark import spark
from reverse_metadata_tests.engines.trino import trino
from reverse_metadata_tests.world import World, a_world

#: Engines that take seconds to start and hundreds of megabytes: all their tests run in one worker.
_ONE_A_RUN = {"spark", "trino"}


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


@pytest.fixture(scope="session", name="spark")
def _spark() -> Iterator[Asked]:
    """A Spark, which runs one statement after the other."""
    with spark() as engine:
        yield engine


@pytest.fixture(scope="session", name="trino")
def _trino() -> Iterator[int]:
    """The port of a Trino with the catalog `memory`."""
    with trino() as port:
        yield port


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
