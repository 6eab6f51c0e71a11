"""The SQL that carries a change. Pure text: no connection, no driver.

COMMENT and ALTER take no bind parameters, so names and texts are written as literals that mean the same under
every setting of the server. Source: https://www.postgresql.org/docs/current/sql-comment.html,
https://www.postgresql.org/docs/current/sql-altertable.html and their neighbours.
"""

from collections.abc import Callable, Iterable

from reverse_metadata.connectors.base import ordered
from reverse_metadata.connectors.characters import storable
from reverse_metadata.dialects.postgres import identifier, literal
from reverse_metadata.model import Aspect, Change, Path, Statement

#: The system's word for each `pg_class.relkind` that is read. A partition is a table, or partitioned again.
KINDS = {
    "r": "table",
    "p": "partitioned table",
    "v": "view",
    "m": "materialized view",
    "f": "foreign table",
}

_KEYWORDS = {
    "database": "DATABASE",
    "schema": "SCHEMA",
    "table": "TABLE",
    "partitioned table": "TABLE",
    "view": "VIEW",
    "materialized view": "MATERIALIZED VIEW",
    "foreign table": "FOREIGN TABLE",
    "column": "COLUMN",
}


def nameable(text: str) -> bool:
    """Whether something can have this name: PostgreSQL takes 63 bytes and cuts off the rest without an error."""
    return storable(text) and 0 < len(text.encode()) <= 63


def target(kind: str, path: Path) -> str:
    """What a statement names, by the names of the source: `TABLE sales.orders`, `DATABASE shop`."""
    below_database = path if len(path) == 1 else path[1:]
    return f"{_KEYWORDS[kind]} {'.'.join(map(identifier, below_database))}"


def resolve(changes: Iterable[Change], rewritten: Callable[[Path], Path]) -> list[Statement]:
    """One statement a change, in the order in which they are sent."""
    return [Statement(_text(change, rewritten(change.path)), (change,)) for change in ordered(changes)]


def _text(change: Change, path: Path) -> str:
    named = target(change.kind, path)
    if change.aspect is Aspect.OWNER:
        if change.value is None:
            raise ValueError(f"{named} cannot be left without an owner")
        return f"ALTER {named} OWNER TO {identifier(change.value)}"
    return f"COMMENT ON {named} IS {'NULL' if change.value is None else literal(change.value)}"
