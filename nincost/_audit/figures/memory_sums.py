"""Whether the numbers of statements about memory are each other's sums."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from nincost._audit.figures.memory_formulas import BYTES
from nincost._audit.figures.memory_units import BASES, STEPS, is_unitless
from nincost._audit.reading.expression import Claim, Node, stands_for, unit_of

_MOST_SUMMED = 10  # statements of which each choice is tried


@dataclass(frozen=True, slots=True)
class Item:
    """A statement so far.

    Attributes:
        value, unit: in bytes, or in values, and what the last digit is worth.
        expected: what is right in its place.
        wrong: whether it is not.
        in_values: whether it counts values.
    """

    value: Fraction
    unit: Fraction
    expected: Fraction
    wrong: bool = False
    in_values: bool = False


Items = Sequence[Item]


@dataclass(frozen=True, slots=True)
class Value:
    """A value in bytes, by either meaning of MB, with the last digit's worth of each."""

    values: tuple[tuple[Fraction, Fraction], ...]

    def fits(self, size: float | Fraction | int) -> bool:
        return any(stands_for(value, unit, Fraction(size)) for value, unit in self.values)

    def is_near(self, size: Fraction, slack: Fraction) -> bool:
        """Whether it is a size that was added up from rounded numbers."""
        return any(abs(value - size) <= slack + unit for value, unit in self.values)


def last_of(items: Items, written: Value) -> Items:
    """The last two or more statements that it is the sum of; empty where it is of none."""
    for first in range(len(items) - 1):
        if _is_sum_of(items[first:], written):
            return items[first:]
    return ()


def some_of(items: Items, written: Value) -> Items:
    """Two or more of the statements that it is the sum of; all of them first."""
    if len(items) > _MOST_SUMMED:
        return last_of(items, written)
    for count in range(len(items), 1, -1):
        for chosen in itertools.combinations(items, count):
            if _is_sum_of(chosen, written):
                return chosen
    return ()


def _is_sum_of(items: Items, written: Value) -> bool:
    slack = sum((one.unit for one in items), Fraction(0))
    return written.is_near(sum((one.value for one in items), Fraction(0)), slack)


def value_of(node: Node | None) -> Fraction:
    return node.value if node is not None else Fraction(0)


def slack_of(node: Node | None) -> Fraction:
    if node is None:
        return Fraction(0)
    if node.kind == "sum":
        return sum((slack_of(part) for part in node.parts), Fraction(0))
    return unit_of(node)


def adds_up(
    node: Node | None, claims: Sequence[Claim], values_before_bytes: bool, twice: object = None,
    both: object = None,
) -> bool:  # fmt: skip
    """Whether what is stated to be a calculation's result is.

    `values_before_bytes`: whether it goes from a number of values to bytes, 4 for each:
    `1,992,166 floats = 7.97 MB`. `twice`: whether words say that a part counts twice;
    `both`: that there are two of it: `both have 279,936 numbers (2.24 MB)`.
    """
    if node is None or not claims:
        return True
    slack = slack_of(node)
    values = [node.value]
    if is_unitless(node):  # `7.97 + 7.97 = 15.94 MB`
        ratio = claims[0].value / node.value
        scale = min(_scales(), key=lambda one: abs(ratio / one - 1))
        values, slack = [node.value * scale], slack * scale
    if node.kind == "sum":
        values += [part.value for part in node.parts]
        values += [node.value + part.value for part in node.parts if twice]
    elif both and values_before_bytes:
        values.append(2 * node.value)
    for claim in claims:
        ways = [*values, *(BYTES * value for value in values if values_before_bytes)]
        if not any(
            claim.fits(value) or abs(claim.value - value) <= slack + claim.unit for value in ways
        ):
            return False
        values.append(claim.value)
    return True


def _scales() -> Iterator[Fraction]:
    return (Fraction(base) ** power for base in BASES for power in STEPS)


def goes_on(nodes: Sequence[tuple[Node | None, Sequence[Claim]]], items: Items) -> bool:
    """Whether the last number is the sum of the one before it and of what was said before."""
    for _, claims in nodes:
        *_, before, last = claims
        for first in range(len(items)):
            size = before.value + sum(one.value for one in items[first:])
            slack = before.unit + sum((one.unit for one in items[first:]), last.unit)
            if abs(last.value - size) <= slack:
                return True
    return False
