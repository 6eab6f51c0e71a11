"""A first try: a run that writes only a part of what is due, or nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from reverse_metadata.model import Aspect, Change


@dataclass(frozen=True, slots=True)
class Careful:
    """What one run may write: changes of entities whose FQN matches one of the globs `only`, of these aspects, and at
    most `limit` of them. Empty and None mean all. `dry_run` plans everything and writes nothing."""

    only: tuple[str, ...] = ()
    aspects: tuple[Aspect, ...] = ()
    limit: int | None = None
    dry_run: bool = False

    def choose(self, changes: Iterable[Change]) -> tuple[list[Change], int]:
        """The changes without those that the run may not write, and how many of them there are.

        What is only listed stays, but turns nothing red that the run was not asked for.
        """
        chosen: list[Change] = []
        left_out = written = 0
        for change in changes:
            allowed = self._allows(change)
            if not change.verdict.writes:
                chosen.append(change if allowed else replace(change, fails=False))
            elif allowed and (self.limit is None or written < self.limit):
                chosen.append(change)
                written += 1
            else:
                left_out += 1
        return chosen, left_out

    def after(self, written: int) -> "Careful":
        """What the run may still write once it wrote so many changes."""
        return self if self.limit is None else replace(self, limit=max(0, self.limit - written))

    def _allows(self, change: Change) -> bool:
        named = not self.only or any(fnmatchcase(change.entity, glob) for glob in self.only)
        return named and (not self.aspects or change.aspect in self.aspects)


#: A run that writes all that is due.
ALL = Careful()
