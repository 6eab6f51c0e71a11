"""Values that would leave their places if they could."""

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

FULL = bool(os.environ.get("FULL"))

_PIECES = [
    *("'", "''", '"', '""', "`", "``", "\\", "\\\\", "\\'", '\\"', "\\`", "\\\n", "‘", "’", "“", "”", "＇"),
    *("--", "-- ", "---", "//", "#", "# ", "#!", "/*", "*/", "/*!", "/*M!", "/*+", "*//*", "-", "/", "*"),
    *("$", "$$", "$a$", "${", "}", "{", "${env:HOME}", "${x}", "{{", "{description}", "[", "]", "(", ")"),
    *(";", ";;", "\n", "\r", "\r\n", "\t", "\0", "\b", "\x1a", "\x7f", "\x85", "\xa0", "\ufeff", "\u2028", " "),
    *("N'", "n'", "E'", "U&'", 'U&"', "B'", "X'", "r'", "_utf8'", "' UESCAPE '!", "' 'x", "'\n'"),
    *("0", "n", "x", "x27", "u0027", "u0024", "U0000", "N", "Z", "%", "_", "047", "Q", "\\q", "\\N", "\\u0027"),
    *("a", "A", "b1", "select", "table", "NULL", "true", "from", ".", ",", "@", "=", ":", "?", "%s", "«", "€"),
    *("Ü", "é", "e\u0301", "ı", "😀", "\u202e", "\u200f", "\u200b", "\uffff", "\ud800", "\udc00"),
    *(
        "; DROP TABLE canary; --",
        "'; DROP TABLE canary; -- ",
        "\\'; DROP TABLE canary; -- ",
        '"; DROP TABLE canary; -- ',
    ),
    *("`; DROP TABLE canary; -- ", "*/; DROP TABLE canary; /*", "\n; DROP TABLE canary\n", "x" * 70, "ü" * 32),
]

#: Delimiters of every dialect, in any order, sometimes with other text.
nasty = st.lists(st.sampled_from(_PIECES), max_size=6).map("".join) | st.text(max_size=12)


def some(examples: int, *, shrink: bool = True) -> settings:
    """As many examples: with FULL other ones each time. Not shrunk where a failure is what is wanted."""
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=not FULL,
        print_blob=False,
        phases=[Phase.generate, *([Phase.shrink] if shrink else [])],
        suppress_health_check=list(HealthCheck),
    )
