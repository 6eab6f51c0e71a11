from collections.abc import Iterator

import pytest

from reverse_metadata_tests.contract import trino
from reverse_metadata_tests.contract.trino import Trino
from reverse_metadata_tests.engines.trino import Trino as Server


@pytest.fixture
def memory(request: pytest.FixtureRequest, trino_server: Server) -> Iterator[Trino]:
    """Two empty schemas of the catalog `memory`."""
    with trino.memory(request) as peer:
        yield peer


@pytest.fixture
def iceberg(request: pytest.FixtureRequest, trino_server: Server) -> Iterator[Trino]:
    """Two empty schemas of the catalog `iceberg`."""
    with trino.iceberg(request) as peer:
        yield peer


@pytest.fixture
def hive(request: pytest.FixtureRequest, trino_server: Server) -> Iterator[Trino]:
    """Two empty schemas of the catalog `hive`."""
    with trino.hive(request) as peer:
        yield peer
