r"""The T-SQL that carries a change. Pure text: no connection, no driver.

| | |
|---|---|
| descriptions, tags | https://learn.microsoft.com/en-us/sql/relational-databases/system-stored-procedures/sp-addextendedproperty-transact-sql and its neighbours |
| owners | https://learn.microsoft.com/en-us/sql/t-sql/statements/alter-authorization-transact-sql |
| classifications | https://learn.microsoft.com/en-us/sql/t-sql/statements/add-sensitivity-classification-transact-sql |

A description is the extended property `MS_Description`, which the vendor's own tools show. Whether it is added, updated
or dropped goes by what was read of it; each verb fails where another would be right.
"""  # noqa: E501 -- the rows of a table cannot be broken

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

from reverse_metadata.connectors.base import ordered
from reverse_metadata.dialects.mssql import literal, name_in_brackets
from reverse_metadata.model import Change, EntityType, Path, Statement

DESCRIPTION = "MS_Description"
#: https://learn.microsoft.com/en-us/sql/relational-databases/system-stored-procedures/sp-addextendedproperty-transact-sql:
#: a value takes 7,500 bytes of UTF-16.
LONGEST = 3750
_LEVELS = (("level0", "SCHEMA"), ("level1", "TABLE"), ("level2", "COLUMN"))
#: A literal cannot hold the end of a line behind a backslash: two are added, the backslash ending the first.
_CONTINUED = re.compile(r"(?<=\\)(?=[\r\n])")

#: The classification that a column has, by its path in the source: LABEL, INFORMATION_TYPE, RANK and the ids.
Classifications = Mapping[Path, Mapping[str, str]]


def statement_of(
    changes: Sequence[Change], rewritten: Callable[[Path], Path], property_of: Callable[[Change], str]
) -> Statement:
    """One batch with a call for each change, all of one table. `property_of` names the extended property."""
    calls = [_call(change, rewritten(change.path), property_of(change), at) for at, change in enumerate(changes, 1)]
    return Statement("\n".join(calls), tuple(changes))


def by_table(changes: Iterable[Change]) -> list[list[Change]]:
    """The changes in the order in which they are sent, those of one aspect and table together."""
    return [list(group) for _, group in groupby(ordered(changes), key=lambda each: (each.aspect, each.table))]


def handed_over(change: Change, path: Path) -> Statement:
    """The statement that makes somebody the owner; `path` is the source's."""
    if change.value is None:
        raise ValueError(f"{path} cannot be left without an owner")
    on = {EntityType.DATABASE: "DATABASE", EntityType.SCHEMA: "SCHEMA"}.get(change.type, "OBJECT")
    named = ".".join(map(name_in_brackets, path if len(path) == 1 else path[1:]))
    return Statement(f"ALTER AUTHORIZATION ON {on}::{named} TO {name_in_brackets(change.value)};", (change,))


def classified(
    changes: Sequence[Change],
    rewritten: Callable[[Path], Path],
    parts: Mapping[str, str],
    ranks: Mapping[str, str],
    standing: Classifications,
) -> Statement:
    """One batch with the classifications of a table's columns: a classification is written as a whole, so what stands
    of it and is not changed is repeated. `parts` says which part is the value of each key."""
    columns: dict[Path, dict[str, str]] = {}
    for change in changes:
        path = rewritten(change.path)
        held = columns.setdefault(path, dict(standing.get(path, {})))
        part = parts[change.tag_key]
        # An id goes with the name that it was given for, and so does a rank.
        for gone in (part, f"{part}_ID", *(["RANK"] if part == "LABEL" else [])):
            held.pop(gone, None)
        if change.value is not None:
            held[part] = change.value
            if part == "LABEL" and change.value in ranks:
                held["RANK"] = ranks[change.value].upper()
    return Statement("\n".join(_classification(path, held) for path, held in columns.items()), tuple(changes))


def named(statement: Statement) -> str:
    """The statement as far as it names its object: the rest may be 4 kB of description for each column."""
    first = statement.text.splitlines()[0]
    if first.startswith("DECLARE ") and not statement.sql:
        change = statement.changes[0]
        return f"the {change.what} of {'.'.join(change.path)}"
    return first.partition(", @value = ")[0].partition(" WITH (")[0].rstrip(";")


def _call(change: Change, path: Path, name: str, number: int) -> str:
    levels = [f"@name = {literal(name)}"]
    for (level, kind), each in zip(_LEVELS, path[1:], strict=False):
        word = "VIEW" if level == "level1" and change.kind.startswith(("view", "indexed view")) else kind
        levels.append(f"@{level}type = N'{word}', @{level}name = {literal(each)}")
    if change.value is None:
        return f"EXEC sys.sp_dropextendedproperty {', '.join(levels)};"
    verb = "add" if change.actual is None else "update"
    first, *more = _CONTINUED.split(change.value)
    value, declared = literal(first), ""
    if more:
        # A parameter takes a literal or a variable, and no expression.
        value = f"@value{number}"
        joined = " + ".join(map(literal, (first, *more)))
        declared = f"DECLARE {value} nvarchar({LONGEST}) = {joined};\n"
    return f"{declared}EXEC sys.sp_{verb}extendedproperty {', '.join(levels)}, @value = {value};"


def _classification(path: Path, held: Mapping[str, str]) -> str:
    column = ".".join(map(name_in_brackets, path[1:]))
    if not {"LABEL", "INFORMATION_TYPE"} & set(held):
        return f"DROP SENSITIVITY CLASSIFICATION FROM {column};"
    options = ", ".join(f"{part} = {value if part == 'RANK' else _plain(value)}" for part, value in held.items())
    return f"ADD SENSITIVITY CLASSIFICATION TO {column} WITH ({options});"


def _plain(text: str) -> str:
    """Without an N where that loses nothing, as the reference writes it."""
    return literal(text).removeprefix("N") if text.isascii() else literal(text)
