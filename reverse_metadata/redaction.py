"""Keeps secrets out of everything that is shown or stored.

Every resolved secret is registered once, when it is read from the environment or from the catalog; every text
that a driver or a server produced is redacted before it is logged, raised or recorded.
"""

import re
from urllib.parse import quote, quote_plus

_MASK = "********"
#: Shorter values would blank half of every message and protect nothing.
_SHORTEST = 4

_secrets: set[str] = set()


def register_secret(value: str) -> None:
    """Redact `value` from now on, also in its URL-encoded forms."""
    if len(value) >= _SHORTEST:
        _secrets.update({value, quote(value, safe=""), quote_plus(value)})


_URL_PASSWORD = re.compile(r"(?<=://)([^\s/:@]*):[^\s/@]+@")
_KEY_VALUE = re.compile(r"(?i)\b(password|passwd|pwd|token|secret)([\"']?\s*[=:]\s*)('[^']*'|\"[^\"]*\"|[^\s,;)]+)")


def redact(text: str) -> str:
    """`text` without any registered secret, without passwords in URLs and in `password=...` pairs."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, _MASK)
    text = _URL_PASSWORD.sub(rf"\1:{_MASK}@", text)
    return _KEY_VALUE.sub(rf"\1\2{_MASK}", text)
