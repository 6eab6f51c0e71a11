"""MySQL and MariaDB.

https://dev.mysql.com/doc/refman/8.4/en/string-literals.html (escapes, and strings beside each other, which are one),
https://dev.mysql.com/doc/refman/8.4/en/identifiers.html (U+0001 to U+FFFF in quotes),
https://dev.mysql.com/doc/refman/8.4/en/comments.html (`--` needs a blank after it, `/*!` is run),
https://dev.mysql.com/doc/refman/8.4/en/sql-mode.html#sqlmode_ansi_quotes and #sqlmode_no_backslash_escapes,
https://mariadb.com/kb/en/string-literals/.
"""

import re

from reverse_metadata_tests.templates.injection.lexers.reader import Escape, Kind, Reader, Token, Unreadable, by_letter

_ESCAPE = by_letter({"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}, kept="%_")


def tokens(sql: str, *, ansi_quotes: bool = False, no_backslash_escapes: bool = False) -> list[Token]:
    """Its tokens in a session with these modes. Raises Unreadable."""
    reader, found = Reader(sql), list[Token]()
    escape = None if no_backslash_escapes else _ESCAPE
    while reader.more():
        if reader.take(r"[ \t\n\r\f\v]+"):
            continue
        token = _token(reader, "'" if ansi_quotes else "'\"", escape)
        if token.kind is Kind.TEXT and found and found[-1].kind is Kind.TEXT:
            token = Token(Kind.TEXT, found.pop().value + token.value)
        found.append(token)
    return found


def _token(reader: Reader, quotes: str, escape: Escape | None) -> Token:
    if comment := reader.take(r"#[^\n]*|--(?=[\x00-\x20\x7f]|\Z)[^\n]*"):
        return Token(Kind.COMMENT, comment[0])
    if reader.take(r"/\*(?:M?!|\+)"):
        raise Unreadable("the engine runs what stands in this comment")
    if reader.take(r"/\*"):
        return Token(Kind.COMMENT, reader.comment(nested=False))
    if reader.take("[bBxX]'"):
        raise Unreadable("no value may stand in a string of bits")
    if opening := reader.take(f"(?:[nN](?=')|_[a-z0-9]+ *(?=['\"]))?([{quotes}])"):
        return Token(Kind.TEXT, reader.until(opening[1], escape))
    if opening := reader.take('["`]'):
        name = reader.until(opening[0])
        if not name or re.search("[\0\U00010000-\U0010ffff]", name):
            raise Unreadable("nothing can have this name")
        return Token(Kind.NAME, name)
    if number := reader.take(r"\d[\d.]*(?![A-Za-z0-9_$])"):
        return Token(Kind.NUMBER, number[0])
    if word := reader.take(r"[0-9A-Za-z$_\x80-\uffff]+"):
        return Token(Kind.WORD, word[0])
    if (sign := reader.next()) == "\0":
        raise Unreadable("U+0000 outside of a string")
    return Token(Kind.SIGN, sign)
