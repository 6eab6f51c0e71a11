"""Redshift.

https://docs.aws.amazon.com/redshift/latest/dg/r_names.html (names of printable characters, cut off after 127 bytes, a
double quote doubled), and for all on which its manual is silent that of the PostgreSQL that it descends from,
https://www.postgresql.org/docs/8.0/sql-syntax.html: section 4.1.2.1 (C-style escapes in plain strings, and strings that
go on in the next line), 4.1.2.2 (dollar quotes), 4.1.2.3 (bits), 4.1.5 (comments, which nest). There is no E'' in it.
"""

import re

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
    if reader.take("[bBxX]'"):
        raise Unreadable("no value may stand in a string of bits")
    if reader.take("'"):
        return Token(Kind.TEXT, _continued(reader))
    if reader.take('"'):
        return Token(Kind.NAME, _name(reader.until('"')))
    if text := reader.take(r"(\$(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)?\$)(.*?)\1"):
        return Token(Kind.TEXT, text[2])
    if word := reader.take(r"[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*"):
        return Token(Kind.WORD, _name(word[0].lower()))
    if number := reader.take(r"\d[\d.]*"):
        return Token(Kind.NUMBER, number[0])
    return Token(Kind.SIGN, reader.next())


def _continued(reader: Reader) -> str:
    value = reader.until("'", _escape)
    while reader.take(r"(?:[ \t\f\v]|--[^\n\r]*)*[\n\r](?:\s|--[^\n\r]*[\n\r])*'"):
        value += reader.until("'", _escape)
    return value


def _escape(reader: Reader) -> str:
    if number := reader.take("[0-7]{1,3}"):
        return chr(int(number[0], 8) % 256)
    character = reader.next()
    return _LETTERS.get(character, character)


def _name(name: str) -> str:
    if not name or re.search(r"[\x00-\x1f\x7f-\x9f]", name):
        raise Unreadable("a name is empty, or holds what cannot be printed")
    return name.encode(errors="surrogatepass")[:127].decode(errors="ignore")
