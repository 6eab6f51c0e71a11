r"""Snowflake.

Sources: https://docs.snowflake.com/en/sql-reference/data-types-text#string-constants (in `'…'` a quote is doubled, and
a backslash escapes; `$$…$$` has no escapes), https://docs.snowflake.com/en/sql-reference/identifiers-syntax (without
quotes a name is read in upper case), https://docs.snowflake.com/en/sql-reference/reserved-keywords, and for comments,
of which `//` is one, https://docs.snowflake.com/en/developer-guide/snowflake-scripting and the vendor's own clients.
Whether `/* /* */ */` is one comment is not documented.
"""

import re

from reverse_metadata.dialects.base import Dialect, Quoted
from reverse_metadata.dialects.words import RESERVED

_RESERVED = RESERVED | frozenset(
    """
    account connection following gscluster increment issue organization qualify regexp row rows trigger try_cast
    whenever
    """.split()
)

SNOWFLAKE = Dialect(
    name="Snowflake",
    quotes=(
        Quoted("'", "'", {"'": "''", "\\": "\\\\"}, backslash=True),
        Quoted('"', '"', {'"': '""'}, name=True),
        Quoted("X'", "'", {}, refused="a string of bytes"),
    ),
    line_comment=re.compile(r"(?:--|//)[^\n]*"),
    nested_comments=None,
    # In lower case it would mean the name in upper case.
    plain_name=re.compile(r"[A-Z_][A-Z0-9_$]*"),
    reserved=_RESERVED,
    dollar_quote=re.compile(r"\$\$"),
    # A comment is removed by an empty one: there is no NULL where a comment stands.
    absent="''",
    unwritable_text=re.compile("\0"),
    # What runs a string, and what keeps one as code.
    reparsed=re.compile(
        r"(?i)\bEXECUTE\s+(?:IMMEDIATE|TASK|JOB)\b|\bCREATE\b[^;]*\b(?:FUNCTION|PROCEDURE|TASK)\b|\bIDENTIFIER\s*\("
    ),
)

literal = SNOWFLAKE.literal


def quoted(name: str) -> str:
    """The name in quotes, so that it means itself whatever its letter case.

    Raises Unwritable when nothing can have this name.
    """
    return f'"{SNOWFLAKE.identifier_content(name, chr(34))}"'


def dotted(names: tuple[str, ...]) -> str:
    """A complete name. Raises Unwritable."""
    return ".".join(map(quoted, names))
