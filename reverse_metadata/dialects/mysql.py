"""MySQL and MariaDB, in every `sql_mode`.

No form of a literal is right both with and without NO_BACKSLASH_ESCAPES once the text holds a backslash (COMMENT takes
no hexadecimal literal), so who writes must know the mode of the session. Sources:
https://dev.mysql.com/doc/refman/8.4/en/string-literals.html, .../identifiers.html, .../comments.html, and
https://mariadb.com/kb/en/comment-syntax/.
"""

import re
from collections.abc import Collection
from dataclasses import replace

from reverse_metadata.dialects.base import Dialect, Quoted

_EXECUTED = "the engine runs what stands in this comment; write it as SQL"
_BITS = "a string of bits"
_ESCAPES = {"\\": "\\\\", "\0": "\\0"}
#: Those that SQLAlchemy knows of MySQL and MariaDB, and four more that MariaDB 10.11 refuses as they are.
_RESERVED = frozenset(
    """
    accessible add admin all alter analyze and array as asc asensitive before between bigint binary blob body both
    by call cascade case change char character check collate column condition constraint continue convert create
    cross cube cume_dist current_date current_role current_time current_timestamp current_user cursor database
    databases day_hour day_microsecond day_minute day_second dec decimal declare default delayed delete
    delete_domain_id dense_rank desc describe deterministic distinct distinctrow div do_domain_ids double drop
    dual each else elseif elsif empty enclosed escaped except exists exit explain false fetch first_value float
    float4 float8 for force foreign from fulltext function general generated get get_master_public_key goto grant
    group grouping groups having high_priority history hour_microsecond hour_minute hour_second if ignore
    ignore_domain_ids ignore_server_ids in index infile inner inout insensitive insert int int1 int2 int3 int4
    int8 integer intersect interval into io_after_gtids io_before_gtids is iterate join json_table key keys kill
    lag last_value lateral lead leading leave left like limit linear lines load localtime localtimestamp lock long
    longblob longtext loop low_priority master_bind master_demote_to_replica master_demote_to_slave
    master_heartbeat_period master_ssl_verify_server_cert match maxvalue mediumblob mediumint mediumtext member
    middleint minute_microsecond minute_second mod modifies natural no_write_to_binlog not nth_value ntile null
    numeric of offset on optimize optimizer_costs option optionally or order others out outer outfile over package
    page_checksum parallel parse_gcol_expr parse_vcol_expr partition percent_rank period persist persist_only
    portion position precision primary procedure purge qualify raise range rank read read_write reads real
    recursive ref_system_id references regexp release rename repeat replace require resignal restrict return
    returning revoke right rlike role row row_number rows rowtype schema schemas second_microsecond select
    sensitive separator set show signal slow smallint spatial specific sql sql_after_gtids sql_before_gtids
    sql_big_result sql_calc_found_rows sql_small_result sqlexception sqlstate sqlwarning ssl starting
    stats_auto_recalc stats_persistent stats_sample_pages stored straight_join system system_time table terminated
    then tinyblob tinyint tinytext to trailing trigger true undo union unique unlock unsigned update usage use
    using utc_date utc_time utc_timestamp values varbinary varchar varcharacter varying versioning virtual when
    where while window with without write xor year_month zerofill
    """.split()
)

#: Sessions with neither ANSI_QUOTES nor NO_BACKSLASH_ESCAPES, as they are unless somebody changed them.
MYSQL = Dialect(
    name="MySQL",
    quotes=(
        Quoted("'", "'", {"'": "''", **_ESCAPES}, backslash=True),
        Quoted('"', '"', {'"': '""', **_ESCAPES}, backslash=True),
        Quoted("N'", "'", {"'": "''", **_ESCAPES}, backslash=True),
        Quoted("`", "`", {"`": "``"}, name=True),
        Quoted("B'", "'", {}, refused=_BITS),
        Quoted("X'", "'", {}, refused=_BITS),
    ),
    # Two hyphens are a comment only before a blank or a control character; MariaDB reads the same.
    line_comment=re.compile(r"--(?=[\x00-\x20\x7f]|\Z)[^\n]*|#[^\n]*"),
    # Deprecated, says the manual, and read only under some conditions.
    nested_comments=None,
    plain_name=re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    reserved=_RESERVED,
    absent="''",
    # Names are stored as UCS-2.
    unwritable_name=re.compile("[\0\U00010000-\U0010ffff]"),
    # What runs a string, and what changes how strings are read.
    reparsed=re.compile(
        r"(?i)\bEXECUTE\b|\bPREPARE\b|\bsql_mode\b|\bSET\s+(?:NAMES|CHARSET|CHARACTER\s+SET)\b|\bcharacter_set_\w+"
    ),
    refused={"/*!": _EXECUTED, "/*M!": _EXECUTED, "/*+": "the engine reads what stands in this comment; leave it out"},
    synthetic_database=True,
)


def with_sql_mode(modes: Collection[str]) -> Dialect:
    """The dialect of sessions whose `sql_mode` holds these modes; those that do not matter are passed over."""
    quotes = MYSQL.quotes
    unwritable_text = MYSQL.unwritable_text
    if "NO_BACKSLASH_ESCAPES" in modes:
        # Without escapes, U+0000 could only be sent as it is, which not every client does.
        unwritable_text = re.compile("\0")
        quotes = tuple(
            replace(each, escapes={each.closing: 2 * each.closing}, backslash=False) if each.backslash else each
            for each in quotes
        )
    if "ANSI_QUOTES" in modes:
        name = Quoted('"', '"', {'"': '""'}, name=True)
        quotes = (*(each for each in quotes if each.opening != '"'), name)
    return replace(MYSQL, quotes=quotes, unwritable_text=unwritable_text)
