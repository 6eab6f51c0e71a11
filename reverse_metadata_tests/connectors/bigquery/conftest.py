from collections.abc import Iterator

import pytest

from reverse_metadata_tests.connectors.bigquery.shop import Shop
from reverse_metadata_tests.engines.bigquery_standin import BigQueryStandIn
from reverse_metadata_tests.engines.google_tokens import google_tokens


@pytest.fixture
def shop(bigquery_standin: BigQueryStandIn) -> Iterator[Shop]:
    """A dataset in the stand-in."""
    with google_tokens() as tokens:
        yield Shop(bigquery_standin, tokens)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The attempts after which there was a pause; nothing waits."""
    made: list[int] = []
    monkeypatch.setattr("reverse_metadata.connectors.batches.pause", made.append)
    return made
