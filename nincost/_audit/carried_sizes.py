"""Output sizes of layers further on that follow from one misreading, carried through the network.

Rounding 54.25 up to 55 makes 27 of the next pool's 26, and so on; the network's input size may be
used for all layers. `misread_sizes.py` has what is misread in one layer alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from nincost._closed_form.cost_terms import CostedLayer
from nincost._closed_form.window import Window, by


@dataclass(frozen=True, slots=True)
class CarriedSize:
    """A layer's output size by a misreading: the mistake's key, and a few words on it."""

    size: tuple[int, ...]
    key: str
    words: str


def _exact(window: Window, size: tuple[int, ...], padding: tuple[int, ...]) -> list[Fraction]:
    """The output's size along each dimension, before rounding."""
    return [
        Fraction(n + 2 * p - d * (k - 1) - 1, s) + 1
        for n, k, s, p, d in zip(
            size, window.kernel, window.stride, padding, window.dilation, strict=True
        )
    ]


def _chain(
    layers: Sequence[CostedLayer], step: Callable[[CostedLayer, tuple[int, ...]], tuple[int, ...]]
) -> dict[int, tuple[int, ...]]:
    """The size after each layer, from the first window on, as `step` rounds it.

    Ends where a window's input is not the output of the window before: the network branches.
    """
    sizes: dict[int, tuple[int, ...]] = {}
    true: tuple[int, ...] | None = None
    now: tuple[int, ...] = ()
    for place, layer in enumerate(layers):
        window = layer.cost.window
        if window is None:
            continue
        if "Adaptive" in layer.cost.type or "Transpose" in layer.cost.type:
            break
        dims = len(window.size)
        if true is None:
            now = window.size
        elif window.size != true:
            break
        now = step(layer, now)
        if min(now, default=0) < 1:
            break
        sizes[place], true = now, layer.cost.output[-dims:]
    return sizes


def carried_sizes(layers: Sequence[CostedLayer]) -> dict[int, list[CarriedSize]]:
    """For each place, the sizes that a misreading anywhere before gives, where they are wrong."""
    found: dict[int, list[CarriedSize]] = {}

    def keep(sizes: dict[int, tuple[int, ...]], key: str, words: str) -> None:
        for place, size in sizes.items():
            right = layers[place].cost.output[-len(size) :]
            known = [one.size for one in found.get(place, [])]
            if size != right and size not in known:
                text = f"output {by(size)} ({words}) used, where {by(right)} belongs"
                found.setdefault(place, []).append(CarriedSize(size, key, text))

    def rounding(up_conv: bool, up_pool: bool) -> dict[int, tuple[int, ...]]:
        def step(layer: CostedLayer, size: tuple[int, ...]) -> tuple[int, ...]:
            window = layer.cost.window
            assert window is not None
            up = up_pool if "Pool" in layer.cost.type else up_conv
            exact = _exact(window, size, window.padding)
            return tuple(-(-x.numerator // x.denominator) if up else x.__floor__() for x in exact)

        return _chain(layers, step)

    keep(rounding(True, False), "rounded-up", "rounded up instead of down")
    keep(rounding(False, True), "rounded-up", "rounded up instead of down")
    keep(rounding(True, True), "rounded-up", "rounded up instead of down")
    keep(rounding(False, False), "rounded-down", "rounded down, where this network rounds up")
    for padding in (0, 1, 2):

        def padded(
            layer: CostedLayer, size: tuple[int, ...], padding: int = padding
        ) -> tuple[int, ...]:
            window = layer.cost.window
            assert window is not None
            wide = max(window.kernel) > 1 and "Pool" not in layer.cost.type
            used = (padding,) * len(size) if wide else window.padding
            return tuple(x.__floor__() for x in _exact(window, size, used))

        keep(_chain(layers, padded), "stride-padding", f"padding {padding} throughout")
    before: dict[int, tuple[int, ...]] = {}
    pool: tuple[int, ...] = ()
    for place, layer in enumerate(layers):
        window = layer.cost.window
        if window and "Pool" in layer.cost.type:
            pool = window.size
        elif window and len(pool) == len(window.size):
            before[place] = pool
    keep(before, "input-size", "the size before the pool")
    first = next((layer.cost.window for layer in layers if layer.cost.window), None)
    if first is not None:
        same = {
            place: first.size
            for place, layer in enumerate(layers)
            if layer.cost.window and len(layer.cost.window.size) == len(first.size)
        }
        keep(same, "input-size", "the network's input size")
    return found
