"""A statement about memory before it is graded: its value, kind, batch, and of which layers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from nincost._audit.figures.memory_formulas import BYTES, MemoryKind, Sizes, single, sizes_of
from nincost._audit.figures.memory_kinds import KINDS, copies_of, kind_of, sums_moments
from nincost._audit.figures.memory_mistakes import shown
from nincost._audit.figures.memory_scope import Scope, scope_of
from nincost._audit.figures.memory_sums import Items, Value, goes_on, slack_of, value_of
from nincost._audit.figures.memory_units import (
    is_in_bytes,
    rounded_as_said,
    unit_said_before,
    with_one_unit,
)
from nincost._audit.figures.memory_words import counts_values
from nincost._audit.figures.results import GradedFigure
from nincost._audit.reading.expression import Claim, Node, parse
from nincost._audit.reading.parts import Figure, Reading
from nincost._audit.reading.words import (
    batches,
    is_wordless,
    says_about,
    says_that_is,
    says_total,
    says_values,
)
from nincost._audit.subject import Subject

_SENTENCE_END = re.compile(r"[.。;；!?！？](?!\d)|\n")
_SHORT = 8  # characters of "about", and of no kind's name


Parsed = list[tuple[Node | None, list[Claim]]]


@dataclass(slots=True)
class Said:
    """A statement with what is known of it before it is graded; `expected` is known after.

    `source` is the whole answer.
    """

    figure: Figure
    source: str
    text: str
    words: str
    row: int
    nodes: Parsed
    written: Value
    scope: Scope
    kind: MemoryKind
    batch: int
    copies: int
    total: bool
    in_values: bool
    unit_before: bool = False
    expected: Fraction = Fraction(0)

    @property
    def node(self) -> Node | None:
        return self.nodes[0][0]

    @property
    def value(self) -> Fraction:
        return self.written.values[0][0]

    @property
    def unit(self) -> Fraction:
        return self.written.values[0][1]

    @property
    def says_kind(self) -> bool:
        return any(pattern.search(self.figure.before) for pattern in KINDS.values())

    @property
    def names_kind(self) -> bool:
        """Whether any words around it name a kind, those of its line and heading too."""
        return any(pattern.search(f"{self.text} {self.words}") for pattern in KINDS.values())


def said_of(
    reading: Reading, figure: Figure, text: str, subject: Subject, items: Items,
    last: Said | None,
) -> Said:  # fmt: skip
    raw = reading.text[figure.start : figure.end]
    nodes, written = _values(reading, figure, items)
    unit = not is_in_bytes(raw) and unit_said_before(figure.before, False) is not None
    words = f"{figure.context} {figure.before} {figure.after}"
    kind = kind_of(figure, nodes[0][0])
    if kind == "training" and says_values(raw) and not KINDS["training"].search(figure.before):
        kind = "activations"  # `839,808 + ... floats = 6.10 MB` below a heading `training`
    row = reading.text.count("\n", 0, figure.start)
    scope = scope_of(figure, subject)
    named = any(pattern.search(figure.before) for pattern in KINDS.values())
    total = says_total(figure.before) and not sums_moments(figure)
    follows = last is not None and not _SENTENCE_END.search(
        reading.text, last.figure.end, figure.start
    )
    if last is not None and follows and not (scope.name or named or total):
        scope = last.scope
    sizes = sizes_of(scope.layers, data_of(subject))
    batch = figure.batch or batch_written(kind, nodes[0][0], sizes) or subject.batch_size
    found = Said(
        figure, reading.text, text, words, row, nodes, written, scope, kind, batch,
        copies_of(f"{text} {words}"), total,
        counts_values(kind, text) and not is_in_bytes(raw) and not unit,
        unit_before=unit,
    )  # fmt: skip
    if kind == "parameters" and not found.names_kind:
        of_activations = single("activations", sizes, batch, 0)
        if scope.costs_nothing or any(written.fits(one.bytes) for one in of_activations):
            found.kind = "activations"
            found.in_values = counts_values("activations", text) and not is_in_bytes(raw)
    return found


#: `3,051,228 numbers or 12.2 MB`: what the number before it counts.
_COUNTED = re.compile(
    r"^\s*(?:numbers|values|floats|elements|entries|个?(?:数|值|元素))", re.IGNORECASE
)
_LISTED = re.compile(r"[,，、;；。]")


def _is_alone(said: Said, last: Said) -> bool:
    """Whether it has no words of its own, but those that say the number before it again."""
    before = _COUNTED.sub("", said.figure.before).strip(" ,，、;；:：=")
    short = len(before) <= _SHORT and (says_about(before) or says_that_is(before))
    return last.row == said.row and (is_wordless(before) or short)


def contradicts(said: Said, last: Said) -> bool:
    """`839,808 floats, 1.12 MB`: it stands for the number before it, and is not that in bytes."""
    if said.in_values or said.total or not _is_alone(said, last):
        return False
    if not is_in_bytes(said.source[said.figure.start : said.figure.end]):
        return False  # another count: `839,808 in the first block, 519,168 in the second`
    if not last.in_values and _LISTED.search(said.source, last.figure.end, said.figure.start):
        return False  # one of a list
    size = last.value * (BYTES if last.in_values else 1)
    sizes = {size * batch for batch in (1, said.batch, *(n for _, _, n in batches(said.source)))}
    known = [value for value, _ in last.written.values] if not last.in_values else []
    return not any(said.written.fits(one) for one in (*sizes, *known))


def said_again(said: Said, last: Said | None, found: Sequence[GradedFigure]) -> GradedFigure | None:
    """`839,808 values, 3.36 MB`: the number before it in its line, in bytes, graded as that."""
    if last is None or not _is_alone(said, last) or said.node is None:
        return None
    between = said.source[last.figure.end : said.figure.start]
    if _SENTENCE_END.search(between) and any(one.search(between) for one in KINDS.values()):
        return None  # `7.97MB。梯度一样多，7.97MB`
    if said.node.parts or said.in_values:
        return None
    size = last.value * (BYTES if last.in_values else 1)
    if not said.written.fits(size) and not (
        not last.in_values and any(last.written.fits(value) for value, _ in said.written.values)
    ):
        return None
    said.total, before_it = last.total, found[-1]
    said.expected = last.expected * (BYTES if last.in_values else 1)
    if before_it.verdict != "right" and said.written.fits(said.expected):
        return None  # the slip in the digits before it is too small to be seen in this one
    formula = before_it.formula.removesuffix(", as values")
    return replace(
        before_it, text=said.text, written=shown(said.value), expected=shown(said.expected),
        formula=formula, notes=(),
    )  # fmt: skip


def _values(reading: Reading, figure: Figure, items: Items) -> tuple[Parsed, Value]:
    """The calculation by both meanings of MB, and what it comes to: the last number stated."""
    nodes = [
        parse(reading.text, figure.start, figure.end, line=reading.line, binary=binary)
        for binary in reading.binary
    ]
    raw = reading.text[figure.start : figure.end]
    nodes = [(with_one_unit(node, raw), claims) for node, claims in nodes]
    if len(nodes[0][1]) > 1 and items and goes_on(nodes, items):
        nodes = [(node, claims[:-1]) for node, claims in nodes]  # `= 2.24 MB -> 10.2 MB`
    words = f"{figure.before[-12:]} {figure.after[:6]}"
    values = [
        (claims[-1].value, claims[-1].unit) if claims else (value_of(node), slack_of(node))
        for node, claims in nodes
    ]
    if not is_in_bytes(raw) and not (nodes[0][0] is not None and nodes[0][0].parts):
        scales = [
            unit_said_before(figure.before, binary) or Fraction(1) for binary in reading.binary
        ]
        values = [(v * k, (u or 1) * k) if k != 1 else (v, u)
                  for (v, u), k in zip(values, scales, strict=True)]  # fmt: skip
    return nodes, Value(tuple((value, rounded_as_said(raw, unit, words)) for value, unit in values))


def data_of(subject: Subject) -> int:
    """How many values one input has; 0 where a layer alone is asked about."""
    if subject.layer:
        return 0
    shapes = [re.findall(r"\d+", one.partition(":")[0]) for one in subject.traced.input]
    return sum(math.prod(int(n) for n in shape[1:]) for shape in shapes)


def batch_written(kind: MemoryKind, node: Node | None, sizes: Sizes) -> int | None:
    """A batch that is a factor of the calculation: `128*224*224*4` for the data."""
    if kind not in ("data", "activations") or node is None or node.kind != "product":
        return None
    for part in node.parts:
        size = int(part.value) if part.value.denominator == 1 else 0
        rest = node.value / size if size > 1 else Fraction(0)
        per_image = [one.bytes for one in single(kind, sizes, 1, 0)]
        if len(node.parts) == 2 and rest in (*per_image, *(n // BYTES for n in per_image)):
            return size  # `6102456 bytes × 64`
        if size > 1 and any(one.bytes == node.value for one in single(kind, sizes, size, 0)):
            return size
    return None
