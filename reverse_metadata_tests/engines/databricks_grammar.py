"""The statements that a writer of metadata may send to Databricks, and no other; whatever else comes is a mistake.

Written from the SQL language manual, https://docs.databricks.com/aws/en/sql/language-manual/ and there
`sql-ref-syntax-ddl-comment`, `-ddl-alter-catalog`, `-ddl-alter-schema`, `-ddl-alter-table`,
`-ddl-alter-table-manage-column`, `-ddl-alter-view`, `-ddl-alter-materialized-view`, `-ddl-alter-streaming-table`,
`-ddl-tblproperties`, `-aux-show-tables`, `-aux-describe-schema`, `-aux-describe-table`, `-aux-conf-mgmt-set`,
`security-grant` and `sql-ref-syntax-qry-select`. Where two releases differ it takes what both do.
"""

from reverse_metadata_tests.engines.databricks_lexer import Failed, Token, substituted, syntax_error, tokens
from reverse_metadata_tests.engines.databricks_statements import (
    Altered,
    ColumnComments,
    Comment,
    CommentProperty,
    Describe,
    Described,
    Grant,
    Item,
    Names,
    Parsed,
    Query,
    Select,
    SetOwner,
    SetParameter,
    SetTags,
    Show,
    UnsetTags,
)

#: What COMMENT ON can name, by its word.
_DESCRIBED: dict[str, Described] = {
    "CATALOG": "CATALOG",
    "COLUMN": "COLUMN",
    "DATABASE": "SCHEMA",
    "SCHEMA": "SCHEMA",
    "TABLE": "TABLE",
}
_GRANTABLE = ("CATALOG", "SCHEMA", "TABLE", "VIEW", "MATERIALIZED VIEW")
#: How many names lead to each.
_DEPTH = {"CATALOG": 1, "SCHEMA": 2}
#: Words that cannot begin the name of a column where a clause may stand.
_CLAUSES = {"SET", "UNSET", "COMMENT"}
#: https://docs.databricks.com/aws/en/data-governance/unity-catalog/manage-privileges/privileges
PRIVILEGES = {
    "ALL PRIVILEGES",
    "APPLY TAG",
    "BROWSE",
    "MANAGE",
    "MODIFY",
    "SELECT",
    "USE CATALOG",
    "USE SCHEMA",
}


def parse(sql: str) -> Parsed:
    """The statement. Raises Failed with PARSE_SYNTAX_ERROR for everything that is none of these."""
    reader = _Reader(substituted(sql))
    word = reader.word("COMMENT", "ALTER", "GRANT", "SHOW", "DESCRIBE", "DESC", "SET", "SELECT")
    parsed = _STATEMENTS[word](reader)
    reader.sign(";", optional=True)
    reader.end()
    return parsed


class _Reader:
    """Goes over the words of a statement."""

    def __init__(self, sql: str) -> None:
        self._sql, self._tokens, self._next = sql, tokens(sql), 0

    @property
    def ahead(self) -> Token:
        return self._tokens[self._next]

    def sees(self, *words: str) -> bool:
        return self.ahead.kind == "word" and self.ahead.text.upper() in words

    def word(self, *words: str) -> str:
        """One of the words, in upper case."""
        if not self.sees(*words):
            raise self.wrong()
        return self.take().text.upper()

    def words(self, text: str) -> None:
        for each in text.split():
            self.word(each)

    def maybe(self, *words: str) -> bool:
        if found := self.sees(*words):
            self.take()
        return found

    def sign(self, sign: str, *, optional: bool = False) -> bool:
        found = self.ahead.kind == "sign" and self.ahead.text == sign
        if not found and not optional:
            raise self.wrong()
        if found:
            self.take()
        return found

    def name(self) -> str:
        if self.ahead.kind not in ("word", "name"):
            raise self.wrong()
        return self.take().text

    def names(self, fewest: int, most: int) -> Names:
        """A name of so many parts."""
        found = [self.name()]
        while self.sign(".", optional=True):
            found.append(self.name())
        if not fewest <= len(found) <= most:
            raise self.wrong()
        return tuple(found)

    def string(self) -> str:
        """Strings that follow one another are one: 'it''s' is "its"."""
        if self.ahead.kind != "string":
            raise self.wrong()
        text = ""
        while self.ahead.kind == "string":
            text += self.take().text
        return text

    def string_or_null(self) -> str | None:
        return None if self.maybe("NULL") else self.string()

    def strings(self) -> Names:
        self.sign("(")
        found = [self.string()]
        while self.sign(",", optional=True):
            found.append(self.string())
        self.sign(")")
        return tuple(found)

    def end(self) -> None:
        if self.ahead.kind != "end":
            raise self.wrong()

    def take(self) -> Token:
        self._next += 1
        return self._tokens[self._next - 1]

    def wrong(self) -> Failed:
        return syntax_error(self.ahead.text, self._sql, self.ahead.at)


