import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_metadata.display import markdown_cell, markdown_code, one_line, printable

#: Controls but newline and tab, bidirectional controls, zero-width characters, separators, lone surrogates.
HOSTILE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u00ad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
    "|[\ud800-\udfff]"
)
ANY_TEXT = st.text(st.characters(), max_size=60) | st.text(
    st.sampled_from("a`~<&|[\\\n\r\t\x1b\x00\x9b\u202e\u2066\u200b\u200f\u061c\ud800\udc00\ufeff\U000e0041"),
    max_size=30,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, 100 %", "plain text, 100 %"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("naïve 日本語 😀 Ünïcödé «x»", "naïve 日本語 😀 Ünïcödé «x»"),
        ("caution ⚠️ here", "caution ⚠️ here"),
        ("a\ufe0fb", r"a\u{fe0f}b"),
        ("a\r\nb", "a\\u{d}\nb"),
        ("\x1b[31mred", r"\u{1b}[31mred"),
        ("\x9b31mred", r"\u{9b}31mred"),
        ("nul\x00", r"nul\u{0}"),
        ("user\u202e txt.exe", r"user\u{202e} txt.exe"),
        ("\u2066isolate\u2069", r"\u{2066}isolate\u{2069}"),
        ("zero\u200bwidth\ufeff", r"zero\u{200b}width\u{feff}"),
        ("lone \ud800 surrogate", r"lone \u{d800} surrogate"),
        ("tag\U000e0041", r"tag\u{e0041}"),
        ("filler\u3164", r"filler\u{3164}"),
        ("blank\u2003wide", r"blank\u{2003}wide"),
        ("non-breaking\xa0blank", "non-breaking\xa0blank"),
    ],
)
def test_what_hides_or_deceives_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(ANY_TEXT)
def test_nothing_hostile_is_left(text: str) -> None:
    for shown in (printable(text), one_line(text, 20), markdown_code(text), markdown_cell(text)):
        assert not HOSTILE.search(shown)
        shown.encode()


@given(ANY_TEXT, st.integers(1, 50))
def test_one_line_is_one_line_and_not_longer_than_asked(text: str, width: int) -> None:
    line = one_line(text, width)
    assert len(line) <= width
    assert "\n" not in line
    assert "\t" not in line


def test_one_line_shows_where_it_was_cut_and_what_it_joined() -> None:
    assert one_line("first\nsecond\tthird", 20) == "first⏎second→third"
    assert one_line("0123456789", 10) == "0123456789"
    assert one_line("01234567890", 10) == "012345678…"


def test_code_stands_in_a_fence() -> None:
    assert markdown_code("SELECT 1", "sql") == "```sql\nSELECT 1\n```"
    assert markdown_code("a\n```\n````` <script>") == "``````\na\n```\n````` <script>\n``````"


@given(ANY_TEXT)
def test_no_line_of_the_text_closes_the_fence(text: str) -> None:
    opening, *content, closing = markdown_code(text).split("\n")
    assert opening == closing
    assert len(opening) >= 3
    assert set(opening) == {"`"}
    assert not any(opening in line for line in content)


def test_a_cell_holds_no_markup() -> None:
    assert markdown_cell("a|b") == "a&#124;b"
    assert markdown_cell("<script>") == "&#60;script&#62;"
    assert markdown_cell("[x](javascript:y) `c` *b* _i_") == (
        "&#91;x&#93;(javascript&#58;y) &#96;c&#96; &#42;b&#42; &#95;i&#95;"
    )
    assert markdown_cell("two\nlines") == "two⏎lines"
    assert markdown_cell("x" * 300) == "x" * 199 + "…"


@given(ANY_TEXT)
def test_a_cell_has_no_character_that_markdown_or_html_reads(text: str) -> None:
    without_references = re.sub(r"&#\d+;", "", markdown_cell(text))
    assert not re.search(r"[|<>&`*_\[\]\\~#!:\"'\n]", without_references)


@given(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=40))
def test_letters_and_digits_of_every_script_stay(text: str) -> None:
    letters = "".join(character for character in text if unicodedata.category(character) in ("Lu", "Ll", "Lt", "Nd"))
    assert printable(letters) == letters
