"""Custom properties as the catalog's search index holds them: one entry a value, and a part for each way to ask.

The parts are those of `customPropertiesTyped` in OpenMetadata (`SearchIndexUtils.buildTypedCustomProperties`). The
catalog's API does not say of what type a property is, so the value tells it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

#: The parts that hold text, and those that hold numbers. `name` is there for every value, whatever it is.
TEXT_PARTS = ("name", "stringValue", "textValue", "refId", "refType", "refName", "refFqn")
NUMBER_PARTS = ("longValue", "doubleValue", "start", "end")

_REFERENCE = {
    "id": "refId",
    "type": "refType",
    "name": "refName",
    "fullyQualifiedName": "refFqn",
    "displayName": "stringValue",
}


def values_of(extension: Mapping[str, Any], part: str, name: str) -> Iterator[Any]:
    """What a part of the property of that name holds. The name of a cell is `contacts.rows.role`, that of a link
    `runbook.url` or `runbook.displayText`."""
    for property_name, value in extension.items():
        if value is not None and (name == property_name or name.startswith(f"{property_name}.")):
            for entry in _entries(property_name, value):
                if entry["name"] == name and part in entry:
                    yield entry[part]


def _entries(name: str, value: Any) -> Iterator[dict[str, Any]]:
    match value:
        case bool():
            yield _text(name, "true" if value else "false")
        case int():
            yield {"name": name, "longValue": value}
        case float():
            yield {"name": name, "doubleValue": value}
        case str():
            yield _text(name, value)
        case []:
            yield {"name": name}
        case list():
            for each in value:
                yield _item(name, each)
        case {"rows": list() as rows}:
            for row in rows:
                for column, cell in row.items():
                    yield _text(f"{name}.rows.{column}", "" if cell is None else str(cell))
        case {"url": _}:
            for key in ("url", "displayText"):
                if value.get(key) is not None:
                    yield _text(f"{name}.{key}", str(value[key]))
        case {"start": _} | {"end": _}:
            yield {"name": name} | {key: value[key] for key in ("start", "end") if key in value}
        case dict():
            yield _item(name, value)


def _item(name: str, value: Any) -> dict[str, Any]:
    """A reference to another entity, or a value of an enumeration."""
    if isinstance(value, dict):
        return {"name": name} | {part: str(value[key]) for key, part in _REFERENCE.items() if value.get(key)}
    return {"name": name, "stringValue": str(value)}


def _text(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "stringValue": text, "textValue": text}
