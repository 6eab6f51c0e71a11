"""What PostgreSQL's system tables say of a database or a schema: a constant number of queries."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from reverse_metadata.connectors.postgres import sql
from reverse_metadata.model import Partition, Path, SourceObject, SourceState

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]

_DATABASE = """
SELECT d.oid, pg_catalog.pg_get_userbyid(d.datdba)::text, pg_catalog.shobj_description(d.oid, 'pg_database')
FROM pg_catalog.pg_database d WHERE d.datname = %s::text
"""
_SCHEMA = """
SELECT d.oid, n.oid, pg_catalog.pg_get_userbyid(n.nspowner)::text, pg_catalog.obj_description(n.oid, 'pg_namespace')
FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
WHERE n.nspname = %s::text
"""
_RELATIONS = """
SELECT c.oid, c.relname::text, c.relkind::text, pg_catalog.pg_get_userbyid(c.relowner)::text, d.description
FROM pg_catalog.pg_class c
LEFT JOIN pg_catalog.pg_description d
  ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
WHERE c.relnamespace = %(schema)s AND c.relkind = ANY (%(kinds)s)
  AND (%(only)s::text[] IS NULL OR c.relname = ANY (%(only)s))
"""
_COLUMNS = """
SELECT a.attrelid, a.attnum, a.attname::text, d.description
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_catalog.pg_description d
  ON d.objoid = a.attrelid AND d.objsubid = a.attnum AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
WHERE c.relnamespace = %(schema)s AND c.relkind = ANY (%(kinds)s)
  AND (%(only)s::text[] IS NULL OR c.relname = ANY (%(only)s))
  AND a.attnum > 0 AND NOT a.attisdropped
"""
#: Whoever can become a superuser counts as one, and so do the administrators of managed servers.


def database_state(connection: "Connection", partition: Partition, path: Path) -> SourceState:
    """The database; `path` holds the source's names. Raises psycopg.Error."""
    database = connection.execute(_DATABASE.encode(), (path[0],)).fetchone()
    if database is None:
        return {}
    oid, owner, description = database
    return {partition.path: SourceObject(partition.path, "database", str(oid), description, owner)}


def schema_state(
    connection: "Connection", partition: Partition, path: Path, only: Collection[str] | None
) -> SourceState:
    """The schema, its tables (`only` those named) and their columns; `path` holds the source's names.

    Raises psycopg.Error.
    """
    schema = connection.execute(_SCHEMA.encode(), (path[1],)).fetchone()
    if schema is None:
        return {}
    database_oid, schema_oid, owner, description = schema
    own = partition.path
    state: SourceState = {own: SourceObject(own, "schema", f"{database_oid}:{schema_oid}", description, owner)}
    if only is not None and not only:
        return state
    parameters = {
        "schema": schema_oid,
        "kinds": list(sql.KINDS),
        "only": None if only is None else [name for name in only if sql.nameable(name)],
    }
    tables: dict[int, Path] = {}
    for oid, name, kind, owner, description in connection.execute(_RELATIONS.encode(), parameters):
        tables[oid] = table = (*own, name)
        state[table] = SourceObject(table, sql.KINDS[kind], f"{database_oid}:{oid}", description, owner)
    for oid, number, name, description in connection.execute(_COLUMNS.encode(), parameters):
        column = (*tables[oid], name)
        state[column] = SourceObject(column, "column", f"{database_oid}:{oid}:{number}", description)
    return state
