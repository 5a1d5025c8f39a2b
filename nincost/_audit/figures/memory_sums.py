"""Whether the numbers of statements about memory are each other's sums."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from nincost._audit.interpretations import Mistake
from nincost._audit.reading.expression import Claim, Node, stands_for, unit_of

_FEW = 16  # copies of something
_STEPS = frozenset([1000, 1000**2, 1000**3, 1024, 1024**2, 1024**3])
#: Of each statement so far its value in bytes, and what its last digit is worth.
Items = list[tuple[Fraction, Fraction]]


@dataclass(frozen=True, slots=True)
class Value:
    """A value in bytes, by either meaning of MB, with the last digit's worth of each."""

    values: tuple[tuple[Fraction, Fraction], ...]

    def fits(self, size: float | Fraction | int) -> bool:
        return any(stands_for(value, unit, Fraction(size)) for value, unit in self.values)


def is_sum(written: Value, items: Items) -> bool:
    """Whether it is what two or more of the last statements come to; those are graded apart."""
    for first in range(len(items) - 1):
        size = sum(value for value, _ in items[first:])
        slack = sum((unit for _, unit in items[first:]), Fraction(0))
        if any(abs(value - size) <= slack + unit for value, unit in written.values):
            return True
    return False


def value_of(node: Node | None) -> Fraction:
    return node.value if node is not None else Fraction(0)


def slack_of(node: Node | None) -> Fraction:
    if node is None:
        return Fraction(0)
    if node.kind == "sum":
        return sum((slack_of(part) for part in node.parts), Fraction(0))
    return unit_of(node)


def adds_up(node: Node | None, claims: list[Claim], items: Items, total: bool) -> bool:
    """Whether stated sums are sums: of the calculation, or of the items listed before."""
    if node is not None and claims:
        slack = slack_of(node)
        values = [node.value]
        if is_unitless(node):  # `7.97 + 7.97 = 15.94 MB`
            ratio = claims[0].value / node.value
            scales = [Fraction(base) ** power for base in (1000, 1024) for power in (1, 2, 3)]
            scale = min(scales, key=lambda one: abs(ratio / one - 1))
            values, slack = [node.value * scale], slack * scale
        if node.kind == "sum":
            values += [part.value for part in node.parts]
        for claim in claims:
            if not any(
                claim.fits(value) or abs(claim.value - value) <= slack + claim.unit
                for value in values
            ):
                return False
            values.append(claim.value)
    if total and len(items) > 1:
        value, unit = (
            (claims[-1].value, claims[-1].unit) if claims else (value_of(node), slack_of(node))
        )
        slack = sum((item[1] for item in items), unit)
        return abs(sum(item[0] for item in items) - value) <= slack
    return True


def goes_on(nodes: list[tuple[Node | None, list[Claim]]], items: Items) -> bool:
    """Whether the last number is the sum of the one before it and of what was said before."""
    for _, claims in nodes:
        *_, before, last = claims
        for first in range(len(items)):
            size = before.value + sum(value for value, _ in items[first:])
            slack = before.unit + sum((unit for _, unit in items[first:]), last.unit)
            if abs(last.value - size) <= slack:
                return True
    return False


def unit_slip_of(nodes: list[tuple[Node | None, list[Claim]]]) -> Mistake | None:
    """`7,968,664 bytes = 7.97 KB`: the same digits in another unit."""
    for node, claims in nodes:
        if node is None or not claims or not node.value or not claims[-1].value:
            return None
        if is_unitless(node):
            return None  # `7.97 + 7.97 = 15.94 MB`: the unit is said once
        ratio = claims[-1].value / node.value
        if Fraction(1, 2) < ratio < 2:
            return None
        for power in (1, 2, 3):
            for base in (1000, 1024):
                for factor in (Fraction(base) ** power, 1 / Fraction(base) ** power):
                    if abs(ratio / factor - 1) < Fraction(1, 20):
                        times = f"{base**power:,} times too {'large' if factor > 1 else 'small'}"
                        return Mistake("unit", f"{times}: another unit of bytes")
    return None


def is_unitless(node: Node) -> bool:
    """Whether all its numbers are too small for bytes, and have a decimal point.

    Or bytes are divided until they are MB: `1992166*4/1024/1024 = 7.6 MB`.
    """
    if node.kind == "product" and any(
        part.kind == "inverse" and 1 / part.value in _STEPS for part in node.parts
    ):
        return True
    numbers = [node] if not node.parts else node.parts
    if node.kind == "product":  # `3 x 7.6 = 22.8 MiB`: a whole number is a count
        numbers = [one for one in numbers if one.kind != "number" or one.unit or one.value > _FEW]
    return bool(numbers) and all(0 < one.value < 2000 and 0 < one.unit < 1 for one in numbers)
