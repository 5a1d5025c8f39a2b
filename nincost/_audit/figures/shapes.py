"""Grades output shapes: `block1: 96x54x54`, `(224-11)/4+1 = 54.25 -> 55`, `54 -> 26 -> 26`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from nincost._audit.figures.chains import chain_of, graded_chain, size_mistake
from nincost._audit.figures.results import GradedFigure, verdict_of
from nincost._audit.interpretations import Mistake
from nincost._audit.labels import Labels
from nincost._audit.reading.expression import parse
from nincost._audit.reading.parts import Figure, Reading
from nincost._audit.reading.things import counts_things
from nincost._audit.reading.words import DIMS, SIZE_FORMULA, about
from nincost._audit.subject import Subject
from nincost._closed_form.cost_terms import CostedLayer
from nincost._closed_form.window import Window, by
from nincost.errors import ExpressionError

_INPUT = re.compile(r"\b(?:input|image)\b|输入|图像|图片", re.IGNORECASE)
_POOL = re.compile(r"\bpool|池化|汇聚", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NAMES_WITH_DIGITS = re.compile(
    r"(?:conv|卷积)(?:olution)?\s*(?P<side>\d{1,2})\s*[x×]\s*(?P=side)(?!\d)"
    r"|(?:block|pool|conv|stage|layer|padding|pad|stride|kernel|window)\s*[#_=]?\s*\d+|第\s*\d+"
    r"|(?:填充|步幅|步长|核|窗口)(?:大小)?\s*[为是=]?\s*\d+"
    r"|(?<!\d)(?P<kernel>\d)\s*[x×]\s*(?P=kernel)\s*(?:conv|卷积)",
    re.IGNORECASE,
)

#: `pool 3/2`: no third pool.
_KERNEL_AND_STRIDE = re.compile(r"(?<![\d.])\d{1,2}\s?/\s?\d(?!\d)")
_KEEPS_OR_POOLS = re.compile("Adaptive|Flatten|Dropout|Linear")
_THOUSANDS = re.compile(r"(?<![\d,])\d{1,3}(?:,\d{3})+(?![\d,])")
#: `with 384 channels`, `10个通道`: no size.
_CHANNELS = re.compile(
    r"(?<![\dx×*.])\d+\s*(?:(?:input |output )?channels|feature maps|maps|classes|filters"
    r"|个?(?:输入|输出)?通道|个?(?:特征图|类别?|卷积核))",
    re.IGNORECASE,
)


def graded_shapes(
    reading: Reading, figures: Sequence[Figure], subject: Subject
) -> list[GradedFigure]:
    """Each stated shape against the layer that is named, or that its formula fits."""
    layers = subject.layers(1)
    chain = chain_of(reading, figures)
    if chain is not None:
        return [graded_chain(chain, layers)]
    found = []
    labels = Labels(layers)
    after = 0
    used: set[int] = set()
    last: tuple[int, int] | None = None  # the line and place of the shape before
    for figure in figures:
        chain = chain_of(reading, [figure])
        if chain is not None:
            found.append(graded_chain(chain, layers))
            continue
        raw = reading.text[figure.start - len(figure.before) : figure.end + len(figure.after)]
        text = " ".join(raw.split())
        formula = SIZE_FORMULA.search(reading.text, max(0, figure.start - 1), figure.end)
        place, named = _with_name(labels, figure, used, after, formula=bool(formula))
        row = reading.text.count("\n", 0, figure.start)
        if formula:
            place = _window_of(_numbers(reading, figure), layers, place, after)
            one = _of_formula(reading, figure, text, layers, place)
        else:
            dims = _stated(raw)
            if not dims:
                continue
            own_input = layers if subject.layer is None else subject.all_layers(1)
            if _INPUT.search(figure.before) and (
                _is_input(dims, layers) or _is_input_of(dims, own_input, labels, figure.before)
            ):
                found.append(GradedFigure(text, "input", by(dims), by(dims), "right"))
                continue
            if place is None and last and last[0] == row and _fits(dims, layers[last[1]]):
                place = last[1]  # `floor((54-3)/2)+1 = 26, so 96x26x26`
            if place is None:
                place = next((p for p in range(after, len(layers)) if _fits(dims, layers[p])), None)
            if place is None:
                place = after if after < len(layers) else None
            if not named and _needs_no_name(dims, figure, layers):
                place = next(p for p in range(len(layers)) if _fits(dims, layers[p]))
            one = _of_statement(dims, text, raw, layers, place)
            if (
                one is not None
                and one.mistakes
                and not named
                and _counts_things(dims, figure, reading.text[figure.end :])
            ):
                continue
            one = one and replace(one, verdict=verdict_of(one.mistakes, named=named))
        if one is not None:
            found.append(one)
            if place is not None:
                after = place + 1
                used.add(place)
                last = row, place
    return found


def graded_shape_rows(
    rows: Sequence[tuple[str, str]], subject: Subject
) -> tuple[GradedFigure, ...]:
    """The output shapes in a table's rows, each with the name of its layer.

    A row whose name means no layer is the next one of that shape.
    """
    layers = subject.layers(1)
    labels = Labels(layers)
    found = []
    after = 0
    for name, text in rows:
        dims = _stated(text)
        place = labels.last_of(name)
        named = place is not None
        if place is None:
            place = next((p for p in range(after, len(layers)) if _fits(dims, layers[p])), None)
        one = _of_dims(dims, f"{name}: {text}", layers, place) if dims else None
        if one is not None and place is not None:
            formula = one.formula if one.mistakes else ""  # thirty rows say theirs to nobody
            verdict = verdict_of(one.mistakes, named=named)
            found.append(replace(one, verdict=verdict, formula=formula))
            after = place + 1
    return tuple(found)


def _is_input(dims: tuple[int, ...], layers: Sequence[CostedLayer]) -> bool:
    first = layers[0].cost if layers else None
    if first is None or first.window is None:
        return False
    return dims in (first.window.size, (first.channels, *first.window.size))


def _of_statement(
    dims: tuple[int, ...], text: str, raw: str, layers: Sequence[CostedLayer], place: int | None
) -> GradedFigure | None:
    """The grade of the last shape of a statement, or of another one there that is the layer's."""
    one = _of_dims(dims, text, layers, place)
    if one is None or place is None or not one.mistakes:
        return one
    shapes = [tuple(map(int, re.findall(r"\d+", match[0]))) for match in DIMS.finditer(raw)]
    also = [own for own in shapes if len(own) > 2 and _fits(own, layers[place])]
    return _of_dims(also[-1], text, layers, place) if also else one


