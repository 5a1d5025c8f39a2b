"""Grades statements about memory by the formulas of textbooks, beside what is predicted."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from nincost import _units as units
from nincost._audit.figures.claims import CLAIM, graded_claim
from nincost._audit.figures.memory_formulas import (
    BYTES,
    Formula,
    MemoryKind,
    Sizes,
    sizes_of,
)
from nincost._audit.figures.memory_mistakes import shown, wrong_sizes
from nincost._audit.figures.memory_said import Said, contradicts, data_of, said_again, said_of
from nincost._audit.figures.memory_scope import misread_outputs
from nincost._audit.figures.memory_second_look import (
    kinds_of,
    says_nothing,
    second_look,
    sums_counted,
)
from nincost._audit.figures.memory_sums import (
    Item,
    Items,
    Value,
    adds_up,
    last_of,
    some_of,
    value_of,
)
from nincost._audit.figures.memory_units import (
    decimal_for_binary,
    is_in_bytes,
    unit_slip_of,
)
from nincost._audit.figures.memory_usual import usual
from nincost._audit.figures.memory_words import (
    without_activations,
)
from nincost._audit.figures.results import GradedFigure, Verdict
from nincost._audit.interpretations import Mistake
from nincost._audit.reading.parts import Figure, Reading
from nincost._audit.reading.words import batches, says_result, says_values
from nincost._audit.subject import Subject
from nincost.errors import ExpressionError


def graded_memory(
    reading: Reading, figures: Sequence[Figure], subject: Subject
) -> list[GradedFigure]:
    """Each statement with its verdict; those of a list are added up where a total is stated."""
    found: list[GradedFigure] = []
    items: list[Item] = []
    says_batch = any(figure.batch for figure in figures)  # what says none may be of one input
    last: Said | None = None
    kinds: frozenset[MemoryKind] = frozenset()  # of those that are right
    for figure in figures:
        text = " ".join(
            reading.text[figure.start - len(figure.before) : figure.end + len(figure.after)].split()
        )
        try:
            said = said_of(reading, figure, text, subject, items, last)
            is_claim = _is_claim(reading, said)
            claim = graded_claim(reading, figure, text, subject) if is_claim else None
        except ExpressionError as error:
            reading.not_read(figure.start, error)
            continue
        if last is not None and _is_listed_count(reading, said, last):
            said.in_values = True
        if said.value <= 8:
            continue  # "4 bytes each": no model takes so little
        again = said_again(said, last, found) if claim is None else None
        one = claim or again or _graded(reading, said, subject, items, says_batch)
        if (again or claim) is None and one.verdict != "right" and _batch_is_guessed(figure):
            one = _of_another_batch(reading, said, subject, items) or one
        if again is None and one.verdict == "right" and last and last.in_values:
            one = _beside_its_count(one, said, last)
        own_kinds = kinds_of(said)
        if again is None and one.verdict != "right":
            better = second_look(reading, said, one, subject, items, kinds, last)
            if better is None and says_nothing(reading, said, subject):
                continue
            one, own_kinds = better or (one, own_kinds)
        kinds |= own_kinds if one.verdict == "right" else frozenset()
        found.append(one)
        if claim is not None:
            continue
        last = said
        if not said.total and (again is None or said.in_values != items[-1].in_values):
            wrong = one.verdict == "wrong"
            copies = 2 if _AS_MUCH.search(figure.after) else 1
            item = Item(said.value, said.unit, said.expected, wrong, said.in_values)
            items += [item] * copies
    return found


def _is_listed_count(reading: Reading, said: Said, last: Said) -> bool:
    """`3*10*5*5 = 750` below `3*96*54*54 = 839808`: values as well, however few."""
    raw = reading.text[said.figure.start : said.figure.end]
    alike = said.kind == last.kind and last.row < said.row <= last.row + 2
    product = said.node is not None and said.node.kind == "product" and bool(said.nodes[0][1])
    before = last.node is not None and last.node.kind == "product" and last.in_values
    return alike and product and before and not is_in_bytes(raw) and not said.unit_before


def _is_claim(reading: Reading, said: Said) -> bool:
    """Whether a layer is said to take it: a size, as a number of values or parameters is none."""
    figure = said.figure
    if said.in_values or not CLAIM.search(f"{figure.context} {said.text}"):
        return False
    raw = reading.text[figure.start : figure.end]
    return said.unit_before or is_in_bytes(raw) or not says_values(f"{raw} {figure.after}")


_BOTH = re.compile(r"\b(?:both|twice)\b|两者|二者|两个|都", re.IGNORECASE)


def _beside_its_count(one: GradedFigure, said: Said, last: Said) -> GradedFigure:
    """`1,525,614 values, 12.2 MB`: each is an amount of the model, but not the same one."""
    if not contradicts(said, last):
        return one
    words = "not 4 bytes for each of the values before it"
    expected = shown(last.expected * BYTES)
    return replace(one, verdict="wrong", mistakes=(Mistake("arithmetic", words),),
                   expected=expected, formula="")  # fmt: skip


def _batch_is_guessed(figure: Figure) -> bool:
    return bool(figure.batch) and not figure.own_batch


#: `weights take 7.97 MB and the gradients the same`.
_AS_MUCH = re.compile(r"(?:grad\w*|梯度)[^.。]*(?:the same|as much|一样|同样|相同)", re.IGNORECASE)


#: `7.60 MiB weights + two 136.7 MiB buffers`: one of them counts twice.
_TWO = re.compile(r"\b(?:two|both|twice|each)\b|两|各", re.IGNORECASE)


def _of_another_batch(
    reading: Reading, said: Said, subject: Subject, items: Items
) -> GradedFigure | None:
    """The grade where it is right for one input, or for another batch that is said anywhere.

    Its own sentence says none: `批量128共781MB。推理：激活6.10MB。` goes back to one image.
    """
    asked, expected = said.batch, said.expected
    for batch in dict.fromkeys([1, *(size for _, _, size in batches(reading.text))]):
        said.batch = batch
        one = _graded(reading, said, subject, items, says_batch=True)
        if one.verdict == "right":
            return one
    said.batch, said.expected = asked, expected
    return None


def _graded(
    reading: Reading, said: Said, subject: Subject, items: Items, says_batch: bool
) -> GradedFigure:
    figure, written, kind = said.figure, said.written, said.kind
    sizes = sizes_of(said.scope.layers, data_of(subject))
    formulas, lacking = usual(reading, said, sizes, says_batch)
    notes, predicted = _predicted(kind, subject, said.batch, said.words)
    known = [one for one in items if one.in_values == said.in_values]
    result = said.total or says_result(figure.before) or not said.says_kind
    sums = some_of(known, written) if said.total else last_of(known, written)
    right = next((one for one in formulas if written.fits(one.bytes)), None)
    near = right or min(formulas, key=lambda one: _distance(one.bytes, said.value))
    mistakes: tuple[Mistake, ...] = ()
    raw = reading.text[figure.start : figure.end]
    changes = said.node is not None and not is_in_bytes(raw[: said.node.end - figure.start])
    twice, both = _TWO.search(raw), _BOTH.search(figure.before)
    adds = any(adds_up(n, c, changes and is_in_bytes(raw), twice, both) for n, c in said.nodes)
    stated = [size for node, claims in said.nodes[:1]
              for size in (value_of(node), *(one.value for one in claims[:-1]))]  # fmt: skip
    wrong_unit = decimal_for_binary(raw, [*stated, *(one.bytes for one in formulas)])
    slip = unit_slip_of(said.nodes)
    follows = any(one.wrong for one in sums)
    if slip:
        mistakes = (slip,)
    elif (right is None or not adds) and wrong_unit:
        mistakes = (wrong_unit,)
    elif not adds:
        mistakes = (Mistake("arithmetic", "the numbers stated are not each other's sums"),)
    elif right is None and result and sums and kind not in ("training", "inference"):
        notes = []
    elif right is None and not any(written.fits(size) for size in predicted) and not follows:
        mistakes = _mistakes(said, sizes, formulas, lacking, subject, known)
    if follows and not mistakes and right is None:
        mistakes = (Mistake("follows", "the sum of what was said before, where a number is wrong"),)
    if right is None and sums and (follows or not mistakes):
        size = round(sum((one.expected for one in sums), Fraction(0)))
        near = Formula(size, "the sum of what was said before")
    if mistakes and mistakes[0].key == "bits-for-bytes":
        near = next((one for one in formulas if written.fits(8 * one.bytes)), near)
    said.expected = Fraction(near.bytes)
    unknown = bool(mistakes) and mistakes[0].key == "unexplained" and not said.says_kind
    verdict: Verdict = "not sure" if unknown else "wrong" if mistakes else "right"
    return GradedFigure(
        text=said.text,
        subject=f"{said.scope.name or subject.layer or ''} {kind}".strip(),
        written=shown(said.value, in_values=said.in_values),
        expected=shown(Fraction(near.bytes), in_values=said.in_values),
        verdict=verdict,
        mistakes=mistakes,
        formula=near.text,
        notes=tuple(notes),
    )


def _mistakes(
    said: Said, sizes: Sizes, formulas: list[Formula], lacking: Sequence[Formula],
    subject: Subject, items: Items,
) -> tuple[Mistake, ...]:  # fmt: skip
    """What may have led to it, the likeliest first."""
    written, kind, batch, copies = said.written, said.kind, said.batch, said.copies
    adds = some_of(items, written) and sums_counted(said, items) is not False
    if said.total and len(items) > 1 and not adds and not _is_calculated(said):
        return (Mistake("arithmetic", "the numbers stated are not each other's sums"),)
    found = _without_gradients(written, lacking, sizes) or without_activations(
        written, kind, sizes, copies, f"{said.text} {said.words}"
    )
    if found:
        return (found,)
    if kind == "activations":
        each = batch if said.in_values else batch * BYTES
        for values, mistake in misread_outputs(subject.layers(1), said.scope):
            if written.fits(values * each):
                return (mistake,)
    for size, mistake in wrong_sizes(kind, sizes, batch, copies, formulas):
        if size and written.fits(size):
            return (mistake,)
    macs = sum(layer.cost.macs for layer in subject.layers(1))
    if any(written.fits(count * batch) for count in (macs, macs + sizes.weighted)):  # with biases
        words = "a number of multiply-adds: they take no memory"
        return (Mistake("operations-for-memory", words),)
    if any(_is_multiple(written, one) for one in items if one.wrong):
        words = "a multiple of what was said before, where a number is wrong"
        return (Mistake("follows", words),)
    words = "no formula that is usual, and no known mistake, gives this"
    return (Mistake("unexplained", words),)


def _is_multiple(written: Value, item: Item) -> bool:
    """`that is 63.7 MB, and the same again for the gradients, 127.5 MB`."""
    factors = (Fraction(1, 2), Fraction(2), Fraction(3), Fraction(4))
    return any(written.is_near(item.value * factor, item.unit * factor) for factor in factors)


def _is_calculated(said: Said) -> bool:
    return any(claims or (node is not None and node.parts) for node, claims in said.nodes)


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
