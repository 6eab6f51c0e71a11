"""A template that was read, and the statements that it gives."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from reverse_metadata.dialects import Dialect, Quoted
from reverse_metadata.errors import Unwritable
from reverse_metadata.model import Aspect, EntityType
from reverse_metadata.templates import expressions
from reverse_metadata.templates.errors import TemplateError
from reverse_metadata.templates.expressions import Origin, Result
from reverse_metadata.templates.fields import MARK, Parts, split
from reverse_metadata.templates.lexer import Kind, Token, Unreadable, scan
from reverse_metadata.templates.places import Misplaced, Placed, Places, read

_ASPECTS = {
    "description": Aspect.DESCRIPTION,
    "owner": Aspect.OWNER,
    "tag_key": Aspect.TAGS,
    "tag_value": Aspect.TAGS,
    "tags": Aspect.TAGS,
}
_SILENT = (Kind.SPACE, Kind.COMMENT)
_TRANSACTIONS = frozenset("ABORT BEGIN COMMIT END RELEASE ROLLBACK SAVEPOINT START".split())
_BLOCK = frozenset(("BEGIN", "END"))
_SIGNIFICANT = (Kind.QUOTED, Kind.COMMENT, Kind.DOLLAR_QUOTE, Kind.SEMICOLON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What the variables stand for; None where there is nothing.

    Names are those of the source. `operation` is `set` or `unset`; `previous` is the value that stands in the source;
    `tags` are pairs of key and value.
    """

    service: str | None = None
    fqn: str | None = None
    entity_type: str | None = None
    database: str | None = None
    schema: str | None = None
    table: str | None = None
    column: str | None = None
    description: str | None = None
    owner: str | None = None
    tag_key: str | None = None
    tag_value: str | None = None
    tags: Sequence[tuple[str, str]] | None = None
    operation: str = "set"
    previous: str | None = None
    updated_by: str | None = None