def _comment(reader: _Reader) -> Comment:
    reader.word("ON")
    on = _DESCRIBED[reader.word(*_DESCRIBED)]
    # The column of a relation; no page says that a field of one may stand here.
    depth = {**_DEPTH, "COLUMN": 4}.get(on, 3)
    names = reader.names(depth, depth)
    reader.word("IS")
    return Comment(on, names, reader.string_or_null())


def _alter(reader: _Reader) -> Parsed:
    altered = _kind(reader)
    depth = _DEPTH.get(altered, 3)
    names = reader.names(depth, depth)
    if reader.sees("ALTER", "CHANGE") and altered in ("TABLE", "MATERIALIZED VIEW", "STREAMING TABLE"):
        return _columns(reader, altered, names)
    if reader.maybe("UNSET"):
        return _unset(reader, altered, names)
    if reader.maybe("SET"):
        if not reader.sees("OWNER"):
            return _set(reader, altered, names)
    elif altered in ("MATERIALIZED VIEW", "STREAMING TABLE"):
        # Their pages have the form with SET alone.
        raise reader.wrong()
    reader.words("OWNER TO")
    return SetOwner(altered, names, reader.name())


def _kind(reader: _Reader) -> Altered:
    match reader.word("CATALOG", "SCHEMA", "DATABASE", "TABLE", "VIEW", "MATERIALIZED", "STREAMING"):
        case "MATERIALIZED":
            reader.word("VIEW")
            return "MATERIALIZED VIEW"
        case "STREAMING":
            reader.word("TABLE")
            return "STREAMING TABLE"
        case "CATALOG":
            return "CATALOG"
        case "TABLE":
            return "TABLE"
        case "VIEW":
            return "VIEW"
        case _:
            return "SCHEMA"


def _set(reader: _Reader, altered: Altered, names: Names) -> Parsed:
    if reader.maybe("TBLPROPERTIES"):
        if altered not in ("TABLE", "VIEW"):
            raise reader.wrong()
        ((key, value),) = _pairs(reader)
        if key != "comment":
            raise reader.wrong()
        return CommentProperty(altered, names, value)
    reader.word("TAGS")
    return SetTags(altered, names, _pairs(reader))


def _unset(reader: _Reader, altered: Altered, names: Names) -> Parsed:
    if reader.maybe("TBLPROPERTIES"):
        if altered not in ("TABLE", "VIEW"):
            raise reader.wrong()
        if reader.maybe("IF"):
            reader.word("EXISTS")
        if reader.strings() != ("comment",):
            raise reader.wrong()
        return CommentProperty(altered, names, None)
    reader.word("TAGS")
    return UnsetTags(altered, names, reader.strings())


def _pairs(reader: _Reader) -> tuple[tuple[str, str], ...]:
    reader.sign("(")
    found: list[tuple[str, str]] = []
    while True:
        key = reader.string()
        found.append((key, reader.string() if reader.sign("=", optional=True) else ""))
        if not reader.sign(",", optional=True):
            reader.sign(")")
            return tuple(found)


