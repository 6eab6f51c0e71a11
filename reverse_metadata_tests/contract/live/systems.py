"""The data of each system: statements of the vendors' references, with the holes that `shapes` names.

MariaDB and PostgreSQL take theirs in our own tests. Of the five others nothing here has met the vendor's engine.
"""

from collections.abc import Callable

from reverse_metadata.connectors.oracle.names import to_dictionary
from reverse_metadata.model import EntityType
from reverse_metadata_tests.contract.live.shapes import Answer, LiveSystem, Second
from reverse_metadata_tests.contract.peer import Peer

_DATABASE, _SCHEMA, _TABLE, _COLUMN = EntityType


def _doubled(quote: str, end: str = "") -> Callable[[str], str]:
    end = end or quote
    return lambda name: f"{quote}{name.replace(end, 2 * end)}{end}"


def _escaped(text: str) -> str:
    """A literal in which a backslash escapes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _national(text: str) -> str:
    return "N'" + text.replace("'", "''") + "'"


_USUAL = ("orders", "table", "CREATE TABLE {at} ({id} {type})")
_VIEW = ("recent", "view", "CREATE VIEW {at} AS SELECT {id} FROM {orders}")

# https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-COMMENT
_POSTGRES = LiveSystem(
    quoted=_doubled('"'),
    literal=_doubled("'"),
    named_by_database=False,
    create_schema=("CREATE SCHEMA {at}",),
    drop_schema=("DROP SCHEMA {at} CASCADE",),
    column_type="int",
    kinds=(
        _USUAL,
        _VIEW,
        ("totals", "materialized view", "CREATE MATERIALIZED VIEW {at} AS SELECT {id} FROM {orders}"),
        ("events", "partitioned table", "CREATE TABLE {at} ({id} int) PARTITION BY LIST ({id})"),
    ),
    comments={
        _DATABASE: Answer(
            ("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = {database_text}",)
        ),
        _SCHEMA: Answer(("SELECT obj_description(to_regnamespace({at_text}), 'pg_namespace')",)),
        _TABLE: Answer(("SELECT obj_description(to_regclass({at_text}), 'pg_class')",)),
        _COLUMN: Answer(
            (
                "SELECT col_description(attrelid, attnum) FROM pg_attribute"
                " WHERE attrelid = to_regclass({at_text}) AND attname = {column_text}",
            )
        ),
    },
    undescribe_database="COMMENT ON DATABASE {at} IS NULL",
    needs="CREATE on the database, and to be its owner, as only the owner may describe it",
)

# https://dev.mysql.com/doc/refman/8.4/en/show-columns.html, https://mariadb.com/kb/en/show-table-status/
_MYSQL = LiveSystem(
    quoted=_doubled("`"),
    literal=_escaped,
    in_database=False,
    named_by_database=False,
    create_schema=("CREATE DATABASE {at}",),
    drop_schema=("DROP DATABASE {at}",),
    column_type="int",
    kinds=(
        _USUAL,
        _VIEW,
        ("events", "table", "CREATE TABLE {at} ({id} int) PARTITION BY HASH ({id}) PARTITIONS 2"),
    ),
    comments={
        _SCHEMA: Answer(
            ("SELECT schema_comment FROM information_schema.schemata WHERE BINARY schema_name = {schema_text}",)
        ),
        _TABLE: Answer(("SHOW TABLE STATUS FROM {schema} WHERE BINARY Name = {table_text}",), column=17),
        _COLUMN: Answer(("SHOW FULL COLUMNS FROM {at} WHERE BINARY Field = {column_text}",), column=-1),
    },
    undescribed={"MySQL": (_SCHEMA,)},
    second=Second(
        who=r"SELECT CONCAT('\'', REPLACE(CURRENT_USER(), '@', '\'@\''), '\'')",
        admit=("GRANT SELECT ON {at}.* TO {who}", "GRANT SELECT, ALTER ON {elsewhere}.* TO {who}"),
        dismiss=("REVOKE SELECT ON {at}.* FROM {who}", "REVOKE SELECT, ALTER ON {elsewhere}.* FROM {who}"),
        # They outlive their table: https://dev.mysql.com/doc/refman/8.4/en/drop-table.html
        revokes=True,
    ),
    needs="CREATE, DROP, ALTER, SELECT and CREATE VIEW on `rm_live_%`.*, and GRANT OPTION for a second login",
)

_SNOWFLAKE_SCAN = 'SELECT "comment" FROM TABLE(RESULT_SCAN(LAST_QUERY_ID())) WHERE "name" = {name}'


def _shown(show: str, name: str) -> Answer:
    """https://docs.snowflake.com/en/sql-reference/functions/result_scan: what SHOW gave, by the name of its column."""
    return Answer((show, _SNOWFLAKE_SCAN.replace("{name}", name)))


