"""The SQL that carries changes. Pure text: no connection, no driver.

https://dev.mysql.com/doc/refman/8.4/en/alter-table.html, https://mariadb.com/kb/en/alter-table/ and
https://mariadb.com/kb/en/alter-database/. Neither takes bind parameters; names and texts are literals that are right
in the sessions of the connector, whose `sql_mode` is fixed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from reverse_metadata.connectors.mysql.definitions import Definition, Unrepeatable
from reverse_metadata.dialects.mysql import MYSQL
from reverse_metadata.errors import Unwritable
from reverse_metadata.model import Change, EntityType, Path, Statement

#: Keeps the engine from copying a table: it refuses (1845, 1846) where it would have to.
#: https://mariadb.com/kb/en/innodb-online-ddl-overview/#instant-algorithm
INSTANT = ",\n  ALGORITHM=INSTANT"


def quoted(name: str) -> str:
    """A name in its quotes, always: which words are reserved depends on the version. Raises Unwritable."""
    return f"`{MYSQL.identifier_content(name, '`')}`"


def dotted(path: Path) -> str:
    """A schema or table by the names of the source, without the database that the catalog invents above it."""
    return ".".join(map(quoted, path[1:3]))


def nameable(name: str) -> bool:
    """Whether something can have this name: 64 characters, none beyond U+FFFF.

    https://dev.mysql.com/doc/refman/8.4/en/identifier-length.html, https://mariadb.com/kb/en/identifier-names/
    """
    try:
        return len(name) <= 64 and bool(quoted(name))
    except Unwritable:
        return False


def of_schema(change: Change, path: Path) -> Statement:
    """MariaDB's comment of a database, which is a schema to the catalog; `path` is the source's."""
    return Statement(f"ALTER DATABASE {dotted(path)}\n  COMMENT = {MYSQL.literal(change.value or '')}", (change,))


def of_table(
    changes: Iterable[Change], path: Path, defined: Mapping[str, Definition], rebuilding: Collection[str]
) -> tuple[list[Statement], list[Change]]:
    """The changes of one table and its columns: one statement, and one for columns of the kinds in `rebuilding`.

    `path` is the source's. The changes in the second list have no statement, because their column is not defined or
    cannot be repeated.
    """
    instant: list[tuple[Change, str]] = []
    rebuilt: list[tuple[Change, str]] = []
    unable: list[Change] = []
    for change in changes:
        try:
            clause = change, _clause(change, defined)
        except (LookupError, Unrepeatable):
            unable.append(change)
        else:
            (rebuilt if change.kind in rebuilding else instant).append(clause)
    return [
        Statement(_alter(path, [clause for _, clause in each], guard), tuple(change for change, _ in each))
        for each, guard in ((instant, INSTANT), (rebuilt, ""))
        if each
    ], unable


def undefined(changes: Sequence[Change], path: Path) -> Statement:
    """Names changes that cannot be written, for the lack of a definition. It is never sent."""
    clauses = [f"MODIFY COLUMN {quoted(change.path[3])}" if len(change.path) > 3 else "COMMENT" for change in changes]
    return Statement(_alter(path, clauses, INSTANT), tuple(changes))


def _alter(path: Path, clauses: Sequence[str], guard: str) -> str:
    return f"ALTER TABLE {dotted(path)}\n  " + ",\n  ".join(clauses) + guard


def _clause(change: Change, defined: Mapping[str, Definition]) -> str:
    if change.type is EntityType.TABLE:
        return f"COMMENT = {MYSQL.literal(change.value or '')}"
    return f"MODIFY COLUMN {defined[change.path[3]].commented(change.value or '')}"
