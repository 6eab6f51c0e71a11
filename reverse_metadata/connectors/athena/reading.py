"""What Glue and Lake Formation hold of a database: pages of tables, and a call a table for its tags."""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC
from typing import Any

from reverse_metadata.connectors.athena import glue, lake
from reverse_metadata.connectors.athena.clients import Call
from reverse_metadata.connectors.athena.types import fields
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Partition, Path, SourceObject, SourceState

#: Most tables that a page can have: https://docs.aws.amazon.com/glue/latest/webapi/API_GetTables.html.
_PAGE = 100


def schema_state(
    call: Call, partition: Partition, name: str, within: Mapping[str, str], only: Collection[str] | None, tagged: bool
) -> SourceState:
    """The database of Glue with its tables (`only` those named) and their columns; `name` is the source's.

    `within` names the catalog for every call, where it is not the caller's own. Raises SourceError.
    """
    what = f"reading schema {name}"
    try:
        database = call("glue", "get_database", what, Name=name, **within)["Database"]
    except SourceError as error:
        if error.reason is Reason.MISSING_OBJECT:
            return {}
        raise
    own = partition.path
    kind = glue.schema_kind(database)
    state: SourceState = {
        own: SourceObject(
            own,
            kind,
            description=database.get("Description"),
            tags=lake.of_database(call, name, within) if tagged and not glue.is_link(kind) else {},
        )
    }
    for table in _tables(call, what, name, within, only):
        for found in _objects(own, table, kind):
            state[found.path] = found
        if tagged and not glue.is_link(glue.table_kind(table, kind)):
            _tag(state, (*own, table["Name"]), lake.of_table(call, name, table["Name"], within))
    return state


def _tables(
    call: Call, what: str, database: str, within: Mapping[str, str], only: Collection[str] | None
) -> Iterator[dict[str, Any]]:
    if only is not None:
        for name in dict.fromkeys(only):
            table = table_of(call, what, database, name, within) if glue.nameable(name) else None
            if table is not None:
                yield table
        return
    asked = {"DatabaseName": database, "MaxResults": _PAGE, **within}
    while True:
        page = call("glue", "get_tables", what, **asked)
        yield from page["TableList"]
        # An empty page may have a successor.
        if not page.get("NextToken"):
            return
        asked["NextToken"] = page["NextToken"]


def table_of(call: Call, what: str, database: str, name: str, within: Mapping[str, str]) -> dict[str, Any] | None:
    """A table as Glue answers it, None when there is none. Raises SourceError."""
    try:
        table: dict[str, Any] = call("glue", "get_table", what, DatabaseName=database, Name=name, **within)["Table"]
    except SourceError as error:
        if error.reason is Reason.MISSING_OBJECT:
            return None
        raise
    return table


def _objects(schema: Path, table: Mapping[str, Any], schema_kind: str) -> Iterator[SourceObject]:
    own, kind = (*schema, table["Name"]), glue.table_kind(table, schema_kind)
    # Glue has no ids; a table that was made anew has another time of creation.
    created = table.get("CreateTime")
    made = "" if created is None else created.astimezone(UTC).isoformat()
    yield SourceObject(own, kind, made, glue.description(table))
    for column, partitions in glue.columns(table):
        path = (*own, column["Name"])
        yield SourceObject(path, glue.column_kind(kind, partitions), made, column.get("Comment"))
        for names in fields(column.get("Type") or ""):
            yield SourceObject((*path, *names), glue.FIELD, made)


def _tag(state: SourceState, table: Path, tags: lake.Tags) -> None:
    for path, own in ((table, tags.table), *(((*table, name), each) for name, each in tags.columns.items())):
        if path in state:
            found = state[path]
            state[path] = SourceObject(path, found.kind, found.object_id, found.description, tags=own)
