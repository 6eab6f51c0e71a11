"""What is wrong with a template, and where."""

import unicodedata

from reverse_metadata.display import printable
from reverse_metadata.errors import ReverseMetadataError

#: How much of a long line is shown on either side of the mistake, in characters.
_AROUND = 60


class TemplateError(ReverseMetadataError):
    """A mistake in an SQL template.

    `offset` counts characters of the template from 0, `line` and `column` from 1. `str()` is the sentence with its
    place; `shown` is the line of the template with a caret under the offending place.
    """

    def __init__(self, message: str, text: str, offset: int) -> None:
        before = text[:offset]
        self.message = message
        self.offset = offset
        self.line = before.count("\n") + 1
        self.column = offset - (before.rfind("\n") + 1) + 1
        self.shown = _caret(text, offset)
        super().__init__(f"line {self.line}, column {self.column}: {message}\n{self.shown}")


class TemplateMistakes(ReverseMetadataError):
    """Every mistake of a set of templates. `mistakes` holds one text each, in the order of the templates."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = mistakes
        super().__init__("\n".join(mistakes))


def _caret(text: str, offset: int) -> str:
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    line = text[start : len(text) if end < 0 else end].rstrip("\r")
    at = min(offset - start, len(line))
    before, after = line[:at], line[at:]
    if len(before) > _AROUND:
        before = "…" + before[1 - _AROUND :]
    if len(after) > _AROUND:
        after = after[: _AROUND - 1] + "…"
    before = printable(before)
    return f"  {before}{printable(after)}\n  {''.join(map(_blank, before))}^"


def _blank(character: str) -> str:
    """What takes as much room as the character: a tab stays one, whatever its width."""
    if character == "\t":
        return "\t"
    if unicodedata.combining(character):
        return ""
    return "  " if unicodedata.east_asian_width(character) in "WF" else " "