def _with_name(
    labels: Labels, figure: Figure, used: set[int], after: int, *, formula: bool
) -> tuple[int | None, bool]:
    """The layer that a statement names, or the lines above it; and whether its own words do."""
    place = labels.last_of(_KERNEL_AND_STRIDE.sub(" ", figure.before))
    if place is not None:
        return place, True
    if after and _POOL.search(figure.before):
        place = _next_pool(labels.layers, after, sized=formula)  # `第二块还是26，池化后12`
    if place is None:
        place = labels.last_of(figure.context)
        place = None if place in used else place  # its size was said: it goes on from there
    return place, False


def _needs_no_name(dims: tuple[int, ...], figure: Figure, layers: Sequence[CostedLayer]) -> bool:
    """Whether it is the whole shape of some layer, and no words say of which.

    What was guessed of the lines above would be no ground to call it wrong.
    """
    words = re.search(r"[^\W\d_]{2}", figure.before)
    return not words and len(dims) > 2 and any(_fits(dims, layer) for layer in layers)


def _counts_things(dims: tuple[int, ...], figure: Figure, after: str) -> bool:
    """`with 2 friends`, `4 pages`: a lone number of something that is no size."""
    if len(dims) != 1 or about(figure.before) == "shapes" or _POOL.search(figure.before):
        return False
    return counts_things(after)


def _is_input_of(
    dims: tuple[int, ...], layers: Sequence[CostedLayer], labels: Labels, words: str
) -> bool:
    """Whether it is the input of the layers that are named, or of any where none is.

    An answer about the second block alone begins with that block's input.
    """
    named = {labels.layers[place].name for place in labels.places(words)}
    own = [one.cost for one in layers if not named or one.name in named]
    return any(cost.window and dims == (cost.channels, *cost.window.size) for cost in own)


def _next_pool(layers: Sequence[CostedLayer], after: int, *, sized: bool) -> int | None:
    """The next pool from a place on; `sized` where its size is calculated, as of no global one."""
    for place in range(after, len(layers)):
        kind = layers[place].cost.type
        if "Pool" in kind and not (sized and "Adaptive" in kind):
            return place
    return None


def _stated(raw: str) -> tuple[int, ...]:
    """The last shape, or single size, in a statement; a leading batch of 1 is left out."""
    raw = _THOUSANDS.sub(lambda m: " " * len(m[0]), raw)
    bare = _NAMES_WITH_DIGITS.sub(lambda m: " " * len(m[0]), raw)
    bare = _CHANNELS.sub(lambda m: " " * len(m[0]), bare)
    shapes = list(DIMS.finditer(bare))
    if shapes:
        dims = tuple(int(n) for n in re.findall(r"\d+", shapes[-1][0]))
        return dims[1:] if len(dims) in (4, 2) and dims[0] == 1 else dims
    numbers = _NUMBER.findall(bare)
    return (int(numbers[-1]),) if numbers and "." not in numbers[-1] else ()


