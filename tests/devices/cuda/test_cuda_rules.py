"""Bytes that CUDA's rules give, against counts worked out by hand from PyTorch's sources."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from support.cuda_steps import (
    A100,
    H100,
    Apply,
    kept,
    meta,
    operators,
    recorded,
    taken,
    timeline,
)
from torch import nn

from nincost._allocator import ExactAllocator
from nincost._devices.cuda.attention_efficient import efficient_workspace
from nincost._devices.cuda.attention_flash import flash_splits
from nincost._devices.cuda.batch_norm import launch_grid
from nincost._devices.libraries.radix_sort import radix_sort_bytes
from nincost._devices.settings import Settings
from nincost._devices.tables import device_tables
from nincost._memory.device_allocations import Alloc, Emptied, Free, Timeline, device_allocations
from nincost._memory.replay import simulate


def test_every_rule_names_a_source_file() -> None:
    for found in device_tables("cuda").rules.values():
        assert any(ending in found.source for ending in (".cu", ".cpp", ".h")), found.operator
        assert found.kind in ("derived", "modelled")


def test_dropout_keeps_a_byte_an_element() -> None:
    told = timeline(Apply(nn.Dropout(0.5)), "64", batch=128)
    # the mask, 128 * 64 bytes, then the output, 128 * 64 floats
    assert taken(told, "aten.native_dropout") == [8192, 32768]
    assert taken(told, "aten.native_dropout_backward") == [32768]


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_dropout_of_nothing_and_all_is_no_kernel(p: float) -> None:
    assert taken(timeline(Apply(nn.Dropout(p)), "64"), "aten.native_dropout") == []


@pytest.mark.parametrize(("target", "size"), [(A100, 8519680), (H100, 33554432)])
def test_cublas_takes_a_workspace_in_forward_and_one_in_backward(target: Any, size: int) -> None:
    # CublasHandlePool.cpp: 2 * 4096 KiB + 8 * 16 KiB; 32 MiB on compute capability 9.0
    net = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64))
    told = timeline(net, "64", target=target, steps=3)
    assert [e.bytes for e in kept(told) if e.category == "workspace"] == [size, size]


def test_convolution_backward_order() -> None:
    net = nn.Sequential(nn.Conv2d(8, 8, 1, bias=False), nn.Conv2d(8, 16, 3, padding=1))
    told = timeline(net, "8x16x16", batch=4)
    # second layer: input 4*8*16*16*4, weight 16*8*3*3*4, bias 16*4; first: weight 8*8*4
    sizes = (32768, 4608, 64, 256)
    made = [size for size in taken(told, "aten.convolution_backward") if size in sizes]
    assert made == list(sizes)


def test_a_convolution_copies_its_weight_behind_its_output() -> None:
    """ConvShared.cpp: the output or the gradient first, then the weight in the input's layout."""

    class Turned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(8, 16, 3, padding=1, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x.permute(0, 3, 1, 2).relu())  # channels-last, with a gradient

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(8))
            self.turned = Turned()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.turned(x * self.scale)

    target = dataclasses.replace(A100, workspace="none")
    told = timeline(Net(), "10x10x8", batch=4, target=target, loss="sum")
    # output 4*16*10*10*4, weight 16*8*9*4
    assert taken(told, "aten.convolution") == [25600, 4608]
    # the expanded gradient in channels-last form, the input's gradient 4*8*10*10*4, the weight's
    # copy, which is given back before the weight's gradient is taken
    assert taken(told, "aten.convolution_backward") == [25600, 12800, 4608, 4608]
    events = [e for e in told.events if isinstance(e, Alloc | Free)]
    copy, gradient = [
        position for position, event in enumerate(events)
        if isinstance(event, Alloc) and event.operator == "aten.convolution_backward"
        and event.bytes == 4608
    ][:2]  # fmt: skip
    assert Free(events[copy].block) in events[copy:gradient]


