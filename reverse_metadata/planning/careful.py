"""A first try: a run that writes only a part of what is due, or nothing."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from reverse_metadata.model import Aspect, Change, LastKey, Statement
from reverse_metadata.planning.plan import Plan
from reverse_metadata.planning.statements import Statements


@dataclass(frozen=True, slots=True)
class Careful:
    """What one run may write: changes of entities whose FQN matches one of the globs `only`, of these aspects, and at
    most `limit` of them. Empty and None mean all. `dry_run` plans everything and writes nothing."""

    only: tuple[str, ...] = ()
    aspects: tuple[Aspect, ...] = ()
    limit: int | None = None
    dry_run: bool = False

    def narrowed(self, plan: Plan, statements: Statements) -> Plan:
        """The plan with what the run may write of it.

        Where something is left out, the plan claims neither that the schema is in sync nor that events were dealt
        with: what was left out is still due.
        """
        planned = [change for each in (*plan.statements, *plan.waiting) for change in each.changes]
        chosen = [change for change in planned if self._allows(change)][: self.limit]
        if len(chosen) == len(planned):
            return replace(plan, dry_run=self.dry_run)
        keys = {change.key for change in chosen}
        counts = dict(plan.counts)
        for change in plan.changes:
            if change.verdict.plans and change.key not in keys:
                counts[change.verdict.value] -= 1
        return replace(
            plan,
            scope="narrowed",
            statements=tuple(statements.resolve(_chosen(plan.statements, keys))),
            waiting=tuple(statements.resolve(_chosen(plan.waiting, keys))),
            counts={verdict: count for verdict, count in counts.items() if count},
            left_out=len(planned) - len(chosen),
            dry_run=self.dry_run,
            upto={},
        )

    def after(self, plan: Plan) -> "Careful":
        """What the run may still write once it wrote a plan."""
        if self.limit is None:
            return self
        written = sum(len(each.changes) for each in (*plan.statements, *plan.waiting))
        return replace(self, limit=max(0, self.limit - written))

    def _allows(self, change: Change) -> bool:
        named = not self.only or any(fnmatchcase(change.entity, glob) for glob in self.only)
        return named and (not self.aspects or change.aspect in self.aspects)


def _chosen(statements: Iterable[Statement], keys: Collection[LastKey]) -> list[Change]:
    return [change for each in statements for change in each.changes if change.key in keys]
