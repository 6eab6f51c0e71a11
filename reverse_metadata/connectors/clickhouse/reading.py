"""What ClickHouse's system tables say of a database: three queries, and only the columns that cost nothing.

https://clickhouse.com/docs/operations/system-tables/tables: for others of them the parts of every table are counted, or
its definition is read from the disk. Names stand in the queries as literals: a list of them may be longer than a URL.
"""

from collections.abc import Callable, Collection, Iterator

from reverse_metadata.connectors.characters import encodable
from reverse_metadata.connectors.clickhouse import sql
from reverse_metadata.connectors.sql import Row
from reverse_metadata.dialects.clickhouse import CLICKHOUSE
from reverse_metadata.model import Path, SourceObject, SourceState

#: The rows of a query.
Ask = Callable[[str], list[Row]]

_DATABASE = """
SELECT toString(uuid), comment,
       (SELECT count() FROM system.privileges WHERE privilege = 'ALTER MODIFY DATABASE COMMENT')
FROM system.databases WHERE name = {database}
"""
#: Inner tables are read, too: they tell which materialized views have one.
_TABLES = """
SELECT name, toString(uuid), engine, comment FROM system.tables
WHERE database = {database} AND NOT is_temporary AND ({named} OR startsWith(name, '.inner'))
"""
_COLUMNS = """
SELECT table, name, comment FROM system.columns WHERE database = {database} AND {named} ORDER BY table, position
"""
_EXISTING = """
SELECT '' FROM system.databases WHERE name = {database}
UNION ALL
SELECT name FROM system.tables WHERE database = {database} AND {named}
"""

#: Tables that ClickHouse makes for the rows of a view, and while it refreshes one. No catalog lists them.
#: https://github.com/ClickHouse/ClickHouse/blob/master/src/Storages/StorageMaterializedView.cpp
_INNER = (".inner.", ".inner_id.", ".tmp.inner.", ".tmp.inner_id.")
#: The uuid of what has none: anything in a database of the engine Ordinary.
_NO_UUID = "00000000-0000-0000-0000-000000000000"


def database_state(ask: Ask, own: Path, path: Path, only: Collection[str] | None) -> SourceState:
    """The database, its tables (`only` those named) and their columns; empty when there is no such database.

    `own` is the path of the schema in the catalog, `path` holds the source's names.
    """
    found = ask(_filled(_DATABASE, path))
    if not found:
        return {}
    ((uuid, comment, alterable),) = found
    kind = sql.DATABASE if alterable else sql.OLD_DATABASE
    state: SourceState = {own: SourceObject(own, kind, _id(uuid), comment)}
    if only is not None and not only:
        return state
    columns_of: dict[str, tuple[str, str]] = {}
    for table in _tables(own, ask(_filled(_TABLES, path, _among("name", only))), only):
        state[table.path] = table
        columns_of[table.path[2]] = sql.column_kind(table.kind), table.object_id
    for name, column, comment in ask(_filled(_COLUMNS, path, _among("table", only))):
        # A table that was created since the query before is read by the next run.
        if name in columns_of:
            kind, table_id = columns_of[name]
            column_path = (*own, name, column)
            state[column_path] = SourceObject(column_path, kind, table_id and f"{table_id}:{column}", comment)
    return state


def existing(path: Path, tables: Collection[str]) -> str:
    """The query for the names of those tables that exist, and "" for the database itself."""
    return _filled(_EXISTING, path, _among("name", tables))


def _filled(query: str, path: Path, named: str = "") -> str:
    return query.format(database=CLICKHOUSE.literal(path[1]), named=named)


def _among(column: str, names: Collection[str] | None) -> str:
    if names is None:
        return "1"
    listed = ", ".join(CLICKHOUSE.literal(name) for name in names if encodable(name))
    return f"{column} IN ({listed})" if listed else "0"


def _tables(own: Path, rows: list[Row], only: Collection[str] | None) -> Iterator[SourceObject]:
    """Every table that people know."""
    inner = {name for name, *_ in rows if name.startswith(_INNER)}
    for name, uuid, engine, comment in rows:
        if name not in inner and (only is None or name in only):
            kind = sql.KINDS.get(engine, "table")
            if kind == sql.VIEW_WITH_TARGET and not inner.isdisjoint((f".inner_id.{uuid}", f".inner.{name}")):
                kind = sql.VIEW_WITH_INNER
            yield SourceObject((*own, name), kind, _id(uuid), comment)


def _id(uuid: str) -> str:
    return "" if uuid == _NO_UUID else uuid