class Strided(nn.Module):
    """A convolution of every other column; its output's gradient is expanded from one number."""

    def __init__(self, layer: nn.Module, dims: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.layer, self.dims = layer, dims

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = (x * self.scale)[..., ::2]
        return self.layer(x.transpose(1, 2) if self.dims == 1 else x)


@pytest.mark.parametrize(
    ("layer", "spec", "events"),
    [
        # cuDNN: the input's copy; its gradient, the gradient's copy for it; again for the weight's
        (
            nn.Conv2d(3, 6, 3, stride=2, bias=False),
            "3x9x10",
            [1080, 1080, 384, -384, 384, 648, -384, -1080],
        ),
        # of one dimension: rows are copied first and last to go, behind the bias's gradient
        (
            nn.Conv1d(7, 6, 3),
            "5x14",
            [280, 280, 144, -144, 144, 504, -144, 24, -280],
        ),
        # depthwise: the gradient's copy for both, the weight's gradient first
        (
            nn.Conv2d(3, 3, 3, stride=2, groups=3, bias=False),
            "3x9x10",
            [192, 1080, 108, -1080, 1080, -192],
        ),
        # depthwise in three dimensions: both gradients first
        (
            nn.Conv3d(3, 3, 3, stride=2, groups=3),
            "3x3x9x10",
            [3240, 324, 192, 3240, -3240, 12, -192],
        ),
    ],
)  # fmt: skip
def test_convolution_backward_of_what_is_not_dense(
    layer: nn.Module, spec: str, events: list[int]
) -> None:
    """ConvShared.cpp, DepthwiseConv2d.cu and DepthwiseConv3d.cu; batch 2, float32."""
    target = dataclasses.replace(A100, workspace="none")
    told = timeline(
        Strided(layer, len(spec.split("x")) - 1), spec, batch=2, target=target, loss="sum"
    )
    own: dict[int, int] = {}
    found = []
    for event in told.events:
        if isinstance(event, Alloc) and event.operator == "aten.convolution_backward":
            own[event.block] = event.bytes
            found.append(event.bytes)
        elif isinstance(event, Alloc) and own:
            break  # the next operator's
        elif isinstance(event, Free) and event.block in own:
            found.append(-own[event.block])
    # What goes in between or behind is what the operator was given.
    assert found == events


def test_workspace_variants_enclose_the_model() -> None:
    net = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.Conv2d(64, 64, 3, padding=1))
    recording = recorded(net, "64x28x28", 16, A100)
    peaks, scratch = [], []
    for kind in ("none", "model", "cap"):
        timeline = device_allocations(recording, dataclasses.replace(A100, workspace=kind))
        peaks.append(simulate(timeline, ExactAllocator(), repeat=False).peak)
        allocs = [e for e in timeline.events if isinstance(e, Alloc) and e.category == "workspace"]
        scratch.append(sum(e.bytes for e in allocs))
    assert scratch[0] == 0
    assert peaks == sorted(peaks)
    assert scratch == sorted(scratch)


def test_benchmark_times_plans_once_and_empties_the_cache() -> None:
    target = dataclasses.replace(A100, settings=Settings(cudnn_benchmark=True))
    net = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.Conv2d(64, 64, 3, padding=1))
    told = timeline(net, "64x28x28", batch=16, target=target, steps=2)
    # forward and filter gradient of both layers are one problem, the second's data gradient another
    assert sum(isinstance(event, Emptied) for event in told.events) == 3


def test_linear_adds_its_bias_in_place() -> None:
    class Turned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(16, 32)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.linear(x.transpose(1, 2))

    told = timeline(Turned(), "16x10", batch=8)
    # the copy 8*10*16*4 = 5120 and the product 8*10*32*4 = 10240; no second 10240 for the sum
    assert taken(told, "aten.add") == []
    assert taken(told, "aten.mm", "forward") == [10240, 8519680]


def test_gradients_meet_in_place() -> None:
    told = timeline(Apply(lambda x: torch.relu(x) + torch.tanh(x)), "64", batch=128)
    assert taken(told, "aten.add", "backward") == []
    assert taken(told, "aten.add", "forward") == [32768]


@pytest.mark.parametrize(
    ("function", "operator"),
    [
        (lambda x: x.gather(1, x.new_zeros((8, 3), dtype=torch.int64)), "scatter_add"),
        (lambda x: x.max(dim=1).values, "scatter"),
        (lambda x: x[x.new_zeros(5, dtype=torch.int64)], "index_put"),
    ],
)
def test_picking_functions_write_into_the_zeros(function: Any, operator: str) -> None:
    recording = recorded(Apply(function), "64", 8, A100)
    assert operator in [name for name, _ in operators(recording, "backward")]
    told = timeline(Apply(function), "64", batch=8)
    assert 8 * 64 * 4 not in taken(told, f"aten.{operator}", "backward")


