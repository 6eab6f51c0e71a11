"""Environment variables in the configuration: `${NAME}`, `${NAME:-default}`, and `$${` for the characters `${`."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reverse_metadata.documents import Place

_REFERENCE = re.compile(r"\$(\$\{)|\$\{([^}]*)(\}?)")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)

#: Called with the place of a text and a sentence that says what is wrong with a variable in it.
Complain = Callable[[Place, str], None]


def has_variable(text: str) -> bool:
    """Whether a part of the text comes from the environment."""
    return any(not match[1] for match in _REFERENCE.finditer(text))


def variables(raw: Any) -> list[str]:
    """The names of the variables in a text, or in every text below a mapping or list, in their order."""
    names: dict[str, None] = {}
    for _, text in texts(raw):
        for match in _REFERENCE.finditer(text):
            if not match[1] and (parts := _NAME.fullmatch(match[2])):
                names[parts[1]] = None
    return list(names)


def literal(text: str) -> str:
    """What the text says without the environment: variables are left out, their defaults are not."""
    return _REFERENCE.sub(lambda match: match[1] or _default(match[2]), text)


def texts(raw: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every text below a value, with its place."""
    match raw:
        case str():
            yield place, raw
        case dict():
            for key, value in raw.items():
                yield from texts(value, (*place, key))
        case list():
            for position, value in enumerate(raw):
                yield from texts(value, (*place, position))


def substitute(raw: Any, environ: Mapping[str, str], complain: Complain, place: Place = ()) -> Any:
    """The value with every variable replaced, at any depth.

    A variable that is not set and has no default stays as it stands, and `complain` is told its name; no
    message holds a value.
    """
    match raw:
        case str():
            return _REFERENCE.sub(lambda match: _replace(match, environ, complain, place), raw)
        case dict():
            return {key: substitute(value, environ, complain, (*place, key)) for key, value in raw.items()}
        case list():
            return [substitute(value, environ, complain, (*place, position)) for position, value in enumerate(raw)]
    return raw


def _replace(match: re.Match[str], environ: Mapping[str, str], complain: Complain, place: Place) -> str:
    if match[1]:
        return match[1]
    parts = _NAME.fullmatch(match[2])
    if not match[3] or not parts:
        complain(place, "a variable is written ${NAME} or ${NAME:-default}; for the characters ${ themselves write $${")
        return match[0]
    name, default = parts[1], parts[2]
    value = environ.get(name)
    if default is not None:
        return value or default
    if value is None:
        complain(place, f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}")
        return match[0]
    return value


def _default(inner: str) -> str:
    parts = _NAME.fullmatch(inner)
    return parts[2] or "" if parts else ""
