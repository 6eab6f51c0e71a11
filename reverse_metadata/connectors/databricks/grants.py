"""Which privileges a writer lacks, found out from the information schema.

Who owns an object may do everything to it. Otherwise it takes USE CATALOG and USE SCHEMA, and MODIFY to describe a
table, MANAGE to describe a view, schema or catalog or to hand anything over, APPLY TAG to tag:
https://docs.databricks.com/aws/en/data-governance/unity-catalog/manage-privileges/privileges. A privilege on a catalog
or schema holds for what stands in it. Who may assign a governed tag no relation says.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator

from reverse_metadata.connectors.base import Missing, Need
from reverse_metadata.connectors.databricks import kinds
from reverse_metadata.connectors.databricks.reading import Ask, among
from reverse_metadata.connectors.databricks.sql import literal, named, principal, select
from reverse_metadata.connectors.sql import Row
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, EntityType, Path

_OWNER = "OWNER"
#: To describe which kinds it takes no ownership.
_MODIFIED = ("TABLE", "STREAMING TABLE")
_LEVELS = ("CATALOG", "SCHEMA", "TABLE")


def missing(ask: Ask, needs: Collection[Need], path: Path) -> list[Missing]:
    """What the writer lacks for the needs of one partition, whose path in the source this is: two or three queries.

    Raises SourceError.
    """
    what = f"the privileges on {'.'.join(path)}"
    try:
        rows = ask(what, _granted(path, {need.path[2] for need in needs if len(need.path) > 2}))
    except SourceError as error:
        if error.reason is not Reason.MISSING_PRIVILEGE:
            raise
        ((writer,),) = ask(what, "SELECT current_user()")
        return [_may_not_use(writer, path[:1])]
    standing = _Standing(ask, what, rows)
    lacking: dict[Missing, None] = {}
    for need in needs:
        # A table's name is folded, as are those of the partition.
        here = (*path, *(name.lower() for name in need.path[len(path) :]))[:3]
        if standing.knows(here):
            lacking |= dict.fromkeys(_of(need, here, standing))
    return list(lacking)


class _Standing:
    """Who has what on which object, and who the writer is."""

    def __init__(self, ask: Ask, what: str, rows: list[Row]) -> None:
        self._held: defaultdict[tuple[int, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for depth, name, privilege, grantee in rows:
            self._held[int(depth), str(name)][str(privilege).replace("_", " ").upper()].add(str(grantee))
        others = sorted({grantee for held in self._held.values() for who in held.values() for grantee in who})
        asked = ", ".join(["current_user()", *(f"is_account_group_member({literal(other)})" for other in others)])
        ((self.writer, *member),) = ask(what, f"SELECT {asked}")
        self._selves = {self.writer, *(other for other, is_member in zip(others, member, strict=True) if is_member)}

    def knows(self, path: Path) -> bool:
        """Whether the object is there, as far as the writer may see."""
        return (len(path), path[-1]) in self._held

    def owns(self, path: Path) -> bool:
        return self._any(path, _OWNER)

    def has(self, path: Path, privilege: str) -> bool:
        """Whether the privilege was granted here or above. ALL PRIVILEGES has no MANAGE."""
        words = [privilege] if privilege == "MANAGE" else [privilege, "ALL PRIVILEGES"]
        return any(self._any(path[:length], word) for length in range(1, len(path) + 1) for word in words)

    def owns_above(self, path: Path) -> bool:
        """Whether the writer owns what the object stands in."""
        return any(self.owns(path[:length]) for length in range(1, len(path)))

    def _any(self, path: Path, privilege: str) -> bool:
        held = self._held.get((len(path), path[-1]), {})
        return not self._selves.isdisjoint(held.get(privilege, ()))


def _granted(path: Path, tables: Collection[str]) -> str:
    """Depth, name, privilege and grantee of the partition's path and of these tables in it; owners have OWNER."""
    relation = f"{named(path[:1])}.information_schema"
    levels = [("catalog", "catalogs", "catalog_name", f"catalog_name = {literal(path[0])}")]
    schema = literal(path[-1])
    if len(path) > 1:
        levels.append(("schema", "schemata", "schema_name", f"schema_name = {schema}"))
    if tables:
        levels.append(("table", "tables", "table_name", f"table_schema = {schema}{among(tables)}"))
    selects: list[str] = []
    for depth, (level, objects, name, where) in enumerate(levels, 1):
        items = f"{depth} AS depth, {name} AS name"
        owner = f"{items}, '{_OWNER}' AS privilege_type, {level}_owner AS grantee"
        selects.append(select(owner, f"{relation}.{objects}", where))
        selects.append(select(f"{items}, privilege_type, grantee", f"{relation}.{level}_privileges", where))
    return " UNION ALL ".join(selects)


def _of(need: Need, path: Path, standing: _Standing) -> Iterator[Missing]:
    for length, privilege in ((1, "USE CATALOG"), (2, "USE SCHEMA")):
        above = path[:length]
        if len(path) > length and not (standing.owns(above) or standing.has(above, privilege)):
            yield _may_not_use(standing.writer, above)
    privilege = _privilege(need, path)
    if standing.owns(path) or standing.has(path, privilege):
        return
    if need.aspect is Aspect.OWNER and standing.owns_above(path):
        return
    kind = _securable(need, path)
    on = f"{kind} {named(path)}"
    what = f"{standing.writer} has no {privilege} on {kind.lower()} {'.'.join(path)}."
    yield Missing(what, (f"GRANT {privilege} ON {on} TO {principal(standing.writer)};",))


def _privilege(need: Need, path: Path) -> str:
    if need.aspect is Aspect.TAGS:
        return "APPLY TAG"
    if need.aspect is Aspect.OWNER or len(path) < 3:
        return "MANAGE"
    return "MODIFY" if _altered(need) in _MODIFIED else "MANAGE"


def _altered(need: Need) -> str:
    kind = kinds.table_of(need.kind) if EntityType.of(need.path) is EntityType.COLUMN else need.kind
    return kinds.ALTERED.get(kind, "TABLE")


def _securable(need: Need, path: Path) -> str:
    """What GRANT calls it: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-privileges."""
    altered = _altered(need)
    if len(path) < 3 or altered == "STREAMING TABLE":
        return _LEVELS[len(path) - 1]
    return altered


def _may_not_use(writer: str, path: Path) -> Missing:
    level = _LEVELS[len(path) - 1]
    grant = f"GRANT USE {level} ON {level} {named(path)} TO {principal(writer)};"
    return Missing(f"{writer} may not use {level.lower()} {'.'.join(path)}.", (grant,))