def test_unreduced_loss_is_a_temporary() -> None:
    told = timeline(nn.Linear(64, 64), "64", batch=128, loss="mse")
    # the output has room for each element, too: TensorIterator makes it, mean_out shapes it
    assert taken(told, "aten.mse_loss") == [32768, 32768]


def test_group_norm_folds_scale_and_shift() -> None:
    net = nn.Sequential(nn.Conv2d(3, 16, 1), nn.GroupNorm(4, 16))
    told = timeline(net, "3x8x8", batch=2)
    # y 2*16*64*4; mean and rstd 2*4*4 each; scale and shift 2*16*4 each
    assert taken(told, "aten.native_group_norm") == [8192, 32, 32, 128, 128]
    # dx, dweight, dbias; ds, db of 2*16*4; c2, c3 of 2*4*4; c1 as ds
    assert taken(told, "aten.native_group_norm_backward") == [8192, 64, 64, 128, 128, 32, 32, 128]


def test_layer_norm_of_many_rows_sums_weight_gradients_in_parts() -> None:
    net = nn.Sequential(nn.Linear(768, 768, bias=False), nn.LayerNorm(768))
    told = timeline(net, "768", batch=100352, target=H100)
    # min(32768 // 24, 100352 / 32) = 1365 rows of 768 floats, for weight and bias
    sizes = taken(told, "aten.native_layer_norm_backward")
    # dx; two gradients that are thrown away; the parts; then for both a new gradient and the
    # scratch of its sum
    assert sizes[1:5] == [3072, 3072, 1365 * 768 * 4, 1365 * 768 * 4]
    assert sizes[5::3] == [3072, 3072]
    few = timeline(net, "768", batch=65536, target=H100)
    assert len(taken(few, "aten.native_layer_norm_backward")) == 3


def test_rms_norm_is_one_operator() -> None:
    told = timeline(Apply(nn.RMSNorm(64)), "64", batch=128)
    assert taken(told, "aten._fused_rms_norm") == [32768, 128 * 4]
    assert taken(told, "aten._fused_rms_norm_backward") == [32768, 256]


def test_mish_backward_is_one_operator() -> None:
    assert taken(timeline(Apply(nn.Mish()), "64", batch=128), "aten.mish_backward") == [32768]


@pytest.mark.parametrize(("count", "extra"), [(3072, 0), (3073, 1)])
def test_embedding_sorts_more_than_3072_indices(count: int, extra: int) -> None:
    told = timeline(nn.Embedding(100, 64), f"{count}:int64", batch=1)
    sizes = taken(told, "aten.embedding_dense_backward")
    assert sizes.count(100 * 64 * 4) == 1
    assert (len(sizes) > 1) is bool(extra)


def test_embedding_partial_sums() -> None:
    told = timeline(nn.Embedding(50257, 768), "1024:int64", batch=8)
    # 8192 indices: at most 8192 distinct, 8192 // 10 + 8192 = 9011 parts of 768 floats
    assert 9011 * 768 * 4 in taken(told, "aten.embedding_dense_backward")


def test_radix_sort_scratch() -> None:
    # CUB on sm80: one tile asks for a byte. 4096 pairs on 64 bits: 8 passes of 256 counters of 8
    # bytes, 2 tiles of 256 counters of 4 (up to 256 each), two buffers of 4096 * 8, 8 counters, 255
    assert radix_sort_bytes(2304, 64, 8) == 1
    assert radix_sort_bytes(4096, 64, 8) == 16384 + 2048 + 2 * 32768 + 256 + 255


def test_channels_last_batch_norm_grid() -> None:
    # 64 channels, 100,352 rows: blocks of 32 x 16, so 2 across and min(100352 / 256, 128) down
    assert launch_grid(100352, 64) == (2, 128)
    assert launch_grid(256, 64) == (2, 1)


