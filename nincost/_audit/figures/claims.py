"""Answers what one layer is said to take: "one 1x1 layer took 0.8 GB at batch 128".

The same step is predicted with the layer, without it, and without one such layer in each block.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from nincost import _units as units
from nincost._audit.figures.results import GradedFigure
from nincost._audit.interpretations import Mistake
from nincost._audit.reading.expression import parse, stands_for, unit_of
from nincost._audit.reading.parts import Figure, Reading
from nincost._audit.subject import Subject

CLAIM = re.compile(
    r"(?:remov|sav(?:es?|ed|ing)|took|takes?|costs?|adds?)[^.。]*1\s*[x×*]\s*1"
    r"|1\s*[x×*]\s*1[^.。]*(?:took|takes?|saves?|saved|costs?|占|省|多)"
    r"|(?:去掉|删掉|删去|少|加)[^。]*1\s*[x×*]\s*1",
    re.IGNORECASE,
)

#: All of them are meant, one in each block.
_EVERY = re.compile(
    r"\b(?:all|each block|every block|four|the second)\b"
    r"|所有|全部|每个?块|每一块|各块|四个|4\s*个|共",
    re.IGNORECASE,
)


def graded_claim(reading: Reading, figure: Figure, text: str, subject: Subject) -> GradedFigure:
    """What one 1x1 convolution takes at the claim's batch, and at which batch it would be true."""
    batch = figure.batch or subject.batch_size
    readings = []
    for binary in (False, True):
        node, claims = parse(
            reading.text, figure.start, figure.end, line=reading.line, binary=binary
        )
        if claims or node is None:
            readings.append((claims[-1].value, claims[-1].unit))
        else:
            readings.append((node.value, unit_of(node)))
    ones = _one_by_ones(subject)
    if not ones:
        words = "this model has no 1x1 convolution that could be left out"
        return GradedFigure(
            text, "1x1 convolution", units.size(round(readings[1][0])), "none", "wrong",
            (Mistake("memory-claim", words),),
        )  # fmt: skip
    whole = subject.memory(batch)
    without_one = subject.memory(batch, without=ones[-1:] if len(ones) == 1 else ones[:1])
    without_all = subject.memory(batch, without=ones)
    one = (
        whole.peak_allocated_bytes - without_one.peak_allocated_bytes,
        whole.process_bytes - without_one.process_bytes,
    )
    every = (
        whole.peak_allocated_bytes - without_all.peak_allocated_bytes,
        whole.process_bytes - without_all.process_bytes,
    )
    asked = every if _EVERY.search(f"{figure.context} {text}") else one
    right = any(stands_for(v, u, Fraction(size)) for v, u in readings for size in asked)
    said = readings[1][0]
    true_at = round(batch * said / one[0]) if one[0] > 0 else 0
    all_at = round(batch * said / every[0]) if every[0] > 0 else 0
    notes = [
        f"one layer ({ones[0]}): {units.size(one[0])} allocated, {units.size(one[1])} in "
        f"nvidia-smi at batch {batch}",
        f"one in each of {len(ones)} blocks: {units.size(every[0])} allocated, "
        f"{units.size(every[1])} in nvidia-smi",
        f"{units.size(round(said))} allocated would be right for one layer at about batch "
        f"{true_at:,}, for all {len(ones)} at about batch {all_at:,}",
    ]
    words = f"one layer takes {units.size(one[0])}, and one in each block {units.size(every[0])}"
    return GradedFigure(
        text=text,
        subject="1x1 convolution",
        written=units.size(round(said)),
        expected=units.size(asked[0]),
        verdict="right" if right else "wrong",
        mistakes=() if right else (Mistake("memory-claim", words),),
        formula="the predicted peak with the layer less that without it",
        notes=tuple(notes),
    )


def _one_by_ones(subject: Subject) -> Sequence[str]:
    """In each block the last 1x1 convolution that keeps the number of channels, the first block's
    first."""
    found: dict[str, str] = {}
    for layer in subject.all_layers(1):
        cost = layer.cost
        one = cost.window and set(cost.window.kernel) == {1} and cost.type.startswith("Conv")
        if one and cost.groups == 1 and cost.output[1:2] == (cost.channels,):
            found[layer.name.rpartition(".")[0]] = layer.name
    return list(found.values())
