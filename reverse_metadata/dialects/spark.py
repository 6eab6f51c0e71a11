"""Spark SQL: Databricks, Unity Catalog.

Before anything is parsed, `${…}` is replaced anywhere in the text by a variable of the session or of the driver's
environment, and no escape prevents it but writing the dollar by its number. In names there is no such form. Sources:
https://spark.apache.org/docs/latest/sql-ref-literals.html, .../sql-ref-identifier.html, SqlBaseLexer.g4 and
https://docs.databricks.com/en/sql/language-manual/data-types/string-type.html.
"""

import re

from reverse_metadata.dialects.base import Dialect, Quoted, TagList
from reverse_metadata.dialects.words import RESERVED

_RAW = "a raw string, which cannot hold its own quote"

SPARK = Dialect(
    name="Spark",
    quotes=(
        Quoted("'", "'", {"'": "\\'", "\\": "\\\\", "$": "\\u0024"}, backslash=True),
        Quoted("`", "`", {"`": "``"}, name=True),
        Quoted('"', '"', {}, backslash=True, refused="double quotes, which are a string or a name as a setting says"),
        Quoted("R'", "'", {}, doubles=False, refused=_RAW),
        Quoted('R"', '"', {}, doubles=False, refused=_RAW),
        Quoted("X'", "'", {}, refused="a string of bytes"),
        Quoted('X"', '"', {}, refused="a string of bytes"),
    ),
    # A backslash at its end continues the comment on the next line.
    line_comment=re.compile(r"--(?:\\\n|[^\r\n])*"),
    nested_comments=True,
    plain_name=re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    reserved=RESERVED,
    # Bodies of functions in Databricks.
    dollar_quote=re.compile(r"\$\w*\$"),
    # NULL is not taken for a column.
    absent="''",
    # A dollar at the end, since what follows it may begin with a brace.
    unwritable_name=re.compile(r"\0|\$\{|\$\Z"),
    reparsed=re.compile(r"(?i)\bEXECUTE\b|\bPREPARE\b|\bSET\s+spark\b"),
    refused={"/*+": "the engine reads what stands in this comment; leave it out"},
    substitutes=True,
    tag_list=TagList("(", " = ", ")"),
)
