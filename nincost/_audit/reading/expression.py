"""Parses a written calculation into a small tree of sums, products and powers.

No recursion, so that depth is a number to check and not a stack to overflow; and nothing is ever
evaluated as Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from nincost._audit.reading.tokens import Token, fail, tokenize

MAX_DEPTH = 200
MAX_EXPONENT = 64
MAX_MAGNITUDE = 60  # values up to 10**60

_TOO_LARGE = 10**MAX_MAGNITUDE


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A number, or a sum, product, power or inverse of nodes, with its exact value.

    `a - b` is the sum of `a` and the negative of `b`, `a / b` the product of `a` and the inverse
    of `b`. `start` and `end` say where it stands in the text; `grouped` that parentheses are
    around it.
    """

    kind: Literal["number", "sum", "product", "power", "negative", "inverse"]
    value: Fraction
    parts: tuple[Node, ...]
    start: int
    end: int
    grouped: bool = False
    unit: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody wrote after `=`: a value, and what its last digit is worth if rounded, or 0.

    `strict`: it is said to be rounded, so that it must not be cut off.
    """

    value: Fraction
    unit: Fraction
    start: int
    end: int
    strict: bool = False

    def fits(self, value: Fraction) -> bool:
        if self.strict and self.unit:
            return abs(self.value - value) <= self.unit / 2
        return stands_for(self.value, self.unit, value)


def stands_for(written: Fraction, unit: Fraction, value: Fraction) -> bool:
    """Whether `value`, rounded or cut off after the digit worth `unit`, may be written so."""
    return written == value or (written >= unit and -unit / 2 <= value - written < unit)


@dataclass(slots=True)
class _Frame:
    """What is open between one parenthesis and its end."""

    start: int
    terms: list[Node]
    factors: list[Node]
    bases: list[Node]
    operator: Literal["*", "/"] = "*"
    negative: bool = False


def parse(
    text: str,
    start: int = 0,
    end: int | None = None,
    *,
    line: str | None = None,
    binary: bool = False,
) -> tuple[Node | None, list[Claim]]:
    """The tree of `text[start:end]`, and the totals stated after `=` or `~`, if any.

    The tree is None where the text begins with `=`. `line` and `binary` are as in `tokenize`.

    Raises:
        ExpressionError: it does not parse, is nested deeper than 200 levels, or has an exponent
            above 64 or a value above 10^60. The error shows the place with a caret under it.
    """
    tokens = tokenize(text, start, end, line=line, binary=binary)
    sides: list[list[Token]] = [[]]
    signs: list[Token] = []
    for token in tokens[:-1]:
        if token.kind == "=":
            signs.append(token)
            sides.append([])
        else:
            sides[-1].append(token)
    last = tokens[-1]
    if not signs and not sides[0]:
        fail(text, last.start, "nothing to read", "expected a calculation such as 96*(11*11*1+1)")
    ends = [*signs, last]
    nodes = [
        _Parser(text).read([*side, Token("end", stop.start, stop.start)])
        for side, stop in zip(sides[1:], ends[1:], strict=True)
    ]
    claims = [_claim(node, sign) for node, sign in zip(nodes, signs, strict=True)]
    if not sides[0]:
        return None, claims
    return _Parser(text).read([*sides[0], Token("end", ends[0].start, ends[0].start)]), claims


def _claim(node: Node, sign: Token) -> Claim:
    """A claim in full digits is exact; one with a decimal point, an exponent or a ~ is rounded."""
    unit = unit_of(node)
    if not unit and sign.rounded:
        digits = str(abs(node.value.numerator // node.value.denominator))
        unit = Fraction(10) ** (len(digits) - len(digits.rstrip("0")))
    return Claim(node.value, unit, node.start, node.end)


def unit_of(node: Node) -> Fraction:
    """The value of the last digit of a figure such as `2.469e10` or `2.469*10^10`."""
    if node.kind == "number":
        return node.unit
    if node.kind == "product":
        rounded = [part for part in node.parts if part.kind == "number" and part.unit]
        if len(rounded) == 1 and rounded[0].value:
            return abs(node.value / rounded[0].value) * rounded[0].unit
    return Fraction(0)


def rounded_unit(node: Node) -> Fraction:
    """What the last digit of a rounded number is worth: of `87.6M` or `8.76*10^7`, else 0."""
    ten = node.kind == "product" and len(node.parts) == 2 and node.parts[1].kind == "power"
    if node.kind == "number" or (ten and node.parts[1].parts[0].value == 10):
        return unit_of(node)
    # `2 x 762.3M x 128`: each other factor multiplies what the digit is worth.
    plain = all(part.kind == "number" and part.value.denominator == 1 for part in node.parts)
    return unit_of(node) if node.kind == "product" and plain else Fraction(0)


class _Parser:
    """Reads one side of an equation with a stack of frames, one for each open parenthesis."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.frames: list[_Frame] = []
        self.expects_operand = True

    def read(self, tokens: list[Token]) -> Node:
        self.frames = [_Frame(tokens[0].start, [], [], [])]
        self.expects_operand = True
        for index, token in enumerate(tokens[:-1]):
            if self.expects_operand:
                self._operand(token)
            else:
                self._operator(token, tokens[index + 1])
        last = tokens[-1]
        if self.expects_operand:
            fail(self.text, last.start, "the calculation ends too early", "expected a number")
        if len(self.frames) > 1:
            opened = self.frames[-1].start
            fail(self.text, opened, "this parenthesis is never closed", "expected ) after it")
        return self._close_sum(last.start)

    def _operand(self, token: Token) -> None:
        frame = self.frames[-1]
        if token.kind == "number":
            frame.bases.append(
                Node("number", token.value, (), token.start, token.end, unit=token.unit)
            )
            self._check(frame.bases[-1])
            self.expects_operand = False
        elif token.kind == "(":
            self._open(token)
        elif token.kind in "+-" and not frame.bases and not frame.factors:
            frame.negative ^= token.kind == "-"
        else:
            found = "end" if token.kind == "end" else repr(self.text[token.start : token.end])
            fail(self.text, token.start, f"unexpected {found}", "expected a number or (")

    def _open(self, token: Token) -> None:
        if len(self.frames) > MAX_DEPTH:
            fail(
                self.text, token.start, "parentheses are nested too deep",
                f"at most {MAX_DEPTH} levels are read",
            )  # fmt: skip
        self.frames.append(_Frame(token.start, [], [], []))
        self.expects_operand = True

    def _operator(self, token: Token, following: Token) -> None:
        frame = self.frames[-1]
        if token.kind == "^":
            self.expects_operand = True
            if following.kind == "-":
                fail(self.text, following.start, "a negative exponent", "expected a whole number")
            return
        if token.kind == ")":
            if len(self.frames) == 1:
                fail(self.text, token.start, "this parenthesis was never opened", "remove it")
            inner = self._close_sum(token.end)
            self.frames.pop()
            whole = Node(
                inner.kind, inner.value, inner.parts, frame.start, token.end, True, inner.unit
            )
            self.frames[-1].bases.append(whole)
            self.expects_operand = False
            return
        if token.kind == "(":  # 2(3+4): a product
            self._close_power()
            self._open(token)
        elif token.kind in ("*", "/"):
            self._close_power()
            frame.operator = token.kind  # type: ignore[assignment]
            self.expects_operand = True
        elif token.kind in ("+", "-"):
            self._close_product()
            frame.negative = token.kind == "-"
            self.expects_operand = True
        else:
            fail(
                self.text, token.start, "two numbers without an operator between them",
                "expected + - * / ^ or )",
            )  # fmt: skip

    def _close_power(self) -> None:
        """Fold `a^b^c` from the right, and add the result to the product."""
        frame = self.frames[-1]
        power = frame.bases.pop()
        while frame.bases:
            base, exponent = frame.bases.pop(), power.value
            if exponent.denominator != 1 or not 0 <= exponent <= MAX_EXPONENT:
                fail(
                    self.text, power.start, "this exponent is not supported",
                    f"expected a whole number up to {MAX_EXPONENT}",
                )  # fmt: skip
            digits = len(str(abs(base.value.numerator))) + len(str(base.value.denominator)) - 2
            if digits * exponent > 2 * MAX_MAGNITUDE:
                self._too_large(base)
            value = base.value ** int(exponent)
            power = Node("power", value, (base, power), base.start, power.end)
            self._check(power)
        if frame.operator == "/":
            if not power.value:
                fail(self.text, power.start, "a division by zero", "expected another number")
            power = Node("inverse", 1 / power.value, (power,), power.start, power.end)
        frame.factors.append(power)
        frame.operator = "*"

    def _close_product(self) -> None:
        self._close_power()
        frame = self.frames[-1]
        node = frame.factors[0]
        if len(frame.factors) > 1:
            value = Fraction(1)
            for part in frame.factors:
                value *= part.value
                if abs(value) >= _TOO_LARGE or value.denominator >= _TOO_LARGE:
                    self._too_large(part)
            start, end = node.start, frame.factors[-1].end
            node = Node("product", value, tuple(frame.factors), start, end)
        if frame.negative:
            node = Node("negative", -node.value, (node,), node.start, node.end)
        frame.terms.append(node)
        frame.factors, frame.negative = [], False

    def _close_sum(self, end: int) -> Node:
        self._close_product()
        frame = self.frames[-1]
        if len(frame.terms) == 1:
            return frame.terms[0]
        value = sum((term.value for term in frame.terms), Fraction(0))
        node = Node("sum", value, tuple(frame.terms), frame.terms[0].start, frame.terms[-1].end)
        self._check(node)
        return node

    def _check(self, node: Node) -> None:
        if abs(node.value) >= _TOO_LARGE or node.value.denominator >= _TOO_LARGE:
            self._too_large(node)

    def _too_large(self, node: Node) -> None:
        fail(self.text, node.start, "the value gets too large", f"at most 10^{MAX_MAGNITUDE}")
