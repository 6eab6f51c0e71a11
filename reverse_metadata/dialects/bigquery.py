r"""BigQuery: GoogleSQL.

Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical. Strings have four kinds of quotes, and a
backslash escapes in all of them and in names: a quote that is doubled, a line break as it is, and an escape that the
page does not list are errors. In triple quotes a line break would be read as `\n` whichever it was.

Where a table is named, quotes may stand around several names, which are told apart by their dots afterwards, and by the
colon of a project within a domain (`example.com:project.dataset.table`): a table `a.b` would be one of another dataset.
So no name may hold either; the project of such a template is written by its author.
"""

import re

from reverse_metadata.dialects.base import Dialect, Quoted, TagList
from reverse_metadata.dialects.words import RESERVED

_LEGACY = "what follows is read as legacy SQL, which has other rules for strings and names; leave it out"
_RAW = "a raw string, which cannot hold its own quote"
_BYTES = "a string of bytes"
_MARKS = ("'", '"', "'''", '"""')
_LINES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}

_RESERVED = RESERVED | frozenset(
    """
    assert_rows_modified at contains define enum exclude following graph_table groups hash ignore lookup match_recognize
    merge new nulls of over preceding proto qualify respect struct unbounded
    """.split()
)

BIGQUERY = Dialect(
    name="BigQuery",
    quotes=(
        *(
            Quoted(mark, mark, {mark[0]: "\\" + mark[0], "\0": "\\x00", **_LINES}, doubles=False, backslash=True)
            for mark in _MARKS
        ),
        Quoted("`", "`", {"`": "\\`", **_LINES}, name=True, doubles=False, backslash=True),
        # A backslash stands for itself there, and yet keeps a quote behind it from ending the string.
        *(
            Quoted(prefix + mark, mark, {}, doubles=False, backslash=True, refused=refused)
            for prefix, refused in (("R", _RAW), ("B", _BYTES), ("BR", _BYTES), ("RB", _BYTES))
            for mark in _MARKS
        ),
    ),
    line_comment=re.compile(r"(?:--|#)[^\r\n]*"),
    nested_comments=False,
    plain_name=re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    reserved=_RESERVED,
    unwritable_name=re.compile("[\0.:]"),
    # What runs a string, here or in another database, or keeps it as code.
    reparsed=re.compile(r"(?i)\bEXECUTE\b|\bEXTERNAL_QUERY\s*\(|\bCREATE\b[^;]*\b(?:FUNCTION|PROCEDURE)\b"),
    refused={"#LEGACYSQL": _LEGACY},
    tag_list=TagList("[(", ",", ")]", separator="), ("),
)
