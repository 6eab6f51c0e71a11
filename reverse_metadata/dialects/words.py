"""Words that are quoted as names in every dialect without a list of its own: one too many costs two quotes.

Reserved in Trino (https://trino.io/docs/current/language/reserved.html), in the ANSI mode of Spark
(https://spark.apache.org/docs/latest/sql-ref-ansi-compliance.html#sql-keywords), in PostgreSQL, or the beginning of a
clause of the statements that ClickHouse knows.
"""

from reverse_metadata.dialects.postgres import POSTGRES

RESERVED = POSTGRES.reserved | frozenset(
    """
    add after alias all alter and anti any as asc auto authorization between both by case cast check codec collate
    collection column columns comment constraint constraints create cross cube current current_catalog current_date
    current_path current_role current_schema current_time current_timestamp current_user database day days
    deallocate default delete desc describe distinct div drop else end escape except execute exists extract false
    fetch filter final first for foreign format from full function global grant group grouping grouping_sets having
    call hour if ilike in index inner insert intersect interval into is join json_array json_exists json_object
    json_query json_table json_value last lateral leading left like limit listagg live local localtime localtimestamp
    materialized minus minute modify month natural no normalize not null offset on only or order outer overlaps
    partition prepare prewhere primary projection range recursive references remove rename replace reset revoke right
    rlike rollup row rows sample schema second select semi session_user set settings show skip some sql start
    statistics sum table tables tablesample temporary then time to top trailing trim true truncate ttl uescape union
    unique unknown unnest update user using values view when where window with within year
    """.split()
)
