"""Layouts of results that are computed element by element, against PyTorch's own kernels."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import Tensor

from nincost._devices.meta.iterated import OF_TENSORS, WITH_NUMBERS
from nincost._devices.output_layouts import dense_like
from nincost._devices.tables import device_tables

OPERATORS = device_tables("meta").operators
#: What follows the first tensor: `y` stands for a second one.
_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "clamp": (0, 1), "clamp_min": (0,), "pow": (2,), "lerp": ("y", 0.5), "where": ("y",),
    "addcmul": ("y", "y"), "addcdiv": ("y", "y"), "hardtanh_backward": ("y", 0, 6),
    "threshold_backward": ("y", 0), "masked_fill": (1.0,),
}  # fmt: skip
_SUMS = ("add", "sub", "mul", "div")


def _strides(draw: random.Random, shape: list[int]) -> list[int]:
    """Dimensions in any order, some with gaps or repeated; those of size 1 with any stride."""
    strides, step = [0] * len(shape), 1
    for dimension in draw.sample(range(len(shape)), len(shape)):
        strides[dimension] = step
        step *= shape[dimension] * draw.choice([1] * 9 + [2])
    for dimension, size in enumerate(shape):
        if size == 1 and draw.random() < 0.5:
            strides[dimension] = draw.choice([1, step, shape[-1], *strides])
        elif draw.random() < 0.05:
            strides[dimension] = 0
    return strides


def _tensor(shape: list[int], strides: list[int], device: str, dtype: torch.dtype) -> Tensor:
    extent = 1 + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
    return torch.zeros(extent, dtype=dtype, device=device).as_strided(shape, strides)


def _arguments(
    name: str, draw: random.Random, shape: list[int]
) -> list[tuple[list[int], list[int], torch.dtype] | Any]:
    """An operator's arguments; tensors as shape, strides and type."""
    base, _, overload = name.removeprefix("aten.").partition(".")
    x = (shape, _strides(draw, shape), torch.float32)
    smaller = [draw.choice([size, 1]) for size in shape]
    broadcasts = base in (*_SUMS, "maximum", "minimum", "where", "gt", "le")
    other = smaller if broadcasts and draw.random() < 0.4 else shape
    y = (other, _strides(draw, other), torch.float32)
    if base in ("where", "masked_fill"):
        mask = (shape, _strides(draw, shape), torch.bool)
        rest = [y if given == "y" else given for given in _ARGUMENTS[base]]
        return [mask, x, *rest] if base == "where" else [x, mask, *rest]
    if base in _ARGUMENTS:
        return [x, *(y if given == "y" else given for given in _ARGUMENTS[base])]
    if name in WITH_NUMBERS:
        number = overload == "Scalar" or (base in _SUMS and draw.random() < 0.5)
        return [x, 2.0 if number else y]
    return [x, y] if base in ("maximum", "minimum") or base.endswith("_backward") else [x]


@pytest.mark.parametrize(
    "name",
    [*WITH_NUMBERS, *OF_TENSORS, "aten.threshold_backward.default", "aten.masked_fill.Scalar"],
)
def test_as_pytorchs_kernels(name: str) -> None:
    draw = random.Random(name)
    _, packet, overload = name.split(".")
    operator = getattr(getattr(torch.ops.aten, packet), overload)
    for _ in range(60):
        shape = [draw.choice([1, 1, 2, 3, 4]) for _ in range(draw.choice([1, 2, 3, 4, 4, 5]))]
        given = _arguments(name, draw, shape)

        def made(device: str, given: list[Any] = given) -> list[Any]:
            return [_tensor(a[0], a[1], device, a[2]) if type(a) is tuple else a for a in given]

        expected = operator(*made("cpu"))
        known = OPERATORS[name]
        layouts = known.layout(*made("meta")) if known.layout else None
        if layouts is not None:
            assert layouts[0] is not None
            strides = layouts[0].stride
        else:
            assert known.correction is not None
            strides = known.correction(operator(*made("meta")), *made("meta")).stride()
        assert tuple(strides) == expected.stride(), (name, given)


def test_empty_like_as_pytorchs() -> None:
    draw = random.Random(0)
    for _ in range(300):
        shape = [draw.choice([1, 1, 2, 3, 4]) for _ in range(draw.choice([1, 2, 3, 4, 5]))]
        x = _tensor(shape, _strides(draw, shape), "cpu", torch.float32)
        assert dense_like(x).stride == torch.empty_like(x).stride(), (shape, x.stride())


def test_a_convolution_of_what_was_pooled_to_one_pixel_is_channels_last() -> None:
    """Strides of sizes of 1 decide what the next operator takes its input for."""
    x = torch.empty_strided((2, 8, 1, 1), (8, 1, 8, 8))
    expected = torch.nn.functional.conv2d(x, torch.zeros(4, 8, 1, 1)).stride()
    known = OPERATORS["aten.convolution.default"].correction
    assert known is not None
    result = torch.empty(2, 4, 1, 1, device="meta")
    rest = (None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)
    got = known(result, x.to("meta"), torch.zeros(4, 8, 1, 1, device="meta"), *rest).stride()
    assert got == (4, 1, 4, 4) == expected
