r"""Snowflake.

https://docs.snowflake.com/en/sql-reference/data-types-text#string-constants: in single quotes a quote is doubled or
escaped, the escapes are those of a list, and a backslash that begins none of them is dropped; between `$$` nothing is
escaped. https://docs.snowflake.com/en/sql-reference/identifiers-syntax: names in double quotes, of 255 characters at
most; without quotes they are read in upper case. Comments are `--`, `//` and `/* */`.
"""

from reverse_metadata_tests.templates.injection.lexers.reader import Kind, Reader, Token, Unreadable

_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "0": "\0"}


def tokens(sql: str) -> list[Token]:
    """Its tokens. Raises Unreadable."""
    reader, found = Reader(sql), list[Token]()
    while reader.more():
        if reader.take(r"[ \t\n\r\f\v]+"):
            continue
        found.append(_token(reader))
    return found


def _token(reader: Reader) -> Token:
    if comment := reader.take(r"(?:--|//)[^\n]*"):
        return Token(Kind.COMMENT, comment[0])
    if reader.take(r"/\*"):
        return Token(Kind.COMMENT, reader.comment(nested=False))
    if reader.take(r"\$\$"):
        return Token(Kind.TEXT, _raw(reader))
    if reader.take("[xX]'"):
        raise Unreadable("no value may stand in a string of bytes")
    if reader.take("'"):
        text = reader.until("'", _escape)
        if "\0" in text:
            raise Unreadable("a text that no comment or tag is known to hold")
        return Token(Kind.TEXT, text)
    if reader.take('"'):
        name = reader.until('"')
        if not name or "\0" in name:
            raise Unreadable("nothing can have this name")
        return Token(Kind.NAME, name)
    if word := reader.take(r"[A-Za-z_][A-Za-z0-9_$]*"):
        return Token(Kind.WORD, word[0].upper())
    if number := reader.take(r"\d[\d.]*(?![A-Za-z0-9_$])"):
        return Token(Kind.NUMBER, number[0])
    sign = reader.next()
    if sign not in "=<>!+-*/%|?;.,()[]{}:^$@&~":
        raise Unreadable("a character that means nothing here")
    return Token(Kind.SIGN, sign)


def _raw(reader: Reader) -> str:
    found = reader.take(r"(.*?)\$\$")
    if not found:
        raise Unreadable("a dollar quote is not closed")
    return found[1]


def _escape(reader: Reader) -> str:
    if code := reader.take("x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})"):
        return chr(int(code[1] or code[2], 16))
    if octal := reader.take("[0-7]{3}"):
        return chr(int(octal[0], 8))
    letter = reader.next()
    return _LETTERS.get(letter, letter)
