"""The patterns of Elasticsearch, as those of Python.

Sources: https://www.elastic.co/guide/en/elasticsearch/reference/current/query-dsl-wildcard-query.html and
https://www.elastic.co/guide/en/elasticsearch/reference/current/regexp-syntax.html
"""

import re

_QUANTIFIERS = "?*+{"
#: What the two languages read alike after a backslash. Before any other letter Lucene drops the backslash.
_SHORTHANDS = "dDwWsS"
#: Operators of Lucene that have no counterpart.
_ALONE = {
    "~": "the complement",
    "&": "the intersection",
    "<": "the numeric interval",
    "#": "the empty language",
    '"': "the quoted text",
}
#: Characters to which Python gives a meaning and Lucene none.
_LITERAL = "^$"


def glob_of_wildcard(pattern: str) -> str:
    """The glob of a `wildcard` query: `*` and `?` alone are special, a backslash takes that away."""
    glob, escaped = "", False
    for character in pattern:
        if not escaped and character == "\\":
            escaped = True
            continue
        literal = character in "*?[" if escaped else character == "["
        glob += f"[{character}]" if literal else character
        escaped = False
    return glob + ("\\" if escaped else "")


def regex_of_lucene(pattern: str) -> str:
    """The regular expression of a `regexp` query. Raises ValueError for what Python cannot say."""
    regex, position, quantified = "", 0, False
    while position < len(pattern):
        character = pattern[position]
        if character == "[":
            text, position = _class(pattern, position)
        elif character in _QUANTIFIERS and quantified:
            raise ValueError(
                f"two quantifiers follow each other at character {position + 1}; put the first in brackets"
            )
        elif character == "{":
            end = pattern.find("}", position)
            text, position = pattern[position : end + 1], end + 1
            if end < 0:
                raise ValueError("is not a regular expression: a { is never closed")
        else:
            text, position = _one(pattern, position)
        quantified = character in _QUANTIFIERS
        regex += text
    try:
        re.compile(regex)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from error
    return f"(?s:{regex})" if regex else regex


def _one(pattern: str, position: int) -> tuple[str, int]:
    """One character outside of brackets, and where the next stands."""
    character = pattern[position]
    if character == "\\":
        return _escape(pattern, position)
    if character in _ALONE:
        raise ValueError(
            f"{character} at character {position + 1} is {_ALONE[character]} of Elasticsearch, which is not understood"
            f" here; for the character itself write \\{character}"
        )
    if pattern.startswith("(?", position):
        raise ValueError(f"(? at character {position + 1} means nothing in Elasticsearch")
    if character == "@":
        return ".*", position + 1
    return (f"\\{character}" if character in _LITERAL else character), position + 1


def _class(pattern: str, position: int) -> tuple[str, int]:
    """A class of characters such as `[^a-z]`; in Python some characters must be escaped in it."""
    text, position = "[", position + 1
    if pattern.startswith("^", position):
        text, position = "[^", position + 1
    while position < len(pattern) and pattern[position] != "]":
        if pattern[position] == "\\":
            part, position = _escape(pattern, position)
            text += part
        else:
            text += f"\\{pattern[position]}" if pattern[position] in "[&~|" else pattern[position]
            position += 1
    if position == len(pattern):
        raise ValueError("is not a regular expression: a [ is never closed")
    return f"{text}]", position + 1


def _escape(pattern: str, position: int) -> tuple[str, int]:
    following = pattern[position + 1 : position + 2]
    if not following:
        raise ValueError("is not a regular expression: it ends in a backslash")
    plain = following.isalnum() and following not in _SHORTHANDS
    return (following if plain else f"\\{following}"), position + 2
