"""The operator tables: each name is torch's, in one table only, and nothing is a silent zero."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import nincost
import nincost._profile
from nincost._profile import op_cost, registry
from nincost._trace.recorder import Recorder

TABLES = {
    "macs": registry._MACS,
    "elementwise": registry._ELEMENTWISE,
    "movement": dict.fromkeys(registry._MOVEMENT),
}


def operators(name: str) -> list[str]:
    """Names in `name`'s table."""
    return sorted(TABLES[name])  # type: ignore[call-overload]


def exists(operator: str) -> bool:
    namespace, _, name = operator.partition(".")
    packets = getattr(torch.ops, namespace)
    # fill, normal and others: the in-place form's name without its underscore counts too
    return hasattr(packets, name) or hasattr(packets, f"{name}_")


@pytest.mark.parametrize("table", TABLES)
def test_each_registered_operator_exists(table: str) -> None:
    import torchvision  # noqa: F401  (registers deform_conv2d)

    assert [name for name in operators(table) if not exists(name)] == []


def test_no_operator_is_in_two_tables() -> None:
    names = [name for table in TABLES for name in operators(table)]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_an_operator_cannot_be_registered_twice() -> None:
    with pytest.raises(ValueError, match="has a formula already"):
        registry.macs("aten.mm")(lambda signature: 0)
    assert registry._MACS["aten.mm"] is not None


def cost_of(function: Any, *shapes: tuple[int, ...]) -> list[Any]:
    recorder = Recorder(on_meta=True)
    tensors = [torch.empty(shape, device="meta") for shape in shapes]
    with torch.no_grad(), recorder:
        function(*tensors)
    return [op_cost(op.signature) for op in recorder.ops]


X = (2, 4, 6, 6)  # 288 elements

FLOPS: dict[str, tuple[Any, int]] = {
    # One FLOP for each element that is computed.
    "add": (lambda x: x + x, 288),
    "add in place": (lambda x: x.add_(1), 288),
    "relu": (F.relu, 288),
    "relu in place": (lambda x: F.relu_(x), 288),
    "gelu": (F.gelu, 288),
    "hardswish": (F.hardswish, 288),
    "broadcast": (lambda x: x + x[:1, :1, :1, :1], 288),
    "sum": (lambda x: x.sum(), 288),
    "mean over space": (lambda x: x.mean((2, 3)), 288),
    "max": (lambda x: x.amax(1), 288),
    "cumsum": (lambda x: x.cumsum(1), 288),
    # The pool's window is 2x2, its output 2*4*3*3 = 72 elements.
    "max pool": (lambda x: F.max_pool2d(x, 2), 72 * 4),
    "average pool": (lambda x: F.avg_pool2d(x, 2), 72 * 4),
    # Largest, subtract, exponential, sum, divide.
    "softmax": (lambda x: x.softmax(1), 5 * 288),
    # Mean, square of difference and its sum, subtract and scale, weight and bias.
    "layer norm": (lambda x: F.layer_norm(x, (6, 6), torch.ones(6, 6), torch.ones(6, 6)), 7 * 288),
    "layer norm, plain": (lambda x: F.layer_norm(x, (6, 6)), 5 * 288),
    "batch norm in eval": (
        lambda x: F.batch_norm(x, torch.zeros(4), torch.ones(4), torch.ones(4), torch.ones(4)),
        4 * 288,
    ),
    "bilinear": (lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), 4 * 288 * 8),
    # 5 N log2 N for each of 2*4*6 rows of N = 6, its logarithm rounded up to 3
    "fft": (lambda x: torch.fft.fft(x.to(torch.complex64)), 5 * 288 * 3),
    "cdist": (lambda x: torch.cdist(x[0], x[0]), 4 * 6 * 6 * 6 * 3),
    # Nothing is computed.
    "reshape": (lambda x: x.reshape(2, -1), 0),
    "permute and copy": (lambda x: x.permute(0, 2, 3, 1).contiguous(), 0),
    "cat": (lambda x: torch.cat([x, x]), 0),
    "pad": (lambda x: F.pad(x, (1, 1)), 0),
    "index": (lambda x: x[:, [0, 1]], 0),
    "zeros": (lambda x: torch.zeros_like(x), 0),
    "where": (lambda x: torch.where(x.isnan(), x, x), 288),  # isnan compares each element
    "in-place view": (lambda x: x.transpose_(0, 1), 0),
    "dropout in eval": (lambda x: F.dropout(x, 0.5, False), 0),
}


