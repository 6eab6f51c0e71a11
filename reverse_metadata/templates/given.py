"""Variables of a template as somebody typed them: `description=it's`, `tags=[('PII', 'Sensitive')]`."""

import ast
from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from reverse_metadata.errors import ConfigurationError
from reverse_metadata.model import EntityType
from reverse_metadata.templates.expressions import VARIABLES, WORDS
from reverse_metadata.templates.template import Values


def values_of(given: Iterable[str], level: EntityType | None) -> Values:
    """The values of `name=value` each. Raises ConfigurationError, with every mistake at once."""
    mistakes: list[str] = []
    values = Values(entity_type=level)
    for each in given:
        name, equals, text = each.partition("=")
        try:
            if not equals:
                raise ValueError("a variable is set as name=value")
            values = replace(values, **{name: _value(name, text)})
        except ValueError as error:
            mistakes.append(f"--set {each}: {error}")
    if mistakes:
        raise ConfigurationError(mistakes)
    return values


def _value(name: str, text: str) -> Any:
    if name not in VARIABLES:
        nearest = get_close_matches(name.lower(), VARIABLES, n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(sorted(VARIABLES))}"
        raise ValueError(f"there is no variable {name!r}; {hint}")
    if name == "tags":
        return _tags(text)
    if name in WORDS and text not in WORDS[name]:
        raise ValueError(f"must be one of {', '.join(WORDS[name])}")
    return text


def _tags(text: str) -> list[tuple[str, str]]:
    try:
        pairs = [(key, value) for key, value in ast.literal_eval(text)]
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pairs = [(None, None)]
    if not all(isinstance(key, str) and isinstance(value, str) for key, value in pairs):
        raise ValueError("tags are pairs of key and value: [('PII', 'Sensitive')]")
    return pairs
