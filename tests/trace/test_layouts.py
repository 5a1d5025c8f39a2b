"""Each known layout against what torch's own meta kernel gives, case by case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from nincost._trace.layouts import LAYOUTS

Case = tuple[str, tuple[Any, ...], dict[str, Any]]


def t(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def conv(x: torch.Tensor, w: torch.Tensor, stride: int, pad: int, dil: int, groups: int) -> Case:
    n = x.dim() - 2
    args = (x, w, None, [stride] * n, [pad] * n, [dil] * n, False, [0] * n, groups)
    return "convolution.default", args, {}


UNARY = [
    "relu", "gelu", "silu", "sigmoid", "tanh", "hardswish", "hardsigmoid", "hardtanh",
    "leaky_relu", "elu", "exp", "sqrt", "rsqrt", "neg",
]  # fmt: skip

CASES: list[Case] = [
    conv(t(2, 3, 9, 8), t(4, 3, 3, 3), 2, 1, 1, 1),
    conv(t(2, 4, 9, 9), t(8, 2, 3, 3), 1, 0, 2, 2),
    conv(t(1, 1, 1, 1), t(1, 1, 1, 1), 1, 0, 1, 1),  # ambiguous between memory formats
    conv(t(3, 1, 7, 7), t(2, 1, 3, 3), 1, 1, 1, 1),
    conv(t(2, 3, 9), t(4, 3, 3), 1, 1, 1, 1),
    conv(t(2, 3, 5, 6, 7), t(4, 3, 3, 3, 3), 1, 1, 1, 1),
    conv(t(2, 3, 9, 8, dtype=torch.bfloat16), t(4, 3, 3, 3, dtype=torch.bfloat16), 2, 1, 1, 1),
    ("max_pool2d_with_indices.default", (t(2, 3, 9, 8), [3, 3], [2, 2]), {}),
    ("max_pool2d_with_indices.default", (t(2, 3, 9, 8), [3, 3], [2, 2], [1, 1], [1, 1], True), {}),
    ("max_pool2d_with_indices.default", (t(2, 3, 9, 8), [2]), {}),
    ("max_pool2d_with_indices.default", (t(2, 3, 13, 8), [3, 2], [2, 1], [0, 1], [2, 1]), {}),
    ("avg_pool2d.default", (t(2, 3, 9, 8), [3, 3], [2, 2]), {}),
    ("avg_pool2d.default", (t(2, 3, 9, 8), [3, 3], [2, 2], [1, 1], True, False), {}),
    *[(f"{name}.default", (t(2, 3, 4),), {}) for name in UNARY],
    ("relu.default", (t(2, 3, dtype=torch.float16),), {}),
    ("hardtanh.default", (t(2, 3), 0, 6), {}),
    *[(f"{name}.Scalar", (t(2, 3), 2), {}) for name in ("add", "sub", "mul")],
    ("add.Scalar", (t(2, 3), 2.5, 2), {}),
    *[(f"{name}.Tensor", (t(2, 3), t(2, 3)), {}) for name in ("add", "sub", "mul", "div")],
    ("add.Tensor", (t(2, 3), t(2, 3)), {"alpha": 2}),
    ("threshold_backward.default", (t(2, 3), t(2, 3), 0), {}),
    ("_softmax.default", (t(2, 3, 4), -1, False), {}),
    ("_log_softmax.default", (t(2, 3), 1, False), {}),
    ("_safe_softmax.default", (t(2, 3), -1), {}),
    ("native_batch_norm.default", (t(2, 3, 4, 4), t(3), t(3), t(3), t(3), True, 0.1, 1e-5), {}),
    ("native_batch_norm.default", (t(2, 3, 4, 4), t(3), t(3), t(3), t(3), False, 0.1, 1e-5), {}),
    ("native_batch_norm.default", (t(5, 3), None, None, None, None, True, 0.1, 1e-5), {}),
    ("native_layer_norm.default", (t(2, 3, 4), [4], t(4), t(4), 1e-5), {}),
    ("native_layer_norm.default", (t(2, 3, 4), [3, 4], None, None, 1e-5), {}),
    ("mm.default", (t(2, 3), t(3, 4)), {}),
    ("mm.default", (t(2, 3), t(4, 3).t()), {}),
    ("addmm.default", (t(4), t(2, 3), t(4, 3).t()), {}),
    ("bmm.default", (t(5, 2, 3), t(5, 4, 3).transpose(1, 2)), {}),
    ("mean.dim", (t(2, 3, 4, 5), [-1, -2], True), {}),
    ("mean.dim", (t(2, 3, 4, 5), [1]), {}),
    ("_adaptive_avg_pool2d.default", (t(2, 3, 9, 8), [4, 1]), {}),
    ("cat.default", ([t(2, 3, 4), t(2, 5, 4)], 1), {}),
    ("cat.default", ([t(2, 3), t(2, 3)], -1), {}),
    ("cat.default", ([t(2, 3)],), {}),
]


def kernel(name: str) -> Any:
    packet, _, overload = name.partition(".")
    return getattr(getattr(torch.ops.aten, packet), overload)


def flat(value: Any) -> list[tuple[Any, ...]]:
    tensors = value if isinstance(value, tuple | list) else (value,)
    return [(tuple(x.shape), x.stride(), x.dtype) for x in tensors]


@pytest.mark.parametrize(("name", "args", "kwargs"), CASES, ids=[case[0] for case in CASES])
def test_layout_is_the_kernels(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    told = LAYOUTS[f"aten.{name}"](*args, **kwargs)
    assert told is not None
    assert [(tuple(m.shape), m.stride, m.dtype) for m in told] == flat(
        kernel(name)(*args, **kwargs)
    )


REFUSED: list[tuple[str, Callable[[], tuple[Any, ...]]]] = [
    ("channels last", lambda: conv(t(2, 3, 9, 8), t(4, 3, 3, 3), 1, 1, 1, 1)[1]),
    ("wrong channels", lambda: conv(t(2, 5, 9, 8), t(4, 3, 3, 3), 1, 1, 1, 1)[1]),
    ("kernel too large", lambda: conv(t(2, 3, 2, 2), t(4, 3, 3, 3), 1, 0, 1, 1)[1]),
    ("two types", lambda: conv(t(2, 3, 9, 8), t(4, 3, 3, 3, dtype=torch.half), 1, 1, 1, 1)[1]),
    (
        "transposed",
        lambda: (*conv(t(2, 3, 9, 8), t(3, 4, 3, 3), 1, 1, 1, 1)[1][:6], True, [0] * 2, 1),
    ),
]


@pytest.mark.parametrize(("why", "make"), REFUSED, ids=[why for why, _ in REFUSED])
def test_what_it_does_not_know_is_left_to_torch(
    why: str, make: Callable[[], tuple[Any, ...]]
) -> None:
    args = make()
    if why == "channels last":
        args = (args[0].to(memory_format=torch.channels_last), *args[1:])
    assert LAYOUTS["aten.convolution.default"](*args) is None


def test_every_layout_has_a_case() -> None:
    mine = {name for name, known in LAYOUTS.items() if known.__module__.endswith(".layouts")}
    assert {f"aten.{name}" for name, _, _ in CASES} >= mine
