"""A database of its own for a test, in each PostgreSQL."""

from collections.abc import Iterator

import pytest

from reverse_metadata_tests.connectors.postgres.shop import Shop, a_shop


@pytest.fixture
def shop(engine: str) -> Iterator[Shop]:
    """An empty database."""
    with a_shop(engine) as each:
        yield each


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits between two tries."""
    monkeypatch.setattr("reverse_metadata.connectors.batches.pause", lambda _attempt: None)
