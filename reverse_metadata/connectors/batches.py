"""Sends statements, isolates the ones that fail, tries transient failures again.

What is common to every engine: `run` where DDL is transactional, `run_each` where it is not. The engine's part is one
function, which sends a batch in one transaction, or one statement, and says why when it could not.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, Change, Outcome, Path, Statement

_T = TypeVar("_T")

#: How often a transient failure is tried in all.
TRIES = 3


class Unanswered(SourceError):
    """The connection died before the answer to a COMMIT, or to a statement that must not run twice: only reading back
    tells what the source holds."""

    @property
    def transient(self) -> bool:
        """False: sending it again could commit it twice."""
        return False


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a transaction was rolled back, and what that means for the statements that wait.

    `culprit` is the position in the batch of the statement that failed, None when the engine does not say; with
    `spoils_table` every other statement on its table would fail as well. `spoils_all` says that nothing else can
    succeed either: no connection, no login, the partition is locked. `blamed` are the changes of a statement that
    cannot succeed, where that is known: the others are sent again without them (`run_each`).
    """

    error: SourceError
    culprit: int | None = None
    spoils_table: bool = False
    spoils_all: bool = False
    blamed: tuple[Change, ...] = ()

    @property
    def splits(self) -> bool:
        """Whether a part of the batch may succeed where all of it failed."""
        return not self.spoils_all and not isinstance(self.error, Unanswered)


#: Runs a batch in one transaction and commits it. After a Failure nothing of the batch stands in the source,
#: unless its error is `Unanswered`.
Send = Callable[[list[Statement]], Failure | None]


def run(
    statements: Iterable[Statement], send: Send, *, size: int = 500, size_bytes: int = 1_000_000
) -> Iterator[Outcome]:
    """Send the statements of one aspect, at most `size` of them or `size_bytes` of SQL a transaction.

    Yields one outcome each as soon as it is known, never while a transaction is open. What failed for a reason
    that may pass is tried again after everything else.
    """
    return _tried(statements, lambda waiting, attempt: _round(waiting, send, size, size_bytes, attempt))


def run_by_aspect(statements: Iterable[Statement], send: Send) -> Iterator[Outcome]:
    """`run` for statements of several aspects, each by itself; yields as it does.

    A change of owner keeps readers from the table until its transaction ends, also while the next one waits for its
    lock, so each goes alone.
    """
    for aspect, group in groupby(statements, key=lambda statement: statement.aspect):
        yield from run(group, send, size=1 if aspect is Aspect.OWNER else 500)


def unanswered(told: str, settle: Callable[[], None]) -> Failure:
    """The failure of a COMMIT whose answer was lost with the connection; `told` is what was heard last.

    The server may still be at it, and whoever reads back wants to read the end of it: so `settle` first.
    """
    with suppress(SourceError):
        settle()
    return Failure(Unanswered(Reason.CONNECTION, f"the connection was lost before COMMIT was answered: {told}"))


def run_each(
    statements: Iterable[Statement],
    send: Callable[[Statement], Failure | None],
    resolve: Callable[[Iterable[Change]], list[Statement]],
) -> Iterator[Outcome]:
    """Send statements one after the other, each of which the engine takes or leaves as a whole.

    One that carries several changes and fails is sent again without those that are to blame, or in halves, made by
    `resolve`, until the bad change stands alone; an outcome is then that of a part. Yields as `run` does.
    """
    return _tried(statements, lambda waiting, attempt: _round_each(waiting, send, resolve, attempt))


def _tried(
    statements: Iterable[Statement], one_round: Callable[[list[Statement], int], Iterator[Outcome]]
) -> Iterator[Outcome]:
    """The outcomes of as many rounds as it takes; a round is for what failed in the one before and may yet succeed."""
    waiting = list(statements)
    for attempt in range(1, TRIES + 1):
        deferred: list[Statement] = []
        for outcome in one_round(waiting, attempt):
            if outcome.error is not None and outcome.error.transient and attempt < TRIES:
                deferred.append(outcome.statement)
            else:
                yield outcome
        if not deferred:
            return
        waiting = deferred
        pause(attempt)


