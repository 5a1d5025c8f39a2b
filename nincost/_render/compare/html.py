"""A comparison as one HTML page."""

from __future__ import annotations

from dataclasses import dataclass

from nincost import _units as units
from nincost._compare.results import Comparison, Difference
from nincost._render.page import bars, shell
from nincost._render.page.vega import Spec
from nincost._render.profile import text as words

#: What is compared in total: key, title, and how it is written.
_AMOUNTS = (
    ("params", "Parameters", "count"),
    ("macs", "MACs", "count"),
    ("activation_bytes", "Activations", "size"),
    ("training_bytes", "Training step, peak allocated", "size"),
    ("examples_per_second", "Training, predicted examples a second", "rate"),
)
#: Columns of the layers' table for each of the two networks and their difference.
COLUMNS = (
    ("params", "Parameters", "exact"),
    ("macs", "MACs", "count"),
    ("activation_bytes", "Activations", "size"),
)


@dataclass(frozen=True, slots=True)
class TotalCell:
    """An amount of one network: as a person reads it, and as a multiple of the first's."""

    text: str
    exact: str
    ratio: str


def check() -> None:
    """Raise `OutputError` where a library of the page is not installed."""
    shell.check_libraries()


def render(result: Comparison, *, command: str = "") -> str:
    """The page; `command` is what makes it again.

    Raises:
        OutputError: the libraries of the extra `report` are not installed.
    """
    amounts = [row for row in _AMOUNTS if row[0] in result.amounts]
    return shell.render(
        "compare.html",
        _charts(result, amounts),
        title=f"{' and '.join(result.names)}: nincost comparison",
        result=result,
        lead="; ".join(dict.fromkeys(words.title(profile) for profile in result.profiles)),
        amounts=amounts,
        totals=[_totals(result, place, amounts) for place in range(len(result.names))],
        columns=COLUMNS,
        sums=[_sums(result, name) for name, _, _ in COLUMNS] if result.layers else (),
        differing=_differing(result),
        notes=_notes(result),
        command=command,
    )


def _charts(result: Comparison, amounts: list[tuple[str, str, str]]) -> dict[str, Spec]:
    return {
        f"total-{name}": bars.totals(result.names, result.total(name), title, kind)
        for name, title, kind in amounts
    }


def _totals(
    result: Comparison, place: int, amounts: list[tuple[str, str, str]]
) -> list[TotalCell]:  # fmt: skip
    cells = []
    for name, _, kind in amounts:
        value, ratio = result.total(name)[place], result.ratios(name)[place]
        if value is None:
            cells.append(TotalCell("-", "", ""))
            continue
        if isinstance(value, float):
            text = exact = f"{value:,.1f}"
        else:
            text = units.size(value) if kind == "size" else units.count(value)
            exact = units.exact(value)
        cells.append(TotalCell(text, exact, "" if ratio is None else f"×{ratio:.4g}"))
    return cells


def _sums(result: Comparison, name: str) -> tuple[int, int, int]:
    left = sum(row.amount(name)[0] for row in result.layers)
    right = sum(row.amount(name)[1] for row in result.layers)
    return left, right, right - left


def _differing(result: Comparison) -> str:
    if not result.layers:
        return ""
    rows: tuple[Difference, ...] = result.changed
    return f"{len(rows)} of {len(result.layers)} layers differ"


def _notes(result: Comparison) -> list[str]:
    lines = list(result.notes)
    for name, profile in zip(result.names, result.profiles, strict=True):
        lines += [f"{name}: {line}" for line in words.notes(profile)]
    return lines
