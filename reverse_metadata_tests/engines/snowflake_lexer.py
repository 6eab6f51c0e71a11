r"""Reads Snowflake's SQL into tokens, as the vendor's reference says it is read.

Strings and their escapes: https://docs.snowflake.com/en/sql-reference/data-types-text#single-quoted-string-constants
(`''` is a quote, a backslash that begins no sequence of the list is dropped). Names:
https://docs.snowflake.com/en/sql-reference/identifiers-syntax (255 characters, upper case without quotes). Reserved
words: https://docs.snowflake.com/en/sql-reference/reserved-keywords.
"""

import re
from dataclasses import dataclass
from typing import Literal


class Refused(Exception):
    """What Snowflake answers instead: code and SQLSTATE, and its sentence."""

    def __init__(self, code: str, state: str, message: str) -> None:
        super().__init__(message)
        self.code, self.state = code, state


def unexpected(token: "Token | None") -> Refused:
    """A syntax error at a token."""
    if token is None:
        return Refused(
            "001003", "42000", "SQL compilation error:\nsyntax error line 1 at position 0 unexpected '<EOF>'."
        )
    at = f"syntax error line 1 at position {token.at} unexpected '{token.text}'."
    return Refused("001003", "42000", f"SQL compilation error:\n{at}")


@dataclass(frozen=True, slots=True)
class Token:
    """`value` is what it means: of a word its upper case, of a quoted name or string what stands in it."""

    kind: Literal["word", "name", "text", "number", "sign"]
    value: str
    text: str
    at: int


#: Words that cannot name a table, column or tag without quotes.
RESERVED = frozenset(
    """
    ACCOUNT ALL ALTER AND ANY AS BETWEEN BY CASE CAST CHECK COLUMN CONNECT CONNECTION CONSTRAINT CREATE CROSS CURRENT
    CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DATABASE DELETE DISTINCT DROP ELSE EXISTS FALSE FOLLOWING
    FOR FROM FULL GRANT GROUP GSCLUSTER HAVING ILIKE IN INCREMENT INNER INSERT INTERSECT INTO IS ISSUE JOIN LATERAL LEFT
    LIKE LOCALTIME LOCALTIMESTAMP MINUS NATURAL NOT NULL OF ON OR ORDER ORGANIZATION QUALIFY REGEXP REVOKE RIGHT RLIKE
    ROW ROWS SAMPLE SCHEMA SELECT SET SOME START TABLE TABLESAMPLE THEN TO TRIGGER TRUE TRY_CAST UNION UNIQUE UPDATE
    USING VALUES VIEW WHEN WHENEVER WHERE WITH
    """.split()
)

_TOKEN = re.compile(
    r"""
      (?P<blank> \s+ | --[^\n]* | //[^\n]* | /\*.*?\*/ )
    | (?P<word> [A-Za-z_][A-Za-z0-9_$]* )
    | (?P<name> "(?: [^"] | "" )*" )
    | (?P<text> '(?: [^'\\] | '' | \\. )*' )
    | \$\$ (?P<raw> .*? ) \$\$
    | (?P<number> \d+ )
    | (?P<sign> => | <> | != | [=.,;()*<>] )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"''|\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|([0-7]{3})|(.))", re.DOTALL)
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "0": "\0"}


def tokens(sql: str) -> list[Token]:
    """The tokens of a text. Raises Refused."""
    found, at = list[Token](), 0
    while at < len(sql):
        match = _TOKEN.match(sql, at)
        if match is None:
            raise Refused(
                "001003", "42000", f"SQL compilation error:\nparse error line 1 at position {at} near '{at}'."
            )
        at = match.end()
        kind = match.lastgroup
        if kind == "word":
            found.append(Token("word", match[0].upper(), match[0], match.start()))
        elif kind == "name":
            found.append(Token("name", _name(match[0]), match[0], match.start()))
        elif kind == "text":
            found.append(Token("text", _ESCAPE.sub(_meaning, match[0][1:-1]), match[0], match.start()))
        elif kind == "raw":
            found.append(Token("text", match["raw"], match[0], match.start()))
        elif kind == "number":
            found.append(Token("number", match[0], match[0], match.start()))
        elif kind == "sign":
            found.append(Token("sign", match[0], match[0], match.start()))
    return found


def _name(quoted: str) -> str:
    name = quoted[1:-1].replace('""', '"')
    if not name or len(name) > 255 or "\0" in name:
        raise Refused("001057", "42601", f"SQL compilation error:\nInvalid identifier {quoted[:40]}.")
    return name


def _meaning(escape: re.Match[str]) -> str:
    if escape[0] == "''":
        return "'"
    if code := escape[1] or escape[2]:
        return chr(int(code, 16))
    if escape[3]:
        return chr(int(escape[3], 8))
    return _LETTERS.get(escape[4], escape[4])


class Reader:
    """Tokens that are read from left to right."""

    def __init__(self, sql: str) -> None:
        self._tokens = tokens(sql)
        self._at = 0

    def next(self) -> Token | None:
        """The token that is to be read, None at the end."""
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def take(self) -> Token:
        """Read one token. Raises Refused at the end."""
        token = self.next()
        if token is None:
            raise unexpected(None)
        self._at += 1
        return token

    def has(self, *words: str) -> bool:
        """Read these words or signs when they come next, all of them or none."""
        ahead = self._tokens[self._at : self._at + len(words)]
        if [token.value for token in ahead if token.kind in ("word", "sign")] != list(words):
            return False
        self._at += len(words)
        return True

    def need(self, *words: str) -> None:
        """Read these words or signs. Raises Refused when something else comes."""
        for word in words:
            if not self.has(word):
                raise unexpected(self.next())

    def one_of(self, *phrases: str) -> str:
        """Read one of these phrases, the longest that fits. Raises Refused."""
        for phrase in sorted(phrases, key=len, reverse=True):
            if self.has(*phrase.split()):
                return phrase
        raise unexpected(self.next())

    def text(self) -> str:
        """Read a string. Raises Refused."""
        return self._of("text").value

    def number(self) -> int:
        """Read a number. Raises Refused."""
        return int(self._of("number").value)

    def name(self) -> str:
        """Read one name; without quotes it is in upper case. Raises Refused."""
        token = self.next()
        if token is None or token.kind not in ("word", "name") or (token.kind == "word" and token.value in RESERVED):
            raise unexpected(token)
        return self.take().value

    def path(self, parts: int) -> tuple[str, ...]:
        """Read a name with this many parts; a session of a writer has no database or schema that would complete it."""
        names = [self.name()]
        while self.has("."):
            names.append(self.name())
        if len(names) != parts:
            what = (
                "Cannot perform operation. This session does not have a current database. Call 'USE DATABASE', or use"
            )
            raise Refused("090105", "22000", f"{what} a qualified name.")
        return tuple(names)

    def end(self) -> None:
        """Nothing may follow but one semicolon. Raises Refused: two statements are refused as Snowflake does."""
        self.has(";")
        if self.next() is not None:
            message = "Actual statement count 2 did not match the desired statement count 1."
            raise (
                Refused("000008", "0A000", message)
                if self._tokens[self._at - 1].value == ";"
                else unexpected(self.next())
            )

    def _of(self, kind: str) -> Token:
        token = self.next()
        if token is None or token.kind != kind:
            raise unexpected(token)
        return self.take()
