"""CUDA's choice of operators, against torch's own answers on fake CUDA tensors (no GPU needed)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from support.cuda_steps import A100, H100, cuda_forward, operators, recorded
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend

from nincost._devices.cuda.batch_norm import runs_in_cudnn
from nincost._devices.libraries.sdpa import AttentionCall, choose_backend
from nincost._devices.settings import Settings
from nincost._trace.recording import Ran
from nincost._trace.records import TensorMeta

#: What meta calls cuDNN's batch norm; zeroing and counting differ in name only.
_SAME = {"cudnn_batch_norm": "native_batch_norm"}
_IGNORED = {"add_", "empty", "detach", "lift_fresh"}

NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "convolutions": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
        ),
        (2, 3, 12, 12),
    ),
    "norms": (
        lambda: nn.Sequential(
            nn.Linear(16, 16), nn.LayerNorm(16), nn.RMSNorm(16), nn.Dropout(0.1), nn.Mish(),
            nn.GroupNorm(4, 16), nn.Softmax(dim=1),
        ),
        (4, 16),
    ),
}  # fmt: skip


def ours(name: str, **options: object) -> list[tuple[str, str]]:
    make, shape = NETS[name]
    spec = "x".join(map(str, shape[1:]))
    found = operators(recorded(make(), spec, shape[0], A100, **options))
    return [(op, kind) for op, kind in found if op not in _IGNORED]


def cudas(name: str, amp: torch.dtype | None = None) -> list[tuple[str, str]]:
    found = cuda_forward(*NETS[name], amp)
    return [(_SAME.get(op, op), kind) for op, kind in found if op not in _IGNORED]


@pytest.mark.parametrize("name", NETS)
def test_forward_runs_what_cuda_runs(name: str) -> None:
    assert ours(name) == cudas(name)


@pytest.mark.parametrize("amp", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", NETS)
def test_autocast_casts_what_cuda_casts(name: str, amp: str) -> None:
    told, real = ours(name, amp=amp), cudas(name, getattr(torch, amp))
    # A batch norm of bfloat16 is ATen's own on CUDA; its name in the recording is the same.
    assert told == real


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("weight", [torch.float32, torch.float16])
@pytest.mark.parametrize("shape", [(4, 8), (4, 8, 5), (4, 8, 5, 5), (880802, 1, 1)])
def test_batch_norm_backend(
    dtype: torch.dtype, weight: torch.dtype, shape: tuple[int, ...]
) -> None:
    if dtype is torch.float64:
        weight = torch.float64
    with FakeTensorMode(), torch.device("cuda"):
        x = torch.empty(shape, dtype=dtype)
        each = [torch.empty(shape[1], dtype=weight) for _ in range(4)]
        answer = torch._C._select_batch_norm_backend(x, *each, True, 1e-5)
    metas = [TensorMeta(t.shape, t.stride(), t.dtype) for t in (x, *each)]
    assert runs_in_cudnn(*metas[:3], metas[3], True, 1e-5) is ("Cudnn" in str(answer))


def _call(
    dtype: torch.dtype,
    size: int = 64,
    mask: tuple[int, ...] | None = None,
    heads: int = 8,
    *,
    grouped: bool = False,
    dropout: float = 0.0,
    skipped: int = 0,
    trains: bool = True,
) -> AttentionCall:
    """`skipped`: elements of the key's storage before it."""
    query = torch.empty(2, 8, 128, size, dtype=dtype, device="meta")
    key = torch.empty(2 * heads * 128 * size + skipped, dtype=dtype, device="meta")
    key = key[skipped:].view(2, heads, 128, size)
    given = None if mask is None else torch.empty(mask, dtype=dtype, device="meta")
    return AttentionCall(query, key, key, given, dropout, False, grouped, trains)


@pytest.mark.parametrize(
    ("call", "on_a100", "on_h100"),
    [
        (_call(torch.float32), "efficient", "efficient"),
        (_call(torch.float32, size=66), "math", "math"),
        (_call(torch.float64), "math", "math"),
        (_call(torch.bfloat16), "flash", "cudnn"),
        (_call(torch.float16, size=256), "flash", "cudnn"),
        (_call(torch.float16, size=66), "flash", "flash"),
        (_call(torch.bfloat16, mask=(2, 1, 128, 128)), "efficient", "cudnn"),
        (_call(torch.bfloat16, mask=(8, 128, 128)), "efficient", "efficient"),
        (_call(torch.bfloat16, heads=2, grouped=True), "flash", "cudnn"),
        (_call(torch.float32, heads=2, grouped=True), "efficient", "efficient"),
        (_call(torch.float32, heads=2), "math", "math"),
        (_call(torch.float32, heads=1), "efficient", "efficient"),
        # cuDNN's dropout goes in sixteenths; its backward wants 128, or 256 alike
        (_call(torch.bfloat16, dropout=0.125), "flash", "cudnn"),
        (_call(torch.bfloat16, dropout=0.1), "flash", "flash"),
        (_call(torch.float16, size=160), "flash", "flash"),
        (_call(torch.float16, size=160, trains=False), "flash", "cudnn"),
        # 16 bytes are loaded at a time
        (_call(torch.float32, skipped=3), "math", "math"),
        (_call(torch.float32, skipped=4), "efficient", "efficient"),
    ],
)
def test_attention_backend(call: AttentionCall, on_a100: str, on_h100: str) -> None:
    # aten/src/ATen/native/transformers/cuda/sdp_utils.cpp, read row by row
    assert choose_backend(call, A100.capability, Settings()) == on_a100
    assert choose_backend(call, H100.capability, Settings()) == on_h100


