"""Who may write what. Redshift has no privilege for comments: the owner of an object and superusers may comment on it.

https://docs.aws.amazon.com/redshift/latest/dg/r_COMMENT.html, and for the schema that a table stands in
https://docs.aws.amazon.com/redshift/latest/dg/r_GRANT.html.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from reverse_metadata.connectors.base import Missing, Need
from reverse_metadata.connectors.redshift.reading import Ask
from reverse_metadata.connectors.redshift.sql import named
from reverse_metadata.dialects.redshift import REDSHIFT
from reverse_metadata.model import Path

_WRITER = "SELECT usename, usesuper FROM pg_user WHERE usename = current_user"
_DATABASE = "SELECT 1, datname, pg_get_userbyid(datdba), true FROM pg_database WHERE datname = %s"
_SCHEMA = """
SELECT 2, n.nspname, pg_get_userbyid(n.nspowner), has_schema_privilege(n.nspname, 'USAGE')
FROM pg_namespace n WHERE n.nspname = %s
UNION ALL
SELECT 3, c.relname, pg_get_userbyid(c.relowner), has_schema_privilege(n.nspname, 'USAGE')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind IN ('r', 'v')
"""
_ALTERED = {1: "DATABASE", 2: "SCHEMA", 3: "TABLE"}


def missing(ask: Ask, needs: Collection[Need], path: Path) -> list[Missing]:
    """What the writer lacks for the needs of one partition, whose path in the source this is: two queries."""
    ((writer, superuser),) = ask(_WRITER)
    if superuser:
        return []
    rows = ask(_DATABASE, path[0]) if len(path) == 1 else ask(_SCHEMA, path[1], path[1])
    found: dict[Missing, None] = {}
    for need in needs:
        here = (*path, *need.path[len(path) :])[:3]
        found |= dict.fromkeys(_of(here, writer, rows))
    return list(found)


def _of(here: Path, writer: str, rows: Sequence[Sequence[Any]]) -> Iterator[Missing]:
    for depth, name, owner, usable in rows:
        if (depth, name) != (len(here), here[-1]):
            continue
        if depth == 3 and not usable:
            grant = f"GRANT USAGE ON SCHEMA {REDSHIFT.identifier(here[1])} TO {REDSHIFT.identifier(writer)};"
            yield Missing(f"{writer} may not use schema {here[1]}.", (grant,))
        if owner != writer:
            what = f"{_ALTERED[depth].lower()} {'.'.join(map(REDSHIFT.identifier, here))}"
            yield Missing(
                f"{what} belongs to {owner}, and Redshift lets only the owner and superusers comment on it or hand it"
                f" over: give it to {writer}, or let a superuser write.",
                (f"ALTER {_ALTERED[depth]} {named(here)} OWNER TO {REDSHIFT.identifier(writer)};",),
            )
