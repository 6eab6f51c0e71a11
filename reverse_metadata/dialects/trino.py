"""Trino.

Source: https://trino.io/docs/current/language/types.html#varchar, .../language/reserved.html and SqlBase.g4. A quote
is doubled and nothing else has a meaning inside a literal. Names are folded to lower case even in quotes.
"""

import re

from reverse_metadata.dialects.base import Dialect, Quoted
from reverse_metadata.dialects.words import RESERVED

_UNICODE = "a string whose escape character a UESCAPE after it may change"

TRINO = Dialect(
    name="Trino",
    quotes=(
        Quoted("'", "'", {"'": "''"}),
        Quoted('"', '"', {'"': '""'}, name=True),
        Quoted("U&'", "'", {}, refused=_UNICODE),
        Quoted("X'", "'", {}, refused="a string of bytes"),
        # The grammar knows them only to refuse them.
        Quoted("`", "`", {}, name=True, refused="backquotes, which Trino does not know"),
    ),
    line_comment=re.compile(r"--[^\r\n]*"),
    nested_comments=False,
    plain_name=re.compile(r"[a-z_][a-z0-9_]*"),
    reserved=RESERVED,
)
