"""From a tree to the pieces that somebody meant as a layer's cost each.

People group: `(1*1*96*96)*2` is two layers, `54*54*(96*11*11 + 96*96)` too. A term can often be cut
in several ways: the likeliest are kept, and `matching.py` picks the one that fits the model best.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod

from nincost._audit.interpretations import Products
from nincost._audit.reading.expression import Node, rounded_unit
from nincost._audit.weights import Weights

_MOST_PRODUCTS = 16
_MOST_FACTORS = 40
_MOST_STEPS = 4000
_MOST_WAYS = 6
_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text that stands for one layer's cost, or for one part of it.

    Attributes:
        value: exact.
        products: its factors; None where they are not whole numbers, or too many.
        start, end: where the stretch is in the text.
        copies: how many equal pieces a factor such as `(...)*2` made of the stretch.
        label: the layer's name where the answer gives it.
        times_group: whether a number times a group in parentheses made it.
        written: the rounded number that stands there, where `value` is what it is taken for.
    """

    value: Fraction
    products: Products | None
    start: int
    end: int
    copies: int = 1
    label: str = ""
    times_group: bool = False
    written: Fraction | None = None


Way = tuple[Piece, ...]
#: How unlikely a piece is as a layer's cost: 0 for a right one.
Penalty = Callable[[Piece], float]
#: What a rounded number may stand for, by its value and that of its last digit.
Rounded = Callable[[Fraction, Fraction], list[int]]


def products_of_node(node: Node) -> Products | None:
    """The factors of the products that a tree expands to, ones left out."""
    products = _expand(node, 0)
    if products is None:
        return None
    return tuple(sorted(tuple(sorted(f for f in factors if f != 1)) for factors in products))


def _expand(node: Node, depth: int) -> list[tuple[int, ...]] | None:
    if depth > _DEEPEST:
        return None
    if node.kind == "number":
        return [(int(node.value),)] if node.value.denominator == 1 else None
    if node.kind == "sum":
        products: list[tuple[int, ...]] = []
        for part in node.parts:
            inner = _expand(part, depth + 1)
            if inner is None or len(products) + len(inner) > _MOST_PRODUCTS:
                return None
            products += inner
        return products
    if node.kind not in ("product", "power"):
        return None
    parts: Sequence[Node] = node.parts
    if node.kind == "power":
        parts = [node.parts[0]] * min(int(node.parts[1].value), _MOST_FACTORS)
    products = [()]
    for part in parts:
        inner = _expand(part, depth + 1)
        if inner is None or len(products) * len(inner) > _MOST_PRODUCTS:
            return None
        products = [a + b for a in products for b in inner]
        if len(products[0]) > _MOST_FACTORS:
            return None
    return products