def test_older_releases_had_no_grouped_heads_in_the_efficient_kernel() -> None:
    """An H100 ran torch 2.11's float32 Llama with 4 of 16 heads by products and a softmax."""
    call = _call(torch.float32, heads=2, grouped=True)
    assert choose_backend(call, H100.capability, Settings(torch_release=(2, 11))) == "math"
    plain = _call(torch.float32)
    assert choose_backend(plain, H100.capability, Settings(torch_release=(2, 11))) == "efficient"


@pytest.fixture
def only_math() -> Iterator[None]:
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        yield


@pytest.mark.usefixtures("only_math")
def test_attention_backend_that_the_program_chose() -> None:
    assert choose_backend(_call(torch.bfloat16), A100.capability, Settings.read()) == "math"


class Chooses(nn.Module):
    """Says itself which kernels its attention may have, in which order."""

    def __init__(self, *backends: Any, priority: bool = False) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 192)
        self.backends, self.priority = backends, priority

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query, key, value = self.linear(x).chunk(3, -1)
        with torch.nn.attention.sdpa_kernel([*self.backends], set_priority=self.priority):
            x = F.scaled_dot_product_attention(query, key, value)
        return F.scaled_dot_product_attention(x, key, value)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (Chooses(SDPBackend.EFFICIENT_ATTENTION, SDPBackend.FLASH_ATTENTION), "flash"),
        (Chooses(SDPBackend.EFFICIENT_ATTENTION), "efficient"),
        (
            Chooses(SDPBackend.EFFICIENT_ATTENTION, SDPBackend.CUDNN_ATTENTION, priority=True),
            "efficient",
        ),
    ],
)
def test_attention_backend_that_the_model_chooses(module: nn.Module, expected: str) -> None:
    """For its call alone: after it an H100 has cuDNN's again."""
    found = operators(recorded(module, "2x16x64", 4, H100, dtype="bfloat16"))
    kernels = [op for op, _ in found if op.startswith("_scaled")]
    assert kernels == [
        f"_scaled_dot_product_{expected}_attention", "_scaled_dot_product_cudnn_attention",
    ]  # fmt: skip


def test_default_order_of_attention_is_torchs() -> None:
    assert list(torch._C._get_sdp_priority_order())[:4] == [1, 2, 0, 3]


class Weighted(nn.Module):
    """Uses one weight twice, and enters an autocast of its own."""

    def __init__(self, inner: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 16, bias=False)
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.inner:
            return F.linear(self.linear(x), self.linear.weight)
        with torch.autocast("cuda", dtype=torch.bfloat16):
            x = self.linear(x)
            with torch.autocast("cuda", enabled=False):
                x = self.linear(x.float())
        return self.linear(x)


def test_autocast_casts_a_weight_once() -> None:
    found = operators(recorded(Weighted(False), "16", 4, A100, amp="bfloat16"))
    # input, weight, product, product
    assert [op for op, _ in found] == ["_to_copy", "_to_copy", "mm", "mm"]


def test_autocast_inside_a_model() -> None:
    found = operators(recorded(Weighted(True), "16", 4, A100))
    assert [kind for op, kind in found if op == "mm"] == [
        "torch.bfloat16", "torch.float32", "torch.float32",
    ]  # fmt: skip


@pytest.mark.parametrize("input_last", [False, True])
@pytest.mark.parametrize("weight_last", [False, True])
@pytest.mark.parametrize("groups", [1, 8])
def test_layout_of_a_convolution(input_last: bool, weight_last: bool, groups: int) -> None:
    last, plain = torch.channels_last, torch.contiguous_format
    with FakeTensorMode(), torch.device("cuda"):
        x = torch.empty(2, 8, 6, 6).to(memory_format=last if input_last else plain)
        weight = torch.empty(8, 8 // groups, 3, 3).to(memory_format=last if weight_last else plain)
        real = F.conv2d(x, weight, groups=groups).stride()

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            made = torch.empty(8, 8 // groups, 3, 3, device="meta")
            self.weight = nn.Parameter(made.to(memory_format=last if weight_last else plain))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x.to(memory_format=last if input_last else plain)
            return F.conv2d(x, self.weight, groups=groups)

    entries = recorded(Net(), "8x6x6", 2, A100).entries
    found = [e for e in entries if isinstance(e, Ran) and e.signature.name == "aten.convolution"]
    assert found[0].signature.outputs[0].stride == real
