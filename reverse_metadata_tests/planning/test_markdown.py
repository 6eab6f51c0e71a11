"""Markdown and HTML as plain text."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_metadata.config import Channel
from reverse_metadata.planning import markdown
from reverse_metadata.planning.descriptions import formatted, template_of
from reverse_metadata.planning.markdown import to_text
from reverse_metadata.planning.plain import plain

TEXT = Channel(name="shop", description_format="text")


@pytest.mark.parametrize(
    ("description", "text"),
    [
        ("One row per order", "One row per order"),
        ("# Orders #\n\nOne row\n\nOrders\n======\nmore", "Orders\n\nOne row\n\nOrders\n\nmore"),
        ("**bold** *it* __b__ _i_ ~~old~~ `co*d*e`", "bold it b i old co*d*e"),
        ("one\ntwo  \nthree\\\nfour\n\n\n\nfive", "one\ntwo\nthree\nfour\n\nfive"),
        ("* a\n* b\n  + c\n  + d\n* e", "- a\n- b\n  - c\n  - d\n- e"),
        ("* a\n\n  more of a\n\n* b", "- a\n\n  more of a\n- b"),
        ("3. c\n4. d\n   - e", "3. c\n4. d\n   - e"),
        ("1) a\n\n   ```\n   x\n\n    y\n   ```\n2) b", "1. a\n\n   x\n\n    y\n2. b"),
        ("- [x] done\n-\n- [ ] todo", "- [x] done\n- [ ] todo"),
        ("> a\n>\n> - b\n>\n> > c\n\nd", "> a\n>\n> - b\n>\n> > c\n\nd"),
        ("a\n\n---\n\nb", "a\n\nb"),
        ("```sql\nSELECT *\n  FROM <x>\n```", "SELECT *\n  FROM <x>"),
        ("    indented *code*", "indented *code*"),
        ("| a | b |\n|---|:-:|\n| `1` | **2** |\n|  | [x](https://y.z) |", "a | b\n1 | 2\n| x (https://y.z)"),
        ("R&D &amp; &lt;b&gt; &#8364; &copy 5&euro;", "R&D & <b> € &copy 5€"),
        (r"2 \* 3 * 4 \_a\_ snake_case_name a < b > c", "2 * 3 * 4 _a_ snake_case_name a < b > c"),
        ("![a dog](dog.png) ![](cat.png)", "a dog"),
        ("[![logo](l.png)](https://x.y)", "logo (https://x.y)"),
    ],
)
def test_markdown(description: str, text: str) -> None:
    assert to_text(description) == text


@pytest.mark.parametrize(
    ("description", "text"),
    [
        ("[docs](https://x.y/a?b=1&c=ü)", "docs (https://x.y/a?b=1&c=ü)"),
        ("see [the **docs**][1] now\n\n[1]: https://x.y", "see the docs (https://x.y) now"),
        ("<https://x.y> [https://x.y](https://x.y) [](https://x.y)", "https://x.y https://x.y https://x.y"),
        ("<ada@x.y> [ada@x.y](mailto:ada@x.y) [mail](mailto:ada@x.y)", "ada@x.y ada@x.y mail (mailto:ada@x.y)"),
        ("[a](#part) [b](javascript:alert(1)) [c](<DATA:text/html,x>)", "a b c"),
        ("<p>see <a href='https://x.y'> the <b>docs</b> </a>.</p>", "see  the docs (https://x.y) ."),
        ("<div><a href='https://x.y'>one<a href='https://z.y'>two</div>", "one (https://x.y)two (https://z.y)"),
        ("<a href='https://x.y'><div><p>one</p></div></a>two", "one (https://x.y)\n\ntwo"),
    ],
)
def test_links(description: str, text: str) -> None:
    assert to_text(description) == text


MENTION = '<a href="https://om.example.com/users/ada" data-type="mention" data-label="ada"'


@pytest.mark.parametrize(
    ("description", "text"),
    [
        (f"Ask {MENTION}>@ada</a>!", "Ask @ada!"),
        (f"<p>Ask {MENTION}></a>!</p>", "Ask @ada!"),
        ('<a data-type="mention" href="x">Ada</a>', "@Ada"),
        ('<a data-type="hashtag" data-fqn="s.d.sales.orders" href="x">#orders</a>', "s.d.sales.orders"),
        ("Ask <#E::user::ada> or <#E::team::data_eng_team>", "Ask @ada or @data_eng_team"),
        ('<#E::user::"ada.l">', "@ada.l"),
        ("<p><#E::user::ada|[@Ada L](https://om.example.com/users/ada)></p>", "@Ada L"),
        ("*<#E::table::s.d.my_schema.my_table>*", "s.d.my_schema.my_table"),
        ("<#E::table::s.d.sales.orders|[#orders](https://om.example.com/table/x)>", "s.d.sales.orders"),
        ("<#E::table::s.d.sales.orders::columns::e_mail_>", "s.d.sales.orders.e_mail_"),
        ("<#E::table::s.d.sales.orders::description>", "s.d.sales.orders"),
        ("`<#E::user::ada>` <#E::user", "<#E::user::ada> <#E::user"),
    ],
)
def test_mentions_and_links_within_the_catalog(description: str, text: str) -> None:
    assert to_text(description) == text


@pytest.mark.parametrize(
    ("description", "text"),
    [
        ("<p>one</p><p>two<br/>three<br><br>four</p>", "one\n\ntwo\nthree\n\nfour"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<ul>\n  <li><p>a</p></li>\n  <li><p>b</p><p>c</p></li>\n</ul>after", "- a\n- b\n\n  c\n\nafter"),
        ("<ol start=5><li>a<li>b<ul><li>c</ul></ol>", "5. a\n6. b\n   - c"),
        ("<ol start='x'><li>a</ol>", "1. a"),
        ("<table><tr><th>a</th><th>b</th></tr><tr><td><p>1</p>\n2</td><td></td></tr></table>", "a | b\n1 2 |"),
        ("<table><tr><td>a<td>b<tr><td>c<table><tr><td>d</table></table>after", "a | b\nc d\n\nafter"),
        ("<pre>a\n  b<br>c</pre>d", "a\n  b\nc\n\nd"),
        ("<pre> \n\n  a\n \n b \n </pre>", "  a\n\n b"),
        ("<h2>a</h2>b<hr>c", "a\n\nb\n\nc"),
        ("<blockquote><p>a</p></blockquote></ul></li>b", "> a\n\nb"),
        ("10<sup>3</sup> H<sub>2</sub>O", "10^3 H2O"),
        ('<block-math-equation math_equation="$a+b$"></block-math-equation>', "$a+b$"),
        ("a<script>if (a<b) '</p>'</script>b <STYLE>p {}</STYLE>c<!-- no --><?php no ?><!DOCTYPE no>d", "ab cd"),
        ("<div>a<!-- <b>no</b> -->b<![CDATA[no]]>c<!-->d</div>", "abcd"),
        ("<div>a <script>b</div>", "a b"),
        ("<div>a <!-- b</div>", "a <!-- b"),
        ("<div>a <![if b</div>", "a"),
        ("<title>a <b>c</b> <textarea>d", "a c d"),
    ],
)
def test_html(description: str, text: str) -> None:
    assert to_text(description) == text


@pytest.mark.parametrize(
    "text",
    [
        "<customer_id> of <schema>.<Orders> as <yyyy-mm-dd",
        "<div class='a' and more\nof it",
        "Filter: a<b or </Foo> or <unknown attribute='x'>",
    ],
)
def test_what_is_no_tag_of_html_is_text(text: str) -> None:
    assert to_text(text) == text


def test_deep_nesting_loses_no_text() -> None:
    assert to_text("> " * 60 + "deep").endswith("> deep")
    lines = to_text("<ul><li>a" * 200 + "</ul>" * 200 + "<p>end").split("\n")
    assert [line.lstrip(" -") for line in lines if line] == ["a"] * 200 + ["end"]
    assert max(map(len, lines)) < 100


@pytest.mark.parametrize("nothing", ["", "<p></p>", "---", "<!-- note -->", "![](x.png)", "<script>x</script>", "- \n"])
def test_empty_markup_is_empty(nothing: str) -> None:
    assert to_text(nothing) == ""
    assert formatted(nothing, TEXT) is None


@pytest.mark.parametrize("nothing", ["&nbsp;", "<p>&nbsp;</p>", "<div>​</div>"])
def test_what_only_looks_like_text_is_empty(nothing: str) -> None:
    assert formatted(nothing, TEXT) is None


def test_raw_is_the_catalogs_own_text() -> None:
    raw = Channel(name="shop")
    assert formatted("**a** \r\n", raw) == "**a** \r\n"
    assert formatted("**a** \r\n", TEXT) == "a"
    assert formatted("<p></p>", raw) is None
    assert formatted(None, TEXT) is None
    assert (template_of(raw), template_of(TEXT)) == ("", markdown.VERSION)


def test_the_page_shows_what_happens() -> None:
    page = (Path(__file__).parents[2] / "docs/descriptions.md").read_text(encoding="utf-8")
    source = re.search(r"^````markdown\n(.*?)^````$", page, re.MULTILINE | re.DOTALL)
    result = re.search(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert source is not None
    assert result is not None
    assert to_text(source[1]) == result[1].rstrip("\n")


# Nothing here may need more than time in proportion to its length: each took minutes where a search ran to the end of
# the text for every character.
@pytest.mark.parametrize(
    "piece",
    ["<a ", "<a '", '<div "', "<div a='", "<!--", "<script>", "<!A ", "<?", "</script", "<#E::a::b|[", "<ul></ol>"],
)
def test_hostile_html_ends(piece: str) -> None:
    assert isinstance(to_text("<div>" + piece * (60_000 // len(piece))), str)


@pytest.mark.parametrize("piece", ["[", "*a **b ", "`", "> ", "- ", "<", "&", "a|b\n-|-\n", "\\", " ", "\n", "[a](<b"])
def test_hostile_markdown_ends(piece: str) -> None:
    assert isinstance(to_text(piece * (3_000 // len(piece))), str)


MARKUP = st.sampled_from(
    """
    <p> </p> <ul> </ul> <li> </li> <ol start="2"> <table> </table> <tr> <td> </td> <pre> </pre> <br> <a href="u"> </a>
    <script> </script> <!-- --> <![ <? <b </ <div> ``` ` * ** _ - > # | |-| 1. [ ]( ) ![ <#E::user::a> &amp; &# \\ ~~
    """.split()
)
PIECES = st.lists(
    st.one_of(MARKUP, st.text(max_size=5), st.sampled_from(["\n", "\n\n", " ", "    ", "a"])), max_size=40
)


@given(st.one_of(st.text(), PIECES.map("".join)))
def test_any_text_is_turned_into_a_text_and_always_the_same(description: str) -> None:
    text = to_text(description)
    assert to_text(description) == text
    assert "\r" not in text
    assert not text.startswith("\n")
    assert not text.endswith("\n")


@given(st.text(alphabet=st.sampled_from("abcXYZäß€ 09.,;:?!()'\"/@%$-#&>+=|\t\x0b\x85\xa0\u2028")))
def test_the_short_way_gives_what_the_long_way_gives(line: str) -> None:
    assert to_text("a" + line) == plain(markdown._parser().render("a" + line))


WORD = st.text(alphabet="abcdefghijklmnopqrstuvwxyzäöüßéñждл日本", min_size=1, max_size=8)
WORDS = st.lists(WORD, min_size=1, max_size=6).map(" ".join)


@given(st.lists(st.lists(WORDS, min_size=1, max_size=3).map("\n".join), min_size=1, max_size=4).map("\n\n".join))
def test_a_text_without_markup_stays_as_it_is(text: str) -> None:
    assert to_text(text) == text


INLINE = st.one_of(
    WORDS.map(lambda words: (words, words)),
    WORDS.map(lambda words: (f"**{words}**", words)),
    WORDS.map(lambda words: (f"*{words}*", words)),
    WORDS.map(lambda words: (f"`{words}`", words)),
    WORDS.map(lambda words: (f"<b>{words}</b>", words)),
    WORDS.map(lambda words: (f"[{words}](https://x.y)", f"{words} (https://x.y)")),
    WORD.map(lambda word: (f"{MENTION}>@{word}</a>", f"@{word}")),
)
LINE = st.lists(INLINE, min_size=1, max_size=4).map(
    lambda parts: (" ".join(source for source, _ in parts), " ".join(text for _, text in parts))
)
LINES = st.lists(LINE, min_size=1, max_size=4)


def listed(lines: list[tuple[str, str]], marker: str, shown: str) -> tuple[str, str]:
    return "\n".join(f"{marker} {source}" for source, _ in lines), "\n".join(f"{shown} {text}" for _, text in lines)


def numbered(lines: list[tuple[str, str]]) -> tuple[str, str]:
    source = "\n".join(f"{number}. {source}" for number, (source, _) in enumerate(lines, 1))
    return source, "\n".join(f"{number}. {text}" for number, (_, text) in enumerate(lines, 1))


def as_html(lines: list[tuple[str, str]]) -> tuple[str, str]:
    items = "".join(f"<li><p>{text}</p></li>" for _, text in lines)
    return f"<ul>{items}</ul>", "\n".join(f"- {text}" for _, text in lines)


# A paragraph stands between any two others: two lists in a row are one to Markdown.
BLOCK = st.one_of(
    LINE.map(lambda line: (f"## {line[0]}", line[1])),
    LINE.map(lambda line: (f"> {line[0]}", f"> {line[1]}")),
    LINES.map(lambda lines: listed(lines, "*", "-")),
    LINES.map(numbered),
    LINES.map(as_html),
)


@given(st.lists(st.tuples(BLOCK, LINE), min_size=1, max_size=4))
def test_no_markup_is_left_of_simple_documents_and_their_text_stays(blocks: list[tuple[tuple[str, str], ...]]) -> None:
    source = "\n\n".join(source for pair in blocks for source, _ in pair)
    text = "\n\n".join(text for pair in blocks for _, text in pair)
    assert to_text(source) == text
    assert to_text(text) == text
