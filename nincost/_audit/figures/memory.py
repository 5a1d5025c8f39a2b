"""Grades statements about memory by the formulas of textbooks, beside what is predicted."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from nincost import _units as units
from nincost._audit.figures.claims import CLAIM, graded_claim
from nincost._audit.figures.memory_formulas import (
    BYTES,
    Formula,
    MemoryKind,
    Sizes,
    inference,
    single,
    sizes_of,
    training,
)
from nincost._audit.figures.memory_mistakes import shown, wrong_sizes
from nincost._audit.figures.results import GradedFigure
from nincost._audit.interpretations import Mistake
from nincost._audit.labels import Labels
from nincost._audit.reading.expression import Claim, Node, parse, stands_for, unit_of
from nincost._audit.reading.parts import Figure, Reading
from nincost._audit.reading.words import says_result, says_total, says_values
from nincost._audit.subject import Subject
from nincost._closed_form.cost_terms import CostedLayer

_KINDS: dict[MemoryKind, re.Pattern[str]] = {
    kind: re.compile(pattern, re.IGNORECASE)  # type: ignore[misc]
    for kind, pattern in {
        "gradients": "grad(?!ed)|梯度",
        "optimizer state": "optimi[sz]er|momentum|优化器|动量|adam",
        "activations": (
            "activation|激活|forward/backward pass|feature map|特征图|outputs?|输出|中间结果"
        ),
        "data": r"input|data\b|images\b|输入|数据",
        "training": "train|训练",
        "inference": "infer|推断|推理|预测|estimated total size",
        "parameters": "param|weights?|参数|权重",
    }.items()
}
_ONLY = re.compile(r"显存只|memory is (?:just|only)|only needs?|就是", re.IGNORECASE)
_WITHOUT_ACTIVATIONS = re.compile(
    r"(?:不含|不算|不包括|不计|除去|除了)\s*(?:中间)?激活|(?:without|excluding|not counting|no)\s+"
    r"(?:the\s+)?activations",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Value:
    """A value in bytes, by either meaning of MB, with the last digit's worth of each."""

    values: tuple[tuple[Fraction, Fraction], ...]

    def fits(self, size: float | Fraction | int) -> bool:
        return any(stands_for(value, unit, Fraction(size)) for value, unit in self.values)


def graded_memory(
    reading: Reading, figures: Sequence[Figure], subject: Subject
) -> list[GradedFigure]:
    """Each statement with its verdict; those of a list are added up where a total is stated."""
    found: list[GradedFigure] = []
    items: list[tuple[Fraction, Fraction]] = []
    for figure in figures:
        text = " ".join(
            reading.text[figure.start - len(figure.before) : figure.end + len(figure.after)].split()
        )
        if CLAIM.search(f"{figure.context} {text}"):
            found.append(graded_claim(reading, figure, text, subject))
            continue
        one, value = _graded(reading, figure, text, subject, items)
        if one is not None:
            found.append(one)
        if value is not None:
            items.append(value)
    return found


