"""Files of templates with what they give, beside the tests."""

from pathlib import Path
from typing import Any

import yaml

from reverse_metadata.dialects import Dialect, dialect_of
from reverse_metadata.dialects.mysql import with_sql_mode
from reverse_metadata.dialects.postgres import POSTGRES_BACKSLASH
from reverse_metadata.templates import Values


def rows(name: str) -> list[dict[str, Any]]:
    """The entries of a file."""
    loaded: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / name).read_text(encoding="utf-8"))
    return loaded


def dialect(name: str) -> Dialect:
    """`mysql, ANSI_QUOTES`: the system, and how its session differs from the usual."""
    system, *modes = name.split(", ")
    if system == "mysql":
        return with_sql_mode(modes)
    if modes == ["standard_conforming_strings off"]:
        return POSTGRES_BACKSLASH
    return dialect_of(system)


def values(given: dict[str, Any]) -> Values:
    """The values of an entry."""
    typed: dict[str, Any] = {
        name: [(key, text) for key, text in value] if name == "tags" else value for name, value in given.items()
    }
    return Values(**typed)
