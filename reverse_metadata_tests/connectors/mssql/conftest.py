"""A server for each test."""

from collections.abc import Iterator

import pytest

from reverse_metadata_tests.connectors.mssql.shop import furnish
from reverse_metadata_tests.engines.mssql import SqlServer, mssql


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlServer]:
    """The stand-in, furnished; nothing waits between two tries."""
    monkeypatch.setattr("reverse_metadata.connectors.batches.pause", lambda _attempt: None)
    with mssql() as each:
        furnish(each)
        yield each
