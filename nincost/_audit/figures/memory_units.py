"""Units of bytes in statements about memory: one written for another, and rounded numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from nincost._audit.interpretations import Mistake
from nincost._audit.reading.expression import Claim, Node, stands_for
from nincost._audit.reading.words import says_about

BASES, STEPS = (1000, 1024), (1, 2, 3)
_DIVISORS = frozenset(base**power for base in BASES for power in STEPS)
_FEWEST = 100  # a number of fewer digits fits many
_FEW = 16  # copies of something
_BINARY = re.compile(r"(?P<number>\d[\d,]*(?:\.\d+)?)\s*(?P<prefix>[kKMG])iB\s*$")
_IN_BYTES = re.compile(
    r"\d\s*(?:[KMGTkmgt]i?B|[bB]ytes?|字节|B)(?![A-Za-z])|(?<![A-Za-z])bytes?(?![A-Za-z])|字节"
)
_LAST_WHOLE = re.compile(r"(?<![\d.,])(?P<digits>\d[\d,]*)\s*[A-Za-z字节]*\s*$")


#: `… in MB (fp32) A: 12.2`, `写成 MB 是 7.97`: the unit of a row, a column or a clause.
_UNIT_BEFORE = re.compile(
    r"(?<![A-Za-z\d])(?P<prefix>[KMG])(?P<binary>i?)B(?![A-Za-z])(?:\s*[(（][^()（）]*[)）])?"
    r"(?:[^\d:：,，。]{0,16}[:：]|\s*(?:就|才)?(?:是|为|is))\s*$",
    re.IGNORECASE,
)


def unit_said_before(before: str, binary: bool) -> Fraction | None:
    """What a number without a unit counts, where the words before it say that: bytes."""
    unit = _UNIT_BEFORE.search(before)
    if unit is None:
        return None
    base = 1024 if unit["binary"] or binary else 1000
    return Fraction(base) ** ("KMG".index(unit["prefix"].upper()) + 1)


def is_in_bytes(text: str) -> bool:
    """Whether a calculation is one of bytes."""
    return bool(_IN_BYTES.search(text))


def unit_slip_of(nodes: Sequence[tuple[Node | None, Sequence[Claim]]]) -> Mistake | None:
    """`7,968,664 bytes = 7.97 KB`: the same digits in another unit."""
    for node, claims in nodes:
        if node is None or not claims or not node.value or not claims[-1].value:
            return None
        if is_unitless(node):
            return None  # `7.97 + 7.97 = 15.94 MB`: the unit is said once
        ratio = claims[-1].value / node.value
        if Fraction(1, 2) < ratio < 2:
            return None
        for power in STEPS:
            for base in BASES:
                for factor in (Fraction(base) ** power, 1 / Fraction(base) ** power):
                    if abs(ratio / factor - 1) < Fraction(1, 20):
                        times = f"{base**power:,} times too {'large' if factor > 1 else 'small'}"
                        return Mistake("unit", f"{times}: another unit of bytes")
    return None


def decimal_for_binary(text: str, sizes: Sequence[Fraction | int]) -> Mistake | None:
    """`7,968,664 bytes = 7.97 MiB`: right in MB, where one of these sizes is meant."""
    found = _BINARY.search(text)
    if found is None:
        return None
    power = "KMG".index(found["prefix"].upper()) + 1
    whole, _, decimals = found["number"].replace(",", "").partition(".")
    unit = Fraction(1000**power, 10 ** len(decimals))
    value = Fraction(int(whole + decimals)) * unit
    if value < _FEWEST * unit or not any(stands_for(value, unit, Fraction(size)) for size in sizes):
        return None
    name = found["prefix"].upper()
    return Mistake("unit", f"{name}B written as {name}iB: 1 {name}iB is {1024**power:,} bytes")


def rounded_as_said(text: str, unit: Fraction, words: str) -> Fraction:
    """What the last digit is worth of a whole number said to be about right: `about 780 MB`.

    Zeros at its end are no digits, but for the second one.
    """
    found = _LAST_WHOLE.search(text)
    if found is None or not unit or not says_about(words):
        return unit
    digits = found["digits"].replace(",", "")
    zeros = min(len(digits) - len(digits.rstrip("0")), len(digits) - 2)
    return unit * Fraction(10 ** max(0, zeros))


def with_one_unit(node: Node | None, text: str) -> Node | None:
    """`1.12 + 1.12 MB` with the unit of the last for all of them."""
    if node is None or node.kind != "sum" or len(_IN_BYTES.findall(text)) != 1:
        return node
    *before, last = node.parts
    scales = [Fraction(base) ** power for base in BASES for power in STEPS]
    scale = next((s for s in scales if last.unit and s / last.unit in (10, 100, 1000)), None)
    numbers = (last.kind, *(part.kind for part in before))
    small = all(0 < one.value < 2000 and 0 < one.unit < 1 for one in before)
    if scale is None or set(numbers) != {"number"} or not small:
        return node
    parts = (*(replace(p, value=p.value * scale, unit=p.unit * scale) for p in before), last)
    return replace(node, value=sum((p.value for p in parts), Fraction(0)), parts=parts)


def is_unitless(node: Node) -> bool:
    """Whether all its numbers are too small for bytes, and have a decimal point.

    Or bytes are divided until they are MB: `1992166*4/1024/1024 = 7.6 MB`.
    """
    if node.kind == "product" and any(
        part.kind == "inverse" and 1 / part.value in _DIVISORS for part in node.parts
    ):
        return True
    numbers = [node] if not node.parts else node.parts
    if node.kind == "product":  # `3 x 7.6 = 22.8 MiB`: a whole number is a count
        numbers = [one for one in numbers if one.kind != "number" or one.unit or one.value > _FEW]
    return bool(numbers) and all(0 < one.value < 2000 and 0 < one.unit < 1 for one in numbers)
