"""The plan of one partition: every change with its verdict, and the exact statements, before anything is written."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from reverse_metadata.model import (
    Change,
    EntityType,
    Last,
    LastKey,
    Partition,
    Statement,
)
from reverse_metadata.planning.fetch import Scope


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the ledger changes without a push: a value is adopted, renewed under new circumstances, or (`last` None)
    forgotten. `before` is what the ledger knew when that was decided."""

    key: LastKey
    table: str
    type: EntityType
    before: Last | None
    last: Last | None


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes of a run for one partition with their statements.

    `statements` carry the changes that are written, in the order in which they run; `others` are the changes
    that are listed and not written. `counts` says how many changes have each verdict, those in sync included.
    `released` are changes that were held since an undo, and that the catalog now wants to be something else.
    `unbraked` says that somebody let everything through, once. `template` names what turned the catalog's
    descriptions into what is written, "" when they are written as they are.
    """

    channel: str
    partition: Partition
    scope: Scope
    statements: tuple[Statement, ...]
    others: tuple[Change, ...]
    counts: dict[str, int]
    remember: tuple[Remembered, ...] = ()
    released: tuple[LastKey, ...] = ()
    filter_hash: str = ""
    template: str = ""
    unbraked: bool = False
    upto: dict[str, int] = field(default_factory=dict)

    @property
    def changes(self) -> Iterator[Change]:
        """The changes that are written, then the others."""
        for statement in self.statements:
            yield from statement.changes
        yield from self.others

    @property
    def hash(self) -> str:
        """16 hexadecimal digits that name what this plan would write, over what."""
        digest = hashlib.sha256()
        for statement in self.statements:
            values = [(change.entity, change.aspect, change.actual) for change in statement.changes]
            digest.update(json.dumps([statement.text, values]).encode())
        return digest.hexdigest()[:16]

    @property
    def failures(self) -> list[Change]:
        """The changes that turn the partition red although nothing was tried."""
        return [change for change in self.others if change.fails]


PLAN: TypeAdapter[Plan] = TypeAdapter(Plan)
