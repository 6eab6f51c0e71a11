"""Oracle Database.

Texts are those of https://docs.oracle.com/en/database/oracle/oracle-database/23/sqlrf/Literals.html: a quote is
doubled, a backslash is a character like any other. Names are those of .../Database-Object-Names-and-Qualifiers.html: no
double quote can be part of one. A name without quotes is folded to upper case, and the catalog shows such a name in
lower case, as SQLAlchemy does: so a name in lower case is written without quotes, unless SQLAlchemy would quote it.
"""

import re

from reverse_metadata.dialects.base import Dialect, Quoted
from reverse_metadata.errors import Unwritable

_QUOTING = "a value could hold what ends a string of this form; write it in plain quotes"
#: Those that SQLAlchemy quotes, so that the catalog shows them as the dictionary does, in upper case.
_RESERVED = frozenset(
    """
    all alter and any as asc between by char check cluster comment compress connect create current date decimal default
    delete desc distinct drop else exclusive exists float for from grant group having identified in index insert integer
    intersect into is level like lock long minus mode nocompress not nowait null number of on option or order pctfree
    prior public raw rename resource revoke select set share size smallint start synonym table then to trigger uid union
    unique update user values varchar varchar2 view where with
    """.split()
)

ORACLE = Dialect(
    name="Oracle",
    quotes=(
        Quoted("'", "'", {"'": "''"}),
        Quoted("N'", "'", {"'": "''"}),
        Quoted('"', '"', {}, name=True, doubles=False),
    ),
    line_comment=re.compile(r"--[^\n]*"),
    nested_comments=False,
    plain_name=re.compile(r"[a-z][a-z0-9_$]*"),
    reserved=_RESERVED,
    absent="''",
    unwritable_text=re.compile("\0"),
    unwritable_name=re.compile('["\0]'),
    # What runs a string: EXECUTE IMMEDIATE, and the packages that do the same.
    reparsed=re.compile(
        r"(?i)\bEXECUTE\b|\bDBMS_(?:SQL|UTILITY|SCHEDULER|JOB)\b|\bCREATE\b[^;]*\b(?:FUNCTION|PROCEDURE)\b"
    ),
    refused={"Q'": _QUOTING, "NQ'": _QUOTING},
    synthetic_database=True,
)

literal = ORACLE.literal


def name_in_quotes(name: str) -> str:
    """A name of the dictionary in quotes, which keep its case. Raises Unwritable when nothing can have this name."""
    if len(name.encode(errors="replace")) > 1024:
        raise Unwritable(f"Oracle has no names of more than 1024 bytes: {name[:80]!r}")
    return f'"{ORACLE.identifier_content(name, chr(34))}"'
