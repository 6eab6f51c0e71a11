"""Templates with a value in every position, and what each says, for every dialect."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from reverse_metadata.dialects import DIALECTS, Dialect
from reverse_metadata.dialects.mysql import with_sql_mode
from reverse_metadata_tests.templates.injection.lexers import (
    athena,
    bigquery,
    clickhouse,
    mssql,
    mysql,
    oracle,
    postgres,
    redshift,
    snowflake,
    spark,
    trino,
)
from reverse_metadata_tests.templates.injection.lexers.reader import Token


@dataclass(frozen=True, slots=True)
class Form:
    """A template, and the statements it means: SQL in which `«table»` stands for the value of `table`.

    `«key»` and `«value»` are those of the only pair of `{tags}`.
    """

    template: str
    meant: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Speech:
    """A dialect as the project has it, and how its engine reads SQL.

    `not_in_text` and `not_in_name` say, by the vendor's documentation, what no text and no name of the engine can be.
    """

    dialect: Dialect
    tokens: Callable[[str], list[Token]]
    forms: tuple[Form, ...]
    not_in_text: Callable[[str], bool]
    not_in_name: Callable[[str], bool]


def _forms(*pairs: tuple[str, str]) -> tuple[Form, ...]:
    """Of pairs of a template and its statements, which are separated by `;;`."""
    return tuple(Form(template, tuple(meant.split(";;"))) for template, meant in pairs)


def _never(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _nul(text: str) -> bool:
    return _never(text) or "\0" in text


def _no_name(name: str) -> bool:
    return _nul(name) or not name


def _no_hive_name(name: str) -> bool:
    """With `$` at its end, what follows might begin with a brace."""
    return _no_name(name) or "${" in name or name.endswith("$")


def _control(character: str) -> bool:
    return character < " " or "\x7f" <= character <= "\x9f"


_POSTGRES = _forms(
    (
        "COMMENT ON COLUMN {schema}.{table}.{column} IS {description}",
        """COMMENT ON COLUMN "«schema»"."«table»"."«column»" IS '«description»'""",
    ),
    (
        """COMMENT ON TABLE "{schema}"."{table}" IS '{description}'""",
        """COMMENT ON TABLE "«schema»"."«table»" IS '«description»'""",
    ),
    (
        """COMMENT ON TABLE {schema}."t {table}" IS E'<{description}>\\n' /* by {{us}} */""",
        """COMMENT ON TABLE "«schema»"."t «table»" IS '<«description»>\n' /* by {us} */""",
    ),
    (
        """SECURITY LABEL FOR {tag_key} ON TABLE {schema}.{table} IS '{tag_key}={tag_value}' -- {{us}}""",
        """SECURITY LABEL FOR "«tag_key»" ON TABLE "«schema»"."«table»" IS '«tag_key»=«tag_value»' -- {us}""",
    ),
    ("ALTER DATABASE {database} OWNER TO {owner};", 'ALTER DATABASE "«database»" OWNER TO "«owner»"'),
    (
        "SELECT note({table:literal}, {previous}, '{updated_by}', $${{us}}$$);\n"
        "COMMENT ON TABLE {schema}.{table} IS {description};",
        """SELECT note('«table»', '«previous»', '«updated_by»', '{us}');;"""
        """COMMENT ON TABLE "«schema»"."«table»" IS '«description»'""",
    ),
)
_MYSQL = _forms(
    (
        "ALTER TABLE {schema}.{table} COMMENT = {description};",
        "ALTER TABLE `«schema»`.`«table»` COMMENT = '«description»'",
    ),
    (
        "ALTER TABLE `{schema}`.`t {table}` COMMENT '<{description}>' # {{us}}",
        "ALTER TABLE `«schema»`.`t «table»` COMMENT '<«description»>' # {us}",
    ),
    ("SELECT N{description}, {previous}", "SELECT N'«description»', '«previous»'"),
    ("SELECT {tag_key:literal}, '{tag_key}:{tag_value}'", "SELECT '«tag_key»', '«tag_key»:«tag_value»'"),
    (
        "GRANT SELECT ON {schema}.{table} TO `{owner}@here`; /* {{us}} */ DO note({owner})",
        "GRANT SELECT ON `«schema»`.`«table»` TO `«owner»@here`;;/* {us} */ DO note(`«owner»`)",
    ),
)
_MYSQL_PLAIN = (*_MYSQL, *_forms(('SELECT "{tag_value}-{tag_key}"', 'SELECT "«tag_value»-«tag_key»"')))
_MYSQL_ANSI = (*_MYSQL, *_forms(('ALTER TABLE "{schema}"."t {table}"', "ALTER TABLE `«schema»`.`t «table»`")))
_CLICKHOUSE = _forms(
    (
        "ALTER TABLE `{schema}`.{table} MODIFY COLUMN {column} COMMENT {description};",
        "ALTER TABLE `«schema»`.`«table»` MODIFY COLUMN `«column»` COMMENT '«description»'",
    ),
    (
        """ALTER TABLE "{schema}"."t {table}" MODIFY COMMENT '<{description}>\\n' // {{us}}""",
        """ALTER TABLE `«schema»`.`t «table»` MODIFY COMMENT '<«description»>\n' // {us}""",
    ),
    (
        "SELECT {tag_key:literal}, '{tag_key}:{tag_value}', $${{us}}$$; SELECT /* {{us}} */ {tag_value}",
        "SELECT '«tag_key»', '«tag_key»:«tag_value»', '{us}';;SELECT /* {us} */ '«tag_value»'",
    ),
    ("GRANT SELECT ON {schema}.{table} TO {owner}", "GRANT SELECT ON `«schema»`.`«table»` TO `«owner»`"),
)
_TRINO = _forms(
    (
        'COMMENT ON TABLE "{database}"."{schema}"."{table}" IS {description}',
        """COMMENT ON TABLE "«database»"."«schema»"."«table»" IS '«description»'""",
    ),
    (
        "COMMENT ON COLUMN {database}.{schema}.{table}.{column} IS '<{description}>' -- {{us}}",
        """COMMENT ON COLUMN "«database»"."«schema»"."«table»"."«column»" IS '<«description»>' -- {us}""",
    ),
    (
        'ALTER TABLE {schema}."t {table}" SET AUTHORIZATION {owner}; CALL /* {{us}} */ note({owner:literal})',
        """ALTER TABLE "«schema»"."t «table»" SET AUTHORIZATION "«owner»";;CALL /* {us} */ note('«owner»')""",
    ),
    ("CALL note({tag_key:literal}, '{tag_key}:{tag_value}')", "CALL note('«tag_key»', '«tag_key»:«tag_value»')"),
)
_SPARK = _forms(
    (
        "COMMENT ON TABLE {database}.{schema}.{table} IS {description}",
        "COMMENT ON TABLE `«database»`.`«schema»`.`«table»` IS '«description»'",
    ),
    (
        "ALTER TABLE `{schema}`.`t {table}` ALTER COLUMN {column} COMMENT '<{description}>\\n' -- {{us}}",
        "ALTER TABLE `«schema»`.`t «table»` ALTER COLUMN `«column»` COMMENT '<«description»>\n' -- {us}",
    ),
    (
        "ALTER TABLE `{table}` OWNER TO `{owner}@gmail.com`; SELECT /* {{us}} */ {owner:literal}",
        "ALTER TABLE `«table»` OWNER TO `«owner»@gmail.com`;;SELECT /* {us} */ '«owner»'",
    ),
    (
        "ALTER TABLE {table} SET TBLPROPERTIES ('{tag_key}.x' = {tag_value})",
        "ALTER TABLE `«table»` SET TBLPROPERTIES ('«tag_key».x' = '«tag_value»')",
    ),
    (
        "ALTER TABLE {schema}.{table} SET TAGS {tags};",
        "ALTER TABLE `«schema»`.`«table»` SET TAGS ('«key»' = '«value»')",
    ),
)


