"""The two questions about channels-last, against torch's own answers."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch._prims_common import suggest_memory_format

from nincost._devices.memory_format import (
    as_image,
    convolves_channels_last,
    copy_bytes,
    is_in_form,
    suggests_channels_last,
)
from nincost._devices.output_layouts import describe

FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}

SHAPES = [
    (2, 3, 4, 5), (2, 1, 4, 5), (1, 3, 1, 1), (4, 1, 1, 1), (2, 3, 1, 7), (1, 1, 1, 1),
    (2, 3, 4, 5, 6), (2, 1, 1, 5, 1), (0, 3, 4, 5),
]  # fmt: skip


def tensors(shape: tuple[int, ...]) -> list[torch.Tensor]:
    """One of that shape in both forms, with each two dimensions exchanged, and with gaps."""
    x = torch.empty(shape, device="meta")
    last = x.to(memory_format=FORMATS[len(shape)])
    pairs = itertools.combinations(range(len(shape)), 2)
    return [x, last, x[..., ::2], last[..., ::2], *(x.transpose(*pair) for pair in pairs)]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_form_that_torch_suggests(shape: tuple[int, ...]) -> None:
    for x in tensors(shape):
        expected = suggest_memory_format(x) is not torch.contiguous_format and 0 not in shape
        assert suggests_channels_last(describe(x)) is expected, x.stride()


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if 0 not in shape])
def test_the_form_that_needs_no_copy(shape: tuple[int, ...]) -> None:
    for x in tensors(shape):
        for last, form in ((True, FORMATS[len(shape)]), (False, torch.contiguous_format)):
            same = x.contiguous(memory_format=form) is x
            assert is_in_form(describe(x), channels_last=last) is same, (x.stride(), form)
            assert copy_bytes(describe(x), channels_last=last) == (0 if same else x.nbytes)


def test_the_questions_differ_where_both_forms_fit() -> None:
    x = describe(torch.empty(2, 8, 1, 1, device="meta"))
    assert is_in_form(x, channels_last=True)
    assert not suggests_channels_last(x)


def test_a_transposed_sequence_is_a_channels_last_image() -> None:
    x = torch.empty(2, 9, 4, device="meta").transpose(1, 2)  # (N, L, C) seen as (N, C, L)
    assert x.unsqueeze(2).is_contiguous(memory_format=torch.channels_last)
    assert suggests_channels_last(as_image(describe(x)))
    assert not suggests_channels_last(describe(x))  # no convolution: torch has no form for it


SEQUENCES = {"row-major": (2, 4, 9), "one channel": (2, 1, 9), "one position": (2, 4, 1)}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("turned", ["neither", "input", "weight", "both"])
@pytest.mark.parametrize("shape", SEQUENCES.values(), ids=SEQUENCES)
def test_the_form_of_a_convolution_of_one_dimension(
    shape: tuple[int, ...], turned: str, dtype: torch.dtype
) -> None:
    """By the output's strides in a real run on the CPU, (N, C, L) or (N, L, C) in memory."""
    batch, channels, length = shape
    x = torch.zeros(shape, dtype=dtype)
    weight = torch.zeros(6, channels, 3, dtype=dtype)
    if turned in ("input", "both"):
        x = torch.zeros(batch, length, channels, dtype=dtype).transpose(1, 2)
    if turned in ("weight", "both"):
        weight = torch.zeros(6, 3, channels, dtype=dtype).transpose(1, 2)
    with torch.backends.mkldnn.flags(enabled=False):
        made = torch.nn.functional.conv1d(x, weight, padding=1)
    last = made.stride(1) == 1 and length > 1
    ours = convolves_channels_last(describe(x), describe(weight)) and length > 1
    assert ours is last


def test_a_convolution_of_doubles_is_row_major() -> None:
    """In cuDNN (aten/src/ATen/native/ConvUtils.h cudnn_conv_suggest_memory_format)."""
    x = torch.empty(2, 4, 6, 6, dtype=torch.float64, device="meta")
    last = describe(x.to(memory_format=torch.channels_last))
    assert not convolves_channels_last(last, last)
    assert convolves_channels_last(last._replace(dtype=torch.float32), describe(x))
