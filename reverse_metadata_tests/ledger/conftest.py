"""A fresh ledger for each test, once on a SQLite file and once on an embedded PostgreSQL."""

import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from reverse_metadata.demo import server
from reverse_metadata.ledger import Ledger
from reverse_metadata.ledger.database import normalise

_numbers = count()


@pytest.fixture(scope="session")
def ledger_server() -> Iterator[Callable[[], str]]:
    """Creates an empty schema in a PostgreSQL database and gives the URL of a ledger that lives there.

    Not below pytest's own directory: as root the server runs as another user, who must be able to enter.
    """
    with tempfile.TemporaryDirectory(prefix="reverse_metadata-") as name:
        data = Path(name, "postgres")
        try:
            host = server.start(data).host

            def create() -> str:
                schema = f"ledger_{next(_numbers)}"
                with psycopg.connect(host=host, user="postgres", dbname="postgres") as connection:
                    connection.execute(f"CREATE SCHEMA {schema}")
                return f"postgresql://postgres@/postgres?host={host}&options=-csearch_path%3D{schema}"

            yield create
        finally:
            server.stop(data)


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a ledger that does not exist yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    url: str = request.getfixturevalue("ledger_server")()
    return url


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    """An empty ledger."""
    with Ledger.open(ledger_url) as opened:
        yield opened


@pytest.fixture
def sql(ledger: Ledger, ledger_url: str) -> Iterator[Callable[[str], list[tuple[object, ...]]]]:
    """Runs SQL beside the ledger, as a dashboard or a saboteur would."""
    engine = sa.create_engine(normalise(ledger_url))

    def run(statement: str) -> list[tuple[object, ...]]:
        with engine.begin() as connection:
            result = connection.exec_driver_sql(statement)
            return [tuple(row) for row in result] if result.returns_rows else []

    yield run
    engine.dispose()
