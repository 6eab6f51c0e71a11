"""ClickHouse.

Sources: https://clickhouse.com/docs/sql-reference/syntax and src/Parsers/Lexer.cpp. Quotes inside strings and names
may be doubled or escaped by a backslash; a backslash escapes in names too. A comment within a comment was none once,
and is one in 26.9.
"""

import re

from reverse_metadata.dialects.base import Dialect, Quoted
from reverse_metadata.dialects.words import RESERVED

_BYTES = "a string of bytes"

CLICKHOUSE = Dialect(
    name="ClickHouse",
    quotes=(
        Quoted("'", "'", {"'": "\\'", "\\": "\\\\", "\0": "\\0"}, backslash=True),
        Quoted("`", "`", {"`": "\\`", "\\": "\\\\"}, name=True, backslash=True),
        Quoted('"', '"', {'"': '\\"', "\\": "\\\\"}, name=True, backslash=True),
        Quoted("X'", "'", {}, refused=_BYTES),
        Quoted("B'", "'", {}, refused=_BYTES),
    ),
    line_comment=re.compile(r"--[^\n]*|#[ !][^\n]*|//[^\n]*"),
    nested_comments=None,
    plain_name=re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    reserved=RESERVED,
    dollar_quote=re.compile(r"\$[A-Za-z0-9_]*\$"),
    absent="''",
    synthetic_database=True,
)
