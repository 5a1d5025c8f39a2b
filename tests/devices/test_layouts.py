"""Each declared layout, of each device, against what torch's own meta kernel gives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from nincost._devices.tables import DeviceTables, device_tables

TABLES = {name: device_tables(name) for name in ("meta", "cpu", "cuda")}

Case = tuple[str, tuple[Any, ...], dict[str, Any]]

LAST = torch.channels_last


def t(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def short(*shape: int) -> Tensor:
    return t(*shape, dtype=torch.bfloat16)


OFFS = t(2, dtype=torch.int32)


def conv(x: Tensor, w: Tensor, stride: int, pad: int, dil: int, groups: int) -> tuple[Any, ...]:
    n = x.dim() - 2
    return (x, w, None, [stride] * n, [pad] * n, [dil] * n, False, [0] * n, groups)


def conv_grad(x: Tensor, w: Tensor, grad: Tensor, wanted: list[bool]) -> tuple[Any, ...]:
    sizes = [w.shape[0]] if wanted[2] else None
    return (grad, x, w, sizes, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, wanted)


def lstm(batch_first: bool, train: bool, projection: int = 0) -> tuple[Any, ...]:
    net = torch.nn.LSTM(4, 6, 2, bidirectional=True, proj_size=projection, device="meta")
    weights = [weight for layer in net.all_weights for weight in layer]
    x = t(5, 7, 4) if batch_first else t(7, 5, 4)
    hidden, cell = t(4, 5, projection or 6), t(4, 5, 6)
    flags = (2, batch_first, 0.0, train, True, [], None)
    return (x, weights, len(net.all_weights[0]), None, hidden, cell, 2, 6, projection, *flags)


UNARY = [
    "relu", "gelu", "silu", "sigmoid", "tanh", "hardswish", "hardsigmoid", "hardtanh",
    "leaky_relu", "elu", "exp", "sqrt", "rsqrt", "neg",
]  # fmt: skip

LISTS = [
    "sqrt", "neg", "abs", "sign", "reciprocal", "exp", "log", "add", "sub", "mul", "div", "maximum",
    "minimum", "pow", "lerp", "addcmul", "addcdiv",
]  # fmt: skip


def _lists() -> list[Case]:
    """Each operator on lists, with a list and with a number where it has both forms."""
    a, b = [t(2, 3), t(4)], [t(2, 3), t(4)]
    found: list[Case] = []
    for name in LISTS:
        packet = getattr(torch.ops.aten, f"_foreach_{name}")
        for overload in packet.overloads():
            arguments = {
                "default": (a,), "List": (a, b), "Scalar": (a, 2),
                "ScalarList": (a, [1.0, 2.0]),
            }  # fmt: skip
            if name == "lerp":
                arguments |= {
                    "List": (a, b, a), "Scalar": (a, b, 0.5), "ScalarList": (a, b, [0.1, 0.2]),
                }  # fmt: skip
            if name in ("addcmul", "addcdiv"):
                arguments |= {"Scalar": (a, b, a, 1), "ScalarList": (a, b, a, [1.0, 2.0])}
            if overload in arguments:
                found.append((f"_foreach_{name}.{overload}", arguments[overload], {}))
    return found


half, bf16, bits = torch.float16, torch.bfloat16, torch.bool
IMAGE, NORM = t(2, 3, 9, 8), (t(3), t(3), t(3), t(3))
ROWS = t(2, 3, 4)
OF_TARGETS = t(5, dtype=torch.int64)

CASES: list[Case] = [
    ("convolution.default", conv(IMAGE, t(4, 3, 3, 3), 2, 1, 1, 1), {}),
    ("convolution.default", conv(t(2, 4, 9, 9), t(8, 2, 3, 3), 1, 0, 2, 2), {}),
    # between the memory formats
    ("convolution.default", conv(t(1, 1, 1, 1), t(1, 1, 1, 1), 1, 0, 1, 1), {}),
    ("convolution.default", conv(t(3, 1, 7, 7), t(2, 1, 3, 3), 1, 1, 1, 1), {}),
    ("convolution.default", conv(t(2, 3, 9), t(4, 3, 3), 1, 1, 1, 1), {}),
    ("convolution.default", conv(t(2, 3, 5, 6, 7), t(4, 3, 3, 3, 3), 1, 1, 1, 1), {}),
    (
        "convolution.default",
        conv(t(2, 3, 9, 8, dtype=bf16), t(4, 3, 3, 3, dtype=bf16), 2, 1, 1, 1),
        {},
    ),
    *[
        ("convolution_backward.default", conv_grad(IMAGE, t(4, 3, 3, 3), t(2, 4, 9, 8), wanted), {})
        for wanted in ([True] * 3, [False, True, True], [True, True, False], [False, False, True])
    ],
    ("max_pool2d_with_indices.default", (IMAGE, [3, 3], [2, 2]), {}),
    ("max_pool2d_with_indices.default", (IMAGE, [3, 3], [2, 2], [1, 1], [1, 1], True), {}),
    ("max_pool2d_with_indices.default", (IMAGE, [2]), {}),
    ("max_pool2d_with_indices.default", (t(2, 3, 13, 8), [3, 2], [2, 1], [0, 1], [2, 1]), {}),
    ("max_pool2d_with_indices_backward.default", (t(2, 3, 4, 4), IMAGE, [2, 2], [2, 2], [0, 0],
     [1, 1], False, t(2, 3, 4, 4, dtype=torch.int64)), {}),
    ("avg_pool2d.default", (IMAGE, [3, 3], [2, 2]), {}),
    ("avg_pool2d.default", (IMAGE, [3, 3], [2, 2], [1, 1], True, False), {}),
    ("_adaptive_avg_pool2d.default", (IMAGE, [4, 1]), {}),
    *[(f"{name}.default", (ROWS,), {}) for name in UNARY],
    ("relu.default", (t(2, 3, dtype=half),), {}),
    ("hardtanh.default", (t(2, 3), 0, 6), {}),
    *[(f"{name}.Scalar", (t(2, 3), 2), {}) for name in ("add", "sub", "mul")],
    ("add.Scalar", (t(2, 3), 2.5, 2), {}),
    *[(f"{name}.Tensor", (t(2, 3), t(2, 3)), {}) for name in ("add", "sub", "mul", "div")],
    ("add.Tensor", (t(2, 3), t(2, 3)), {"alpha": 2}),
    ("div.Scalar", (ROWS, 2), {}),
    ("div.Scalar", (t(2, 3, 1, 1).expand(2, 3, 4, 5), 20), {}),
    ("threshold_backward.default", (t(2, 3), t(2, 3), 0), {}),
    ("gelu_backward.default", (ROWS, ROWS), {"approximate": "tanh"}),
    ("mish_backward.default", (ROWS, ROWS), {}),
    ("mish_backward.default", (IMAGE.to(memory_format=LAST), IMAGE.to(memory_format=LAST)), {}),
    ("_softmax.default", (ROWS, -1, False), {}),
    ("_log_softmax.default", (t(2, 3), 1, False), {}),
    ("_safe_softmax.default", (t(2, 3), -1), {}),
    ("_softmax_backward_data.default", (ROWS, ROWS, -1, torch.float32), {}),
    ("_log_softmax_backward_data.default", (ROWS, ROWS, 1, torch.float32), {}),
    ("nll_loss_forward.default", (t(5, 3), OF_TARGETS, None, 1, -100), {}),
    ("nll_loss_backward.default", (t(), t(5, 3), OF_TARGETS, None, 1, -100, t()), {}),
    ("native_batch_norm.default", (IMAGE, *NORM, True, 0.1, 1e-5), {}),
    ("native_batch_norm.default", (IMAGE, *NORM, False, 0.1, 1e-5), {}),
    ("native_batch_norm.default", (t(5, 3), None, None, None, None, True, 0.1, 1e-5), {}),
    ("native_batch_norm_backward.default", (IMAGE, IMAGE, *NORM, t(3), True, 1e-5, [True] * 3), {}),
    ("native_layer_norm.default", (ROWS, [4], t(4), t(4), 1e-5), {}),
    ("native_layer_norm.default", (ROWS, [3, 4], None, None, 1e-5), {}),
    ("native_layer_norm_backward.default", (ROWS, ROWS, [4], t(2, 3, 1), t(2, 3, 1), t(4), t(4),
     [True] * 3), {}),
    *[
        ("_fused_rms_norm.default", (t(2, 3, 8, dtype=d), [8], t(8, dtype=d), 1e-5), {})
        for d in (torch.float32, half, torch.float64)
    ],
    ("_fused_rms_norm.default", (t(2, 3, 8), [3, 8], t(3, 8), None), {}),
    *[
        ("_fused_rms_norm_backward.default", (ROWS, ROWS, [4], t(2, 3, 1), t(4), wanted), {})
        for wanted in ([True, True], [False, True], [True, False])
    ],
    ("mm.default", (t(2, 3), t(3, 4)), {}),
    ("mm.default", (t(2, 3), t(4, 3).t()), {}),
    ("addmm.default", (t(4), t(2, 3), t(4, 3).t()), {}),
    ("bmm.default", (t(5, 2, 3), t(5, 4, 3).transpose(1, 2)), {}),
    *[
        ("_grouped_mm.default", operands, {})
        for operands in (
            (short(6, 16), short(2, 16, 24)[:, :, :12], OFFS),
            (short(6, 16), short(2, 12, 16).mT, OFFS),
            (short(6, 16).t(), short(6, 24), OFFS),
            (short(2, 6, 16), short(2, 16, 24)),
        )
    ],
    ("mean.dim", (t(2, 3, 4, 5), [-1, -2], True), {}),
    ("mean.dim", (t(2, 3, 4, 5), [1]), {}),
    ("cat.default", ([ROWS, t(2, 5, 4)], 1), {}),
    ("cat.default", ([t(2, 3), t(2, 3)], -1), {}),
    ("cat.default", ([t(2, 3)],), {}),
    ("select_backward.default", (t(2, 4), [2, 3, 4], 1, 0), {}),
    ("embedding_dense_backward.default", (ROWS, t(2, 3, dtype=torch.int64), 9, -1, False), {}),
    ("native_dropout.default", (ROWS, 0.5, True), {}),
    ("native_dropout.default", (IMAGE.to(memory_format=LAST), 0.5, True), {}),
    ("native_dropout_backward.default", (ROWS, t(2, 3, 4, dtype=bits), 2.0), {}),
    *[(f"{name}_like.default", (ROWS,), {}) for name in ("ones", "zeros", "empty")],
    ("ones_like.default", (t(3, dtype=torch.int64),), {"pin_memory": False}),
    ("zeros_like.default", (ROWS,), {"memory_format": torch.preserve_format}),
    *[("_cudnn_rnn.default", lstm(first, train), {}) for first in (0, 1) for train in (0, 1)],
    ("_cudnn_rnn.default", lstm(False, True, projection=3), {}),
    ("_fft_r2c.default", (IMAGE, [2, 3], 0, True), {}),
    ("_fft_r2c.default", (IMAGE, [3], 0, False), {}),
    ("_fft_c2c.default", (t(2, 3, 9, 8, dtype=torch.complex64), [2, 3], 2, False), {}),
    ("_fft_c2r.default", (t(2, 3, 9, 5, dtype=torch.complex64), [2, 3], 2, 8), {}),
    *_lists(),
    ("_foreach_norm.Scalar", ([t(2, 3), t(4, dtype=half)], 2), {}),
]  # fmt: skip


def kernel(name: str) -> Any:
    packet, _, overload = name.partition(".")
    return getattr(getattr(torch.ops.aten, packet), overload)


def flat(value: Any) -> list[Any]:
    """Shape, strides and type of each item of a result, or None."""
    items = value if isinstance(value, tuple | list) else (value,)
    return [
        item if item is None else (tuple(item.shape), item.stride(), item.dtype) for item in items
    ]


def layout_of(tables: DeviceTables, name: str) -> tuple[str, Any]:
    """The declaration that holds for an overload, and its function."""
    for declared in (f"aten.{name}", f"aten.{name}".rpartition(".")[0]):
        known = tables.operators.get(declared)
        if known is not None and known.layout is not None:
            return declared, known.layout
    return "", None


def answered(tables: DeviceTables, case: Case) -> str:
    """The declaration that gives layouts for the case; empty where the kernel is left to say."""
    name, args, kwargs = case
    declared, layout = layout_of(tables, name)
    return declared if layout is not None and layout(*args, **kwargs) is not None else ""


@pytest.mark.parametrize("device", TABLES)
@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_a_layout_is_the_kernels(device: str, case: Case) -> None:
    tables = TABLES[device]
    if not answered(tables, case):
        assert answered(TABLES["cuda"], case), "no device's layout answers this case"
        return
    name, args, kwargs = case
    layouts = layout_of(tables, name)[1](*args, **kwargs)
    result = kernel(name)(*args, **kwargs)
    known = tables.operators.get(f"aten.{name}")
    if known is not None and known.correction is not None:
        result = known.correction(result, *args, **kwargs)
    mine = [m if m is None else (tuple(m.shape), m.stride, m.dtype) for m in layouts]
    assert isinstance(layouts, list) is isinstance(result, list)
    theirs = flat(result)
    if name == "_cudnn_rnn.default":
        mine, theirs = mine[:3], theirs[:3]  # the reserve's size is cuDNN's, and on meta none
        if args[10]:
            # On CUDA (batch, length, columns) is (length, batch, columns) seen turned: RNN.cpp
            # _cudnn_rnn, output.transpose_(0, 1).
            (batch, _length, columns), _, dtype = theirs[0]
            theirs[0] = (theirs[0][0], (columns, batch * columns, 1), dtype)
    assert mine == theirs


SCORES = torch.zeros(7, 2, 5).log_softmax(2)
LABELS = torch.ones(2, 3, dtype=torch.int64)
LOSS, ALPHA = torch.ops.aten._ctc_loss(SCORES, LABELS, [7, 6], [3, 2])

#: Those of which torch has no meta kernel: CPU tensors.
ON_CPU: list[Case] = [
    ("_ctc_loss.default", (SCORES, LABELS, [7, 6], [3, 2]), {}),
    ("_ctc_loss.Tensor", (SCORES, LABELS, torch.tensor([7, 6]), torch.tensor([3, 2])), {}),
    (
        "_ctc_loss_backward.default",
        (torch.ones(2), SCORES, LABELS, [7, 6], [3, 2], LOSS, ALPHA, 0),
        {},
    ),
]


@pytest.mark.parametrize("case", ON_CPU, ids=[case[0] for case in ON_CPU])
def test_a_layout_is_the_cpus_kernels(case: Case) -> None:
    name, args, kwargs = case
    mine = layout_of(TABLES["cuda"], name)[1](*args, **kwargs)
    assert [(tuple(m.shape), m.stride, m.dtype) for m in mine] == flat(
        kernel(name)(*args, **kwargs)
    )


@pytest.mark.parametrize("device", TABLES)
def test_every_layout_has_a_case(device: str) -> None:
    tables = TABLES[device]
    declared = {name for name, known in tables.operators.items() if known.layout is not None}
    assert declared == {answered(tables, case) for case in [*CASES, *ON_CPU]} - {""}


def test_a_gradient_that_fits_both_forms_is_left_to_torch() -> None:
    """It follows input and weight: here both are row-major and suggest channels-last at once."""
    x, weight = t(2, 8, 1, 1).to(memory_format=LAST), t(4, 8, 1, 1).to(memory_format=LAST)
    layout = TABLES["cuda"].operators["aten.convolution_backward.default"].layout
    assert layout(*conv_grad(x, weight, t(2, 4, 1, 1), [True] * 3)) is None


REFUSED: dict[str, tuple[Any, ...]] = {
    "channels last": conv(IMAGE.to(memory_format=LAST), t(4, 3, 3, 3), 1, 1, 1, 1),
    "wrong channels": conv(t(2, 5, 9, 8), t(4, 3, 3, 3), 1, 1, 1, 1),
    "kernel too large": conv(t(2, 3, 2, 2), t(4, 3, 3, 3), 1, 0, 1, 1),
    "two types": conv(IMAGE, t(4, 3, 3, 3, dtype=half), 1, 1, 1, 1),
    "transposed": (*conv(IMAGE, t(3, 4, 3, 3), 1, 1, 1, 1)[:6], True, [0] * 2, 1),
}


@pytest.mark.parametrize("args", REFUSED.values(), ids=REFUSED)
def test_what_a_layout_does_not_know_is_left_to_torch(args: tuple[Any, ...]) -> None:
    assert TABLES["meta"].operators["aten.convolution.default"].layout(*args) is None


IN_PLACE = sorted({
    name for tables in TABLES.values() for name, known in tables.operators.items()
    if known.in_place is not None
})  # fmt: skip


@pytest.mark.parametrize("name", IN_PLACE)
def test_what_is_declared_in_place_gives_its_first_argument(name: str) -> None:
    """By torch's schema: each overload writes to its first argument, and returns it or nothing."""
    packet = getattr(torch.ops.aten, name.removeprefix("aten."))
    for overload in packet.overloads():
        schema = getattr(packet, overload)._schema
        if overload.endswith("out") or "Tensor" not in str(schema.arguments[0].type):
            continue  # (TorchScript has overloads of its own, on numbers and lists of anything)
        first = schema.arguments[0].alias_info
        assert first is not None
        assert first.is_write
        assert [r.alias_info.before_set for r in schema.returns] in ([], [first.before_set])


def test_every_operator_on_lists_in_place_is_declared() -> None:
    names = {name.partition(".")[0] for name in torch._C._dispatch_get_all_op_names()}
    in_place = {
        name.replace("::", ".") for name in names
        if name.startswith("aten::_foreach_") and name.endswith("_")
    }  # fmt: skip
    assert in_place == {name for name in IN_PLACE if "_foreach_" in name and "_amp_" not in name}
