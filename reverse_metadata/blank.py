"""What counts as no text at all."""

import re

#: Markup that editors leave behind when everything was deleted. Images and links are content and stay.
_EMPTY_MARKUP = re.compile(
    r"(?:\s|&nbsp;|​|</?(?:p|br|div|span|strong|em|b|i|u|h[1-6]|ul|ol|li|blockquote|pre|code)\s*/?>)*", re.IGNORECASE
)


def is_blank(text: str | None) -> bool:
    """Whether a description says nothing: there is none, or it is made of blanks and empty markup."""
    return text is None or _EMPTY_MARKUP.fullmatch(text) is not None