_REDSHIFT = _forms(
    (
        "COMMENT ON COLUMN {database}.{schema}.{table}.{column} IS {description};",
        """COMMENT ON COLUMN "«database»"."«schema»"."«table»"."«column»" IS '«description»'""",
    ),
    (
        """COMMENT ON TABLE {schema}."t {table}" IS '<{description}>\\n' /* by {{us}} */""",
        """COMMENT ON TABLE "«schema»"."t «table»" IS '<«description»>\n' /* by {us} */""",
    ),
    (
        "SELECT {table:literal}, '{tag_key}={tag_value}', $us${{us}}$us$; -- {{us}}\nDROP TABLE {tag_value:identifier}",
        """SELECT '«table»', '«tag_key»=«tag_value»', '{us}';;-- {us}\nDROP TABLE "«tag_value»\"""",
    ),
    ("ALTER SCHEMA {schema} OWNER TO {owner}", 'ALTER SCHEMA "«schema»" OWNER TO "«owner»"'),
)
_BIGQUERY = _forms(
    (
        "ALTER TABLE `{database}.{schema}.{table}` SET OPTIONS (labels = {tags});",
        "ALTER TABLE `«database»`.`«schema»`.`«table»` SET OPTIONS (labels = [('«key»', '«value»')])",
    ),
    (
        "ALTER TABLE {schema}.{table} ALTER COLUMN {column} SET OPTIONS (description = {description})",
        "ALTER TABLE `«schema»`.`«table»` ALTER COLUMN `«column»` SET OPTIONS (description = '«description»')",
    ),
    (
        "ALTER VIEW `t {table}` SET OPTIONS (description = '<{description}>\\n') # {{us}}",
        "ALTER VIEW `t «table»` SET OPTIONS (description = '<«description»>\\n') # {us}",
    ),
    (
        """ALTER TABLE t SET OPTIONS (description = '''it's
{description}{fqn}{previous}{service}'''); -- {{us}}
ALTER TABLE t SET OPTIONS (friendly_name = "it's {table}")""",
        """ALTER TABLE t SET OPTIONS (description = 'it\\'s\\n«description»«fqn»«previous»«service»');;-- {us}
ALTER TABLE t SET OPTIONS (friendly_name = 'it\\'s «table»')""",
    ),
    (
        '''SELECT /* {{us}} */ """- {description}{fqn}{previous}{updated_by}{service}"""''',
        "SELECT /* {us} */ '- «description»«fqn»«previous»«updated_by»«service»'",
    ),
)
_ATHENA = _forms(
    (
        "ALTER TABLE {schema}.{table} SET TBLPROPERTIES ('comment' = {description});",
        "ALTER TABLE `«schema»`.`«table»` SET TBLPROPERTIES ('comment' = '«description»')",
    ),
    (
        "ALTER TABLE `{schema}`.`t {table}` CHANGE COLUMN {column} c int COMMENT '<{description}>\\n' -- {{us}}",
        "ALTER TABLE `«schema»`.`t «table»` CHANGE COLUMN `«column»` c int COMMENT '<«description»>\\n' -- {us}",
    ),
    (
        """ALTER DATABASE {schema} SET DBPROPERTIES ("{tag_key}.x" = {tag_value}); ALTER TABLE {table:literal}""",
        "ALTER DATABASE `«schema»` SET DBPROPERTIES ('«tag_key».x' = '«tag_value»');;ALTER TABLE '«table»'",
    ),
)

