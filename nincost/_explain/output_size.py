"""The working of an output size: the formula with numbers, and what of the input is never read."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from nincost._closed_form.window import out_size


@dataclass(frozen=True, slots=True)
class SizeWorking:
    """One spatial dimension of a window that slides.

    Attributes:
        size: of the input, in pixels.
        kernel, stride, padding, dilation: as the layer has them.
        exact: (size + 2*padding - dilation*(kernel - 1) - 1)/stride + 1, before rounding (the
            documentation of torch.nn.Conv2d).
        out: the output's size, in pixels.
        unread: how many pixels of the input no window covers.
        same_paddings: other paddings, from 0 up to the kernel less one, that give the same size.
        full_paddings: paddings in that range with which every pixel is read.
    """

    size: int
    kernel: int
    stride: int
    padding: int
    dilation: int
    exact: Fraction
    out: int
    unread: int
    same_paddings: tuple[int, ...]
    full_paddings: tuple[int, ...]

    @property
    def formula(self) -> str:
        """`(224 + 2*0 - 11)/4 + 1`."""
        inner = f"{self.size} + 2*{self.padding} - {self.kernel}"
        if self.dilation > 1:
            inner = f"{self.size} + 2*{self.padding} - {self.dilation}*({self.kernel}-1) - 1"
        return f"({inner})/{self.stride} + 1"

    @property
    def exact_text(self) -> str:
        """`54.25`, or `12.33...` where it does not end."""
        value = float(self.exact)
        if self.exact == Fraction(str(round(value, 4))):
            return f"{round(value, 4):g}"
        return f"{int(value * 100) / 100:.2f}..."

    def to_dict(self) -> dict[str, Any]:
        row: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        return {
            **row,
            "exact": float(self.exact),
            "formula": self.formula,
            "same_paddings": list(self.same_paddings),
            "full_paddings": list(self.full_paddings),
        }


def size_working(
    size: int, kernel: int, stride: int, padding: int, dilation: int, out: int
) -> SizeWorking:
    """The working of a known output size (`out` may be rounded up, as a pool in ceil mode does)."""
    paddings = range(min(kernel, 64))
    sizes = {p: out_size(size, kernel, stride, p, dilation) for p in paddings}
    return SizeWorking(
        size=size,
        kernel=kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        exact=Fraction(size + 2 * padding - dilation * (kernel - 1) - 1, stride) + 1,
        out=out,
        unread=_unread(size, kernel, stride, padding, dilation, out),
        same_paddings=tuple(p for p in paddings if p != padding and sizes[p] == out),
        full_paddings=tuple(
            p for p in paddings
            if sizes[p] > 0 and not _unread(size, kernel, stride, p, dilation, sizes[p])
        ),
    )  # fmt: skip


def _unread(size: int, kernel: int, stride: int, padding: int, dilation: int, out: int) -> int:
    read = bytearray(size)
    for window in range(out):
        for tap in range(kernel):
            place = window * stride - padding + tap * dilation
            if 0 <= place < size:
                read[place] = 1
    return size - sum(read)
