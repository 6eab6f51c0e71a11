"""The SQL that carries a change. Pure text: no connection, no driver.

Every name is quoted, so that it means itself whatever its letter case; nothing of it can be bound as a parameter.
The pages are at https://docs.snowflake.com/en/sql-reference/sql/: alter-database, alter-schema, alter-table,
alter-table-event-table, alter-view, alter-materialized-view, alter-dynamic-table, alter-iceberg-table and comment for
the objects, alter-table-column for columns, grant-ownership for owners, create-tag for tags.

Three forms are not on these pages. The comment of an external table and of the columns of external tables and
materialized views goes by COMMENT ON, whose page names no kinds; that of a column of a view by ALTER VIEW ... ALTER
COLUMN ... COMMENT, which dbt and SQLMesh send and test against Snowflake.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from reverse_metadata.connectors.base import ordered
from reverse_metadata.connectors.characters import storable
from reverse_metadata.dialects.snowflake import dotted, literal, quoted
from reverse_metadata.model import Aspect, Change, EntityType, Path, Statement

#: Between two statements of a table, which are sent one after the other.
BETWEEN = ";\n"
#: Tags in one statement: https://docs.snowflake.com/en/user-guide/object-tagging/introduction#tag-quotas
_MOST_TAGS = 100
#: Characters of one statement: Snowflake takes 1 MB of SQL, https://docs.snowflake.com/en/user-guide/query-size-limits
_MOST_CHARACTERS = 250_000


@dataclass(frozen=True, slots=True)
class Kind:
    """By which keyword statements name a kind of object.

    `clears` says whether UNSET COMMENT takes the comment of a column off, or only an empty one. None, where there is no
    such form: `alter` for comments of the object, `columns` for those of its columns, `column_tags` for their tags.
    """

    tagged: str
    owned: str
    alter: str | None
    columns: str | None
    column_tags: str | None
    clears: bool = True


_TABLE = Kind("TABLE", "TABLE", "TABLE", "TABLE", "TABLE")
_VIEW = Kind("VIEW", "VIEW", "VIEW", "VIEW", "VIEW", clears=False)

KINDS: dict[str, Kind] = {
    "database": Kind("DATABASE", "DATABASE", "DATABASE", None, None),
    "schema": Kind("SCHEMA", "SCHEMA", "SCHEMA", None, None),
    "table": _TABLE,
    "transient table": _TABLE,
    "hybrid table": _TABLE,
    "event table": Kind("TABLE", "EVENT TABLE", "TABLE", None, "TABLE"),
    "external table": Kind("TABLE", "EXTERNAL TABLE", None, None, "TABLE"),
    "dynamic table": Kind("DYNAMIC TABLE", "DYNAMIC TABLE", "DYNAMIC TABLE", "DYNAMIC TABLE", "DYNAMIC TABLE"),
    "iceberg table": Kind(
        "ICEBERG TABLE", "ICEBERG TABLE", "ICEBERG TABLE", "ICEBERG TABLE", "ICEBERG TABLE", clears=False
    ),
    "view": _VIEW,
    # https://docs.snowflake.com/en/sql-reference/sql/alter-materialized-view has no tags; ALTER VIEW takes it for them.
    "materialized view": Kind("VIEW", "VIEW", "MATERIALIZED VIEW", None, None),
}
#: The kind of a column is that of its table with this behind it.
COLUMN = " column"


def nameable(name: str) -> bool:
    """Whether something can have this name, of which Snowflake takes 255 characters:
    https://docs.snowflake.com/en/sql-reference/identifiers."""
    return storable(name) and 0 < len(name) <= 255


def kind_of(*changes: Change) -> Kind:
    """How statements name the object that changes are about, or whose columns; a table, when nobody read its kind."""
    known = (KINDS.get(change.kind.removesuffix(COLUMN)) for change in changes)
    return next((kind for kind in known if kind is not None), _TABLE)


def select(columns: str, source: str, *conditions: str) -> str:
    """A query. Whoever asks writes names and texts of others as `quoted` and `literal` do."""
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {columns} FROM {source}{where}"  # noqa: S608


def equal(column: str, text: str) -> str:
    """A condition."""
    return f"{column} = {literal(text)}"


def among(column: str, texts: Iterable[str]) -> str:
    """A condition; of texts there is one at least."""
    return f"{column} IN ({', '.join(map(literal, texts))})"


#: The tag that a key means for the table of this path in the source, and whether it must be created first.
TagOf = Callable[[str, Path], tuple[Path, bool]]


def resolve(changes: Iterable[Change], rewritten: Callable[[Path], Path], tag_of: TagOf) -> list[Statement]:
    """One statement for each aspect of a table, in the order in which they are sent.

    Its text is several statements of Snowflake's where no one statement carries all: see `parts`.
    """
    statements = list[Statement]()
    for _, together in groupby(ordered(changes), key=lambda change: (change.aspect, change.table)):
        carried = tuple(together)
        table = rewritten(carried[0].table)
        places = {key: tag_of(key, table) for key in {change.tag_key: None for change in carried} if key}
        statements.append(Statement(BETWEEN.join(_texts(carried, dotted(table), places)), carried))
    return statements


