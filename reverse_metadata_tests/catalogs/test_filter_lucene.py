import re
from fnmatch import translate

import pytest

from reverse_metadata.catalogs.filter.lucene import glob_of_wildcard, regex_of_lucene


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("a*c", ["ac", "abbc"], ["abcd"]),
        ("a?c", ["abc"], ["ac"]),
        (r"a\*c", ["a*c"], ["abc"]),
        (r"a\?c", ["a?c"], ["abc"]),
        (r"a\\c", ["a\\c"], ["ac"]),
        (r"a\bc", ["abc"], ["a\\bc"]),
        ("a[bc]", ["a[bc]"], ["ab"]),
        ("a!]-b", ["a!]-b"], []),
        (r"a\[", ["a["], ["a"]),
        ("a\\", ["a\\"], ["a"]),
    ],
)
def test_a_wildcard(pattern: str, matching: list[str], others: list[str]) -> None:
    glob = re.compile(translate(glob_of_wildcard(pattern)))
    assert [text for text in [*matching, *others] if glob.fullmatch(text)] == matching


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("ab*", ["a", "abb"], ["b", "xab"]),
        ("a.b", ["a\nb"], ["ab"]),
        ("a@b", ["ab", "axxb"], ["a"]),
        (r"a\@b", ["a@b"], ["ab"]),
        ("(ab|c){2}", ["abc", "cc"], ["ab"]),
        ("^a$", ["^a$"], ["a"]),
        (r"\d+", ["42"], ["d"]),
        (r"\q\.", ["q."], ["qx"]),
        ("[^a-c]+", ["xyz"], ["xa"]),
        ("[[&~|]+", ["[&~|"], ["a"]),
        (r"[\]x]", ["]", "x"], ["\\"]),
        (r"\#\"\<\&\~", ['#"<&~'], []),
        ("", [""], ["a"]),
    ],
)
def test_a_regular_expression(pattern: str, matching: list[str], others: list[str]) -> None:
    regex = re.compile(regex_of_lucene(pattern))
    assert [text for text in [*matching, *others] if regex.fullmatch(text)] == matching


@pytest.mark.parametrize(
    "pattern", ["a~b", "a&b", "<1-9>", "#", '"a"', "(?i)a", "a*?", "a++", "a{2}?", "[a", "a\\", "a{2", "a)|(b"]
)
def test_what_python_cannot_say(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"is not|means nothing|quantifiers|Elasticsearch"):
        regex_of_lucene(pattern)
