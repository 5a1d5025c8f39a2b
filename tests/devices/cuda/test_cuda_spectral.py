"""Fourier transforms: bytes counted by hand, strides as cuFFT's outputs have them on CUDA."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support.cuda_steps import Apply, taken, timeline
from torch._subclasses.fake_tensor import FakeTensorMode

from nincost._devices.cuda import spectral


def of(function: Any, *shape: int) -> Any:
    """The function of a tensor of this shape (4096 x 64 elements), in a model's forward."""
    return timeline(Apply(lambda x: function(x.reshape(shape)).abs()), "64", batch=4096)


@pytest.mark.parametrize(
    ("function", "shape", "operator", "expected"),
    [
        # 4096 rows of 33 complex numbers, and no work area
        (torch.fft.rfft, (4096, 64), "aten._fft_r2c", [4096 * 33 * 8]),
        # both halves; a work area of the numbers of one half: with it the 3,146,240 bytes that an
        # H100 took (tests/emulator/test_values.py)
        (torch.fft.fft, (4, 65536), "aten._fft_r2c", [4 * 65536 * 8, 4 * 32769 * 8]),
        # the result, then the copy that the library may overwrite
        (
            lambda x: torch.fft.irfft(torch.complex(x, x), n=126),
            (4096, 64), "aten._fft_c2r", [4096 * 126 * 4, 4096 * 64 * 8],
        ),
        # four dimensions: the last, then the other three, into two tensors by turns
        (
            lambda x: torch.fft.rfftn(x, dim=(0, 1, 2, 3)),
            (4, 8, 64, 128), "aten._fft_r2c", [4 * 8 * 64 * 65 * 8] * 2,
        ),
        # rows of a turned matrix are a stride apart, which a plan can say
        (lambda x: torch.fft.rfft(x.T), (64, 4096), "aten._fft_r2c", [4096 * 33 * 8]),
        # two batch dimensions that are no single one are copied
        (
            lambda x: torch.fft.rfft(x[:, :32]),
            (64, 64, 64), "aten._fft_r2c", [64 * 32 * 33 * 8, 64 * 32 * 64 * 4],
        ),
        # one row for all: a plan has no batch stride of 0
        (
            lambda x: torch.fft.rfft(x[:1].expand(16, 64)),
            (4096, 64), "aten._fft_r2c", [16 * 33 * 8, 16 * 64 * 4],
        ),
    ],
)  # fmt: skip
def test_what_a_transform_allocates(
    function: Any, shape: tuple[int, ...], operator: str, expected: list[int]
) -> None:
    told = of(function, *shape)
    assert taken(told, operator, "forward") == expected
    assert told.uncounted == ()


def test_absolute_values_and_angles_of_complex_numbers_are_complex_first() -> None:
    """UnaryOps.cpp: empty_like before the complex result, or a result that is resized after it."""
    real, complex_ = 4096 * 33 * 4, 4096 * 33 * 8
    told = of(torch.fft.rfft, 4096, 64)
    assert taken(told, "aten.abs", "forward") == [real, complex_]
    told = of(lambda x: torch.fft.rfft(x).angle(), 4096, 64)
    assert taken(told, "aten.angle", "forward") == [complex_, real]
    assert taken(told, "aten.abs", "forward") == [real]


CALLS = [
    (torch.ops.aten._fft_r2c.default, (dims, 0, onesided), torch.float32)
    for dims in ([3], [1], [2, 3], [3, 1], [0, 1], [1, 0, 3], [0, 1, 2, 3])
    for onesided in (True, False)
] + [
    (torch.ops.aten._fft_c2c.default, (dims, 0, True), torch.complex64)
    for dims in ([2], [3, 1], [0, 1, 2], [0, 1, 2, 3])
] + [
    (torch.ops.aten._fft_c2r.default, (dims, 2, 6), torch.complex64)
    for dims in ([3], [1, 2], [0, 1], [3, 0, 2])
]  # fmt: skip
LAYOUTS = {
    "aten._fft_r2c.default": spectral.from_real_layout,
    "aten._fft_c2c.default": spectral.complex_layout,
    "aten._fft_c2r.default": spectral.to_real_layout,
}


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1), (3, 1, 0, 2)])
@pytest.mark.parametrize(("operator", "arguments", "dtype"), CALLS)
def test_outputs_lie_as_on_cuda(
    operator: Any, arguments: tuple[Any, ...], dtype: torch.dtype, order: tuple[int, ...]
) -> None:
    """torch's own fake tensors know CUDA's strides."""
    with FakeTensorMode():
        x = torch.empty(3, 4, 6, 5, dtype=dtype, device="cuda").permute(order)
        real = operator(x, *arguments)
    meta = torch.empty(3, 4, 6, 5, dtype=dtype, device="meta").permute(order)
    (found,) = LAYOUTS[str(operator)](meta, *arguments) or ()
    assert (found.shape, found.dtype) == (real.shape, real.dtype)
    assert found.stride == real.stride()
