from collections.abc import Iterator
from typing import Any

import pytest

from reverse_metadata_tests.connectors.athena.shop import Shop
from reverse_metadata_tests.engines.aws import AwsFront


@pytest.fixture
def shop(aws: AwsFront) -> Iterator[Shop]:
    """A database of Glue with a table, which nobody has asked anything yet."""
    with Shop(aws) as each:
        yield each


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits, neither between two tries nor between two looks at a query."""

    def pause(_: Any) -> None:
        return None

    monkeypatch.setattr("reverse_metadata.connectors.batches.pause", pause)
    monkeypatch.setattr("reverse_metadata.connectors.athena.queries.sleep", pause)
