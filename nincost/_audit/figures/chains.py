"""Sizes one after the other, `54 -> 26 -> 12` or `54x54x96 -> 26x26x96`, and what made a size."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from nincost._audit.carried_sizes import carried_sizes
from nincost._audit.figures.results import GradedFigure
from nincost._audit.interpretations import Mistake
from nincost._audit.misread_sizes import misread_sizes
from nincost._audit.reading.parts import Figure, Reading
from nincost._audit.reading.words import DIMS
from nincost._closed_form.cost_terms import CostedLayer


def chain_of(reading: Reading, figures: Sequence[Figure]) -> tuple[str, list[int]] | None:
    """Sizes one after the other, with no layer named: `54 -> 26 -> 12`."""
    if len(figures) == 1:
        figure = figures[0]
        raw = reading.text[figure.start - len(figure.before) : figure.end + len(figure.after)]
        bare = re.sub(r"\([^()]*\)", " ", reading.text[figure.start : figure.end])
        parts = re.split(r"->|→|=>|⇒", bare)
        if len(parts) >= 3 and all(re.fullmatch(r"\s*\d+\s*", part) for part in parts):
            return " ".join(raw.split()), [int(part) for part in parts]
        sides = [_side(part) for part in parts]
        if len(parts) >= 3 and all(sides):
            return " ".join(raw.split()), [int(side) for side in sides]
        return None
    raws = [reading.line[f.start : f.end].strip() for f in figures]
    plain = all(re.fullmatch(r"\d+", raw) for raw in raws)
    unnamed = all(not re.search(r"[^\W\d_]", f.before) for f in figures[1:])
    if len(raws) >= 3 and plain and unnamed:
        text = reading.text[figures[0].start - len(figures[0].before) : figures[-1].end]
        return " ".join(text.split()), [int(raw) for raw in raws]
    return None


def _side(shape: str) -> int:
    """Of `54x54x96` or `96x54x54` the side of the image; 0 of anything else."""
    numbers = re.findall(r"\d+", shape) if DIMS.fullmatch(shape.strip()) else []
    twice = [one for one, two in itertools.pairwise(numbers) if one == two]
    return int(twice[0]) if len(numbers) == 3 and len(twice) == 1 else 0


def _channels_of(text: str, layers: Sequence[CostedLayer]) -> tuple[Mistake, ...]:
    """Where shapes are listed and one has other channels than each layer of its size has."""
    for shape in DIMS.finditer(text):
        side, numbers = _side(shape[0]), [int(n) for n in re.findall(r"\d+", shape[0])]
        known = {one.cost.output[1] for one in layers if one.cost.output[-1] == side}
        if side and known and len(numbers) == 3:
            own = numbers[0] if numbers[1] == numbers[2] else numbers[2]
            if own not in known:
                words = f"{own} channels, where there are {min(known)}"
                return (Mistake("channels-wrong", words),)
    return ()


def _sizing(layers: Sequence[CostedLayer]) -> Iterator[int]:
    """The layers that set a size: windows larger than 1x1, in order."""
    for place, layer in enumerate(layers):
        window = layer.cost.window
        if window and max(window.kernel) > 1 and "Adaptive" not in layer.cost.type:
            yield place


def graded_chain(chain: tuple[str, list[int]], layers: Sequence[CostedLayer]) -> GradedFigure:
    text, sizes = chain
    places = list(_sizing(layers))
    own = [layers[p].cost.output[-1] for p in places]
    convs = [layers[p].cost.output[-1] for p in places if "Pool" not in layers[p].cost.type]
    distinct = [*_runs_of(own)]
    first = layers[places[0]].cost.window if places else None
    start = [first.size[-1]] if first else []
    choices = [own, convs, distinct, start + own, start + distinct, start + convs]
    # The global pool's output may be written at the end.
    pooled = {one.cost.output[-1] for one in layers if "Adaptive" in one.cost.type}
    ends = [sizes, sizes[:-1]] if sizes and sizes[-1] in pooled else [sizes]
    right = next((c for c in choices if c in ends), None)
    if right is None:  # a size may be said once for several layers of it
        right = next((c for c in choices if [*_runs_of(c)] in [[*_runs_of(e)] for e in ends]), None)
    mistakes = _channels_of(text, layers)
    if right is None:
        mistakes = (
            _of_first(sizes, places, layers)
            or _of_listed(sizes[1:] if start and sizes[:1] == start else sizes, places, layers)
            or _of_distinct(sizes, places, layers)
            or (Mistake("unexplained", "no known mistake gives these sizes"),)
        )
    return GradedFigure(
        text=text,
        subject="all layers",
        written=", ".join(map(str, sizes)),
        expected=", ".join(map(str, own)),
        verdict="wrong" if mistakes else "right",
        mistakes=mistakes,
    )


def _first_wrong(
    sizes: Sequence[int], places: Sequence[int], layers: Sequence[CostedLayer]
) -> tuple[int, Mistake] | None:
    """Which of the sizes is the first that is not its layer's, and what made it."""
    for number, (place, size) in enumerate(zip(places, sizes, strict=False)):
        output = layers[place].cost.output
        if size != output[-1]:
            return number, size_mistake((size,) * (len(output) - 2), layers, place)
    return None


