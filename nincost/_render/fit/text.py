"""What the largest batch says: its rows, and the answer in words."""

from __future__ import annotations

from nincost import _units as units
from nincost._memory.fit_results import Fit
from nincost._render.memory.text import ALL_NAMES, breakdown, setting, uncounted


def title(result: Fit) -> str:
    """`two-1x1 on rtx4090: a training step with SGD`."""
    budget = units.size(result.totals.budget_bytes)
    return f"{result.model} within {budget}: {setting(result.settings)}"


def rows(result: Fit) -> list[tuple[str, int, int]]:
    """The categories, then three totals: name, bytes at the answer, bytes at one more."""
    at, more = result.memory.totals, result.next_memory.totals
    found = [
        (words, at.categories_at_peak[name], more.categories_at_peak[name])
        for name, words in ALL_NAMES.items()
        if name in at.categories_at_peak
    ]
    return [
        *(row for row in found if row[1] or row[2]),
        ("peak allocated", at.peak_allocated_bytes, more.peak_allocated_bytes),
        ("peak reserved", at.peak_reserved_bytes, more.peak_reserved_bytes),
        ("process", at.process_bytes, more.process_bytes),
    ]


def summary(result: Fit) -> list[tuple[str, str]]:
    """The answer in words."""
    totals = result.totals
    batch = totals.batch_size
    spare = totals.budget_bytes - totals.process_bytes
    over = totals.next_process_bytes - totals.budget_bytes
    low, high = result.memory.totals.interval["process_bytes"]
    lines = [
        (
            "Largest batch",
            f"{batch}: {units.size(totals.process_bytes)} of {units.size(totals.budget_bytes)}, "
            f"{units.size(spare)} to spare; "
            + (
                f"a batch of {totals.next_batch_size} exceeds it by {units.size(over)}"
                if totals.next_batch_size != batch
                else "no larger one divides the global batch"
            ),
        ),
        *_speed(result),
        (
            "Breakdown",
            breakdown(
                result.memory.totals.categories_at_peak, result.memory.totals.peak_allocated_bytes
            ),
        ),
        (
            "Range",
            f"{units.size(low)} to {units.size(high)} for the process at this batch: it depends on "
            "cuDNN's choices and the size of the CUDA context",
        ),
    ]
    if result.memory.totals.context_bytes:
        lines.append(("Rules", f"for {result.gpu}"))
    return lines


def statements(result: Fit) -> list[tuple[str, str]]:
    """All that is said below the table: the answer, then the notes."""
    return [*summary(result), *(("Note", text) for text in notes(result))]


def notes(result: Fit) -> list[str]:
    """What a careful reader should know."""
    return [*result.notes, *uncounted(result.memory)]


def _speed(result: Fit) -> list[tuple[str, str]]:
    """Predicted examples a second at the answer, and at the batch that has the most."""
    totals = result.totals
    if totals.examples_per_second is None or totals.fastest_examples_per_second is None:
        return []
    text = f"{totals.examples_per_second:,.1f} examples/s predicted at this batch"
    if totals.fastest_batch_size == totals.batch_size:
        return [("Throughput", f"{text}, the most of those that were tried")]
    return [(
        "Throughput",
        f"{text}; the most of those that were tried has batch {totals.fastest_batch_size:,}: "
        f"{totals.fastest_examples_per_second:,.1f}",
    )]  # fmt: skip
