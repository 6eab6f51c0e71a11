"""Takes the definitions of columns from SHOW CREATE TABLE, to the letter, and puts another comment into them.

There is no statement that changes the comment of a column alone: MODIFY COLUMN drops every attribute that it does not
repeat. https://dev.mysql.com/doc/refman/8.4/en/alter-table.html, https://mariadb.com/kb/en/alter-table/. The text is
that of a session with neither ANSI_QUOTES nor NO_BACKSLASH_ESCAPES, in UTF-8; a byte that is no UTF-8 comes as a lone
surrogate (`surrogateescape`).
"""

import re
from dataclasses import dataclass
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
    #: How many parentheses it stands in; the parentheses themselves stand outside. What a column says of itself stands
    #: in those of CREATE TABLE alone.
    depth: int

    def says(self, word: str) -> bool:
        return self.depth == 1 and self.kind == "word" and self.text.upper() == word


@dataclass(frozen=True, slots=True)
class Definition:
    """The definition of one column within a CREATE TABLE."""

    created: str
    tokens: list[_Token]

    @property
    def text(self) -> str:
        """As it was shown, from the quoted name on."""
        return self.created[self.tokens[0].start : self.tokens[-1].end]

    def commented(self, comment: str) -> str:
        """The definition with this comment in the place of its own; "" is none.

        MariaDB takes a comment before an inline CHECK only, which is also where it shows one.
        Raises Unrepeatable.
        """
        written = f"COMMENT {MYSQL.literal(comment)}"
        has_one = any(token.says("COMMENT") for token in self.tokens)
        pieces: list[str] = []
        begin = self.tokens[0].start
        before = self.tokens[0]
        for token in self.tokens:
            if token.kind == "text" and before.says("COMMENT"):
                pieces += [self.created[begin : before.start], written]
                begin = token.end
            elif not has_one and token.says("CHECK"):
                pieces += [self.created[begin : token.start], f"{written} {token.text}"]
                begin, has_one = token.end, True
            elif token.kind in ("text", "ignored"):
                self._check(token, before)
                if _foreign(token.text):
                    pieces += [self.created[begin : token.start], _hexadecimal(token.text)]
                    begin = token.end
            before = token
        pieces.append(self.created[begin : self.tokens[-1].end])
        return "".join(pieces) if has_one else f"{''.join(pieces)} {written}"

    def _check(self, token: _Token, before: _Token) -> None:
        """Raise Unrepeatable when what is shown by this token is not what the engine holds."""
        if token.kind == "ignored":
            raise Unrepeatable("it has an option that the engine does not know, and shows as a comment")
        foreign = _foreign(token.text)
        if token.depth > 1 and (foreign or _BYTES.search(token.text)) and not self._is_of_type(token):
            raise Unrepeatable("the engine shows a text of its expression by the bytes")
        if foreign and not before.says("DEFAULT"):
            raise Unrepeatable("it holds bytes that are no UTF-8")

    def _is_of_type(self, token: _Token) -> bool:
        """Whether a token is one of the values of an enumeration: its parenthesis follows the name and the type."""
        inside = self.tokens[3 : self.tokens.index(token)]
        return self.tokens[2].text == "(" and all(each.depth > 1 for each in inside)


def columns(created: str) -> dict[str, Definition]:
    """The definition of every column by its name, of a whole CREATE TABLE.

    Raises Unrepeatable when it cannot be read.
    """
    found: dict[str, Definition] = {}
    item: list[_Token] = []
    for token in _tokens(created):
        if token.depth > 0 and not (token.depth == 1 and token.text == ","):
            item.append(token)
            continue
        if item and item[0].kind == "name":
            found[item[0].text[1:-1].replace("``", "`")] = Definition(created, item)
        if token.depth == 0 and token.text == ")":
            break
        item = []
    return found


def _tokens(text: str) -> list[_Token]:
    """Everything but blanks. Raises Unrepeatable for a quote or a parenthesis that does not end."""
    tokens: list[_Token] = []
    depth = 0
    for match in _TOKEN.finditer(text):
        kind, written = str(match.lastgroup), match[0]
        if kind == "blank":
            continue
        if kind == "word" and written in "'\"`":
            raise Unrepeatable("a quote in it does not end")
        depth -= written == ")"
        tokens.append(_Token(kind, written, match.start(), match.end(), depth))
        depth += written == "("
    if depth:
        raise Unrepeatable("its parentheses do not match")
    return tokens


def _foreign(text: str) -> bool:
    return not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text)


def _hexadecimal(text: str) -> str:
    """A literal of bytes, as the one form that says them whatever the character set of the session."""
    meant = _ESCAPED.sub(lambda match: _MEANT.get(match[1], match[1]) if match[1] else "'", text[1:-1])
    return f"0x{meant.encode('utf-8', 'surrogateescape').hex().upper()}"
