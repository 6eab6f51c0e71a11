"""The SQL that carries a change. Pure text: no connection, no driver.

| | |
|---|---|
| comments | https://docs.oracle.com/en/database/oracle/oracle-database/23/sqlrf/COMMENT.html |
| annotations | https://docs.oracle.com/en/database/oracle/oracle-database/23/sqlrf/annotations_clause.html |
| blocks | https://docs.oracle.com/en/database/oracle/oracle-database/23/lnpls/EXECUTE-IMMEDIATE-statement.html |
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from reverse_metadata.connectors.base import ordered
from reverse_metadata.connectors.oracle.names import to_dictionary
from reverse_metadata.dialects.oracle import literal, name_in_quotes
from reverse_metadata.model import Aspect, Change, EntityType, Path, Statement

#: The system's word for each kind that is read, by the word of ALL_OBJECTS.
KINDS = {"TABLE": "table", "VIEW": "view", "MATERIALIZED VIEW": "materialized view"}
_KEYWORDS = {kind: keyword for keyword, kind in KINDS.items()}


def resolve(changes: Iterable[Change], rewritten: Callable[[Path], Path]) -> list[Statement]:
    """One COMMENT a change; the annotations of a table are one statement, those of all its columns another.

    ALTER TABLE takes either `ANNOTATIONS` or `MODIFY`:
    https://docs.oracle.com/en/database/oracle/oracle-database/23/sqlrf/ALTER-TABLE.html.
    """
    statements: list[Statement] = []
    for (aspect, table, level), group in groupby(
        sorted(ordered(changes), key=_together), key=lambda each: (each.aspect, each.table, each.type)
    ):
        together = tuple(group)
        if aspect is Aspect.DESCRIPTION:
            statements += [Statement(_comment(each, _named(each.path, rewritten)), (each,)) for each in together]
        else:
            named = _named(table, rewritten)
            text = _annotate_columns(together, named) if level is EntityType.COLUMN else _annotate(together, named)
            statements.append(Statement(text, together))
    return statements


def block(statements: Sequence[str]) -> str:
    """An anonymous block that runs the statements up to the first that fails.

    It tells through three variables: `:done` is how many ran, `:code` and `:message` what SQLCODE and SQLERRM said.
    Each statement commits itself, so what ran before the failure stays.
    """
    steps = "".join(
        f"EXECUTE IMMEDIATE {literal(statement)};\n:done := {number};\n"
        for number, statement in enumerate(statements, 1)
    )
    return f"BEGIN\n:done := 0;\n{steps}EXCEPTION WHEN OTHERS THEN\n:code := SQLCODE;\n:message := SQLERRM;\nEND;"


def _together(change: Change) -> tuple[int, Path, int]:
    return list(Aspect).index(change.aspect), change.table, len(change.path) if change.aspect is Aspect.TAGS else 0


def _named(path: Path, rewritten: Callable[[Path], Path]) -> tuple[str, ...]:
    """The quoted names below the database, which Oracle does not name."""
    return tuple(name_in_quotes(to_dictionary(name)) for name in rewritten(path)[1:])


def _comment(change: Change, names: tuple[str, ...]) -> str:
    keyword = "COLUMN" if change.type is EntityType.COLUMN else _KEYWORDS[change.kind]
    if keyword == "VIEW":
        keyword = "TABLE"
    return f"COMMENT ON {keyword} {'.'.join(names)} IS {literal(change.value or '')}"


def _annotate(changes: Sequence[Change], names: tuple[str, ...]) -> str:
    return f"ALTER {_KEYWORDS[changes[0].kind]} {'.'.join(names)} {_annotations(changes)}"


def _annotate_columns(changes: Sequence[Change], names: tuple[str, ...]) -> str:
    columns = {each.path[3]: [one for one in changes if one.path == each.path] for each in changes}
    listed = ", ".join(f"{name_in_quotes(to_dictionary(name))} {_annotations(of)}" for name, of in columns.items())
    return f"ALTER TABLE {'.'.join(names)} MODIFY ({listed})"


def _annotations(changes: Sequence[Change]) -> str:
    return f"ANNOTATIONS ({', '.join(map(_annotation, changes))})"


def _annotation(change: Change) -> str:
    key = name_in_quotes(change.tag_key)
    if change.value is None:
        return f"DROP IF EXISTS {key}"
    return f"ADD OR REPLACE {key} {literal(change.value)}" if change.value else f"ADD OR REPLACE {key}"
