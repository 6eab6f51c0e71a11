"""What the information schema of a catalog says: a constant number of queries, and one for each table with structs.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-information-schema: every catalog of Unity Catalog has
one, which shows what its reader has any privilege on. It does not show the comments of fields; those are told by
https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-aux-describe-table. When something was made is
asked for as a number, which is the same in every time zone:
https://docs.databricks.com/aws/en/sql/language-manual/functions/unix_millis.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from reverse_metadata.connectors.databricks import kinds
from reverse_metadata.connectors.databricks.sql import literal, named, select
from reverse_metadata.connectors.sql import Row
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Partition, Path, SourceObject, SourceState

#: The rows of a query; the first argument is for messages.
Ask = Callable[[str, str], list[Row]]
#: More names than this are not listed in a query, and all tables are read instead.
_MOST_NAMES = 500


def catalog_state(ask: Ask, partition: Partition, path: Path) -> SourceState:
    """The catalog; `path` has the source's names. Raises SourceError."""
    what, relation = f"catalog {path[0]}", f"{named(path)}.information_schema"
    where = f"catalog_name = {literal(path[0])}"
    found = ask(what, select("catalog_owner, comment, unix_millis(created)", f"{relation}.catalogs", where))
    if not found:
        return {}
    owner, comment, created = found[0]
    tags = ask(what, select("tag_name, tag_value", f"{relation}.catalog_tags", where))
    own = partition.path
    held = {str(key): str(value or "") for key, value in tags}
    return {own: SourceObject(own, "catalog", str(created), comment, owner, held)}


def schema_state(ask: Ask, partition: Partition, path: Path, only: Collection[str] | None, nested: bool) -> SourceState:
    """The schema, its tables (`only` those named), their columns, and with `nested` the fields of structs.

    `path` has the source's names. Raises SourceError.
    """
    what, relation = f"schema {'.'.join(path)}", f"{named(path[:1])}.information_schema"
    of_schema, named_ones = f"= {literal(path[1])}", among(only)
    where = f"schema_name {of_schema}"
    found = ask(what, select("schema_owner, comment, unix_millis(created)", f"{relation}.schemata", where))
    if not found:
        return {}
    owner, comment, created = found[0]
    own = partition.path
    # A table without a name stands for the schema, and a column without one for its table.
    tags = _by_place(ask(what, _all_tags(relation, where, named_ones)))
    state: SourceState = {own: SourceObject(own, "schema", str(created), comment, owner, tags.get(("", ""), {}))}
    if only is not None and not only:
        return state
    asked = {name.lower(): name for name in only or ()}
    where = f"table_schema {of_schema}{named_ones}"
    items = "table_name, table_type, data_source_format, table_owner, comment, unix_millis(created)"
    for name, table_type, format, owner, comment, created in ask(what, select(items, f"{relation}.tables", where)):
        if only is None or name in asked:
            table = (*own, spelling(name, asked))
            kind = kinds.of_table(table_type, format or "")
            state[table] = SourceObject(table, kind, str(created), comment, owner, tags.get((name, ""), {}))
    structs: dict[str, Path] = {}
    items = "table_name, column_name, full_data_type, comment"
    for name, column, data_type, comment in ask(what, select(items, f"{relation}.columns", where)):
        table = (*own, spelling(name, asked))
        if table not in state:
            continue
        kind, held = kinds.of_column(state[table].kind), tags.get((name, column), {})
        place = (*table, column)
        state[place] = SourceObject(place, kind, state[table].object_id, comment, None, held)
        if kind == "column" and "struct<" in str(data_type).lower():
            structs[name] = table
    if nested:
        for name, table in structs.items():
            state |= _fields(ask, (*path, name), table, state[table].object_id)
    return state


def spelling(name: str, asked: Mapping[str, str]) -> str:
    """The name of a table as it was asked for: names are kept in lower case, and the catalog may hold capitals."""
    return asked.get(name, name)


def among(only: Collection[str] | None) -> str:
    """The condition that leaves the named tables, "" for all of them and where the names are too many to be listed."""
    if not only or len(only) > _MOST_NAMES:
        return ""
    return f" AND table_name IN ({', '.join(literal(name.lower()) for name in sorted(only))})"


def _all_tags(relation: str, where: str, named_ones: str) -> str:
    return " UNION ALL ".join(
        (
            select("'' AS table_name, '' AS column_name, tag_name, tag_value", f"{relation}.schema_tags", where),
            select("table_name, '' AS column_name, tag_name, tag_value", f"{relation}.table_tags", where + named_ones),
            select("table_name, column_name, tag_name, tag_value", f"{relation}.column_tags", where + named_ones),
        )
    )


def _by_place(rows: list[Row]) -> dict[tuple[str, str], dict[str, str]]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    for table, column, key, value in rows:
        found.setdefault((table, column), {})[key] = value or ""
    return found


def _fields(ask: Ask, path: Path, table: Path, object_id: str) -> SourceState:
    """The fields of all structs of a table. What the reader may not describe, or is gone by now, has none."""
    try:
        ((told,),) = ask(f"the fields of table {'.'.join(path)}", f"DESCRIBE TABLE EXTENDED {named(path)} AS JSON")
    except SourceError as error:
        if error.reason in (Reason.MISSING_OBJECT, Reason.MISSING_PRIVILEGE):
            return {}
        raise
    state: SourceState = {}
    for column in json.loads(told)["columns"]:
        for names, elements, comment in _parts(column["type"], (column["name"],), ()):
            place = (*table, *names)
            state[place] = SourceObject(place, kinds.of_field(elements), object_id, comment)
    return state


def _parts(
    described: Mapping[str, Any], names: Path, elements: tuple[int, ...]
) -> Iterator[tuple[Path, tuple[int, ...], str | None]]:
    """The fields below a type: names, the places of arrays on the way, and the comment. A map has none for the
    catalog."""
    if described["name"] == "array":
        yield from _parts(described["element_type"], names, (*elements, len(names)))
    elif described["name"] == "struct":
        for field in described["fields"]:
            below = (*names, field["name"])
            yield below, elements, field.get("comment")
            yield from _parts(field["type"], below, elements)
