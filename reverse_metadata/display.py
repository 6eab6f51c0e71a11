"""Text for people, made of text that nobody vouches for.

Descriptions and names come from whoever may edit the catalog or the source. What a person reads before approving
a statement must be what will run: characters that hide, reorder or overwrite others are written as `\\u{202e}`.
"""

import re
import unicodedata

#: Unicode categories that have no shape of their own: controls, formats (bidirectional and zero-width characters,
#: language tags), lone surrogates, private use, unassigned, line and paragraph separators.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
#: Letters and marks that are drawn as nothing although their category says otherwise: Hangul fillers, the Khmer
#: inherent vowels, the braille blank, variation selectors, the combining grapheme joiner.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
#: Blanks that look like the blank of the keyboard, or like nothing, and are not equal to it.
_OTHER_BLANKS = re.compile("[\u1680\u2000-\u200a\u205f]")
#: Ask for the coloured or the plain form of the symbol before them; common in honest text.
_SYMBOL_FORMS = "\ufe0e\ufe0f"
_PLAIN = re.compile(r"[\n\t\x20-\x7e]*")


def printable(text: str) -> str:
    """The text with every deceptive or invisible character escaped; newlines and tabs stay.

    The joiners within emoji are escaped too: an honest reader loses little by that.
    """
    if _PLAIN.fullmatch(text):
        return text
    pairs = zip(" " + text, text, strict=False)
    return "".join(
        character if _is_plain(character, before) else f"\\u{{{ord(character):x}}}" for before, character in pairs
    )


def one_line(text: str, width: int) -> str:
    """The text in one line of at most `width` characters, newlines and tabs as `⏎` and `→`, cut off with `…`."""
    line = printable(text).replace("\n", "⏎").replace("\t", "→")
    return line if len(line) <= width else line[: max(width - 1, 0)] + "…"


def markdown_code(text: str, language: str = "") -> str:
    """The text as a block of code in Markdown, which no line of the text can end."""
    shown = printable(text)
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def markdown_cell(text: str, width: int = 200) -> str:
    """The text as one cell of a Markdown table: no markup, no HTML, no link, one line of at most `width` characters.

    Every character that Markdown or HTML could take for markup is written as a character reference.
    """
    return re.sub(r"[^\w \-,;()…⏎→]|_", lambda match: f"&#{ord(match[0])};", one_line(text, width))


def table(rows: list[tuple[str, ...]]) -> str:
    """Rows of texts as columns of equal width, the first row underlined."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("─" * width for width in widths), *lines[1:]])


def _is_plain(character: str, before: str) -> bool:
    if character in "\n\t":
        return True
    if character in _SYMBOL_FORMS:
        return unicodedata.category(before) == "So"
    if unicodedata.category(character) in _INVISIBLE:
        return False
    return not _BLANK.match(character) and not _OTHER_BLANKS.match(character)
