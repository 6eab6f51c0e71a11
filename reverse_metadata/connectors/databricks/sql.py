"""The SQL that carries changes. Pure text: no connection, no driver.

Texts and names are literals: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-comment and its
neighbours take no parameters where a comment, a tag or an owner stands.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from reverse_metadata.connectors.base import ordered
from reverse_metadata.connectors.databricks import kinds
from reverse_metadata.dialects import DIALECTS
from reverse_metadata.model import Aspect, Change, EntityType, Path, Statement

_SPARK = DIALECTS["databricks"]
#: The most characters of texts in one statement; Databricks takes 16 MiB:
#: https://docs.databricks.com/api/workspace/statementexecution/executestatement.
_MOST = 500_000


def literal(text: str) -> str:
    """A text. Raises Unwritable."""
    return _SPARK.literal(text)


def named(path: Iterable[str]) -> str:
    """A name of several parts. Raises Unwritable."""
    return ".".join(map(_SPARK.identifier, path))


def select(items: str, relation: str, conditions: str) -> str:
    """A query, of literals and names that are written already."""
    return f"SELECT {items} FROM {relation} WHERE {conditions}"  # noqa: S608


def places(change: Change, path: Path) -> Path:
    """The names of a change's object in the source, those of catalog, schema and table in lower case, as Unity Catalog
    keeps them, and of its column or field with the `element` of each array in between.

    https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-names, https://docs.databricks.com/aws/en/delta/update-schema.
    """
    below = [[name] for name in path[3:]]
    for place in kinds.elements_of(change.kind):
        below[place - 1].append("element")
    return (*(name.lower() for name in path[:3]), *(name for names in below for name in names))


def resolve(changes: Iterable[Change], rewritten: Callable[[Path], Path], *, together: bool) -> list[Statement]:
    """The statements in the order in which they are sent. With `together` one describes all columns of a table."""
    statements: list[Statement] = []
    for (aspect, _), group in groupby(ordered(changes), key=lambda change: (change.aspect, change.table)):
        each = [(change, places(change, rewritten(change.path))) for change in group]
        match aspect:
            case Aspect.DESCRIPTION:
                statements += _descriptions(each, together)
            case Aspect.TAGS:
                statements += _tags(each)
            case Aspect.OWNER:
                statements += [Statement(_owner(change, path), (change,)) for change, path in each]
    return statements


def _descriptions(each: list[tuple[Change, Path]], together: bool) -> Iterator[Statement]:
    """That of the table by itself, those of its columns as many at once as they may stand."""
    columns = [pair for pair in each if _altered_by_table(pair[0])]
    for change, path in each:
        if not _altered_by_table(change):
            yield Statement(_comment(change, path), (change,))
    for chunk in _chunks(columns) if together else ([pair] for pair in columns):
        yield Statement(_column_comments(chunk), tuple(change for change, _ in chunk))


def _altered_by_table(change: Change) -> bool:
    """Whether ALTER TABLE describes it, which no column of a view has."""
    return change.type is EntityType.COLUMN and kinds.ALTERED.get(kinds.table_of(change.kind)) == "TABLE"


def _chunks(columns: list[tuple[Change, Path]]) -> Iterator[list[tuple[Change, Path]]]:
    chunk: list[tuple[Change, Path]] = []
    length = 0
    for change, path in columns:
        alone = kinds.table_of(change.kind) == "plain table"
        length += len(change.value or "")
        if chunk and (alone or length > _MOST):
            yield chunk
            chunk, length = [], len(change.value or "")
        chunk.append((change, path))
    if chunk:
        yield chunk


def _comment(change: Change, path: Path) -> str:
    """COMMENT ON. For a view of the Hive metastore it is a property, as Spark has it:
    https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-alter-view."""
    if path[0] == kinds.LEGACY and change.kind == "view":
        if change.value is None:
            return f"ALTER VIEW {named(path)} UNSET TBLPROPERTIES IF EXISTS ('comment')"
        return f"ALTER VIEW {named(path)} SET TBLPROPERTIES ('comment' = {literal(change.value)})"
    keyword = ("CATALOG", "SCHEMA", "TABLE", "COLUMN")[len(path) - 1]
    return f"COMMENT ON {keyword} {named(path)} IS {'NULL' if change.value is None else literal(change.value)}"


def _column_comments(chunk: list[tuple[Change, Path]]) -> str:
    """ALTER COLUMN, which knows no NULL; several columns from Databricks Runtime 16.3 on:
    https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-alter-table-manage-column."""
    table = named(chunk[0][1][:3])
    comments = (f"{named(path[3:])} COMMENT {literal(change.value or '')}" for change, path in chunk)
    return f"ALTER TABLE {table} ALTER COLUMN {', '.join(comments)}"


def _tags(each: list[tuple[Change, Path]]) -> Iterator[Statement]:
    """SET TAGS and UNSET TAGS, of one object or one column a statement:
    https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-alter-table."""
    for (path, unset), group in groupby(
        sorted(each, key=lambda pair: (len(pair[1]), pair[1], pair[0].value is None)),
        key=lambda pair: (pair[1], pair[0].value is None),
    ):
        changes = tuple(change for change, _ in group)
        if unset:
            clause = f"UNSET TAGS ({', '.join(literal(change.tag_key) for change in changes)})"
        else:
            clause = f"SET TAGS {_SPARK.tags([(change.tag_key, change.value or '') for change in changes])}"
        yield Statement(f"{_tagged(changes[0], path)} {clause}", changes)


def _tagged(change: Change, path: Path) -> str:
    if len(path) <= 3:
        return f"ALTER {kinds.ALTERED[change.kind]} {named(path)}"
    # Columns of views have it from ALTER TABLE:
    # https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-alter-view-manage-column.
    table = kinds.table_of(change.kind)
    keyword = "TABLE" if table == "view" else kinds.ALTERED[table]
    return f"ALTER {keyword} {named(path[:3])} ALTER COLUMN {named(path[3:])}"


def _owner(change: Change, path: Path) -> str:
    """SET OWNER TO, in the form that every page has:
    https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-alter-materialized-view."""
    return f"ALTER {kinds.ALTERED[change.kind]} {named(path)} SET OWNER TO {principal(str(change.value))}"


def principal(name: str) -> str:
    """A user, group or application id, always in quotes. Raises Unwritable."""
    (quoted,) = (each for each in _SPARK.quotes if each.name)
    return quoted.opening + _SPARK.identifier_content(name, quoted.opening) + quoted.closing
