"""What may have led to a sum that is not the terms': digits swapped, a factor off by one or two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from nincost._audit.reading.expression import Claim, Node

_MOST_NODES = 4_000
_FEW = 4


def slip(claim: Claim, nodes: Sequence[Node]) -> str:
    """A few words to append, `(= 2*2,305: 386 for 384 in ...)`; empty where nothing is known."""
    value = sum((node.value for node in nodes), Fraction(0))
    if claim.unit or value.denominator != 1 or claim.value.denominator != 1:
        return _factor_left_out(claim, nodes, value)
    if len(str(value)) == len(str(claim.value)) and _swapped(str(value), str(claim.value)):
        return " (two digits are swapped)"
    off = claim.value - value
    for node, factor, rest in _factors(nodes):
        count = off / rest if rest else Fraction(0)
        if abs(rest) > 100 and count.denominator == 1 and 0 < abs(count) <= _FEW:
            taken = factor + count
            if taken == 1 and factor == 2:
                return _without_two(node)
            if taken > 0:
                return (
                    f" (= {abs(int(count))}*{int(rest):,}, as with {int(taken)} in place of "
                    f"{int(factor)} in the term of {int(node.value):,})"
                )
    return _factor_left_out(claim, nodes, value)


def _factor_left_out(claim: Claim, nodes: Sequence[Node], value: Fraction) -> str:
    """A factor 2 of a term that was not multiplied with."""
    for term in _terms(nodes):
        for part in term.parts if term.kind == "product" else ():
            two = part.kind == "number" and part.value == 2
            if two and claim.fits(value - term.value / 2):
                return _without_two(term)
    return ""


def _without_two(term: Node) -> str:
    return f" (as without the factor 2 in the term of {int(term.value):,})"


def _terms(nodes: Sequence[Node]) -> Iterator[Node]:
    for node in nodes[:_MOST_NODES]:
        yield from node.parts if node.kind == "sum" else (node,)


def _factors(nodes: Sequence[Node]) -> Iterator[tuple[Node, Fraction, Fraction]]:
    """Each whole factor of each term, with the product of the others."""
    seen = 0
    for term in _terms(nodes):
        if term.kind != "product" or term.value.denominator != 1:
            continue
        for part in term.parts:
            seen += 1
            if seen > _MOST_NODES:
                return
            if part.kind == "number" and part.value and part.value.denominator == 1:
                yield term, part.value, term.value / part.value


def _swapped(one: str, two: str) -> bool:
    """Whether they differ by two neighbouring digits, exchanged."""
    differ = [i for i in range(len(one)) if one[i] != two[i]]
    return (
        len(differ) == 2
        and differ[1] == differ[0] + 1
        and one[differ[0]] == two[differ[1]]
        and one[differ[1]] == two[differ[0]]
    )
