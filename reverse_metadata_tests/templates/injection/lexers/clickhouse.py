"""ClickHouse.

https://clickhouse.com/docs/reference/syntax (comments, identifiers, string literals and heredocs). The escapes that
it does not list were measured on the engine: `\\N` is nothing, and a letter without a meaning keeps its backslash.
"""

from reverse_metadata_tests.templates.injection.lexers.reader import Kind, Reader, Token, Unreadable

_LETTERS = {
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "N": "",
}


def tokens(sql: str) -> list[Token]:
    """Its tokens. Raises Unreadable."""
    reader, found = Reader(sql), list[Token]()
    while reader.more():
        if reader.take(r"[ \t\n\r\f\v]+"):
            continue
        found.append(_token(reader))
    return found


def _token(reader: Reader) -> Token:
    if comment := reader.take(r"--[^\n]*|#[ !][^\n]*|//[^\n]*"):
        return Token(Kind.COMMENT, comment[0])
    if reader.take(r"/\*"):
        return Token(Kind.COMMENT, reader.comment(nested=False))
    if reader.take("[bBxX]'"):
        raise Unreadable("no value may stand in a string of bytes")
    if reader.take("'"):
        return Token(Kind.TEXT, reader.until("'", _escape))
    if text := reader.take("‘([^’]*)’"):
        return Token(Kind.TEXT, text[1])
    if opening := reader.take('["`]'):
        name = reader.until(opening[0], _escape)
        if not name:
            raise Unreadable("a name is empty")
        return Token(Kind.NAME, name)
    if quoted := reader.take("“([^”]*)”"):
        return Token(Kind.NAME, quoted[1])
    if text := reader.take(r"(\$[A-Za-z0-9_]*\$)(.*?)\1"):
        return Token(Kind.TEXT, text[2])
    if word := reader.take(r"[A-Za-z_][A-Za-z0-9_$]*"):
        return Token(Kind.WORD, word[0])
    if number := reader.take(r"\d[\d.]*"):
        return Token(Kind.NUMBER, number[0])
    sign = reader.next()
    if sign == "\0" or not sign.isascii():
        raise Unreadable("a character that means nothing here")
    return Token(Kind.SIGN, sign)


def _escape(reader: Reader) -> str:
    if number := reader.take("x([0-9A-Fa-f]{2})"):
        return chr(int(number[1], 16))
    character = reader.next()
    if character in _LETTERS:
        return _LETTERS[character]
    return character if character in "\\'\"`/=" else "\\" + character
