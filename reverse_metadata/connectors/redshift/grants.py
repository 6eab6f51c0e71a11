"""Who may write what, and what gives it.

Redshift has no privilege for comments, and none of its system permissions for roles is one: "You must be a superuser or
the owner of a database object to add or update a comment." (https://docs.aws.amazon.com/redshift/latest/dg/r_COMMENT.html,
https://docs.aws.amazon.com/redshift/latest/dg/r_roles-system-privileges.html). So what helps is no GRANT but to own it.

Owners are handed over by the owner, a superuser, and whoever has the system permission ALTER TABLE or ALTER SCHEMA:
https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html,
https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_SCHEMA.html. The pages ask nothing of the new owner.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from reverse_metadata.connectors.base import Missing, Need
from reverse_metadata.connectors.redshift.reading import Ask
from reverse_metadata.connectors.redshift.sql import named
from reverse_metadata.dialects.redshift import REDSHIFT
from reverse_metadata.model import Aspect, Path

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
_WHO_ELSE = {
    Aspect.DESCRIPTION: "only owners and superusers may comment, which no GRANT changes: give it to {writer}, or let a"
    " superuser write.",
    Aspect.OWNER: "only owners and superusers may hand it over, and users who have the system permission ALTER"
    " {keyword} by a role, which is not looked at: give it to {writer}, or let a superuser write.",
}
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
        found |= dict.fromkeys(_of(here, need.aspect, writer, rows))
    return list(found)


def _of(here: Path, aspect: Aspect, writer: str, rows: Sequence[Sequence[Any]]) -> Iterator[Missing]:
    me = REDSHIFT.identifier(writer)
    for depth, name, owner, usable in rows:
        if (depth, name) != (len(here), here[-1]):
            continue
        if depth == 3 and not usable:
            schema = REDSHIFT.identifier(here[1])
            yield Missing(f"{me} may not use schema {schema}.", (f"GRANT USAGE ON SCHEMA {schema} TO {me};",))
        if owner != writer:
            keyword = _ALTERED[depth]
            what = f"{keyword.lower()} {'.'.join(map(REDSHIFT.identifier, here))} belongs to {owner}"
            yield Missing(
                f"{what}, and {_WHO_ELSE[aspect].format(keyword=keyword, writer=me)}",
                (f"ALTER {keyword} {named(here)} OWNER TO {me};",),
            )
