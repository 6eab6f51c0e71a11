"""What the writer lacks, found out from its roles and their grants.

There is no privilege to comment: a table wants OWNERSHIP, a schema or database OWNERSHIP or MODIFY. A tag wants APPLY
TAG on the account, or APPLY on the tag with OWNERSHIP of the object. To give something away takes MANAGE GRANTS, or
OWNERSHIP by a role that inherits the new owner. All of it takes USAGE on what the object stands in. Sources: the access
control sections of https://docs.snowflake.com/en/sql-reference/sql/alter-table and its neighbours,
https://docs.snowflake.com/en/user-guide/object-tagging/work#tag-privileges and
https://docs.snowflake.com/en/sql-reference/sql/grant-ownership.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from reverse_metadata.connectors.base import Missing, Need
from reverse_metadata.connectors.snowflake.options import SnowflakeTags
from reverse_metadata.connectors.snowflake.reading import Ask
from reverse_metadata.connectors.snowflake.sql import among, equal, nameable, select
from reverse_metadata.dialects.snowflake import dotted, quoted
from reverse_metadata.model import Aspect, EntityType, Path

#: Asks a SHOW; what it is about, for messages, and its SQL.
Show = Callable[[str, str], list[dict[str, Any]]]

#: Roles that nobody should inherit to write comments.
_SYSTEM_ROLES = ("ACCOUNTADMIN", "ORGADMIN", "GLOBALORGADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN")
#: Every privilege on a database or schema that makes it visible to its role.
_OWNERSHIP = "OWNERSHIP"


@dataclass(frozen=True, slots=True)
class _Writer:
    """The role that writes, all that it inherits, and what they were granted: privilege, kind and name."""

    role: str
    enabled: frozenset[str]
    grants: frozenset[tuple[str, str, str]]

    def has(self, privilege: str, kind: str, path: Path) -> bool:
        """Whether it has the privilege, or owns the thing."""
        name = shown(path)
        return (privilege, kind, name) in self.grants or (_OWNERSHIP, kind, name) in self.grants

    def has_on_account(self, privilege: str) -> bool:
        """Whether it has a privilege on the account."""
        return "ACCOUNTADMIN" in self.enabled or any(
            (each, kind) == (privilege, "ACCOUNT") for each, kind, _ in self.grants
        )


def missing(ask: Ask, show: Show, tags: SnowflakeTags, needs: Collection[Need], path: Path) -> list[Missing]:
    """What the writer lacks for the needs of one partition, whose path in the source this is.

    Four queries, and one for each role that the writer inherits. Raises SourceError.
    """
    writer = _writer(ask, show, path[0])
    owners = _owners(ask, {need.path[2] for need in needs if len(need.path) > 2}, path)
    lacking: dict[Missing, None] = {}
    for need in needs:
        here = (*path, *need.path[len(path) :])[:3]
        if here in owners:
            lacking |= dict.fromkeys(_of(need, here, owners[here], writer, tags))
    return list(lacking)


def shown(path: Path) -> str:
    """A name as SHOW GRANTS writes it: with quotes around what does not mean itself without them."""
    return ".".join(
        name
        if name.isascii()
        and name.replace("_", "").replace("$", "").isalnum()
        and name == name.upper()
        and not name[0].isdigit()
        and not name.startswith("$")
        else quoted(name)
        for name in path
    )


def _writer(ask: Ask, show: Show, database: str) -> _Writer:
    ((role,),) = ask("the role", "SELECT CURRENT_ROLE()")
    views = f"{quoted(database)}.INFORMATION_SCHEMA"
    rows = ask("the roles of the writer", select("ROLE_NAME", f"{views}.ENABLED_ROLES"))
    enabled = frozenset([role, *(name for (name,) in rows)])
    grants = {
        (str(row["privilege"]), str(row["granted_on"]).replace("_", " "), str(row["name"]))
        for name in sorted(enabled)
        for row in show(f"the grants of role {name}", f"SHOW GRANTS TO ROLE {quoted(name)}")
    }
    return _Writer(role, enabled, frozenset(grants))


def _owners(ask: Ask, tables: Collection[str], path: Path) -> dict[Path, str]:
    """The owner of the database or schema, and of these tables, as far as they are there."""
    views = f"{quoted(path[0])}.INFORMATION_SCHEMA"
    what = f"the owners in {'.'.join(path)}"
    if len(path) == 1:
        rows = ask(what, select("DATABASE_OWNER", f"{views}.DATABASES", equal("DATABASE_NAME", path[0])))
    else:
        rows = ask(what, select("SCHEMA_OWNER", f"{views}.SCHEMATA", equal("SCHEMA_NAME", path[1])))
    owners: dict[Path, str] = {}
    for (owner,) in rows:
        owners[path] = owner or ""
    if names := sorted(filter(nameable, tables)):
        here = (equal("TABLE_SCHEMA", path[1]), among("TABLE_NAME", names))
        rows = ask(what, select("TABLE_NAME, TABLE_OWNER", f"{views}.TABLES", *here))
        owners |= {(*path, name): owner or "" for name, owner in rows}
    return owners


def _of(need: Need, path: Path, owner: str, writer: _Writer, tags: SnowflakeTags) -> Iterator[Missing]:
    """What one need lacks; `path` is the source's, of the table, schema or database."""
    role = quoted(writer.role)
    named = f"{EntityType.of(path)} {'.'.join(path)}"
    for depth in range(1, len(path)):
        kind = ("DATABASE", "SCHEMA")[depth - 1]
        if not writer.has("USAGE", kind, path[:depth]):
            yield Missing(
                f"{writer.role} may not use {kind.lower()} {'.'.join(path[:depth])}.",
                (f"GRANT USAGE ON {kind} {dotted(path[:depth])} TO ROLE {role};",),
            )
    owns = owner in writer.enabled
    match need.aspect:
        case Aspect.DESCRIPTION if not owns:
            yield from _to_comment(path, named, owner, writer)
        case Aspect.TAGS:
            yield from _to_tag(named, owns, writer, tags)
        case Aspect.OWNER if not writer.has_on_account("MANAGE GRANTS"):
            if not owns or need.owner not in writer.enabled:
                yield Missing(
                    f"{writer.role} may not hand {named} over to {need.owner} with the grants on it.",
                    (f"GRANT MANAGE GRANTS ON ACCOUNT TO ROLE {role};",),
                )


