"""Output sizes that come of misreading a window's stride or padding."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from nincost._closed_form.window import Window, by, out_size


@functools.lru_cache(maxsize=1024)
def misread_sizes(window: Window) -> Mapping[tuple[int, ...], str]:
    """Output sizes by another stride or padding, or rounded up, each with what was misread.

    A size that several misreadings give has the likeliest: one of padding, then of stride, then a
    size off by one, then both at once.
    """
    sizes: dict[tuple[int, ...], str] = {}

    def add(stride: tuple[int, ...], padding: tuple[int, ...], extra: int, words: str) -> None:
        size = tuple(
            out_size(n, k, s, p, d) + extra
            for n, k, s, p, d in zip(
                window.size, window.kernel, stride, padding, window.dilation, strict=True
            )
        )
        if min(size) > 0:
            sizes.setdefault(size, words)

    dims = len(window.size)
    own, pad = window.stride, window.padding
    paddings = dict.fromkeys((0, max(window.kernel) // 2, 1, 2, 3, max(window.kernel) - 1))
    strides = dict.fromkeys((1, 2, 3, 4, 5))
    for p in paddings:
        add(own, (p,) * dims, 0, f"padding {p} for {_one(pad)}")
    for s in strides:
        add((s,) * dims, pad, 0, f"stride {s} for {_one(own)}")
    add(own, pad, 1, "rounded up or one too many")
    add(own, pad, -1, "one too few")
    for s in strides:
        for p in paddings:
            words = f"stride {s} for {_one(own)} and padding {p} for {_one(pad)}"
            add((s,) * dims, (p,) * dims, 0, words)
    return sizes


def _one(values: tuple[int, ...]) -> str:
    return str(values[0]) if len(set(values)) == 1 else by(values)
