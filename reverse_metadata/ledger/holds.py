"""Changes that were undone, and are not pushed again until the catalog wants something else."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from reverse_metadata.ledger.database import Database
from reverse_metadata.ledger.schema import holds
from reverse_metadata.model import Aspect, LastKey, Origin

_KEY = ("catalog", "service", "entity", "aspect", "tag_key")


class Holds(Database):
    """The part of the ledger that remembers what was taken back. Every method raises LedgerError."""

    def holds(self, catalog: str, service: str, partition_key: str) -> dict[LastKey, str | None]:
        """What the catalog wanted when a change was undone, for every change of a partition that is held."""
        c = holds.c
        query = sa.select(c.entity, c.aspect, c.tag_key, c.wanted).where(
            c.catalog == catalog, c.service == service, c.partition_key == partition_key
        )
        with self._reading() as connection:
            return {LastKey(entity, Aspect(a), tag): wanted for entity, a, tag, wanted in connection.execute(query)}

    def release(self, catalog: str, service: str, keys: Iterable[LastKey]) -> None:
        """Hold these changes no longer."""
        rows = [
            {"catalog": catalog, "service": service, "entity": k.entity, "aspect": k.aspect, "tag_key": k.tag_key}
            for k in keys
        ]
        if rows:
            with self._writing() as connection:
                _delete(connection, rows)

    def _hold(self, connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
        """Follow rows of last values as they are recorded: what was restored is held, what was pushed is not."""
        restored = [row for row in rows if row["origin"] == Origin.RESTORED]
        pushed = [row for row in rows if row["origin"] == Origin.PUSHED]
        if pushed and connection.execute(sa.select(holds.c.entity).limit(1)).first() is not None:
            _delete(connection, pushed)
        columns = (*_KEY, "partition_key", "wanted")
        self._upsert(
            connection,
            holds,
            [{**{name: row[name] for name in columns}, "held_at": datetime.now(UTC)} for row in restored],
        )


def _delete(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    where = [holds.c[name] == sa.bindparam(f"k_{name}") for name in _KEY]
    connection.execute(sa.delete(holds).where(*where), [{f"k_{name}": row[name] for name in _KEY} for row in rows])
