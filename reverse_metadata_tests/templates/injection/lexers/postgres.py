"""PostgreSQL with `standard_conforming_strings` on.

https://www.postgresql.org/docs/current/sql-syntax-lexical.html, sections 4.1.1 (names are cut off after 63 bytes,
and folded to lower case without quotes), 4.1.2.1 to 4.1.2.4 (strings) and 4.1.5 (comments, which nest).
"""

from reverse_metadata_tests.templates.injection.lexers.reader import Kind, Reader, Token, Unreadable

_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def tokens(sql: str) -> list[Token]:
    """Its tokens. Raises Unreadable."""
    if "\0" in sql:
        raise Unreadable("the text would end at U+0000")
    reader, found = Reader(sql), list[Token]()
    while reader.more():
        if reader.take(r"[ \t\n\r\f\v]+"):
            continue
        found.append(_token(reader))
    return found


def _token(reader: Reader) -> Token:
    if comment := reader.take(r"--[^\n\r]*"):
        return Token(Kind.COMMENT, comment[0])
    if reader.take(r"/\*"):
        return Token(Kind.COMMENT, reader.comment(nested=True))
    if reader.take("[eE]'"):
        return Token(Kind.TEXT, _continued(reader, escapes=True))
    if reader.take("[nN]?'"):
        return Token(Kind.TEXT, _continued(reader, escapes=False))
    if reader.take("(?:[bBxX]|[uU]&)['\"]"):
        raise Unreadable("no value may stand in a string of bits, or in one with Unicode escapes")
    if reader.take('"'):
        return Token(Kind.NAME, _cut(reader.until('"')))
    if opening := reader.take(r"\$(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)?\$"):
        end = reader.text.find(opening[0], reader.at)
        if end < 0:
            raise Unreadable("a dollar quote is not closed")
        value, reader.at = reader.text[reader.at : end], end + len(opening[0])
        return Token(Kind.TEXT, value)
    if word := reader.take(r"[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*"):
        return Token(Kind.WORD, _cut(word[0].lower() if word[0].isascii() else word[0]))
    if number := reader.take(r"\d[\d.]*"):
        return Token(Kind.NUMBER, number[0])
    return Token(Kind.SIGN, reader.next())


def _continued(reader: Reader, escapes: bool) -> str:
    """A string goes on in the next one where only blanks and at least one line break stand between."""
    value = reader.until("'", _escape if escapes else None)
    while reader.take(r"(?:[ \t\f\v]|--[^\n\r]*)*[\n\r](?:\s|--[^\n\r]*[\n\r])*'"):
        value += reader.until("'", _escape if escapes else None)
    return value


def _escape(reader: Reader) -> str:
    if number := reader.take(r"[0-7]{1,3}"):
        return chr(int(number[0], 8) % 256)
    if number := reader.take(r"x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})"):
        return chr(int(number[1] or number[2] or number[3], 16))
    character = reader.next()
    return _LETTERS.get(character, character)


def _cut(name: str) -> str:
    if not name:
        raise Unreadable("a name is empty")
    return name.encode(errors="surrogatepass")[:63].decode(errors="ignore")
