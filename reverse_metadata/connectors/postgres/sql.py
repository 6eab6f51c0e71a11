"""The SQL that carries a change. Pure text: no connection, no driver.

COMMENT and ALTER take no bind parameters, so names and texts are written as literals that mean the same under
every setting of the server. Source: https://www.postgresql.org/docs/current/sql-comment.html,
https://www.postgresql.org/docs/current/sql-altertable.html and their neighbours.
"""

import re
from collections.abc import Callable, Iterable

from reverse_metadata.connectors.base import ordered
from reverse_metadata.model import Aspect, Change, Path, Statement

#: The system's word for each `pg_class.relkind` that is read. A partition is a table, or partitioned again.
KINDS = {
    "r": "table",
    "p": "partitioned table",
    "v": "view",
    "m": "materialized view",
    "f": "foreign table",
}

_KEYWORDS = {
    "database": "DATABASE",
    "schema": "SCHEMA",
    "table": "TABLE",
    "partitioned table": "TABLE",
    "view": "VIEW",
    "materialized view": "MATERIALIZED VIEW",
    "foreign table": "FOREIGN TABLE",
    "column": "COLUMN",
}

#: Words that mean something else unless quoted, of PostgreSQL 15 to 18: those that `pg_get_keywords()` puts in
#: another category than "unreserved". `quote_ident` quotes the same ones.
_RESERVED = frozenset(
    """
    all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case
    cast char character check coalesce collate collation column concurrently constraint create cross current_catalog
    current_date current_role current_schema current_time current_timestamp current_user dec decimal default
    deferrable desc distinct do else end except exists extract false fetch float for foreign freeze from full grant
    greatest group grouping having ilike in initially inner inout int integer intersect interval into is isnull join
    json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize
    json_table json_value lateral leading least left like limit localtime localtimestamp merge_action national
    natural nchar none normalize not notnull null nullif numeric offset on only or order out outer overlaps overlay
    placing position precision primary real references returning right row select session_user setof similar
    smallint some substring symmetric system_user table tablesample then time timestamp to trailing treat trim true
    union unique user using values varchar variadic verbose when where window with xmlattributes xmlconcat
    xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable
    """.split()
)
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")


def identifier(name: str) -> str:
    """The name as SQL, quoted when PostgreSQL would otherwise read another name, or none."""
    if _PLAIN.fullmatch(name) and name not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as SQL that is right under both settings of `standard_conforming_strings`."""
    doubled = text.replace("'", "''")
    if "\\" not in text:
        return f"'{doubled}'"
    return "E'" + doubled.replace("\\", "\\\\") + "'"


def storable(text: str) -> bool:
    """Whether text can be sent at all: PostgreSQL has no NUL character, and a lone surrogate is no character."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def nameable(text: str) -> bool:
    """Whether something can have this name: PostgreSQL takes 63 bytes and cuts off the rest without an error."""
    return storable(text) and 0 < len(text.encode()) <= 63


def target(kind: str, path: Path) -> str:
    """What a statement names, by the names of the source: `TABLE sales.orders`, `DATABASE shop`."""
    below_database = path if len(path) == 1 else path[1:]
    return f"{_KEYWORDS[kind]} {'.'.join(map(identifier, below_database))}"


def resolve(changes: Iterable[Change], rewritten: Callable[[Path], Path]) -> list[Statement]:
    """One statement a change, in the order in which they are sent."""
    return [Statement(_text(change, rewritten(change.path)), (change,)) for change in ordered(changes)]


def _text(change: Change, path: Path) -> str:
    named = target(change.kind, path)
    if change.aspect is Aspect.OWNER:
        if change.value is None:
            raise ValueError(f"{named} cannot be left without an owner")
        return f"ALTER {named} OWNER TO {identifier(change.value)}"
    return f"COMMENT ON {named} IS {'NULL' if change.value is None else literal(change.value)}"
