"""Which place every field of a template stands in, and what may not stand there."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

from reverse_metadata.dialects import Dialect, Quoted
from reverse_metadata.templates import expressions
from reverse_metadata.templates.expressions import Expression, Origin
from reverse_metadata.templates.fields import MARK, Field, Parts
from reverse_metadata.templates.lexer import Kind, Token, Unreadable, scan

#: What a value may be written as by word, in the place where it stands without quotes.
SPECS = {"literal": Origin.LITERAL, "identifier": Origin.IDENTIFIER}

_VALUES = frozenset(Origin) - {Origin.AUTHOR}
#: Ends of a text of the author that could become something else together with what stands beside it.
_JOINING = "-/*#$\\"


@dataclass(frozen=True, slots=True)
class Placed:
    """A field with its place.

    `quotes` are those around it, or the prefixed ones that its value brings (`N{description}`); None where it stands
    bare. `spec` is what the author asked for.
    """

    field: Field
    expression: Expression
    quotes: Quoted | None = None
    spec: Origin | None = None

    @property
    def writes_values(self) -> bool:
        """Whether anything but the author's own text can come out of it."""
        return not self.expression.origins.isdisjoint(_VALUES)


class Misplaced(Exception):
    """A field that may not stand where it stands; `at` is the offset in the template."""

    def __init__(self, message: str, at: int) -> None:
        self.message, self.at = message, at
        super().__init__(message)


def read(field: Field, dialect: Dialect) -> Placed:
    """A field as the dialect understands it, before its place is known. Raises Misplaced."""
    try:
        expression = expressions.parse(field.source)
    except expressions.Misfit as error:
        raise Misplaced(error.message, field.source_offset + error.at) from None
    for name, at in expression.names:
        if name == "database" and dialect.synthetic_database:
            raise Misplaced(
                f"the catalog makes up the database of {dialect.name}; name the table as {{schema}}.{{table}}",
                field.source_offset + at,
            )
    if field.spec and field.spec not in SPECS:
        raise Misplaced(
            f"a value is written as a literal or as an identifier, not as {field.spec!r}", field.spec_offset
        )
    if Origin.TAGS in expression.origins:
        if field.spec:
            raise Misplaced("{tags} is a whole list and takes no format", field.spec_offset)
        if dialect.tag_list is None:
            raise Misplaced(f"{dialect.name} has no list of tags; use {{tag_key}} and {{tag_value}}", field.offset)
    return Placed(field, expression, spec=SPECS.get(field.spec))


