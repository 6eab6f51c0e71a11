"""Spark SQL.

https://spark.apache.org/docs/latest/sql-ref-literals.html (escapes), .../sql-ref-identifier.html,
https://docs.databricks.com/sql/language-manual/data-types/string-type.html (the same, and that clients replace
variables before the parser sees the text; Spark itself does by `spark.sql.variable.substitute`,
https://spark.apache.org/docs/latest/configuration.html#runtime-sql-configuration).

A doubled quote is one quote in Spark 4 and the end of a string in Spark 3.5, so nobody may rely on it.
"""

from reverse_metadata_tests.templates.injection.lexers.reader import Kind, Reader, Token, Unreadable, by_letter

_BY_LETTER = by_letter({"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}, kept="%_")


def tokens(sql: str) -> list[Token]:
    """Its tokens. Raises Unreadable."""
    if "${" in sql:
        raise Unreadable("a variable would be replaced before the text is read")
    reader, found = Reader(sql), list[Token]()
    while reader.more():
        if reader.take(r"[ \t\n\r]+"):
            continue
        token = _token(reader)
        if token.kind is Kind.TEXT and found and found[-1].kind is Kind.TEXT:
            raise Unreadable("two strings in a row, which older versions join")
        found.append(token)
    return found


def _token(reader: Reader) -> Token:
    if comment := reader.take(r"--(?:\\\n|[^\r\n])*"):
        return Token(Kind.COMMENT, comment[0])
    if reader.take(r"/\*\+"):
        raise Unreadable("the engine reads what stands in this comment")
    if reader.take(r"/\*"):
        return Token(Kind.COMMENT, reader.comment(nested=True))
    if reader.take("[rRxX]['\"]"):
        raise Unreadable("no value may stand in a raw string or in one of bytes")
    if opening := reader.take("['\"]"):
        return Token(Kind.TEXT, reader.until(opening[0], _escape, doubles=False))
    if reader.take("`"):
        name = reader.until("`")
        if not name:
            raise Unreadable("a name is empty")
        return Token(Kind.NAME, name)
    if number := reader.take(r"\d[\d.]*(?![A-Za-z0-9_])"):
        return Token(Kind.NUMBER, number[0])
    if word := reader.take(r"[A-Za-z0-9_]+"):
        return Token(Kind.WORD, word[0])
    sign = reader.next()
    if sign not in "=<>!+-*/%|?;.,()[]{}:^$&~@":
        raise Unreadable("a character that means nothing here")
    return Token(Kind.SIGN, sign)


def _escape(reader: Reader) -> str:
    if number := reader.take("u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})"):
        return chr(int(number[1] or number[2], 16))
    if number := reader.take("[01][0-7][0-7]"):
        return chr(int(number[0], 8))
    return _BY_LETTER(reader)
