"""What no connector can send, whatever its system."""


def encodable(text: str) -> bool:
    """Whether the text has a form in UTF-8: half of a surrogate pair, which JSON can carry, is no character."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def storable(text: str) -> bool:
    """Whether it is encodable, and without the NUL character, which few systems can hold."""
    return "\0" not in text and encodable(text)
