"""The SQL that carries changes, and what cannot be carried. Pure text: no connection, no driver.

Sources: https://clickhouse.com/docs/sql-reference/statements/alter/comment (tables),
https://clickhouse.com/docs/sql-reference/statements/alter/column#comment-column (columns) and
https://clickhouse.com/docs/sql-reference/statements/alter/database-comment (databases, from 25.4 on).
"""

from collections.abc import Callable, Iterable
from itertools import groupby

from reverse_metadata.connectors.base import ordered
from reverse_metadata.connectors.characters import encodable
from reverse_metadata.dialects.clickhouse import CLICKHOUSE
from reverse_metadata.model import Change, EntityType, Path, Statement, Verdict

DATABASE = "database"
#: A database of a server that has no statement for its comment.
OLD_DATABASE = "database before 25.4"
#: A materialized view that writes to a table of its own, and one that writes to the table after TO.
VIEW_WITH_INNER, VIEW_WITH_TARGET = "materialized view", "materialized view to a table"
#: What a table of an engine is for people; every other engine makes a `table`.
KINDS = {
    "Alias": "alias",
    "Dictionary": "dictionary",
    "LiveView": "live view",
    "MaterializedView": VIEW_WITH_TARGET,
    "View": "view",
    "WindowView": "window view",
}

_ALIAS = "an alias shows the comments of its target: describe the target"
_REFUSED = {
    OLD_DATABASE: "this server cannot change the comment of a database; ClickHouse 25.4 and later can",
    "alias": _ALIAS,
    "column of alias": _ALIAS,
    # COMMENT COLUMN fails with code 48.
    "column of dictionary": "ClickHouse cannot change the comments of a dictionary's columns; creating it anew can",
    # StorageMaterializedView::alter takes the columns of the inner table, with their comments, in place of the view's.
    f"column of {VIEW_WITH_INNER}": "ClickHouse takes comments of the columns of a materialized view and drops them, "
    "unless the view was created with TO",
}


def column_kind(table_kind: str) -> str:
    """The kind of a column: `column`, or one that says why it cannot be described."""
    named = f"column of {table_kind}"
    return named if named in _REFUSED else "column"


def refuse(change: Change) -> tuple[Verdict, str] | None:
    """The verdict and reason when the change cannot be written."""
    if change.kind in _REFUSED:
        return Verdict.UNSUPPORTED, _REFUSED[change.kind]
    if len(change.path) > 4:
        return Verdict.UNSUPPORTED, "ClickHouse has no comments of the elements of a column: describe the column"
    if change.value is not None and not encodable(change.value):
        return Verdict.INVALID, "ClickHouse cannot hold half of a surrogate pair; remove it"
    return None


def named(path: Path) -> str:
    """A database or table as a statement names it, by the names of the source: `sales.orders`."""
    return ".".join(map(CLICKHOUSE.identifier, path[1:3]))


def resolve(changes: Iterable[Change], rewritten: Callable[[Path], Path], cluster: str | None) -> list[Statement]:
    """One ALTER a table, with its comment and those of its columns, and one for the comment of a database."""
    statements = []
    for _, group in groupby(ordered(changes), key=lambda change: change.table):
        carried = tuple(group)
        statements.append(Statement(_text(carried, rewritten(carried[0].path), cluster), carried))
    return statements


def _text(changes: tuple[Change, ...], path: Path, cluster: str | None) -> str:
    what = "DATABASE" if len(path) == 2 else "TABLE"
    where = f" ON CLUSTER {CLICKHOUSE.literal(cluster)}" if cluster else ""
    clauses = ",\n".join(f"  {_clause(change)}" for change in changes)
    return f"ALTER {what} {named(path)}{where}\n{clauses}"


def _clause(change: Change) -> str:
    """`MODIFY COMMENT` or `COMMENT COLUMN`; nothing but '' removes a comment.

    A column of a Nested column is one name, `n.x`.
    """
    text = CLICKHOUSE.literal(change.value or "")
    if change.type is EntityType.COLUMN:
        return f"COMMENT COLUMN {CLICKHOUSE.identifier(change.path[3])} {text}"
    return f"MODIFY COMMENT {text}"
