"""The words for what stands in a metastore, and what each can be told. Pure data: no connection, no driver.

`table_type`: https://docs.databricks.com/aws/en/sql/language-manual/information-schema/tables.
"""

import re
from collections.abc import Iterable

#: The catalog of a workspace's own Hive metastore, which Unity Catalog knows nothing of.
LEGACY = "hive_metastore"

_TYPES = {
    "MANAGED": "table",
    "MANAGED_SHALLOW_CLONE": "table",
    "EXTERNAL": "external table",
    "EXTERNAL_SHALLOW_CLONE": "external table",
    "FOREIGN": "foreign table",
    "VIEW": "view",
    "MATERIALIZED_VIEW": "materialized view",
    "STREAMING_TABLE": "streaming table",
}
#: Formats whose schema can be changed in many places at once, and inside of structs.
_EVOLVING = {"DELTA", "ICEBERG"}
#: What ALTER calls each kind.
ALTERED = {
    "catalog": "CATALOG",
    "schema": "SCHEMA",
    "table": "TABLE",
    "external table": "TABLE",
    "plain table": "TABLE",
    "foreign table": "TABLE",
    "view": "VIEW",
    "materialized view": "MATERIALIZED VIEW",
    "streaming table": "STREAMING TABLE",
}
_USUAL = ("table", "external table")
_PART = re.compile(r"(?P<level>column|field)(?: of an? (?P<table>.*?))?(?: in elements at (?P<elements>[\d, ]+))?")


def of_table(table_type: str, format: str) -> str:
    """The kind of a table; a plain one consists of files that are neither Delta Lake's nor Iceberg's."""
    kind = _TYPES.get(table_type, table_type.lower().replace("_", " "))
    return "plain table" if kind in _USUAL and format.upper() not in _EVOLVING else kind


def of_column(table: str) -> str:
    """The kind of a column of a kind of table."""
    return "column" if table in _USUAL else f"column of a {table}"


def of_field(elements: Iterable[int]) -> str:
    """The kind of a field of a struct. `elements` are the places on its path below the table, counted from 1, at which
    an array stands, whose elements go without a name in the catalog; an array of arrays is named twice."""
    places = ", ".join(map(str, elements))
    return f"field in elements at {places}" if places else "field"


def table_of(kind: str) -> str:
    """The kind of the table that a column or field of this kind is part of."""
    part = _PART.fullmatch(kind)
    return (part["table"] if part else None) or "table"


def elements_of(kind: str) -> list[int]:
    """As `of_field` was given them."""
    part = _PART.fullmatch(kind)
    return [int(place) for place in part["elements"].split(", ")] if part and part["elements"] else []
