"""Two schemas of a test's own in MariaDB."""

from collections.abc import Iterator

import pytest

from reverse_metadata_tests.connectors.mysql.shop import Shop, a_shop


@pytest.fixture
def shop(mariadb: str) -> Iterator[Shop]:
    """Two empty schemas."""
    with a_shop(mariadb) as each:
        yield each


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits between two tries."""
    monkeypatch.setattr("reverse_metadata.connectors.batches.pause", lambda _attempt: None)
