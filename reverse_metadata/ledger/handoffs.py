"""What one step of a run gives to the next: steps may run in different processes, on different machines."""

import zlib
from datetime import UTC, datetime

import sqlalchemy as sa

from reverse_metadata.ledger.database import Database
from reverse_metadata.ledger.schema import handoffs


class Handoffs(Database):
    """The part of the ledger that carries payloads from step to step; they are compressed here."""

    def put_handoff(self, run_id: str, partition_key: str, step: str, payload: bytes) -> None:
        """Keep what a step gave; a step that runs again replaces it. Raises LedgerError."""
        row = {
            "run_id": run_id,
            "partition_key": partition_key,
            "step": step,
            "payload": packed(payload),
            "created_at": datetime.now(UTC),
        }
        with self._writing() as connection:
            self._upsert(connection, handoffs, [row])

    def get_handoff(self, run_id: str, partition_key: str, step: str) -> bytes | None:
        """What the step gave; None when it gave nothing or it was dropped."""
        c = handoffs.c
        query = sa.select(c.payload).where(c.run_id == run_id, c.partition_key == partition_key, c.step == step)
        with self._reading() as connection:
            payload = connection.scalar(query)
        return None if payload is None else unpacked(payload)

    def drop_handoffs(self, run_id: str) -> None:
        """Drop everything that the steps of a run gave."""
        with self._writing() as connection:
            connection.execute(sa.delete(handoffs).where(handoffs.c.run_id == run_id))

    def drop_handoffs_before(self, moment: datetime) -> int:
        """Drop what runs left behind that ended before `moment` without dropping it; gives the number of payloads."""
        with self._writing() as connection:
            return connection.execute(sa.delete(handoffs).where(handoffs.c.created_at < moment)).rowcount


def packed(payload: bytes) -> bytes:
    """A payload as it is stored."""
    # Plans are text that compresses tenfold at any level; 1 is three times as fast as the default.
    return zlib.compress(payload, 1)


def unpacked(stored: bytes) -> bytes:
    """The payload that was stored so."""
    return zlib.decompress(stored)
