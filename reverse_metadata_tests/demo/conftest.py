"""The demo's shop on an embedded server of its own."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reverse_metadata.demo import server, shop


@pytest.fixture
def directory() -> Iterator[Path]:
    """An empty directory for a server.

    Not below pytest's own: as root the server runs as another user, and every new session of pytest on the machine
    closes the directory above to others.
    """
    with tempfile.TemporaryDirectory(prefix="reverse_metadata-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def shop_host() -> Iterator[str]:
    """The socket directory of a server that holds the shop as `make demo` fills it. Tests leave it as it is."""
    with tempfile.TemporaryDirectory(prefix="reverse_metadata-") as name:
        data = Path(name, "postgres")
        try:
            host = server.start(data).host
            shop.fill(host)
            yield host
        finally:
            server.stop(data)
