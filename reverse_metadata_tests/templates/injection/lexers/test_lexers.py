"""The lexers against what the vendors' documentation says, example by example."""

from types import ModuleType

import pytest

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
from reverse_metadata_tests.templates.injection.lexers.reader import Kind, Token, Unreadable


def text(value: str) -> Token:
    return Token(Kind.TEXT, value)


def name(value: str) -> Token:
    return Token(Kind.NAME, value)


def word(value: str) -> Token:
    return Token(Kind.WORD, value)


def comment(value: str) -> Token:
    return Token(Kind.COMMENT, value)


def sign(value: str) -> Token:
    return Token(Kind.SIGN, value)


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("'Dianne''s horse'", [text("Dianne's horse")]),
        ("'foo'\n'bar'", [text("foobar")]),
        ("'foo' 'bar'", [text("foo"), text("bar")]),
        ("'foo' -- c\n'bar'", [text("foobar")]),
        ("'a\\'", [text("a\\")]),
        (r"E'a\'\\\n\101\x42\u0043\U0001F600'", [text("a'\\\nABC😀")]),
        ("$$Dianne's horse$$", [text("Dianne's horse")]),
        ("$a$ $$ $a$", [text(" $$ ")]),
        ('"say ""hi"""', [name('say "hi"')]),
        ('"' + "ü" * 32 + '"', [name("ü" * 31)]),
        ("FOO foo$1", [word("foo"), word("foo$1")]),
        ("/* a /* b */ c */", [comment(" a /* b */ c */")]),
        ("a--b\n;", [word("a"), comment("--b"), sign(";")]),
    ],
)
def test_postgres(sql: str, found: list[Token]) -> None:
    assert postgres.tokens(sql) == found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("'hello', \"hello\"", [text("hello"), sign(","), text("hello")]),
        ("'\"hello\"' # c", [text('"hello"'), comment("# c")]),
        (r"'\'hello\"\0\%\Z\q'", [text("'hello\"\0\\%\x1aq")]),
        ("'hel''lo'", [text("hel'lo")]),
        ("'a' ' ' 'string'", [text("a string")]),
        ("N'some text'", [text("some text")]),
        ("_utf8'some text'", [text("some text")]),
        ("`a``b`", [name("a`b")]),
        ("1--1", [Token(Kind.NUMBER, "1"), sign("-"), sign("-"), Token(Kind.NUMBER, "1")]),
        ("1-- 1", [Token(Kind.NUMBER, "1"), comment("-- 1")]),
        ("/* /* */", [comment(" /* */")]),
    ],
)
def test_mysql(sql: str, found: list[Token]) -> None:
    assert mysql.tokens(sql) == found


