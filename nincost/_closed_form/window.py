"""How a window slides over an image, and the output size that this gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Window:
    """How a convolution or pool slides: one entry for each spatial dimension.

    Attributes:
        size: of the input, in pixels.
        kernel, stride, padding, dilation: as in `torch.nn.Conv2d`; padding is that of each side.
    """

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]


def out_size(size: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    """The output's size along one dimension, in pixels; 0 or less where the window does not fit.

    `H_out = floor((H + 2p - d(k-1) - 1)/s) + 1` (the documentation of torch.nn.Conv2d).
    """
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def each(value: Any, dims: int) -> tuple[int, ...]:
    """A hyper-parameter for each dimension: one number stands for all of them."""
    return (value,) * dims if isinstance(value, int) else tuple(value)


def by(sizes: tuple[int, ...]) -> str:
    """Sizes as text: `26x26`."""
    return "x".join(map(str, sizes))
