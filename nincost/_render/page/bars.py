"""Bar charts of a report and of a comparison, and what all charts share."""

from __future__ import annotations

from collections.abc import Sequence

from nincost import _units as units
from nincost._profile.results import LayerCost
from nincost._render.page.vega import Spec

#: Characters of a layer's name that there is room for beside a bar.
_LONGEST = 24


def tooltip(*fields: tuple[str, str] | tuple[str, str, str]) -> list[Spec]:
    """Fields with their titles, and `size` or `count` where a number is written in units."""
    shown = []
    for name, title, *kind in fields:
        one = {"field": name, "title": title}
        shown.append(one | ({"formatType": kind[0], "type": "quantitative"} if kind else {}))
    return shown


def _ending(name: str) -> str:
    """A long name's end, which distinguishes layers better than its beginning."""
    return name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"


def scaled(most: float, kind: str) -> tuple[float, str]:
    """The unit in which numbers up to `most` are easy to read: its size, and its name."""
    step, names = (1024, units.BINARY) if kind == "size" else (1000, units.SI)
    power = 0
    while most >= 2 * step ** (power + 1) and power < len(names) - 1:
        power += 1
    return float(step**power), names[power]


def bars(rows: Sequence[LayerCost], amount: str, title: str, kind: str) -> Spec:
    """An amount of each row as a horizontal bar, in order of execution."""
    values = [getattr(row, amount) for row in rows]
    unit, name = scaled(max(values, default=0), kind)
    total = sum(values) or 1
    return {
        "description": f"Bar chart: {title} by layer, in order of execution",
        "height": {"step": 15},
        "params": [{"name": "names", "value": [_ending(row.layer) for row in rows]}],
        "data": {
            "values": [
                {"i": i, "layer": row.layer, "type": row.type, "v": value,
                 "x": value / unit, "share": f"{100 * value / total:.1f}%"}
                for i, (row, value) in enumerate(zip(rows, values, strict=True))
            ]
        },
        "mark": {"type": "bar", "fill": "var(--bar)", "height": {"band": 0.78}},
        "encoding": {
            "y": {
                "field": "i", "type": "ordinal", "title": None,
                "axis": {"labelExpr": "names[datum.value]", "labelLimit": 150, "ticks": False,
                         "domain": False, "labelColor": "var(--ink)", "labelPadding": 5,
                         "labelOverlap": False},
            },
            "x": {
                "field": "x", "type": "quantitative",
                "title": f"{title} ({name})" if name else title,
                "axis": {"tickCount": 4, "orient": "bottom"},
            },
            "tooltip": tooltip(
                ("layer", "layer"), ("type", "type"), ("v", title, kind), ("share", "share")
            ),
        },
    }  # fmt: skip


def totals(
    names: Sequence[str], values: Sequence[int | float | None], title: str, kind: str
) -> Spec:
    """An amount of each network as a horizontal bar with its figure."""
    known = [value for value in values if value is not None]
    unit = 1 if kind == "rate" else scaled(round(max(known, default=0)), kind)[0]

    def written(value: int | float) -> str:
        if kind == "rate":
            return f"{value:,.1f}"
        return units.size(round(value)) if kind == "size" else units.count(round(value))

    return {
        "description": f"Bar chart: {title} of each network",
        "height": {"step": 26},
        "params": [{"name": "names", "value": list(names)}],
        "data": {
            "values": [
                {"i": i, "x": (value or 0) / unit, "words": "not known" if value is None
                 else written(value)}
                for i, value in enumerate(values)
            ]
        },
        "encoding": {
            "y": {
                "field": "i", "type": "ordinal", "title": None,
                "axis": {"labelExpr": "names[datum.value]", "labelLimit": 150, "ticks": False,
                         "domain": False, "labelColor": "var(--ink)", "labelOverlap": False},
            },
            "x": {"field": "x", "type": "quantitative", "axis": None,
                  "scale": {"domain": [0, max(known, default=1) / unit * 1.35 or 1]}},
        },
        "layer": [
            {"mark": {"type": "bar", "fill": "var(--bar)", "height": {"band": 0.7}}},
            {"mark": {"type": "text", "align": "left", "dx": 5},
             "encoding": {"text": {"field": "words"}}},
        ],
    }  # fmt: skip
