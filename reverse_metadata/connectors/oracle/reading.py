"""What Oracle's dictionary says of a schema: a constant number of queries.

The views: https://docs.oracle.com/en/database/oracle/oracle-database/23/refrn/static-data-dictionary-views.html
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from reverse_metadata.connectors.oracle.names import nameable, to_catalog, to_dictionary
from reverse_metadata.connectors.oracle.sql import KINDS
from reverse_metadata.model import Partition, SourceObject, SourceState

#: Runs a query with its binds.
Ask = Callable[[str, dict[str, Any]], list[tuple[Any, ...]]]

_SCHEMA = "SELECT user_id FROM all_users WHERE username = :owner"
# What was dropped and may come back has a name that begins with BIN$.
_OBJECTS = (
    "SELECT object_name, object_type, object_id FROM all_objects WHERE owner = :owner"
    " AND object_type IN ('TABLE', 'VIEW', 'MATERIALIZED VIEW') AND object_name NOT LIKE 'BIN$%'{only}"
)
_TABLES = "SELECT table_name, comments FROM all_tab_comments WHERE owner = :owner{only}"
_MATERIALIZED = "SELECT mview_name, comments FROM all_mview_comments WHERE owner = :owner{only}"
_COLUMNS = "SELECT table_name, column_name, comments FROM all_col_comments WHERE owner = :owner{only}"
# What a column has from its domain is the domain's.
_ANNOTATIONS = (
    "SELECT object_name, column_name, annotation_name, annotation_value FROM all_annotations_usage"
    " WHERE annotation_owner = :owner AND domain_name IS NULL{only}"
)
#: So many names can be listed: https://docs.oracle.com/en/error-help/db/ora-01795/
_MOST_LISTED = 1000


def schema_state(
    ask: Ask, partition: Partition, schema: str, only: Collection[str] | None, *, annotations: bool
) -> SourceState:
    """The schema, its tables (`only` those named) and their columns; `schema` is the dictionary's name.

    Raises what `ask` does.
    """
    user = ask(_SCHEMA, {"owner": schema})
    if not user:
        return {}
    own = partition.path
    state: SourceState = {own: SourceObject(own, "schema", str(user[0][0]))}
    names = None if only is None else sorted(filter(nameable, map(to_dictionary, only)))
    if names is not None and not names:
        return state

    def found(query: str, column: str) -> Sequence[tuple[Any, ...]]:
        if names is None or len(names) > _MOST_LISTED:
            return ask(query.format(only=""), {"owner": schema})
        binds = {f"n{number}": name for number, name in enumerate(names)}
        listed = f" AND {column} IN ({', '.join(f':{bind}' for bind in binds)})"
        return ask(query.format(only=listed), {"owner": schema, **binds})

    objects: dict[str, tuple[str, str]] = {}
    for name, kind, object_id in found(_OBJECTS, "object_name"):
        # A materialized view is listed as the table that holds its rows, too.
        if kind == "MATERIALIZED VIEW" or name not in objects:
            objects[name] = KINDS[kind], str(object_id)
    tags: dict[tuple[str, str | None], dict[str, str]] = {}
    if annotations:
        for name, column, key, value in found(_ANNOTATIONS, "object_name"):
            tags.setdefault((name, column), {})[key] = value or ""
    comments = dict(found(_TABLES, "table_name")) | dict(found(_MATERIALIZED, "mview_name"))
    wanted = None if names is None else set(names)
    for name, (kind, object_id) in objects.items():
        shown = to_catalog(name)
        if shown is not None and (wanted is None or name in wanted):
            path = (*own, shown)
            state[path] = SourceObject(path, kind, object_id, comments.get(name), tags=tags.get((name, None), {}))
    for name, column, comment in found(_COLUMNS, "table_name"):
        shown, below = to_catalog(name), to_catalog(column)
        if shown is not None and below is not None and (*own, shown) in state:
            kind, object_id = objects[name]
            path = (*own, shown, below)
            state[path] = SourceObject(
                path, f"{kind} column", f"{object_id}:{column}", comment, tags=tags.get((name, column), {})
            )
    return state
