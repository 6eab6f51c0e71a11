"""Which privileges the writer has, and which GRANT gives the others.

https://clickhouse.com/docs/sql-reference/statements/grant; the names and levels are those of `system.privileges`.
`system.grants` is for administrators alone, but `SHOW GRANTS` shows everybody their own and those of their roles:
https://clickhouse.com/docs/sql-reference/statements/show#show-grants. It writes them as statements.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from reverse_metadata.connectors.base import Missing, Need
from reverse_metadata.connectors.clickhouse import sql
from reverse_metadata.dialects.clickhouse import CLICKHOUSE
from reverse_metadata.model import EntityType, Path

_DATABASE, _TABLE, _COLUMN = "ALTER MODIFY DATABASE COMMENT", "ALTER MODIFY COMMENT", "ALTER COMMENT COLUMN"
_CLUSTER = "CLUSTER"
#: Each privilege and the groups that hold it: `system.privileges.parent_group`.
_HELD_BY = {
    _DATABASE: {_DATABASE, "ALTER DATABASE", "ALTER", "ALL"},
    _TABLE: {_TABLE, "ALTER TABLE", "ALTER", "ALL"},
    _COLUMN: {_COLUMN, "ALTER COLUMN", "ALTER TABLE", "ALTER", "ALL"},
    _CLUSTER: {_CLUSTER, "ALL"},
}

_TOKEN = re.compile(r"`((?:[^`\\]|\\.|``)*)`|([(),.*])|([^\s(),.*`]+)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)|``", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Name:
    """The name of a database or table in a grant: of one, of all that begin like it, of all."""

    text: str
    prefix: bool = False

    def covers(self, name: str | None) -> bool:
        return (name or "").startswith(self.text) if self.prefix else name == self.text

    @property
    def narrowness(self) -> tuple[int, int]:
        return (0, len(self.text)) if self.prefix else (1, 0)


@dataclass(frozen=True, slots=True)
class _Line:
    """A privilege that is given, or taken away again, in a part of what it was given for."""

    given: bool
    privilege: str
    database: _Name
    table: _Name
    #: Empty for all columns.
    columns: tuple[str, ...] = ()

    @property
    def narrowness(self) -> tuple[tuple[int, int], tuple[int, int], bool]:
        return self.database.narrowness, self.table.narrowness, bool(self.columns)

    def speaks_of(self, privilege: str, database: str | None, table: str | None, column: str | None) -> bool:
        within = self.database.covers(database) and self.table.covers(table)
        return within and self.privilege in _HELD_BY[privilege] and (not self.columns or column in self.columns)


class Rights:
    """What a user may do: what the user was granted, or one of the user's roles.

    `grants` are the lines of SHOW GRANTS for the user and each role.
    """

    def __init__(self, user: str, grants: Iterable[str]) -> None:
        self.user = user
        self._by_grantee: dict[str, list[_Line]] = {}
        for grant in grants:
            for grantee, line in _read(grant):
                self._by_grantee.setdefault(grantee, []).append(line)

    def allow(self, path: Path) -> bool:
        """Whether the comment of a database, table or column may be changed; the path is the source's."""
        return self._hold(_privilege(path), *path[1:4])

    def allow_clusters(self) -> bool:
        """Whether ON CLUSTER may be said."""
        return self._hold(_CLUSTER)

    def _hold(
        self, privilege: str, database: str | None = None, table: str | None = None, column: str | None = None
    ) -> bool:
        """The narrowest line counts, of the user or of one role."""
        for lines in self._by_grantee.values():
            speaking = [line for line in lines if line.speaks_of(privilege, database, table, column)]
            if speaking and max(speaking, key=lambda line: line.narrowness).given:
                return True
        return False


def missing(
    rights: Rights, needs: Collection[Need], path: Path, there: Collection[str], cluster: str | None
) -> list[Missing]:
    """What the user lacks for the needs of one database, whose path in the source this is.

    `there` are the tables that exist, and "" when the database does.
    """
    lacking: dict[Path, dict[str, None]] = {}
    for need in needs:
        here = (*path, *need.path[2:])
        table = here[2] if len(here) > 2 else ""
        if table in there and len(here) > 1 and not rights.allow(here):
            lacking.setdefault(here[:3], {})[_privilege(here)] = None
    user = CLICKHOUSE.identifier(rights.user)
    found = [_lacks(user, sorted(privileges), _target(here)) for here, privileges in lacking.items()]
    if cluster and needs and not rights.allow_clusters():
        found.append(_lacks(user, [_CLUSTER], "*.*"))
    return found


def lacks_processes(user: str) -> Missing:
    """That the user may not see what is still running: `system.processes` is open to everybody, unless the server's
    configuration says `select_from_system_db_requires_grant`."""
    return _lacks(CLICKHOUSE.identifier(user), ["SELECT"], "system.processes")


def _lacks(user: str, privileges: list[str], target: str) -> Missing:
    listed = ", ".join(privileges)
    return Missing(f"{user} lacks {listed} on {target}.", (f"GRANT {listed} ON {target} TO {user};",))


def _privilege(path: Path) -> str:
    return {EntityType.SCHEMA: _DATABASE, EntityType.TABLE: _TABLE}.get(EntityType.of(path), _COLUMN)


def _target(path: Path) -> str:
    return f"{sql.named(path)}.*" if len(path) == 2 else sql.named(path)


def _read(grant: str) -> Iterator[tuple[str, _Line]]:
    """The grantee and privileges of `GRANT SELECT(a), ALTER ON db.t TO user WITH GRANT OPTION`, or of its REVOKE.

    Nothing for a role that is granted, for what concerns users or sources, and for the right to grant.
    """
    tokens = [_token(found) for found in _TOKEN.finditer(grant)]
    words = [word for word, _ in tokens]
    ends = "TO" if words[0] == "GRANT" else "FROM"
    if ("ON", False) not in tokens or (ends, False) not in tokens or words[1:3] == ["GRANT", "OPTION"]:
        return
    on, to = tokens.index(("ON", False)), tokens.index((ends, False))
    target = _names(tokens[on + 1 : to])
    if target is None:
        return
    grantee = words[to + 1]
    for privilege, columns in _privileges(tokens[1:on]):
        yield grantee, _Line(words[0] == "GRANT", privilege, *target, columns)


def _token(found: re.Match[str]) -> tuple[str, bool]:
    """The text of a token, and whether it is a quoted name."""
    if found[1] is None:
        return found[0], False
    return _ESCAPED.sub(lambda escaped: escaped[1] or "`", found[1]), True


def _names(tokens: list[tuple[str, bool]]) -> tuple[_Name, _Name] | None:
    """Database and table of `db.t`, `db.*`, `d*.*`, `db.t*` or `*.*`."""
    if (".", False) not in tokens:
        return None
    dot = tokens.index((".", False))
    return _name(tokens[:dot]), _name(tokens[dot + 1 :])


def _name(tokens: list[tuple[str, bool]]) -> _Name:
    prefix = tokens[-1] == ("*", False)
    return _Name("".join(text for text, _ in (tokens[:-1] if prefix else tokens)), prefix)


def _privileges(tokens: list[tuple[str, bool]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each privilege with its columns: `SELECT(a, b), ALTER COMMENT COLUMN`."""
    words: list[str] = []
    columns: list[str] = []
    inside = False
    for text, quoted in [*tokens, (",", False)]:
        if quoted or text not in ("(", ")", ","):
            (columns if inside else words).append(text)
        elif text == ",":
            if not inside:
                yield " ".join(words), tuple(columns)
                words, columns = [], []
        else:
            inside = text == "("
