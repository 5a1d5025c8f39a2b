"""What a sweep's rows say in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nincost import _units as units
from nincost._plan.sweep_results import FIGURES, Sweep, SweepRow, setting_text

#: Rows of a command's table unless asked otherwise; CSV and JSON have them all.
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


@dataclass(frozen=True, slots=True)
class CommandTable:
    """A command's cells, with the columns that they have.

    Attributes:
        title: the command, and what all its cells share.
        rows: each cell with its texts, one a heading.
    """

    title: str
    headings: tuple[str, ...]
    are_numbers: tuple[bool, ...]
    rows: tuple[tuple[SweepRow, tuple[str, ...]], ...]


def tables(result: Sweep) -> Iterator[CommandTable]:
    """A table for each command, in the order of the sweep."""
    for command in dict.fromkeys(row.command for row in result.rows):
        yield _table(command, [row for row in result.rows if row.command == command])


def _table(command: str, rows: list[SweepRow]) -> CommandTable:
    columns = {"GPU": [row.gpu for row in rows]}
    numbers = set()
    for name in dict.fromkeys(name for row in rows for name in row.settings):
        columns[_heading(name)] = [_setting(row.settings.get(name)) for row in rows]
        if all(isinstance(row.settings.get(name, 0), int | float) for row in rows):
            numbers.add(_heading(name))
    varied = {h: texts for h, texts in columns.items() if len({*texts}) > 1 or len(rows) == 1}
    shared = ", ".join(
        f"{heading} {texts[0]}"
        for heading, texts in columns.items()
        if heading not in varied and texts[0]
    )
    columns = {"Model": [row.model for row in rows], **varied}
    for name in FIGURES[command]:
        columns[_FIGURES[name]] = [_figure(name, row.figures.get(name)) for row in rows]
        if name not in ("fits", "bound_by"):
            numbers.add(_FIGURES[name])
    columns = {heading: texts for heading, texts in columns.items() if any(texts)}
    return CommandTable(
        f"{command}, each with {shared}" if shared else command,
        tuple(columns),
        tuple(heading in numbers for heading in columns),
        tuple(zip(rows, zip(*columns.values(), strict=True), strict=True)),
    )


def _heading(option: str) -> str:
    return "AMP" if option == "amp" else option.replace("_", " ").capitalize()


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