def test_mysql_in_other_modes() -> None:
    assert mysql.tokens('"a""b"', ansi_quotes=True) == [name('a"b')]
    assert mysql.tokens(r"'a\' 'b'", no_backslash_escapes=True) == [text("a\\b")]


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        (r"'It\'s'", [text("It's")]),
        ("'It''s'", [text("It's")]),
        (r"'\b\f\r\n\t\0\a\v\x4a\N\q\\'", [text("\b\f\r\n\t\0\a\vJ\\q\\")]),
        ("$heredoc$It's$heredoc$", [text("It's")]),
        (r"`a\`b``c`.`\\`", [name("a`b`c"), sign("."), name("\\")]),
        ("‘a’ “b”", [text("a"), name("b")]),
        ("#!a\n# b\n--c\n//d", [comment("#!a"), comment("# b"), comment("--c"), comment("//d")]),
    ],
)
def test_clickhouse(sql: str, found: list[Token]) -> None:
    assert clickhouse.tokens(sql) == found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        (r"'it''s \'", [text("it's \\")]),
        ('"SELECT ""x"""', [name('SELECT "x"')]),
        ("Foo -- c", [word("foo"), comment("-- c")]),
        ("/* /* */", [comment(" /* */")]),
    ],
)
def test_trino(sql: str, found: list[Token]) -> None:
    assert trino.tokens(sql) == found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        (r"'it\'s \u3042 \U0001F44D \101 \Z\%\q\\'", [text("it's あ 👍 A \x1a\\%q\\")]),
        ('"it\'s"', [text("it's")]),
        ("`a``b`", [name("a`b")]),
        ("-- a\\\nb\nc", [comment("-- a\\\nb"), word("c")]),
        ("/* a /* b */ c */", [comment(" a /* b */ c */")]),
    ],
)
def test_spark(sql: str, found: list[Token]) -> None:
    assert spark.tokens(sql) == found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        (r"N'it''s \n é' 'x'", [text(r"it's \n é"), text("x")]),
        ("N'one\\\ntwo \\\r\nthree\\ '", [text("onetwo three\\ ")]),
        ('[a]]b "c"].["d""e"]', [name('a]b "c"'), Token(Kind.SIGN, "."), name('"d""e"')]),
        ('"d""e[x]"', [name('d"e[x]')]),
        ("@Foo#1 -- c\n/* a /* b */ c */ d", [word("@Foo#1"), comment("-- c"), comment(" a /* b */ c */"), word("d")]),
    ],
)
def test_mssql(sql: str, found: list[Token]) -> None:
    assert mssql.tokens(sql) == found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        (r"'it''s \n' n'x'", [text(r"it's \n"), text("x")]),
        (r'"A\b c"', [name(r"A\b c")]),
        ("Foo$1# -- c\n/* a /* b */ c", [word("foo$1#"), comment("-- c"), comment(" a /* b */"), word("c")]),
    ],
)
def test_oracle(sql: str, found: list[Token]) -> None:
    assert oracle.tokens(sql) == found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        (r"'it''s \'\\\n\101\q'", [text("it's '\\\nAq")]),
        ("'foo'\n'bar'", [text("foobar")]),
        ("E'a'", [word("e"), text("a")]),
        ("$x$Dianne's \\$x$", [text("Dianne's \\")]),
        ('"this ""is it\\"""', [name('this "is it\\"')]),
        ('"' + "ü" * 64 + '"', [name("ü" * 63)]),
        ("Foo$1 -- c\r/* a /* b */ c */", [word("foo$1"), comment("-- c"), comment(" a /* b */ c */")]),
    ],
)
def test_redshift(sql: str, found: list[Token]) -> None:
    assert redshift.tokens(sql) == found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        (r"'it\'s' " + r'"it\"s"', [text("it's"), text('it"s')]),
        ("'''it's\r\n''two''\\''''", [text("it's\n''two'''")]),
        ('"""Title:"Boy\\"\\"\\""""', [text('Title:"Boy"""')]),
        (r"'\a\b\f\n\r\t\v\\\?\'\"\`\101\x41\X41\u0041\U0001F44D'", [text("\a\b\f\n\r\t\v\\?'\"`AAAA👍")]),
        (r"`a\`b\x41`", [name("a`bA")]),
        ("`p-x.s`.t", [name("p-x"), sign("."), name("s"), sign("."), word("t")]),
        ("`example.com:p`", [name("example"), sign("."), name("com"), sign("."), name("p")]),
        ("p-x", [word("p"), sign("-"), word("x")]),
        ("-- a\r# b\n/* /* */", [comment("-- a"), comment("# b"), comment(" /* */")]),
    ],
)
def test_bigquery(sql: str, found: list[Token]) -> None:
    assert bigquery.tokens(sql) == found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        (r"'it\'s' " + r'"it\"s"', [text("it's"), text('it"s')]),
        ("'a''b'\"c\"", [text("abc")]),
        (r"'\b\n\r\t\Z\0\\\%\q\101\u0041\0441'", [text("\b\n\r\t\x1a\0\\\\%qAA$1")]),
        ("`a``b\\`", [name("a`b\\")]),
        ("-- a\n1a", [comment("-- a"), word("1a")]),
    ],
)
def test_athena(sql: str, found: list[Token]) -> None:
    assert athena.tokens(sql) == found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("'Today''s sales projections' '-''-'", [text("Today's sales projections"), text("-'-")]),
        (r"""'\'\"\\\b\n\q\u26c4\x21\041'""", [text("'\"\\\b\nq⛄!!")]),
        (r"$$string with a ' character and \n$$", [text(r"string with a ' character and \n")]),
        ("'a$$b'", [text("a$$b")]),
        ('"quote""andunquote"', [name('quote"andunquote')]),
        ("my$t _a", [word("MY$T"), word("_A")]),
        ("-- a ' b\n// c\n/* d\n */;", [comment("-- a ' b"), comment("// c"), comment(" d\n */"), sign(";")]),
    ],
)
def test_snowflake(sql: str, found: list[Token]) -> None:
    assert snowflake.tokens(sql) == found


@pytest.mark.parametrize(
    ("lexer", "sql"),
    [
        (postgres, "'a"),
        (postgres, "'\0'"),
        (postgres, "$a$ $b$"),
        (postgres, "U&'a'"),
        (mysql, "/*! DROP TABLE t */"),
        (mysql, "/*M! DROP TABLE t */"),
        (mysql, "`😀`"),
        (clickhouse, r"'\'"),
        (trino, "`a`"),
        (trino, '""'),
        (mssql, "'é'"),
        (mssql, "[]"),
        (mssql, '""'),
        (mssql, "N'\0'"),
        (mssql, "/* a /* b */"),
        (oracle, "q'[x]'"),
        (oracle, "Nq'!x!'"),
        (oracle, '""'),
        (oracle, "'\0'"),
        (redshift, r"'\'"),
        (redshift, "B'1'"),
        (redshift, '"a\tb"'),
        (redshift, "'\0'"),
        (bigquery, "'a''b'"),
        (bigquery, "'a\nb'"),
        (bigquery, r"'\q'"),
        (bigquery, r"'\0'"),
        (bigquery, r"'\ud800'"),
        (bigquery, "'''a'''b'''"),
        (bigquery, "`a\\`"),
        (bigquery, "`a..b`"),
        (bigquery, "``"),
        (bigquery, "Rb'a'"),
        (bigquery, "$$a$$"),
        (snowflake, r"'a\'"),
        (snowflake, r"'\0'"),
        (snowflake, '""'),
        (snowflake, "$$a"),
        (snowflake, "x'00'"),
        (snowflake, "`a`"),
        (athena, "'${x}'"),
        (athena, r"'a\'"),
        (athena, "/* a */"),
        (athena, "``"),
        (spark, "'${env:HOME}'"),
        (spark, "'it''s'"),
        (spark, "r'a'"),
        (spark, "/* a /* b */"),
    ],
)
def test_what_no_engine_would_read_as_meant(lexer: ModuleType, sql: str) -> None:
    with pytest.raises(Unreadable):
        lexer.tokens(sql)
