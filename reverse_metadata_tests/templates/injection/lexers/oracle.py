"""Oracle.

https://docs.oracle.com/en/database/oracle/oracle-database/23/sqlrf/Literals.html (a quote is doubled, a backslash means
nothing, and a q-quote ends where its author says), .../sqlrf/Database-Object-Names-and-Qualifiers.html (names in double
quotes hold none, those without are folded to upper case; the catalog shows such a name in lower case),
.../sqlrf/Comments.html (which do not nest).
"""

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
        return Token(Kind.COMMENT, reader.comment(nested=False))
    if reader.take("(?i)n?q'"):
        raise Unreadable("no value may stand in a q-quote")
    if reader.take("[nN]?'"):
        return Token(Kind.TEXT, reader.until("'"))
    if reader.take('"'):
        name = reader.until('"', doubles=False)
        if not name:
            raise Unreadable("a name is empty")
        return Token(Kind.NAME, name)
    if word := reader.take(r"[A-Za-z][A-Za-z0-9_$#]*"):
        return Token(Kind.WORD, word[0].lower())
    if number := reader.take(r"\d[\d.]*"):
        return Token(Kind.NUMBER, number[0])
    return Token(Kind.SIGN, reader.next())