def _to_comment(path: Path, named: str, owner: str, writer: _Writer) -> Iterator[Missing]:
    role = quoted(writer.role)
    level = EntityType.of(path)
    if level is not EntityType.TABLE:
        kind = level.value.upper()
        if not writer.has("MODIFY", kind, path):
            yield Missing(
                f"{writer.role} may not modify {named}.", (f"GRANT MODIFY ON {kind} {dotted(path)} TO ROLE {role};",)
            )
    elif owner in _SYSTEM_ROLES or not owner:
        yield Missing(
            f"{named} belongs to {owner or 'another account'}, for which {writer.role} should not act: give it to a "
            f"role of its own, which {writer.role} can be granted."
        )
    else:
        yield Missing(
            f"{writer.role} does not inherit {owner}, who owns {named}.",
            (f"GRANT ROLE {quoted(owner)} TO ROLE {role};",),
        )


def _to_tag(named: str, owns: bool, writer: _Writer, tags: SnowflakeTags) -> Iterator[Missing]:
    role = quoted(writer.role)
    applies = owns and any(privilege in ("APPLY", _OWNERSHIP) and kind == "TAG" for privilege, kind, _ in writer.grants)
    if not applies and not writer.has_on_account("APPLY TAG"):
        yield Missing(f"{writer.role} may not set tags on {named}.", (f"GRANT APPLY TAG ON ACCOUNT TO ROLE {role};",))
    home = tags.home_path
    if home is None:
        return
    for kind, path in (("DATABASE", home[:1]), ("SCHEMA", home)):
        if not writer.has("USAGE", kind, path):
            yield Missing(
                f"{writer.role} may not use {kind.lower()} {'.'.join(path)}, where the tags are.",
                (f"GRANT USAGE ON {kind} {dotted(path)} TO ROLE {role};",),
            )
    if tags.create and not writer.has("CREATE TAG", "SCHEMA", home):
        yield Missing(
            f"{writer.role} may not create tags in {'.'.join(home)}.",
            (f"GRANT CREATE TAG ON SCHEMA {dotted(home)} TO ROLE {role};",),
        )
    # Snowflake lists imported privileges as USAGE.
    imported = any(writer.has(each, "DATABASE", ("SNOWFLAKE",)) for each in ("IMPORTED PRIVILEGES", "USAGE"))
    if tags.read == "account_usage" and not imported:
        yield Missing(
            f"{writer.role} may not read SNOWFLAKE.ACCOUNT_USAGE, which tags.read names.",
            (f"GRANT IMPORTED PRIVILEGES ON DATABASE SNOWFLAKE TO ROLE {role};",),
        )
