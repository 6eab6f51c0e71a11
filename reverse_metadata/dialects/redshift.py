r"""Amazon Redshift.

Names are those of https://docs.aws.amazon.com/redshift/latest/dg/r_names.html: printable characters, a double quote
doubled, folded to lower case even in quotes unless `enable_case_sensitive_identifier` is on, and cut off after 127
bytes (https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html). The reserved words are those of
https://docs.aws.amazon.com/redshift/latest/dg/r_pg_keywords.html.

The manual says little of strings (https://docs.aws.amazon.com/redshift/latest/dg/r_patternmatching_condition_like.html
writes `'\\'` for one backslash). They are read as PostgreSQL 8.0 did, which the engine descends from: a backslash
escapes in plain quotes (https://github.com/jOOQ/jOOQ/issues/10628), a quote is doubled, dollar quotes exist, and
`E'…'` is no string but a type named e (https://github.com/npgsql/npgsql/issues/515). No setting changes that.
"""

import re

from reverse_metadata.dialects.base import Dialect, Quoted
from reverse_metadata.dialects.words import RESERVED

_BITS = "a string of bits"
_RESERVED = RESERVED | frozenset(
    """
    aes128 aes256 allowoverwrite az64 backup blanksasnull bytedict bzip2 credentials current_user_id deflate defrag
    delta delta32k disable emptyasnull enable encode encrypt encryption explicit globaldict256 globaldict64k gzip
    identity ignore language lun luns lzo lzop mostly13 mostly16 mostly32 mostly8 new nulls off offline oid old open
    parallel percent permissions raw readratio recover rejectlog resort respect restore snapshot sysdate system tag tdes
    text255 text32k truncatecolumns wallet without
    """.split()
)

REDSHIFT = Dialect(
    name="Redshift",
    quotes=(
        Quoted("'", "'", {"'": "''", "\\": "\\\\"}, backslash=True),
        Quoted('"', '"', {'"': '""'}, name=True),
        Quoted("B'", "'", {}, refused=_BITS),
        Quoted("X'", "'", {}, refused=_BITS),
    ),
    line_comment=re.compile(r"--[^\r\n]*"),
    # PostgreSQL nests them, the vendor's drivers do not, and the manual says nothing.
    nested_comments=None,
    plain_name=re.compile(r"[a-z_][a-z0-9_$]*"),
    reserved=_RESERVED,
    dollar_quote=re.compile(r"\$(?:[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*)?\$"),
    unwritable_text=re.compile("\0"),
    unwritable_name=re.compile(r"[\x00-\x1f\x7f-\x9f]"),
    longest_name=127,
    # What runs a string, or keeps it to be run, and settings of how strings are read.
    reparsed=re.compile(
        r"(?i)\bEXECUTE\b|\bPREPARE\b|\bUNLOAD\b|\bSET\s+NAMES\b|\bclient_encoding\b|\bset_config\s*\("
        r"|\bCREATE\b[^;]*\b(?:FUNCTION|PROCEDURE)\b"
    ),
)
