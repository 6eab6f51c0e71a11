import pytest
from sqlalchemy.dialects.mysql.reserved_words import RESERVED_WORDS_MARIADB, RESERVED_WORDS_MYSQL

from reverse_metadata.dialects import DIALECTS, Dialect, dialect_of
from reverse_metadata.dialects.athena import ATHENA
from reverse_metadata.dialects.bigquery import BIGQUERY
from reverse_metadata.dialects.clickhouse import CLICKHOUSE
from reverse_metadata.dialects.mssql import MSSQL
from reverse_metadata.dialects.mysql import MYSQL, with_sql_mode
from reverse_metadata.dialects.oracle import ORACLE
from reverse_metadata.dialects.postgres import POSTGRES, POSTGRES_BACKSLASH
from reverse_metadata.dialects.redshift import REDSHIFT
from reverse_metadata.dialects.snowflake import SNOWFLAKE, dotted, quoted
from reverse_metadata.dialects.spark import SPARK
from reverse_metadata.dialects.trino import TRINO
from reverse_metadata.errors import ConfigurationError, Unwritable

PLAIN_BACKSLASH = with_sql_mode({"NO_BACKSLASH_ESCAPES", "STRICT_TRANS_TABLES"})
ANSI = with_sql_mode({"ANSI_QUOTES"})
BOTH = with_sql_mode({"ANSI_QUOTES", "NO_BACKSLASH_ESCAPES"})


@pytest.mark.parametrize(
    ("dialect", "text", "written"),
    [
        (POSTGRES, "it's", "'it''s'"),
        (POSTGRES, "\\'", "E'\\\\'''"),
        (POSTGRES_BACKSLASH, "it's", "'it''s'"),
        (POSTGRES_BACKSLASH, "\\'", "E'\\\\'''"),
        (MYSQL, 'it\'s "x"', "'it''s \"x\"'"),
        (MYSQL, "\\'", "'\\\\'''"),
        (MYSQL, "a\0001", "'a\\01'"),
        (PLAIN_BACKSLASH, "\\'", "'\\'''"),
        (ANSI, "\\'", "'\\\\'''"),
        (BOTH, "\\'", "'\\'''"),
        (CLICKHOUSE, "\\'\0", "'\\\\\\'\\0'"),
        (CLICKHOUSE, "{x:String} $$", "'{x:String} $$'"),
        (TRINO, "\\' \0 🎉", "'\\'' \0 🎉'"),
        (SPARK, "\\'", "'\\\\\\''"),
        (SPARK, "${env:HOME} $1 \\$", "'\\u0024{env:HOME} \\u00241 \\\\\\u0024'"),
        (SPARK, "\0\n", "'\0\n'"),
        (MSSQL, "\\' \n 🎉", "N'\\'' \n 🎉'"),
        (ORACLE, "\\' \n 🎉", "'\\'' \n 🎉'"),
        (REDSHIFT, "\\' \n $x$", "'\\\\'' \n $x$'"),
        (BIGQUERY, "\\' \"\t\u2028", "'\\\\\\' \"\t\u2028'"),
        (BIGQUERY, "a\r\nb\0001", "'a\\r\\nb\\x001'"),
        (SNOWFLAKE, "\\' \" \n $$", "'\\\\'' \" \n $$'"),
        (ATHENA, "\\' \"\t", "'\\\\\\' \"\t'"),
        (ATHENA, "${x}1\r\n\0001", "'\\044{x}1\\r\\n\\0001'"),
    ],
)
def test_literals(dialect: Dialect, text: str, written: str) -> None:
    assert dialect.literal(text) == written


@pytest.mark.parametrize(
    ("dialect", "quote", "text", "written"),
    [
        (POSTGRES, "'", "\\'", "\\''"),
        (POSTGRES, "E'", "\\'", "\\\\''"),
        (POSTGRES_BACKSLASH, "'", "\\'", "\\\\''"),
        (MYSQL, '"', "\\'\"", '\\\\\'""'),
        (MYSQL, "N'", "\\'", "\\\\''"),
        (PLAIN_BACKSLASH, '"', "\\'\"", '\\\'""'),
        (CLICKHOUSE, "'", "\\'", "\\\\\\'"),
        (TRINO, "'", "\\'", "\\''"),
        (SPARK, "'", "\\'$", "\\\\\\'\\u0024"),
        (REDSHIFT, "'", "\\'", "\\\\''"),
        (BIGQUERY, '"', "\\'\"\n", "\\\\'\\\"\\n"),
        (BIGQUERY, "'''", "\\'''\n", "\\\\\\'\\'\\'\\n"),
        (BIGQUERY, '"""', "'\"\r\n", "'\\\"\\r\\n"),
        (ATHENA, '"', "'\"$", "'\\\"\\044"),
        (MSSQL, "N'", "\\'é", "\\''é"),
        (MSSQL, "'", "\\'", "\\''"),
    ],
)
def test_what_stands_inside_the_quotes_of_a_text(dialect: Dialect, quote: str, text: str, written: str) -> None:
    assert dialect.literal_content(text, quote) == written