def parts(text: str) -> list[str]:
    """The statements of a text that `resolve` made, whose strings and names may hold semicolons."""
    found, at, start = list[str](), 0, 0
    while at < len(text):
        character = text[at]
        if character in "'\"":
            at = _closing(text, at)
        elif text.startswith(BETWEEN, at):
            found.append(text[start:at])
            at = start = at + len(BETWEEN)
            continue
        at += 1
    return [*found, text[start:]]


def _closing(text: str, at: int) -> int:
    """Where the quotes that open here close; of doubled ones, the first closes and the second opens again."""
    quote = text[at]
    at += 1
    while at < len(text) and text[at] != quote:
        at += 2 if quote == "'" and text[at] == "\\" else 1
    if at >= len(text):
        raise ValueError("a statement of ours holds quotes that nothing closes")
    return at


#: For each key of a tag, see `TagOf`.
Places = Mapping[str, tuple[Path, bool]]


def _texts(changes: tuple[Change, ...], table: str, places: Places) -> Iterator[str]:
    kind = kind_of(*changes)
    match changes[0].aspect:
        case Aspect.DESCRIPTION:
            yield from _comments(changes, kind, table)
        case Aspect.TAGS:
            yield from _tags(changes, kind, table, places)
        case Aspect.OWNER:
            for change in changes:
                if change.value is None:
                    raise ValueError(f"{table} cannot be left without an owner")
                # Without COPY it fails when anybody was granted anything; with REVOKE everybody loses it.
                yield f"GRANT OWNERSHIP ON {kind.owned} {table} TO ROLE {quoted(change.value)} COPY CURRENT GRANTS"


def _comments(changes: tuple[Change, ...], kind: Kind, table: str) -> Iterator[str]:
    own = [change for change in changes if change.type is not EntityType.COLUMN]
    for change in own:
        if kind.alter is None:
            yield f"COMMENT ON TABLE {table} IS {literal(change.value or '')}"
        elif change.value is None:
            yield f"ALTER {kind.alter} {table} UNSET COMMENT"
        else:
            yield f"ALTER {kind.alter} {table} SET COMMENT = {literal(change.value)}"
    columns = [change for change in changes if change.type is EntityType.COLUMN]
    if kind.columns is None:
        for change in columns:
            yield f"COMMENT ON COLUMN {table}.{quoted(change.path[-1])} IS {literal(change.value or '')}"
        return
    items = [_column_comment(change, kind) for change in columns]
    yield from _joined(f"ALTER {kind.columns} {table} ALTER ", items)


def _column_comment(change: Change, kind: Kind) -> str:
    column = f"COLUMN {quoted(change.path[-1])}"
    if change.value is None and kind.clears:
        return f"{column} UNSET COMMENT"
    return f"{column} COMMENT {literal(change.value or '')}"


def _joined(opening: str, items: list[str]) -> Iterator[str]:
    """The items in as few statements as Snowflake's limit of SQL allows."""
    waiting, length = list[str](), 0
    for item in items:
        if waiting and length + len(item) > _MOST_CHARACTERS:
            yield opening + ", ".join(waiting)
            waiting, length = [], 0
        waiting.append(item)
        length += len(item)
    if waiting:
        yield opening + ", ".join(waiting)


def _tags(changes: tuple[Change, ...], kind: Kind, table: str, places: Places) -> Iterator[str]:
    """Those that are missing are created; then tags are set, then taken off, so that no mask falls in between."""
    for key, (path, created) in places.items():
        if created and any(change.value is not None and change.tag_key == key for change in changes):
            yield f"CREATE TAG IF NOT EXISTS {dotted(path)}"
    paths = {key: dotted(path) for key, (path, _) in places.items()}
    for action, chosen in (
        ("SET", [change for change in changes if change.value is not None]),
        ("UNSET", [change for change in changes if change.value is None]),
    ):
        for start in range(0, len(chosen), _MOST_TAGS):
            few = chosen[start : start + _MOST_TAGS]
            own = [_tag(change, paths) for change in few if change.type is not EntityType.COLUMN]
            if own:
                yield f"ALTER {kind.tagged} {table} {action} TAG {', '.join(own)}"
            columns: dict[str, list[str]] = {}
            for change in few:
                if change.type is EntityType.COLUMN:
                    columns.setdefault(change.path[-1], []).append(_tag(change, paths))
            if columns:
                yield f"ALTER {kind.column_tags} {table} MODIFY {_column_tags(columns, action)}"


def _tag(change: Change, paths: Mapping[str, str]) -> str:
    path = paths[change.tag_key]
    return path if change.value is None else f"{path} = {literal(change.value)}"


def _column_tags(columns: Mapping[str, list[str]], action: str) -> str:
    return ", ".join(f"COLUMN {quoted(column)} {action} TAG {', '.join(tags)}" for column, tags in columns.items())
