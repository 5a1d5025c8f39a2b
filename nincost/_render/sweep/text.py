"""What a sweep's rows say in words."""

from __future__ import annotations

from typing import Any

from nincost import _units as units
from nincost._plan.sweep_results import Sweep, SweepRow, setting_text

#: Rows in a table unless asked otherwise; CSV and JSON have them all.
TOP = 40
#: Headings of figures; an option's is its name.
_FIGURES = {
    "params": "Params", "macs": "MACs", "flops": "FLOPs", "activation_bytes": "Activations",
    "peak_allocated_bytes": "Allocated", "peak_reserved_bytes": "Reserved",
    "process_bytes": "Process", "fits": "Fits", "largest_batch_size": "Largest batch",
    "next_process_bytes": "At the next", "step_seconds": "Step", "examples_per_second":
    "Examples/s", "mfu": "MFU", "bound_by": "Bound by",
}  # fmt: skip


def title(result: Sweep) -> str:
    """`profile, memory of 12 models: 48 cells, 2 failed`."""
    commands = ", ".join(dict.fromkeys(row.command for row in result.rows))
    models = len({row.model for row in result.rows})
    totals = result.totals
    words = f"{commands} of {models} model{'s' * (models != 1)}: {totals.cells} cells"
    return f"{words}, {totals.failed} failed" if totals.failed else words


def headings(result: Sweep) -> tuple[str, ...]:
    """Of the columns that `cells` gives."""
    return (
        "Command", "Model", *(("GPU",) if _has_cards(result) else ()),
        *(name.replace("_", " ").capitalize() for name in result.options),
        *(_FIGURES[name] for name in result.figures),
    )  # fmt: skip


def are_numbers(result: Sweep) -> tuple[bool, ...]:
    """Which columns are set to the right."""
    texts = 3 if _has_cards(result) else 2
    return (
        *(False,) * texts,
        *(
            all(isinstance(row.settings.get(name, 0), int | float) for row in result.rows)
            for name in result.options
        ),
        *(name != "bound_by" for name in result.figures),
    )


def cells(result: Sweep, row: SweepRow) -> tuple[str, ...]:
    """A row's texts."""
    return (
        row.command, row.model, *((row.gpu,) if _has_cards(result) else ()),
        *(_setting(row.settings.get(name)) for name in result.options),
        *(_figure(name, row.figures.get(name)) for name in result.figures),
    )  # fmt: skip


def _has_cards(result: Sweep) -> bool:
    return any(row.gpu for row in result.rows)


def _setting(value: Any) -> str:
    return "" if value is None else str(setting_text(value))


def _figure(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_bytes"):
        return units.size(value)
    if name == "step_seconds":
        return f"{value * 1000:.4g} ms"
    if name == "mfu":
        return f"{value:.1%}"
    if name in ("params", "macs", "flops"):
        return units.count(value)
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def statements(result: Sweep) -> list[tuple[str, str]]:
    """What failed and why, what was left out, and where the answers are kept."""
    lines: list[tuple[str, str]] = []
    reasons: dict[str, list[str]] = {}
    for row in result.failures:
        reasons.setdefault(row.reason, []).append(f"{row.command} of {row.model}")
    for reason, failed in reasons.items():
        names = ", ".join(dict.fromkeys(failed[:4])) + (", ..." if len(failed) > 4 else "")
        lines.append(("Failed", f"{len(failed)} ({names}): {reason}"))
    uncounted = sorted({name for row in result.rows for name in row.uncounted})
    if uncounted:
        lines.append(("Uncounted", ", ".join(uncounted)))
    if result.totals.resumed:
        lines.append(("Resumed", f"{result.totals.resumed} cells were in the journal"))
    if result.journal:
        lines.append(("Journal", result.journal))
    return lines
