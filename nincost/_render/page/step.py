"""The memory over a step as a Vega-Lite chart: stacked by category, the peak marked."""

from __future__ import annotations

from nincost import _units as units
from nincost._render.memory.text import ALL_NAMES
from nincost._render.page.bars import scaled, tooltip
from nincost._render.page.vega import Spec
from nincost._report.results import StepCurve

#: A phase's word is left out where it has less than this share of the picture.
_NARROW = 0.13
_PHASE_WORDS = {"zero_grad": "", "end": "", "step": "optimizer"}


def chart(curve: StepCurve) -> Spec:
    """Memory over a step's operators, stacked by category, the peak marked."""
    peak = curve.moments[curve.peak]
    unit, unit_name = scaled(peak.bytes, "size")
    ends = [moment.place for moment in curve.moments[1:]] + [curve.length]
    values = [
        {"p": m.place, "q": end, "phase": m.phase, "layer": m.layer, "op": m.operator,
         "all": m.bytes, **dict(zip(curve.categories, m.sizes, strict=True))}
        for m, end in zip(curve.moments, ends, strict=True)
    ]  # fmt: skip
    # The last level holds until the end, too.
    values.append({**values[-1], "p": curve.length, "q": curve.length})
    x = {"field": "p", "type": "quantitative", "axis": None,
         "scale": {"domain": [0, curve.length], "nice": False}}  # fmt: skip
    names = list(curve.categories)
    area: Spec = {
        "transform": [
            {"fold": names, "as": ["category", "bytes"]},
            {"calculate": f"indexof({names}, datum.category)", "as": "rank"},
            {"calculate": f"datum.bytes / {unit:.0f}", "as": "size"},
        ],
        "mark": {"type": "area", "interpolate": "step-after", "fillOpacity": 1, "aria": False},
        "encoding": {
            "x": x,
            "y": {"field": "size", "type": "quantitative", "stack": "zero",
                  "title": f"allocated ({unit_name})", "axis": {"tickCount": 6},
                  "scale": {"domain": [0, peak.bytes / unit * 1.13], "nice": False}},
            "color": {"field": "category", "type": "nominal", "legend": None,
                      "scale": {"domain": names, "range": [f"var(--{name})" for name in names]}},
            "order": {"field": "rank"},
        },
    }  # fmt: skip
    hover: Spec = {
        "params": [{"name": "at", "select": {"type": "point", "on": "pointerover",
                                             "clear": "pointerout", "nearest": False}}],
        "mark": {"type": "rect", "fill": "var(--ink)", "aria": False},
        "encoding": {
            "x": x, "x2": {"field": "q"},
            "opacity": {"condition": {"param": "at", "empty": False, "value": 0.28}, "value": 0},
            "tooltip": tooltip(
                ("layer", "layer"), ("op", "operator"), ("phase", "phase"),
                ("all", "allocated", "size"),
                *((name, ALL_NAMES[name], "size") for name in reversed(names)),
            ),
        },
    }  # fmt: skip
    share = peak.place / max(curve.length, 1)
    align = "left" if share < 0.3 else "right" if share > 0.7 else "center"
    mark: Spec = {
        "data": {"values": [{"p": peak.place, "size": peak.bytes / unit,
                             "words": f"peak {units.size(peak.bytes)}"}]},
        "encoding": {"x": x, "y": {"field": "size", "type": "quantitative"}},
        "layer": [
            {"mark": {"type": "point", "filled": True, "fill": "var(--ground)",
                      "stroke": "var(--ink)", "strokeWidth": 1.6, "size": 55, "opacity": 1}},
            {"mark": {"type": "text", "align": align, "dy": -14, "fontWeight": "bold"},
             "encoding": {"text": {"field": "words"}}},
        ],
    }  # fmt: skip
    return {
        "description": f"Area chart: memory over the step, stacked by category. Peak "
        f"{units.size(peak.bytes)} at {peak.layer}",
        "height": 320,
        "data": {"values": values},
        "layer": [area, _phases(curve, x), hover, mark],
    }


def _phases(curve: StepCurve, x: Spec) -> Spec:
    """Where each phase begins, with its name where there is room for it."""
    starts = [place for place, _ in curve.phases]
    rows = []
    for (place, phase), end in zip(curve.phases, [*starts[1:], curve.length], strict=True):
        word = _PHASE_WORDS.get(phase, phase)
        wide = (end - place) / max(curve.length, 1) >= _NARROW
        rows.append({"p": place, "word": word if wide else ""})
    return {
        "data": {"values": rows},
        "encoding": {"x": x},
        "layer": [
            {"mark": {"type": "rule", "color": "var(--ink)", "strokeDash": [2, 3], "opacity": 0.75,
                      "aria": False}},
            {"mark": {"type": "text", "align": "left", "dx": 4, "fontSize": 11, "baseline": "top",
                      "aria": False},
             "encoding": {"text": {"field": "word"}, "y": {"value": -16}}},
        ],
    }  # fmt: skip
