"""Grades statements about memory by the formulas of textbooks, beside what is predicted."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction

from nincost import _units as units
from nincost._audit.figures.claims import CLAIM, graded_claim
from nincost._audit.figures.memory_formulas import (
    BYTES,
    Formula,
    MemoryKind,
    Sizes,
    inference,
    outputs,
    single,
    sizes_of,
    training,
)
from nincost._audit.figures.memory_kinds import (
    EACH,
    KINDS,
    ONE_OF,
    PAIR,
    STATES,
    copies_of,
    kind_of,
)
from nincost._audit.figures.memory_mistakes import shown, wrong_sizes
from nincost._audit.figures.memory_sums import (
    Items,
    Value,
    adds_up,
    goes_on,
    is_sum,
    slack_of,
    unit_slip_of,
    value_of,
)
from nincost._audit.figures.memory_words import (
    as_said,
    lacks_gradients,
    summed_up,
    without_activations,
)
from nincost._audit.figures.results import GradedFigure
from nincost._audit.interpretations import Mistake
from nincost._audit.labels import Labels
from nincost._audit.reading.expression import Claim, Node, parse
from nincost._audit.reading.parts import Figure, Reading
from nincost._audit.reading.words import says_result, says_total
from nincost._audit.subject import Subject
from nincost._closed_form.cost_terms import CostedLayer


def graded_memory(
    reading: Reading, figures: Sequence[Figure], subject: Subject
) -> list[GradedFigure]:
    """Each statement with its verdict; those of a list are added up where a total is stated."""
    found: list[GradedFigure] = []
    items: Items = []
    says_batch = any(figure.batch for figure in figures)  # what says none may be of one input
    for figure in figures:
        text = " ".join(
            reading.text[figure.start - len(figure.before) : figure.end + len(figure.after)].split()
        )
        if CLAIM.search(f"{figure.context} {text}"):
            found.append(graded_claim(reading, figure, text, subject))
            continue
        one, value = _graded(reading, figure, text, subject, items, says_batch)
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
    items: Items,
    says_batch: bool,
) -> tuple[GradedFigure | None, tuple[Fraction, Fraction] | None]:
    nodes, sides = _values(reading, figure, items)
    written = Value(tuple(sides))
    node = nodes[0][0]
    if written.values[0][0] <= 8:
        return None, None  # "4 bytes each": no model takes so little
    words = f"{figure.context} {figure.before} {figure.after}"
    kind = kind_of(figure, node)
    layers, name = _scope(figure, subject)
    data = 0 if subject.layer else _data(subject)
    sizes = sizes_of(layers, data)
    batch = figure.batch or _batch_written(kind, node, sizes) or subject.batch_size
    copies = copies_of(f"{text} {words}")
    total = says_total(figure.before)
    said = total or says_result(figure.before)
    formulas = _formulas(kind, sizes, batch, copies)
    together = _together(kind, figure, sizes, copies)
    lacking = lacks_gradients(f"{text} {words}")
    formulas += [] if lacking else together
    if not any(pattern.search(f"{text} {words}") for pattern in KINDS.values()):
        formulas += single("activations", sizes, batch, copies)  # `memory per image: 6.1 MB`
    if kind == "activations":
        formulas += _of_some(figure, layers, sizes, batch)
    if said and not any(pattern.search(figure.before) for pattern in KINDS.values()):
        for whole in ("training", "inference"):  # `so 10 MB altogether`
            if KINDS[whole].search(reading.text):  # type: ignore[index]
                formulas += _formulas(whole, sizes, batch, copies)  # type: ignore[arg-type]
    if node is not None and node.kind == "sum" and (added := summed_up(f"{text} {words}")):
        formulas += _formulas(added, sizes, batch, copies)
    if figure.batch is None and batch > 1 and says_batch:
        formulas += _formulas(kind, sizes, 1, copies)
        formulas += _of_some(figure, layers, sizes, 1) if kind == "activations" else []
    formulas = as_said(formulas, kind, sizes, copies, text, f"{text} {words}")
    if kind == "parameters" and not any(p.search(f"{text} {words}") for p in KINDS.values()):
        kind = "activations" if _of_kind("activations", written, sizes, batch) else kind
    notes, predicted = _predicted(kind, subject, batch, words)
    if said and kind not in ("training", "inference") and is_sum(written, items):
        near = Formula(round(sides[0][0]), "the sum of what was said before")
        return _figure(text, name, kind, sides[0][0], near, (), notes), None
    sums = all(not adds_up(n, c, items, total) for n, c in nodes)
    right = next((one for one in formulas if written.fits(one.bytes)), None)
    near = right or min(formulas, key=lambda one: _distance(one.bytes, sides[0][0]))
    mistakes: tuple[Mistake, ...] = ()
    unit_slip = unit_slip_of(nodes)
    if unit_slip:
        mistakes = (unit_slip,)
    elif sums:
        mistakes = (Mistake("arithmetic", "the numbers stated are not each other's sums"),)
    elif right is None and not any(written.fits(size) for size in predicted):
        mistakes = (
            _without_gradients(written, together if lacking else (), sizes)
            or without_activations(written, kind, sizes, copies, f"{text} {words}")
            or _mistake(written, kind, sizes, batch, copies, formulas),
        )
    item = (sides[0][0], sides[0][1])
    graded = _figure(text, name, kind, sides[0][0], near, mistakes, notes)
    return graded, None if total else item


Parsed = list[tuple[Node | None, list[Claim]]]


def _values(reading: Reading, figure: Figure, items: Items) -> tuple[Parsed, Items]:
    """The calculation by both meanings of MB, and what it comes to: the last number stated."""
    nodes = [
        parse(reading.text, figure.start, figure.end, line=reading.line, binary=binary)
        for binary in (False, True)
    ]
    if len(nodes[0][1]) > 1 and items and goes_on(nodes, items):
        nodes = [(node, claims[:-1]) for node, claims in nodes]  # `= 2.24 MB -> 10.2 MB`
    return nodes, [
        (claims[-1].value, claims[-1].unit) if claims else (value_of(node), slack_of(node))
        for node, claims in nodes
    ]


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


def _formulas(kind: MemoryKind, sizes: Sizes, batch: int, copies: int) -> list[Formula]:
    if kind == "training":
        return training(sizes, batch, copies)
    if kind == "inference":
        return inference(sizes, batch)
    return single(kind, sizes, batch, copies) or [Formula(0, "none")]


def _together(kind: MemoryKind, figure: Figure, sizes: Sizes, copies: int) -> list[Formula]:
    """What several kinds take that are named together, `weights and gradients`, or each of them."""
    words = f"{figure.context} {figure.before}" if copies else figure.before
    named = [one for one in STATES if KINDS[one].search(words)]
    params = BYTES * sizes.params
    found = []
    if kind == "optimizer state" and copies > 1 and EACH.search(figure.before):
        found.append(Formula(params, f"each of {copies}: {sizes.params:,} values * {BYTES} bytes"))
    if len(named) > 1 and kind in STATES:
        states = {"parameters": 1, "gradients": 1, "optimizer state": copies}
        count = sum(states[one] for one in named)
        found.append(Formula(count * params, f"{', '.join(named)}: {count} * {params:,} bytes"))
    return found


def _of_some(
    figure: Figure, layers: Sequence[CostedLayer], sizes: Sizes, batch: int
) -> list[Formula]:
    """What the outputs of one layer take, or of two in a row, where the words mean these."""
    words = f"{figure.context} {figure.before}"
    found = outputs(layers, batch) if ONE_OF.search(words) else []
    if PAIR.search(words):
        text = f"the two largest outputs in a row: {sizes.pair:,} values * {BYTES} bytes"
        found.append(Formula(BYTES * sizes.pair * batch, text))
    return found


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


def _mistake(
    written: Value, kind: MemoryKind, sizes: Sizes, batch: int, copies: int,
    formulas: list[Formula],
) -> Mistake:  # fmt: skip
    for size, mistake in wrong_sizes(kind, sizes, batch, copies, formulas):
        if size and written.fits(size):
            return mistake
    return Mistake("unexplained", "no formula that is usual, and no known mistake, gives this")


def _of_kind(kind: MemoryKind, written: Value, sizes: Sizes, batch: int) -> bool:
    return any(written.fits(one.bytes) for one in single(kind, sizes, batch, 0))


def _without_gradients(written: Value, together: Sequence[Formula], sizes: Sizes) -> Mistake | None:
    """Where it is what others take together, and the gradients are needed, too."""
    if not any(written.fits(one.bytes) for one in together):
        return None
    less = shown(Fraction(BYTES * sizes.params))
    return Mistake("gradients-missing", f"the gradients are missing: {less}")


def _distance(size: int, value: Fraction) -> float:
    if not size or value <= 0:
        return math.inf
    return abs(math.log(float(value) / size))