@pytest.mark.parametrize("name", FLOPS)
def test_element_wise_work_by_hand(name: str) -> None:
    function, flops = FLOPS[name]
    costs = cost_of(function, X)
    assert all(cost.counted for cost in costs)
    if name in ("where", "cdist"):  # these come down to several operators
        assert sum(cost.elementwise_flops for cost in costs) >= flops
    else:
        assert sum(cost.elementwise_flops for cost in costs) == flops
    assert all(cost.macs == 0 for cost in costs)


@pytest.mark.parametrize(
    "layer",
    [
        nn.ReLU(), nn.GELU(), nn.SiLU(), nn.Mish(), nn.ELU(), nn.Softplus(), nn.Hardswish(),
        nn.GLU(1), nn.PReLU(4), nn.RReLU(), nn.LogSigmoid(), nn.Softmax(1), nn.LogSoftmax(1),
        nn.Softmin(1), nn.Tanhshrink(), nn.Threshold(0, 1), nn.Softsign(), nn.CELU(),
        nn.BatchNorm2d(4), nn.InstanceNorm2d(4, affine=True), nn.GroupNorm(2, 4),
        nn.LayerNorm((6, 6)), nn.RMSNorm((6, 6)), nn.LocalResponseNorm(2), nn.Dropout(0.1),
        nn.Dropout2d(0.1), nn.AlphaDropout(0.1), nn.FeatureAlphaDropout(0.1),
        nn.MaxPool2d(2), nn.AvgPool2d(2), nn.LPPool2d(2, 2), nn.AdaptiveAvgPool2d(2),
        nn.AdaptiveMaxPool2d(2), nn.FractionalMaxPool2d(2, output_size=3), nn.Unfold(2),
        nn.ZeroPad2d(1), nn.ReflectionPad2d(1), nn.ReplicationPad2d(1),
        nn.CircularPad2d(1), nn.PixelShuffle(2), nn.PixelUnshuffle(2), nn.ChannelShuffle(2),
        nn.Upsample(scale_factor=2), nn.Upsample(scale_factor=2, mode="bicubic"),
        nn.CosineSimilarity(), nn.Flatten(), nn.Identity(),
    ],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_every_layer_without_a_contraction_is_counted(layer: nn.Module, mode: str) -> None:
    given: Any = torch.zeros(X)
    if isinstance(layer, nn.CosineSimilarity):
        given = (given, given)
    result = nincost.profile(layer, input=given, mode=mode)
    assert result.uncounted == ()
    assert result.totals.macs == 0
    assert result.device == "meta"


@pytest.mark.parametrize(
    "layer",
    [nn.MSELoss(), nn.L1Loss(), nn.SmoothL1Loss(), nn.HuberLoss(), nn.BCEWithLogitsLoss(),
     nn.KLDivLoss(), nn.SoftMarginLoss(), nn.CosineEmbeddingLoss(), nn.PairwiseDistance()],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_every_loss_is_counted(layer: nn.Module) -> None:
    given: tuple[torch.Tensor, ...] = (torch.zeros(3, 4), torch.zeros(3, 4))
    if isinstance(layer, nn.CosineEmbeddingLoss):
        given = (*given, torch.ones(3))
    assert nincost.profile(layer, input=given).uncounted == ()


@pytest.mark.parametrize(
    "function",
    [
        torch.linalg.inv, torch.linalg.cholesky, torch.linalg.qr, torch.linalg.svdvals,
        torch.linalg.eigh, torch.linalg.det, torch.linalg.matrix_exp,
        lambda x: torch.linalg.solve(x, x), lambda x: torch.linalg.solve_triangular(
            x, x, upper=True
        ),
    ],
)  # fmt: skip
def test_linear_algebra_without_a_formula_is_no_silent_zero(function: Any) -> None:
    costs = cost_of(function, (4, 4))
    assert any(not cost.counted for cost in costs)
