"""The history of an entity for people at a terminal and for pipelines."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from reverse_metadata.display import one_line, table
from reverse_metadata.ledger.records import Push

_WIDTH = 40
_NOTHING = "–"


def page(entity: str, pushes: Sequence[Push], *, below: bool) -> str:
    """Pushes of an entity, and with `below` of what is in it, as a table in the order in which they come."""
    failed = any(push.error for push in pushes)
    header = ("when (UTC)", "channel", "aspect", "outcome", "before", "→ after", "changed by", "run")
    rows = [(*header, *(["below"] if below else []), *(["why"] if failed else []))]
    for push in pushes:
        extra = [push.entity.removeprefix(entity).removeprefix(".") or _NOTHING] if below else []
        extra += [push.error or ""] if failed else []
        rows.append((*_row(push), *(one_line(text, _WIDTH * 2) for text in extra)))
    return table(rows)


def _row(push: Push) -> tuple[str, ...]:
    return (
        f"{push.pushed_at:%Y-%m-%d %H:%M:%S}",
        one_line(push.channel, _WIDTH),
        one_line(f"{push.aspect} {push.tag_key}".strip(), _WIDTH),
        push.outcome,
        _NOTHING if push.before is None else one_line(push.before, _WIDTH),
        "→ " + (_NOTHING if push.after is None else one_line(push.after, _WIDTH)),
        one_line(push.changed_by or _NOTHING, _WIDTH),
        # Whole: the run is looked for by it in Dagster, and `undo` takes it.
        one_line(push.run_id, 100),
    )


def document(entity: str, pushes: Sequence[Push], *, below: bool, more: bool) -> dict[str, Any]:
    """Everything, for `--json`; `more` says that there are older pushes."""
    shown = [asdict(push) | {"pushed_at": push.pushed_at.isoformat()} for push in pushes]
    return {"entity": entity, "below": below, "pushes": shown, "more": more}
