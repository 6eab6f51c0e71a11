"""Athena's DDL, which is Hive's.

https://docs.aws.amazon.com/athena/latest/ug/reserved-words.html (names in backquotes in DDL),
https://cwiki.apache.org/confluence/display/Hive/LanguageManual+Types#LanguageManualTypes-Strings (C-style escapes in
single and double quotes), https://cwiki.apache.org/confluence/display/Hive/LanguageManual+VariableSubstitution, and by
the grammar of Hive: a backquote is doubled, strings that touch each other are one, an octal number begins with 0 or 1,
and the lexer of Athena knows no comments but those of one line.
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
        found.append(_token(reader))
    return found


def _token(reader: Reader) -> Token:
    if comment := reader.take(r"--[^\r\n]*"):
        return Token(Kind.COMMENT, comment[0])
    if reader.take(r"/\*"):
        raise Unreadable("a comment that DDL does not know")
    if opening := reader.take("['\"]"):
        value = reader.until(opening[0], _escape, doubles=False)
        while opening := reader.take("['\"]"):
            value += reader.until(opening[0], _escape, doubles=False)
        return Token(Kind.TEXT, value)
    if reader.take("`"):
        name = reader.until("`")
        if not name or "\0" in name:
            raise Unreadable("nothing can have this name")
        return Token(Kind.NAME, name)
    if number := reader.take(r"\d[\d.]*(?![A-Za-z0-9_])"):
        return Token(Kind.NUMBER, number[0])
    if word := reader.take(r"[A-Za-z0-9][A-Za-z0-9_]*"):
        return Token(Kind.WORD, word[0])
    sign = reader.next()
    if sign not in "=<>!+-*/%|?;.,()[]{}:^$&~":
        raise Unreadable("a character that means nothing here")
    return Token(Kind.SIGN, sign)


def _escape(reader: Reader) -> str:
    if number := reader.take("u([0-9A-Fa-f]{4})"):
        return chr(int(number[1], 16))
    if octal := reader.take("[01][0-7][0-7]"):
        return chr(int(octal[0], 8))
    return _BY_LETTER(reader)
