"""What people read in Dagster: metadata of the three assets, and one observation a table that was written.

Everything that comes from the catalog or a database is hostile to its reader and goes through `display`.
"""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from reverse_metadata.applying.apply import Applied, Pushed
from reverse_metadata.config import slug
from reverse_metadata.display import markdown_code, one_line, printable
from reverse_metadata.model import Change, Path, Verdict
from reverse_metadata.planning.fetch import Fetched
from reverse_metadata.planning.plan import Plan
from reverse_metadata.planning.show import sql

Metadata = dict[str, dg.MetadataValue]

#: More rows make the event slow to load; the ledger has all of them.
_ROWS = 500
_SQL_CHARACTERS = 20_000
_CELL = 300
_NOTHING = "-- nothing to do"
_CELL_OF_OBSERVATION = 2_000


def fetched_metadata(fetched: Fetched) -> Metadata:
    """What `fetched_changes` shows of a partition."""
    gone = sum(entity.deleted for entity in fetched.entities)
    return {
        "scope": dg.MetadataValue.text(fetched.scope),
        "entities": dg.MetadataValue.int(sum(1 for entity in fetched.entities for _ in entity.walk())),
        "tables": dg.MetadataValue.int(sum(len(entity.path) == 3 for entity in fetched.entities)),
        "left_scope": dg.MetadataValue.int(len(fetched.left)),
        "gone": dg.MetadataValue.int(gone),
        **_link(fetched.entities[0].url if fetched.entities else ""),
    }


def plan_metadata(plan: Plan) -> Metadata:
    """What `resolved_templates` shows of a partition: the plan as a table and as SQL, and its hash."""
    return {
        "scope": dg.MetadataValue.text(plan.scope),
        **_approval(plan),
        "statements": dg.MetadataValue.int(len(plan.statements) + len(plan.waiting)),
        **_counts(plan.counts),
        **{f"left_to/{printable(name)}": dg.MetadataValue.int(count) for name, count in plan.left_to.items()},
        **_table("changes", [_change_row(change) for change in plan.changes]),
        "sql": dg.MetadataValue.md(markdown_code(_script(plan), "sql")),
        **_download(plan),
        "plan": dg.MetadataValue.text(plan.hash),
        **({"left_out": dg.MetadataValue.int(plan.left_out)} if plan.left_out else {}),
        **({"dry_run": dg.MetadataValue.bool(True)} if plan.dry_run else {}),
    }


def _approval(plan: Plan) -> Metadata:
    """The hash of what waits, and what to paste into the launchpad to approve it."""
    if not plan.waiting:
        return {}
    config = (
        f"ops:\n  {slug(plan.channel)}__applied_updates:\n    config:\n"
        f"      plan: {plan.waiting_hash}\n      approved_by: your name"
    )
    how = "To approve the statements below, materialize `applied_updates` of this schema alone"
    return {
        "waiting_plan": dg.MetadataValue.text(plan.waiting_hash),
        "how_to_approve": dg.MetadataValue.md(f"{how}, with this in the launchpad:\n\n{markdown_code(config, 'yaml')}"),
    }


def applied_metadata(plan: Plan, applied: Applied) -> Metadata:
    """What `applied_updates` shows of a partition. Only `scope: full` claims that the schema is in sync."""
    return {
        "scope": dg.MetadataValue.text(plan.scope),
        "statements": dg.MetadataValue.int(applied.statements),
        "pushed": dg.MetadataValue.int(len(applied.arrived)),
        "failed": dg.MetadataValue.int(len(applied.pushed) - len(applied.arrived)),
        **_counts(applied.counts),
        **_table("updates", [_push_row(push) for push in applied.pushed]),
        **_table(
            "attention",
            [_change_row(change) for change in (*applied.held_back, *plan.waiting_changes, *plan.others)],
        ),
    }


def undo_metadata(plans: Sequence[Plan]) -> Metadata:
    """What an undo shows: every change that it takes back or skips, and the statements."""
    counts = Counter[str]()
    for plan in plans:
        counts.update(plan.counts)
    return {
        "statements": dg.MetadataValue.int(sum(len(plan.statements) for plan in plans)),
        **_counts(counts),
        **_table("changes", [_change_row(change) for plan in plans for change in plan.changes]),
        "sql": dg.MetadataValue.md(markdown_code("\n".join(_script(plan) for plan in plans) or _NOTHING, "sql")),
    }


def failure_metadata(message: str) -> Metadata:
    """What an early step shows of a partition that it could not do."""
    return {"problem": dg.MetadataValue.md(markdown_code(message, "text"))}


def observations(service: str, applied: Applied, run_id: str) -> Iterator[dg.AssetObservation]:
    """One observation a table (or schema, or database) that was written, with all its changes folded in."""
    by_table: dict[Path, list[Pushed]] = {}
    for push in applied.arrived:
        by_table.setdefault(push.change.table, []).append(push)
    for path, pushes in by_table.items():
        yield dg.AssetObservation(
            asset_key=dg.AssetKey([service, *path]),
            description=f"{len(pushes)} changes pushed" if len(pushes) > 1 else "1 change pushed",
            metadata=_observation_metadata(path, pushes, run_id, applied.plan_id),
        )


