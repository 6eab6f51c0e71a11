"""Which GRANT a refused statement would have needed, found out from PostgreSQL's own tables.

There is no privilege to comment; the writer must be a member of the owning role:
https://www.postgresql.org/docs/current/sql-comment.html. A change of owner needs the new role too, and CREATE for
the new owner of a table, for the writer of a schema: https://www.postgresql.org/docs/current/sql-altertable.html,
https://www.postgresql.org/docs/current/sql-alterschema.html.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from reverse_metadata.dialects.postgres import identifier
from reverse_metadata.model import Aspect, Change, EntityType, Path

if TYPE_CHECKING:
    import psycopg

_OWNERS = {
    EntityType.DATABASE: "d.datdba",
    EntityType.SCHEMA: "n.nspowner",
    EntityType.TABLE: "(SELECT c.relowner FROM pg_catalog.pg_class c"
    " WHERE c.relnamespace = n.oid AND c.relname = %(table)s::text)",
}
_STANDING = """
SELECT w.rolname::text, w.rolinherit, w.rolcreatedb, o.rolname::text, o.rolsuper,
       pg_catalog.pg_has_role(o.oid, 'MEMBER'), pg_catalog.pg_has_role(o.oid, 'USAGE'),
       pg_catalog.has_schema_privilege(n.oid, 'USAGE'), pg_catalog.has_database_privilege(d.oid, 'CREATE')
FROM pg_catalog.pg_database d
JOIN pg_catalog.pg_roles w ON w.rolname = current_user
LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = %(schema)s::text
JOIN pg_catalog.pg_roles o ON o.oid = {owner}
WHERE d.datname = %(database)s::text
"""
_NEW_OWNER = """
SELECT pg_catalog.pg_has_role(r.oid, %(right)s), pg_catalog.has_schema_privilege(r.oid, n.oid, 'CREATE')
FROM pg_catalog.pg_roles r LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = %(schema)s::text
WHERE r.rolname = %(role)s::text
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


def missing_grants(connection: "psycopg.Connection[Any]", change: Change, path: Path) -> str:
    """A sentence with every GRANT that the change lacks, ready to paste; "" when none is found.

    `path` holds the source's names. Raises psycopg.Error.
    """
    level = EntityType.of(path[:3])
    names: dict[str, str | None] = dict(zip(("database", "schema", "table"), (*path[:3], None, None), strict=False))
    row = connection.execute(_STANDING.format(owner=_OWNERS[level]).encode(), names).fetchone()
    if row is None:
        return ""
    standing = _Standing(*row)
    # From 16 on, to inherit from a role and to become it are options of each membership.
    options = connection.info.server_version >= 160000
    if standing.owner_is_superuser and not standing.acts_as_owner:
        return (
            f"It belongs to {identifier(standing.owner)}, a superuser, for whom nobody else may act: give it to a role "
            f"that {identifier(standing.writer)} can be a member of."
        )
    grants = [] if standing.acts_as_owner else _to_act_as_owner(standing, options)
    if level is EntityType.TABLE and not standing.uses_schema:
        grants.insert(0, f"GRANT USAGE ON SCHEMA {identifier(path[1])} TO {identifier(standing.writer)};")
    if change.aspect is Aspect.OWNER and change.value is not None:
        asked = {**names, "role": change.value, "right": "SET" if options else "MEMBER"}
        row = connection.execute(_NEW_OWNER.encode(), asked).fetchone()
        if row is not None:
            grants += _to_give(level, path, change.value, standing, options, *row)
    return f"What is missing: {' '.join(grants)}" if grants else ""


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
