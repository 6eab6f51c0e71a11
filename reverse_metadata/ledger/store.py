"""The ledger as everyone else sees it."""

from types import TracebackType
from typing import Self

from reverse_metadata.ledger.database import create, normalise, shown, translated
from reverse_metadata.ledger.handoffs import Handoffs
from reverse_metadata.ledger.history import History
from reverse_metadata.ledger.last_values import LastValues
from reverse_metadata.ledger.leases import Leases
from reverse_metadata.ledger.plans import Plans
from reverse_metadata.ledger.pruning import Pruning
from reverse_metadata.ledger.sources import Sources
from reverse_metadata.ledger.upgrade import upgrade
from reverse_metadata.ledger.waiting import Waiting


class Ledger(Sources, LastValues, Handoffs, Plans, History, Leases, Waiting, Pruning):
    """The durable record, on SQLite or PostgreSQL.

    Every method may be called from any thread, and raises LedgerError when the database does not answer.
    """

    @classmethod
    def open(cls, url: str) -> Self:
        """Open a ledger by its SQLAlchemy URL, create or upgrade it where needed; safe when several do so at once.

        Raises LedgerError when the URL names something else, when nothing answers there, and when a newer version
        of reverse_metadata wrote the ledger.
        """
        engine = create(normalise(url))
        try:
            with translated(engine.url):
                upgrade(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    @property
    def name(self) -> str:
        """Where it lives: the URL without password and parameters, fit to be shown."""
        return shown(self._engine.url)

    def close(self) -> None:
        """Close every connection. Safe to call twice."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