def _of_first(
    sizes: list[int], places: list[int], layers: Sequence[CostedLayer]
) -> tuple[Mistake, ...]:
    """The first size that is wrong where two before it are right, if a known mistake gives it."""
    found = _first_wrong(sizes, places, layers)
    if found is None or found[0] < 2 or found[1].key == "unexplained":
        return ()
    return (found[1],)


def _of_listed(
    sizes: list[int], places: list[int], layers: Sequence[CostedLayer]
) -> tuple[Mistake, ...]:
    """Where a size is listed for each layer, or for each convolution."""
    for used in (places, [p for p in places if "Pool" not in layers[p].cost.type]):
        found = _first_wrong(sizes, used, layers)
        if len(sizes) == len(used) and found is not None:
            return (found[1],)
    return ()


def _of_distinct(
    sizes: list[int], places: list[int], layers: Sequence[CostedLayer]
) -> tuple[Mistake, ...]:
    """Where only sizes that change are listed."""
    groups = itertools.groupby(places, key=lambda place: layers[place].cost.output[-1])
    found = _first_wrong(sizes, [next(alike) for _, alike in groups], layers)
    return () if found is None else (found[1],)


def _runs_of(sizes: Sequence[int]) -> Iterator[int]:
    """Sizes without those that are as the one before."""
    return (size for size, _ in itertools.groupby(sizes))


def size_mistake(spatial: tuple[int, ...], layers: Sequence[CostedLayer], place: int) -> Mistake:
    """What made the size: rounding up here or further up, other padding or stride."""
    own = place
    while own >= 0 and not layers[own].cost.window:
        own -= 1
    block = layers[place].name.rpartition(".")[0]
    candidates = [own] + [
        p for p in range(own, -1, -1)
        if block and layers[p].name.startswith(f"{block}.") and layers[p].cost.window
    ]  # fmt: skip
    for p in candidates:
        for carried in carried_sizes(layers).get(p, []):
            if carried.size == spatial and carried.key.startswith("rounded"):
                return Mistake(carried.key, carried.words)
    for p in reversed(candidates):
        window = layers[p].cost.window
        if window is not None and max(window.kernel) > 1:
            words = misread_sizes(window).get(spatial)
            if words:
                return Mistake("stride-padding", words)
            if window.size == spatial:
                return Mistake("input-size", "the input's size, where the output's belongs")
    for p in candidates:
        for carried in carried_sizes(layers).get(p, []):
            if carried.size == spatial:
                return Mistake(carried.key, carried.words)
    return Mistake("unexplained", "no known mistake gives this size")
