"""What a validation says in words: how far predictions are off, and what was measured with."""

from __future__ import annotations

import statistics

from nincost import _units as units
from nincost._validate.results import COMPARED, Validation, ValidationRow

#: The totals as people call them.
NAMES = {
    "peak_allocated_bytes": "allocated",
    "peak_reserved_bytes": "reserved",
    "process_bytes": "process",
}


def title(result: Validation) -> str:
    """`Predicted and measured on NVIDIA A100-SXM4-40GB`."""
    return f"Predicted and measured on {result.gpu}"


def statements(result: Validation) -> list[tuple[str, str]]:
    """Median and worst error of each total, what failed, and what was measured with."""
    lines = []
    for name in COMPARED:
        median, worst = result.median_error(name), result.worst_error(name)
        if median is not None and worst is not None:
            lines.append(
                (
                    NAMES[name].capitalize(),
                    f"median error {_percent(median)}, worst {_percent(worst)}",
                )
            )
    if errors := result.time_errors:
        median, worst = statistics.median(errors), max(errors)
        words = f"median error {_percent(median)}, worst {_percent(worst)} of {len(errors)} cases"
        lines.append(("Step time", words))
    verdicts = [row.exact_parts() for row in result.rows]
    known = [verdict for verdict in verdicts if verdict is not None]
    if known:
        lines.append(
            (
                "To the byte",
                f"parameters, buffers, gradients, optimizer state and inputs at the peak agree in "
                f"{sum(known)} of {len(known)} cases",
            )
        )
    for row in result.rows:
        if row.measured and row.measured.out_of_memory:
            lines.append(("Out of memory", f"{row.case}: {row.measured.out_of_memory}"))
        elif row.failure:
            lines.append(("Failed", f"{row.case}: {row.failure}"))
    versions = ", ".join(f"{name} {value}" for name, value in result.versions.items())
    lines.append(("Measured on", f"{result.gpu} with {versions or 'unknown versions'}"))
    if result.left:
        lines.append(("Interrupted", f"{result.left} cases were not run"))
    if result.recorded:
        lines.append(("Recorded", f"the measurements are those of {result.recorded}"))
    return lines


#: Of the table of times.
TIME_HEADINGS = ("Case", "Step predicted", "measured", "error")


def time_rows(result: Validation) -> list[list[str]]:
    """The cases whose steps were timed, cells as `TIME_HEADINGS` says."""
    return [
        [
            row.case,
            "-" if row.predicted_seconds is None else units.duration(row.predicted_seconds),
            units.duration(row.measured_seconds),
            "-" if (off := row.time_error()) is None else f"{100 * off:+.1f}%",
        ]
        for row in result.rows
        if row.measured_seconds is not None
    ]


def error(row: ValidationRow, name: str) -> str:
    """`+1.23%`: a total's prediction against what was measured; a dash where either is missing."""
    found = row.error(name)
    return "-" if found is None else f"{100 * found:+.2f}%"


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"