def _observation_metadata(path: Path, pushes: Sequence[Pushed], run_id: str, plan_id: str) -> Metadata:
    newest = max(pushes, key=lambda push: push.change.changed_at).change
    statements = list(dict.fromkeys(push.statement for push in pushes))
    metadata: Metadata = {
        "dagster/table_name": dg.MetadataValue.text(printable(".".join(path))),
        "changes": dg.MetadataValue.int(len(pushes)),
        **_table("before_and_after", [_before_and_after(push) for push in pushes]),
        "sql": dg.MetadataValue.md(markdown_code(_cut("\n".join(f"{text};" for text in statements)), "sql")),
        "changed_by": dg.MetadataValue.text(printable(newest.changed_by) or "unknown"),
        "plan_id": dg.MetadataValue.text(plan_id),
        "run": dg.MetadataValue.dagster_run(run_id),
        **_link(newest.url),
    }
    if newest.changed_at:
        metadata["changed_at"] = dg.MetadataValue.timestamp(datetime.fromtimestamp(newest.changed_at / 1000, UTC))
    return metadata


def _link(url: str) -> Metadata:
    """A link into the catalog; only http addresses, since a reader will click on it."""
    return {"catalog_url": dg.MetadataValue.url(url)} if url.startswith(("https://", "http://")) else {}


def _counts(counts: Mapping[str, int]) -> Metadata:
    """How many changes have each verdict, and how many need a person: numbers, so that Dagster plots them."""
    attention = sum(counts.get(verdict.value, 0) for verdict in Verdict if verdict.needs_attention)
    always = (Verdict.APPLY, Verdict.IN_SYNC)
    return {
        "needs_attention": dg.MetadataValue.int(attention),
        **{
            f"verdict/{verdict.value}": dg.MetadataValue.int(counts.get(verdict.value, 0))
            for verdict in Verdict
            if counts.get(verdict.value) or verdict in always
        },
    }


def _table(name: str, rows: list[dict[str, Any]]) -> Metadata:
    if not rows:
        return {}
    shown = [dg.TableRecord(row) for row in rows[:_ROWS]]
    metadata: Metadata = {name: dg.MetadataValue.table(shown, schema=_schema(rows[0]))}
    if len(rows) > _ROWS:
        text = f"the first {_ROWS} of {len(rows)}; the ledger has all of them"
        metadata[f"{name}_shown"] = dg.MetadataValue.text(text)
    return metadata


def _schema(row: Mapping[str, Any]) -> dg.TableSchema:
    return dg.TableSchema([dg.TableColumn(name, "string") for name in row])


def _change_row(change: Change) -> dict[str, Any]:
    return {
        "entity": one_line(change.entity, _CELL),
        "aspect": one_line(change.what, _CELL),
        "verdict": change.verdict.value,
        "before": _shown(change.actual),
        "after": _shown(change.value) if change.verdict.plans else "",
        "reason": one_line(change.reason, _CELL),
        "wanted": _shown(change.wanted) if not change.verdict.plans else "",
    }


def _push_row(push: Pushed) -> dict[str, Any]:
    return {
        "entity": one_line(push.change.entity, _CELL),
        "aspect": one_line(push.change.what, _CELL),
        "before": _shown(push.change.actual),
        "after": _shown(push.stored),
        "outcome": "failed" if push.error else "applied",
        "error": one_line(push.error, _CELL),
    }


def _before_and_after(push: Pushed) -> dict[str, Any]:
    return {
        "entity": one_line(push.change.entity, _CELL),
        "aspect": one_line(push.change.what, _CELL),
        "before": _shown(push.change.actual, _CELL_OF_OBSERVATION),
        "after": _shown(push.stored, _CELL_OF_OBSERVATION),
    }


def _shown(value: str | None, width: int = _CELL) -> str:
    return "" if value is None else one_line(value, width)


def _download(plan: Plan) -> Metadata:
    """How to get the whole script as a file."""
    if not (plan.statements or plan.waiting):
        return {}
    words = ("reverse-metadata", "plan", plan.channel, "--partition", plan.partition.key, "--sql")
    return {"sql_as_a_file": dg.MetadataValue.text(printable(f"{shlex.join(words)} > plan.sql"))}


def _script(plan: Plan) -> str:
    return _cut(sql(plan)) or _NOTHING


def _cut(text: str) -> str:
    if len(text) <= _SQL_CHARACTERS:
        return text
    rest = text.count("\n", _SQL_CHARACTERS)
    return f"{text[:_SQL_CHARACTERS]}\n-- ... cut here; about {rest} more lines"


def summary(partition: str, applied: Applied) -> str:
    """One line for the run's log."""
    parts: Iterable[str] = (f"{count} {verdict}" for verdict, count in sorted(applied.counts.items()) if count)
    return f"{printable(partition)}: {applied.statements} statements; {', '.join(parts) or 'nothing in scope'}"
