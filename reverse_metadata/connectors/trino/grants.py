"""What the writer lacks, and the rules that would give it.

Trino has no way to ask what one may do: EXPLAIN of a COMMENT succeeds for everybody, and GRANT is unknown to most
catalogs. But a COMMENT in a read-only transaction is refused for the one reason or the other: because the user may
not, or because the transaction may not. So each table is asked about in this way, and nothing is ever written.

Nor can it be asked who decides. The rules given are those of file-based access control,
https://trino.io/docs/current/security/file-system-access-control.html, of which the first that fits decides.
"""

import json
import re
from collections.abc import Iterable, Iterator

from reverse_metadata.connectors.base import Missing, Need
from reverse_metadata.connectors.trino import sql
from reverse_metadata.connectors.trino.sql import Principals, named
from reverse_metadata.dialects.trino import TRINO
from reverse_metadata.model import Aspect, EntityType, Path

#: Tables of a schema that are asked about, a query for each of the three things that may be written to one.
ASKED = 100

#: What a writer reads of the catalog `system`.
SYSTEM = (
    "metadata.catalogs",
    "metadata.materialized_views",
    "metadata.table_comments",
    "runtime.nodes",
    "runtime.queries",
)

#: The error of who may write, but not in this transaction.
MAY = "READ_ONLY_VIOLATION"

#: A need, and the statement that shows whether it is met.
Probe = tuple[Need, str]


def probes(needs: Iterable[Need], names: Path, principals: Principals) -> Iterator[Probe]:
    """For each table, one need of a kind and what would be sent for it; `names` are the source's for the schema.

    Its columns are all alike: file rules, SQL-standard rules, Ranger and OPA know comments on columns by the table.
    """
    chosen: dict[tuple[Path, Aspect, EntityType], Need] = {}
    for need in sorted(needs, key=lambda need: need.path):
        if need.aspect is Aspect.DESCRIPTION or need.owner is not None:
            chosen.setdefault((need.path[:3], need.aspect, EntityType.of(need.path)), need)
    tables = list(dict.fromkeys(table for table, _, _ in chosen))[:ASKED]
    for (table, aspect, _), need in chosen.items():
        if table in tables:
            path = (*names, *need.path[len(names) :])
            yield need, sql.text(aspect, need.kind, path, need.owner, principals)


def no_catalogs(user: str, catalogs: Iterable[str]) -> Iterator[Missing]:
    """Catalogs that the user does not see at all."""
    for name in catalogs:
        what = f"{user} may not use the catalog {named((name,))}; look again once it may."
        allow = "read-only" if name == "system" else "all"
        yield Missing(what, (_rule("catalogs", user=_exactly(user), catalog=_exactly(name), allow=allow),))


def no_system(user: str) -> Missing:
    """The tables of the catalog `system`."""
    schemas, tables = (sorted({table.split(".")[part] for table in SYSTEM}) for part in (0, 1))
    rule = _rule(
        "tables",
        user=_exactly(user),
        catalog="system",
        schema="|".join(schemas),
        table="|".join(tables),
        privileges=["SELECT"],
    )
    return Missing(f"{user} may not read {', '.join(f'system.{table}' for table in SYSTEM)}.", (rule,))


def no_rule(user: str, need: Need, path: Path, principals: Principals) -> Missing:
    """What the rules of the server would have to say; `path` holds the source's names."""
    rules = {"user": _exactly(user), "catalog": _exactly(path[0]), "schema": _exactly(path[1])}
    if len(path) > 2:
        told = "needs OWNERSHIP of it"
        listed = [_rule("tables", **rules, table=_exactly(path[2]), privileges=["SELECT", "OWNERSHIP"])]
    else:
        told = "must own it"
        listed = [_rule("schemas", **rules, owner=True)]
    if need.owner is not None:
        of, name = sql.principal(need.owner, principals)
        listed.append(_rule("authorization", original_user=_exactly(user), **{f"new_{of}": _exactly(name)}, allow=True))
    all_access = f"all access to the catalog {named(path[:1])}"
    return Missing(f"{_may_not(user, need, path)}: it {told}, and {all_access}.", tuple(listed))


def no_owner(user: str, need: Need, path: Path) -> Missing:
    """What a catalog asks for that has owners and roles itself, and goes by them."""
    catalog = named(path[:1])
    role = f"takes the role admin of {catalog}, which the service must name under roles: {{{path[0]}: admin}}"
    owning = f"{'that' if need.owner is not None else 'it'} {role}"
    if need.owner is None:
        owning += f"; or {user}, or a role of its, owns {named(path[:3])}"
    grant = f"GRANT admin TO USER {TRINO.identifier(user)} IN {catalog};"
    return Missing(f"{_may_not(user, need, path)}: {owning}.", (grant,))


def _may_not(user: str, need: Need, path: Path) -> str:
    if need.owner is not None:
        return f"{user} may not hand {named(path[:3])} over to {need.owner}"
    part = "columns of " if EntityType.of(need.path) is EntityType.COLUMN else ""
    return f"{user} may not comment on {part}{named(path[:3])}"


def _rule(section: str, **rule: object) -> str:
    """A rule as a document of rules: it belongs at the head of the list of its section."""
    return json.dumps({section: [rule]}, ensure_ascii=False)


def _exactly(name: str) -> str:
    """The regular expression of Java that fits this name alone."""
    return re.escape(name)
