"""Every amount of memory that people usually state of a model, each with what it is of.

What a statement is about is often said further away than its own clause. Before a figure is called
wrong it is looked up here; `memory_agrees.py` says whether its words allow what was found.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from nincost._audit.figures.memory_formulas import (
    BYTES,
    Formula,
    MemoryKind,
    activations,
    outputs,
    sizes_of,
)
from nincost._closed_form.cost_terms import CostedLayer

#: What words must allow it: `the largest`, `pools`, a comparison of networks, a difference.
Needs = Literal["", "some", "pool", "other", "less"]
_ORDER: tuple[MemoryKind, ...] = (
    "parameters", "gradients", "optimizer state", "activations", "data",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """An amount in bytes, the kinds of memory that it is the sum of, and how it is made."""

    bytes: int
    parts: frozenset[MemoryKind]
    text: str
    needs: Needs = ""

    @property
    def name(self) -> str:
        """`parameters, gradients`, or what all of it is for."""
        if {"parameters", "gradients", "activations"} <= self.parts:
            return "training"
        if {"parameters", "activations"} <= self.parts:
            return "inference"
        return ", ".join(kind for kind in _ORDER if kind in self.parts)


def known_sizes(
    layers: Sequence[CostedLayer], data: int, batch: int, copies: Sequence[int]
) -> Iterator[Known]:
    """All of some layers at one batch; `copies` are the optimizer's values for each parameter."""
    sizes = sizes_of(layers, data)
    params = BYTES * sizes.params
    states = [*_states(params, sizes.params, copies)]
    yield from states
    images = BYTES * data * batch
    if images:
        yield _known(images, {"data"}, f"{data:,} * {batch} * {BYTES} bytes")
    for one in _activations(layers, data, batch):
        yield _known(one.bytes, {"activations"}, one.text)
        if images:
            text = f"activations ({one.text}), data"
            yield _known(one.bytes + images, {"activations", "data"}, text)
        yield _known(
            params + one.bytes, {"parameters", "activations"},
            f"parameters and activations ({one.text})",
        )  # fmt: skip
        for state in states:
            words = state.name
            if {"parameters", "gradients"} <= state.parts:
                yield _known(
                    state.bytes + one.bytes, {*state.parts, "activations"},
                    f"{words}, activations ({one.text})",
                )  # fmt: skip
                if images:
                    yield _known(
                        state.bytes + one.bytes + images, {*state.parts, "activations", "data"},
                        f"{words}, activations ({one.text}), data",
                    )  # fmt: skip
        if images:
            yield _known(
                params + one.bytes + images, {"parameters", "activations", "data"},
                f"parameters, activations ({one.text}), data",
            )  # fmt: skip
    pair, largest = BYTES * sizes.pair * batch, BYTES * sizes.largest * batch
    text = f"the two largest outputs in a row: {sizes.pair:,} values * {BYTES} bytes"
    yield _known(pair, {"activations"}, text, "some")
    text = "parameters and the two largest outputs in a row"
    yield _known(params + pair, {"parameters", "activations"}, text)
    text = "parameters and the largest output"
    yield _known(params + largest, {"parameters", "activations"}, text)
    for one in outputs(layers, batch):
        yield _known(one.bytes, {"activations"}, one.text, "some")
    for values in (sizes.pooled - sizes.averaged, sizes.pooled):
        text = f"outputs of the pools: {values:,} values * {BYTES} bytes"
        text += f" * {batch}" if batch > 1 else ""
        yield _known(BYTES * values * batch, {"activations"}, text, "pool")


def known_of_others(
    own: Sequence[CostedLayer], others: Sequence[tuple[str, Sequence[CostedLayer]]], batch: int
) -> Iterator[Known]:
    """Parameters and activations of the networks it is compared with, and the differences."""
    mine = _compared(own, batch)
    for name, layers in others:
        for (size, kind), (less, _) in zip(_compared(layers, batch), mine, strict=True):
            values = abs(size - less) // BYTES // batch
            text = f"the difference from {name}: {values:,} values * {BYTES} bytes"
            text += f" * {batch}" if batch > 1 else ""
            yield _known(abs(size - less), {kind}, text, "less")
            text = f"{name}: {size // BYTES // batch:,} values * {BYTES} bytes"
            yield _known(size, {kind}, f"{text} * {batch}" if batch > 1 else text, "other")


def _compared(layers: Sequence[CostedLayer], batch: int) -> list[tuple[int, MemoryKind]]:
    """What is usually compared, in the same order for each network."""
    sizes = sizes_of(layers, 0)
    counts: list[tuple[int, MemoryKind]] = [(sizes.params, "parameters")]
    for pools in (0, sizes.pooled - sizes.averaged, sizes.pooled):
        for relu in (0, sizes.rectified):
            counts.append(((sizes.weighted + pools + relu) * batch, "activations"))
    return [(BYTES * count, kind) for count, kind in counts]


def _states(params: int, values: int, copies: Sequence[int]) -> Iterator[Known]:
    text = f"{values:,} values * {BYTES} bytes"
    yield _known(params, {"parameters"}, text)
    yield _known(params, {"gradients"}, text)
    yield _known(2 * params, {"parameters", "gradients"}, f"2 * {params:,} bytes")
    for count in copies:
        state: set[MemoryKind] = {"optimizer state"}
        yield _known(count * params, state, f"{count} * {text}")
        beside: tuple[set[MemoryKind], ...] = (
            {"parameters"}, {"gradients"}, {"parameters", "gradients"},
        )  # fmt: skip
        for more in beside:
            times = count + len(more)
            yield _known(times * params, state | more, f"{times} * {params:,} bytes")


def _activations(layers: Sequence[CostedLayer], data: int, batch: int) -> list[Formula]:
    """As courses count them, and the outputs of every layer, dropout's and flattening's too."""
    found = activations(sizes_of(layers, data), batch)
    values = sum(math.prod(layer.cost.output) for layer in layers if layer.cost.output)
    for times in (1, 2):
        text = "outputs of all layers" + (" and their gradients" if times > 1 else "")
        text += f": {values:,} values * {BYTES} bytes" + (f" * {times}" if times > 1 else "")
        text += f" * {batch}" if batch > 1 else ""
        found.append(Formula(BYTES * values * batch * times, text))
    return found


def _known(size: int, parts: set[MemoryKind], text: str, needs: Needs = "") -> Known:
    found = Known(size, frozenset(parts), text, needs)
    if text[0].isdigit() and len(parts) > 1:
        return Known(size, found.parts, f"{found.name}: {text}", needs)
    return found
