"""Numbers of an answer that are no terms of its sum, whatever they are: such a one proves nothing.

`1->96, stride 4` are channels, `the extra 1.5 M` is how far two counts differ, and what thop gives
is the right total counted in its way.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from fractions import Fraction

from nincost._audit.mistakes import is_bias
from nincost._audit.reading.expression import rounded_unit, stands_for
from nincost._audit.reading.parts import Line, Part
from nincost._audit.sentences.each_number import THOP, by_thop
from nincost._audit.subject import Subject
from nincost._closed_form.cost_terms import CostedLayer, Quantity

_SMALL = 10_000
_ARROW = re.compile(r"->|→|=>|⇒")
#: `explains the extra 1.5 M`, `只差 260`.
_DIFFERS = re.compile(
    r"(?:\bextra|\bdifference(?: (?:is|of))?(?: only)?|\boff by|\bdiffers? by|\bdiffer by only"
    r"|只差|相差|差了?|多出来?的?)\s*(?:about|约)?\s*$",
    re.IGNORECASE,
)
_MOST_OF_TOTAL = Fraction(1, 20)  # that a difference between two ways to count may be
_TORCHINFO = re.compile(r"(?<![A-Za-z])torchinfo(?![A-Za-z])", re.IGNORECASE)


def without_no_terms(part: Part, subject: Subject) -> Part:
    """The part without them, where others are left."""
    lines = [line for line in part.lines if not _is_of_channels(part, line)]
    layers = subject.layers(part.batch or subject.batch_size)
    whats: tuple[Quantity, ...] = ("macs",) if part.what is None else (part.what,)
    total = max(sum(one.cost.amount(what) for one in layers) for what in whats)
    lines = [
        line for line in lines
        if not (_DIFFERS.search(line.own) and line.node.value < total * _MOST_OF_TOTAL)
    ]  # fmt: skip
    if "macs" in whats:
        lines = _as_tools_count(lines, part.text, layers, total)
    return replace(part, lines=lines) if lines else part


def _is_of_channels(part: Part, line: Line) -> bool:
    """`1->96`: from so many channels to so many."""
    if line.node.kind != "number" or line.node.unit or len(line.claims) != 1:
        return False
    claim = line.claims[0]
    small = line.node.value < _SMALL and claim.value < _SMALL and not claim.unit
    between = part.text[line.node.end : claim.start]
    return small and not claim.fits(line.node.value) and bool(_ARROW.search(between))


def _as_tools_count(
    lines: list[Line], text: str, layers: tuple[CostedLayer, ...], total: int
) -> list[Line]:
    """The lines, of which a tool's total counts as the right one: it counts a little more."""
    known = [by_thop(layers, "macs")] if THOP.search(text) else []
    if _TORCHINFO.search(text):
        known.append(total + bias_additions(layers))
    known = [one for one in known if one != total]
    of_tool = [
        line for line in lines
        if line.node.kind == "number"
        and any(stands_for(line.node.value, rounded_unit(line.node), Fraction(one))
                for one in known)
    ]  # fmt: skip
    rest = [line for line in lines if line not in of_tool]
    if rest or not of_tool:
        return rest
    node = replace(of_tool[0].node, value=Fraction(total), unit=Fraction(0))
    return [replace(of_tool[0], node=node)]


def bias_additions(layers: tuple[CostedLayer, ...]) -> int:
    """An addition for each output value of the layers that have biases."""
    return sum(
        math.prod(one.cost.output) for one in layers if any(map(is_bias, one.cost.param_terms))
    )
