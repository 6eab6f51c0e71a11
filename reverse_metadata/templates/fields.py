"""The syntax of Python's f-strings, cut into text and fields: `{name}`, `{expression:spec}`, `{{`, `}}`."""

from dataclasses import dataclass

from reverse_metadata.templates.errors import TemplateError

#: Stands for a field in the text that the lexer reads. A template cannot contain it.
MARK = "\0"

_CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Field:
    """`{source:spec}`; the offsets are those of the template. `offset` is that of the brace."""

    offset: int
    source: str
    source_offset: int
    spec: str
    spec_offset: int


@dataclass(frozen=True, slots=True)
class Parts:
    """A template whose fields are replaced by `MARK`. `offsets` says where each character of `sql` came from."""

    sql: str
    offsets: tuple[int, ...]
    fields: tuple[Field, ...]


def split(text: str) -> Parts:
    """Cut a template. Raises TemplateError for a brace without its partner, an empty field, an unknown conversion."""
    sql: list[str] = []
    offsets: list[int] = []
    fields: list[Field] = []
    at = 0
    while at < len(text):
        character, start = text[at], at
        if character == MARK:
            raise TemplateError("a template cannot contain the character U+0000", text, at)
        if character in "{}" and text[at : at + 2] == 2 * character:
            at += 2
        elif character == "}":
            raise TemplateError("this } closes nothing; a brace of the SQL is written }}", text, at)
        elif character == "{":
            field, at = _field(text, at)
            fields.append(field)
            character = MARK
        else:
            at += 1
        sql.append(character)
        offsets.append(start)
    return Parts("".join(sql), (*offsets, len(text)), tuple(fields))


def _field(text: str, start: int) -> tuple[Field, int]:
    """The field whose brace stands at `start`, and where the text goes on."""
    end = _end_of_expression(text, start)
    source = text[start + 1 : end]
    if not source.strip():
        raise TemplateError("there is no variable between these braces; a brace of the SQL is written {{", text, start)
    spec_start, spec = end, ""
    if text[end] == "!":
        conversion = text[end + 1 : end + 2]
        if conversion != "s" or text[end + 2 : end + 3] not in (":", "}"):
            raise TemplateError(
                "a template knows no conversions; {name:literal} writes a value with its quotes", text, end
            )
        end += 2
    if text[end] == ":":
        spec_start = end + 1
        end = text.find("}", spec_start)
        if end < 0:
            raise _unclosed(text, start)
        spec = text[spec_start:end]
    lead = len(source) - len(source.lstrip())
    return Field(start, source.strip(), start + 1 + lead, spec, spec_start), end + 1


def _end_of_expression(text: str, start: int) -> int:
    """Where the `}`, `:` or `!` stands that ends the expression, outside its strings and brackets."""
    awaited: list[str] = []
    at = start + 1
    while at < len(text):
        character = text[at]
        if character in "'\"":
            at = _end_of_string(text, at, start)
        elif awaited and character == awaited[-1]:
            awaited.pop()
        elif character in _CLOSING:
            awaited.append(_CLOSING[character])
        elif not awaited and (character in "}:" or (character == "!" and text[at + 1 : at + 2] != "=")):
            return at
        at += 1
    raise _unclosed(text, start)


def _end_of_string(text: str, quote: int, field: int) -> int:
    at = quote + 1
    while at < len(text):
        if text[at] == text[quote]:
            return at
        at += 2 if text[at] == "\\" else 1
    raise _unclosed(text, field)


def _unclosed(text: str, start: int) -> TemplateError:
    return TemplateError("this { is never closed; a brace of the SQL is written {{", text, start)
