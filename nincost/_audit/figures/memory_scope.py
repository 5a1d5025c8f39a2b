"""Of which layers memory is said: a block, a pool, a convolution, or the whole model."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nincost._audit.carried_sizes import carried_sizes
from nincost._audit.interpretations import Mistake
from nincost._audit.labels import Labels
from nincost._audit.reading.parts import Figure
from nincost._audit.subject import Subject
from nincost._closed_form.cost_terms import ACTIVATIONS, CostedLayer

_LAYER = re.compile(r"个?卷积层|conv\d|layer|(?:pool(?:ing)?|池化|汇聚)\D{0,3}\d", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Scope:
    """Layers by their places in the model; `name` is empty for the whole of it."""

    layers: tuple[CostedLayer, ...]
    places: tuple[int, ...]
    name: str = ""

    @property
    def costs_nothing(self) -> bool:
        """Whether none of them has parameters: a pool."""
        return not any(layer.cost.param_terms for layer in self.layers)


def scope_of(figure: Figure, subject: Subject) -> Scope:
    """The layers that its own words name; all that are asked about where they name none."""
    layers = subject.layers(1)
    labels = Labels(layers)
    places = labels.places(figure.before)
    if not places and _LAYER.search(figure.before):
        last = labels.last_of(figure.before)
        places = () if last is None else (last,)
    if places and len(places) < len(layers):
        own = tuple(layers[place] for place in places)
        return Scope(own, places, _name_of(own))
    return Scope(layers, tuple(range(len(layers))), "")


_ALL = re.compile(
    r"所有(?:的)?层|全部(?:的)?层|每一层|\ball (?:the )?layers|every layer", re.IGNORECASE
)
_ONE_LAYER = re.compile(
    r"(?:first|second|third|fourth|last|第[一二三四\d]个?)\s*(?:conv|pool|卷积|池化|汇聚)",
    re.IGNORECASE,
)
_CLAUSES = re.compile(r"[,，。;；:：\n]|\.(?=\s|$)")


def whereabouts(
    before: str, after: str, sentence: str, text: str, subject: Subject
) -> Iterator[Scope]:
    """The layers that may be meant: those its own clause names, else its sentence's or all.

    Where the whole text names one block only, `the block` is that.
    """
    layers = subject.layers(1)
    labels = Labels(layers)
    everything = tuple(range(len(layers)))
    own: tuple[int, ...] = ()
    if not _ALL.search(f"{before} {after}"):
        bare = re.sub(r"\band\b\s*$", "", after)
        own = labels.places(before) or labels.places(after)
        one = _ONE_LAYER.search(before) or _LAYER.search(before)
        if not own and one and (last := labels.last_of(before)) is not None:
            own = (last,)
        own = own or labels.next_block(bare) or labels.next_block(before)
    if own and own != everything:
        yield _scope(layers, own)
        return
    yield Scope(layers, everything, "")
    near = labels.places(sentence)
    if not near:
        named = {labels.places(clause) for clause in _CLAUSES.split(text)} - {()}
        near = named.pop() if len(named) == 1 else ()
    if near and near != everything:
        yield _scope(layers, near)


def _scope(layers: Sequence[CostedLayer], places: tuple[int, ...]) -> Scope:
    own = tuple(layers[place] for place in places)
    return Scope(own, places, _name_of(own))


def _name_of(layers: Sequence[CostedLayer]) -> str:
    """The block's name, or that of its first layer where they are not all in one block."""
    blocks = {layer.name.rpartition(".")[0] for layer in layers}
    block = blocks.pop() if len(layers) > 1 and len(blocks) == 1 else ""
    return block or layers[0].name


def misread_outputs(layers: Sequence[CostedLayer], scope: Scope) -> Iterator[tuple[int, Mistake]]:
    """How many values these layers put out by sizes that are misread, with the mistake."""
    counted = [
        (place, layer) for place, layer in zip(scope.places, scope.layers, strict=True)
        if layer.cost.output and layer.cost.window and layer.cost.type not in ACTIVATIONS
    ]  # fmt: skip
    right = sum(math.prod(layer.cost.output) for _, layer in counted)
    totals: dict[tuple[str, str], tuple[int, Mistake]] = {}
    carried = carried_sizes(layers)
    for place, layer in counted:
        output = layer.cost.output
        for one in carried.get(place, ()):
            about = (one.key, one.words.partition("(")[2].partition(")")[0])
            total, mistake = totals.get(about, (right, Mistake(one.key, one.words)))
            channels = math.prod(output[: -len(one.size)])
            total += channels * math.prod(one.size) - math.prod(output)
            totals[about] = (total, mistake)
    yield from totals.values()
