"""A report as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from nincost import _units as units
from nincost._memory.results import LayerMemory, Memory
from nincost._profile.results import LayerCost, Profile
from nincost._profile.view import View, total_row, tree_rows
from nincost._render.memory import text as memory_words
from nincost._render.page import bars, batches, roofline, shell, step
from nincost._render.page.vega import Spec
from nincost._render.parts import remedies
from nincost._render.report import text as words
from nincost._render.time import text as time_words
from nincost._report.results import Report, StepCurve

#: Layers listed beside the pictures, the largest first.
_LISTED = 12
#: Rows that a page of 1.5 MB has room for.
_MOST = 4000
#: Rows of a table beyond which modules begin folded, and how many may then be seen.
_LONG, _OPEN = 80, 60


def check() -> None:
    """Raise `OutputError` where a library of the page is not installed."""
    shell.check_libraries()


def _reductions(memory: Memory) -> list[str]:
    """What makes the step fit, or what would take less."""
    if memory.remedies is not None:
        return remedies.lines(memory.remedies)
    return memory_words.reductions(memory)


def render(report: Report) -> str:
    """The page, complete: style, scripts and data are in it.

    Raises:
        OutputError: the libraries of the extra `report` are not installed.
    """
    charts = _charts(report)
    rows = _rows(report.profile)
    memory = report.step
    roof = report.roofline
    return shell.render(
        "report.html",
        charts,
        title=f"{report.profile.model}: nincost report",
        report=report,
        step=memory,
        lead=words.lead(report),
        cards=words.cards(report),
        rows=rows,
        summed=_summed(report.profile, rows),
        total=total_row(report.profile),
        categories=_categories(memory, report.curve) if memory else (),
        phases=memory_words.phases(memory) if memory else (),
        peak=words.peak(memory) if memory else "",
        holders=_holders(memory) if memory else (),
        reductions=_reductions(memory) if memory else (),
        compared=_compared(memory) if memory else (),
        roof_words=words.roofline(report) if roof else "",
        slowest=sorted(roof.points, key=lambda p: -p.seconds)[:_LISTED] if roof else (),
        duration=units.duration,
        phases_of_time=time_words.phases(report.time) if report.time else (),
        longest=time_words.layer_rows(report.time, _LISTED) if report.time else (),
        said_of_time=time_words.statements(report.time) if report.time else (),
        methods=words.methods(report),
        notes=words.notes(report),
    )


def _charts(report: Report) -> dict[str, Spec]:
    charts = {
        "by-macs": bars.bars(report.bars, "macs", "MACs", "count"),
        "by-params": bars.bars(report.bars, "params", "parameters", "count"),
        "by-activation": bars.bars(report.bars, "activation_bytes", "activations", "size"),
    }
    if report.step is not None and report.curve is not None:
        charts["step"] = step.chart(report.curve)
    if report.batches is not None:
        charts["batch"] = batches.chart(report.batches, report.profile.batch_size)
    if report.roofline is not None and report.roofline.points:
        charts["roof"] = roofline.chart(report.roofline)
    return charts


@dataclass(frozen=True, slots=True)
class LayerRow:
    """A row of the layer table; `path` is what stands before `label` where rows are no tree."""

    cost: LayerCost
    depth: int
    path: str
    label: str
    is_group: bool
    is_folded: bool = False
    is_hidden: bool = False


def _rows(profile: Profile) -> list[LayerRow]:
    """The module tree, opened to the last leaf, or as deep as `_MOST` rows allow."""
    depth = max((row.depth for row in profile.layers), default=0) + 2
    drawn = tree_rows(profile, View(depth=depth))
    while len(drawn) > _MOST and depth > 1:
        depth -= 1
        drawn = tree_rows(profile, View(depth=depth))
    found = []
    for row in drawn:
        full = row.cost.layer
        # "(parameters)" is no part of the module's path that it stands under.
        path = full.removesuffix(row.label) if full.endswith(row.label) else f"{full} "
        level = min(len(row.branch) // 3, shell.DEEPEST)
        found.append(LayerRow(row.cost, level, path, row.label, row.is_group))
    return _fold(found)


def _summed(profile: Profile, rows: Sequence[LayerRow]) -> str:
    """A sentence for a table that does not have every row of the profile."""
    leaves = sum(not row.is_group for row in rows)
    if leaves == len(profile.layers):
        return ""
    return (
        f"{len(profile.layers):,} rows are added up to {leaves:,} here, by module; "
        "nincost profile --format csv has them all."
    )


def _fold(rows: list[LayerRow]) -> list[LayerRow]:
    """A long table begins folded: opened as deep as leaves `_OPEN` rows, but never the root alone.

    That also spares a browser the layout of thousands of rows before the first is seen.
    """
    if len(rows) <= _LONG:
        return rows
    deepest = max(row.depth for row in rows)
    level = 1
    while level < deepest and sum(row.depth <= level + 1 for row in rows) <= _OPEN:
        level += 1
    return [
        replace(row, is_folded=row.is_group and row.depth >= level, is_hidden=row.depth > level)
        for row in rows
    ]


def _categories(memory: Memory, curve: StepCurve | None) -> list[tuple[str, str, str]]:
    """Key, name, and what is there at the peak, of each category that the step ever has."""
    totals = memory.totals
    found = []
    for name, size in totals.categories_at_peak.items():
        if size or (curve is not None and name in curve.categories):
            share = _share(size, totals.peak_allocated_bytes)
            words = f"{units.size(size)} at the peak, {share}" if size else "none at the peak"
            found.append((name, memory_words.ALL_NAMES[name], words))
    return found


def _holders(memory: Memory) -> list[tuple[str, int, str]]:
    """The layers that hold most at the peak, and the others together."""
    ordered: Sequence[LayerMemory] = sorted(memory.layers, key=lambda layer: -layer.bytes)
    total = memory.totals.peak_allocated_bytes
    rows = [(layer.layer, layer.bytes) for layer in islice(ordered, _LISTED)]
    rest = ordered[_LISTED:]
    if rest:
        rows.append((f"{len(rest)} others", sum(layer.bytes for layer in rest)))
    return [(name, size, _share(size, total)) for name, size in rows]


def _share(size: int, total: int) -> str:
    return f"{100 * size / total:.1f}%" if total else "-"


def _compared(memory: Memory) -> list[tuple[str, str, str, str]]:
    """Predicted beside measured, with the difference; empty where nothing was measured."""
    measured = memory.totals.measured
    if measured is None:
        return []
    names = {
        "peak_allocated_bytes": "peak allocated",
        "peak_reserved_bytes": "peak reserved",
        "process_bytes": "process",
    }
    rows = []
    for key, name in names.items():
        real = getattr(measured, key)
        predicted = units.size(getattr(memory.totals, key))
        rows.append((name, predicted, "-" if real is None else units.size(real),
                     memory_words.difference(memory, key)))  # fmt: skip
    return rows
