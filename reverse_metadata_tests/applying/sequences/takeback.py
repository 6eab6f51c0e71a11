"""What an undo does to one value, by the documents."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from reverse_metadata_tests.applying.sequences.model import Last, Memory, Now, Outcome


@dataclass(frozen=True, slots=True)
class Written:
    """A push that arrived. `stored` is what the source held then; `remembered` what may have been known before it;
    `depth` is 0 for a push of the catalog's value, and one more for each undo on top of it."""

    run: str
    before: str | None
    stored: str | None
    remembered: frozenset[Memory]
    depth: int = 0


def take_back(memory: Memory, now: Now, writes: list[Written], chosen: list[Written]) -> Iterator[Outcome]:
    """Every outcome that is allowed when the `chosen` of all `writes` of a value are undone."""
    if not chosen:
        yield Outcome("", memory)
        return
    before, newest = chosen[0].before, chosen[-1]
    later = writes[writes.index(newest) + 1 :]
    stands = now.same(now.actual, before)
    if not now.object_id:
        yield Outcome("missing", memory)
        return
    if stands:
        yield Outcome("", memory)
    if later or not now.same(now.actual, newest.stored):
        yield Outcome("conflict", memory)
    if later and not any(write.depth == 0 for write in later) and now.same(now.actual, newest.stored):
        later = []  # what came later was itself taken back
    if stands or later or not now.same(now.actual, newest.stored):
        return
    for remembered in _after(memory, now, chosen):
        yield Outcome("clear" if before is None else "apply", remembered, True, before)


def _after(memory: Memory, now: Now, chosen: list[Written]) -> Iterator[Memory]:
    before, oldest = chosen[0].before, chosen[0]
    last = Last(None, before, "restored", now.entity_id, now.object_id, now.rules.filter)
    if oldest.depth % 2 == 0:
        yield replace(memory, last=last, hold=now.wish)
        return
    # An undo is undone: what was known before it is known again.
    for earlier in oldest.remembered:
        if earlier.last is not None:
            known = replace(earlier.last, stored=before, object_id=now.object_id)
            yield replace(memory, last=known, hold=None)
            yield replace(memory, last=replace(known, entity_id=now.entity_id, filter=now.rules.filter), hold=None)
        else:
            yield replace(memory, last=None, hold=None)
            yield replace(memory, last=replace(last, wanted=now.wish.text, origin="pushed"), hold=None)
