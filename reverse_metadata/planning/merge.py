"""The three-way merge: desired (catalog), last (ledger) and actual (source) give a verdict.

Pure functions. The rows are those of docs/merge.md; the first that matches decides. Values compare after
normalisation (see `text.normal`), and "= x" means equal to what the statement would store.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from reverse_metadata.model import Aspect, Last, Origin, Verdict
from reverse_metadata.planning.text import agree, normal


class Absent(Enum):
    """Why an aspect has no desired value."""

    #: The entity was deleted in the catalog.
    DELETED = auto()
    #: The entity is there and this aspect of it is empty.
    EMPTY = auto()


class Ledger(Enum):
    """What the ledger does after a decision that writes nothing to the source."""

    KEEP = auto()
    #: Record desired and actual as the last values; the origin stays, or is `adopted` when there was none.
    RENEW = auto()
    FORGET = auto()


@dataclass(frozen=True, slots=True)
class Desired:
    """What the catalog wants: `wanted` as it stands there, `value` as a statement would store it (truncated).

    `exact` False says that a template makes something else of the value, so that nothing in the source equals it.
    `said` is what stands in the catalog where that is not `wanted` but what such a template made of it.
    """

    wanted: str
    value: str
    exact: bool = True
    said: str | None = None


@dataclass(frozen=True, slots=True)
class Actual:
    """What stands in the source. `recreated` says that the object is not the one that the ledger knows,
    or that the system cannot tell."""

    value: str | None
    recreated: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """How the channel decides the rows that leave a choice, for one aspect."""

    aspect: Aspect = Aspect.DESCRIPTION
    on_first_contact: Literal["keep", "overwrite", "fail"] = "keep"
    on_conflict: Literal["overwrite", "keep", "fail"] = "overwrite"
    on_catalog_delete: Literal["leave", "clear"] = "leave"
    #: What happens to another value under the key of a tag.
    on_ambiguous: Literal["report", "overwrite"] = "report"
    #: What takes the place of a pushed value that was emptied, where the aspect cannot be empty.
    stand_in: str | None = None
    #: Whether what is written can be found when the source is read. If not, what was wanted last is all that counts.
    reads_back: bool = True

    @property
    def clearable(self) -> bool:
        """Whether the aspect can be empty in the source. An owner cannot: nothing clears it, and an object that was
        created again has the owner of whoever created it."""
        return self.aspect is not Aspect.OWNER

    def equal(self, one: str | None, other: str | None) -> bool:
        """Whether two values count as equal."""
        return agree(self.aspect, one, other)

    def empty(self, value: str | None) -> bool:
        """Whether a value counts as none."""
        return normal(value) is None if self.aspect is Aspect.DESCRIPTION else value is None


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, the row that gave it, and what the ledger does.

    `verdict` is None when there is nothing to say (rows 14 and 17, and what is deleted on both sides). `value` is
    what is written when it is not the catalog's.
    """

    row: int
    verdict: Verdict | None
    reason: str
    ledger: Ledger = Ledger.KEEP
    replaces: bool = False
    removes: bool = False
    flips: bool = False
    fails: bool = False
    value: str | None = None


def decide(
    desired: Desired | Absent,
    last: Last | None,
    actual: Actual | None,
    *,
    rules: Rules,
    entity_id: str,
    template: str = "",
    once_held: Callable[[str], bool],
) -> Decision:
    """The decision for one aspect of one entity.

    `actual` is None when the object is absent from the source. `once_held(text)` asks the catalog's history
    whether the catalog held this value before; it is called only for the rows that need it.
    """
    if desired is Absent.DELETED:
        return _deleted(last, actual, rules, entity_id)
    if actual is None:
        return Decision(2, Verdict.MISSING, "the object is not in the source")
    if isinstance(desired, Absent):
        return _empty(last, actual, rules, entity_id, once_held)
    if not rules.reads_back:
        return _unseen(desired, last, actual, template)
    return _wanted(desired, last, actual, rules, template, once_held)


def _deleted(last: Last | None, actual: Actual | None, rules: Rules, entity_id: str) -> Decision:
    if last is None:
        return Decision(1, None, "deleted in the catalog, never pushed")
    if actual is None or rules.empty(last.stored):
        return Decision(1, None, "deleted in the catalog, and nothing of ours is in the source", Ledger.FORGET)
    ours = last.origin is Origin.PUSHED and last.entity_id == entity_id
    stands = not rules.reads_back or (not rules.empty(actual.value) and rules.equal(actual.value, last.stored))
    if rules.on_catalog_delete == "clear" and rules.clearable and ours and stands:
        return Decision(1, Verdict.CLEAR, "the entity was deleted in the catalog", removes=True)
    return Decision(1, Verdict.GONE, "the entity was deleted in the catalog; the source keeps what stands there")


