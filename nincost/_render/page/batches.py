"""Memory by batch size as a Vega-Lite chart, with the memory of common cards."""

from __future__ import annotations

from nincost._render.page.bars import tooltip
from nincost._render.page.vega import Spec
from nincost._report.results import BatchCurve


def chart(curve: BatchCurve, batch_size: int) -> Spec:
    """The process's memory by batch, both logarithmic, with lines for cards."""
    gib = 2**30
    first, last = curve.line[0][0], max(curve.line[-1][0], batch_size)
    low = min(curve.line[0][1], curve.cards[0].budget_bytes) / gib / 1.25
    high = max(curve.line[-1][1], curve.cards[-1].budget_bytes) / gib * 1.3
    x = {
        "field": "batch",
        "type": "quantitative",
        "title": "batch size",
        "scale": {"type": "log", "domain": [first, max(last, 10)], "nice": False},
        "axis": {"tickCount": 6, "grid": False, "format": "~s", "labelOverlap": True},
    }
    y = {"field": "gib", "type": "quantitative", "title": "on the card (GiB)",
         "scale": {"type": "log", "domain": [low, high], "nice": False},
         "axis": {"values": [2**n for n in range(-3, 14)], "grid": False}}  # fmt: skip
    line = [{"batch": batch, "gib": size / gib} for batch, size in curve.line]
    points = [{"batch": batch, "gib": size / gib, "bytes": size} for batch, size in curve.points]
    cards: list[Spec] = []
    above = 0.0
    for card in curve.cards:
        budget = card.budget_bytes / gib
        cards.append({
            "gib": budget, "word": card.label if budget > above * 1.1 else "",
            "label": f"{card.label} ({card.card})", "batch": card.batch_size or None,
            "answer": "none fits" if card.batch_size == 0 else "any fits"
            if card.batch_size is None else f"{'' if card.exact else 'about '}{card.batch_size:,}",
            "budget": card.budget_bytes,
        })  # fmt: skip
        above = budget
    card_tooltip = tooltip(
        ("label", "card"), ("budget", "its memory", "size"), ("answer", "largest batch")
    )
    here = [{"batch": batch_size, "word": f"batch {batch_size:,}"}]
    return {
        "description": "Line chart: memory on the card by batch size, with the memory of common "
        "cards as horizontal lines and the largest batch for each",
        "height": 330,
        "layer": [
            {"data": {"values": cards}, "encoding": {"y": y, "tooltip": card_tooltip}, "layer": [
                {"mark": {"type": "rule", "color": "var(--soft)", "strokeDash": [5, 4],
                          "size": 1.2}},
                {"mark": {"type": "text", "align": "left", "baseline": "bottom", "dx": 3, "dy": -2,
                          "fontSize": 11},
                 "encoding": {"x": {"value": 0}, "text": {"field": "word"}}},
            ]},
            {"data": {"values": here}, "encoding": {"x": x}, "layer": [
                {"mark": {"type": "rule", "color": "var(--bar)", "opacity": 0.7,
                          "strokeDash": [2, 3]}},
                {"mark": {"type": "text", "align": "left" if batch_size <= last**0.5 else "right",
                          "dx": 4 if batch_size <= last**0.5 else -4, "dy": -6, "fontSize": 11,
                          "baseline": "bottom"},
                 "encoding": {"text": {"field": "word"}, "y": {"value": "height"}}},
            ]},
            {"data": {"values": line}, "mark": {"type": "line", "stroke": "var(--bar)",
                                                "strokeWidth": 2, "aria": False},
             "encoding": {"x": x, "y": y}},
            {"data": {"values": points},
             "mark": {"type": "point", "filled": True, "fill": "var(--bar)", "size": 26,
                      "opacity": 1},
             "encoding": {"x": x, "y": y, "tooltip": tooltip(("batch", "batch"),
                                                             ("bytes", "on the card", "size"))}},
            {"data": {"values": [card for card in cards if card["batch"]]},
             "mark": {"type": "point", "filled": True, "fill": "var(--mark)", "size": 75,
                      "shape": "diamond", "opacity": 1},
             "encoding": {"x": x, "y": y, "tooltip": card_tooltip}},
        ],
    }  # fmt: skip