@pytest.mark.parametrize(
    ("dialect", "name", "written"),
    [
        (MYSQL, "Orders", "Orders"),
        (MYSQL, "rank", "`rank`"),
        (MYSQL, "portion", "`portion`"),
        (MYSQL, "1e5", "`1e5`"),
        (MYSQL, "a$b", "`a$b`"),
        (MYSQL, 'a`\\"', '`a``\\"`'),
        (ANSI, "a b", "`a b`"),
        (CLICKHOUSE, "Orders", "Orders"),
        (CLICKHOUSE, "a`\\", "`a\\`\\\\`"),
        (CLICKHOUSE, "Select", "`Select`"),
        (TRINO, "orders", "orders"),
        (TRINO, "Orders", '"Orders"'),
        (TRINO, "listagg", '"listagg"'),
        (TRINO, 'a"\\', '"a""\\"'),
        (SPARK, "Orders", "Orders"),
        (SPARK, "größe", "`größe`"),
        (SPARK, "a`\\", "`a``\\`"),
        (SPARK, "a$b", "`a$b`"),
        (MSSQL, "Orders", "Orders"),
        (MSSQL, "Plan", "[Plan]"),
        (MSSQL, 'a]b"c', '[a]]b"c]'),
        (MSSQL, "größe", "[größe]"),
        (REDSHIFT, "orders$1", "orders$1"),
        (REDSHIFT, "Orders", '"Orders"'),
        (REDSHIFT, "tag", '"tag"'),
        (REDSHIFT, 'a"\\', '"a""\\"'),
        (BIGQUERY, "Orders", "Orders"),
        (BIGQUERY, "my-project", "`my-project`"),
        (BIGQUERY, "Hash", "`Hash`"),
        (BIGQUERY, "a`\\\n", "`a\\`\\\\\\n`"),
        (SNOWFLAKE, "ORDERS$1", "ORDERS$1"),
        (SNOWFLAKE, "orders", '"orders"'),
        (SNOWFLAKE, "QUALIFY", '"QUALIFY"'),
        (SNOWFLAKE, 'a"\\', '"a""\\"'),
        (ATHENA, "Orders", "Orders"),
        (ATHENA, "_orders", "`_orders`"),
        (ATHENA, "date", "`date`"),
        (ATHENA, "a`\\", "`a``\\`"),
    ],
)
def test_names(dialect: Dialect, name: str, written: str) -> None:
    assert dialect.identifier(name) == written


def test_a_text_is_not_written_in_quotes_that_lose_some_of_it() -> None:
    with pytest.raises(Unwritable) as unwritable:
        MSSQL.literal_content("größe", "'")
    assert str(unwritable.value) == (
        "SQL Server loses the character U+00F6 in '…'; write N'…' in the template: 'größe'"
    )


def test_what_stands_inside_the_quotes_of_a_name() -> None:
    assert CLICKHOUSE.identifier_content('a"`\\', '"') == 'a\\"`\\\\'
    assert CLICKHOUSE.identifier_content('a"`\\', "`") == 'a"\\`\\\\'
    assert BOTH.identifier_content('a"`', '"') == 'a""`'
    with pytest.raises(KeyError):
        MYSQL.identifier_content("a", "[")


@pytest.mark.parametrize(
    "dialect", [*DIALECTS.values(), POSTGRES_BACKSLASH, PLAIN_BACKSLASH, ANSI], ids=lambda d: d.name
)
def test_what_no_dialect_can_hold(dialect: Dialect) -> None:
    for write in (dialect.literal, dialect.identifier):
        with pytest.raises(Unwritable, match=r"U\+D800"):
            write("a\ud800")
    for name in ("", "a\0b"):
        with pytest.raises(Unwritable):
            dialect.identifier(name)


@pytest.mark.parametrize(
    ("dialect", "text", "message"),
    [
        (POSTGRES, "a\0", "PostgreSQL cannot hold the character U+0000: 'a\\u{0}'"),
        (PLAIN_BACKSLASH, "a\0", "MySQL cannot hold the character U+0000: 'a\\u{0}'"),
        (MSSQL, "a\0", "SQL Server cannot hold the character U+0000: 'a\\u{0}'"),
        (MSSQL, "a\\\nb", "SQL Server cannot hold the character U+005C U+000A: 'a\\\nb'"),
        (REDSHIFT, "a\0", "Redshift cannot hold the character U+0000: 'a\\u{0}'"),
        (SNOWFLAKE, "a\0", "Snowflake cannot hold the character U+0000: 'a\\u{0}'"),
        (TRINO, "x" * 99 + "\udfff", f"Trino cannot hold the character U+DFFF: '{'x' * 80}…'"),
    ],
)
def test_texts_that_a_dialect_cannot_hold(dialect: Dialect, text: str, message: str) -> None:
    with pytest.raises(Unwritable) as unwritable:
        dialect.literal(text)
    assert str(unwritable.value) == message


