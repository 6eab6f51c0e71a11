"""What the Hive metastore of a workspace says, which has no information schema: two queries, and one for each table.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-aux-describe-schema,
https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-aux-show-tables and
https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-aux-describe-table. Owners and tags are Unity
Catalog's; what DESCRIBE calls the owner is whoever created the table.
"""

from collections.abc import Collection

from reverse_metadata.connectors.databricks import kinds
from reverse_metadata.connectors.databricks.reading import Ask, spelling
from reverse_metadata.connectors.databricks.sql import named
from reverse_metadata.connectors.sql import Row
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Partition, Path, SourceObject, SourceState


def schema_state(ask: Ask, partition: Partition, path: Path, only: Collection[str] | None) -> SourceState:
    """The schema, its tables (`only` those named) and their columns; `path` has the source's names.

    Raises SourceError.
    """
    what, own = f"schema {'.'.join(path)}", partition.path
    facts = {row[0]: row[1] for row in ask(what, f"DESCRIBE SCHEMA EXTENDED {named(path)}")}
    state: SourceState = {own: SourceObject(own, "schema", description=facts.get("Comment"))}
    if only is not None and not only:
        return state
    asked = {name.lower(): name for name in only or ()}
    for _, name, temporary, *_ in ask(what, f"SHOW TABLES IN {named(path)}"):
        if not temporary and (only is None or name in asked):
            state |= _table(ask, (*path, name), (*own, spelling(name, asked)))
    return state


def _table(ask: Ask, path: Path, table: Path) -> SourceState:
    try:
        rows = ask(f"table {'.'.join(path)}", f"DESCRIBE TABLE EXTENDED {named(path)}")
    except SourceError as error:
        if error.reason is Reason.MISSING_OBJECT:
            # It was dropped since it was listed.
            return {}
        raise
    columns, facts = _split(rows)
    kind = kinds.of_table(facts.get("Type", ""), facts.get("Provider", ""))
    created = facts.get("Created Time", "")
    state: SourceState = {table: SourceObject(table, kind, created, facts.get("Comment"))}
    for name, comment in columns.items():
        column = (*table, name)
        state[column] = SourceObject(column, kinds.of_column(kind), created, comment)
    return state


def _split(rows: list[Row]) -> tuple[dict[str, str | None], dict[str, str]]:
    """The comments of the columns, which end with a line that is blank or begins a part, and the facts of the table."""
    columns: dict[str, str | None] = {}
    for name, _, comment in rows:
        if not name or name.startswith("# "):
            break
        columns[name] = comment
    begins = next((number for number, row in enumerate(rows) if row[0] == "# Detailed Table Information"), len(rows))
    return columns, {row[0]: row[1] for row in rows[begins + 1 :]}
