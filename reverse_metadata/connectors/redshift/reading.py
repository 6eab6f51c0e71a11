"""What Redshift's system tables say of a database or a schema: a constant number of queries.

The tables of PostgreSQL stand on the leader node and cannot be joined with what the compute nodes know
(https://docs.aws.amazon.com/redshift/latest/dg/c_sql-functions-leader-node.html), so that is asked for by itself.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reverse_metadata.model import Partition, Path, SourceObject, SourceState

#: Runs a query with its parameters.
Ask = Callable[..., Sequence[Sequence[Any]]]

_DATABASE = """
SELECT d.oid, pg_get_userbyid(d.datdba), s.description
FROM pg_database d
LEFT JOIN pg_description s ON s.objoid = d.oid AND s.objsubid = 0
  AND s.classoid = (SELECT oid FROM pg_class WHERE relname = 'pg_database' AND relnamespace = 11)
WHERE d.datname = %s
"""
_SCHEMA = """
SELECT n.oid, pg_get_userbyid(n.nspowner), s.description,
       (SELECT count(*) FROM svv_external_schemas e WHERE e.schemaname = n.nspname)
FROM pg_namespace n
LEFT JOIN pg_description s ON s.objoid = n.oid AND s.objsubid = 0
  AND s.classoid = (SELECT oid FROM pg_class WHERE relname = 'pg_namespace' AND relnamespace = 11)
WHERE n.nspname = %s
"""
# The definition of a view WITH NO SCHEMA BINDING has the words; so may a string in that of any other view.
# https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_VIEW.html
_RELATIONS = """
SELECT c.oid, c.relname, c.relkind, pg_get_userbyid(c.relowner), s.description,
       CASE WHEN c.relkind = 'v' THEN
         lower(pg_get_viewdef(c.oid)) ~ 'with[[:space:]]+no[[:space:]]+schema[[:space:]]+binding' ELSE false END
FROM pg_class c
LEFT JOIN pg_description s ON s.objoid = c.oid AND s.objsubid = 0
  AND s.classoid = (SELECT oid FROM pg_class WHERE relname = 'pg_class' AND relnamespace = 11)
WHERE c.relnamespace = {schema} AND c.relkind IN ('r', 'v')
"""
_COLUMNS = """
SELECT a.attrelid, a.attnum, a.attname, s.description
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_description s ON s.objoid = a.attrelid AND s.objsubid = a.attnum
  AND s.classoid = (SELECT oid FROM pg_class WHERE relname = 'pg_class' AND relnamespace = 11)
WHERE c.relnamespace = {schema} AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped
"""
_MATERIALIZED = "SELECT trim(name) FROM svv_mv_info WHERE trim(database_name) = %s AND trim(schema_name) = %s"
_LATE = """
SELECT view_name, col_name
FROM pg_get_late_binding_view_cols() cols(
    view_schema name, view_name name, col_name name, col_type varchar, col_num int)
WHERE view_schema = %s
"""
# These tell of all databases of the cluster:
# https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_EXTERNAL_TABLES.html
_EXTERNAL_TABLES = "SELECT tablename FROM svv_external_tables WHERE redshift_database_name = %s AND schemaname = %s"
_EXTERNAL_COLUMNS = """
SELECT tablename, columnname FROM svv_external_columns WHERE redshift_database_name = %s AND schemaname = %s
"""
# What was made of a datashare is not in the tables of PostgreSQL:
# https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_REDSHIFT_DATABASES.html and its neighbours
_TYPE = "SELECT trim(database_type) FROM svv_redshift_databases WHERE database_name = %s"
_SHARED_SCHEMA = "SELECT count(*) FROM svv_redshift_schemas WHERE database_name = %s AND schema_name = %s"
_SHARED_TABLES = """
SELECT table_name, remarks FROM svv_redshift_tables WHERE database_name = %s AND schema_name = %s
"""
_SHARED_COLUMNS = """
SELECT table_name, column_name, remarks FROM svv_redshift_columns WHERE database_name = %s AND schema_name = %s
"""
#: More names than this are not listed: all of the schema is read, and what nobody asked for is left out.
_MOST_LISTED = 1000


def is_shared(ask: Ask, database: str) -> bool:
    """Whether a database was made of a datashare. Raises what `ask` does."""
    return any(kind == "shared" for (kind,) in ask(_TYPE, database))


def shared_state(ask: Ask, partition: Partition, path: Path, only: Collection[str] | None) -> SourceState:
    """What a datashare shows of a database or a schema; it has neither ids nor owners here. Raises what `ask` does."""
    own = partition.path
    if partition.schema is None:
        return {own: SourceObject(own, "shared database")}
    ((count,),) = ask(_SHARED_SCHEMA, *path)
    if not count:
        return {}
    state: SourceState = {own: SourceObject(own, "shared schema")}
    for name, description in ask(_SHARED_TABLES, *path):
        if only is None or name in only:
            state[(*own, name)] = SourceObject((*own, name), "shared table", description=description or None)
    for table, name, description in ask(_SHARED_COLUMNS, *path):
        if (*own, table) in state:
            column = (*own, table, name)
            state[column] = SourceObject(column, "shared column", description=description or None)
    return state


def database_state(ask: Ask, partition: Partition, path: Path) -> SourceState:
    """The database; `path` holds the source's names. Raises what `ask` does."""
    rows = ask(_DATABASE, path[0])
    if not rows:
        return {}
    oid, owner, description = rows[0]
    return {partition.path: SourceObject(partition.path, "database", str(oid), description, owner)}


