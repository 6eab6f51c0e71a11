"""The durable record: what is pending, what was planned, what was pushed.

`Ledger.open(url)` gives SQLite or PostgreSQL, created and upgraded by itself. `pushes` is public and documented in
docs/ledger.md; every other table may change with a release.
"""

from reverse_metadata.ledger.leases import Lease
from reverse_metadata.ledger.records import (
    Contest,
    DueWork,
    FinishedChange,
    InboxEvent,
    Intent,
    OpenChange,
    PendingEntity,
    PlanRecord,
    Pruned,
    Push,
    WaitingPlan,
)
from reverse_metadata.ledger.store import Ledger

__all__ = [
    "Contest",
    "DueWork",
    "FinishedChange",
    "InboxEvent",
    "Intent",
    "Lease",
    "Ledger",
    "OpenChange",
    "PendingEntity",
    "PlanRecord",
    "Pruned",
    "Push",
    "WaitingPlan",
]
