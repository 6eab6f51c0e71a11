from typing import Any

import pytest

from reverse_metadata.dialects import dialect_of
from reverse_metadata.templates import TemplateError, parse
from reverse_metadata_tests.templates import golden

POSTGRES = dialect_of("postgres")
ROWS = golden.rows("mistakes.yaml")


def mistake(text: str) -> TemplateError:
    with pytest.raises(TemplateError) as refused:
        parse(text, POSTGRES)
    return refused.value


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['system']}: {row['template']}")
def test_a_bad_template_is_refused_with_a_caret(row: dict[str, Any]) -> None:
    with pytest.raises(TemplateError) as refused:
        parse(row["template"], golden.dialect(row["system"]))
    assert str(refused.value) == row["error"]


def test_there_are_many_of_them_and_no_two_are_the_same() -> None:
    assert len({row["template"] for row in ROWS}) == len(ROWS) >= 40


def test_a_mistake_says_where_it_is() -> None:
    error = mistake("COMMENT ON\n  TABLE {tabel} IS {description}")
    assert (error.line, error.column, error.offset) == (2, 10, 20)
    assert error.message == "there is no variable tabel; did you mean table?"
    assert str(error) == f"line 2, column 10: {error.message}\n{error.shown}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\t\tIS {x}", "  \t\tIS {x}\n  \t\t    ^"),
        ("'漢字' || {x}", "  '漢字' || {x}\n             ^"),
        ("'e\u0301' {x}", "  'e\u0301' {x}\n       ^"),
        ("'\u202e' {x}", "  '\\u{202e}' {x}\n              ^"),
        ("SELECT\r\n{x}\r\nFROM", "  {x}\n   ^"),
        ("{x}" + "y" * 100, f"  {{x}}{'y' * 57}…\n   ^"),
        ("y" * 100 + " {x}", f"  …{'y' * 57} {{x}}\n  {' ' * 60}^"),
        ("{", "  {\n  ^"),
        ("", "  \n  ^"),
    ],
)
def test_the_caret_stands_under_the_mistake(text: str, shown: str) -> None:
    assert mistake(text).shown == shown


def test_a_template_cannot_contain_nul() -> None:
    assert mistake("COMMENT \0").message == "a template cannot contain the character U+0000"


@pytest.mark.parametrize("text", ["", " \n", ";", "-- nothing\n; /* yet */"])
def test_a_template_with_no_sql_is_refused(text: str) -> None:
    assert mistake(text).message == "there is no SQL in this template"


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 500 + "table" + ")" * 500,
        "not " * 5000 + "table",
        "table" + ".strip()" * 5000,
        "table if table in (1, 2) else table",
        "table := schema",
        "'\\d'",
        "f'{table}'",
        "b'x'",
        "[*table]",
        "lambda: table",
        "table.strip(*tags)",
        "table.replace(old='a')",
        "table.replace('a')",
        "table[::0]",
        "table[True]",
        "table and schema",
        "tags[0][0]",
        "len(table)",
        "None",
        "1",
    ],
)
def test_what_is_no_expression_of_a_template_is_refused(expression: str) -> None:
    assert mistake(f"x {{{expression}}}").line == 1