class Places:
    """Finds the places of the fields of one template."""

    def __init__(self, parts: Parts, dialect: Dialect) -> None:
        """Raises Unreadable, whose `at` is an offset in `parts.sql`."""
        self._parts = parts
        self._sql = parts.sql
        self._dialect = dialect
        self._quotes = set("".join(each.opening[-1] + each.closing[-1] for each in dialect.quotes))
        self.tokens = scan(parts.sql, dialect)

    def place(self, placed: Placed, number: int) -> Placed:
        """The field, which is the `number`th, with its place. Raises Misplaced."""
        at = [match.start() for match in re.finditer(MARK, self._sql)][number]
        index = next(index for index, token in enumerate(self.tokens) if token.start <= at < token.end)
        token = self.tokens[index]
        shown = "{" + placed.field.source + "}"
        if placed.writes_values and self._dialect.substitutes:
            self._refuse_substitution(placed, at, shown)
        match token.kind:
            case Kind.COMMENT:
                self._refuse(placed, f"{shown} stands in a comment, where its value could end the comment")
            case Kind.DOLLAR_QUOTE:
                self._refuse(placed, f"{shown} stands in a dollar quote, which no value can be escaped for")
            case Kind.QUOTED:
                placed = self._quoted(placed, index, shown)
            case _:
                placed = self._bare(placed, index, shown)
        self._refuse_reparsed(placed, shown)
        return placed

    def rows(self, placed: Mapping[int, Placed]) -> Iterator[Misplaced]:
        """Strings in a row of which one holds a value: engines read them as one, by the rules of the first."""
        before: Token | None = None
        for token in self.tokens:
            if token.kind in (Kind.SPACE, Kind.COMMENT):
                continue
            if before and _is_text(before, placed) and _is_text(token, placed):
                inside = [placed[at] for at in range(before.start, token.end) if at in placed]
                if inside:
                    yield Misplaced("two strings in a row may be read as one; write one", inside[0].field.offset)
            before = token

    def joined(self, placed: Mapping[int, Placed]) -> list[Token]:
        """The tokens, where the prefix of a value without quotes (`N{description}`) is one token with its field."""
        tokens: list[Token] = []
        for token in self.tokens:
            if token.kind is Kind.FIELD and placed[token.start].quotes is not None:
                token = replace(token, start=tokens.pop().start)
            tokens.append(token)
        return tokens

    def _quoted(self, placed: Placed, index: int, shown: str) -> Placed:
        token = self.tokens[index]
        quotes = token.quoted
        assert quotes is not None
        if quotes.refused:
            self._refuse(placed, f"{shown} stands in {quotes.refused}; {_without(quotes, placed)}")
        if Origin.TAGS in placed.expression.origins:
            self._refuse(placed, "{tags} is a whole list and cannot stand in quotes")
        if placed.spec:
            raise Misplaced(
                "the quotes around it already say how the value is written; leave out the format or the quotes",
                placed.field.spec_offset,
            )
        if index and self.tokens[index - 1].kind is Kind.WORD:
            word = self._sql[self.tokens[index - 1].start : token.start]
            advice = "put a blank before the quote"
            self._refuse(placed, f"{self._dialect.name} may read {word}{quotes.opening} in more than one way; {advice}")
        for text in sorted(placed.expression.texts):
            self._check_quoted_text(placed, text, quotes)
        return replace(placed, quotes=quotes)

    def _bare(self, placed: Placed, index: int, shown: str) -> Placed:
        token = self.tokens[index]
        before, after = self._sql[: token.start][-1:], self._sql[token.end :][:1]
        for text in sorted(placed.expression.texts):
            self._check_bare_text(placed, text, before, after)
        if not placed.writes_values:
            if placed.spec is None:
                return placed
            self._refuse(placed, "text of the template is written as it is and takes no format")
        if placed.spec is None and Origin.EITHER in placed.expression.origins:
            self._refuse(
                placed,
                f"{shown} joins a name and a text; say {{…:literal}} or {{…:identifier}}",
            )
        if index and (prefix := self._prefix(placed, index)):
            if prefix.refused:
                self._refuse(placed, f"{shown} would stand in {prefix.refused}; {_without(prefix, placed)}")
            placed, before = replace(placed, quotes=prefix), ""
        if self._glued(before) or self._glued(after):
            self._refuse(
                placed,
                f"{shown} touches what stands beside it, and its value is a whole name or text; "
                "put quotes around both, or a blank between",
            )
        return placed

    def _prefix(self, placed: Placed, index: int) -> Quoted | None:
        """The quotes that a value without quotes takes for the prefix before it: `N{description}`."""
        before = self.tokens[index - 1]
        as_text = {placed.spec} if placed.spec else placed.expression.origins
        if before.kind is not Kind.WORD or as_text != {Origin.LITERAL}:
            return None
        word = self._sql[before.start : before.end].upper()
        return next(
            (each for each in self._dialect.quotes if not each.name and each.opening == word + each.closing), None
        )

    def _glued(self, character: str) -> bool:
        return (
            character in self._quotes
            or character in (MARK, "\\", "$", "#", "&")
            or character.isalnum()
            or character == "_"
        )

    def _check_quoted_text(self, placed: Placed, text: str, quotes: Quoted) -> None:
        # With a value behind it.
        if self._kinds(quotes.opening + text + MARK + quotes.closing) != [Kind.QUOTED]:
            self._refuse(placed, f"the text {text!r} would end the quotes around it, or change what follows")

    def _check_bare_text(self, placed: Placed, text: str, before: str, after: str) -> None:
        kinds = self._kinds(text)
        if kinds is None or {Kind.COMMENT, Kind.SEMICOLON, Kind.DOLLAR_QUOTE, Kind.FIELD} & set(kinds):
            self._refuse(placed, f"the text {text!r} begins or ends something; put it outside the braces")
        for end, neighbour in ((text[:1], before), (text[-1:], after)):
            quote_touches = end in self._quotes and self._glued(neighbour)
            if end and (end in _JOINING or quote_touches):
                self._refuse(placed, f"the text {text!r} would become one with what stands beside it")

    def _kinds(self, sql: str) -> list[Kind] | None:
        try:
            return [token.kind for token in scan(sql, self._dialect)]
        except Unreadable:
            return None

    def _refuse_reparsed(self, placed: Placed, shown: str) -> None:
        """A string that the engine reads as SQL would have to be escaped twice, and nobody knows how often."""
        if not _may_be_text(placed):
            return
        if match := self._dialect.reparsed.search(self._skeleton()):
            words = " ".join(match[0].strip("; \t\r\n(").split())
            self._refuse(
                placed,
                f"{shown} stands in a template with {words}, after which nobody can say how often and by which rules a "
                "string is read",
            )

    def _skeleton(self) -> str:
        """The SQL without what stands in quotes and comments."""
        return "".join(
            {Kind.COMMENT: " ", Kind.QUOTED: "''", Kind.DOLLAR_QUOTE: "''", Kind.FIELD: " x "}.get(
                token.kind, self._sql[token.start : token.end]
            )
            for token in self.tokens
        )

    def _refuse_substitution(self, placed: Placed, at: int, shown: str) -> None:
        opened = self._sql.rfind("${", 0, at)
        if self._sql[at - 1 : at] == "$" or (opened >= 0 and "}" not in self._sql[opened:at]):
            self._refuse(placed, f"{shown} stands after a $, and {self._dialect.name} replaces ${{…}} before it reads")

    def _refuse(self, placed: Placed, message: str) -> NoReturn:
        raise Misplaced(message, placed.field.offset)


def _may_be_text(placed: Placed) -> bool:
    """Whether a value can be written as a string."""
    if placed.quotes is not None:
        return placed.writes_values and not placed.quotes.name
    if placed.spec is not None:
        return placed.spec is Origin.LITERAL
    return not placed.expression.origins.isdisjoint({Origin.LITERAL, Origin.TAGS})


def _is_text(token: Token, placed: Mapping[int, Placed]) -> bool:
    if token.kind is Kind.FIELD:
        field = placed[token.start]
        return field.writes_values and _may_be_text(field)
    return token.quoted is not None and not token.quoted.name


def _without(quotes: Quoted, placed: Placed) -> str:
    """What to write instead of quotes that take no value."""
    return f"write {{{placed.field.source}:{'identifier' if quotes.name else 'literal'}}} without them"
