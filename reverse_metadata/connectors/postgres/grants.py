"""Which GRANT a refused statement would have needed, found out from PostgreSQL's own tables.

There is no privilege to comment; the writer must be a member of the owning role:
https://www.postgresql.org/docs/current/sql-comment.html. A change of owner needs the new role too, and CREATE for
the new owner of a table, for the writer of a schema: https://www.postgresql.org/docs/current/sql-altertable.html,
https://www.postgresql.org/docs/current/sql-alterschema.html.
"""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from reverse_metadata.connectors.base import Missing, Need
from reverse_metadata.connectors.postgres import sql
from reverse_metadata.dialects.postgres import identifier
from reverse_metadata.model import Aspect, EntityType, Path

if TYPE_CHECKING:
    import psycopg

_STANDING = """
WITH here AS (
  SELECT d.oid AS database, n.oid AS schema
  FROM pg_catalog.pg_database d LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = %(schema)s::text
  WHERE d.datname = %(database)s::text
), objects (depth, name, owner) AS (
  SELECT 1, d.datname::text, d.datdba FROM pg_catalog.pg_database d JOIN here ON d.oid = here.database
  UNION ALL
  SELECT 2, n.nspname::text, n.nspowner FROM pg_catalog.pg_namespace n JOIN here ON n.oid = here.schema
  UNION ALL
  SELECT 3, c.relname::text, c.relowner FROM pg_catalog.pg_class c JOIN here ON c.relnamespace = here.schema
  WHERE c.relname = ANY (%(tables)s::text[]) AND c.relkind = ANY (%(kinds)s)
)
SELECT t.depth, t.name, w.rolname::text, w.rolinherit, w.rolcreatedb, o.rolname::text, o.rolsuper,
       pg_catalog.pg_has_role(o.oid, 'MEMBER'), pg_catalog.pg_has_role(o.oid, 'USAGE'),
       pg_catalog.has_schema_privilege(here.schema, 'USAGE'),
       pg_catalog.has_database_privilege(here.database, 'CREATE')
FROM objects t
CROSS JOIN here
JOIN pg_catalog.pg_roles w ON w.rolname = current_user
JOIN pg_catalog.pg_roles o ON o.oid = t.owner
"""
_NEW_OWNERS = """
SELECT r.rolname::text, pg_catalog.pg_has_role(r.oid, %(right)s),
       pg_catalog.has_schema_privilege(r.oid, n.oid, 'CREATE')
FROM pg_catalog.pg_roles r LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = %(schema)s::text
WHERE r.rolname = ANY (%(roles)s::text[])
"""


class _Standing(NamedTuple):
    """What the writer is to an object and to what it stands in."""

    writer: str
    inherits: bool
    creates_databases: bool
    owner: str
    owner_is_superuser: bool
    member: bool
    acts_as_owner: bool
    uses_schema: bool | None
    creates_schemas: bool


def missing(connection: "psycopg.Connection[Any]", needs: Collection[Need], path: Path) -> list[Missing]:
    """What the writer lacks for the needs of one partition, whose path in the source this is.

    One query, and one more when something is to be handed over. Raises psycopg.Error.
    """
    names = {
        "database": path[0],
        "schema": path[1] if len(path) > 1 else None,
        "tables": list({need.path[2] for need in needs if len(need.path) > 2 and sql.nameable(need.path[2])}),
        "kinds": list(sql.KINDS),
    }
    rows = connection.execute(_STANDING.encode(), names).fetchall()
    standings = {(depth, name): _Standing(*rest) for depth, name, *rest in rows}
    # From 16 on, to inherit from a role and to become it are options of each membership.
    options = connection.info.server_version >= 160000
    roles: dict[str, tuple[bool, bool | None]] = {}
    if owners := [need.owner for need in needs if need.owner is not None and sql.nameable(need.owner)]:
        asked = {"schema": names["schema"], "roles": owners, "right": "SET" if options else "MEMBER"}
        found = connection.execute(_NEW_OWNERS.encode(), asked).fetchall()
        roles = {role: (becomes, creates) for role, becomes, creates in found}
    lacking: dict[Missing, None] = {}
    for need in needs:
        here = (*path, *need.path[len(path) :])[:3]
        standing = standings.get((len(here), here[-1]))
        if standing is not None:
            lacking |= dict.fromkeys(_of(need, here, standing, roles, options))
    return list(lacking)


def _of(
    need: Need, path: Path, standing: _Standing, roles: dict[str, tuple[bool, bool | None]], options: bool
) -> Iterator[Missing]:
    """What one need lacks; `path` is the source's, of the table, schema or database."""
    level = EntityType.of(path)
    named = f"{level} {'.'.join(map(identifier, path))}"
    writer = identifier(standing.writer)
    if standing.owner_is_superuser and not standing.acts_as_owner:
        yield Missing(
            f"{named} belongs to {identifier(standing.owner)}, a superuser, for whom nobody else may act: give it to "
            f"a role that {writer} can be a member of."
        )
        return
    if level is EntityType.TABLE and not standing.uses_schema:
        grant = f"GRANT USAGE ON SCHEMA {identifier(path[1])} TO {writer};"
        yield Missing(f"{writer} may not use schema {identifier(path[1])}.", (grant,))
    if not standing.acts_as_owner:
        yield Missing(
            f"{writer} may not act for {identifier(standing.owner)}, who owns {named}.",
            tuple(_to_act_as_owner(standing, options)),
        )
    if need.aspect is Aspect.OWNER and need.owner in roles:
        becomes, creates = roles[need.owner]
        for grant in _to_give(level, path, need.owner, standing, options, becomes, creates):
            yield Missing(f"{named} cannot be handed over to {identifier(need.owner)} yet.", (grant,))


def _to_act_as_owner(standing: _Standing, options: bool) -> list[str]:
    owner, writer = identifier(standing.owner), identifier(standing.writer)
    if standing.inherits and not standing.member:
        return [f"GRANT {owner} TO {writer};"]
    if options:
        return [f"GRANT {owner} TO {writer} WITH INHERIT TRUE;"]
    return [*([] if standing.member else [f"GRANT {owner} TO {writer};"]), f"ALTER ROLE {writer} INHERIT;"]


def _to_give(
    level: EntityType, path: Path, role: str, standing: _Standing, options: bool, becomes: bool, creates: bool | None
) -> list[str]:
    """What handing over to the role takes: the writer must be able to become it, and CREATE where the object stands."""
    new_owner, writer = identifier(role), identifier(standing.writer)
    grants = []
    if not becomes:
        grants.append(f"GRANT {new_owner} TO {writer}{' WITH SET TRUE' if options else ''};")
    if level is EntityType.TABLE and not creates:
        grants.append(f"GRANT CREATE ON SCHEMA {identifier(path[1])} TO {new_owner};")
    if level is EntityType.SCHEMA and not standing.creates_schemas:
        grants.append(f"GRANT CREATE ON DATABASE {identifier(path[0])} TO {writer};")
    if level is EntityType.DATABASE and not standing.creates_databases:
        grants.append(f"ALTER ROLE {writer} CREATEDB;")
    return grants
