"""A plan for people at a terminal and for pipelines: as a page, as an SQL script, as JSON."""

from collections.abc import Sequence
from typing import Any

from reverse_metadata.display import one_line, printable, table
from reverse_metadata.model import Change, Partition
from reverse_metadata.planning.plan import Plan

#: A partition with its plan, or with the sentence that says why there is none.
Previewed = tuple[Partition, Plan | str]

_WIDTH = 60


def page(partition: Partition, plan: Plan | str) -> str:
    """The changes of a partition as a table."""
    heading = printable(partition.key)
    if isinstance(plan, str):
        return f"{heading}\n  problem: {printable(plan)}\n"
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(plan.counts.items()))
    rows: list[tuple[str, ...]] = [("verdict", "aspect", "entity", "before", "after", "why")]
    rows += [_row(change, partition) for change in plan.changes]
    lines = [f"{heading}: {counts or 'nothing in scope'}"]
    if len(rows) > 1:
        lines += [f"  {line}" for line in table(rows).splitlines()]
    lines += [
        f"  {_count(count, 'value')} left to channel {printable(name)}, whose priority is higher"
        for name, count in plan.left_to.items()
    ]
    if plan.waiting:
        lines.append(f"  plan {plan.waiting_hash} waits for approval")
    return "\n".join(lines) + "\n"


def script(partition: Partition, plan: Plan | str, *, raw: bool) -> str:
    """The statements of a partition. `raw` gives them as they are sent; otherwise what could deceive is escaped."""
    if isinstance(plan, str):
        return f"-- {one_line(partition.key, 300)}: {one_line(plan, 1000)}"
    text = f"-- {one_line(partition.key, 300)}\n{sql(plan)}"
    return text if raw else printable(text)


def sql(plan: Plan) -> str:
    """Every statement of a plan as it is sent; those that wait for approval last."""
    lines = [f"{each.text};" for each in plan.statements]
    if plan.waiting:
        lines += [f"-- plan {plan.waiting_hash} waits for approval:", *(f"{each.text};" for each in plan.waiting)]
    return "\n".join(lines)


def total(shown: Sequence[Previewed]) -> str:
    """One line for all partitions."""
    plans = [plan for _, plan in shown if isinstance(plan, Plan)]
    statements = sum(len(plan.statements) for plan in plans)
    waiting = sum(len(plan.waiting) for plan in plans)
    attention = sum(change.verdict.needs_attention for plan in plans for change in plan.others)
    problems = len(shown) - len(plans)
    parts = [
        _count(statements, "statement"),
        *([f"({waiting} more wait for approval)"] if waiting else []),
        f"in {_count(len(shown), 'partition')}",
        f"with {_count(attention, 'change')} to look at",
        f"and {_count(problems, 'problem')}",
    ]
    return " ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def exit_code(shown: Sequence[Previewed]) -> int:
    """0: nothing to do, 3: changes are pending, 2: a partition has no plan or would be red."""
    plans = [plan for _, plan in shown if isinstance(plan, Plan)]
    if len(plans) < len(shown) or any(plan.failures for plan in plans):
        return 2
    return 3 if any(plan.statements or plan.waiting for plan in plans) else 0


def document(channel: str, shown: Sequence[Previewed]) -> dict[str, Any]:
    """Everything, for `--json`."""
    return {"channel": channel, "partitions": [_partition(partition, plan) for partition, plan in shown]}


def _partition(partition: Partition, plan: Plan | str) -> dict[str, Any]:
    if isinstance(plan, str):
        return {"partition": partition.key, "problem": plan}
    return {
        "partition": partition.key,
        "plan": plan.hash,
        "waiting_plan": plan.waiting_hash,
        "counts": plan.counts,
        "left_to": plan.left_to,
        "statements": [statement.text for statement in plan.statements],
        "waiting": [statement.text for statement in plan.waiting],
        "changes": [
            {
                "entity": change.entity,
                "aspect": change.aspect,
                "tag_key": change.tag_key,
                "verdict": change.verdict,
                "before": change.actual,
                "after": change.value if change.verdict.plans else change.actual,
                "wanted": change.wanted,
                "reason": change.reason,
            }
            for change in plan.changes
        ],
    }


def _row(change: Change, partition: Partition) -> tuple[str, ...]:
    below = change.entity.removeprefix(partition.key).removeprefix(".")
    after = change.value if change.verdict.plans else change.wanted
    return (
        change.verdict.value,
        one_line(change.what, _WIDTH),
        one_line(below or change.entity, _WIDTH),
        one_line(change.actual or "", _WIDTH),
        one_line(after or "", _WIDTH),
        one_line(change.reason, _WIDTH * 2),
    )