def _unseen(desired: Desired, last: Last | None, actual: Actual, template: str) -> Decision:
    if last is None:
        return Decision(8, Verdict.APPLY, "new")
    if last.wanted != desired.wanted:
        return Decision(9, Verdict.APPLY, "edited in the catalog")
    if last.template != template:
        return Decision(9, Verdict.APPLY, "the channel writes it differently now")
    if actual.recreated:
        return Decision(3, Verdict.APPLY, "the object was created again")
    return Decision(4, Verdict.IN_SYNC, "written before; the template says that it is not read back", Ledger.RENEW)


def _wanted(
    desired: Desired,
    last: Last | None,
    actual: Actual,
    rules: Rules,
    template: str,
    once_held: Callable[[str], bool],
) -> Decision:
    if last is None:
        return _first_contact(desired, actual, rules, once_held)
    written = rules.equal(last.wanted, desired.wanted) and last.template == template
    untouched = rules.equal(actual.value, last.stored)
    if written and untouched:
        return Decision(6, Verdict.IN_SYNC, "unchanged since the last push", Ledger.RENEW)
    if desired.exact and rules.equal(actual.value, desired.value):
        return Decision(7, Verdict.IN_SYNC, "the source already holds it", Ledger.RENEW)
    if untouched:
        edited = not rules.equal(last.wanted, desired.wanted)
        reason = "edited in the catalog" if edited else "the channel writes it differently now"
        return Decision(9, Verdict.APPLY, reason)
    emptied = rules.empty(actual.value)
    if actual.recreated and (emptied or not rules.clearable):
        return Decision(10, Verdict.APPLY, "the object was created again without it")
    what = "emptied in the source" if emptied else "edited in the source since the last push"
    if rules.aspect is Aspect.TAGS and not emptied:
        return _ambiguous(13, desired, actual, rules, what)
    return _choice(13, rules.on_conflict, what)


def _first_contact(desired: Desired, actual: Actual, rules: Rules, once_held: Callable[[str], bool]) -> Decision:
    if desired.exact and rules.equal(actual.value, desired.value):
        return Decision(5, Verdict.IN_SYNC, "the source already holds it", Ledger.RENEW)
    if actual.value is None or rules.empty(actual.value):
        return Decision(8, Verdict.APPLY, "new")
    if not rules.clearable:
        return Decision(12, Verdict.APPLY, "the source has another one")
    if once_held(actual.value):
        return Decision(11, Verdict.APPLY, "edited in the catalog, which held the source's value before")
    if rules.aspect is Aspect.TAGS:
        return _ambiguous(12, desired, actual, rules, "the source has a value of its own, which the catalog never held")
    return _choice(12, rules.on_first_contact, "the source has a text of its own, which the catalog never held")


def _choice(row: int, choice: Literal["keep", "overwrite", "fail"], what: str) -> Decision:
    if choice == "overwrite":
        return Decision(row, Verdict.APPLY, f"{what}; overwritten", replaces=True, flips=row == 13)
    return Decision(row, Verdict.CONFLICT, f"{what}; kept", fails=choice == "fail")


def _ambiguous(row: int, desired: Desired, actual: Actual, rules: Rules, what: str) -> Decision:
    """Two values for one key, of which one is the source's."""
    if rules.on_ambiguous == "overwrite":
        return Decision(row, Verdict.APPLY, f"{what}; overwritten", replaces=True, flips=row == 13)
    reason = f"{what}: {actual.value!r} there, {desired.value!r} in the catalog ({desired.wanted}); kept"
    return Decision(row, Verdict.AMBIGUOUS, reason)


def _empty(
    last: Last | None, actual: Actual, rules: Rules, entity_id: str, once_held: Callable[[str], bool]
) -> Decision:
    forget = Ledger.FORGET if last is not None else Ledger.KEEP
    stands = actual.value if rules.reads_back else (last.wanted if last is not None else None)
    if rules.empty(stands):
        return Decision(14, None, "empty on both sides", forget)
    untouched = last is not None and (not rules.reads_back or rules.equal(actual.value, last.stored))
    if last is not None and last.entity_id == entity_id and untouched:
        if last.origin is Origin.PUSHED and not rules.clearable:
            return _replaced_by_stand_in(actual, rules)
        if last.origin is Origin.PUSHED:
            return Decision(15, Verdict.CLEAR, "emptied in the catalog", removes=True)
        if last.origin is Origin.ADOPTED and rules.clearable and actual.value is not None and once_held(actual.value):
            return Decision(16, Verdict.CLEAR, "emptied in the catalog, which held it before", removes=True)
    return Decision(17, None, "never pushed from the catalog", forget)


def _replaced_by_stand_in(actual: Actual, rules: Rules) -> Decision:
    if rules.stand_in is None:
        return Decision(15, Verdict.UNSUPPORTED, "emptied in the catalog; the source cannot be without one")
    if rules.equal(actual.value, rules.stand_in):
        return Decision(15, Verdict.IN_SYNC, "emptied in the catalog; the default stands in its place")
    reason = f"emptied in the catalog; {rules.stand_in} takes its place"
    return Decision(15, Verdict.APPLY, reason, removes=True, value=rules.stand_in)