def _snowflake_tag(domain: str, name: str) -> Answer:
    """https://docs.snowflake.com/en/sql-reference/functions/system_get_tag; the connector asks TAG_REFERENCES."""
    return Answer((f"SELECT SYSTEM$GET_TAG({{created_text}}, {name}, '{domain}')",))


# https://docs.snowflake.com/en/sql-reference/sql/show-objects and .../desc-view, .../create-tag; the connector reads
# INFORMATION_SCHEMA.
_SNOWFLAKE = LiveSystem(
    quoted=_doubled('"'),
    literal=_escaped,
    create_schema=("CREATE SCHEMA {at}",),
    drop_schema=("DROP SCHEMA {at} CASCADE",),
    column_type="NUMBER",
    kinds=(
        _USUAL,
        ("STAGING", "transient table", "CREATE TRANSIENT TABLE {at} ({id} NUMBER)"),
        _VIEW,
        ("hidden", "view", "CREATE SECURE VIEW {at} AS SELECT {id} FROM {orders}"),
    ),
    comments={
        _DATABASE: _shown("SHOW DATABASES STARTS WITH {database_text}", "{database_text}"),
        _SCHEMA: _shown("SHOW SCHEMAS IN DATABASE {database} STARTS WITH {schema_text}", "{schema_text}"),
        _TABLE: _shown("SHOW OBJECTS IN SCHEMA {database}.{schema} STARTS WITH {table_text}", "{table_text}"),
        _COLUMN: _shown("DESCRIBE TABLE {at}", "{column_text}"),
    },
    undescribe_database="COMMENT ON DATABASE {at} IS NULL",
    tags={
        _DATABASE: _snowflake_tag("database", "{at_text}"),
        _SCHEMA: _snowflake_tag("schema", "{at_text}"),
        _TABLE: _snowflake_tag("table", "{at_text}"),
        _COLUMN: _snowflake_tag("column", "{column_at_text}"),
    },
    create_tag="CREATE TAG {at}.{key}",
    options={"tags": {"home": "{at}"}},
    tag_values=(("Sensitive", "it's \\ 'None'"), ("42", "🎉")),
    # The roles own the tables and go with them: https://docs.snowflake.com/en/sql-reference/sql/grant-ownership
    second=Second(
        who="""SELECT '"' || REPLACE(CURRENT_ROLE(), '"', '""') || '"'""",
        prepare=(
            "CREATE ROLE {team}",
            "CREATE ROLE {other}",
            "GRANT ROLE {team} TO ROLE {writer}",
            "GRANT ROLE {other} TO ROLE {writer}",
            "GRANT ROLE {other} TO ROLE {who}",
        ),
        admit=(
            "GRANT USAGE ON DATABASE {database} TO ROLE {other}",
            "GRANT USAGE ON DATABASE {database} TO ROLE {team}",
            "GRANT USAGE ON SCHEMA {at} TO ROLE {team}",
            "GRANT USAGE ON SCHEMA {at} TO ROLE {other}",
            "GRANT USAGE ON SCHEMA {elsewhere} TO ROLE {other}",
        ),
        table=(
            "GRANT SELECT ON TABLE {at} TO ROLE {other}",
            "GRANT OWNERSHIP ON TABLE {at} TO ROLE {team} COPY CURRENT GRANTS",
        ),
        table_elsewhere=("GRANT OWNERSHIP ON TABLE {at} TO ROLE {other} COPY CURRENT GRANTS",),
        dismiss=("DROP ROLE IF EXISTS {team}", "DROP ROLE IF EXISTS {other}"),
    ),
    needs="ownership of the database, or MODIFY, CREATE SCHEMA and USAGE on it; APPLY TAG on the account for tags; "
    "CREATE ROLE for a second login, whose own role has USAGE on a warehouse; a warehouse",
)


def _unity_tag(level: str, where: str) -> Answer:
    """The relations of the whole metastore; the connector asks those of the catalog."""
    relation = f"system.information_schema.{level}_tags"
    return Answer((f"SELECT tag_value FROM {relation} WHERE {where} AND tag_name = {{key_text}}",))


_IN_CATALOG = "catalog_name = {database_text}"
_IN_SCHEMA = f"{_IN_CATALOG} AND schema_name = {{schema_text}}"
_OF_TABLE = f"{_IN_SCHEMA} AND table_name = {{table_text}}"

