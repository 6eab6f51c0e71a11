"""Trino.

https://trino.io/docs/current/language/types.html#varchar (a quote is doubled, a backslash means nothing),
https://trino.io/docs/current/language/reserved.html (names in double quotes, folded to lower case or not: it makes
no difference), https://trino.io/docs/current/language/comments.html.
"""

from reverse_metadata_tests.templates.injection.lexers.reader import Kind, Reader, Token, Unreadable


def tokens(sql: str) -> list[Token]:
    """Its tokens. Raises Unreadable."""
    reader, found = Reader(sql), list[Token]()
    while reader.more():
        if reader.take(r"[ \t\n\r]+"):
            continue
        found.append(_token(reader))
    return found


def _token(reader: Reader) -> Token:
    if comment := reader.take(r"--[^\r\n]*"):
        return Token(Kind.COMMENT, comment[0])
    if reader.take(r"/\*"):
        return Token(Kind.COMMENT, reader.comment(nested=False))
    if reader.take("(?:[uU]&|[xX])'"):
        raise Unreadable("no value may stand in a string of bytes, or in one with Unicode escapes")
    if reader.take("'"):
        return Token(Kind.TEXT, reader.until("'"))
    if reader.take('"'):
        name = reader.until('"')
        if not name:
            raise Unreadable("a name is empty")
        return Token(Kind.NAME, name)
    if word := reader.take(r"[A-Za-z_][A-Za-z0-9_]*"):
        return Token(Kind.WORD, word[0].lower())
    if number := reader.take(r"\d[\d.]*"):
        return Token(Kind.NUMBER, number[0])
    sign = reader.next()
    if sign not in "=<>!+-*/%|?;.,()[]{}:^$":
        raise Unreadable("a character that means nothing here")
    return Token(Kind.SIGN, sign)