class Cutter:
    """Cuts terms into pieces that are likely as layers' costs.

    `most_copies` is the largest factor that may stand for a number of equal layers.
    """

    def __init__(
        self, penalty: Penalty, rounded: Rounded, most_copies: int, weights: Weights
    ) -> None:
        self.penalty = penalty
        self.rounded = rounded
        self.most_copies = most_copies
        self.weights = weights
        self.steps = 0

    def _sum(self, way: Way) -> float:
        return sum(map(self.penalty, way))

    def ways(self, node: Node) -> list[Way]:
        """The ways to cut a term, the one that fits best first."""
        self.steps = 0
        unit = rounded_unit(node)
        if unit:
            piece = self._piece(node)
            values = [node.value, *map(Fraction, self.rounded(node.value, unit))]
            whole: list[Way] = [
                (replace(piece, value=v, products=None, written=node.value),)
                for v in (values[1:] or values)
            ]
            return whole + self._rounded_copies(node, unit)
        found: dict[Way, float] = {}
        for way in self._cut(node, 0, counted=False):
            found.setdefault(way, self._sum(way))
        return sorted(found, key=lambda way: found[way])[:_MOST_WAYS]

    def _rounded_copies(self, node: Node, unit: Fraction) -> list[Way]:
        """A rounded number as a layer's right cost several times."""
        ways: list[Way] = []
        for count in range(2, self.most_copies + 1):
            part = node.value / count
            for value in map(Fraction, self.rounded(part, unit / count)):
                piece = replace(self._piece(node), value=value, products=None, written=part)
                if not self.penalty(piece):
                    ways.append((replace(piece, copies=count),) * count)
        return ways

    def named(self, node: Node, label: str) -> list[Way]:
        """A node as the cost of the layer of this name, whole or, `(...)*2`, more than once."""
        whole = replace(self._piece(node), label=label)
        ways: list[Way] = [(whole,)]
        for way in self._copies(node, 0) if node.kind == "product" and self.penalty(whole) else ():
            if len(way) == way[0].copies:
                ways.append((replace(way[0], label=label), *way[1:]))
        return ways

    def whole(self, node: Node) -> float:
        """How unlikely a node is as one layer's cost."""
        return self.penalty(self._piece(node))

    def likeliest(self, node: Node) -> float:
        """How unlikely the likeliest way to cut a node is."""
        self.steps = 0
        return min(self._sum(way) for way in self._cut(node, 0, counted=False))

    def _piece(self, node: Node) -> Piece:
        group = _times_group(node)
        return Piece(node.value, products_of_node(node), node.start, node.end, times_group=group)

    def _cut(self, node: Node, depth: int, *, counted: bool) -> list[Way]:
        """`counted`: a factor has been taken as a number of layers already."""
        self.steps += 1
        whole = self._piece(node)
        if depth > _DEEPEST or self.steps > _MOST_STEPS or node.kind in ("number", "power"):
            return [(whole,)]
        ways: list[Way] = [(whole,)]
        if not self.penalty(whole):
            return ways
        if node.kind == "sum":
            ways.append(self._join([self._best(part, depth, counted) for part in node.parts]))
        if node.kind == "product":
            if not counted:
                ways += self._copies(node, depth)
            ways += self._distributed(node, depth, counted)
        return ways

    def _best(self, node: Node, depth: int, counted: bool) -> Way:
        ways = self._cut(node, depth + 1, counted=counted)
        return min(ways, key=self._sum)

    @staticmethod
    def _join(ways: Sequence[Way]) -> Way:
        return tuple(piece for way in ways for piece in way)

    def _copies(self, node: Node, depth: int) -> list[Way]:
        """A factor n as n layers that cost the same."""
        ways: list[Way] = []
        seen = set()
        for index, part in enumerate(node.parts):
            count = part.value
            if part.kind != "number" or count in seen or count.denominator != 1:
                continue
            if not 2 <= count <= self.most_copies:
                continue
            seen.add(count)
            rest = [p for place, p in enumerate(node.parts) if place != index]
            way = self._best(_product(rest, node), depth, True)
            if self._sum(way) < len(way) * self.weights.unexplained:  # it explains some
                copies = int(count)
                group = _times_group(node)
                ways.append(
                    tuple(
                        replace(piece, copies=copies, times_group=group)
                        for piece in way
                        for _ in range(copies)
                    )
                )
        return ways

    def _distributed(self, node: Node, depth: int, counted: bool) -> list[Way]:
        """`a*(b + c)` as `a*b + a*c`."""
        sums = [index for index, part in enumerate(node.parts) if part.kind == "sum"]
        if len(sums) != 1:
            return []
        place = sums[0]
        others = [part for index, part in enumerate(node.parts) if index != place]
        terms = node.parts[place].parts
        bias = any(term.kind == "number" and term.value == 1 for term in terms)
        if len(terms) > _MOST_STEPS or (bias and len(terms) == 2):
            return []  # the 1 of `(11*11 + 1)` is a bias, and no layer's cost
        parts = [_product([*others, part], part) for part in terms]
        return [self._join([self._best(part, depth, counted) for part in parts])]


def _times_group(node: Node) -> bool:
    """Whether it is `(...)*2` or `2*(...)`, and not `2*3*(...)`."""
    kinds = sorted((part.kind == "number", part.grouped) for part in node.parts)
    return node.kind == "product" and kinds == [(False, True), (True, False)]


def _product(parts: Sequence[Node], place: Node) -> Node:
    """A product of nodes that stands where `place` does."""
    flat = [p for part in parts for p in (part.parts if part.kind == "product" else (part,))]
    if len(flat) == 1 and flat[0].kind != "number":
        return replace(flat[0], start=place.start, end=place.end)
    value = prod((part.value for part in flat), start=Fraction(1))
    return Node(
        "product", value, tuple(flat), place.start, place.end, any(p.grouped for p in parts)
    )


def addends(node: Node) -> list[Node]:
    """The terms of the outermost sum, whatever parentheses are around all of it."""
    terms = [node]
    while len(terms) == 1 and terms[0].kind == "sum":
        terms = list(terms[0].parts)
    return terms


def joined_neighbours(terms: list[Node], cutter: Cutter) -> list[Node]:
    """Terms where weights and the biases after them, `96*11*11 + 96`, are one sum again.

    Two neighbours are joined where a layer's cost, right or wrong, may explain them together.
    """
    found: list[Node] = []
    for term in terms:
        before = found[-1] if found else None
        rounded = rounded_unit(term) or (before is not None and rounded_unit(before))
        if before is not None and not rounded and "sum" not in (before.kind, term.kind):
            both = Node(
                "sum", before.value + term.value, (before, term), before.start, term.end, True
            )
            together = cutter.whole(both)
            # A lone number may be a bias: `ways` keeps both cuts, and the whole answer decides.
            maybe = term.kind == "number" and together < cutter.weights.unexplained
            apart = cutter.likeliest(before) + cutter.likeliest(term)
            if maybe or together < apart:
                found[-1] = both
                continue
        found.append(term)
    return found