#: The fields of `Values` are the variables of a template.
assert {field.name for field in fields(Values)} == set(expressions.VARIABLES)


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """SQL with variables, every one of which has a place that its value cannot leave."""

    text: str
    dialect: Dialect
    #: What the template writes: that of its value variable. None when it has none.
    aspect: Aspect | None
    #: The level of its deepest identifier. None when it names nothing.
    level: EntityType | None
    _sql: str
    _tokens: tuple[Token, ...]
    #: By offset in `_sql`.
    _fields: Mapping[int, Placed]

    def uses(self, name: str) -> bool:
        """Whether the template holds the variable, if only in a condition."""
        return any(name == used for placed in self._fields.values() for used, _ in placed.expression.names)

    @property
    def verbatim(self) -> bool:
        """Whether the value arrives as the catalog has it: no expression makes another of it, and nothing stands
        beside it between its quotes."""
        beside = {
            at
            for token in self._tokens
            if token.quoted is not None
            and token.end - len(token.quoted.closing) - token.start - len(token.quoted.opening) > 1
            for at in range(token.start, token.end)
        }
        return not any(
            name in _ASPECTS and (at in beside or not isinstance(placed.expression.node, ast.Name))
            for at, placed in self._fields.items()
            for name, _ in placed.expression.names
        )

    def offset(self, name: str) -> int:
        """Where the variable stands first. Raises KeyError."""
        for placed in self._fields.values():
            for used, at in placed.expression.names:
                if used == name:
                    return placed.field.source_offset + at
        raise KeyError(name)

    def render(self, values: Values) -> tuple[str, ...]:
        """The statements, which are meant to run as a unit, without their semicolons.

        Raises Unwritable for a value that the dialect cannot hold, TemplateError for a variable without a value
        where there must be one.
        """
        variables = _variables(values)
        statements: list[str] = []
        tokens: list[Token] = []
        for token in (*self._tokens, Token(Kind.SEMICOLON, len(self._sql), len(self._sql))):
            if token.kind is not Kind.SEMICOLON:
                tokens.append(token)
                continue
            if any(each.kind not in _SILENT for each in tokens):
                statements.append(self._statement(tokens, variables))
            tokens = []
        return tuple(statements)

    def _statement(self, tokens: list[Token], variables: Mapping[str, Any]) -> str:
        written = ""
        whole: list[tuple[int, int]] = []
        free: list[tuple[int, int]] = []
        for token in tokens:
            start, alone = len(written), token.kind in _SIGNIFICANT
            if token.kind is Kind.FIELD:
                text, alone = self._bare(self._fields[token.end - 1], variables)
                written += text
                if not alone:
                    free.append((start, len(written)))
            elif token.kind is Kind.QUOTED:
                written += self._quoted(token, variables)
            else:
                written += self._sql[token.start : token.end]
            if alone:
                whole.append((start, len(written)))
        own = "".join(self._sql[token.start : token.end] for token in tokens)
        if self.dialect.substitutes and written.count("${") > own.count("${"):
            raise Unwritable(f"a value would be part of a ${{…}} in the template {self.text!r}")
        self._verify(written, whole, free)
        # Whatever is put behind it must not become part of a comment.
        return written.strip() + ("\n" if _ends_in_a_line_comment(tokens, self._sql) else "")

    def _verify(self, written: str, whole: list[tuple[int, int]], free: list[tuple[int, int]]) -> None:
        """Read once more what was written: every value must be one token in its place, and nothing else be new."""
        try:
            found = {(token.start, token.end): token.kind for token in scan(written, self.dialect)}
        except Unreadable:
            found = {}
        significant = {
            (start, end)
            for (start, end), kind in found.items()
            if kind in _SIGNIFICANT and not any(low <= start and end <= high for low, high in free)
        }
        words = {span for span in whole if found.get(span) is Kind.WORD}
        if significant | words != set(whole):
            raise Unwritable(f"a value would not stay in its place in the template {self.text!r}")

    def _bare(self, placed: Placed, variables: Mapping[str, Any]) -> tuple[str, bool]:
        """What is written for a field without quotes, and whether it is one literal or name."""
        result = placed.expression.evaluate(variables)
        origin = result.origin if result.origin in (Origin.AUTHOR, Origin.TAGS) else placed.spec or result.origin
        if result.value is None and origin is Origin.LITERAL:
            return self.dialect.absent, True
        if result.value is None:
            raise self._missing(placed)
        match origin:
            case Origin.AUTHOR:
                return result.value, False
            case Origin.TAGS:
                return self.dialect.tags(list(result.value)), False
            case Origin.IDENTIFIER:
                return self.dialect.identifier(result.value), True
        if placed.quotes is None:
            return self.dialect.literal(result.value), True
        opening, closing = placed.quotes.opening, placed.quotes.closing
        return opening + self.dialect.literal_content(result.value, opening) + closing, True

    def _quoted(self, token: Token, variables: Mapping[str, Any]) -> str:
        """A quoted piece with its values. Where one holds a backslash, the form is taken that no setting changes."""
        quotes = token.quoted
        assert quotes is not None
        inside = range(token.start + len(quotes.opening), token.end - len(quotes.closing))
        results = {at: self._fields[at].expression.evaluate(variables) for at in inside if at in self._fields}
        if not results:
            return self._sql[token.start : token.end]
        surer = bool(quotes.surer) and any("\\" in (result.value or "") for result in results.values())
        used = self.dialect.quoted(quotes.surer) if surer else quotes
        opening = used.opening if surer else self._sql[token.start : inside.start]
        content = "".join(self._inside(at, results, quotes, used) for at in inside)
        if used.name:
            self.dialect.check_length(content.replace(2 * used.closing, used.closing))
        elif not used.backslash:
            self.dialect.check_text(content)
        return opening + content + used.closing

    def _inside(self, at: int, results: Mapping[int, Result], written: Quoted, used: Quoted) -> str:
        """One character of a quoted piece, or the value of the field that it stands for."""
        result = results.get(at)
        if result is not None and result.origin is not Origin.AUTHOR:
            if used.name:
                if result.value is None:
                    raise self._missing(self._fields[at])
                return self.dialect.identifier_content(result.value, used.opening)
            return self.dialect.literal_content(result.value or "", used.opening)
        text = self._sql[at] if result is None else (result.value or "")
        return text if used is written or written.backslash else text.replace("\\", "\\\\")

    def _missing(self, placed: Placed) -> TemplateError:
        return TemplateError(
            f"{{{placed.field.source}}} has no value here and stands where a name or list must be",
            self.text,
            placed.field.offset,
        )


def parse(text: str, dialect: Dialect) -> Template:
    """Read a template. Raises TemplateError for its first mistake."""
    template, mistakes = inspect(text, dialect)
    if template is None:
        raise mistakes[0]
    return template


