"""What a plan says: its rows, and the front in words."""

from __future__ import annotations

from nincost import _units as units
from nincost._plan.plan_results import Plan, PlanRow
from nincost._render.memory.text import setting

#: Rows in a table unless asked otherwise; CSV and JSON have them all.
TOP = 16
HEADINGS = ("", "Ranks share", "Checkpointing", "Precision", "Optimizer", "Compiled", "Batch",
            "Passes", "Examples/s", "Process", "Reserved", "Allocated")  # fmt: skip
#: Those that name a way.
WAY = HEADINGS[1:6]
#: Which of them are numbers.
NUMBERS = (False, *(False for _ in WAY), True, True, True, True, True, True)


def title(result: Plan) -> str:
    """`hf:llama-8b on 8 x NVIDIA H100: a training step with AdamW`."""
    shared = {key: value for key, value in result.settings.items() if key != "parallel"}
    words = setting(shared | ({"parallel": None} if "ranks" in shared else {}))
    return f"{result.model} on {result.ranks} x {result.gpu}: {words}"


def cells(row: PlanRow) -> tuple[str, ...]:
    """A row's texts, `*` first where it is on the front."""
    return (
        "*" if row.on_front else "", row.parallel or "one GPU", row.activation_checkpointing,
        row.precision, row.optimizer_impl, "compiled" if row.compile else "",
        str(row.batch_size), str(row.grad_accumulation),
        "-" if row.examples_per_second is None else f"{row.examples_per_second:,.1f}",
        units.size(row.process_bytes), units.size(row.peak_reserved_bytes),
        units.size(row.peak_allocated_bytes),
    )  # fmt: skip


def shown(result: Plan, top: int) -> tuple[PlanRow, ...]:
    """The front and, as far as there is room, the others, in the plan's order."""
    rest = [row for row in result.rows if not row.on_front]
    kept = [*result.front, *rest[: max(top - len(result.front), 0)]]
    return tuple(row for row in result.rows if row in kept)


def statements(result: Plan) -> list[tuple[str, str]]:
    """How many were tried, why others were not, the commands of the front, notes."""
    totals = result.totals
    lines = [
        (
            "Tried",
            f"{totals.ways} ways, {totals.tried} of them run, in {totals.steps} steps: "
            f"{totals.fitting} fit {units.size(totals.budget_bytes)}",
        )
    ]
    dropped = [f"{count} {reason}" for reason, count in result.dropped.items() if count]
    if dropped:
        lines.append(("Left out", "; ".join(dropped)))
    timed = any(row.examples_per_second is not None for row in result.rows)
    beats = "is as fast" if timed else "has as large a batch"
    lines.append(("Front", f"* no other way {beats} in less memory"))
    lines += [("Note", text) for text in result.notes]
    return lines
