"""The words of a statement, as Databricks reads them.

Before anything else `${name}` is replaced anywhere in the text, as Spark does with `spark.sql.variable.substitute`:
https://spark.apache.org/docs/latest/configuration.html#runtime-sql-configuration. Strings and their escapes:
https://docs.databricks.com/aws/en/sql/language-manual/data-types/string-type; names:
https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-identifiers.
"""

import re
from dataclasses import dataclass
from typing import Literal

#: What stands in the environment of the driver, for those who ask by `${env:…}`.
ENVIRONMENT = {"HOME": "/root", "SECRET_OF_THE_DRIVER": "not for a comment"}
_VARIABLE = re.compile(r"\$\{(?:(\w+):)?([^}]*)\}")
_SKIPPED = re.compile(r"(?:\s+|--(?:\\\n|[^\r\n])*)+")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"\d+(?![A-Za-z_])")
_ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_NUMBERED = re.compile(r"u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-3][0-7][0-7])")


class Failed(Exception):
    """What Databricks answers instead: an error condition of
    https://docs.databricks.com/aws/en/error-messages/error-classes, or one of the catalog's service."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a quoted name, a string, a number or a sign; `at` is where it begins."""

    kind: Literal["word", "name", "string", "number", "sign", "end"]
    text: str
    at: int


def syntax_error(near: str, sql: str, at: int) -> Failed:
    """The parser's refusal, which repeats the statement."""
    near = f"'{near}'" if near else "end of input"
    where = f"(line 1, pos {at})\n\n== SQL ==\n{sql}\n{'-' * at}^^^"
    return Failed(f"[PARSE_SYNTAX_ERROR] Syntax error at or near {near}. SQLSTATE: 42601 {where}")


def substituted(sql: str) -> str:
    """The text with its variables replaced; one that nobody set is nothing."""
    return _VARIABLE.sub(lambda found: ENVIRONMENT.get(found[2], "") if found[1] == "env" else "", sql)


def tokens(sql: str) -> list[Token]:
    """The words of a statement whose variables are replaced. Raises Failed."""
    found: list[Token] = []
    at = 0
    while True:
        at = _after_comments(sql, at)
        if at == len(sql):
            return [*found, Token("end", "", at)]
        token, at = _token(sql, at)
        found.append(token)


def _after_comments(sql: str, at: int) -> int:
    while True:
        if skipped := _SKIPPED.match(sql, at):
            at = skipped.end()
        elif sql.startswith("/*", at) and not sql.startswith("/*+", at):
            end = sql.find("*/", at + 2)
            if end < 0:
                raise syntax_error("/*", sql, at)
            at = end + 2
        else:
            return at


def _token(sql: str, at: int) -> tuple[Token, int]:
    character = sql[at]
    if character in "'\"":
        return _string(sql, at)
    if character == "`":
        return _name(sql, at)
    if word := _WORD.match(sql, at):
        return Token("word", word[0], at), word.end()
    if number := _NUMBER.match(sql, at):
        return Token("number", number[0], at), number.end()
    if character in "(),.=;*":
        return Token("sign", character, at), at + 1
    raise syntax_error(character, sql, at)


def _string(sql: str, begin: int) -> tuple[Token, int]:
    quote, text, at = sql[begin], "", begin + 1
    while at < len(sql):
        character = sql[at]
        if character == quote:
            return Token("string", text, begin), at + 1
        if character != "\\":
            text, at = text + character, at + 1
        elif numbered := _NUMBERED.match(sql, at + 1):
            code = int(numbered[1] or numbered[2] or numbered[3], 8 if numbered[3] else 16)
            text, at = text + chr(code), numbered.end()
        elif at + 1 < len(sql):
            text, at = text + _ESCAPES.get(sql[at + 1], sql[at + 1]), at + 2
        else:
            break
    raise syntax_error(quote, sql, begin)


def _name(sql: str, begin: int) -> tuple[Token, int]:
    found = re.compile(r"`((?:[^`]|``)+)`(?!`)").match(sql, begin)
    if found is None:
        raise syntax_error("`", sql, begin)
    return Token("name", found[1].replace("``", "`"), begin), found.end()
