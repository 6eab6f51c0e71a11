"""Glue's tables and databases as it answers them, and the same as it takes them back.

https://docs.aws.amazon.com/glue/latest/webapi/API_Table.html, API_TableInput.html, API_Database.html and
API_DatabaseInput.html there. An update replaces all of it: what is not sent back is lost.
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Change, EntityType, Verdict

Json = dict[str, Any]

#: What a comment and a description cannot hold: the negation of the patterns that Glue publishes for them,
#: https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html and API_TableInput.html.
_NO_COMMENT = re.compile(r"[\x00-\x08\x0a-\x1f\ud800-\udfff\ufffe\uffff]")
_NO_DESCRIPTION = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
#: The pattern and length of a name.
_NAME = re.compile(r"[^\x00-\x08\x0a-\x1f\ud800-\udfff\ufffe\uffff]{1,255}")
_BREAK = re.compile(r"[\r\n]")

_DEFINED = "Glue gives the definition of a {} in another form than it takes it back, and an update would lose it"
#: Kinds of tables whose description is not written, with the reason.
READ_ONLY = {
    "resource link": "a resource link stands for an object of another database, which is the one to describe",
    "federated table": "a federated table is described in the source that it comes from",
    "multi-dialect view": _DEFINED.format("multi-dialect view"),
    "materialized view": _DEFINED.format("materialized view"),
}
_READ_ONLY_SCHEMAS = {
    "linked schema": "a resource link stands for a database of another catalog, which is the one to describe",
    "federated schema": "a federated database is described in the source that it comes from",
}
_WITHIN = {"linked schema": "resource link", "federated schema": "federated table"}
_COLUMN_OF = "column of a "
#: The kind of a field of a struct, which is a column in the catalog.
FIELD = "field"


class MissingColumn(SourceError):
    """A column is gone, and its table is not."""


def nameable(name: str) -> bool:
    """Whether anything in Glue can have this name."""
    return _NAME.fullmatch(name) is not None


def schema_kind(database: Mapping[str, Any]) -> str:
    """The kind of a database of Glue."""
    if database.get("TargetDatabase"):
        return "linked schema"
    return "federated schema" if database.get("FederatedDatabase") else "schema"


def table_kind(table: Mapping[str, Any], schema: str = "schema") -> str:
    """The kind of a table in a database of the kind `schema`."""
    if table.get("TargetTable"):
        return "resource link"
    if table.get("FederatedTable"):
        return "federated table"
    if schema in _WITHIN:
        return _WITHIN[schema]
    if table.get("IsMaterializedView"):
        return "materialized view"
    if table.get("IsMultiDialectView") or table.get("ViewDefinition"):
        return "multi-dialect view"
    if is_view(table):
        return "view"
    parameters = table.get("Parameters") or {}
    return "iceberg table" if parameters.get("table_type", "").upper() == "ICEBERG" else "table"


def is_view(table: Mapping[str, Any]) -> bool:
    """Whether it is a view, whose parameter `comment` is the engine's own: `Presto View` and `Presto Materialized View`
    tell Athena and Trino apart what it is.

    https://github.com/trinodb/trino/blob/master/plugin/trino-hive/src/main/java/io/trino/plugin/hive/ViewReaderUtil.java
    """
    return table.get("TableType") == "VIRTUAL_VIEW" or "presto_view" in (table.get("Parameters") or {})


def column_kind(table: str, partitions: bool) -> str:
    """The kind of a column in a table of the kind `table`."""
    if table in READ_ONLY:
        return _COLUMN_OF + table
    return "partition key" if partitions else "column"


def read_only(kind: str) -> str:
    """Why nothing of this kind is described, "" where it is."""
    if kind == FIELD:
        return "the comment of a field is a part of its column's type, which is not rewritten"
    table = kind.removeprefix(_COLUMN_OF)
    return READ_ONLY.get(table) or _READ_ONLY_SCHEMAS.get(table, "")


def is_link(kind: str) -> bool:
    """Whether it only stands for something else."""
    return kind.removeprefix(_COLUMN_OF) in ("resource link", "linked schema")


def refused_text(level: EntityType, text: str) -> tuple[Verdict, str] | None:
    """The verdict and reason when Glue cannot hold a description."""
    if level is EntityType.COLUMN and _BREAK.search(text):
        return Verdict.INVALID, "Glue takes no line breaks in the comment of a column; remove them"
    if (_NO_COMMENT if level is EntityType.COLUMN else _NO_DESCRIPTION).search(text):
        return Verdict.INVALID, "Glue takes no control characters and no halves of surrogate pairs; remove them"
    return None


def columns(table: Mapping[str, Any]) -> Iterator[tuple[Json, bool]]:
    """Every column, and whether it is a partition key.

    Iceberg leaves columns that were dropped in Glue's list, with a mark:
    https://github.com/apache/iceberg/blob/main/aws/src/main/java/org/apache/iceberg/aws/glue/IcebergToGlueConverter.java
    """
    for column in (table.get("StorageDescriptor") or {}).get("Columns") or ():
        if (column.get("Parameters") or {}).get("iceberg.field.current") != "false":
            yield column, False
    for column in table.get("PartitionKeys") or ():
        yield column, True


def description(table: Mapping[str, Any]) -> str | None:
    """What a table is described as, which stands in two places.

    `Description` is what Glue shows, and the parameter `comment` what Athena shows. Where they differ, both are told:
    either one alone could pass for the catalog's while the other is not. In a view the parameter belongs to the engine.
    """
    text, comment = table.get("Description") or "", _comment(table)
    if not text or not comment or text == comment:
        return text or comment or None
    return f"{text}\n(the table's parameter 'comment': {comment})"


def _comment(table: Mapping[str, Any]) -> str:
    return "" if is_view(table) else (table.get("Parameters") or {}).get("comment") or ""


def as_input(found: Mapping[str, Any], shape: Any) -> Json:
    """All of an answer that an input of this shape of botocore's has a place for, as a copy."""

    def fitting(value: Any, shape: Any) -> Any:
        if value is not None and shape.type_name == "structure":
            return {
                name: fitting(value[name], member)
                for name, member in shape.members.items()
                if value.get(name) is not None
            }
        if value is not None and shape.type_name == "list":
            return [fitting(each, shape.member) for each in value]
        return deepcopy(value)

    fitted: Json = fitting(found, shape)
    return fitted


def describe_table(table: Json, changes: tuple[Change, ...], named: str) -> None:
    """Write the changes of a table and its columns into its input; `named` is the table for messages.

    Raises MissingColumn.
    """
    for change in changes:
        if change.type is EntityType.TABLE:
            _set(table, "Description", change.value)
            if not is_view(table) and (change.value is not None or table.get("Parameters")):
                _set(table.setdefault("Parameters", {}), "comment", change.value)
            continue
        meant = [column for column, _ in columns(table) if column["Name"] == change.path[3]]
        if len(change.path) > 4 or not meant:
            raise MissingColumn(
                Reason.MISSING_OBJECT,
                f"{named} has no column {'.'.join(change.path[3:])}. It was dropped since it was read; the next run "
                "reads it.",
            )
        for column in meant:
            _set(column, "Comment", change.value)


def describe_database(database: Json, changes: tuple[Change, ...]) -> None:
    """Write the change of a database into its input."""
    for change in changes:
        _set(database, "Description", change.value)


def _set(holder: Json, name: str, value: str | None) -> None:
    if value is None:
        holder.pop(name, None)
    else:
        holder[name] = value
