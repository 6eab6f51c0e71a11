"""Why an entity is in the scope of a filter or not: every clause with its answer and the values that it saw."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reverse_metadata.catalogs.filter.facts import Facts, Values, field_of, text_of
from reverse_metadata.catalogs.filter.tree import All, Either, Filter, Not, Test
from reverse_metadata.display import one_line
from reverse_metadata.model import Entity, EntityType

#: So many characters of what a clause says and of what it saw are shown, and so many values.
_WIDTH = 100
_MOST = 8


@dataclass(frozen=True, slots=True)
class Explained:
    """A clause, whether it holds, and what is in it.

    `saw` are the values of the field that a test looks at: empty when the entity has none, None when the field says
    nothing of an entity of this `type`, and for groups.
    """

    clause: Filter
    holds: bool
    type: EntityType
    saw: Values | None = None
    parts: tuple["Explained", ...] = ()

    def lines(self, depth: int = 0) -> Iterator[str]:
        """The clauses for people, one a line; text of the catalog is made safe to print."""
        yield f"{'yes' if self.holds else 'no ':3}  {'  ' * depth}{self._said()}"
        for part in self.parts:
            yield from part.lines(depth + 1)

    def document(self) -> dict[str, Any]:
        """The clauses for programs: `clause` (a test in the short form, or `all`, `any`, `not`), `holds`, `saw` and
        `parts`."""
        if isinstance(self.clause, Test):
            saw = None if self.saw is None else list(self.saw)
            return {"clause": self.clause.to_json(), "holds": self.holds, "saw": saw}
        (group,) = self.clause.to_json()
        return {"clause": group, "holds": self.holds, "parts": [part.document() for part in self.parts]}

    def _said(self) -> str:
        match self.clause:
            case Test():
                ((field, said),) = self.clause.to_json().items()
                return f"{one_line(f'{field}: {_written(said)}', _WIDTH)}   ({self._seen()})"
            case Not():
                return "not"
            case All(clauses):
                return "all of" if clauses else "everything"
        return "any of"

    def _seen(self) -> str:
        if self.saw is None:
            return f"says nothing of a {self.type}"
        more = f" and {len(self.saw) - _MOST} more" if len(self.saw) > _MOST else ""
        return one_line(f"it is {', '.join(map(text_of, self.saw[:_MOST]))}", _WIDTH) + more if self.saw else "has none"


def explain(filter: Filter, entity: Entity, table: Entity | None = None) -> Explained:
    """Every clause of the filter as `matches` decides it; `table` is the table of a column."""
    column = entity if table is not None and filter.speaks_of_columns else None
    subject = table or entity
    return _explained(filter, Facts.of(subject, column), (column or subject).type)


def _explained(node: Filter, facts: Facts, type: EntityType) -> Explained:
    inner: tuple[Filter, ...] = ()
    if isinstance(node, All | Either):
        inner = node.clauses
    elif isinstance(node, Not):
        inner = (node.clause,)
    saw = field_of(node.field).read(facts) if isinstance(node, Test) else None
    parts = tuple(_explained(clause, facts, type) for clause in inner)
    return Explained(node, bool(node.check(facts)), type, saw, parts)


def _written(said: object) -> str:
    """What a test compares with, as far from JSON as it can be read aloud."""
    if isinstance(said, dict):
        return ", ".join(f"{key} {_written(value)}" for key, value in said.items())
    return " or ".join(map(str, said)) if isinstance(said, list) else str(said)
