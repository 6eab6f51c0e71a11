"""How a change is decided, written anew from the documents: it shares no code and no thought with the package.

The documents leave some things open. The model therefore knows of each value a set of `Memory`, the things that a
ledger may remember by now, and `decide` gives every outcome that is allowed. What a run did then leaves those memories
over that explain it; when none is left, the run was wrong.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from reverse_metadata_tests.applying.sequences.wishes import Held, Key, Kind, Rules, Wish, equal

#: So often a value is written over what somebody else made of it.
FLIPS = 3


@dataclass(frozen=True, slots=True)
class Last:
    """What is known of the last value. A restored one has no `wanted` that the documents name."""

    wanted: str | None
    stored: str | None
    origin: str
    entity_id: str
    object_id: str
    filter: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What a ledger may remember of a value: the last value, what was wished when it was undone, and how often what
    was wanted has been written over somebody else's."""

    last: Last | None = None
    hold: Wish | None = None
    flips: frozenset[tuple[str, int]] = frozenset()

    def count(self, wanted: str | None) -> int:
        """The flips of a wanted text."""
        return dict(self.flips).get(wanted or "", 0)


@dataclass(frozen=True, slots=True)
class Now:
    """Both sides of a value when a run looks at it. `object_id` is "" when the source has no such object."""

    key: Key
    wish: Wish
    actual: str | None
    object_id: str
    entity_id: str
    in_scope: bool
    held: Held
    rules: Rules

    def same(self, one: str | None, other: str | None) -> bool:
        """Whether two values of this aspect are equal."""
        return equal(self.key.aspect, one, other)

    @property
    def agrees(self) -> bool:
        """Whether what is wished stands in the source."""
        return self.wish.kind in (Kind.VALUE, Kind.EMPTY) and self.same(self.actual, self.wish.value)

    @property
    def empty(self) -> bool:
        """Whether nothing stands in the source."""
        return self.same(self.actual, None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """An allowed result: the verdict that people see ("" when nothing is listed), what is sent (`writes`), and what
    is remembered then."""

    verdict: str
    memory: Memory
    writes: bool = False
    value: str | None = None


def decide(memory: Memory, now: Now) -> Iterator[Outcome]:
    """Every outcome that is allowed for a value in a run."""
    for forgotten in _flips_that_may_be_over(memory, now):
        yield from _held(forgotten, now)


def _flips_that_may_be_over(memory: Memory, now: Now) -> Iterator[Memory]:
    """A contest ends when desired changes; whether it goes on when desired changes back is not said."""
    yield memory
    if memory.flips and memory.count(now.wish.text) == 0:
        yield replace(memory, flips=frozenset())


def _held(memory: Memory, now: Now) -> Iterator[Outcome]:
    """What was undone is not written again until the catalog wishes something else."""
    if memory.hold is None:
        yield from _contested(memory, now)
        return
    released = list(_contested(replace(memory, hold=None), now))
    vague = _is_vague(memory.hold) or _is_vague(now.wish)
    same = memory.hold.kind is now.wish.kind and now.same(memory.hold.text, now.wish.text)
    if same or vague:
        yield Outcome("held", memory)
        if not now.object_id:
            yield Outcome("missing", memory)
    if not same or vague:
        yield from released
    if not now.in_scope or now.agrees or vague or now.wish.kind is Kind.EMPTY:
        # Where nothing has to be held back, it need not be listed, and the hold may be over.
        for outcome in released:
            if not outcome.writes:
                yield outcome
                yield replace(outcome, memory=replace(outcome.memory, hold=memory.hold))


def _is_vague(wish: Wish) -> bool:
    """Whether the documents do not say if this counts as another wish."""
    return wish.kind not in (Kind.VALUE, Kind.EMPTY)


def _quiet(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    return (outcome for outcome in outcomes if not outcome.writes)


def _contested(memory: Memory, now: Now) -> Iterator[Outcome]:
    rows = list(_row(memory, now))
    if now.wish.kind is not Kind.VALUE or not now.in_scope or memory.count(now.wish.text) < FLIPS:
        yield from rows
        return
    yield from _quiet(iter(rows))
    yield Outcome("contested", memory)


def _row(memory: Memory, now: Now) -> Iterator[Outcome]:
    if now.wish.kind is Kind.GONE:
        yield from _gone(memory, now)
    elif not now.in_scope:
        yield from _out_of_scope(memory, now)
    elif now.wish.kind is Kind.EMPTY:
        yield from _emptied(memory, now)
    elif not now.object_id:
        yield Outcome("missing", memory)
        if now.wish.kind is not Kind.VALUE:
            yield Outcome(_NEVER[now.wish.kind], memory)
    elif now.wish.kind is not Kind.VALUE:
        yield Outcome(_NEVER[now.wish.kind], memory)
    else:
        yield from _wanted(memory, now)


_NEVER = {Kind.SEVERAL: "ambiguous", Kind.UNMAPPED: "unmapped_owner", Kind.TOO_LONG: "too_long"}


def _wanted(memory: Memory, now: Now) -> Iterator[Outcome]:
    """Rows 5 to 13."""
    last, rules, wish = memory.last, now.rules, now.wish
    fits = now.same(now.actual, wish.value)
    if last is None:
        if fits:
            yield Outcome("", replace(memory, last=_last(now, now.actual, "adopted")))  # row 5
        elif now.empty or now.key.aspect == "owner":
            yield _apply(memory, now)  # rows 8 and 12
        else:
            if now.held is not Held.NO:
                yield _apply(memory, now)  # row 11
            if now.held is not Held.YES:
                overwrite = rules.on_ambiguous if now.key.tag else rules.on_first_contact
                yield _decided(overwrite, memory, now)  # row 12
        return
    stored = now.same(now.actual, last.stored)
    if fits or (stored and last.wanted is not None and now.same(last.wanted, wish.text)):
        yield from _renewed(memory, last, now)  # rows 6 and 7
        return
    if stored and last.origin == "restored":
        yield from _renewed(memory, last, now)  # row 6, if what was undone counts as wanted
    recreated = last.object_id != now.object_id
    if stored or (recreated and (now.empty or now.key.aspect == "owner")):
        yield _apply(memory, now)  # rows 9 and 10
    elif now.key.tag and not now.empty:
        if now.held is not Held.NO:
            yield _apply(memory, now)
            yield _apply(memory, now, flip=True)
        yield _decided(rules.on_ambiguous, memory, now, flip=True)  # row 13 of tags
    else:
        yield _decided(rules.on_conflict, memory, now, flip=True)  # row 13
    if last.origin == "restored" and now.rules.on_conflict == "overwrite":
        yield _apply(memory, now)


def _decided(setting: str, memory: Memory, now: Now, flip: bool = False) -> Outcome:
    """Rows 12 and 13, by their setting."""
    if setting == "overwrite":
        return _apply(memory, now, flip=flip)
    return Outcome("ambiguous" if now.key.tag and not now.empty else "conflict", memory)


def _apply(memory: Memory, now: Now, flip: bool = False) -> Outcome:
    wanted = now.wish.text or ""
    counted = {wanted: memory.count(wanted) + 1} if flip else {}
    flips = frozenset((dict(memory.flips) | counted).items())
    return Outcome("apply", Memory(_last(now, now.wish.value, "pushed"), None, flips), True, now.wish.value)


def _last(now: Now, stored: str | None, origin: str) -> Last:
    return Last(now.wish.text, stored, origin, now.entity_id, now.object_id, now.rules.filter)


def _renewed(memory: Memory, last: Last, now: Now) -> Iterator[Outcome]:
    """Wanted and stored are renewed, the origin is kept; of the ids and the filter nothing is said."""
    renewed = replace(last, wanted=now.wish.text, stored=now.actual)
    for entity_id in {last.entity_id, now.entity_id}:
        for chosen in {last.filter, now.rules.filter}:
            for object_id in {last.object_id, now.object_id}:
                fresh = replace(renewed, entity_id=entity_id, filter=chosen, object_id=object_id)
                yield Outcome("", replace(memory, last=fresh))


def _emptied(memory: Memory, now: Now) -> Iterator[Outcome]:
    """Rows 14 to 17."""
    last = memory.last
    forgotten = replace(memory, last=None)
    if not now.object_id:
        yield Outcome("", forgotten)
        yield Outcome("", memory)
    elif last is None or now.empty or not _is_ours(last, now):
        yield Outcome("", forgotten)
    else:
        yield from _removed(memory, now)
        if now.key.aspect == "owner" and last.origin == "adopted":
            yield Outcome("", forgotten)  # one page says that what was never handed over stays as it is
        if now.wish.remains is not None and now.wish.remains in (now.actual or "").split(","):
            # The owner is inherited now, or the label is there and not set by hand.
            yield Outcome("", memory)
            yield Outcome("", forgotten)


def _is_ours(last: Last, now: Now) -> bool:
    """Whether what stands in the source was written, or taken over, for the entity that is in the catalog now."""
    return last.origin != "restored" and last.entity_id == now.entity_id and now.same(now.actual, last.stored)


def _removed(memory: Memory, now: Now) -> Iterator[Outcome]:
    if now.key.aspect != "owner":
        for last in (None, _last(now, None, "pushed")):
            yield Outcome("clear", replace(memory, last=last), True, None)
    elif now.rules.default_owner is None:
        yield Outcome("unsupported", memory)
    elif now.same(now.actual, now.rules.default_owner):
        yield Outcome("", memory)
    else:
        last = _last(now, now.rules.default_owner, "pushed")
        yield Outcome("apply", replace(memory, last=last), True, now.rules.default_owner)


def _out_of_scope(memory: Memory, now: Now) -> Iterator[Outcome]:
    """What the catalog emptied is removed where this channel wrote it, unless the filter itself was edited."""
    last = memory.last
    if last is None or now.wish.kind is not Kind.EMPTY:
        yield Outcome("", memory)
        return
    if last.filter == now.rules.filter:
        yield from _emptied(memory, now)
    if last.filter != now.rules.filter or last.origin == "adopted":
        yield Outcome("", memory)
        yield Outcome("", replace(memory, last=None))


def _gone(memory: Memory, now: Now) -> Iterator[Outcome]:
    """Row 1."""
    last = memory.last
    if last is None:
        yield Outcome("", memory)
        return
    if not now.object_id:
        yield Outcome("", replace(memory, last=None))
        yield Outcome("gone", replace(memory, last=None))
        yield Outcome("gone", memory)
        return
    ours = last.origin == "pushed" and now.same(now.actual, last.stored) and not now.empty
    if now.rules.on_catalog_delete == "clear" and ours:
        yield from _removed(memory, now)
        if last.filter == now.rules.filter and now.key.aspect != "owner":
            return  # whether the owner of what is gone falls to the default is not said
    yield Outcome("gone", memory)
    if now.empty or last.origin == "restored":
        yield Outcome("", memory)
        yield Outcome("", replace(memory, last=None))
        yield Outcome("gone", replace(memory, last=None))
