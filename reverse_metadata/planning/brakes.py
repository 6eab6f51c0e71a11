"""Limits over a rolling 24 hours: descriptions that all vanished must not blank a warehouse."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reverse_metadata.config import Channel
from reverse_metadata.model import Change, Verdict

_LEAST = 20
_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Brakes:
    """How many replacements and removals a channel may still write, and the limits that say so."""

    channel: str
    max_replacements: int
    max_removals: int
    replaced: int = 0
    removed: int = 0

    @staticmethod
    def of(channel: Channel, known: int, replaced: int, removed: int) -> "Brakes":
        """The brakes of a channel that knows `known` last values and wrote so much in the last 24 hours."""
        default = max(_LEAST, int(known * _SHARE))
        return Brakes(
            channel.name,
            default if channel.max_replacements is None else channel.max_replacements,
            default if channel.max_removals is None else channel.max_removals,
            replaced,
            removed,
        )

    def hold_back(self, changes: Sequence[Change]) -> list[Change]:
        """The changes; when they exceed a limit together with the last 24 hours, none of that kind is written."""
        replacing = sum(change.verdict.writes and change.replaces for change in changes)
        removing = sum(change.verdict.writes and change.removes for change in changes)
        too_many_replaced = replacing > 0 and self.replaced + replacing > self.max_replacements
        too_many_removed = removing > 0 and self.removed + removing > self.max_removals
        held = []
        for change in changes:
            if change.verdict.writes and change.replaces and too_many_replaced:
                change = self._held(change, "replace", replacing, self.replaced, self.max_replacements)
            elif change.verdict.writes and change.removes and too_many_removed:
                change = self._held(change, "remove", removing, self.removed, self.max_removals)
            held.append(change)
        return held

    def _held(self, change: Change, verb: str, now: int, before: int, limit: int) -> Change:
        setting = "max_replacements" if verb == "replace" else "max_removals"
        reason = (
            f"the plan would {verb} {now} values of the source ({before} in the last 24 hours), and {setting} of "
            f"channel {self.channel} is {limit}; none of them is written. If it is meant, raise {setting} or run once "
            "with ignore_brakes: true"
        )
        return replace(change, verdict=Verdict.BRAKED, reason=reason, fails=True)
