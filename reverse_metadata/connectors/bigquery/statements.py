"""The calls that carry changes, as people read them.

https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/patch,
https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets/patch
"""

import json
import re
from collections.abc import Iterable

from reverse_metadata.connectors.base import ordered
from reverse_metadata.connectors.bigquery.names import called
from reverse_metadata.connectors.bigquery.options import BigQueryOptions
from reverse_metadata.connectors.bigquery.resources import Json
from reverse_metadata.display import printable
from reverse_metadata.model import Aspect, Change, Path, Statement


def resolve(changes: Iterable[Change], options: BigQueryOptions) -> list[Statement]:
    """One PATCH a table with all that changes of it and its columns, one a dataset."""
    together: dict[Path, list[Change]] = {}
    for change in ordered(changes):
        together.setdefault(change.table, []).append(change)
    return [Statement(_text(table, each, options), tuple(each)) for table, each in together.items()]


def _text(table: Path, changes: list[Change], options: BigQueryOptions) -> str:
    """The call and, as JSON, what changes. The PATCH itself holds the whole schema, most of it as it is."""
    body: Json = {}
    places: dict[Path, Json] = {(): body}
    for change in changes:
        place = _place(places, change.path[3:])
        if change.aspect is Aspect.DESCRIPTION:
            place["description"] = change.value
        elif len(change.path) < 4:
            place.setdefault("labels", {})[change.tag_key] = change.value
        else:
            names = place.setdefault("policyTags", {"names": []})["names"]
            if change.value is not None:
                names.append(options.policy_tag(change.tag_key, change.value))
    text = json.dumps(body, ensure_ascii=False, indent=2)
    return f"PATCH {called(options.rewritten(table))}\n{_shown(text)}"


def _place(places: dict[Path, Json], column: Path) -> Json:
    """The mapping of a column, made within that of its parent where it is not there yet; `()` is the table's."""
    if column not in places:
        above = _place(places, column[:-1])
        fields = (above if len(column) > 1 else above.setdefault("schema", {})).setdefault("fields", [])
        fields.append({"name": column[-1]})
        places[column] = fields[-1]
    return places[column]


def _shown(text: str) -> str:
    """JSON that means the same, and in which no character hides, reorders or overwrites others."""
    return re.sub(
        r"[^\n\x20-\x7e]",
        lambda found: found[0] if printable(found[0]) == found[0] else json.dumps(found[0])[1:-1],
        text,
    )
