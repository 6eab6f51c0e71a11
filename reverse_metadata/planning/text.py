"""When two texts count as equal, and what counts as no text at all."""

import re

#: Markup that editors leave behind when everything was deleted. Images and links are content and stay.
_EMPTY_MARKUP = re.compile(
    r"(?:\s|&nbsp;|​|</?(?:p|br|div|span|strong|em|b|i|u|h[1-6]|ul|ol|li|blockquote|pre|code)\s*/?>)*", re.IGNORECASE
)


def normal(text: str | None) -> str | None:
    """The form in which texts are compared: line ends are LF; empty text, blanks and empty markup are None."""
    if text is None or _EMPTY_MARKUP.fullmatch(text):
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def same(one: str | None, other: str | None) -> bool:
    """Whether two values are equal after normalisation."""
    return one == other or normal(one) == normal(other)


def truncated(text: str, limit: int) -> str:
    """`text` cut to `limit` characters, the last of them an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
