"""PostgreSQL, and what speaks like it.

Sources: https://www.postgresql.org/docs/current/sql-syntax-lexical.html and, for what is read as a comment or a
dollar quote, src/backend/parser/scan.l of PostgreSQL 15 to 18.
"""

import re
from dataclasses import replace

from reverse_metadata.dialects.base import Dialect, Quoted

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
_UNICODE = "a string whose escape character a UESCAPE after it may change"
_PLAIN = Quoted("'", "'", {"'": "''"}, surer="E'")

#: Sessions with `standard_conforming_strings` on, as it is unless somebody turned it off.
POSTGRES = Dialect(
    name="PostgreSQL",
    quotes=(
        _PLAIN,
        Quoted("E'", "'", {"'": "''", "\\": "\\\\"}, backslash=True),
        Quoted('"', '"', {'"': '""'}, name=True),
        Quoted("U&'", "'", {}, refused=_UNICODE),
        Quoted('U&"', '"', {}, name=True, refused=_UNICODE.replace("string", "name")),
        Quoted("B'", "'", {}, refused="a string of bits"),
        Quoted("X'", "'", {}, refused="a string of bits"),
        Quoted("N'", "'", {}, refused="a string whose backslashes depend on a setting of the session"),
    ),
    line_comment=re.compile(r"--[^\r\n]*"),
    nested_comments=True,
    plain_name=re.compile(r"[a-z_][a-z0-9_$]*"),
    reserved=_RESERVED,
    dollar_quote=re.compile(r"\$(?:[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*)?\$"),
    unwritable_text=re.compile("\0"),
    longest_name=63,
    # Statements and functions (some of them of dblink) that run a string, and settings of how strings are read.
    reparsed=re.compile(
        r"(?i)(?:^|;)\s*DO\b|\bEXECUTE\b|\bSET\s+NAMES\b|\bclient_encoding\b|\bstandard_conforming_strings\b|\bCREATE\b[^;]*\b(?:FUNCTION|PROCEDURE)\b"
        r"|\b(?:set_config|dblink\w*|query_to_xml\w*|cursor_to_xml\w*|database_to_xml\w*|ts_stat|ts_rewrite)\s*\("
    ),
)

identifier = POSTGRES.identifier
literal = POSTGRES.literal

#: Sessions with `standard_conforming_strings` off: a backslash escapes in plain strings too.
POSTGRES_BACKSLASH = replace(
    POSTGRES,
    quotes=tuple(
        replace(each, escapes={"'": "''", "\\": "\\\\"}, backslash=True) if each is _PLAIN else each
        for each in POSTGRES.quotes
    ),
)