@pytest.mark.parametrize(
    ("dialect", "name", "message"),
    [
        (POSTGRES, "x" * 64, "PostgreSQL cuts names off after 63 bytes and would take another one: "),
        (POSTGRES, "é" * 32, "PostgreSQL cuts names off after 63 bytes and would take another one: "),
        (MYSQL, "🎉", "no name in MySQL can hold U+1F389: "),
        (SPARK, "${x}", "no name in Spark can hold ${: "),
        (SPARK, "x$", "no name in Spark can hold U+0024: "),
        (REDSHIFT, "é" * 64, "Redshift cuts names off after 127 bytes and would take another one: "),
        (REDSHIFT, "a\rb", "no name in Redshift can hold U+000D: "),
        (BIGQUERY, "other.orders", "no name in BigQuery can hold U+002E: 'other.orders'"),
        (BIGQUERY, "example.com:shop", "no name in BigQuery can hold U+002E: "),
        (BIGQUERY, "a:b", "no name in BigQuery can hold U+003A: "),
        (ATHENA, "${x}", "no name in Athena can hold ${: "),
        (ATHENA, "x$", "no name in Athena can hold U+0024: "),
        (TRINO, "", "Trino has no empty names"),
    ],
)
def test_names_that_a_dialect_cannot_hold(dialect: Dialect, name: str, message: str) -> None:
    with pytest.raises(Unwritable) as unwritable:
        dialect.identifier(name)
    assert str(unwritable.value).startswith(message)


def test_lists_of_tags() -> None:
    assert SPARK.tags([("a'", "$"), ("b", "")]) == "('a\\'' = '\\u0024', 'b' = '')"
    assert BIGQUERY.tags([("a'", "\n"), ("b", "")]) == "[('a\\'','\\n'), ('b','')]"
    assert BIGQUERY.tags([("env", "prod")]) == "[('env','prod')]"
    with pytest.raises(Unwritable, match="PostgreSQL has no list of tags"):
        POSTGRES.tags([("a", "b")])
    with pytest.raises(Unwritable, match="Spark has no empty list of tags"):
        SPARK.tags([])


def test_every_system_has_its_dialect() -> None:
    assert {name: dialect_of(name).name for name in DIALECTS} == {
        "athena": "Athena",
        "bigquery": "BigQuery",
        "clickhouse": "ClickHouse",
        "databricks": "Spark",
        "mssql": "SQL Server",
        "mysql": "MySQL",
        "oracle": "Oracle",
        "postgres": "PostgreSQL",
        "redshift": "Redshift",
        "snowflake": "Snowflake",
        "trino": "Trino",
        "unitycatalog": "Spark",
    }
    with pytest.raises(ConfigurationError, match="did you mean 'clickhouse'"):
        dialect_of("Clickhous")
    with pytest.raises(ConfigurationError, match="known are athena, bigquery, clickhouse"):
        dialect_of("x")


def test_the_reserved_words_of_mysql_and_mariadb_are_quoted() -> None:
    assert {word for word in RESERVED_WORDS_MYSQL | RESERVED_WORDS_MARIADB if MYSQL.identifier(word) == word} == set()


def test_the_reserved_words_of_the_vendors_are_quoted() -> None:
    # One of each letter that the manuals' lists have beyond the shared ones.
    words = {
        REDSHIFT: "aes128 bytedict credentials deflate encode freeze gzip identity language mostly8 new oid raw",
        BIGQUERY: "assert_rows_modified by contains define enum following groups hash lookup merge new of qualify",
        SNOWFLAKE: "ACCOUNT CONNECTION FOLLOWING GSCLUSTER ILIKE MINUS ORGANIZATION QUALIFY REGEXP SAMPLE WHENEVER",
        ATHENA: "all binary conf dayofweek external floor group import less macro partialscan reduce views with",
    }
    found = [
        (dialect.name, word) for dialect in words for word in words[dialect].split() if dialect.identifier(word) == word
    ]
    assert found == []


def test_snowflake_has_names_that_are_always_quoted() -> None:
    assert quoted("ORDERS") == '"ORDERS"'
    assert dotted(("a.b", 'c"d')) == '"a.b"."c""d"'
