"""What Snowflake says of a database or a schema.

https://docs.snowflake.com/en/sql-reference/info-schema: the views show what the role sees, at once.
https://docs.snowflake.com/en/sql-reference/functions/tag_references and .../tag_references_all_columns: one object a
call, with what it inherits; LEVEL says where a tag was set. ACCOUNT_USAGE.TAG_REFERENCES has the whole account and no
inherited tags, and is up to two hours late: https://docs.snowflake.com/en/sql-reference/account-usage/tag_references.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any

from reverse_metadata.connectors.snowflake.sql import COLUMN, among, equal, nameable, select
from reverse_metadata.connectors.snowflake.tags import TagCatalog
from reverse_metadata.dialects.snowflake import dotted, literal, quoted
from reverse_metadata.model import Partition, Path, SourceObject, SourceState

#: Asks a query; what it is about, for messages, and its SQL.
Ask = Callable[[str, str], list[tuple[Any, ...]]]

#: Tables in one query about tags, each of which is two calls.
TABLES_A_QUERY = 100

_REFERENCE = "TAG_DATABASE, TAG_SCHEMA, TAG_NAME, TAG_VALUE, OBJECT_NAME, COLUMN_NAME, LEVEL"
_FLAGS = ("IS_ICEBERG", "IS_DYNAMIC", "IS_HYBRID", "IS_TRANSIENT")
_FLAGGED = {
    "IS_ICEBERG": "iceberg table",
    "IS_DYNAMIC": "dynamic table",
    "IS_HYBRID": "hybrid table",
    "IS_TRANSIENT": "transient table",
}
_TYPES = {
    "VIEW": "view",
    "MATERIALIZED VIEW": "materialized view",
    "EXTERNAL TABLE": "external table",
    "EVENT TABLE": "event table",
}
#: Levels above a table or column: a tag that was set there is inherited.
_ABOVE = ("ACCOUNT", "DATABASE", "SCHEMA")


def database_state(ask: Ask, partition: Partition, path: Path) -> SourceState:
    """The database, without its tags; `path` holds the source's names. Raises SourceError."""
    views = f"{quoted(path[0])}.INFORMATION_SCHEMA"
    query = select("DATABASE_OWNER, COMMENT, CREATED", f"{views}.DATABASES", equal("DATABASE_NAME", path[0]))
    return _container(partition.path, "database", ask(f"database {path[0]}", query))


def schema_state(ask: Ask, partition: Partition, path: Path, only: Collection[str] | None) -> SourceState:
    """The schema, its tables (`only` those named) and their columns, without tags; three queries.

    Raises SourceError.
    """
    what = f"schema {path[1]} of database {path[0]}"
    views = f"{quoted(path[0])}.INFORMATION_SCHEMA"
    own = partition.path
    query = select("SCHEMA_OWNER, COMMENT, CREATED", f"{views}.SCHEMATA", equal("SCHEMA_NAME", path[1]))
    state = _container(own, "schema", ask(what, query))
    names = None if only is None else sorted(name for name in only if nameable(name))
    if not state or names == []:
        return state
    here = [equal("TABLE_SCHEMA", path[1]), *([] if names is None else [among("TABLE_NAME", names)])]
    columns = f"TABLE_NAME, TABLE_OWNER, TABLE_TYPE, COMMENT, CREATED, {', '.join(_FLAGS)}"
    for name, owner, kind, comment, created, *marks in ask(what, select(columns, f"{views}.TABLES", *here)):
        table = (*own, name)
        state[table] = SourceObject(table, _kind(kind, marks), _moment(created), comment or None, owner)
    columns = "TABLE_NAME, COLUMN_NAME, COMMENT"
    for name, column, comment in ask(what, select(columns, f"{views}.COLUMNS", *here)):
        # A table may have come between the two queries; the next run reads it.
        if found := state.get((*own, name)):
            place = (*own, name, column)
            state[place] = SourceObject(place, found.kind + COLUMN, found.object_id, comment or None)
    return state