# https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-aux-describe-table and its neighbours, of which
# the example for schemas is older than Spark 3 and its `Comment`; the connector reads the information schema.
_DATABRICKS = LiveSystem(
    quoted=_doubled("`"),
    literal=_escaped,
    create_schema=("CREATE SCHEMA {at}",),
    drop_schema=("DROP SCHEMA {at} CASCADE",),
    column_type="INT",
    kinds=(_USUAL, _VIEW),
    comments={
        _DATABASE: Answer(("DESCRIBE CATALOG {at}",), column=1, rows=("Comment",)),
        _SCHEMA: Answer(("DESCRIBE SCHEMA {at}",), column=1, rows=("Comment", "Description")),
        _TABLE: Answer(("DESCRIBE TABLE EXTENDED {at}",), column=1, rows=("Comment",)),
        _COLUMN: Answer(("DESCRIBE TABLE {at}",), column=2, rows=("{column}",)),
    },
    undescribe_database="COMMENT ON CATALOG {at} IS NULL",
    tags={
        _DATABASE: _unity_tag("catalog", _IN_CATALOG),
        _SCHEMA: _unity_tag("schema", _IN_SCHEMA),
        _TABLE: _unity_tag("table", _OF_TABLE),
        _COLUMN: _unity_tag("column", f"{_OF_TABLE} AND column_name = {{column_text}}"),
    },
    untag_database="ALTER CATALOG {at} UNSET TAGS ({key_text})",
    tag_values=(("it's \\ ${env:HOME}", "none"), ("4711", "")),
    # A table has no dot, blank or capital letter in its name:
    # https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-names
    names=("it's", 'dou"ble', "back`tick", "back\\slash", "select", "äö_日本", "--x", "$x", "9lives"),
    # https://docs.databricks.com/aws/en/data-governance/unity-catalog/manage-privileges/privileges
    second=Second(
        who="SELECT concat('`', replace(current_user(), '`', '``'), '`')",
        admit=(
            "GRANT USE SCHEMA, SELECT ON SCHEMA {at} TO {who}",
            "GRANT USE SCHEMA, SELECT, MODIFY ON SCHEMA {elsewhere} TO {who}",
        ),
    ),
    needs="ownership of the catalog, or MANAGE, APPLY TAG, USE CATALOG and CREATE SCHEMA on it; USE CATALOG for a "
    "second login; SELECT on system.information_schema for tags; a SQL warehouse",
)


def _extended(name: str, *levels: tuple[str, str]) -> Answer:
    """https://learn.microsoft.com/en-us/sql/relational-databases/system-functions/sys-fn-listextendedproperty-transact-sql
    asks for one object; the connector reads sys.extended_properties."""
    asked: list[str] = []
    for kind in ("TABLE", "VIEW") if len(levels) > 1 else ("",):
        said = [(each.replace("TABLE", kind), value) for each, value in levels]
        listed = [*(f"N'{each}', {value}" for each, value in said), *["NULL, NULL"] * (3 - len(levels))]
        asked.append(f"SELECT CAST(value AS nvarchar(4000)) FROM fn_listextendedproperty({name}, {', '.join(listed)})")
    return Answer((" UNION ALL ".join(asked),))


def _mssql(name: str) -> dict[EntityType, Answer]:
    schema, table, column = ("SCHEMA", "{schema_text}"), ("TABLE", "{table_text}"), ("COLUMN", "{column_text}")
    return {
        _DATABASE: _extended(name),
        _SCHEMA: _extended(name, schema),
        _TABLE: _extended(name, schema, table),
        _COLUMN: _extended(name, schema, table, column),
    }