def _graded(
    reading: Reading,
    figure: Figure,
    text: str,
    subject: Subject,
    items: list[tuple[Fraction, Fraction]],
) -> tuple[GradedFigure | None, tuple[Fraction, Fraction] | None]:
    sides = []
    nodes: list[tuple[Node | None, list[Claim]]] = []
    for binary in (False, True):
        node, claims = parse(
            reading.text, figure.start, figure.end, line=reading.line, binary=binary
        )
        nodes.append((node, claims))
        last = claims[-1] if claims else None
        value, unit = (last.value, last.unit) if last else (_value(node), _unit(node))
        sides.append((value, unit))
    written = _Value(tuple(sides))
    node, claims = nodes[0]
    if written.values[0][0] <= 8:
        return None, None  # "4 bytes each": no model takes so little
    words = f"{figure.context} {figure.before} {figure.after}"
    kind = _kind(figure, node)
    layers, name = _scope(figure, subject)
    data = 0 if subject.layer else _data(subject)
    sizes = sizes_of(layers, data)
    batch = figure.batch or _batch_written(kind, node, sizes) or subject.batch_size
    copies = _copies(f"{text} {words}")
    formulas = _formulas(kind, sizes, batch, copies)
    if kind == "training" and _WITHOUT_ACTIVATIONS.search(f"{text} {words}"):
        size = BYTES * sizes.params * (2 + copies)
        formulas = [Formula(size, "parameters, gradients and optimizer state")]
    if kind in ("activations", "data") and says_values(text):
        formulas = [Formula(one.bytes // BYTES, f"{one.text}, as values") for one in formulas]
    notes, predicted = _predicted(kind, subject, batch, words)
    total = says_total(figure.before)
    said = total or says_result(figure.before)
    if said and kind not in ("training", "inference") and _is_sum(written, items):
        near = Formula(round(sides[0][0]), "the sum of what was said before")
        return _figure(text, name, kind, sides[0][0], near, (), notes), None
    sums = all(not _adds_up(n, c, items, total) for n, c in nodes)
    right = next((one for one in formulas if written.fits(one.bytes)), None)
    near = right or min(formulas, key=lambda one: _distance(one.bytes, sides[0][0]))
    mistakes: tuple[Mistake, ...] = ()
    unit_slip = _unit_slip(nodes)
    if unit_slip:
        mistakes = (unit_slip,)
    elif sums:
        mistakes = (Mistake("arithmetic", "the numbers stated are not each other's sums"),)
    elif right is None and any(written.fits(size) for size in predicted):
        near = Formula(int(near.bytes), near.text)
        mistakes = ()
    elif right is None:
        mistakes = (_mistake(written, kind, sizes, batch, copies, formulas),)
    item = (sides[0][0], sides[0][1])
    graded = _figure(text, name, kind, sides[0][0], near, mistakes, notes)
    return graded, None if total else item


def _figure(
    text: str, name: str, kind: str, value: Fraction, near: Formula,
    mistakes: tuple[Mistake, ...], notes: Sequence[str],
) -> GradedFigure:  # fmt: skip
    return GradedFigure(
        text=text,
        subject=f"{name} {kind}".strip(),
        written=shown(value),
        expected=shown(Fraction(near.bytes)),
        verdict="wrong" if mistakes else "right",
        mistakes=mistakes,
        formula=near.text,
        notes=tuple(notes),
    )


def _is_sum(written: _Value, items: Sequence[tuple[Fraction, Fraction]]) -> bool:
    """Whether it is what two or more of the last statements come to; those are graded apart."""
    for first in range(len(items) - 1):
        size = sum(value for value, _ in items[first:])
        slack = sum((unit for _, unit in items[first:]), Fraction(0))
        if any(abs(value - size) <= slack + unit for value, unit in written.values):
            return True
    return False


def _value(node: Node | None) -> Fraction:
    return node.value if node is not None else Fraction(0)


def _unit(node: Node | None) -> Fraction:
    if node is None:
        return Fraction(0)
    if node.kind == "sum":
        return sum((_unit(part) for part in node.parts), Fraction(0))
    return unit_of(node)


def _kind(figure: Figure, node: Node | None) -> MemoryKind:
    before = figure.before.partition("=")[0]
    everything = f"{figure.context} {figure.before} {figure.after}"
    whole: MemoryKind | None = None
    for kind in ("training", "inference"):
        if _KINDS[kind].search(everything):  # type: ignore[index]
            whole = kind  # type: ignore[assignment]
    if whole and ((node is not None and node.kind == "sum") or says_total(figure.before)):
        return whole
    if whole and _ONLY.search(figure.before):
        return whole
    if whole and _KINDS["activations"].search(before):  # `activation memory training`
        return "activations"
    head, colon, _ = before.replace("：", ":").partition(":")
    if any(_KINDS[kind].search(head) for kind in ("training", "inference")):  # type: ignore[index]
        colon = ""  # a heading over what follows
    for words in (head if colon else "", before, figure.before, figure.after, figure.context):
        found = [
            (match.end(), kind)
            for kind, pattern in _KINDS.items()
            for match in pattern.finditer(words)
        ]
        if found:
            kind = max(found)[1]
            if kind == "optimizer state" and re.search("adam", words, re.IGNORECASE):
                others = [k for _, k in found if k != "optimizer state"]
                return whole if whole and "training" in others else kind
            return kind
    return whole or "parameters"


def _scope(figure: Figure, subject: Subject) -> tuple[tuple[CostedLayer, ...], str]:
    layers = subject.layers(1)
    labels = Labels(layers)
    places = labels.places(figure.before)
    if not places and re.search(r"个?卷积层|conv\d|layer", figure.before, re.IGNORECASE):
        last = labels.last_of(figure.before)
        places = () if last is None else (last,)
    if places and len(places) < len(layers):
        return tuple(layers[place] for place in places), figure.before.split()[0][:20]
    return layers, subject.layer or ""


def _data(subject: Subject) -> int:
    shapes = [re.findall(r"\d+", one.partition(":")[0]) for one in subject.traced.input]
    return sum(math.prod(int(n) for n in shape[1:]) for shape in shapes)


def _copies(words: str) -> int:
    """How many values the optimizer keeps for each parameter."""
    if re.search("adam", words, re.IGNORECASE):
        return 2
    return 1 if re.search("momentum|动量", words, re.IGNORECASE) else 0


def _formulas(kind: MemoryKind, sizes: Sizes, batch: int, copies: int) -> list[Formula]:
    if kind == "training":
        return training(sizes, batch, copies)
    if kind == "inference":
        return inference(sizes, batch)
    return single(kind, sizes, batch, copies) or [Formula(0, "none")]


def _predicted(
    kind: MemoryKind, subject: Subject, batch: int, words: str
) -> tuple[list[str], tuple[int, ...]]:
    """What `nincost memory` predicts for a whole step, in words and in bytes."""
    if kind not in ("training", "inference") or subject.layer:
        return [], ()
    optimizer = "adam" if re.search("adam", words, re.IGNORECASE) else "sgd"
    totals = subject.memory(batch, inference=kind == "inference", optimizer=optimizer)
    sizes = (totals.peak_allocated_bytes, totals.peak_reserved_bytes, totals.process_bytes)
    shown = [units.size(size) for size in sizes]
    return [
        f"nincost memory predicts {shown[0]} allocated at the peak, {shown[1]} reserved, "
        f"{shown[2]} in nvidia-smi at batch {batch}"
    ], sizes


def _batch_written(kind: MemoryKind, node: Node | None, sizes: Sizes) -> int | None:
    """A batch that is a factor of the calculation: `128*224*224*4` for the data."""
    if kind not in ("data", "activations") or node is None or node.kind != "product":
        return None
    for part in node.parts:
        size = int(part.value) if part.value.denominator == 1 else 0
        if size > 1 and any(one.bytes == node.value for one in single(kind, sizes, size, 0)):
            return size
    return None


def _adds_up(
    node: Node | None, claims: list[Claim], items: list[tuple[Fraction, Fraction]], total: bool
) -> bool:
    """Whether stated sums are sums: of the calculation, or of the items listed before."""
    if node is not None and claims:
        slack = _unit(node)
        values = [node.value]
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
        value, unit = (claims[-1].value, claims[-1].unit) if claims else (_value(node), _unit(node))
        slack = sum((item[1] for item in items), unit)
        return abs(sum(item[0] for item in items) - value) <= slack
    return True


def _unit_slip(nodes: list[tuple[Node | None, list[Claim]]]) -> Mistake | None:
    """`7,968,664 bytes = 7.97 KB`: the same digits in another unit."""
    for node, claims in nodes:
        if node is None or not claims or not node.value or not claims[-1].value:
            return None
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


def _mistake(
    written: _Value, kind: MemoryKind, sizes: Sizes, batch: int, copies: int,
    formulas: list[Formula],
) -> Mistake:  # fmt: skip
    for size, mistake in wrong_sizes(kind, sizes, batch, copies, formulas):
        if size and written.fits(size):
            return mistake
    return Mistake("unexplained", "no formula that is usual, and no known mistake, gives this")


def _distance(size: int, value: Fraction) -> float:
    if not size or value <= 0:
        return math.inf
    return abs(math.log(float(value) / size))