def _fits(dims: tuple[int, ...], layer: CostedLayer) -> bool:
    own = layer.cost.output[1:]
    if len(dims) == 1 and set(own[1:]) == {1}:  # `a vector of 10`
        return dims[0] in (own[0], 1)
    if len(dims) == 1 and len(own) > 1:
        return set(own[1:]) == set(dims)
    return own[-len(dims) :] == dims if len(dims) < len(own) else own == dims


def _of_dims(
    dims: tuple[int, ...], text: str, layers: Sequence[CostedLayer], place: int | None
) -> GradedFigure | None:
    if place is None:
        return None
    layer = layers[place]
    own = layer.cost.output[1:]
    right = _fits(dims, layer)
    spatial = dims[1:] if len(dims) == len(own) and len(own) > 1 else dims
    if len(spatial) == 1 and len(own) > 2:
        spatial = spatial * (len(own) - 1)
    mistakes: tuple[Mistake, ...] = ()
    if not right:
        if len(dims) == len(own) and spatial == own[1:]:
            words = f"{dims[0]} channels, where there are {own[0]}"
            mistakes = (Mistake("channels-wrong", words),)
        else:
            mistakes = (size_mistake(spatial, layers, place),)
    return GradedFigure(
        text=text,
        subject=layer.name,
        written=by(dims),
        expected=by(own),
        verdict="right" if right else "wrong",
        mistakes=mistakes,
        formula=_working(layers, place),
    )


def _of_formula(
    reading: Reading,
    figure: Figure,
    text: str,
    layers: Sequence[CostedLayer],
    place: int | None,
) -> GradedFigure | None:
    """`(224-11)/4+1 = 54.25 -> 55`: the window whose numbers are in it, and the last value."""
    try:
        node, claims = parse(reading.text, figure.start, figure.end, line=reading.line)
    except ExpressionError as error:
        reading.not_read(figure.start, error)
        return None
    more = [int(n) for n in _NUMBER.findall(figure.after) if "." not in n]
    if place is None:
        return None
    layer = layers[place]
    values = [claim.value for claim in claims] + [Fraction(n) for n in more]
    value = values[-1] if values else (node.value if node is not None else Fraction(0))
    own = layer.cost.output[-1]
    if value.denominator != 1:
        return None  # what it is rounded to is said next
    if value == own:
        mistakes: tuple[Mistake, ...] = ()
    else:
        size = (int(value),) * len(layer.cost.output[2:])
        mistakes = (size_mistake(size, layers, place),)
    return GradedFigure(
        text=text,
        subject=layer.name,
        written=f"{float(value):g}",
        expected=str(own),
        verdict="wrong" if mistakes else "right",
        mistakes=mistakes,
        formula=_working(layers, place),
    )


def _numbers(reading: Reading, figure: Figure) -> list[int]:
    """The numbers of a formula, before its result."""
    formula = re.split(r"[=~]", reading.line[figure.start : figure.end])[0]
    return [int(n) for n in re.findall(r"\d+", formula)]


def _window_of(
    numbers: list[int], layers: Sequence[CostedLayer], place: int | None, after: int
) -> int | None:
    """The window whose size, kernel and stride a formula has, best that of the layer named.

    Of others it is the next one from `after` on.
    """
    wide = [
        p for p, one in enumerate(layers)
        if one.cost.window and (max(one.cost.window.kernel) > 1) and "Adaptive" not in one.cost.type
    ]  # fmt: skip
    if place is not None:
        parent = layers[place].name.rpartition(".")[0]
        own = [
            p for p in wide if p == place or (parent and layers[p].name.startswith(f"{parent}."))
        ]
        if own:
            return own[0]
    best = [(p, _score(numbers, layers[p].cost.window)) for p in wide]
    best = [(p, score) for p, score in best if score >= 2]
    return max(best, key=lambda pair: (pair[1], pair[0] >= after, -pair[0]))[0] if best else None


def _score(numbers: list[int], window: Window | None) -> int:
    if window is None:
        return 0
    score = 2 * (window.size[-1] in numbers) + (window.kernel[-1] in numbers)
    return score + (window.stride[-1] in numbers)


def _working(layers: Sequence[CostedLayer], place: int) -> str:
    """`floor((224 + 2*0 - 11)/4) + 1 = 54` of the layer's window, or of the one that sizes it."""
    if _KEEPS_OR_POOLS.search(layers[place].cost.type):
        return ""  # no window of its own made it
    own = place
    while own >= 0:
        window = layers[own].cost.window
        if window and max(window.kernel) > 1:
            n, k, s, p = (
                window.size[-1], window.kernel[-1], window.stride[-1], window.padding[-1],
            )  # fmt: skip
            return f"floor(({n} + 2*{p} - {k})/{s}) + 1 = {layers[own].cost.output[-1]}"
        own -= 1
    return ""
