"""What a comparison says of its totals, for every format that shows words."""

from __future__ import annotations

from nincost import _units as units
from nincost._compare.results import Comparison

_TOTALS = (
    ("params", "Parameters"), ("macs", "MACs"), ("flops", "FLOPs"),
    ("activation_elements", "Activations"), ("activation_bytes", "Activation memory"),
    ("training_bytes", "Training memory"), ("examples_per_second", "Examples/s (predicted)"),
)  # fmt: skip


def totals(comparison: Comparison) -> tuple[tuple[str, str], ...]:
    """The names and headings of the totals to show."""
    return tuple(one for one in _TOTALS if one[0] in comparison.amounts)


def title(comparison: Comparison) -> str:
    return " against ".join(comparison.names[:2]) if comparison.layers else "Comparison"


def amount(name: str, value: int | float | None) -> str:
    """A whole number, bytes in binary units, or a rate; a dash where it is not known."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return units.size(value) if name.endswith("bytes") else units.exact(value)


def change(name: str, value: int | float | None) -> str:
    """`+3,104` or `-1.068 MiB`; `=` for none, a dash where it is not known."""
    if value is None:
        return "-"
    if not value:
        return "="
    sign = "+" if value > 0 else "-"
    return f"{sign}{amount(name, abs(value))}"


def short_amount(name: str, value: int | float | None) -> str:
    """As `amount`, with counts in SI."""
    if value is None or isinstance(value, float):
        return amount(name, value)
    return units.size(value) if name.endswith("bytes") else units.count(value)


def short_change(name: str, value: int) -> str:
    """As `change`, with counts in SI."""
    if not value:
        return "="
    return f"{'+' if value > 0 else '-'}{short_amount(name, abs(value))}"


def cell(column: str, value: int | float | str | None, *, exact: bool) -> str:
    """A value under one of the CSV's columns, as a terminal shows it."""
    if value is None or isinstance(value, str):
        return value or "-"
    if isinstance(value, float):
        return amount(column, value) if column == "examples_per_second" else ratio(value)
    name = column.removesuffix("_change").removeprefix("left_").removeprefix("right_")
    if name == "batch_size":
        return units.exact(value)
    show = amount if exact else short_amount
    if not column.endswith("_change"):
        return show(name, value)
    return "=" if not value else f"{'+' if value > 0 else '-'}{show(name, abs(value))}"


def ratio(value: float | None) -> str:
    if value is None:
        return "-"
    return f"x{value:.3f}" if value < 10 else f"x{value:,.1f}"


def counts(comparison: Comparison) -> str:
    """`21 layers the same, 4 changed, 4 added, 0 removed`."""
    found = [row.status for row in comparison.layers]
    named = {status: found.count(status) for status in ("same", "changed", "added", "removed")}
    return (
        f"{named['same']} layers the same, {named['changed']} changed, {named['added']} added, "
        f"{named['removed']} removed"
    )
