import warnings
from dataclasses import replace

import pytest

from reverse_metadata.dialects import Quoted, dialect_of
from reverse_metadata.templates import Values, parse
from reverse_metadata.templates.lexer import Kind, Unreadable, scan
from reverse_metadata_tests.templates import golden

_LETTERS = {
    Kind.SPACE: " ",
    Kind.WORD: "w",
    Kind.SYMBOL: "s",
    Kind.QUOTED: "q",
    Kind.COMMENT: "c",
    Kind.DOLLAR_QUOTE: "d",
    Kind.SEMICOLON: ";",
    Kind.FIELD: "f",
}


def kinds(sql: str, dialect: str) -> str:
    tokens = scan(sql, golden.dialect(dialect))
    assert "".join(sql[token.start : token.end] for token in tokens) == sql
    return "".join(_LETTERS[token.kind] for token in tokens)


@pytest.mark.parametrize(
    ("dialect", "sql", "expected"),
    [
        ("postgres", "'a''b' \"c\"\"d\"", "q q"),
        ("postgres", "'a\\' E'a\\'' e'''' x", "q q q w"),
        ("postgres", "U&'\\' B'1' x'F' N'a' xE'a'", "q q q q wq"),
        ("postgres", "--a\rb --c\nd", "c w c w"),
        ("postgres", "/* /* ; */ ; */ ;", "c ;"),
        ("postgres", "$$;$$ $a$ $b$ $a$ a$b$c $1;", "d d w sw;"),
        ("postgres", "$ä1$ ' $ä1$", "d"),
        ("postgres", "`#`", "sss"),
        ("postgres, standard_conforming_strings off", "'a\\'' x", "q w"),
        ("mysql", "'a\\'' \"b\\\"\"\"\" `c\\` n'd'", "q q q q"),
        ("mysql", "--a\n-- b\n#c\n--", "ssw c c c"),
        ("mysql", "-- a\rb;\n;", "c ;"),
        ("mysql", "/* a */ $$a$$", "c ssw"),
        ("mysql, NO_BACKSLASH_ESCAPES", "'a\\' \"b\\\" x", "q q w"),
        ("mysql, ANSI_QUOTES", "'a\\'' \"b\\\" x", "q q w"),
        ("clickhouse", "'a\\'' '''' `b\\`` \"c\\\"\" x", "q q q q w"),
        ("clickhouse", "--a\n//b\n# c\n#!d\n#e $t$;$t$", "c c c c sw d"),
        ("trino", "'a\\' \"b\\\" U&'c' X'd' x", "q q q q w"),
        ("trino", "/* /* */ ; -- a\r;", "c ; c ;"),
        ("databricks", "'a\\'' \"b\\\"\" `c\\` r'd\\' R\"e\\\" x", "q q q q q w"),
        ("databricks", "r'a''b' $$ ' $$ $py$ $$ $py$ ${x}", "qq d d ssws"),
        ("databricks", "--a\\\n;b\n;", "c ;"),
        ("databricks", "/* /* ; */ ; */ ;", "c ;"),
        ("redshift", "'a\\'' \"b\\\" B'c\\' x", "q q q w"),
        ("redshift", "E'a\\'' N'b' $x$ ' $x$ --a\rb", "wq wq d c w"),
        ("bigquery", "'a\\'' \"b\\\"\" `c\\`` x", "q q q w"),
        ("bigquery", "'''a'b''c\\'''' '' \"\"\"d\"e\n\"\"\" x", "q q q w"),
        ("bigquery", "r'a\\'' Rb'''b'c''' bR\"d\" B\"\"\"e\"\"\" x", "q q q q w"),
        ("bigquery", "'a''b'", "qq"),
        ("bigquery", "--a\rb #c\nd /* /* */ e $f$", "c w c w c w sw"),
        ("athena", "'a\\'' \"b\\\"\" `c\\```", "q q q"),
        ("athena", "'a''b' --c\rd $e$", "qq c w sw"),
    ],
)
def test_what_every_dialect_reads(dialect: str, sql: str, expected: str) -> None:
    assert kinds(sql, dialect) == expected


@pytest.mark.parametrize(
    ("sql", "at"), [("a 'b", 2), ('a "b', 2), ("a /* /* */", 2), ("a $x$ $X$", 2), ("E'\\'", 0), ("a\u2003b", 1)]
)
def test_what_never_ends(sql: str, at: int) -> None:
    with pytest.raises(Unreadable) as unreadable:
        scan(sql, dialect_of("postgres"))
    assert unreadable.value.at == at


@pytest.mark.parametrize("system", ["mysql", "clickhouse", "redshift"])
def test_a_comment_within_a_comment_is_refused_where_it_is_not_certain_how_it_is_read(system: str) -> None:
    with pytest.raises(Unreadable, match="may read a comment within a comment in more than one way") as unreadable:
        scan("a /* b /* c */ */", dialect_of(system))
    assert unreadable.value.at == 7


def test_the_core_knows_no_dialect() -> None:
    texts = (
        Quoted("'''", "'''", {"'": "\\'", "\\": "\\\\"}, doubles=False, backslash=True),
        Quoted("Q'<", ">'", {}, doubles=False, refused="an odd string"),
    )
    names = (Quoted("[", "]", {"]": "]]"}, name=True),)
    dialect = replace(dialect_of("trino"), quotes=(*texts, *dialect_of("trino").quotes, *names))
    template = parse("COMMENT ON [{schema}].[a]] {table}] IS '''it''s {description}''' /* 'x */ || q'<'>'", dialect)
    values = Values(schema="a]b", table="c", description="'''\\")
    assert template.render(values) == ("COMMENT ON [a]]b].[a]] c] IS '''it''s \\'\\'\\'\\\\''' /* 'x */ || q'<'>'",)


def test_the_author_keeps_the_case_of_a_prefix() -> None:
    template = parse("IS e'{description}' || N'x'", dialect_of("postgres"))
    assert template.render(Values(description="\\")) == ("IS e'\\\\' || N'x'",)


def test_a_doubtful_escape_in_an_expression_is_refused_and_not_only_warned_of() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(Exception, match="this is not an expression"):
            parse("IS {'\\d'}", dialect_of("postgres"))
