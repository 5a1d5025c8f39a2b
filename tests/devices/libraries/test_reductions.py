"""Scratch memory of CUDA reductions: cases worked by hand from Reduce.cuh, and laws that must hold.

No GPU has been asked yet. The hand working of the first case, sum(0) of a row-major float32
8192 x 768 on an H100 (132 SMs of 2048 threads):

  The kept dimension moves fastest: 768 across, 8192 along; one thread makes 4 outputs (768 divides
  by 4, and so does the row's stride), so 768 / 4 = 192 across and at most 512 / 4 = 128 threads.
  Powers of two: 128 across (192 is over the limit), 128 along. Width min(128, 32) = 32, height
  min(128, 128 / 32) = 4, width again min(128, 128 / 4) = 32: 128 threads.
  Values of a thread 8192 >= min(4 * 16, 256): warps share the input, 8192 / 4 = 2048 values each.
  Blocks of outputs 192 / 32 = 6; the card wants 132 * (2048 / 128) = 2112 blocks, so each output
  gets 2112 / 6 = 352, but at least 2048 / 256 = 8 and at most 2048 / 16 = 128: 128.
  Buffer 4 bytes * 768 outputs * 128 blocks * (32 * 4) lanes = 50,331,648; semaphores 4 * 6 = 24.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nincost._devices.libraries.reductions import ReductionScratch, reduction_scratch
from nincost.errors import InputError

H100 = {"sm_count": 132, "threads_per_sm": 2048}


def scratch(shape, dims, dtype="float32", **more) -> ReductionScratch:
    return reduction_scratch(shape, dims, dtype=dtype, **(H100 | more))


@pytest.mark.parametrize(
    ("shape", "dims", "buffer", "semaphores"),
    [
        ((8192, 768), (0,), 50_331_648, 24),  # above
        # the same with 65536 / 4 = 16384 values of a thread: up to 1024 blocks, so 352
        ((65536, 768), (0,), 4 * 768 * 352 * 128, 24),
        # 128 rows: 128 / 4 = 32 values of a thread are fewer than 256: each output in one block
        ((128, 1000), (0,), 0, 0),
        # sum of all: 10^8 // 4 across, 1 along: 512 threads in a row, 10^8 / 512 = 195313 values
        # each; the card wants 132 * 4 = 528 blocks, but at least 195313 / 256 = 763
        ((10**8,), (), 4 * 763, 4),
        # a conv's bias gradient, row-major: 96 outputs of 373248 in two reduced dimensions (so no
        # vector loads); 32 x 16 threads, 729 values each; 528 wanted over 96 outputs: 6 blocks
        ((128, 96, 54, 54), (0, 2, 3), 4 * 96 * 6, 4 * 96),
        # a softmax-like sum over the last dimension of many rows: nothing
        ((4096, 1024), (1,), 0, 0),
    ],
)
def test_worked_by_hand(shape, dims, buffer: int, semaphores: int) -> None:
    assert scratch(shape, dims) == ReductionScratch(buffer, semaphores)


def test_conv_bias_gradient_in_two_formats() -> None:
    shape, (n, c, h, w) = (128, 96, 54, 54), (128, 96, 54, 54)
    last = (c * h * w, 1, c * w, c)
    # channels-last is a sum over n*h*w rows of c columns
    assert scratch(shape, (0, 2, 3), strides=last) == scratch((n * h * w, c), (0,))
    assert scratch(shape, (0, 2, 3)).buffer < 3000


def test_two_byte_types_add_in_float() -> None:
    # lanes and blocks are those of float32: only whole words are kept
    assert scratch((8192, 768), (0,), "bfloat16") == scratch((8192, 768), (0,))
    assert scratch((8192, 768), (0,), "float64").buffer == 2 * 50_331_648


def test_four_gib_are_halved_and_float16_is_accumulated() -> None:
    # 65536 x 16384 float16 is 2 GiB, its last element at 2^31 - 2: 32-bit offsets just reach.
    # Twice the rows are reduced in two halves of that, one after the other.
    whole = scratch((131072, 16384), (0,), "float16")
    half = scratch((65536, 16384), (0,), "float16")
    assert half.accumulation == 0
    assert (whole.buffer, whole.semaphores) == (half.buffer, half.semaphores)
    assert whole.accumulation == 4 * 16384
    assert scratch((131072, 8192), (0,)).accumulation == 0  # float32 adds in its output
    assert whole.sizes == (whole.accumulation, whole.buffer, whole.semaphores)


@pytest.mark.parametrize("shape", [(), (1,), (0, 5), (5, 0), (1, 1, 1)])
def test_next_to_nothing(shape) -> None:
    assert scratch(shape, ()) == ReductionScratch()


@pytest.mark.parametrize("dims", [(2,), (-3,)])
def test_a_dimension_out_of_range(dims) -> None:
    with pytest.raises(InputError, match="out of range"):
        scratch((3, 4), dims)


def test_an_unknown_dtype() -> None:
    with pytest.raises(InputError, match="choose float32"):
        scratch((3, 4), (0,), "complex64")


# under 2 GiB, so that nothing is split
sizes = st.lists(st.integers(1, 120), min_size=1, max_size=4)


@settings(max_examples=200, deadline=None)
@given(sizes, st.data())
def test_laws(shape: list[int], data: st.DataObject) -> None:
    dims = data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
    found = scratch(shape, dims)
    assert (found.buffer == 0) == (found.semaphores == 0)
    outputs = 1
    for i, size in enumerate(shape):
        outputs *= 1 if i in dims else size
    assert found.buffer % (4 * outputs) == 0
    # dimensions of size 1 and negative numbers change nothing
    wider = [1, *shape, 1]
    assert scratch(wider, {dim + 1 for dim in dims}) == found
    assert scratch(shape, {dim - len(shape) for dim in dims}) == found
    # merging neighbours that are both reduced or both kept changes nothing
    flat, kept = [shape[0]], [0 in dims]
    for i, size in enumerate(shape[1:], 1):
        if kept[-1] == (i in dims):
            flat[-1] *= size
        else:
            flat.append(size)
            kept.append(i in dims)
    assert scratch(flat, [i for i, reduced in enumerate(kept) if reduced]) == found