def _columns(reader: _Reader, altered: Altered, names: Names) -> Parsed:
    """`ALTER COLUMN a COMMENT 'x', b COMMENT 'y'`; tags stand alone, of one column that is no field."""
    if altered == "TABLE":
        reader.word("ALTER", "CHANGE")
        reader.maybe("COLUMN")
    else:
        reader.words("ALTER COLUMN")
    comments: list[tuple[Names, str]] = []
    while True:
        if reader.sees(*_CLAUSES):
            raise reader.wrong()
        column = reader.names(1, 100)
        if not comments and reader.sees("SET", "UNSET"):
            if len(column) > 1:
                raise reader.wrong()
            verb = reader.word("SET", "UNSET")
            reader.word("TAGS")
            if verb == "SET":
                return SetTags(altered, names, _pairs(reader), column)
            return UnsetTags(altered, names, reader.strings(), column)
        reader.word("COMMENT")
        comments.append((column, reader.string()))
        if altered != "TABLE" or not reader.sign(",", optional=True):
            return ColumnComments(altered, names, tuple(comments))


def _grant(reader: _Reader) -> Grant:
    privileges: list[str] = []
    while True:
        words = [reader.take().text.upper()]
        while not reader.sees("ON") and reader.ahead.kind == "word":
            words.append(reader.take().text.upper())
        privileges.append(" ".join(words))
        if privileges[-1] not in PRIVILEGES:
            raise reader.wrong()
        if not reader.sign(",", optional=True):
            break
    reader.word("ON")
    on = _kind(reader)
    if on not in _GRANTABLE:
        raise reader.wrong()
    depth = _DEPTH.get(on, 3)
    names = reader.names(depth, depth)
    reader.word("TO")
    return Grant(tuple(privileges), on, names, reader.name())


def _show(reader: _Reader) -> Show:
    reader.word("TABLES")
    reader.word("IN", "FROM")
    return Show(reader.names(2, 2))


def _describe(reader: _Reader) -> Describe:
    if reader.word("SCHEMA", "DATABASE", "TABLE") != "TABLE":
        reader.word("EXTENDED")
        return Describe("SCHEMA", reader.names(2, 2))
    reader.word("EXTENDED")
    names = reader.names(3, 3)
    as_json = reader.maybe("AS")
    if as_json:
        reader.word("JSON")
    return Describe("TABLE", names, as_json)


def _parameter(reader: _Reader) -> SetParameter:
    name = ".".join(reader.names(1, 5))
    reader.sign("=")
    return SetParameter(name, reader.take().text)


def _query(reader: _Reader) -> Query:
    selects = [_select(reader)]
    while reader.maybe("UNION"):
        reader.words("ALL SELECT")
        selects.append(_select(reader))
    if len({len(select.items) for select in selects}) > 1:
        raise Failed("[NUM_COLUMNS_MISMATCH] UNION can only be performed on inputs with the same number of columns.")
    return Query(tuple(selects))


def _select(reader: _Reader) -> Select:
    items = [_item(reader)]
    while reader.sign(",", optional=True):
        items.append(_item(reader))
    if not reader.maybe("FROM"):
        return Select(tuple(items))
    relation = reader.names(3, 3)
    conditions: list[tuple[str, Names]] = []
    if reader.maybe("WHERE"):
        conditions.append(_condition(reader))
        while reader.maybe("AND"):
            conditions.append(_condition(reader))
    return Select(tuple(items), relation, tuple(conditions))


def _item(reader: _Reader) -> Item:
    if reader.ahead.kind == "string":
        item = Item("literal", reader.string())
    elif reader.ahead.kind == "number":
        item = Item("literal", reader.take().text)
    else:
        name = reader.name()
        item = Item("column", name)
        if reader.sign("(", optional=True):
            item = _function(reader, name.lower())
    if reader.maybe("AS"):
        reader.name()
    return item


def _function(reader: _Reader, name: str) -> Item:
    of_column = reader.ahead.kind in ("word", "name")
    arguments: Names = ()
    if not reader.sign(")", optional=True):
        arguments = (reader.name() if of_column else reader.string(),)
        reader.sign(")")
    member = reader.name() if reader.sign(".", optional=True) else ""
    return Item("function", name, arguments, of_column, member)


def _condition(reader: _Reader) -> tuple[str, Names]:
    column = reader.name()
    if reader.maybe("IN"):
        return column, reader.strings()
    reader.sign("=")
    return column, (reader.string(),)


_STATEMENTS = {
    "COMMENT": _comment,
    "ALTER": _alter,
    "GRANT": _grant,
    "SHOW": _show,
    "DESCRIBE": _describe,
    "DESC": _describe,
    "SET": _parameter,
    "SELECT": _query,
}