_ORACLE = _forms(
    (
        "COMMENT ON COLUMN {schema}.{table}.{column} IS {description}",
        """COMMENT ON COLUMN "«schema»"."«table»"."«column»" IS '«description»'""",
    ),
    (
        """COMMENT ON TABLE {schema}."T {table}" IS N'<{description}>\\n' /* by {{us}} */""",
        """COMMENT ON TABLE "«schema»"."T «table»" IS '<«description»>\\n' /* by {us} */""",
    ),
    (
        "ALTER TABLE {table} ANNOTATIONS (ADD OR REPLACE {tag_key} {tag_value}); -- {{us}}\nDROP TABLE {schema}",
        """ALTER TABLE "«table»" ANNOTATIONS (ADD OR REPLACE "«tag_key»" '«tag_value»');;"""
        """-- {us}\nDROP TABLE "«schema»\"""",
    ),
    ("CALL note({tag_key:literal}, '{tag_key}:{tag_value}')", "CALL note('«tag_key»', '«tag_key»:«tag_value»')"),
)

_SNOWFLAKE = _forms(
    (
        "ALTER SCHEMA {database}.{schema} SET TAG {database}.{schema}.{tag_key} = '{tag_value}';",
        """ALTER SCHEMA "«database»"."«schema»" SET TAG "«database»"."«schema»"."«tag_key»" = '«tag_value»'""",
    ),
    (
        'ALTER DATABASE "{database}" SET COMMENT = {description};',
        """ALTER DATABASE "«database»" SET COMMENT = '«description»'""",
    ),
    (
        """COMMENT ON COLUMN {schema}."t {table}".{column} IS '<{description}>\\n' // {{us}}""",
        """COMMENT ON COLUMN "«schema»"."t «table»"."«column»" IS '<«description»>\\n' // {us}""",
    ),
    (
        "GRANT OWNERSHIP ON TABLE {table} TO ROLE {owner}; /* {{us}} */ CALL note({owner:literal}, $${{us}}$$)",
        """GRANT OWNERSHIP ON TABLE "«table»" TO ROLE "«owner»";;/* {us} */ CALL note('«owner»', '{us}')""",
    ),
)


