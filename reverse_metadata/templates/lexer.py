"""Where something stands in SQL: one lexer for all dialects, driven by their descriptions."""

import re
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cache
from itertools import pairwise

from reverse_metadata.dialects import Dialect, Quoted
from reverse_metadata.templates.fields import MARK


class Kind(Enum):
    """What a piece of SQL is."""

    SPACE = auto()
    WORD = auto()
    SYMBOL = auto()
    QUOTED = auto()
    FIELD = auto()
    COMMENT = auto()
    DOLLAR_QUOTE = auto()
    SEMICOLON = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of SQL from `start` to before `end`; `quoted` says how it is written where it is quoted."""

    kind: Kind
    start: int
    end: int
    quoted: Quoted | None = None


class Unreadable(Exception):
    """SQL that ends in the middle of something, or that no value may stand in. `at` is where it begins."""

    def __init__(self, message: str, at: int) -> None:
        self.message, self.at = message, at
        super().__init__(message)


_SPACE = re.compile(r"[ \t\n\v\f\r]+")
_WORD = re.compile(r"\w[\w$]*")
#: After BEGIN or END these are statements of their own.
_NO_BLOCKS = ("TRAN", "TRANSACTION", "DISTRIBUTED", "DIALOG", "CONVERSATION")
#: A character written by its number, of which a value would be a digit.
_NUMBER = re.compile(rf"\\(?:[0-7]{{1,2}}|[xX][0-9A-Fa-f]?|u[0-9A-Fa-f]{{0,3}}|U[0-9A-Fa-f]{{0,7}}){MARK}")


def scan(sql: str, dialect: Dialect) -> list[Token]:
    """The SQL as tokens that leave out nothing. Raises Unreadable."""
    tokens: list[Token] = []
    at = 0
    while at < len(sql):
        token = _token(sql, at, dialect)
        tokens.append(token)
        at = token.end
    return _with_blocks(tokens, sql) if dialect.blocks else tokens


def _with_blocks(tokens: list[Token], sql: str) -> list[Token]:
    """The tokens, where a semicolon within BEGIN … END is a sign like any other. Raises Unreadable."""
    words = [(token.start, sql[token.start : token.end].upper()) for token in tokens if token.kind is Kind.WORD]
    following = {start: word for (start, _), (_, word) in pairwise([*words, (0, "")])}
    opened: list[int] = []
    found: list[Token] = []
    for token in tokens:
        word = sql[token.start : token.end].upper() if token.kind is Kind.WORD else ""
        if word == "CASE" or (word == "BEGIN" and following[token.start] not in _NO_BLOCKS):
            opened.append(token.start)
        elif word == "END" and following[token.start] not in _NO_BLOCKS:
            if not opened:
                raise Unreadable("this END closes nothing", token.start)
            opened.pop()
        found.append(replace(token, kind=Kind.SYMBOL) if opened and token.kind is Kind.SEMICOLON else token)
    if opened:
        raise Unreadable(f"this {sql[opened[-1] :].split()[0]} is never closed", opened[-1])
    return found


def _token(sql: str, at: int, dialect: Dialect) -> Token:
    for start, reason in dialect.refused.items():
        if sql[at : at + len(start)].upper() == start:
            raise Unreadable(reason, at)
    if sql[at] == MARK:
        return Token(Kind.FIELD, at, at + 1)
    if sql[at] == ";":
        return Token(Kind.SEMICOLON, at, at + 1)
    if match := dialect.line_comment.match(sql, at):
        return Token(Kind.COMMENT, at, match.end())
    if sql.startswith("/*", at):
        return Token(Kind.COMMENT, at, _end_of_comment(sql, at, dialect))
    if dialect.dollar_quote and (match := dialect.dollar_quote.match(sql, at)):
        end = sql.find(match[0], match.end())
        if end < 0:
            raise Unreadable(f"this {match[0]} is never closed", at)
        return Token(Kind.DOLLAR_QUOTE, at, end + len(match[0]))
    if match := _openings(dialect).match(sql, at):
        quoted = dialect.quoted(match[0].upper())
        return Token(Kind.QUOTED, at, _end_of_quoted(sql, at, match.end(), quoted), quoted)
    for kind, pattern in ((Kind.SPACE, _SPACE), (Kind.WORD, _WORD)):
        if match := pattern.match(sql, at):
            return Token(kind, at, match.end())
    if not sql[at].isascii():
        raise Unreadable(
            f"the character U+{ord(sql[at]):04X} is a blank to some engines, a letter or a mistake to others", at
        )
    return Token(Kind.SYMBOL, at, at + 1)


@cache
def _openings(dialect: Dialect) -> re.Pattern[str]:
    """What opens a quoted piece, the longer before the shorter."""
    openings = sorted((each.opening for each in dialect.quotes), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, openings)), re.IGNORECASE)


def _end_of_comment(sql: str, start: int, dialect: Dialect) -> int:
    depth = 1
    for match in re.compile(r"/\*|\*/").finditer(sql, start + 2):
        if match[0] == "*/":
            depth -= 1
        elif dialect.nested_comments is None:
            raise Unreadable(f"{dialect.name} may read a comment within a comment in more than one way", match.start())
        elif dialect.nested_comments:
            depth += 1
        if depth == 0:
            return match.end()
    raise Unreadable("this comment is never closed", start)


def _end_of_quoted(sql: str, start: int, at: int, quoted: Quoted) -> int:
    while at < len(sql):
        if quoted.backslash and sql[at] == "\\":
            if sql.startswith(MARK, at + 1) or _NUMBER.match(sql, at):
                field = sql.index(MARK, at)
                raise Unreadable("the backslash before it would take the first character of the value", field)
            at += 2
        elif not sql.startswith(quoted.closing, at):
            at += 1
        elif quoted.doubles and sql.startswith(2 * quoted.closing, at):
            at += 2
        else:
            return at + len(quoted.closing)
    raise Unreadable(f"this {sql[start : start + len(quoted.opening)]} is never closed", start)
