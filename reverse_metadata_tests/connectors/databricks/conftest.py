"""A workspace with something of every kind, and somebody who may write to it."""

import pytest

from reverse_metadata_tests.contract.databricks import Databricks
from reverse_metadata_tests.engines.databricks import DatabricksStandIn


@pytest.fixture
def lakehouse(databricks: DatabricksStandIn) -> Databricks:
    """Two schemas in the stand-in."""
    return Databricks(databricks)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits between two tries."""
    monkeypatch.setattr("reverse_metadata.connectors.batches.pause", lambda _attempt: None)
