"""What information_schema says of a schema, its tables and their columns: a constant number of queries.

https://dev.mysql.com/doc/refman/8.4/en/information-schema.html, https://mariadb.com/kb/en/information-schema-tables/.
Its comparisons pass over case and accents, also where the names of tables differ by them; so what it answers is sifted.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from reverse_metadata.connectors.mysql import sql
from reverse_metadata.model import Partition, Path, SourceObject, SourceState

Row = tuple[Any, ...]
#: Asks a query with its parameters.
Ask = Callable[[str, Sequence[Any]], list[Row]]

_SCHEMA = "SELECT schema_name, {comment} FROM information_schema.schemata WHERE schema_name = %s"
_TABLES = """
SELECT table_schema, table_name, table_type, engine, table_comment
FROM information_schema.tables WHERE table_schema = %s{only}
"""
_COLUMNS = """
SELECT table_schema, table_name, column_name, column_comment, extra, column_key, generation_expression
FROM information_schema.columns WHERE table_schema = %s{only}
"""
_CHECKS = """
SELECT constraint_schema, table_name, constraint_name, check_clause
FROM information_schema.check_constraints WHERE constraint_schema = %s{only}
"""
#: Our word for each `table_type`; what is absent is none that a catalog knows.
_KINDS = {
    "BASE TABLE": "table",
    "SYSTEM VERSIONED": "system-versioned table",
    "SEQUENCE": "sequence",
    "VIEW": "view",
    "SYSTEM VIEW": "view",
}

#: MySQL's databases have no comments, so its schemas are of a kind of their own.
UNCOMMENTED_SCHEMA = "schema of MySQL"
VIEW = "view"
VIEW_COLUMN = "column of a view"
SEQUENCE_COLUMN = "column of a sequence"
PERIOD_COLUMN = "column of a system-versioned period"
STORED_COLUMN = "stored generated column"
INDEXED_COLUMN = "indexed virtual column"
JSON_COLUMN = "JSON column"
CONFIGURED_TABLE = "table that its comment configures"
CONFIGURED_COLUMN = "column that its comment configures"
#: Engines that take the comment of a table for settings: where the data is, with a password in it; when rows expire.
#: https://mariadb.com/kb/en/spider-table-parameters/, https://github.com/facebook/mysql-5.6/wiki/TTL,
#: https://dev.mysql.com/doc/refman/8.4/en/create-table-ndb-comment-options.html
_CONFIGURED = ("SPIDER", "ROCKSDB", "NDB", "NDBCLUSTER")


@dataclass(frozen=True, slots=True)
class Server:
    """The product that answers. `folds` says that names of tables and schemas differ by more than their case."""

    version: str
    comment: str
    folds: bool

    @property
    def mariadb(self) -> bool:
        """Whether it is MariaDB, which says so in its version, and no MySQL."""
        return "mariadb" in self.version.lower()

    def same(self, name: str, other: str) -> bool:
        """Whether two names of schemas or tables mean the same."""
        return name == other or (self.folds and name.lower() == other.lower())


def schema_state(
    ask: Ask, server: Server, partition: Partition, path: Path, only: Collection[str] | None
) -> SourceState:
    """The schema, its tables (`only` those named) and their columns; `path` holds the source's names."""
    comment = "schema_comment" if server.mariadb else "NULL"
    rows = ask(_SCHEMA.format(comment=comment), (path[1],))
    found = [row for row in rows if server.same(row[0], path[1])]
    if not found:
        return {}
    own = partition.path
    kind = "schema" if server.mariadb else UNCOMMENTED_SCHEMA
    state: SourceState = {own: SourceObject(own, kind, description=found[0][1])}
    if only is not None and not only:
        return state

    def listed(query: str) -> Iterable[Row]:
        """The rows of the schema and of the tables that are asked for, without the name of the schema."""
        wanted = None if only is None else tuple(filter(sql.nameable, only)) or ("",)
        parameters = (path[1],) if wanted is None else (path[1], wanted)
        rows = ask(query.format(only="" if wanted is None else " AND table_name IN %s"), parameters)
        for schema, table, *rest in rows:
            asked = wanted is None or any(server.same(table, name) for name in wanted)
            if asked and server.same(schema, path[1]):
                yield (table, *rest)

    kinds: dict[str, str] = {}
    for table, type_, engine, comment in listed(_TABLES):
        if type_ in _KINDS:
            kinds[table] = CONFIGURED_TABLE if (engine or "").upper() in _CONFIGURED else _KINDS[type_]
            # The comment of a view is the word VIEW; that of a table without an engine says why it cannot be opened.
            told = None if kinds[table] in (VIEW, CONFIGURED_TABLE) or engine is None else comment
            state[*own, table] = SourceObject((*own, table), kinds[table], description=told)
    json = set(_json_columns(listed(_CHECKS))) if server.mariadb else set()
    for table, column, comment, extra, key, expression in listed(_COLUMNS):
        if table in kinds:
            kind = _column_kind(kinds[table], extra, key if server.mariadb else "", expression or "")
            kind = JSON_COLUMN if (table, column) in json and kind == "column" else kind
            # MariaDB shows the comments of a table's columns also in views of it.
            told = None if kind in (VIEW_COLUMN, CONFIGURED_COLUMN) else comment
            state[*own, table, column] = SourceObject((*own, table, column), kind, description=told)
    return state


def _column_kind(table: str, extra: str, key: str, expression: str) -> str:
    if table == VIEW:
        return VIEW_COLUMN
    if table == "sequence":
        return SEQUENCE_COLUMN
    if table == CONFIGURED_TABLE:
        return CONFIGURED_COLUMN
    if expression in ("ROW START", "ROW END"):
        return PERIOD_COLUMN
    if "STORED" in extra:
        return STORED_COLUMN
    return INDEXED_COLUMN if "VIRTUAL" in extra and key else "column"


def _json_columns(checks: Iterable[Row]) -> Iterable[tuple[str, str]]:
    """MariaDB's JSON is a text with a check, and a text with that check is JSON.

    https://mariadb.com/kb/en/json-data-type/
    """
    for table, name, clause in checks:
        if clause == f"json_valid({sql.quoted(name)})":
            yield table, name
