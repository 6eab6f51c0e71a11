"""What the ledger takes and gives, beyond the nouns of `model`. Every datetime is aware and in UTC."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from reverse_metadata.model import Aspect, EntityType, Last, Origin, Path


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan as it is about to be written. `scope` is `full` or `changed`; `partition` the partition key.

    `filter_hash` is what the `Last` of its changes will carry: a run that recovers this plan after a crash knows it
    from here.
    """

    plan_id: str
    channel: str
    catalog: str
    service: str
    partition: str
    run_id: str
    scope: str
    hash: str
    created_at: datetime
    filter_hash: str = ""
    approved_by: str = ""


@dataclass(frozen=True, slots=True)
class FinishedChange:
    """What became of one change of a plan: `seq` is its place in the plan, counted from 0.

    `error` says why it failed; `last` is what the ledger shall know from now on, None to keep what it knows.
    `statement` is what was sent in the end, None when it is the one of the plan.
    """

    seq: int
    outcome: Literal["applied", "failed", "stale"]
    error: str | None = None
    last: Last | None = None
    statement: str | None = None


@dataclass(frozen=True, slots=True)
class OpenChange:
    """A change that was marked started and never finished: whether it was written is for the source to say.

    `before` is what stood in the source, `after` what the statement would store, `wanted` the catalog's value.
    """

    plan_id: str
    seq: int
    channel: str
    catalog: str
    service: str
    partition: str
    run_id: str
    entity: str
    entity_id: str
    type: EntityType
    path: Path
    aspect: Aspect
    tag_key: str
    kind: str
    object_id: str
    before: str | None
    after: str | None
    wanted: str | None
    origin: Origin
    statement: str
    template: str
    filter_hash: str
    changed_by: str
    catalog_version: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Push:
    """One row of the public table `pushes`; see docs/ledger.md for each column."""

    id: int
    catalog: str
    service: str
    entity: str
    entity_id: str
    entity_type: str
    aspect: str
    tag_key: str
    channel: str
    plan_id: str
    before: str | None
    after: str | None
    statement: str
    outcome: str
    error: str | None
    changed_by: str
    approved_by: str
    catalog_version: str
    run_id: str
    pushed_at: datetime


@dataclass(frozen=True, slots=True)
class Intent:
    """What a push was for: the value that the catalog wanted, None where it wanted none or nobody knows any more, and
    how the ledger knew the value from then on. `undo` says that it took another push back.
    """

    push_id: int
    wanted: str | None
    origin: Origin
    undo: bool


@dataclass(frozen=True, slots=True)
class Contest:
    """What a channel and another writer make of one value in turn.

    The catalog wanted `wanted`; `ours` was written `flips` times, at last at `newest`, each time over what the other
    had made of it: `theirs`, the last time.
    """

    wanted: str | None
    ours: str | None
    theirs: str | None
    flips: int
    newest: datetime


@dataclass(frozen=True, slots=True)
class WaitingPlan:
    """A plan that waits for somebody to approve it: the run `run_id` made it, and it waits until `expires_at`."""

    hash: str
    payload: bytes
    run_id: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class InboxEvent:
    """A hint that an entity changed: `entity` is the FQN of a database, schema or table, `at` in ms since 1970.

    `whole` asks for a full look at the partition.
    """

    entity: str
    partition_key: str
    service: str
    at: int
    by: str = ""
    kind: str = "entityUpdated"
    whole: bool = False


@dataclass(frozen=True, slots=True)
class PendingEntity:
    """An entity that a channel has not dealt with. `seq` is the number of its newest event.

    `full` asks for a full look at the partition; `attempts` counts the failures since the last success.
    """

    entity: str
    seq: int
    full: bool
    attempts: int


@dataclass(frozen=True, slots=True)
class DueWork:
    """What a run of one partition would deal with now. `attempts` is the highest of its entities.

    `newest_seq` and `attempts` together change whenever there is a reason for another run.
    """

    partition_key: str
    entities: tuple[str, ...]
    full: bool
    attempts: int
    newest_seq: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows were deleted, by what they were; `handoffs` counts plans that waited in vain, too."""

    pushes: int
    changes: int
    plans: int
    events: int
    handoffs: int
