r"""SQL Server.

https://learn.microsoft.com/en-us/sql/t-sql/data-types/constants-transact-sql (a quote is doubled, a text without N is
one of the database's code page), .../sql-server-utilities-statements-backslash (a backslash joins two lines, and means
nothing elsewhere), .../database-identifiers (names in brackets, or in double quotes, as every driver asks for),
.../slash-star-comment-transact-sql (which nest).
"""

import re

from reverse_metadata_tests.templates.injection.lexers.reader import Kind, Reader, Token, Unreadable


def tokens(sql: str) -> list[Token]:
    """Its tokens. Raises Unreadable."""
    if "\0" in sql:
        raise Unreadable("nobody says what U+0000 means")
    reader, found = Reader(sql), list[Token]()
    while reader.more():
        if not reader.take(r"\s+"):
            found.append(_token(reader))
    return found


def _token(reader: Reader) -> Token:
    if comment := reader.take(r"--[^\n]*"):
        return Token(Kind.COMMENT, comment[0])
    if reader.take(r"/\*"):
        return Token(Kind.COMMENT, reader.comment(nested=True))
    if prefix := reader.take("([nN]?)'"):
        text = re.sub(r"\\(?:\r\n|[\r\n])", "", reader.until("'"))
        if not prefix[1] and not text.isascii():
            raise Unreadable("a character may be lost")
        return Token(Kind.TEXT, text)
    if opening := reader.take(r'["\[]'):
        name = reader.until('"' if opening[0] == '"' else "]")
        if not name:
            raise Unreadable("a name is empty")
        return Token(Kind.NAME, name)
    if word := reader.take(r"[A-Za-z_@#][A-Za-z0-9_@#$]*"):
        return Token(Kind.WORD, word[0])
    if number := reader.take(r"\d[\d.]*"):
        return Token(Kind.NUMBER, number[0])
    return Token(Kind.SIGN, reader.next())
