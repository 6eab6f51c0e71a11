"""When two texts count as equal, and what counts as no text at all."""

from reverse_metadata.blank import is_blank
from reverse_metadata.model import Aspect


def normal(text: str | None) -> str | None:
    """The form in which texts are compared: line ends are LF; empty text, blanks and empty markup are None."""
    if text is None or is_blank(text):
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def same(one: str | None, other: str | None) -> bool:
    """Whether two texts are equal after normalisation."""
    return one == other or normal(one) == normal(other)


def agree(aspect: Aspect, one: str | None, other: str | None) -> bool:
    """Whether two values of an aspect count as equal: descriptions after normalisation, names to the letter.

    A tag may be there with an empty value, which is not the same as no tag.
    """
    return same(one, other) if aspect is Aspect.DESCRIPTION else one == other
