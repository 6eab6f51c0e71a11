"""From changes to calls, and what people read of them before they run."""

import json
from collections.abc import Iterable
from itertools import groupby

from reverse_metadata.connectors.athena import lake
from reverse_metadata.connectors.base import ConnectorOptions, ordered
from reverse_metadata.model import Aspect, Change, EntityType, Statement


def resolve(changes: Iterable[Change], options: ConnectorOptions) -> list[Statement]:
    """One call for the descriptions of a table and all its columns; one for tags that are set on the same."""
    statements = []
    for (aspect, _), group in groupby(ordered(changes), key=lambda change: (change.aspect, change.table)):
        own = tuple(group)
        calls = lake.together(own) if aspect is Aspect.TAGS else [own]
        statements += [Statement(text(carried, options), carried) for carried in calls]
    return statements


def text(changes: tuple[Change, ...], options: ConnectorOptions) -> str:
    """The call, and line by line what it changes. All the rest of the table is sent back as it stands."""
    names = options.rewritten(changes[0].table)[1:]
    if changes[0].aspect is Aspect.TAGS:
        action, resource, pairs = lake.request(names, changes, {})
        ((_, members),) = resource.items()
        lines = [f"{_quoted(key)}: {_quoted(value)}" for key, value in pairs.items()]
        return _call("lakeformation", action, members, lines)
    if len(names) == 1:
        return _call("glue", "update_database", {"Name": names[0]}, _described("Description", changes[0].value))
    lines = []
    for change in changes:
        if change.type is EntityType.TABLE:
            lines += _described("Description", change.value)
            if change.kind != "view":
                lines += _described('Parameters["comment"]', change.value)
        else:
            held = "PartitionKeys" if change.kind == "partition key" else "Columns"
            lines += _described(f"{held}[{_quoted('.'.join(change.path[3:]))}].Comment", change.value)
    return _call("glue", "update_table", {"DatabaseName": names[0], "Name": names[1]}, lines)


def _call(service: str, action: str, members: dict[str, object], lines: list[str]) -> str:
    said = ", ".join(f"{name}={_quoted(value)}" for name, value in members.items())
    return "\n".join((f"{service}.{action}({said})", *(f"    {line}" for line in lines)))


def _described(place: str, value: str | None) -> list[str]:
    return [f"{place}: {'removed' if value is None else _quoted(value)}"]


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
