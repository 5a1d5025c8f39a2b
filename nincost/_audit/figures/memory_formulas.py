"""What memory takes by the formulas of textbooks and courses, in bytes: several may be right.

Values are float32, 4 bytes each. Activations: the outputs of the layers, with or without those of
ReLU (in place they take no memory of their own) and of pools, as courses differ; Stanford's CS231n
counts each once for the forward pass, and twice where gradients are kept beside them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nincost._closed_form.cost_terms import ACTIVATIONS, CostedLayer

BYTES = 4

MemoryKind = Literal[
    "parameters", "gradients", "optimizer state", "activations", "data", "training", "inference"
]


@dataclass(frozen=True, slots=True)
class Formula:
    """A right value in bytes, and how it is made."""

    bytes: int
    text: str

    def in_sixteen_bits(self) -> Formula:
        """The same values of two bytes each."""
        return Formula(self.bytes // 2, self.text.replace(f"* {BYTES} bytes", "* 2 bytes"))


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the formulas need of a model, in values (not bytes), for one input.

    Attributes:
        params: parameters.
        weighted, pooled, rectified: outputs of convolutions and linear layers, of pools, and of
            activation functions; `averaged` are those of pooled that global pools put out.
        data: the input.
        pair: the two outputs that follow each other and together are largest.
        largest: the largest output.
    """

    params: int
    weighted: int
    pooled: int
    rectified: int
    data: int
    pair: int
    largest: int
    averaged: int = 0


def sizes_of(layers: Sequence[CostedLayer], data: int) -> Sizes:
    """The sizes of some layers, as they are at batch 1."""
    weighted = pooled = rectified = averaged = 0
    outputs: list[int] = []
    for layer in layers:
        cost = layer.cost
        out = math.prod(cost.output) if cost.output else 0
        if "Pool" in cost.type:
            pooled += out
            averaged += out * ("Adaptive" in cost.type)
        elif cost.param_terms and (cost.window or "Linear" in cost.type):
            weighted += out
        elif cost.type in ACTIVATIONS:
            rectified += out
            continue
        else:
            continue
        outputs.append(out)
    pairs = [a + b for a, b in itertools.pairwise([data, *outputs])]
    params = sum(layer.cost.params for layer in layers)
    return Sizes(
        params,
        weighted,
        pooled,
        rectified,
        data,
        max(pairs, default=0),
        max(outputs, default=0),
        averaged,
    )


def activations(sizes: Sizes, batch: int) -> list[Formula]:
    """The outputs of all layers, as courses count them."""
    found: dict[int, str] = {}
    pools = {sizes.pooled - sizes.averaged: ", global pool left out", 0: ", pools left out"}
    pools[sizes.pooled] = ""
    ways = itertools.product((1, 2), reversed(pools.items()), (False, True))
    for times, (pool, left_out), relu in ways:
        values = sizes.weighted + pool + relu * sizes.rectified
        words = "outputs of the layers" + (", ReLU too" if relu else "") + left_out
        size = BYTES * values * batch * times
        more = " and their gradients" if times == 2 else ""
        text = f"{words}{more}: {values:,} values * {BYTES} bytes"
        text += f" * {times}" if times > 1 else ""
        text += f" * {batch}" if batch > 1 else ""
        if size:
            found.setdefault(size, text)
    return [Formula(size, text) for size, text in found.items()]


def outputs(layers: Sequence[CostedLayer], batch: int) -> list[Formula]:
    """What the output of each layer alone takes."""
    found: dict[int, str] = {}
    for layer in layers:
        values = math.prod(layer.cost.output) if layer.cost.output else 0
        if values and layer.cost.param_terms:
            text = f"output of {layer.name}: {values:,} values * {BYTES} bytes * {batch}"
            found.setdefault(BYTES * values * batch, text)
    return [Formula(size, text) for size, text in found.items()]


def single(kind: MemoryKind, sizes: Sizes, batch: int, copies: int) -> list[Formula]:
    """One kind of memory; `copies` of the parameters are the optimizer's state."""
    params = BYTES * sizes.params
    if kind in ("parameters", "gradients"):
        return [Formula(params, f"{sizes.params:,} values * {BYTES} bytes")]
    if kind == "optimizer state":
        return [Formula(copies * params, f"{copies} * {sizes.params:,} values * {BYTES} bytes")]
    if kind == "data":
        return [Formula(BYTES * sizes.data * batch, f"{sizes.data:,} * {batch} * {BYTES} bytes")]
    return activations(sizes, batch)


def training(sizes: Sizes, batch: int, copies: int) -> list[Formula]:
    """Parameters, gradients, the optimizer's state and activations, the data counted or not."""
    params, data = BYTES * sizes.params, BYTES * sizes.data * batch
    states = params * (2 + copies)
    found = []
    for one in activations(sizes, batch):
        words = "parameters, gradients" + (", optimizer state" if copies else "")
        found.append(Formula(states + one.bytes, f"{words}, activations ({one.text})"))
        found.append(Formula(states + one.bytes + data, f"{words}, activations ({one.text}), data"))
    return found


def inference(sizes: Sizes, batch: int) -> list[Formula]:
    """Parameters and activations: all, the two that are needed at once, or the largest."""
    params, data = BYTES * sizes.params, BYTES * sizes.data * batch
    pair = BYTES * sizes.pair * batch
    largest = BYTES * sizes.largest * batch
    found = [
        Formula(params + pair, "parameters and the two largest outputs in a row"),
        Formula(params + largest, "parameters and the largest output"),
    ]
    for one in activations(sizes, batch):
        found.append(Formula(params + one.bytes, f"parameters and activations ({one.text})"))
        found.append(
            Formula(params + one.bytes + data, f"parameters, activations ({one.text}), data")
        )
    return found
