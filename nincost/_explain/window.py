"""How a window slides over an image, and which output sizes come of misreading how."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """How a convolution or pool slides: one entry for each spatial dimension."""

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]


def other_sizes(window: Window) -> dict[tuple[int, ...], str]:
    """Output sizes by another stride or padding, or rounded up, each with what was misread."""
    sizes: dict[tuple[int, ...], str] = {}

    def add(stride: tuple[int, ...], padding: tuple[int, ...], extra: int, words: str) -> None:
        size = tuple(
            (n + 2 * p - d * (k - 1) - 1) // s + 1 + extra
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


def by(sizes: tuple[int, ...]) -> str:
    """`26x26`."""
    return "x".join(map(str, sizes))
