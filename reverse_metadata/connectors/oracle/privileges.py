"""Which privileges a change needs, and which of them are missing.

| to write | of another's schema it takes |
|---|---|
| a comment | COMMENT ANY TABLE, which there is for no single table: https://docs.oracle.com/en/database/oracle/oracle-database/23/sqlrf/COMMENT.html |
| an annotation of a table | ALTER on the object: https://docs.oracle.com/en/database/oracle/oracle-database/23/sqlrf/annotations_clause.html |
| an annotation of a view | ALTER ANY TABLE: https://docs.oracle.com/en/database/oracle/oracle-database/23/sqlrf/ALTER-VIEW.html |
| an annotation of a materialized view | ALTER ANY MATERIALIZED VIEW: https://docs.oracle.com/en/database/oracle/oracle-database/23/sqlrf/ALTER-MATERIALIZED-VIEW.html |

Who may do neither sees the table only when it may read it, so that a table that is not seen lacks nothing here.
"""  # noqa: E501 -- the rows of a table cannot be broken

from collections.abc import Callable, Collection, Iterator
from typing import Any

from reverse_metadata.connectors.base import Missing, Need
from reverse_metadata.connectors.oracle.names import nameable, to_dictionary
from reverse_metadata.dialects.oracle import name_in_quotes
from reverse_metadata.model import Aspect

Ask = Callable[[str, dict[str, Any]], list[tuple[Any, ...]]]

_WHO = "SELECT sys_context('USERENV', 'SESSION_USER') FROM dual"
_SYSTEM = (
    "SELECT privilege FROM session_privs"
    " WHERE privilege IN ('COMMENT ANY TABLE', 'ALTER ANY TABLE', 'ALTER ANY MATERIALIZED VIEW')"
)
_ALTERED = (
    "SELECT table_name FROM all_tab_privs WHERE table_schema = :owner AND privilege = 'ALTER' AND grantee IN"
    " (SELECT sys_context('USERENV', 'SESSION_USER') FROM dual UNION SELECT role FROM session_roles UNION"
    " SELECT 'PUBLIC' FROM dual)"
)
_VISIBLE = "SELECT object_name FROM all_objects WHERE owner = :owner AND object_type IN ('TABLE', 'VIEW')"


#: What there is no privilege for on the object itself.
_TO_ANNOTATE = {"view": "ALTER ANY TABLE", "materialized view": "ALTER ANY MATERIALIZED VIEW"}


def missing(ask: Ask, schema: str, needs: Collection[Need]) -> list[Missing]:
    """What the writer lacks for the needs in a schema, whose name in the dictionary this is: four queries at most."""
    ((writer,),) = ask(_WHO, {})
    tables = {to_dictionary(need.path[2]) for need in needs if len(need.path) > 2}
    if writer == schema or not tables:
        return []
    held = {privilege for (privilege,) in ask(_SYSTEM, {})}
    visible = {name for (name,) in ask(_VISIBLE, {"owner": schema})} & {name for name in tables if nameable(name)}
    altered = {name for (name,) in ask(_ALTERED, {"owner": schema})}
    return list(dict.fromkeys(_lacking(needs, schema, writer, held, visible, altered)))


def _lacking(
    needs: Collection[Need], schema: str, writer: str, held: set[str], visible: set[str], altered: set[str]
) -> Iterator[Missing]:
    grantee = name_in_quotes(writer)
    for need in needs:
        table = to_dictionary(need.path[2]) if len(need.path) > 2 else ""
        if table not in visible:
            continue
        named = f"{name_in_quotes(schema)}.{name_in_quotes(table)}"
        if need.aspect is Aspect.DESCRIPTION and "COMMENT ANY TABLE" not in held:
            yield Missing(f"{writer} may not comment on {named}.", (f"GRANT COMMENT ANY TABLE TO {grantee};",))
        if need.aspect is Aspect.TAGS:
            privilege = _TO_ANNOTATE.get(need.kind, "ALTER ANY TABLE")
            if privilege not in held and (need.kind in _TO_ANNOTATE or table not in altered):
                what = privilege if need.kind in _TO_ANNOTATE else f"ALTER ON {named}"
                yield Missing(f"{writer} may not annotate {named}.", (f"GRANT {what} TO {grantee};",))
