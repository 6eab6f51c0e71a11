"""The plan of one partition: every change with its verdict, and the exact statements, before anything is written."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from reverse_metadata.model import (
    Change,
    EntityType,
    Last,
    LastKey,
    Partition,
    Statement,
    Verdict,
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

    `statements` carry the changes that are written, in the order in which they run; `waiting` those that somebody
    must approve first; `others` are the changes that are listed and not written. `counts` says how many changes have
    each verdict, those in sync included, and `left_to` how many values were left to another channel with a higher
    priority, by its name. `released` are changes that were held since an undo, and that the catalog now wants to be
    something else. `unbraked` says that somebody let everything through, once.

    `approved` is the hash of the waiting plan that these statements are of, and `approved_by` who approved it; both ""
    when nobody had to. `source` is the ledger's name of the database that a plan which waits was made for. `left_out`
    is the number of changes that a careful run leaves for later; a `dry_run` writes none.
    """

    channel: str
    partition: Partition
    scope: Scope
    statements: tuple[Statement, ...]
    others: tuple[Change, ...]
    counts: dict[str, int]
    left_to: dict[str, int] = field(default_factory=dict)
    waiting: tuple[Statement, ...] = ()
    remember: tuple[Remembered, ...] = ()
    released: tuple[LastKey, ...] = ()
    filter_hash: str = ""
    unbraked: bool = False
    approved: str = ""
    approved_by: str = ""
    source: str = ""
    left_out: int = 0
    dry_run: bool = False
    upto: dict[str, int] = field(default_factory=dict)

    @property
    def changes(self) -> Iterator[Change]:
        """The changes that are written, those that wait, then the others; each with its verdict for people."""
        for statement in self.statements:
            yield from statement.changes
        yield from self.waiting_changes
        yield from self.others

    @property
    def waiting_changes(self) -> Iterator[Change]:
        """The changes that wait for approval, with that verdict."""
        for statement in self.waiting:
            for change in statement.changes:
                why = "takes away a protected tag; " if change.protected else ""
                yield replace(change, verdict=Verdict.WAITING, reason=f"{why}waits for approval: {change.reason}")

    @property
    def hash(self) -> str:
        """16 hexadecimal digits that name what this plan writes, over what."""
        return _digest(self.statements)

    @property
    def waiting_hash(self) -> str:
        """16 hexadecimal digits that name what waits for approval; "" when nothing does."""
        return _digest(self.waiting) if self.waiting else ""

    @property
    def failures(self) -> list[Change]:
        """The changes that turn the partition red although nothing was tried."""
        return [change for change in self.others if change.fails]


def _digest(statements: Iterable[Statement]) -> str:
    digest = hashlib.sha256()
    for statement in statements:
        values = [
            (change.entity, change.aspect, change.tag_key, change.actual, change.wanted) for change in statement.changes
        ]
        digest.update(json.dumps([statement.text, values]).encode())
    return digest.hexdigest()[:16]


PLAN: TypeAdapter[Plan] = TypeAdapter(Plan)

_T = TypeVar("_T")


def dumped(adapter: TypeAdapter[_T], value: _T) -> bytes:
    """A plan, or a part of one, as JSON. Half of a surrogate pair, which no encoding takes, is handed on as NUL:
    neither is written anywhere, both are refused with the same verdict."""
    try:
        return adapter.dump_json(value)
    except PydanticSerializationError:
        text = json.dumps(adapter.dump_python(value), ensure_ascii=False)
        return re.sub("[\ud800-\udfff]", r"\\u0000", text).encode()