def _round(statements: list[Statement], send: Send, size: int, size_bytes: int, attempt: int) -> Iterator[Outcome]:
    """One try of every statement.

    A failed batch goes back without its culprit and the next one is half as long; a success doubles the length. So
    a bad statement soon stands alone, and a schema in which every table is bad costs about one batch a table.
    """
    queue = deque(statements)
    spoiled: dict[Path, SourceError] = {}
    limit = size
    while queue:
        batch, lost = _take(queue, limit, size_bytes, spoiled)
        yield from (Outcome(statement, spoiled[statement.table], attempt) for statement in lost)
        if not batch:
            return
        failure = send(batch)
        if failure is None:
            yield from (Outcome(statement, attempts=attempt) for statement in batch)
            limit = min(size, limit * 2)
        elif failure.spoils_all:
            yield from (Outcome(statement, failure.error, attempt) for statement in (*batch, *queue))
            return
        elif not failure.splits:
            yield from (Outcome(statement, failure.error, attempt) for statement in batch)
        else:
            limit = max(1, len(batch) // 2)
            culprit = 0 if len(batch) == 1 else failure.culprit
            if culprit is not None:
                bad = batch.pop(culprit)
                if failure.spoils_table:
                    spoiled[bad.table] = failure.error
                yield Outcome(bad, failure.error, attempt)
            queue.extendleft(reversed(batch))


def _round_each(
    statements: list[Statement],
    send: Callable[[Statement], Failure | None],
    resolve: Callable[[Iterable[Change]], list[Statement]],
    attempt: int,
) -> Iterator[Outcome]:
    """One try of every statement."""
    queue = deque(statements)
    spoiled: dict[Path, SourceError] = {}
    while queue:
        statement = queue.popleft()
        if statement.table in spoiled:
            yield Outcome(statement, spoiled[statement.table], attempt)
            continue
        failure = send(statement)
        if failure is None:
            yield Outcome(statement, attempts=attempt)
        elif failure.spoils_all:
            yield from (Outcome(each, failure.error, attempt) for each in (statement, *queue))
            return
        elif failure.spoils_table:
            spoiled[statement.table] = failure.error
            yield Outcome(statement, failure.error, attempt)
        elif len(statement.changes) == 1 or statement.sql or not failure.splits or failure.error.transient:
            yield Outcome(statement, failure.error, attempt)
        else:
            try:
                lost, parts = _parted(statement, failure, resolve)
            except SourceError as error:
                yield Outcome(statement, error, attempt)
            else:
                yield from (Outcome(each, failure.error, attempt) for each in lost)
                queue.extendleft(reversed(parts))


def _parted(
    statement: Statement, failure: Failure, resolve: Callable[[Iterable[Change]], list[Statement]]
) -> tuple[list[Statement], list[Statement]]:
    """What of a statement is lost, and what is sent again: all but the blamed changes, or everything in halves."""
    blamed = {change.key for change in failure.blamed}
    rest = [change for change in statement.changes if change.key not in blamed]
    cut = len(rest) if blamed else len(rest) // 2
    lost = resolve(failure.blamed) if blamed else []
    return lost, [part for group in (rest[:cut], rest[cut:]) if group for part in resolve(group)]


def _take(
    queue: deque[Statement], limit: int, size_bytes: int, spoiled: Mapping[Path, SourceError]
) -> tuple[list[Statement], list[Statement]]:
    """The next batch, cut between two tables where it can be, and the statements of spoiled tables before its end."""
    batch: list[Statement] = []
    lost: list[Statement] = []
    length = 0
    while queue and len(batch) < limit:
        if queue[0].table in spoiled:
            lost.append(queue.popleft())
            continue
        length += len(queue[0].text)
        if batch and length > size_bytes:
            break
        batch.append(queue.popleft())
    if queue and batch and batch[0].table != batch[-1].table == queue[0].table:
        while batch[-1].table == queue[0].table:
            queue.appendleft(batch.pop())
    return batch, lost


def persistently(function: Callable[[], _T]) -> _T:
    """The function's result, tried again while it fails with a transient SourceError."""
    for attempt in range(1, TRIES):
        try:
            return function()
        except SourceError as error:
            if not error.transient:
                raise
        pause(attempt)
    return function()


def pause(attempt: int) -> None:
    """Wait before the next try: 0.2 to 0.4 s, doubled each time, so that two writers do not meet again."""
    time.sleep(0.2 * 2 ** (attempt - 1) * (1 + random.random()))
