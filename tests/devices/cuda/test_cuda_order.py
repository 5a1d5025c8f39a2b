"""The order in which CUDA's operators take and give back, worked out from PyTorch's sources.

Each was found by running PyTorch's own CUDA code without a GPU (tests/no_gpu); the counts
here are by hand.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from support.cuda_steps import A100, H100, Apply, meta, recorded, taken, timeline
from torch import nn

from nincost._devices.cuda.attention_cudnn import cudnn_backward_workspace, cudnn_forward_workspace
from nincost._devices.target import Target
from nincost._memory.device_allocations import Alloc, Free, Timeline
from nincost._trace.recording import Ran


def of(function: Any, operator: str, spec: str = "64", batch: int = 8, **options: Any) -> list[int]:
    """What the operator takes (above 0) and gives back itself (below), in order."""
    return order(timeline(Apply(function), spec, batch=batch, **options), operator)


def order(told: Timeline, operator: str) -> list[int]:
    """An operator's first call: bytes taken, and bytes of its own blocks given back, negative."""
    found: list[int] = []
    own: dict[int, int] = {}
    for event in told.events:
        if isinstance(event, Alloc) and event.operator == operator:
            own[event.block] = event.bytes
            found.append(event.bytes)
        elif isinstance(event, Free) and event.block in own:
            found.append(-own[event.block])
        elif found:
            break
    return found


