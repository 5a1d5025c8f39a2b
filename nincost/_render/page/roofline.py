"""The roofline as a Vega-Lite chart."""

from __future__ import annotations

from collections.abc import Sequence

from nincost import _units as units
from nincost._render.page.bars import tooltip
from nincost._render.page.vega import Spec
from nincost._report.results import Roofline, RoofPoint

#: A reader cannot distinguish more circles than this; those of the least time are left out.
MOST_POINTS = 250


def chart(roofline: Roofline) -> Spec:
    """Layers on the roofs of the card, each as large as the time that it takes at least."""
    points = _merged(roofline.points)
    tera = 1e12
    ridge = max(roof.flops for roof in roofline.roofs) / roofline.bandwidth
    low = min([*(p.intensity for p, _ in points), 0.2]) / 1.4
    high = max([*(p.intensity for p, _ in points), ridge * 2.5]) * 1.4
    bottom = min(low * roofline.bandwidth, *(p.attainable for p, _ in points)) / tera / 1.3
    top = roofline.roofs[0].flops / tera * 4
    x = {
        "field": "x",
        "type": "quantitative",
        "title": "arithmetic intensity (FLOP per byte)",
        "scale": {"type": "log", "domain": [low, high], "nice": False},
        "axis": {"tickCount": 5, "grid": False, "format": "~g", "labelOverlap": True},
    }
    y = {"field": "y", "type": "quantitative", "title": "attainable (TFLOP/s)",
         "scale": {"type": "log", "domain": [bottom, top], "nice": False},
         "axis": {"tickCount": 5, "grid": False, "format": "~g", "labelOverlap": True}}  # fmt: skip
    lines, words = [], []
    for number, roof in enumerate(roofline.roofs):
        knee = roof.flops / roofline.bandwidth
        start = low if number == 0 else knee
        if start < knee:
            lines.append({"k": number, "x": start, "y": start * roofline.bandwidth / tera})
        lines += [{"k": number, "x": at, "y": roof.flops / tera} for at in (knee, high)]
        words.append({
            "x": high, "y": roof.flops / tera, "word": f"{roof.name} {roof.flops / tera:g} TFLOP/s",
        })  # fmt: skip
    shown = [
        {"x": p.intensity, "y": p.attainable / tera, "s": p.seconds, "layer": _name(p, count),
         "type": p.type, "bound": f"{p.bound}-bound", "flops": p.flops * count,
         "bytes": p.bytes * count, "least": units.duration(p.seconds * count),
         "predicted": "-" if p.predicted is None else units.duration(p.predicted * count),
         "rate": f"{units.count(round(p.attainable))}FLOP/s", "intensity": f"{p.intensity:.3g}"}
        for p, count in points
    ]  # fmt: skip
    middle = (low * ridge) ** 0.5  # halfway up the slope, as the axis shows it
    slope = {"x": middle, "y": middle * roofline.bandwidth / tera,
             "word": f"{roofline.bandwidth / 1e9:,.0f} GB/s"}  # fmt: skip
    return {
        "description": f"Roofline of {roofline.gpu}: each layer's arithmetic intensity and the "
        "FLOP/s that it can reach at most",
        "height": 330,
        "layer": [
            {"data": {"values": lines},
             "mark": {"type": "line", "stroke": "var(--roof)", "strokeWidth": 1.8, "aria": False},
             "encoding": {"x": x, "y": y, "detail": {"field": "k"}}},
            {"data": {"values": shown},
             "mark": {"type": "point", "filled": True, "opacity": 0.72, "stroke": "var(--ground)",
                      "strokeWidth": 0.8},
             "encoding": {
                 "x": x, "y": y,
                 "size": {"field": "s", "type": "quantitative", "legend": None,
                          "scale": {"range": [18, 620]}},
                 "fill": {"field": "bound", "type": "nominal", "legend": None,
                          "scale": {"domain": ["memory-bound", "compute-bound"],
                                    "range": ["var(--bar)", "var(--mark)"]}},
                 "order": {"field": "s", "sort": "descending"},
                 "tooltip": tooltip(
                     ("layer", "layer"), ("type", "type"), ("intensity", "FLOP per byte"),
                     ("flops", "FLOPs", "count"), ("bytes", "moved", "size"),
                     ("rate", "at most"), ("least", "takes at least"),
                     ("predicted", "predicted"), ("bound", "is"),
                 ),
             }},
            {"data": {"values": words},
             "mark": {"type": "text", "align": "right", "baseline": "bottom", "dy": -14,
                      "fontSize": 11, "aria": False},
             "encoding": {"x": x, "y": y, "text": {"field": "word"}}},
            {"data": {"values": [slope]},
             "mark": {"type": "text", "align": "right", "baseline": "bottom", "dx": -12, "dy": -4,
                      "fontSize": 11, "aria": False},
             "encoding": {"x": x, "y": y, "text": {"field": "word"}}},
        ],
    }  # fmt: skip


def _merged(points: Sequence[RoofPoint]) -> list[tuple[RoofPoint, int]]:
    """Layers that are alike as one, with their number; those that take most time."""
    alike: dict[tuple[str, int, int], list[RoofPoint]] = {}
    for point in points:
        alike.setdefault((point.type, point.flops, point.bytes), []).append(point)
    groups = sorted(alike.values(), key=lambda group: -sum(p.seconds for p in group))
    return [(group[0], len(group)) for group in groups[:MOST_POINTS]]


def _name(point: RoofPoint, count: int) -> str:
    return point.layer if count == 1 else f"{point.layer} and {count - 1} like it"
