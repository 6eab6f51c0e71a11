"""Which permissions a change needs, and which of them are missing.

| to write | it takes |
|---|---|
| a description, or a tag as extended property | ALTER on the object: https://learn.microsoft.com/en-us/sql/relational-databases/system-stored-procedures/sp-addextendedproperty-transact-sql |
| an owner | TAKE OWNERSHIP on the object, and IMPERSONATE on a new owner who is a user or login, or membership in a role: https://learn.microsoft.com/en-us/sql/t-sql/statements/alter-authorization-transact-sql |
| a tag as classification | ALTER and VIEW ANY SENSITIVITY CLASSIFICATION: https://learn.microsoft.com/en-us/sql/t-sql/statements/add-sensitivity-classification-transact-sql |
| to see that an object is there | VIEW DEFINITION on its schema, or some permission on itself |
"""  # noqa: E501 -- the rows of a table cannot be broken

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from reverse_metadata.connectors.base import Missing, Need
from reverse_metadata.connectors.mssql.reading import Ask
from reverse_metadata.dialects.mssql import name_in_brackets
from reverse_metadata.model import Aspect, EntityType, Path

_WRITER = (
    "SELECT USER_NAME(), SUSER_SNAME(), HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'ALTER'),"
    " HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'TAKE OWNERSHIP'),"
    " HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'ALTER ANY SENSITIVITY CLASSIFICATION'),"
    " HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'VIEW ANY SENSITIVITY CLASSIFICATION')"
)
_SCHEMA = (
    "SELECT HAS_PERMS_BY_NAME(QUOTENAME(s.name), 'SCHEMA', 'ALTER'),"
    " HAS_PERMS_BY_NAME(QUOTENAME(s.name), 'SCHEMA', 'TAKE OWNERSHIP'),"
    " HAS_PERMS_BY_NAME(QUOTENAME(s.name), 'SCHEMA', 'VIEW DEFINITION') FROM sys.schemas s WHERE s.name = ?"
)
_TABLES = (
    "SELECT o.name, HAS_PERMS_BY_NAME(CONCAT(QUOTENAME(s.name), '.', QUOTENAME(o.name)), 'OBJECT', 'ALTER'),"
    " HAS_PERMS_BY_NAME(CONCAT(QUOTENAME(s.name), '.', QUOTENAME(o.name)), 'OBJECT', 'TAKE OWNERSHIP')"
    " FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id WHERE s.name = ? AND o.type IN ('U ', 'V ')"
)
_NEW_OWNERS = (
    "SELECT p.name, p.type, CASE WHEN p.type = 'R' THEN IS_ROLEMEMBER(p.name)"
    " ELSE HAS_PERMS_BY_NAME(QUOTENAME(p.name), 'USER', 'IMPERSONATE') END"
    " FROM sys.database_principals p WHERE p.name IN ({})"
)
# The view of the logins is not in a database of Azure SQL Database; the function is, and answers NULL there.
_NEW_LOGIN = "SELECT ?, 'S', HAS_PERMS_BY_NAME(QUOTENAME(?), 'LOGIN', 'IMPERSONATE')"


@dataclass(frozen=True, slots=True)
class _Right:
    """What the writer may do with one object."""

    alters: bool
    takes: bool


def missing(ask: Ask, needs: Collection[Need], path: Path, *, classifies: bool) -> list[Missing]:
    """What the writer lacks for the needs of one partition, whose path in the source this is: four queries at most.

    With `classifies` tags are classifications. Raises what `ask` does.
    """
    ((writer, login, alters, takes, marks, sees_marks),) = ask(_WRITER)
    unmarked = [verb for verb, may in (("VIEW", sees_marks), ("ALTER", marks)) if not may] if classifies else None
    rights: dict[Path, _Right] = {path[:1]: _Right(bool(alters), bool(takes))}
    sees_all = True
    if len(path) > 1:
        schema = ask(_SCHEMA, path[1])
        sees_all = bool(alters) or any(row[2] for row in schema)
        rights |= {path[:2]: _Right(bool(row[0]), bool(row[1])) for row in schema}
        rights |= {(*path[:2], name): _Right(bool(may), bool(owns)) for name, may, owns in ask(_TABLES, path[1])}
    owners = sorted({need.owner for need in needs if need.owner is not None})
    rows: list[tuple[str, str, int | None]] = []
    if owners and len(path) > 1:
        rows = ask(_NEW_OWNERS.format(", ".join("?" * len(owners))), *owners)
    elif owners:
        rows = ask(
            " UNION ALL ".join([_NEW_LOGIN] * len(owners)), *(name for owner in owners for name in (owner, owner))
        )
    given = {name: (kind.strip(), bool(may)) for name, kind, may in rows if may is not None}
    lacking: dict[Missing, None] = {}
    for need in needs:
        here = (*path, *need.path[len(path) :])[:3]
        right = rights.get(here)
        grantee = login if len(here) == 1 and need.aspect is Aspect.OWNER else writer
        if right is not None:
            found = _of(need, here, right, writer, grantee, given, unmarked)
            lacking |= dict.fromkeys(found)
        elif not sees_all:
            schema_name = name_in_brackets(path[1])
            grant = f"GRANT VIEW DEFINITION ON SCHEMA::{schema_name} TO {name_in_brackets(writer)};"
            lacking[Missing(f"{writer} may not see what stands in schema {schema_name}.", (grant,))] = None
    return list(lacking)


def _of(
    need: Need,
    path: Path,
    right: _Right,
    writer: str,
    grantee: str,
    given: dict[str, tuple[str, bool]],
    unmarked: list[str] | None,
) -> Iterator[Missing]:
    """What one need lacks; `path` is the source's, of the table, schema or database. `unmarked` is what the writer may
    not do with classifications, None where tags are none."""
    on = {EntityType.DATABASE: "DATABASE", EntityType.SCHEMA: "SCHEMA"}.get(EntityType.of(path), "OBJECT")
    named = f"{on}::{'.'.join(map(name_in_brackets, path if len(path) == 1 else path[1:]))}"
    to = name_in_brackets(writer)
    if need.aspect is Aspect.TAGS and unmarked is not None:
        for verb in unmarked:
            yield Missing(
                f"{writer} may not {verb.lower()} classifications of columns.",
                (f"GRANT {verb} ANY SENSITIVITY CLASSIFICATION TO {to};",),
            )
        return
    if need.aspect is not Aspect.OWNER:
        if not right.alters:
            yield Missing(f"{writer} may not alter {named}.", (f"GRANT ALTER ON {named} TO {to};",))
        return
    if not right.takes:
        yield Missing(f"{writer} may not take {named} over.", (f"GRANT TAKE OWNERSHIP ON {named} TO {to};",))
    kind, may = given.get(need.owner or "", ("", True))
    if not may and need.owner is not None:
        yield Missing(
            f"{grantee} may not act as {need.owner}, and so not hand {named} over to it.",
            (_to_act_as(need.owner, kind, grantee, on),),
        )


def _to_act_as(owner: str, kind: str, grantee: str, on: str) -> str:
    named, to = name_in_brackets(owner), name_in_brackets(grantee)
    if on == "DATABASE":
        return f"USE [master]; GRANT IMPERSONATE ON LOGIN::{named} TO {to};"
    if kind == "R":
        return f"ALTER ROLE {named} ADD MEMBER {to};"
    return f"GRANT IMPERSONATE ON USER::{named} TO {to};"
