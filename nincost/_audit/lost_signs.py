"""Puts back the times signs that a paste lost: `96(11111+1)` for `96*(11*11*1+1)`.

A forum may take asterisks for italics. Where an answer has parentheses next to numbers and no
times sign at all, its numbers are cut into factors that the model has (kernels, channels, sizes),
and the cut is taken that fits a layer best.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from nincost._audit.matching import matcher_for
from nincost._audit.mistakes import Question
from nincost._audit.reading.expression import parse
from nincost._audit.reading.tokens import plain
from nincost._audit.weights import Weights
from nincost._closed_form.cost_terms import QUANTITIES, CostedLayer, Quantity
from nincost.errors import ExpressionError

_MOST_CUTS = 40  # of one number
_MOST_TRIED = 400  # of one term
_LONGEST = 2_000
_TERM = re.compile(r"\d+\([\d+]+\)\d*|\([\d+]+\)\d+|(?<=\+)\d{4,}(?=\+)")


def lost_signs(text: str) -> bool:
    """Whether a calculation may have lost its times signs."""
    line = plain(text)
    bare = re.sub(r"\s", "", line)
    if len(bare) > _LONGEST or re.search(r"[*]|\d[xX]\d", bare):
        return False
    # A sum in parentheses: `2(9312)` is a product as it stands.
    return len(re.findall(r"\d\(\d+\+[\d+]*\)|\(\d+\+[\d+]*\)\d", bare)) >= 2


def with_signs(text: str, layers: Sequence[CostedLayer], what: Quantity | None) -> str:
    """The text with the times signs that fit the model best; unchanged where none fits."""
    line = re.sub(r"\s", "", plain(text))
    best, found = line, -1.0
    for quantity in (what,) if what else QUANTITIES:
        trial, fitting = _restored(line, layers, quantity)
        if fitting > found:
            best, found = trial, fitting
    return best if found > 0 else text


def _restored(line: str, layers: Sequence[CostedLayer], what: Quantity) -> tuple[str, float]:
    """The text with signs put back, and how many terms then are a layer's, less a bit for each
    mistake."""
    matcher = matcher_for(tuple(layers), Question(what), Weights())
    cutter = matcher.cutter()
    factors = {"1"}
    for layer in layers:
        factors.update(
            str(factor.value)
            for one in layer.cost.terms(what)
            for factor in one.factors
            if factor.value > 1
        )
    fitting = 0.0

    def restore(match: re.Match[str]) -> str:
        nonlocal fitting
        best, least = match[0], cutter.weights.unexplained
        for trial in itertools.islice(_trials(match[0], factors), _MOST_TRIED):
            try:
                node, _ = parse(trial)
            except ExpressionError:
                continue
            if node is None:
                continue
            ways = cutter.ways(node)
            penalty = min(sum(map(cutter.penalty, way)) / len(way) for way in ways)
            if penalty < least - 1e-9:
                best, least = trial, penalty
        if least < cutter.weights.unexplained:
            fitting += 1 - least / 10
        return best

    return _TERM.sub(restore, line), fitting


def _trials(term: str, factors: set[str]) -> Iterator[str]:
    """Every way to cut the numbers of a term into factors, with signs at the parentheses too."""
    parts = re.split(r"(\d+)", term)
    choices = [
        list(itertools.islice(_cuts(part, factors, 0), _MOST_CUTS)) or [part]
        if part.isdigit()
        else [part]
        for part in parts
    ]
    for chosen in itertools.product(*choices):
        trial = "".join(chosen)
        yield re.sub(r"(?<=\d)\(", "*(", re.sub(r"\)(?=\d)", ")*", trial))


def _cuts(digits: str, factors: set[str], depth: int) -> Iterator[str]:
    """`11111` as `11*11*1`, and as it is."""
    if depth > 8:
        return
    if digits in factors or depth == 0:
        yield digits
    for end in range(len(digits) - 1, 0, -1):
        if digits[:end] in factors and digits[end] != "0":
            for rest in _cuts(digits[end:], factors, depth + 1):
                yield f"{digits[:end]}*{rest}"
