"""YAML and JSON files, with the line of every value: what people write by hand needs mistakes that say where.

Dates stay text, a key that stands twice is noticed, and `${NAME}` needs no quotes even inside `{...}`.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from reverse_metadata.errors import ReverseMetadataError

#: Where a value stands in a document: keys and positions, outermost first.
Place = tuple[str | int, ...]

_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_VARIABLE = re.compile(r"\$\{([^{}\n]*)\}")
#: Stand for the braces of a variable while YAML is parsed: `{a: ${B}}` would open a mapping otherwise.
_OPEN, _CLOSE = "\ue000", "\ue001"

_HINTS = {
    "cannot start any token": "indent with spaces, never with tabs; a text that begins with a special character"
    " such as %, @ or ` needs quotes",
    "mapping values are not allowed": "a text that contains a colon and a blank needs quotes; otherwise the"
    " indentation does not fit the line above",
    "did not find expected key": "the indentation does not fit the lines above, or a quote or bracket stands alone",
    "expected ',' or": "a bracket or brace is not closed, or a comma is missing",
    "unexpected end of stream": "a quote is opened and never closed",
    "could not find expected ':'": "a colon after the key is missing, or the indentation does not fit",
}


class DocumentError(ReverseMetadataError):
    """A file that cannot be read or is not valid YAML or JSON; the message names the file and the line."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A key that stands twice in one mapping."""

    place: Place
    first_line: int
    line: int


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a file. `label` is the file as messages name it; lines count from 1."""

    label: str
    value: Any
    lines: dict[Place, int] = field(default_factory=dict)
    duplicates: tuple[Duplicate, ...] = ()

    def line(self, place: Place) -> int:
        """The line of the key or item, or of the nearest thing around it that stands in the file."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def spell(place: Place) -> str:
    """The place as people write it: `columns[3].name`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return "".join(parts).removeprefix(".")


def read_yaml(path: Path, label: str = "") -> Document:
    """The document in a YAML file, empty files give None. Raises DocumentError."""
    label = label or str(path)
    return parse_yaml(_read(path, label), label)


def parse_yaml(text: str, label: str) -> Document:
    """The document that the text spells. Raises DocumentError."""
    guard = _OPEN not in text and _CLOSE not in text
    if guard:
        text = _VARIABLE.sub(rf"${_OPEN}\1{_CLOSE}", text)
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            builder = _Builder(loader, guard)
            value = None if node is None else builder.build(node, ())
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{label}:{mark.line + 1}:{mark.column + 1}" if mark else label
        problem = error.problem or "it cannot be read"
        hint = next((f"; {hint}" for part, hint in _HINTS.items() if part in problem), "")
        raise DocumentError(f"{where}: this is not valid YAML: {problem}{hint}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 1
        raise DocumentError(f"{label}:{line}: this is not valid YAML: a control character stands here") from None
    return Document(label, value, builder.lines or {(): 1}, tuple(builder.duplicates))


def read_json(path: Path, label: str = "") -> Document:
    """The document in a JSON file, without lines: `parse_yaml` finds those when a message needs them.

    Raises DocumentError.
    """
    label = label or str(path)
    try:
        return Document(label, json.loads(_read(path, label)))
    except json.JSONDecodeError as error:
        raise DocumentError(f"{label}:{error.lineno}:{error.colno}: this is not valid JSON: {error.msg}") from None


def _read(path: Path, label: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise DocumentError(f"{label}:{line}: this is not UTF-8; save the file in that encoding") from None
    except OSError as error:
        raise DocumentError(f"{label}: the file cannot be read: {error.strerror or error}") from None


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML in which a date is text: nothing here takes a date, and `2024-01-01` is a fine description."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the class attribute that PyYAML reads
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class _Builder:
    """Makes plain values of nodes and notes lines and repeated keys on the way."""

    def __init__(self, loader: Any, guarded: bool) -> None:
        self._loader = loader
        self._guarded = guarded
        self._open: set[int] = set()
        self.lines: dict[Place, int] = {}
        self.duplicates: list[Duplicate] = []

    def build(self, node: yaml.Node, place: Place) -> Any:
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            value = self._loader.construct_object(node)
            return self._restored(value) if isinstance(value, str) else value
        if id(node) in self._open:
            raise yaml.composer.ComposerError(None, None, "an anchor contains itself", node.start_mark)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.build(item, (*place, position)) for position, item in enumerate(node.value)]
            return self._mapping(node, place)
        finally:
            self._open.remove(id(node))

    def _mapping(self, node: Any, place: Place) -> dict[str, Any]:
        written: dict[str, int] = {}
        for key_node, _ in node.value:
            key, line = self._key(key_node), key_node.start_mark.line + 1
            if key in written:
                self.duplicates.append(Duplicate((*place, key), written[key], line))
            written.setdefault(key, line)
        self._loader.flatten_mapping(node)
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            here = (*place, key)
            self.lines[here] = key_node.start_mark.line + 1
            mapping[key] = self.build(value_node, here)
        return mapping

    def _key(self, node: yaml.Node) -> str:
        """A key is the text that stands there: `on:` and `1:` are names like any other."""
        if not isinstance(node, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key must be plain text", node.start_mark)
        return self._restored(node.value)

    def _restored(self, text: str) -> str:
        return text.replace(_OPEN, "{").replace(_CLOSE, "}") if self._guarded else text