def test_efficient_attention_workspace() -> None:
    qkv = meta(8, 12, 1024, 64)
    # 96 heads, 16 tiles of queries, each 64 x 64 floats and 16 bytes
    assert efficient_workspace(A100, qkv, qkv, qkv, 0.0) == 96 * 16 * (16 + 4 * 64 * 64)


def test_flash_attention_splits_keys_only_where_blocks_are_few() -> None:
    assert flash_splits(A100, blocks=200, key_blocks=16) == 1
    assert flash_splits(A100, blocks=2, key_blocks=16) > 1


class Attention(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(size, 3 * size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(*self.linear(x).chunk(3, -1), dropout_p=0.1)  # type: ignore[misc]


def test_flash_attention_backward() -> None:
    told = timeline(Attention(48), "4x100x48", batch=2, dtype="bfloat16")
    # output 2*4*100*48*2, logsumexp 2*4*100*4, the random state 16 and 8, and 16 for dropout
    assert taken(told, "aten._scaled_dot_product_flash_attention") == [76800, 3200, 16, 8, 16]
    sizes = taken(told, "aten._scaled_dot_product_flash_attention_backward")
    # row sums 2*4*128*4; the query's gradient in floats, rows to 128, columns to 64
    assert sizes[-2:] == [4096, 2 * 128 * 4 * 64 * 4]


def test_lstm_is_one_operator_with_a_reserve() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(16, 32, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.lstm(x)[0]

    recording = recorded(Net(), "10x16", 8, A100)
    assert [name for name, _ in operators(recording)][-1] == "_cudnn_rnn"
    told = timeline(Net(), "10x16", batch=8)
    # copy 8*10*16*4, output 8*10*32*4, two states 8*32*4, workspace, reserve 5*8*10*32*4 and 256
    assert taken(told, "aten._cudnn_rnn") == [5120, 10240, 1024, 1024, 12693913, 51456]
    # one buffer for all weights' gradients: 4*32*(16 + 32 + 2) floats
    assert taken(told, "aten._cudnn_rnn_backward").count(25600) == 1


@pytest.mark.parametrize(
    ("options", "state", "scratch"),
    [
        ({"optimizer": "SGD"}, 0, 0),
        ({"optimizer": "SGD", "optimizer_arg": {"momentum": 0.9}}, 1, 0),
        # torch.optim's documentation: foreach needs about the parameters' size more than the loop
        ({"optimizer": "Adam"}, 2, 1),
        ({"optimizer": "Adam", "optimizer_impl": "fused"}, 2, 0),
        ({"optimizer": "RMSprop"}, 1, 1),
        ({"optimizer": "SGD", "optimizer_arg": {"momentum": 0.9}, "optimizer_impl": "fused"}, 1, 0),
    ],
)
def test_optimizers_in_multiples_of_the_parameters(
    options: dict[str, Any], state: int, scratch: int
) -> None:
    size = 512 * 512 * 4
    told = timeline(nn.Linear(512, 512, bias=False), "512", steps=2, **options)
    large = [e for e in told.events if getattr(e, "bytes", 0) == size]
    assert sum(e.category == "optimizer_state" for e in large) == state
    now, second = "", 0
    for event in told.events:
        if hasattr(event, "phase"):
            now = f"{event.phase}{event.step}"
        elif getattr(event, "bytes", 0) == size and now == "step2":
            second += 1
    assert second == scratch


def test_clipping_takes_partial_sums_and_a_scalar_for_each_gradient() -> None:
    net = nn.Sequential(nn.Linear(300, 300, bias=False), nn.Linear(300, 10))
    told = timeline(net, "300", clip_grad_norm=1.0)
    # 300 * 300 = 90,000 elements are two chunks of 65,536: 3 tensors * 2 chunks * 4 bytes
    assert taken(told, "aten._foreach_norm", "step") == [24, 4, 4, 4]
    assert taken(told, "aten.stack", "step") == [12]
    assert taken(told, "aten._foreach_mul_") == []


@pytest.mark.parametrize(("amp", "given"), [("float16", None), (None, True)])
def test_a_grad_scaler_keeps_its_scale_and_a_counter(amp: str | None, given: bool | None) -> None:
    told = timeline(nn.Linear(8, 8), "8", amp=amp, grad_scaler=given, steps=2)
    kept_scalars = [e for e in kept(told) if e.operator == "aten.full"]
    assert [(e.bytes, e.category) for e in kept_scalars] == [(4, "optimizer_state")] * 2
    # found_inf 4, then the scale in double 8, its reciprocal 8, and that in float 4, in each step
    assert taken(told, "aten.reciprocal", "step") == [8, 8]


@pytest.mark.parametrize("options", [{"amp": "bfloat16"}, {"amp": "float16", "grad_scaler": False}])
def test_no_grad_scaler(options: dict[str, Any]) -> None:
    told = timeline(nn.Linear(8, 8), "8", **options)
    assert taken(told, "aten.reciprocal") == []


def values_of(function: Any, batch: int) -> Timeline:
    """The function on `batch` * 64 floats, in a model's forward."""
    return timeline(Apply(lambda x: function(x.reshape(-1))), "64", batch=batch)


@pytest.mark.parametrize(
    ("batch", "function", "expected"),
    [
        # 128 rows of 64: sorted in place, with the numbers of one row beside
        (128, lambda x: x.view(128, 64).sort()[0], [32768, 65536, 512]),
        # One row of 8192: row numbers; the sort in 4 passes and 3 tiles of 3840:
        # 4*256*8 + 3*256*4 + 8192*4 + 8192*8 + 256 + 255
        (128, lambda x: x.sort()[0], [32768, 65536, 65536, 110079]),
        # Two rows of 4608: two buffers of pairs, keys; then by row, in one pass and no buffers
        (
            144,
            lambda x: x.view(2, 4608).sort()[0],
            [36864, 73728, 73728, 73728, 36864, 122367, 5631],
        ),
        # 128 rows of 4097: numbers; second buffers of keys and values, 2097664 + 4195328 + 255
        (
            8194,
            lambda x: x.view(128, 4097).sort()[0],
            [2097664, 4195328, 4195328, 6293247],
        ),
        # Columns: the rows are brought together first, and sorted apart
        (
            128,
            lambda x: x.view(8192, 1).sort(0)[0],
            [32768, 65536, 32768, 32768, 65536, 65536, 110079],
        ),
    ],
)
def test_sort(batch: int, function: Any, expected: list[int]) -> None:
    assert taken(values_of(function, batch), "aten.sort", "forward") == expected


@pytest.mark.parametrize(
    ("batch", "function", "expected"),
    [
        (128, lambda x: x.view(128, 64).topk(5)[0], [2560, 5120]),
        # One row of 32,768 on 108 multiprocessors: 4 values a thread, so 32 blocks of 1024; each
        # has 256 counts of 2 bytes, the row 256 of 4; scans of 32 counts: 16 * 33, 1, and 255
        (
            512,
            lambda x: x.topk(5)[0],
            [20, 40, 4, 8, 8, 16384, 1024, 128, 128, 1279, 1279],
        ),
    ],
)
def test_topk(batch: int, function: Any, expected: list[int]) -> None:
    assert taken(values_of(function, batch), "aten.topk", "forward") == expected


def test_one_long_running_sum_keeps_a_state_for_each_tile() -> None:
    told = values_of(lambda x: x.cumsum(0), 128)
    # 8192 elements are 5 tiles of 1,920: 8 * (5 + 32) and a byte, up to 256 each, and 255
    assert taken(told, "aten.cumsum", "forward") == [32768, 512 + 256 + 255]
    told = values_of(lambda x: x.view(128, 64).cumsum(1), 128)
    assert taken(told, "aten.cumsum", "forward") == [32768]


def test_operators_without_a_rule_are_named() -> None:
    told = values_of(lambda x: torch.linalg.svdvals(x.view(128, 64)), 128)
    assert "aten._linalg_svd" in told.uncounted
    assert timeline(nn.Linear(8, 8), "8").uncounted == ()


def test_custom_operators_are_named() -> None:
    with torch.library._scoped_library("nincost_test", "FRAGMENT") as library:
        library.define("twice(Tensor x) -> Tensor")
        library.impl("twice", lambda x: x * 2, "CPU")
        library.impl("twice", torch.empty_like, "Meta")
        told = timeline(nn.Sequential(Twice()), "8", inference=True)
    assert told.uncounted == ("nincost_test.twice",)


class Twice(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ops.nincost_test.twice(x)
