r"""SQL Server, Azure SQL.

Texts are those of https://learn.microsoft.com/en-us/sql/t-sql/data-types/constants-transact-sql: a quote is doubled,
and a text without an N before it is turned into the code page of the database, so that what that lacks becomes `?`. A
backslash is a character like any other, but for one place: at the end of a line it joins the next one to it, and both
are gone (https://learn.microsoft.com/en-us/sql/t-sql/language-elements/sql-server-utilities-statements-backslash).
Names: https://learn.microsoft.com/en-us/sql/relational-databases/databases/database-identifiers; the reserved words:
https://learn.microsoft.com/en-us/sql/t-sql/language-elements/reserved-keywords-transact-sql. Comments nest:
https://learn.microsoft.com/en-us/sql/t-sql/language-elements/slash-star-comment-transact-sql.
"""

import re

from reverse_metadata.dialects.base import Dialect, Quoted

_RESERVED = frozenset(
    """
    add all alter and any as asc authorization backup begin between break browse bulk by cascade case check checkpoint
    close clustered coalesce collate column commit compute constraint contains containstable continue convert create
    cross current current_date current_time current_timestamp current_user cursor database dbcc deallocate declare
    default delete deny desc disk distinct distributed double drop dump else end errlvl escape except exec execute
    exists exit external fetch file fillfactor for foreign freetext freetexttable from full function goto grant group
    having holdlock identity identity_insert identitycol if in index inner insert intersect into is join key kill left
    like lineno load merge national nocheck nonclustered not null nullif of off offsets on open opendatasource openquery
    openrowset openxml option or order outer over percent pivot plan precision primary print proc procedure public
    raiserror read readtext reconfigure references replication restore restrict return revert revoke right rollback
    rowcount rowguidcol rule save schema securityaudit select semantickeyphrasetable semanticsimilaritydetailstable
    semanticsimilaritytable session_user set setuser shutdown some statistics system_user table tablesample textsize
    then to top tran transaction trigger truncate try_convert tsequal union unique unpivot update updatetext use user
    values varying view waitfor when where while with within writetext
    """.split()
)

MSSQL = Dialect(
    name="SQL Server",
    quotes=(
        Quoted("N'", "'", {"'": "''"}),
        Quoted("'", "'", {"'": "''"}, unwritable=re.compile(r"[^\x00-\x7f]"), instead="N'"),
        Quoted("[", "]", {"]": "]]"}, name=True),
        Quoted('"', '"', {'"': '""'}, name=True),
    ),
    line_comment=re.compile(r"--[^\n]*"),
    nested_comments=True,
    plain_name=re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    reserved=_RESERVED,
    unwritable_text=re.compile(r"\0|\\[\r\n]"),
    # What runs a string, directly or under a name in quotes, and the setting by which "…" is a string.
    reparsed=re.compile(
        r"(?i)\bEXEC(?:UTE)?\s*\(|\bEXEC(?:UTE)?\s+(?:@\w+\s*=\s*)?(?:@|(?:(?:''|\w|\s)*\.\s*)*'')|(?:^|;)\s*''"
        r"|\bsp_(?:executesql|execute|prepare|prepexec|prepexecrpc|cursor\w+|MSforeach\w+)\b|\bxp_\w+"
        r"|\bOPEN(?:QUERY|ROWSET|DATASOURCE)\b|\bQUOTED_IDENTIFIER\b"
        r"|\b(?:CREATE|ALTER)\b[^;]*?\b(?:FUNCTION|PROC|PROCEDURE|TRIGGER)\b"
    ),
    blocks=True,
    intrusive=re.compile(
        r"(?i)\b(?:COMMIT|ROLLBACK|USE|REVERT|SETUSER)\b|\b(?:BEGIN|SAVE)\s+(?:DISTRIBUTED\s+)?TRAN(?:SACTION)?\b"
        r"|\bEXEC(?:UTE)?\s+AS\b|\bSET\s+\w+\s+(?![\s=])"
    ),
)

literal = MSSQL.literal


def name_in_brackets(name: str) -> str:
    """A name in brackets. Raises Unwritable when nothing can have this name."""
    return f"[{MSSQL.identifier_content(name, '[')}]"