_TAG_PROPERTY = "N'OpenMetadata.Tag.' + {key_text}"
# https://learn.microsoft.com/en-us/sql/t-sql/functions/string-agg-transact-sql; views before the tables below them.
_EMPTY_SCHEMA = (
    "DECLARE @drops nvarchar(max) = (SELECT STRING_AGG(CONVERT(nvarchar(max), N'DROP ')"
    " + CASE type WHEN 'V' THEN N'VIEW ' ELSE N'TABLE ' END + QUOTENAME({schema_text}) + N'.' + QUOTENAME(name), N'; ')"
    " WITHIN GROUP (ORDER BY type DESC) FROM sys.objects WHERE schema_id = SCHEMA_ID({schema_text})"
    " AND type IN ('U', 'V')); IF @drops IS NOT NULL EXEC sys.sp_executesql @drops"
)
_MSSQL = LiveSystem(
    quoted=_doubled("[", "]"),
    literal=_national,
    named_by_database=False,
    create_schema=("CREATE SCHEMA {at}",),
    drop_schema=(_EMPTY_SCHEMA, "DROP SCHEMA {at}"),
    column_type="int",
    kinds=(_USUAL, _VIEW),
    comments=_mssql("N'MS_Description'"),
    # https://learn.microsoft.com/en-us/sql/relational-databases/system-stored-procedures/sp-dropextendedproperty-transact-sql
    undescribe_database="EXEC sys.sp_dropextendedproperty N'MS_Description'",
    tags=_mssql(_TAG_PROPERTY),
    untag_database=f"DECLARE @name sysname = {_TAG_PROPERTY}; EXEC sys.sp_dropextendedproperty @name",
    options={"tags": {"as": "extended_properties", "prefix": "OpenMetadata.Tag."}},
    tag_values=(("it's", "None"), ("4711", "")),
    # https://learn.microsoft.com/en-us/sql/t-sql/statements/grant-schema-permissions-transact-sql
    second=Second(
        who="SELECT QUOTENAME(USER_NAME())",
        admit=(
            "GRANT SELECT, VIEW DEFINITION ON SCHEMA::{at} TO {who}",
            "GRANT SELECT, VIEW DEFINITION, ALTER ON SCHEMA::{elsewhere} TO {who}",
        ),
    ),
    needs="db_owner of the database; SQL Server 2017 or later",
)

_OWNED = "owner = {schema_text}"
# https://docs.oracle.com/en/database/oracle/oracle-database/23/refrn/DBA_TAB_COMMENTS.html and its neighbours; the
# connector reads the ALL_ views.
_ORACLE = LiveSystem(
    quoted=lambda name: f'"{name}"',
    literal=_doubled("'"),
    in_database=False,
    named_by_database=False,
    kept=to_dictionary,
    # https://docs.oracle.com/en/database/oracle/oracle-database/23/sqlrf/CREATE-USER.html
    create_schema=(
        'CREATE USER {at} IDENTIFIED BY "{password}"',
        "GRANT CREATE SESSION, CREATE TABLE, UNLIMITED TABLESPACE TO {at}",
    ),
    drop_schema=("DROP USER {at} CASCADE",),
    column_type="NUMBER",
    kinds=(
        _USUAL,
        _VIEW,
        ("totals", "materialized view", "CREATE MATERIALIZED VIEW {at} AS SELECT {id} FROM {orders}"),
    ),
    comments={
        _TABLE: Answer(
            (
                f"SELECT comments FROM dba_mview_comments WHERE {_OWNED} AND mview_name = {{table_text}} UNION ALL "
                f"SELECT comments FROM dba_tab_comments WHERE {_OWNED} AND table_name = {{table_text}} AND NOT EXISTS "
                f"(SELECT 1 FROM dba_mviews WHERE {_OWNED} AND mview_name = {{table_text}})",
            )
        ),
        _COLUMN: Answer(
            (
                f"SELECT comments FROM dba_col_comments WHERE {_OWNED} AND table_name = {{table_text}}"
                " AND column_name = {column_text}",
            )
        ),
    },
    # https://docs.oracle.com/en/database/oracle/oracle-database/23/refrn/DBA_ANNOTATIONS_USAGE.html
    tags={
        level: Answer(
            (
                "SELECT annotation_value FROM dba_annotations_usage WHERE annotation_owner = "
                f"{{schema_text}} AND object_name = {{table_text}} AND column_name {named} AND annotation_name = "
                "{key_text}",
            )
        )
        for level, named in ((_TABLE, "IS NULL"), (_COLUMN, "= {column_text}"))
    },
    tags_by_release=True,
    tag_values=(("Sensitive", "None"), ("with 'quotes'", "4711")),
    names=tuple(name for name in Peer.names if '"' not in name),
    # The owner of the other schema: nobody else may describe a table of it without a privilege for all of them.
    second=Second(table=("GRANT SELECT ON {at} TO {who}",)),
    schemas_log_in=True,
    needs="DBA, or CREATE USER, DROP USER, CREATE, ALTER, DROP, SELECT and COMMENT ANY TABLE, CREATE ANY VIEW, CREATE "
    "ANY MATERIALIZED VIEW, GRANT ANY PRIVILEGE, GRANT ANY OBJECT PRIVILEGE and SELECT ANY DICTIONARY",
)

SYSTEMS: dict[str, LiveSystem] = {
    "snowflake": _SNOWFLAKE,
    "databricks": _DATABRICKS,
    "unitycatalog": _DATABRICKS,
    "mssql": _MSSQL,
    "oracle": _ORACLE,
    "postgres": _POSTGRES,
    "mysql": _MYSQL,
}