def schema_state(ask: Ask, partition: Partition, path: Path, only: Collection[str] | None) -> SourceState:
    """The schema, its tables (`only` those named) and their columns; `path` holds the source's names.

    Raises what `ask` does.
    """
    rows = ask(_SCHEMA, path[1])
    if not rows:
        return {}
    oid, owner, description, external = rows[0]
    own = partition.path
    kind = "external schema" if external else "schema"
    state: SourceState = {own: SourceObject(own, kind, str(oid), description, owner)}
    if only is not None and not only:
        return state
    if external:
        return state | _external(ask, own, path, only)
    return state | _internal(ask, own, path, oid, only)


def _internal(ask: Ask, own: Path, path: Path, schema: int, only: Collection[str] | None) -> SourceState:
    """Tables and views, whose comments stand on the leader node."""
    named = "" if only is None or len(only) > _MOST_LISTED else f" AND c.relname IN ({', '.join(['%s'] * len(only))})"
    names = list(only or ()) if named else []
    materialized = {name for (name,) in ask(_MATERIALIZED, *path)}
    state: SourceState = {}
    tables: dict[int, Path] = {}
    perhaps_late: set[int] = set()
    for oid, name, relkind, owner, description, has_the_words in ask(_within(_RELATIONS, schema, named), *names):
        if only is not None and name not in only:
            continue
        kind = "materialized view" if name in materialized else "table" if relkind == "r" else "view"
        if kind == "view" and has_the_words:
            perhaps_late.add(oid)
        tables[oid] = table = (*own, name)
        state[table] = SourceObject(table, kind, str(oid), description, owner)
    columns = [row for row in ask(_within(_COLUMNS, schema, named), *names) if row[0] in tables]
    late = _late(ask, path[1], {oid: tables[oid] for oid in perhaps_late}, {oid for oid, *_ in columns})
    for oid, found in late.items():
        table = tables[oid]
        state[table] = replace(state[table], kind="late-binding view")
        for name in found:
            column = (*table, name)
            state[column] = SourceObject(column, "late-binding column", f"{oid}:{name}")
    for oid, number, name, description in columns:
        if oid not in late:
            column = (*tables[oid], name)
            state[column] = SourceObject(column, "column", f"{oid}:{number}", description)
    return state


def _late(ask: Ask, schema: str, perhaps: Mapping[int, Path], bound: Collection[int]) -> dict[int, list[str]]:
    """Those of the views that bind late, with their columns, which `pg_attribute` need not have.

    A view whose tables are gone by now has no columns at all.
    https://docs.aws.amazon.com/redshift/latest/dg/PG_GET_LATE_BINDING_VIEW_COLS.html
    """
    if not perhaps:
        return {}
    columns: dict[str, list[str]] = {}
    for view, name in ask(_LATE, schema):
        columns.setdefault(view, []).append(name)
    return {oid: columns.get(path[2], []) for oid, path in perhaps.items() if path[2] in columns or oid not in bound}


def _external(ask: Ask, own: Path, path: Path, only: Collection[str] | None) -> SourceState:
    """External tables, whose comments are the lake's. They have no ids."""
    state: SourceState = {}
    for (name,) in ask(_EXTERNAL_TABLES, *path):
        if only is None or name in only:
            state[(*own, name)] = SourceObject((*own, name), "external table")
    for table, name in ask(_EXTERNAL_COLUMNS, *path):
        if (*own, table) in state:
            state[(*own, table, name)] = SourceObject((*own, table, name), "external column")
    return state


def _within(query: str, schema: int, named: str) -> str:
    """The query for a schema, and for the names that a condition binds."""
    return query.replace("{schema}", str(int(schema))) + named
