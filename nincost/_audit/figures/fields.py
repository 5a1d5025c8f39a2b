"""Grades receptive fields: `block2: 51x51`, `67 + (3-1)*16 = 99`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nincost._audit.figures.results import GradedFigure, verdict_of
from nincost._audit.interpretations import Mistake
from nincost._audit.labels import Labels
from nincost._audit.reading.expression import parse
from nincost._audit.reading.parts import Figure, Reading
from nincost._audit.subject import Subject
from nincost._closed_form.cost_terms import CostedLayer
from nincost.errors import ExpressionError

_IMAGE = re.compile(r"\b(?:image|input)|图|输入", re.IGNORECASE)
_BEFORE_GLOBAL = re.compile(
    r"before (?:the )?(?:global|adaptive|average|avg)|全局(?:平均)?(?:池化|汇聚)(?:层)?(?:之)?前",
    re.IGNORECASE,
)
_LAST = re.compile(r"\b(?:last|final) (?:conv\w* )?layer|最后一个?层", re.IGNORECASE)
_IN_PARENTHESES = re.compile(r"\s*[(（][^()（）]*[)）]")
_KERNEL = re.compile(r"(?<![\d*x×.])(\d{1,2})\s?[x×*]\s?\1(?![\d*x×])")
_POOL = re.compile(r"pool|池化|汇聚", re.IGNORECASE)
_SAME = re.compile(r"(\d+)\s*[x×*]\s*\1(?!\s*(?:conv|卷积))")


#: Pixels that no field has, and so a number of something else.
_NO_FIELD = 10_000
_A_SHAPE = re.compile(r"\d+\s*[x×*]\s*\d+\s*[x×*]\s*\d+")


def graded_fields(
    reading: Reading, figures: Sequence[Figure], subject: Subject
) -> list[GradedFigure]:
    """Each stated field against that of the layer that is named."""
    layers = subject.layers(1)
    labels = Labels(layers)
    sizes = subject.field_sizes()
    found = []
    last: int | None = None
    for figure in figures:
        raw = reading.text[figure.start - len(figure.before) : figure.end + len(figure.after)]
        text = " ".join(raw.split())
        after = _IN_PARENTHESES.match(reading.text, figure.end)  # `11（第一块）`
        before = _IN_PARENTHESES.sub("", figure.before)
        first, sign, _ = before.partition("=")  # `RF_block2 = RF_pool1 + (5-1)*8`
        before = first if sign and labels.last_of(first) is not None else before
        place = labels.last_of(after[0]) if after else None
        if place is None:
            place = _unnumbered(before, layers, last) or labels.last_of(before)
        named = place is not None
        if place is None and last is not None and _POOL.search(figure.before):
            later = range(last + 1, len(layers))  # `第一块11，池化后19`
            place = next((p for p in later if "Pool" in layers[p].cost.type), None)
        if place is None:
            place = labels.last_of(figure.context)
        value = _stated(reading, figure, raw)
        if place is None and figure is figures[0] and len(figures) > 1:
            place = next(iter(_windows(layers)), None)
        if place is None or value is None or layers[place].name not in sizes:
            continue
        if value >= _NO_FIELD or _A_SHAPE.search(raw):
            continue  # beside it in a row: `block1   96x54x54    RF 11    30,336`
        window = layers[0].cost.window
        if window and value == window.size[-1] and _IMAGE.search(raw):
            continue  # "nearly the whole 224 pixel image"
        last = place
        layer = layers[place]
        own = sizes[layer.name]
        mistakes: tuple[Mistake, ...] = ()
        if value != own:
            mistakes = (_mistake(value, layers, place),)
        found.append(
            GradedFigure(
                text=text,
                subject=layer.name,
                written=str(value),
                expected=str(own),
                verdict=verdict_of(mistakes, named=named),
                mistakes=mistakes,
                formula=_working(layers, place),
            )
        )
    return found


def _windows(layers: Sequence[CostedLayer]) -> list[int]:
    """The layers that a list of fields begins with and goes through: convolutions and pools."""
    return [p for p, one in enumerate(layers)
            if one.cost.window and "Adaptive" not in one.cost.type]  # fmt: skip


def _unnumbered(words: str, layers: Sequence[CostedLayer], last: int | None) -> int | None:
    """`pool: 19, 5x5: 51`: the next such layer after the last; or that before the global pool."""
    if _BEFORE_GLOBAL.search(words) or _LAST.search(words):
        return next((p - 1 for p, one in enumerate(layers) if "Adaptive" in one.cost.type), None)
    kernel = _KERNEL.search(words)
    if last is None or not kernel:
        return None
    side = int(kernel[1])
    for place in _windows(layers):
        window = layers[place].cost.window
        conv = "Pool" not in layers[place].cost.type
        if place > last and conv and side > 1 and window and set(window.kernel) == {side}:
            return place
    return None


def _stated(reading: Reading, figure: Figure, raw: str) -> int | None:
    if figure.end <= figure.start:
        same = _SAME.findall(raw)
        return int(same[-1]) if same else None
    try:
        node, claims = parse(reading.text, figure.start, figure.end, line=reading.line)
    except ExpressionError as error:
        reading.not_read(figure.start, error)
        return None
    value = claims[-1].value if claims else (node.value if node is not None else None)
    return int(value) if value is not None and value.denominator == 1 else None


def _grown(
    layers: Sequence[CostedLayer], upto: int, *, pools: bool = True, strides: bool = True,
    without_stride: int | None = None,
) -> tuple[int, list[str]]:  # fmt: skip
    """The field of a chain of windows, with what each adds; with pools or strides left out."""
    size, jump, steps = 1, 1, ["1"]
    for place, layer in enumerate(layers[: upto + 1]):
        window = layer.cost.window
        pool = "Pool" in layer.cost.type
        if window is None or "Adaptive" in layer.cost.type or (pool and not pools):
            continue
        reach = window.dilation[-1] * (window.kernel[-1] - 1)
        size += reach * jump
        if reach:
            steps.append(f"{reach}*{jump}")
        jump *= window.stride[-1] if strides and place != without_stride else 1
    return size, steps


def _working(layers: Sequence[CostedLayer], place: int) -> str:
    size, steps = _grown(layers, place)
    return f"{' + '.join(steps)} = {size}"


def _mistake(value: int, layers: Sequence[CostedLayer], place: int) -> Mistake:
    forgotten = "each layer adds (k-1) times the strides of all layers before it, multiplied"
    pools = "pools have windows and strides, too"
    known = [
        (_grown(layers, place, strides=False)[0], Mistake("stride-forgotten", forgotten)),
        (_grown(layers, place, pools=False)[0], Mistake("pool-forgotten", pools)),
        (
            _grown(layers, place, pools=False, strides=False)[0],
            Mistake("stride-forgotten", f"{forgotten}; {pools}"),
        ),
    ]
    for size, mistake in known:
        if size == value:
            return mistake
    for own in _windows(layers):
        window = layers[own].cost.window
        strided = own < place and window and window.stride[-1] > 1
        if strided and _grown(layers, place, without_stride=own)[0] == value:
            words = f"the stride of {layers[own].name} is left out: {forgotten}"
            return Mistake("stride-forgotten", words)
    return Mistake("unexplained", "no known mistake gives this receptive field")
