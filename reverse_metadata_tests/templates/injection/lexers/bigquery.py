"""BigQuery.

https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical: four kinds of quotes, the list of escapes beside
which there are none, names in backquotes with the same escapes, comments, which do not nest, and table paths, whose
dots count inside backquotes as well. In triple quotes every line break is one `\\n`, and strings may follow each other
only after a blank, by the parser that Google publishes.
"""

from reverse_metadata_tests.templates.injection.lexers.reader import Kind, Reader, Token, Unreadable

_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def tokens(sql: str) -> list[Token]:
    """Its tokens. Raises Unreadable."""
    reader, found = Reader(sql), list[Token]()
    while reader.more():
        if reader.take(r"[ \t\n\r\f\v]+"):
            continue
        found += _tokens(reader)
        if found[-1].kind is Kind.TEXT and reader.take("['\"]"):
            raise Unreadable("two strings touch each other")
    return found


def _tokens(reader: Reader) -> list[Token]:
    if comment := reader.take(r"(?:--|#)[^\n\r]*"):
        return [Token(Kind.COMMENT, comment[0])]
    if reader.take(r"/\*"):
        return [Token(Kind.COMMENT, reader.comment(nested=False))]
    if reader.take("(?:[rR][bB]?|[bB][rR]?)['\"]"):
        raise Unreadable("no value may stand in a raw string or in one of bytes")
    if opening := reader.take("'''|\"\"\"|['\"]"):
        return [Token(Kind.TEXT, _quoted(reader, opening[0]))]
    if reader.take("`"):
        return _path(_quoted(reader, "`"))
    if number := reader.take(r"\d[\d.]*(?![A-Za-z0-9_])"):
        return [Token(Kind.NUMBER, number[0])]
    if word := reader.take(r"[A-Za-z_][A-Za-z0-9_]*"):
        return [Token(Kind.WORD, word[0])]
    sign = reader.next()
    if sign not in "=<>!+-*/%|?;.,()[]{}:^@&~":
        raise Unreadable("a character that means nothing here")
    return [Token(Kind.SIGN, sign)]


def _quoted(reader: Reader, mark: str) -> str:
    value = ""
    while not reader.take(mark):
        if line := reader.take(r"\r\n|\r|\n"):
            if len(mark) == 1:
                raise Unreadable(f"a line break {line[0]!r} in quotes that end with the line")
            value += "\n"
        else:
            value += _escape(reader) if reader.take(r"\\") else reader.next()
    return value


def _escape(reader: Reader) -> str:
    number = reader.take("[xX]([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})")
    if number and (code := int(number[1] or number[2] or number[3], 16)) not in range(0xD800, 0xE000):
        return chr(code)
    if octal := reader.take("[0-3][0-7]{2}"):
        return chr(int(octal[0], 8))
    if letter := reader.take("[abfnrtv]"):
        return _LETTERS[letter[0]]
    if same := reader.take("[\\\\?\"'`]"):
        return same[0]
    raise Unreadable("an escape that is not in the list")


def _path(quoted: str) -> list[Token]:
    """The names that stand between one pair of backquotes."""
    found = list[Token]()
    for name in quoted.replace(":", ".").split("."):
        if not name or "\0" in name:
            raise Unreadable("nothing can have this name")
        found += [Token(Kind.SIGN, "."), Token(Kind.NAME, name)]
    return found[1:]
