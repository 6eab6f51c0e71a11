"""The SQL that carries a change. Pure text: no connection, no driver.

Source: https://trino.io/docs/current/sql/comment.html, .../sql/alter-schema.html, .../sql/alter-table.html and
.../sql/alter-view.html. None of them takes parameters or carries several changes.
"""

from collections.abc import Callable, Iterable
from typing import Literal

from reverse_metadata.connectors.base import ordered
from reverse_metadata.dialects.trino import TRINO
from reverse_metadata.model import Aspect, Change, EntityType, Path, Statement

#: `query.max-length`, in UTF-16 units: https://trino.io/docs/current/admin/properties-query-management.html
LONGEST = 1_000_000

Principals = Literal["user", "role"]


def principal(name: str, otherwise: Principals) -> tuple[Principals, str]:
    """The kind and name of an owner: `role:analysts`, `user:ada`, or a name of the kind `otherwise`."""
    prefix, colon, rest = name.partition(":")
    if colon and prefix == "role":
        return "role", rest
    if colon and prefix == "user":
        return "user", rest
    return otherwise, name


def named(path: Path) -> str:
    """The name as SQL: `memory.sales.orders`."""
    return ".".join(map(TRINO.identifier, path))


def text(aspect: Aspect, kind: str, path: Path, value: str | None, principals: Principals) -> str:
    """The statement that gives the value; `path` holds the source's names. Raises Unwritable."""
    level = EntityType.of(path)
    keyword = "VIEW" if level is EntityType.TABLE and kind == "view" else level.value.upper()
    if aspect is Aspect.DESCRIPTION:
        return f"COMMENT ON {keyword} {named(path)} IS {'NULL' if value is None else TRINO.literal(value)}"
    if value is None:
        raise ValueError(f"{named(path)} cannot be left without an owner")
    of, owner = principal(value, principals)
    return f"ALTER {keyword} {named(path)} SET AUTHORIZATION {of.upper()} {TRINO.identifier(owner)}"


def resolve(
    changes: Iterable[Change], rewritten: Callable[[Path], Path], principals: Principals = "user"
) -> list[Statement]:
    """One statement a change, in the order in which they are sent."""
    return [
        Statement(text(change.aspect, change.kind, rewritten(change.path), change.value, principals), (change,))
        for change in ordered(changes)
    ]


def begin(sql: str) -> str:
    """The statement as far as it names its object."""
    return sql.partition(" IS ")[0]


def length(sql: str) -> int:
    """How long a statement is by the server's count."""
    return len(sql.encode("utf-16-le")) // 2