def with_tags(
    state: SourceState, references: Iterable[tuple[Any, ...]], partition: Partition, path: Path, tags: TagCatalog
) -> SourceState:
    """The state with the tags that were set on each object itself; `references` are rows of `_REFERENCE`, `path` holds
    the source's names of the partition."""
    own = partition.path
    found: dict[Path, dict[str, str]] = {}
    for database, schema, name, value, object_name, column, level in references:
        place = own if level in _ABOVE else (*own, object_name, *([] if column is None else [column]))
        key = tags.key((database, schema, name), path)
        if place in state and key is not None:
            found.setdefault(place, {})[key] = value or ""
    return {place: replace(each, tags=found[place]) if place in found else each for place, each in state.items()}


def live_references(path: Path, tables: list[str]) -> Iterator[str]:
    """The queries that give the tags of a database or schema, and of these tables with their columns."""
    functions = f"{quoted(path[0])}.INFORMATION_SCHEMA"
    level = ("DATABASE", "SCHEMA")[len(path) - 1]
    calls = [f"TAG_REFERENCES({literal(dotted(path))}, '{level}')", *_calls(path, tables)]
    limits = [level, *("TABLE", "COLUMN") * len(tables)]
    selects = [_select(functions, call, limit) for call, limit in zip(calls, limits, strict=True)]
    for start in range(0, len(selects), 2 * TABLES_A_QUERY):
        yield "\nUNION ALL ".join(selects[start : start + 2 * TABLES_A_QUERY])


def late_references(path: Path) -> str:
    """The query that gives the same from ACCOUNT_USAGE, of all tables."""
    columns = "TAG_DATABASE, TAG_SCHEMA, TAG_NAME, TAG_VALUE, OBJECT_NAME, COLUMN_NAME, DOMAIN"
    view, there = "SNOWFLAKE.ACCOUNT_USAGE.TAG_REFERENCES", "OBJECT_DELETED IS NULL"
    if len(path) == 1:
        return select(columns, view, there, "DOMAIN = 'DATABASE'", equal("OBJECT_NAME", path[0]))
    inside = equal("OBJECT_DATABASE", path[0])
    schema = select(columns, view, there, inside, "DOMAIN = 'SCHEMA'", equal("OBJECT_NAME", path[1]))
    domains = "DOMAIN IN ('TABLE', 'COLUMN')"
    return f"{schema}\nUNION ALL {select(columns, view, there, inside, equal('OBJECT_SCHEMA', path[1]), domains)}"


def _calls(path: Path, tables: list[str]) -> Iterator[str]:
    for table in tables:
        name = literal(dotted((*path, table)))
        yield f"TAG_REFERENCES({name}, 'TABLE')"
        yield f"TAG_REFERENCES_ALL_COLUMNS({name}, 'TABLE')"


def _select(functions: str, call: str, level: str) -> str:
    """Only what was set on the object itself: not what it inherits from above."""
    # Whether a view's own tags have the level TABLE or VIEW is not documented, so those above are left out instead.
    own = f"NOT IN ({', '.join(map(literal, _ABOVE))})" if level == "TABLE" else f"= {literal(level)}"
    return select(_REFERENCE, f"TABLE({functions}.{call})", f"LEVEL {own}")


def _container(path: Path, kind: str, rows: list[tuple[Any, ...]]) -> SourceState:
    """The database or schema, if it is there."""
    state: SourceState = {}
    for owner, comment, created in rows:
        state[path] = SourceObject(path, kind, _moment(created), comment or None, owner)
    return state


def _kind(table_type: str, marks: list[str | None]) -> str:
    flagged = [_FLAGGED[flag] for flag, mark in zip(_FLAGS, marks, strict=True) if mark == "YES"]
    return _TYPES.get(table_type) or (flagged[0] if flagged else "table")


def _moment(created: Any) -> str:
    """When an object was created, which is all that tells it from one that took its place."""
    return "" if created is None else f"{created.timestamp():.3f}"
