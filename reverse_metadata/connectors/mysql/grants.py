"""Which privileges the writer lacks, by SHOW GRANTS, which anybody may ask about himself.

What it shows of the roles that are active is counted: https://dev.mysql.com/doc/refman/8.4/en/show-grants.html,
https://mariadb.com/kb/en/show-grants/. ALTER TABLE takes ALTER, and by MySQL's manual CREATE and INSERT as well:
https://dev.mysql.com/doc/refman/8.4/en/alter-table.html; the definitions and comments of columns are shown to whoever
may SELECT.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from reverse_metadata.connectors.base import Missing, Need
from reverse_metadata.connectors.mysql import sql
from reverse_metadata.connectors.mysql.reading import Server
from reverse_metadata.dialects.mysql import MYSQL
from reverse_metadata.model import Path

_NAME = r"`(?:[^`]|``)*`"
_COLUMN_LIST = re.compile(rf" \((?:{_NAME}(?:, )?)+\)")
_GRANT = re.compile(
    rf"(GRANT|REVOKE) (.+?) ON (\*|{_NAME})\.(\*|{_NAME}) (?:TO|FROM) ((?:{_NAME}|'(?:[^']|'')*'|[^ ])+)", re.DOTALL
)


@dataclass(slots=True)
class _Grantee:
    """What one account or role was granted: privileges in general, by pattern of a schema's name, and by table."""

    everywhere: set[str] = field(default_factory=set)
    schemas: dict[str, set[str]] = field(default_factory=dict)
    tables: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    #: MySQL's partial revokes: https://dev.mysql.com/doc/refman/8.4/en/partial-revokes.html
    revoked: dict[str, set[str]] = field(default_factory=dict)

    def on(self, server: Server, schema: str, table: str | None) -> set[str]:
        """The privileges on a table, or on a schema where `table` is None."""
        held = set(self.everywhere)
        for name, privileges in self.revoked.items():
            if server.same(name, schema):
                held = _spelled(held) - privileges
        # Of several patterns that match, the engines take the most specific one alone.
        matching = [pattern for pattern in self.schemas if _matches(server, pattern, schema)]
        if matching:
            held |= self.schemas[max(matching, key=_specificity)]
        for (its_schema, its_table), privileges in self.tables.items():
            if table is not None and server.same(its_schema, schema) and server.same(its_table, table):
                held |= privileges
        return _spelled(held)


class Grants:
    """The privileges that SHOW GRANTS lists."""

    def __init__(self, lines: Iterable[str], server: Server) -> None:
        self._server = server
        self._grantees: dict[str, _Grantee] = {}
        for line in lines:
            # A privilege on columns is none on the table.
            match = _GRANT.match(_COLUMN_LIST.sub("()", line))
            if match:
                self._add(*match.groups())

    def on(self, schema: str, table: str | None = None) -> set[str]:
        """The privileges on a table, or on a schema."""
        return {privilege for each in self._grantees.values() for privilege in each.on(self._server, schema, table)}

    def _add(self, verb: str, privileges: str, schema: str, table: str, grantee: str) -> None:
        granted = {word.strip().upper() for word in privileges.split(",")}
        to = self._grantees.setdefault(grantee, _Grantee())
        if verb == "REVOKE":
            to.revoked.setdefault(_unquoted(schema), set()).update(granted)
        elif schema == "*":
            to.everywhere |= granted
        elif table == "*":
            to.schemas.setdefault(_unquoted(schema), set()).update(granted)
        else:
            to.tables.setdefault((_unquoted(schema), _unquoted(table)), set()).update(granted)


def missing(
    needs: Collection[Need], path: Path, grants: Grants, tables: Collection[str], account: str, server: Server
) -> list[Missing]:
    """What the writer lacks for the needs of one schema, whose path in the source this is.

    `tables` are those of the schema that the account, as CURRENT_USER() names it, can see.
    """
    schema = path[1]
    writer = _account(account)
    listed: dict[Missing, None] = {}
    sees = "SELECT" in grants.on(schema)
    for need in needs:
        if len(need.path) == len(path):
            listed |= dict.fromkeys(_on_schema(need, schema, grants, writer, server))
            continue
        table = need.path[len(path)]
        there = next((name for name in tables if server.same(name, table)), None)
        if there is not None:
            listed |= dict.fromkeys(_on_table(schema, there, grants, writer, server))
        elif not sees:
            # What nobody shows to the writer may be there or not, and a GRANT on a table that is not there fails.
            wanted = ", ".join(("SELECT", *_to_alter(server)))
            grant = f"GRANT {wanted} ON {_pattern(schema)}.* TO {writer};"
            listed[Missing(f"{writer} sees nothing of table {table} in schema {schema}.", (grant,))] = None
    return list(listed)


def _on_schema(need: Need, schema: str, grants: Grants, writer: str, server: Server) -> Iterator[Missing]:
    if server.mariadb and "ALTER" not in grants.on(schema):
        grant = f"GRANT ALTER ON {_pattern(schema)}.* TO {writer};"
        yield Missing(f"{writer} may not alter database {schema}.", (grant,))


def _on_table(schema: str, table: str, grants: Grants, writer: str, server: Server) -> Iterator[Missing]:
    held = grants.on(schema, table)
    lacking = [each for each in ("SELECT", *_to_alter(server)) if each not in held]
    if lacking:
        wanted = ", ".join(lacking)
        grant = f"GRANT {wanted} ON {sql.quoted(schema)}.{sql.quoted(table)} TO {writer};"
        yield Missing(f"{writer} lacks {wanted} on table {schema}.{table}.", (grant,))


def _to_alter(server: Server) -> tuple[str, ...]:
    return ("ALTER",) if server.mariadb else ("ALTER", "CREATE", "INSERT")


def _spelled(privileges: set[str]) -> set[str]:
    """The privileges, those that matter by name where all were granted."""
    if privileges & {"ALL PRIVILEGES", "ALL"}:
        return privileges | {"SELECT", "ALTER", "CREATE", "INSERT"}
    return privileges


def _matches(server: Server, pattern: str, schema: str) -> bool:
    """Whether a schema is meant by a grant: `%` and `_` are wildcards unless a backslash stands before them."""
    wild = {"%": ".*", "_": "."}
    expression = re.sub(
        r"\\(.)|(.)", lambda match: re.escape(match[1] or "") or wild.get(match[2]) or re.escape(match[2]), pattern
    )
    return bool(re.fullmatch(expression, schema, re.DOTALL | (re.IGNORECASE if server.folds else 0)))


def _specificity(pattern: str) -> int:
    """How much of a pattern stands before its first wildcard; all of it is the most."""
    wildcard = re.search(r"(?<!\\)[%_]", pattern)
    return wildcard.start() if wildcard else len(pattern) + 1


def _pattern(schema: str) -> str:
    """The schema as GRANT names it, where `_` and `%` would mean others as well."""
    return sql.quoted(re.sub(r"[%_\\]", r"\\\g<0>", schema))


def _unquoted(name: str) -> str:
    return name[1:-1].replace("``", "`")


def _account(account: str) -> str:
    """`'writer'@'%'` of `writer@%`."""
    user, _, host = account.rpartition("@")
    return f"{MYSQL.literal(user)}@{MYSQL.literal(host)}"
