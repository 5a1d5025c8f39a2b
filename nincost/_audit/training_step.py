"""A training step of which the backward pass is counted once: it takes two forward passes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from nincost._audit.graded_terms import plain_number
from nincost._audit.interpretations import Mistake
from nincost._audit.reading.expression import rounded_unit, stands_for
from nincost._audit.reading.parts import Part
from nincost._audit.results import Explanation, Grade, MistakeCount
from nincost._audit.subject import Subject

_STEP = re.compile(
    r"train(?:ing)? step|step of training|(?:per|each|one) (?:step|iteration)\b"
    r"|训练(?:的)?(?:一步|步)|一步(?=是|要|需|共|就|约|的)|一次迭代",
    re.IGNORECASE,
)
#: What says that a number is of something else: `a training step: forward 0.76, backward 1.52`.
_OTHER = re.compile(r"\d|[。；;!?！？\n]|\.\s|backward|forward|反向|前向", re.IGNORECASE)
_LONGEST = 40  # characters between the words and the number


def with_whole_steps(found: Grade, part: Part, subject: Subject) -> Grade:
    """A right grade; a wrong one where what a training step takes is two forward passes."""
    if not found.ok or found.what == "params":
        return found
    sizes = dict.fromkeys((1, subject.batch_size, *part.batches))
    totals = [sum(one.cost.amount(found.what) for one in subject.layers(size)) for size in sizes]
    for value, unit in _of_steps(part):
        if any(stands_for(value, unit, Fraction(3 * total)) for total in totals):
            continue
        total = next((t for t in totals if stands_for(value, unit, Fraction(2 * t))), None)
        if total is not None:
            words = "a training step is three forward passes: the backward pass takes two"
            mistake = Mistake("backward-once", words)
            return replace(
                found, ok=False, terms=(), missing=(), arithmetic_errors=(),
                written=plain_number(value), claimed=None, expected=3 * total,
                mistakes=(MistakeCount(mistake.key, mistake.title, (), None),),
                total_explanations=(Explanation((mistake,)),),
                corrected=f"3 * {total:,} = {3 * total:,}",
            )  # fmt: skip
    return found


def _of_steps(part: Part) -> Iterator[tuple[Fraction, Fraction]]:
    """The numbers that are said to be a training step's, with what their last digits are worth."""
    for line in (*part.lines, *part.remarks):
        if _is_of_step(part.text, line.node.start):
            yield line.node.value, rounded_unit(line.node)
            yield from ((claim.value, claim.unit) for claim in line.claims)
    lines = itertools.chain.from_iterable(line.claims for line in part.lines)
    for claim in (*part.claims, *lines):
        if _is_of_step(part.text, claim.start):
            yield claim.value, claim.unit


def _is_of_step(text: str, at: int) -> bool:
    before = text[max(0, at - 200) : at]
    named = [*_STEP.finditer(before)]
    if not named:
        return False
    between = before[named[-1].end() :]
    return len(between) <= _LONGEST and not _OTHER.search(between)