class Attention(nn.Module):
    def __init__(self, size: int = 48) -> None:
        super().__init__()
        self.linear = nn.Linear(size, 3 * size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(*self.linear(x).chunk(3, -1))


@pytest.mark.parametrize(
    ("function", "operator", "expected"),
    [
        # of 64 rows and 64 columns every second: an output of 64*32, copies of 32*32 and 64*32
        (
            lambda x: torch.addmm(x[0, :, :32], x[0, :, ::2], x[1, :32, ::2]),
            "aten.addmm", [8192, 4096, 8192],
        ),
        (lambda x: torch.bmm(x[:, :, ::2], x[:, :32, ::2]), "aten.bmm", [16384, 8192, 16384]),
        # a batch of columns: an output of 2*64, copies of 2*64*32 and 2*32
        (lambda x: torch.bmm(x[:, :, ::2], x[:, :32, :2:2]), "aten.bmm", [512, 16384, 256]),
    ],
)  # fmt: skip
def test_operands_are_copied_in_the_order_of_cublas(
    function: Any, operator: str, expected: list[int]
) -> None:
    """Blas.cpp: row-major outputs are transposed ones, whose first operand is the right one."""
    made = [size for size in of(function, operator, "64x64", batch=2) if 0 < size < 8 << 20]
    assert made[:3] == expected


def test_flash_attention_in_parts() -> None:
    told = timeline(Attention(64), "2x300x64", batch=1, dtype="bfloat16")
    # output 2*300*64*2, logsumexp 2*300*4; two parts, since 10 blocks do not fill 216 slots: sums
    # and outputs in float, one tuple, whose first element goes first; the random state
    forward = order(told, "aten._scaled_dot_product_flash_attention")
    assert forward == [76800, 2400, 4800, 307200, 16, 8, -4800, -307200]


def test_attention_in_cudnn() -> None:
    told = timeline(Attention(), "4x100x48", batch=2, target=H100, dtype="bfloat16")
    # two seeds, output 2*4*100*48*2, logsumexp 2*4*100*4, and 256 bytes for cuDNN
    forward = order(told, "aten._scaled_dot_product_cudnn_attention")
    assert forward == [8, 8, 76800, 3200, 256, -256]
    # the gradients; floats of the query's, a float a row, and 256 bytes
    size = 2 * 4 * 100 * 48 * 4 + 3200 + 256
    backward = order(told, "aten._scaled_dot_product_cudnn_attention_backward")
    assert backward[:5] == [76800, 76800, 76800, size, -size]


def test_workspace_of_cudnns_attention() -> None:
    # as cuDNN 9.24 answers for an H100: 6 heads of 24 and 40 columns share 2 keys of 33 rows;
    # 6*33*24*2 = 9504 and 6*33*40*2 = 15840, each up to the next 128
    query, key, value = (
        meta(1, 6, 7, 24, dtype=torch.bfloat16),
        meta(1, 2, 33, 24, dtype=torch.bfloat16),
        meta(1, 2, 33, 40, dtype=torch.bfloat16),
    )
    whole = 6 * 7 * 24 * 4 + 6 * 7 * 4 + 256 + 9600 + 15872
    assert cudnn_backward_workspace(H100, query, key, value) == whole == 29928
    assert cudnn_forward_workspace(H100, meta(1, 6, 1, 24, dtype=torch.bfloat16), key, 0.0) == 0


def test_efficient_attention() -> None:
    told = timeline(Attention(), "4x100x48", batch=2)
    # seed and offset on the card, where there is no dropout; then output and logsumexp
    forward = order(told, "aten._scaled_dot_product_efficient_attention")
    assert forward[:3] == [8, 8, 153600]
    # gradient times output, its sums, these by heads; the kernel's workspace of two
    backward = order(told, "aten._scaled_dot_product_efficient_attention_backward")
    size = 8 * 2 * (16 + 4 * 64 * 64)
    # tiles of 64 queries for 8 heads
    assert backward[:3] == [153600] * 3
    assert backward[3:] == [153600, 3200, 3200, -3200, -153600, size, -3200, -size]


def test_efficient_attention_of_a_mask_that_learns() -> None:
    class Masked(Attention):
        def __init__(self) -> None:
            super().__init__()
            self.mask = nn.Parameter(torch.zeros(100, 104))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            query, key, value = self.linear(x).chunk(3, -1)
            key, value = (F.pad(t, (0, 0, 0, 4)) for t in (key, value))
            return F.scaled_dot_product_attention(query, key, value, self.mask)

    told = timeline(Masked(), "4x100x48", batch=2)
    # rows of 104 are made up to 112
    sizes = taken(told, "aten._scaled_dot_product_efficient_attention_backward")
    assert 2 * 4 * 100 * 112 * 4 in sizes


@pytest.mark.parametrize(
    ("function", "operator", "expected"),
    [
        # gradient times output beside the gradient
        (lambda x: x.softmax(-1), "aten._softmax_backward_data", [2048, 2048, -2048]),
        # rolled along one dimension, then along the other
        (lambda x: x.roll((1, 2), (0, 1)), "aten.roll", [2048, 2048, -2048]),
        # which elements and which rows are -inf, and a zero
        (
            lambda x: torch._safe_softmax(x, -1),
            "aten._safe_softmax",
            [2048, 512, 8, 4, -4, -8, -512],
        ),
        # the buffer that the CPU keeps is empty
        (F.logsigmoid, "aten.log_sigmoid_forward", [2048]),
        # the largest of 8 rows, its absolute and whether it is infinite, x less it
        (
            lambda x: x.logsumexp(-1),
            "aten.logsumexp",
            [32, 32, 8, -8, -32, 2048, 32, -2048, -32],
        ),
        # the absolute values
        (lambda x: x.isinf() * x, "aten.isinf", [2048, 512, -2048]),
        # the base of 8 bytes
        (lambda x: 2.0**x, "aten.pow", [2048, 8, -8]),
        # 49 windows of 2 x 2 of each 8 x 8: first like the input, then in its own shape
        (lambda x: F.unfold(x.view(8, 1, 8, 8), 2), "aten.im2col", [2048, 6272, -2048]),
        # the loss has room for each element; another block has the mean
        (
            lambda x: F.binary_cross_entropy(x, torch.zeros_like(x)),
            "aten.binary_cross_entropy",
            [2048, 4, -4],
        ),
        # counted in int64
        (lambda x: (x > 0).sum(1) * x.sum(), "aten.sum", [64, 4096, -4096]),
    ],
)
def test_order(function: Any, operator: str, expected: list[int]) -> None:
    assert of(function, operator) == expected


def _written(x: torch.Tensor) -> torch.Tensor:
    y = torch.zeros_like(x)
    y[:, 0] = 1.0
    y[y > 0] = 2.0
    return x + y


def test_written_numbers_stay_on_the_cpu() -> None:
    assert taken(timeline(Apply(_written), "64"), "aten.scalar_tensor") == []


def test_listed_indices_are_on_the_card() -> None:
    told = timeline(Apply(lambda x: x[:, [0, 3, 5]]), "64")
    assert 24 in [event.bytes for event in told.events if isinstance(event, Alloc)]


def test_sort_of_indices_by_the_bits_of_the_largest() -> None:
    # columns of 8 x 64: places up to 511, so 2 passes; 2401 pairs in one tile of 3840 on sm80
    index = torch.zeros(2401, dtype=torch.int64, device="meta")
    sizes = of(lambda x: x[:, index], "aten.index_put")
    assert sizes[-6] == 2 * 256 * 8 + 1024 + 2 * 19456 + 256 + 255


@pytest.mark.parametrize(("rows", "fused"), [(32, True), (136, True), (137, False)])
def test_embedding_of_few_rows_sums_in_place(rows: int, fused: bool) -> None:
    # more than 30 indices a row, and fewer rows than 4 * 108: numbers of 409 + rows parts only
    told = timeline(nn.Embedding(rows, 64), "4096:int64", batch=1)
    parts = 409 + rows
    sizes = taken(told, "aten.embedding_dense_backward")
    assert sizes[-2:] == [parts * 8, parts * 8 if fused else parts * 64 * 4]


def test_embedding_of_expanded_indices() -> None:
    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(100, 64)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.table(x[:1].expand(8, -1))  # type: ignore[no-any-return]

    told = timeline(Positions(), "16:int64")
    # 8 * 16 indices in one row, then 8 * 16 * 64 floats; in backward once more
    assert order(told, "aten.embedding") == [1024, 32768, -1024]
    assert order(told, "aten.embedding_dense_backward")[:2] == [1024, 25600]


def test_weights_are_brought_into_form_after_the_output() -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convs = nn.ModuleList(nn.Conv2d(32, 32, 3, bias=False) for _ in range(2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for conv in self.convs:
                x = conv(x.contiguous(memory_format=torch.channels_last))
            return x

    told = timeline(Last(), "32x16x16", batch=4)
    weight, output = 32 * 32 * 9 * 4, 4 * 32 * 14 * 14 * 4
    assert order(told, "aten.convolution")[:2] == [output, weight]
    assert order(told, "aten.convolution_backward")[:2] == [output, weight]


@pytest.mark.parametrize(
    ("net", "operator"),
    [
        (nn.LayerNorm(8), "aten.native_layer_norm_backward"),
        (nn.BatchNorm1d(6), "aten.native_batch_norm_backward"),
        (nn.GroupNorm(2, 6), "aten.native_group_norm_backward"),
    ],
)
def test_gradients_of_norms_are_as_their_inputs(net: nn.Module, operator: str) -> None:
    """Row-major, also where the output's gradient is not."""

    class Turned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm = nn.Linear(8, 8), net
            self.last = nn.Linear(6, 6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(self.norm(self.first(x)).transpose(1, 2))  # type: ignore[no-any-return]

    entries = recorded(Turned(), "6x8", 4, A100).entries
    found = [e for e in entries if isinstance(e, Ran) and e.signature.name == operator]
    assert found[0].signature.outputs[0].stride == (48, 8, 1)


@pytest.mark.parametrize("target", [A100, H100])
@pytest.mark.parametrize("options", [{}, {"capturable": True}])
def test_optimizers_that_look_at_their_state(target: Target, options: dict[str, Any]) -> None:
    told = timeline(
        nn.Linear(8, 8), "8", target=target, optimizer="NAdam", optimizer_arg=options, steps=2
    )
    assert told.uncounted == ()


def test_batch_norm_of_an_input_without_gradient() -> None:
    # in bfloat16 it is ATen's own kernel: the gradients of weight and bias alone, in bfloat16, and
    # no copy of the expanded gradient of a sum
    told = timeline(nn.BatchNorm1d(6), "6x8", batch=4, dtype="bfloat16", loss="sum")
    assert taken(told, "aten.native_batch_norm_backward") == [12, 12]
