"""A catalog that wants something of everything that stands in an engine, and whole runs over both."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path as File
from typing import Any

from reverse_metadata import fqn as fqns
from reverse_metadata.applying.apply import Applied
from reverse_metadata.applying.pipeline import Pipeline
from reverse_metadata.config import Channel
from reverse_metadata.ledger import Ledger
from reverse_metadata.model import Partition
from reverse_metadata.services import Services
from reverse_metadata_tests.contract.peer import SERVICE, Peer
from reverse_metadata_tests.simulated.catalog import MemoryCatalog


class Estate:
    """A catalog that lists what a peer's first schema holds, and a ledger that knows nothing yet."""

    def __init__(self, peer: Peer, directory: File) -> None:
        self.peer = peer
        self.catalog = MemoryCatalog(SERVICE)
        self._ledger = directory / "ledger.sqlite"
        state = peer.read()
        self.catalog.add(self._fqn(peer.database.path))
        self.catalog.add(self._fqn(peer.partition.path))
        for table in [path for path in state if len(path) == 3]:
            columns = tuple(path[3] for path in state if path[:3] == table and len(path) == 4)
            self.catalog.add(self._fqn(table), columns)
        self.fqns = [self._fqn(path) for path in (peer.database.path, *state) if len(path) < 5]

    def run(self, partition: Partition, **channel: Any) -> Applied:
        """A whole run over a partition."""
        with self._pipeline(**channel) as pipeline:
            return pipeline.apply(pipeline.recover_and_resolve(pipeline.fetch(partition, "full")))

    @contextmanager
    def _pipeline(self, **channel: Any) -> Iterator[Pipeline]:
        settings = Channel(**{"name": "contract", **channel})
        services = Services(self.catalog, {SERVICE: self.peer.connector}, {})
        with closing(services), Ledger.open(f"sqlite:///{self._ledger}") as ledger:
            yield Pipeline(settings, self.catalog, services, ledger, "run", patience=0)

    @staticmethod
    def _fqn(path: tuple[str, ...]) -> str:
        return fqns.join((SERVICE, *path))
