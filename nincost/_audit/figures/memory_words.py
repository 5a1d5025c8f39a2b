"""How words change what memory is asked about: 16 bits, no activations, all that is needed."""

from __future__ import annotations

import re

from nincost._audit.figures.memory_formulas import BYTES, Formula, MemoryKind, Sizes
from nincost._audit.figures.memory_kinds import KINDS
from nincost._audit.figures.memory_sums import Value
from nincost._audit.interpretations import Mistake
from nincost._audit.reading.words import says_values

_WITHOUT_ACTIVATIONS = re.compile(
    r"(?:不含|不算|不包括|不计|除去|除了)\s*(?:中间)?激活|(?:without|excluding|not counting|no)\s+"
    r"(?:the\s+)?activations"
    r"|\bactivations (?:come|are|is) (?:on top|extra|not (?:counted|included))"
    r"|激活(?:值|显存)?(?:还没|没有?|未|不)算|激活(?:值|显存)?(?:要)?另算",
    re.IGNORECASE,
)

#: `with float16 the parameters take 4 MB`: two bytes a value.
_SIXTEEN_BITS = re.compile(
    r"(?<![A-Za-z])(?:b?float16|[fb][pf]16|half(?: precision)?)(?![A-Za-z\d])|半精度|16位",
    re.IGNORECASE,
)

_OF_VALUES = ("parameters", "gradients", "activations", "data")
#: `training needs parameters and velocity`: all that it needs is meant.
_NEEDS = re.compile(
    r"train\w*\b[^.。]*\b(?:needs?|requires?)\b|训练[^。]*(?:需要|只要|要存)", re.IGNORECASE
)


def lacks_gradients(words: str) -> bool:
    """Whether all that training needs is listed, and no gradients."""
    return bool(_NEEDS.search(words)) and not KINDS["gradients"].search(words)


def counts_values(kind: MemoryKind, text: str) -> bool:
    """Whether it counts values, and no bytes."""
    return kind in ("activations", "data") and says_values(text)


def summed_up(words: str) -> MemoryKind | None:
    """What a sum with these words is of: `weights + gradients + activations` of training."""
    if KINDS["training"].search(words) or KINDS["inference"].search(words):
        return None  # it says itself
    if not KINDS["parameters"].search(words) or not KINDS["activations"].search(words):
        return None
    return "training" if KINDS["gradients"].search(words) else "inference"


def as_said(
    formulas: list[Formula],
    kind: MemoryKind,
    sizes: Sizes,
    copies: int,
    in_values: bool,
    words: str,
    after: str,
) -> list[Formula]:
    """The formulas as the words change them: without activations, in 16 bits, as values.

    `after` is what is said next: `The activations come on top.`
    """
    if kind == "training" and _WITHOUT_ACTIVATIONS.search(f"{words} {after}"):
        size = BYTES * sizes.params * (2 + copies)
        return [Formula(size, "parameters, gradients and optimizer state")]
    if kind in _OF_VALUES and _SIXTEEN_BITS.search(words):
        formulas = [one.in_sixteen_bits() for one in formulas]
    if in_values:
        return [Formula(one.bytes // BYTES, f"{one.text}, as values") for one in formulas]
    return formulas


def without_activations(
    written: Value, kind: MemoryKind, sizes: Sizes, copies: int, words: str
) -> Mistake | None:
    """Where activations are left out on purpose: another number of values for each parameter."""
    if kind != "training" or not _WITHOUT_ACTIVATIONS.search(words):
        return None
    counts = (n for n in range(4) if n != copies and written.fits(BYTES * sizes.params * (2 + n)))
    kept = next(counts, None)
    if kept is None:
        return None
    text = f"{kept} values for each parameter, where {copies} are kept"
    return Mistake("optimizer-state", text)
