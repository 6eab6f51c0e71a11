"""What arrived: the shop as PostgreSQL holds it now, beside what it held before and what the catalog wants."""

import unicodedata
from collections.abc import Iterable, Mapping

from reverse_metadata.catalogs.base import Catalog
from reverse_metadata.demo.shop import ShopObject, Snapshot
from reverse_metadata.display import one_line
from reverse_metadata.model import Entity, Path
from reverse_metadata.planning.text import same

_HEAD = (" ", "object", "kind", "owner", "columns", "comment")
#: Names and kinds are never wider than this on the screen; the comment takes what is left of the line.
_WIDEST = 36
#: No cell, and no text below the table, shows more characters than this.
_LONGEST = 200


def wishes(catalog: Catalog, service: str) -> dict[Path, str]:
    """The descriptions that the catalog holds of a service, by path; entities without one are left out."""
    entities: list[Entity] = []
    for partition in catalog.partitions(service):
        if entity := catalog.entity(partition.key):
            entities.append(entity)
        if partition.schema is not None:
            entities += catalog.tables(partition)
    return {part.path: part.description for entity in entities for part in entity.walk() if part.description}


def report(now: Snapshot, before: Snapshot | None, wanted: Mapping[Path, str], width: int) -> str:
    """The table of the shop, `width` characters wide, and a sentence for each text that is not the catalog's.

    Lines marked `+` changed since `before`; lines marked `!` hold another text than the catalog wants.
    """
    changed = _changed(now, now if before is None else before)
    kept = {
        path: text for path, text in _comments(now).items() if text and path in wanted and not same(text, wanted[path])
    }
    rows = [_HEAD, *(_row(found, changed, kept) for found in now)]
    lines = _table(rows, width)
    names = {found.path: found.name for found in now}
    for path, text in kept.items():
        name = names[path[:3]] + (f", column {path[3]}" if len(path) > 3 else "")
        lines += [
            "",
            f"! {_cell(name)}: a text that stood here before is kept, the catalog has another.",
            f"  here     {_cell(text)}",
            f"  catalog  {_cell(wanted[path])}",
        ]
    return "\n".join(lines)


def _comments(snapshot: Iterable[ShopObject]) -> dict[Path, str | None]:
    """Every comment by the path of what it is about."""
    comments: dict[Path, str | None] = {}
    for found in snapshot:
        comments[found.path] = found.comment
        comments.update({(*found.path, column): comment for column, comment in found.columns.items()})
    return comments


def _changed(now: Snapshot, before: Snapshot) -> set[Path]:
    """The paths of the objects whose owner, comment or column comments differ; new objects do."""
    earlier = {found.path: found for found in before}
    return {found.path for found in now if earlier.get(found.path) != found}


def _row(found: ShopObject, changed: set[Path], kept: Mapping[Path, object]) -> tuple[str, ...]:
    mark = "!" if any(path[:3] == found.path for path in kept) else "+" if found.path in changed else ""
    described = sum(comment is not None for comment in found.columns.values())
    columns = f"{described} of {len(found.columns)}" if found.columns else ""
    return mark, _cell(found.name), found.kind, _cell(found.owner), columns, _cell(found.comment)


def _cell(text: str | None) -> str:
    return one_line(text or "", _LONGEST)


def _table(rows: list[tuple[str, ...]], width: int) -> list[str]:
    widths = [min(max(_columns(row[i]) for row in rows), _WIDEST) for i in range(len(_HEAD))]
    widths[-1] = max(width - sum(widths[:-1]) - 2 * (len(widths) - 1), 20)
    return ["  ".join(_fit(cell, room) for cell, room in zip(row, widths, strict=True)).rstrip() for row in rows]


def _fit(text: str, room: int) -> str:
    """The text in exactly `room` columns of a terminal, cut with an ellipsis."""
    if _columns(text) > room:
        while _columns(text) >= room:
            text = text[:-1]
        text += "…"
    return text + " " * (room - _columns(text))


def _columns(text: str) -> int:
    """How many columns of a terminal the text takes: Chinese, Japanese and emoji take two a character."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
