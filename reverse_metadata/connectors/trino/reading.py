"""The queries that read a schema: three, however many tables.

The catalog and schema stand in every one of them: Trino asks the connector behind for these alone then. Source:
https://trino.io/docs/current/connector/system.html; `comment` is a column of `information_schema.columns` that
`SELECT *` and DESCRIBE do not show.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from reverse_metadata.connectors.trino.sql import named
from reverse_metadata.dialects.trino import TRINO
from reverse_metadata.model import Path, SourceObject

_literal = TRINO.literal

#: So many names are put into a query; of more, the whole schema is read and the others are left out here.
MOST_NAMES = 500

_SCHEMA = "SELECT schema_name FROM {catalog}.information_schema.schemata WHERE schema_name = {schema}"
_CATALOG = "SELECT connector_name FROM system.metadata.catalogs WHERE catalog_name = {name}"
# A materialized view is a BASE TABLE, and so are a database's own views.
_TABLES = """
SELECT t.table_name, t.table_type, m.name IS NOT NULL, c.comment
FROM {catalog}.information_schema.tables t
LEFT JOIN (
  SELECT table_name, comment FROM system.metadata.table_comments
  WHERE catalog_name = {name} AND schema_name = {schema}{only}
) c ON c.table_name = t.table_name
LEFT JOIN (
  SELECT name FROM system.metadata.materialized_views WHERE catalog_name = {name} AND schema_name = {schema}
) m ON m.name = t.table_name
WHERE t.table_schema = {schema}{only_t}
"""
_COLUMNS = """
SELECT table_name, column_name, comment FROM {catalog}.information_schema.columns
WHERE table_schema = {schema}{only}
"""


def catalog(name: str) -> str:
    """The query for the connector behind a catalog: no row when there is no such catalog."""
    return _CATALOG.format(name=_literal(name))


def schema(path: Path) -> str:
    """The query for a schema: a row when there is one."""
    return _SCHEMA.format(catalog=named(path[:1]), schema=_literal(path[1]))


def schemas(catalog: str) -> str:
    """A query that anybody may ask who may use the catalog; no rows."""
    return f"SELECT 1 FROM {named((catalog,))}.information_schema.schemata WHERE false"  # noqa: S608


def readable(tables: Iterable[str]) -> str:
    """A query that whoever may read all these tables of the catalog `system` may ask; no rows."""
    return f"SELECT 1 FROM {', '.join(f'system.{table}' for table in tables)} WHERE false"  # noqa: S608


def roles(catalog: str) -> str:
    """The query for the roles that are the user's in a catalog: none, or an error, where it has no roles."""
    return f"SELECT role_name FROM {named((catalog,))}.information_schema.enabled_roles"  # noqa: S608


def tables(path: Path, only: Collection[str] | None) -> str:
    """The query for the tables of a schema: name, `information_schema`'s type, whether it is a materialized view,
    comment."""
    return _TABLES.format(
        catalog=named(path[:1]),
        name=_literal(path[0]),
        schema=_literal(path[1]),
        only=_only("table_name", only),
        only_t=_only("t.table_name", only),
    )


def columns(path: Path, only: Collection[str] | None) -> str:
    """The query for the columns of a schema: table, name, comment."""
    return _COLUMNS.format(catalog=named(path[:1]), schema=_literal(path[1]), only=_only("table_name", only))


def found(own: Path, tables: Iterable[Any], columns: Iterable[Any]) -> Iterator[SourceObject]:
    """The tables and columns of the rows, below the path `own`. A column of a table that came only afterwards is left
    for the next read."""
    known = set()
    for name, table_type, materialized, comment in tables:
        known.add(name)
        kind = "view" if table_type == "VIEW" else "materialized view" if materialized else "table"
        yield SourceObject((*own, name), kind, description=comment)
    for table, name, comment in columns:
        if table in known:
            yield SourceObject((*own, table, name), "column", description=comment)


def _only(column: str, names: Collection[str] | None) -> str:
    if names is None or len(names) > MOST_NAMES:
        return ""
    return f" AND {column} IN ({', '.join(map(_literal, names))})"