def inspect(text: str, dialect: Dialect) -> tuple[Template | None, list[TemplateError]]:
    """Read a template: it, or every mistake in it."""
    try:
        parts = split(text)
    except TemplateError as error:
        return None, [error]
    try:
        places = Places(parts, dialect)
    except Unreadable as error:
        return None, [TemplateError(error.message, text, parts.offsets[error.at])]
    if all(token.kind in (*_SILENT, Kind.SEMICOLON) for token in places.tokens):
        return None, [TemplateError("there is no SQL in this template", text, 0)]
    mistakes: list[TemplateError] = []
    found: list[Placed] = []
    for number, field in enumerate(parts.fields):
        try:
            found.append(places.place(read(field, dialect), number))
        except Misplaced as error:
            mistakes.append(TemplateError(error.message, text, error.at))
    if not mistakes:
        by_offset = dict(zip(_marks(parts.sql), found, strict=True))
        mistakes = [TemplateError(error.message, text, error.at) for error in places.rows(by_offset)]
    used = [(name, placed.field.source_offset + at) for placed in found for name, at in placed.expression.names]
    mistakes += _contradictions(text, used)
    mistakes = mistakes or list(_intrusions(text, parts, places.tokens, dialect))
    if mistakes:
        return None, sorted(mistakes, key=lambda mistake: mistake.offset)
    aspect = next((_ASPECTS[name] for name, _ in used if name in _ASPECTS), None)
    level = next((level for level in reversed(EntityType) if any(name == level for name, _ in used)), None)
    tokens = tuple(places.joined(by_offset))
    return Template(text, dialect, aspect, level, parts.sql, tokens, by_offset), []


def _ends_in_a_line_comment(tokens: Sequence[Token], sql: str) -> bool:
    last = next((token for token in reversed(tokens) if token.kind is not Kind.SPACE), None)
    return last is not None and last.kind is Kind.COMMENT and not sql.startswith("/*", last.start)


def _intrusions(text: str, parts: Parts, tokens: Sequence[Token], dialect: Dialect) -> Iterator[TemplateError]:
    """Statements that reach beyond their own: a run decides where its transactions begin and end, as what a batch wrote
    could not be taken back otherwise, and its session serves other channels and partitions as well."""
    heads: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind is Kind.SEMICOLON:
            heads.append([])
        elif token.kind not in _SILENT and len(heads[-1]) < 2:
            heads[-1].append(token)
    for head in filter(None, heads):
        words = [parts.sql[token.start : token.end].upper() if token.kind is Kind.WORD else "" for token in head]
        first, second = words[0], words[-1]
        if first in (_TRANSACTIONS - _BLOCK if dialect.blocks else _TRANSACTIONS) or (first, second) == (
            "PREPARE",
            "TRANSACTION",
        ):
            message = f"{first} would begin or end the transaction in which the run writes; leave it out"
            yield TemplateError(message, text, parts.offsets[head[0].start])
        elif first in ("DISCARD", "RESET") or (first == "SET" and second not in ("", "SET", "TAG", "TAGS")):
            message = f"{first} would hold for everything that is written after it; use the options of the service"
            yield TemplateError(message, text, parts.offsets[head[0].start])
    for match in dialect.intrusive.finditer(_without_quoted(parts.sql, tokens)) if dialect.intrusive else ():
        message = (
            f"{' '.join(match[0].split())} would reach into the transaction or the session of the run; leave it out"
        )
        yield TemplateError(message, text, parts.offsets[match.start()])


def _without_quoted(sql: str, tokens: Sequence[Token]) -> str:
    """The SQL with blanks for all that stands in quotes and comments, as long as it was."""
    blank = (Kind.QUOTED, Kind.COMMENT, Kind.DOLLAR_QUOTE)
    return "".join(
        " " * (token.end - token.start) if token.kind in blank else sql[token.start : token.end] for token in tokens
    )


def _marks(sql: str) -> list[int]:
    return [at for at, character in enumerate(sql) if character == MARK]


def _contradictions(text: str, used: list[tuple[str, int]]) -> list[TemplateError]:
    """A change has one aspect, so a template that speaks of two could never be filled."""
    values = [(name, at) for name, at in used if name in _ASPECTS]
    return [
        TemplateError(
            f"{{{name}}} and {{{values[0][0]}}} never have a value at once; write a template for each", text, at
        )
        for name, at in values
        if _ASPECTS[name] is not _ASPECTS[values[0][0]]
    ][:1]


def _variables(values: Values) -> dict[str, Any]:
    return {each.name: getattr(values, each.name) for each in fields(values)}
