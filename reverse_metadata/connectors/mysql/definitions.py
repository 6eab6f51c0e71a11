"""Takes the definitions of columns from SHOW CREATE TABLE, to the letter, and puts another comment into them.

There is no statement that changes the comment of a column alone: MODIFY COLUMN drops every attribute that it does not
repeat. https://dev.mysql.com/doc/refman/8.4/en/alter-table.html, https://mariadb.com/kb/en/alter-table/. The text is
that of a session with neither ANSI_QUOTES nor NO_BACKSLASH_ESCAPES, in UTF-8; a byte that is no UTF-8 comes as a lone
surrogate (`surrogateescape`).
"""

import re
from typing import NamedTuple

from reverse_metadata.dialects.mysql import MYSQL

_TOKEN = re.compile(
    r"""
      (?P<blank>\s+)
    | (?P<text>'(?:[^'\\]|''|\\.)*'|"(?:[^"\\]|""|\\.)*")
    | (?P<name>`(?:[^`]|``)*`)
    # What stands in these comments is executed, so it is read like the rest: /*!80023 INVISIBLE */.
    | (?P<executed>/\*M?!\d*|\*/)
    | (?P<ignored>/\*)
    | (?P<mark>[(),])
    | (?P<word>\w+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
#: Both engines print a character of an expression that they cannot convert by its bytes, as `xE9` or `\xE9`, and
#: would read these as three characters.
_BYTES = re.compile(r"x[89A-F][0-9A-F]")
_ESCAPED = re.compile(r"\\(.)|''", re.DOTALL)
_MEANT = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}


class Unrepeatable(Exception):
    """A definition that would come to mean something else when it is sent back as it was shown; says why."""


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int
    #: How many parentheses it stands in; the parentheses themselves stand outside.
    depth: int

    def says(self, word: str) -> bool:
        return self.kind == "word" and self.depth == 0 and self.text.upper() == word


def columns(created: str) -> dict[str, str]:
    """The definition of every column by its name, of a whole CREATE TABLE; each begins with the quoted name.

    Raises Unrepeatable when it cannot be read.
    """
    found: dict[str, str] = {}
    item: list[_Token] = []
    for token in _tokens(created):
        if token.depth > 0 and not (token.depth == 1 and token.text == ","):
            item.append(token)
            continue
        if item and item[0].kind == "name":
            found[item[0].text[1:-1].replace("``", "`")] = created[item[0].start : item[-1].end]
        if token.depth == 0 and token.text == ")":
            break
        item = []
    return found


def commented(definition: str, comment: str) -> str:
    """The definition with this comment in the place of its own; "" is none.

    MariaDB takes a comment before an inline CHECK only, which is also where it shows one.
    Raises Unrepeatable.
    """
    tokens = _tokens(definition)
    written = f"COMMENT {MYSQL.literal(comment)}"
    has_one = any(token.says("COMMENT") for token in tokens)
    pieces: list[str] = []
    end = 0
    for place, token in enumerate(tokens):
        _check(tokens, place)
        before = tokens[place - 1]
        if token.kind == "text" and before.says("COMMENT"):
            pieces += [definition[end : before.start], written]
        elif token.says("CHECK") and not has_one:
            pieces += [definition[end : token.start], f"{written} {token.text}"]
            has_one = True
        elif token.kind == "text" and _foreign(token.text):
            pieces += [definition[end : token.start], _hexadecimal(token.text)]
        else:
            continue
        end = token.end
    pieces.append(definition[end:] if has_one else f"{definition[end:]} {written}")
    return "".join(pieces)


def _tokens(text: str) -> list[_Token]:
    """Everything but blanks. Raises Unrepeatable for a quote or a parenthesis that does not end."""
    tokens: list[_Token] = []
    depth = 0
    for match in _TOKEN.finditer(text):
        kind, written = str(match.lastgroup), match[0]
        if kind == "blank":
            continue
        if written in ("'", '"', "`"):
            raise Unrepeatable("a quote in it does not end")
        depth -= written == ")"
        tokens.append(_Token(kind, written, match.start(), match.end(), depth))
        depth += written == "("
    if depth:
        raise Unrepeatable("its parentheses do not match")
    return tokens


def _check(tokens: list[_Token], place: int) -> None:
    """Raise Unrepeatable when this token is not what the engine holds."""
    token = tokens[place]
    if token.kind == "ignored":
        raise Unrepeatable("it has an option that the engine does not know, and shows as a comment")
    if token.kind != "text" or tokens[place - 1].says("COMMENT"):
        return
    if token.depth > 0 and not _of_type(tokens, place) and (_BYTES.search(token.text) or _foreign(token.text)):
        raise Unrepeatable("the engine shows a text of its expression by the bytes")
    if _foreign(token.text) and not tokens[place - 1].says("DEFAULT"):
        raise Unrepeatable("it holds bytes that are no UTF-8")


def _of_type(tokens: list[_Token], place: int) -> bool:
    """Whether a token is one of the values of an enumeration: its parenthesis follows the name and the type."""
    return all(token.depth > 0 for token in tokens[3 : place + 1]) and tokens[2].text == "("


def _foreign(text: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in text)


def _hexadecimal(text: str) -> str:
    """A literal of bytes, as the one form that says them whatever the character set of the session."""
    meant = _ESCAPED.sub(lambda match: _MEANT.get(match[1], match[1]) if match[1] else "'", text[1:-1])
    return f"0x{meant.encode('utf-8', 'surrogateescape').hex().upper()}"
