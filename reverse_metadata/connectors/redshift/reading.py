"""What Redshift's system tables say of a database or a schema: a constant number of queries.

The tables of PostgreSQL stand on the leader node and cannot be joined with what the compute nodes know
(https://docs.aws.amazon.com/redshift/latest/dg/c_sql-functions-leader-node.html), so that is asked for by itself.
"""

from collections.abc import Callable, Collection, Sequence
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
# A view WITH NO SCHEMA BINDING is told by its definition:
# https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_VIEW.html
_RELATIONS = """
SELECT c.oid, c.relname, c.relkind, pg_get_userbyid(c.relowner), s.description,
       c.relkind = 'v' AND lower(pg_get_viewdef(c.oid)) LIKE '%with no schema binding%'
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
_MATERIALIZED = "SELECT trim(name) FROM svv_mv_info WHERE trim(schema_name) = %s"
_LATE = """
SELECT view_name, col_name
FROM pg_get_late_binding_view_cols() cols(
    view_schema name, view_name name, col_name name, col_type varchar, col_num int)
WHERE view_schema = %s
"""
_EXTERNAL_TABLES = "SELECT tablename FROM svv_external_tables WHERE schemaname = %s"
_EXTERNAL_COLUMNS = "SELECT tablename, columnname FROM svv_external_columns WHERE schemaname = %s"
#: More names than this are not listed: all of the schema is read, and what nobody asked for is left out.
_MOST_LISTED = 1000


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
        return state | _external(ask, own, path[1], only)
    return state | _internal(ask, own, path[1], oid, only)


def _internal(ask: Ask, own: Path, schema: str, schema_oid: int, only: Collection[str] | None) -> SourceState:
    """Tables and views, whose comments stand on the leader node."""
    named = "" if only is None or len(only) > _MOST_LISTED else f" AND c.relname IN ({', '.join(['%s'] * len(only))})"
    names = list(only or ()) if named else []
    materialized = {name for (name,) in ask(_MATERIALIZED, schema)}
    state: SourceState = {}
    tables: dict[int, Path] = {}
    for oid, name, kind, owner, description, late in ask(_within(_RELATIONS, schema_oid, named), *names):
        if only is not None and name not in only:
            continue
        shown = "table" if kind == "r" else "late-binding view" if late else "view"
        tables[oid] = table = (*own, name)
        state[table] = SourceObject(
            table, "materialized view" if name in materialized else shown, str(oid), description, owner
        )
    for oid, number, name, description in ask(_within(_COLUMNS, schema_oid, named), *names):
        if oid in tables and state[tables[oid]].kind != "late-binding view":
            column = (*tables[oid], name)
            state[column] = SourceObject(column, "column", f"{oid}:{number}", description)
    if any(found.kind == "late-binding view" for found in state.values()):
        for view, name in ask(_LATE, schema):
            if (*own, view) in state:
                column = (*own, view, name)
                state[column] = SourceObject(column, "late-binding column", f"{state[(*own, view)].object_id}:{name}")
    return state


def _external(ask: Ask, own: Path, schema: str, only: Collection[str] | None) -> SourceState:
    """External tables, whose comments are the lake's. They have no ids."""
    state: SourceState = {}
    for (name,) in ask(_EXTERNAL_TABLES, schema):
        if only is None or name in only:
            state[(*own, name)] = SourceObject((*own, name), "external table")
    for table, name in ask(_EXTERNAL_COLUMNS, schema):
        if (*own, table) in state:
            state[(*own, table, name)] = SourceObject((*own, table, name), "external column")
    return state


def _within(query: str, schema: int, named: str) -> str:
    """The query for a schema, and for the names that a condition binds."""
    return query.replace("{schema}", str(int(schema))) + named
