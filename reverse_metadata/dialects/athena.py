r"""Amazon Athena: its DDL, which is Hive's.

Athena reads two languages. Statements that change the catalog are Hive's, with backquotes around names and backslashes
in strings; queries and views are Trino's, with double quotes and no backslashes
(https://docs.aws.amazon.com/athena/latest/ug/reserved-words.html). A value that was escaped for one could leave its
place in the other (https://github.com/pyathena-dev/PyAthena/pull/745), so a template may put text only into statements
that are surely Hive's: ALTER TABLE and ALTER DATABASE.

Hive's rules are those of https://cwiki.apache.org/confluence/display/Hive/LanguageManual+Types#LanguageManualTypes-Strings,
HiveLexer.g and BaseSemanticAnalyzer.unescapeSQLString: C-style escapes in single and double quotes, a doubled quote is
the end of one string and the beginning of the next, and a backquote is doubled. Hive replaces `${…}` before it reads
(https://cwiki.apache.org/confluence/display/Hive/LanguageManual+VariableSubstitution), and the vendor does not say that
Athena never does: the dollar is written by its number, which a name has no form for. `/* */` is not read as a comment
(https://github.com/getredash/redash/issues/2399). Names are folded to lower case, and one that begins with an
underscore is quoted (https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html).
"""

import re

from reverse_metadata.dialects.base import Dialect, Quoted
from reverse_metadata.dialects.words import RESERVED

#: Line breaks too: what splits or trims queries line by line must find none in a value.
_ESCAPES = {"\\": "\\\\", "$": "\\044", "\0": "\\000", "\n": "\\n", "\r": "\\r"}
_RESERVED = RESERVED | frozenset(
    """
    cache cashe commit conf cursor date dayofweek double exchange extended external floor following import less macro
    map more of over partialscan percent preceding preserve procedure reads reduce regexp rollback transform trigger
    unbounded uniquejoin utc_timestamp views
    """.split()
)

ATHENA = Dialect(
    name="Athena",
    quotes=(
        Quoted("'", "'", {"'": "\\'", **_ESCAPES}, doubles=False, backslash=True),
        Quoted('"', '"', {'"': '\\"', **_ESCAPES}, doubles=False, backslash=True),
        Quoted("`", "`", {"`": "``"}, name=True),
    ),
    line_comment=re.compile(r"--[^\r\n]*"),
    nested_comments=False,
    plain_name=re.compile(r"[A-Za-z][A-Za-z0-9_]*"),
    reserved=_RESERVED,
    # Neither a property nor a comment can be NULL.
    absent="''",
    # A dollar at the end, since what follows it may begin with a brace.
    unwritable_name=re.compile(r"\0|\$\{|\$\Z"),
    reparsed=re.compile(r"(?i)(?:^|;)\s*(?!(?:ALTER\s+(?:DATABASE|SCHEMA|TABLE))\b)(?:ALTER\s+)?[^\s;]+"),
    refused={"/*": "Athena knows no such comment in DDL; begin the line with two hyphens"},
    substitutes=True,
    synthetic_database=True,
)
