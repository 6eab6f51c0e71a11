"""What SQL Server's catalog views say of a database or a schema: a constant number of queries.

The views: https://learn.microsoft.com/en-us/sql/relational-databases/system-catalog-views/. They show what the login
owns or has some permission on:
https://learn.microsoft.com/en-us/sql/relational-databases/security/metadata-visibility-configuration.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from reverse_metadata.connectors.mssql.sql import DESCRIPTION, LONGEST
from reverse_metadata.model import Partition, Path, SourceObject, SourceState

#: Runs a query with its parameters.
Ask = Callable[..., list[Any]]
#: Tags of what stands in the database, by class, major and minor id as SQL Server has them.
Tags = Mapping[tuple[int, int, int], dict[str, str]]

_DATABASE = "SELECT d.database_id, SUSER_SNAME(d.owner_sid) FROM sys.databases d WHERE d.name = DB_NAME()"
_SCHEMA = (
    "SELECT DB_ID(), s.schema_id, s.name, p.name FROM sys.schemas s"
    " LEFT JOIN sys.database_principals p ON p.principal_id = s.principal_id WHERE s.name = ?"
)
# An index on a view makes it an indexed one.
_OBJECTS = (
    "SELECT o.object_id, o.name, o.type, p.name, t.is_memory_optimized, t.is_external, i.object_id"
    " FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id"
    " LEFT JOIN sys.database_principals p ON p.principal_id = COALESCE(o.principal_id, s.principal_id)"
    " LEFT JOIN sys.tables t ON t.object_id = o.object_id"
    " LEFT JOIN sys.indexes i ON i.object_id = o.object_id AND i.index_id = 1 AND o.type = 'V '"
    " WHERE o.schema_id = ? AND o.type IN ('U ', 'V ') AND o.is_ms_shipped = 0{only}"
)
_COLUMNS = (
    "SELECT c.object_id, c.column_id, c.name FROM sys.columns c JOIN sys.objects o ON o.object_id = c.object_id"
    " WHERE o.schema_id = ? AND o.type IN ('U ', 'V ') AND o.is_ms_shipped = 0{only}"
)
_PROPERTIES = (
    "SELECT e.class, e.major_id, e.minor_id, e.name, CAST(e.value AS nvarchar(4000)) FROM sys.extended_properties e"
    " LEFT JOIN sys.objects o ON e.class = 1 AND o.object_id = e.major_id"
    " WHERE (e.name = ? OR SUBSTRING(e.name, 1, ?) = ?)"
    " AND ((e.class = 3 AND e.major_id = ?) OR (e.class = 1 AND o.schema_id = ?{only}))"
)
_OF_DATABASE = (
    "SELECT e.class, e.major_id, e.minor_id, e.name, CAST(e.value AS nvarchar(4000)) FROM sys.extended_properties e"
    " WHERE (e.name = ? OR SUBSTRING(e.name, 1, ?) = ?) AND e.class = 0"
)
_CLASSIFICATIONS = (
    "SELECT k.major_id, k.minor_id, k.label, k.label_id, k.information_type, k.information_type_id, k.rank_desc"
    " FROM sys.sensitivity_classifications k JOIN sys.objects o ON o.object_id = k.major_id"
    " WHERE o.schema_id = ?{only}"
)
_PARTS = ("LABEL", "LABEL_ID", "INFORMATION_TYPE", "INFORMATION_TYPE_ID", "RANK")
#: A query takes 2,100 parameters: https://learn.microsoft.com/en-us/sql/sql-server/maximum-capacity-specifications-for-sql-server
_MOST_LISTED = 1000


def database_state(ask: Ask, partition: Partition, prefix: str) -> SourceState:
    """The database of the connection. Raises what `ask` does."""
    found = ask(_DATABASE)
    if not found:
        return {}
    ((id_, owner),) = found
    texts, tags = _properties(ask(_OF_DATABASE, DESCRIPTION, len(prefix), prefix), prefix)
    own = partition.path
    key = (0, 0, 0)
    return {own: SourceObject(own, "database", str(id_), texts.get(key), owner, tags.get(key, {}))}


def schema_state(
    ask: Ask,
    partition: Partition,
    schema: str,
    only: Collection[str] | None,
    *,
    prefix: str,
    parts: Mapping[str, str] | None,
) -> SourceState:
    """The schema, its tables (`only` those named) and their columns; `schema` is the source's name.

    Tags are the extended properties that begin with `prefix`, or with `parts` the classifications of columns: the key
    for each part. Raises what `ask` does.
    """
    found = [row for row in ask(_SCHEMA, schema) if row[2] == schema]
    if not found:
        return {}
    ((database_id, schema_id, _, owner),) = found
    listed, names = _listed(only)
    texts, tags = _properties(
        ask(_PROPERTIES.format(only=listed), DESCRIPTION, len(prefix), prefix, schema_id, schema_id, *names), prefix
    )
    if parts is not None:
        tags = {}
        for (major, minor), held in classifications(ask, schema_id, only).items():
            tags[1, major, minor] = {key: held[part] for key, part in parts.items() if part in held}
    own, key = partition.path, (3, schema_id, 0)
    state: SourceState = {
        own: SourceObject(own, "schema", f"{database_id}:{schema_id}", texts.get(key), owner, tags.get(key, {}))
    }
    if only is not None and not only:
        return state
    tables: dict[int, tuple[Path, str]] = {}
    for id_, name, type_, owner, in_memory, external, indexed in ask(_OBJECTS.format(only=listed), schema_id, *names):
        # Names that differ by case alone pass for the same in most databases, and not in a catalog.
        if only is None or name in only:
            path, key = (*own, name), (1, id_, 0)
            kind = _kind(type_, bool(in_memory), bool(external), indexed is not None)
            tables[id_] = path, kind
            state[path] = SourceObject(path, kind, f"{database_id}:{id_}", texts.get(key), owner, tags.get(key, {}))
    for id_, number, name in ask(_COLUMNS.format(only=listed), schema_id, *names):
        if id_ in tables:
            (table, kind), key = tables[id_], (1, id_, number)
            path = (*table, name)
            state[path] = SourceObject(
                path, f"{kind} column", f"{database_id}:{id_}:{number}", texts.get(key), tags=tags.get(key, {})
            )
    return state


def classifications(ask: Ask, schema_id: int, only: Collection[str] | None) -> dict[tuple[int, int], dict[str, str]]:
    """The parts of the classifications in a schema, by the ids of the table and the column. Raises what `ask` does."""
    listed, names = _listed(only)
    return {
        (major, minor): {part: value for part, value in zip(_PARTS, values, strict=True) if value}
        for major, minor, *values in ask(_CLASSIFICATIONS.format(only=listed), schema_id, *names)
    }


def _listed(only: Collection[str] | None) -> tuple[str, list[str]]:
    """The end of a condition, and its parameters."""
    if only is None or len(only) > _MOST_LISTED:
        return "", []
    return f" AND o.name IN ({', '.join('?' * len(only)) or 'NULL'})", sorted(only)


def _properties(rows: list[Any], prefix: str) -> tuple[dict[tuple[int, int, int], str], Tags]:
    """Descriptions and tags by class, major and minor id."""
    texts: dict[tuple[int, int, int], str] = {}
    tags: dict[tuple[int, int, int], dict[str, str]] = {}
    for class_, major, minor, name, value in rows:
        if name == DESCRIPTION:
            # A property without a value is there all the same, and is updated and not added.
            texts[class_, major, minor] = value or ""
        elif name.startswith(prefix):
            tags.setdefault((class_, major, minor), {})[name[len(prefix) :]] = value or ""
    return texts, tags


def _kind(type_: str, in_memory: bool, external: bool, indexed: bool) -> str:
    if type_.strip() == "V":
        return "indexed view" if indexed else "view"
    return "memory-optimized table" if in_memory else "external table" if external else "table"


assert LONGEST < 4000, "what is cast to nvarchar(4000) is read as a whole"