_MSSQL = _forms(
    (
        "EXEC sys.sp_addextendedproperty @name = N'Caption', @value = {description}, @level0name = N'{schema}'",
        "EXEC sys.sp_addextendedproperty @name = 'Caption', @value = N'«description»', @level0name = N'«schema»'",
    ),
    (
        "ALTER AUTHORIZATION ON OBJECT::{schema}.[T {table}] TO {owner} /* by {{us}} /* and */ others */",
        "ALTER AUTHORIZATION ON OBJECT::[«schema»].[T «table»] TO [«owner»] /* by {us} /* and */ others */",
    ),
    (
        """EXEC note N'<{description}>\\n', "{table} x"; -- {{us}}\nDROP TABLE [{schema}]""",
        """EXEC note N'<«description»>\\n', [«table» x];;-- {us}\nDROP TABLE [«schema»]""",
    ),
    (
        "IF 1 = 1 BEGIN EXEC a N{tag_value}; EXEC b; END ELSE EXEC c N'{tag_key}:{tag_value}'; EXEC d {tag_key}",
        "IF 1 = 1 BEGIN EXEC a N'«tag_value»'; EXEC b; END ELSE EXEC c N'«tag_key»:«tag_value»';;EXEC d [«tag_key»]",
    ),
)
_MSSQL_PLAIN = _forms(
    (
        "EXEC sys.sp_dropextendedproperty @level0name = '{schema}', @name = '<{tag_key}>'",
        "EXEC sys.sp_dropextendedproperty @level0name = N'«schema»', @name = N'<«tag_key»>'",
    ),
)


def _no_tsql(text: str) -> bool:
    return _nul(text) or re.search(r"\\[\r\n]", text) is not None


def _mysql(*modes: str) -> Speech:
    ansi, no_backslash = "ANSI_QUOTES" in modes, "NO_BACKSLASH_ESCAPES" in modes
    return Speech(
        with_sql_mode(modes),
        partial(mysql.tokens, ansi_quotes=ansi, no_backslash_escapes=no_backslash),
        _MYSQL_ANSI if ansi else _MYSQL_PLAIN,
        # Without escapes it could only be sent as it is.
        _nul if no_backslash else _never,
        lambda name: _no_name(name) or any(character > "\uffff" for character in name),
    )


SPEECHES: dict[str, Speech] = {
    "postgres": Speech(
        DIALECTS["postgres"],
        postgres.tokens,
        _POSTGRES,
        _nul,
        lambda name: _no_name(name) or len(name.encode()) > 63,
    ),
    "mysql": _mysql(),
    "mysql-no-backslash": _mysql("NO_BACKSLASH_ESCAPES"),
    "mysql-ansi": _mysql("ANSI_QUOTES"),
    "mysql-ansi-no-backslash": _mysql("ANSI_QUOTES", "NO_BACKSLASH_ESCAPES"),
    "clickhouse": Speech(DIALECTS["clickhouse"], clickhouse.tokens, _CLICKHOUSE, _never, _no_name),
    "trino": Speech(DIALECTS["trino"], trino.tokens, _TRINO, _never, _no_name),
    "mssql": Speech(DIALECTS["mssql"], mssql.tokens, _MSSQL, _no_tsql, _no_name),
    "mssql-plain": Speech(
        DIALECTS["mssql"],
        mssql.tokens,
        _MSSQL_PLAIN,
        lambda text: _no_tsql(text) or not text.isascii(),
        _no_name,
    ),
    "oracle": Speech(DIALECTS["oracle"], oracle.tokens, _ORACLE, _nul, lambda name: _no_name(name) or '"' in name),
    "redshift": Speech(
        DIALECTS["redshift"],
        redshift.tokens,
        _REDSHIFT,
        _nul,
        lambda name: _no_name(name) or len(name.encode()) > 127 or any(map(_control, name)),
    ),
    "bigquery": Speech(
        DIALECTS["bigquery"],
        bigquery.tokens,
        _BIGQUERY,
        _never,
        # What separates the names of a path.
        lambda name: _no_name(name) or "." in name or ":" in name,
    ),
    "snowflake": Speech(DIALECTS["snowflake"], snowflake.tokens, _SNOWFLAKE, _nul, _no_name),
    "athena": Speech(DIALECTS["athena"], athena.tokens, _ATHENA, _never, _no_hive_name),
    "spark": Speech(
        DIALECTS["unitycatalog"],
        spark.tokens,
        _SPARK,
        _never,
        _no_hive_name,
    ),
}
