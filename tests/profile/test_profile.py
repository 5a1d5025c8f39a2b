"""Which row gets what: reuse, tying, functional code, nested inputs, lazy and frozen parts."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import nincost
from nincost._profile.results import COUNTS
from nincost.errors import UncountedError


def assert_adds_up(result: nincost.Profile) -> None:
    """Each count column's sum over the rows is the total."""
    for name in COUNTS:
        assert sum(getattr(row, name) for row in result.layers) == getattr(result.totals, name), (
            name
        )


def row(result: nincost.Profile, layer: str) -> nincost.LayerCost:
    (found,) = [item for item in result.layers if item.layer == layer]
    return found


class Reused(nn.Module):
    """One linear layer, called three times."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.fc(self.fc(x)))


def test_a_module_called_three_times_counts_three_times_and_its_parameters_once() -> None:
    result = nincost.profile(Reused(), input="4", batch_size=2)
    fc = row(result, "fc")
    assert (fc.calls, fc.macs, fc.params) == (3, 3 * 2 * 4 * 4, 20)
    assert fc.activation_elements == 3 * 2 * 4
    assert result.totals.params == 20
    assert_adds_up(result)


def test_calls_on_different_sizes_have_rows_of_their_own() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)

        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            return [self.conv(x), self.conv(x), self.conv(x[..., :4])]

    result = nincost.profile(Net(), input="1x8x8")
    rows = [r for r in result.layers if r.layer == "conv"]
    assert [(r.calls, r.macs, r.params) for r in rows] == [
        (2, 2 * 6 * 6 * 2 * 9, 20), (1, 6 * 2 * 2 * 9, 0),
    ]  # fmt: skip
    assert_adds_up(result)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, 4)
        self.head = nn.Linear(4, 10, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.embed(ids))


def test_tied_weights_count_once() -> None:
    result = nincost.profile(Tied(), input="3:int64")
    assert result.totals.params == 40
    assert [(r.layer, r.params, r.macs) for r in result.layers] == [
        ("embed", 40, 0), ("head", 0, 3 * 4 * 10),
    ]  # fmt: skip
    assert_adds_up(result)


def test_a_module_under_two_names_is_one_module() -> None:
    shared = nn.Linear(4, 4)
    result = nincost.profile(nn.Sequential(shared, nn.ReLU(), shared), input="4")
    assert [(r.layer, r.calls, r.params) for r in result.layers] == [("0", 2, 20), ("1", 1, 0)]


class Functional(nn.Module):
    """All in functions: nothing here that a hook on a module could see."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(5, 3, 3, 3))
        self.weight = nn.Parameter(torch.randn(6, 5))
        self.nothing = nn.Identity()  # with a child, it is no leaf: each operator has a row

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.conv2d(x, self.kernel, padding=1)  # 5 x 8 x 8
        x = x.flatten(2).transpose(1, 2)  # 64 x 5
        x = F.linear(x, self.weight)  # 64 x 6
        scores = x @ x.transpose(1, 2)  # 64 x 64
        x = torch.einsum("bij,bjk->bik", scores, x)
        return F.scaled_dot_product_attention(x, x, x)


def test_functions_are_counted_and_hold_their_parameters() -> None:
    result = nincost.profile(Functional(), input="3x8x8")
    conv, linear, product = 64 * 5 * 27, 64 * 5 * 6, 64 * 64 * 6
    assert result.totals.macs == conv + linear + 4 * product
    assert row(result, "Functional [aten.convolution]").params == 5 * 27
    assert result.totals.params == 5 * 27 + 30
    assert all(r.operator for r in result.layers)
    assert_adds_up(result)


class ClassToken(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, 4))
        self.position = nn.Parameter(torch.zeros(1, 4, 4))
        self.unused = nn.Parameter(torch.zeros(7))
        self.head = nn.Linear(4, 2)
        self.never = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.position
        return self.head(x)


def test_parameters_that_only_functions_use_and_those_that_nobody_uses() -> None:
    result = nincost.profile(ClassToken(), input="3x4", batch_size=2)
    params = {r.layer: r.params for r in result.layers}
    assert params == {
        "ClassToken [aten.cat]": 4, "ClassToken [aten.add]": 16, "head": 10,
        "ClassToken": 7, "never": 15,
    }  # fmt: skip
    assert row(result, "never").calls == 0
    assert result.never_called == ("never",)
    assert_adds_up(result)


class Output(NamedTuple):
    logits: torch.Tensor
    hidden: list[torch.Tensor]


@dataclass
class Data:
    logits: torch.Tensor
    label: int = 3


def as_model_output(x: torch.Tensor) -> Any:
    outputs = pytest.importorskip("transformers.modeling_outputs")
    return outputs.BaseModelOutput(last_hidden_state=x)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda x: {"a": x, "b": [x]}, lambda x: (x, (x, None)), lambda x: [x],
        lambda x: Output(x, [x]), lambda x: Data(x), lambda x: OrderedDict(out=x), as_model_output,
    ],
)  # fmt: skip
def test_outputs_of_every_kind(wrap: Any) -> None:
    class Inner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(4, 4))

        def forward(self, x: torch.Tensor) -> Any:
            return wrap(x @ self.weight)

    result = nincost.profile(Inner(), input="4", batch_size=2)
    assert result.layers[0].output_shape == (2, 4)
    assert result.totals.activation_elements == 8  # given twice, made once
    assert result.totals.macs == 2 * 16


class ManyInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(3, 2)
        self.b = nn.Linear(5, 2)

    def forward(self, x: Any, *, extra: Any = None, scale: float = 1.0) -> torch.Tensor:
        if isinstance(x, dict):
            x, extra = x["x"], x["extra"]
        if isinstance(x, tuple):
            x, extra = x
        return self.a(x) * scale + self.b(extra)


@pytest.mark.parametrize(
    "given",
    [
        ("3", "extra=5"),
        {"x": torch.zeros(1, 3), "extra": torch.zeros(1, 5), "scale": 0.5},
        {"x": {"x": torch.zeros(1, 3), "extra": torch.zeros(1, 5)}},
        ((torch.zeros(1, 3), torch.zeros(1, 5)),),
        ({"x": torch.zeros(1, 3), "extra": torch.zeros(1, 5)},),
    ],
)
def test_inputs_of_every_kind(given: Any) -> None:
    result = nincost.profile(ManyInputs(), input=given)
    assert result.totals.macs == 6 + 10
    assert len(result.input) == 2


def test_half_precision_and_frozen_parts() -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)).to(torch.bfloat16)
    net[0].requires_grad_(False)
    result = nincost.profile(net, input="4", batch_size=3)
    totals = result.totals
    assert (totals.params, totals.trainable_params, totals.frozen_params) == (74, 34, 40)
    assert totals.param_bytes == 2 * 74
    assert totals.buffers == 8 + 8 + 1
    assert totals.buffer_bytes == 2 * 16 + 8
    assert totals.activation_bytes == 2 * totals.activation_elements
    assert result.layers[0].trainable_params == 0
    assert_adds_up(result)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_a_spec_without_a_type_takes_the_models(dtype: torch.dtype) -> None:
    result = nincost.profile(nn.Linear(4, 4).to(dtype), input="4")
    assert result.totals.activation_bytes == 4 * dtype.itemsize


def lenet() -> nn.Sequential:
    """D2L's LeNet with lazy layers."""
    return nn.Sequential(
        nn.LazyConv2d(6, kernel_size=5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2, 2),
        nn.LazyConv2d(16, kernel_size=5), nn.Sigmoid(), nn.AvgPool2d(2, 2), nn.Flatten(),
        nn.LazyLinear(120), nn.Sigmoid(), nn.LazyLinear(84), nn.Sigmoid(), nn.LazyLinear(10),
        nn.LazyBatchNorm1d(),
    )  # fmt: skip


def test_lazy_modules_are_counted_and_stay_lazy() -> None:
    net = lenet()
    result = nincost.profile(net, input="1x28x28")
    assert result.totals.params == 61_706 + 20  # LeNet-5's published size, and the norm's
    assert all(isinstance(p, nn.UninitializedParameter) for p in net[0].parameters())
    assert type(net[0]) is nn.LazyConv2d
    assert next(r for r in result.layers if r.layer == "0").type == "Conv2d"


def test_a_lazy_model_with_a_bad_input_names_the_layer() -> None:
    with pytest.raises(nincost.InputError, match=r"layer '5'.*at least 2x2"):
        nincost.profile(lenet(), input="1x10x10")


def test_views_and_in_place_operators_make_no_activations() -> None:
    net = nn.Sequential(
        nn.Linear(4, 4), nn.ReLU(inplace=True), nn.Unflatten(1, (2, 2)), nn.Dropout()
    )
    result = nincost.profile(net, input="4")
    assert [r.activation_elements for r in result.layers] == [4, 0, 0, 0]
    assert nincost.profile(net, input="4", mode="train").layers[-1].activation_elements == 4


def test_a_batch_multiplies_work_and_activations_but_not_parameters() -> None:
    one, many = nincost.profile("two-1x1").totals, nincost.profile("two-1x1", batch_size=128).totals
    assert many.params == one.params
    assert many.macs == 128 * one.macs
    assert many.activation_bytes == 128 * one.activation_bytes
    assert many.elementwise_flops == 128 * one.elementwise_flops


def test_activations_of_two_1x1_by_hand() -> None:
    """Each convolution, each ReLU (not in place), the pools, and the global pool make a tensor."""
    spatial = 6 * (96 * 54**2 + 256 * 26**2 + 384 * 12**2 + 10 * 5**2)
    pools = 96 * 26**2 + 256 * 12**2 + 384 * 5**2
    totals = nincost.profile("two-1x1").totals
    assert totals.activation_elements == spatial + pools + 10
    assert totals.activation_bytes == 4 * totals.activation_elements


def test_a_class_with_its_own_call_is_followed() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def __call__(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
            return super().__call__(x @ torch.zeros(4, 4, device=x.device)) + 1

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(x)

    for net in (Net(), nn.Sequential(Net())):
        result = nincost.profile(net, input="4")
        assert result.totals.macs == 32
        assert_adds_up(result)


def test_forward_called_directly_is_counted() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc.forward(x)

    result = nincost.profile(Net(), input="4")
    assert (result.totals.macs, result.totals.params) == (16, 20)
    assert result.never_called == ("fc",)
    assert_adds_up(result)


@torch.library.custom_op("nincost_tests::mystery", mutates_args=())
def mystery(x: torch.Tensor) -> torch.Tensor:
    return x * 2


@mystery.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x)


class Uncounted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.leaf = Mystery()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = mystery(self.leaf(self.fc(x)))
        return x + torch.linalg.matrix_exp(x @ x.mT if x.dim() > 2 else torch.outer(x[0], x[0]))


class Mystery(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return mystery(mystery(x))


def test_an_operator_without_a_formula_is_named_where_it_ran() -> None:
    result = nincost.profile(Uncounted(), input="4")
    found = {item.operator: (item.calls, item.layers) for item in result.uncounted}
    assert found["nincost_tests.mystery"] == (3, ("leaf", "Uncounted"))
    assert "aten.linalg_matrix_exp" in found
    rows = [r.layer for r in result.layers if r.type == "uncounted"]
    assert rows == [
        "leaf [nincost_tests.mystery]", "Uncounted [nincost_tests.mystery]",
        "Uncounted [aten.linalg_matrix_exp]",
    ]  # fmt: skip
    assert_adds_up(result)
    with pytest.raises(UncountedError, match=r"nincost_tests\.mystery"):
        nincost.profile(Uncounted(), input="4", strict=True)
    assert nincost.profile("two-1x1", strict=True).uncounted == ()


def encoder(tokens: int, width: int) -> int:
    """MACs of a pre-norm transformer block with an MLP four times as wide."""
    return 12 * tokens * width * width + 2 * tokens * tokens * width


def pit_xs_224() -> int:
    """Patches of 16 at stride 8 (27 x 27), three stages of widths 96, 192, 384; pooled between."""
    macs = 27 * 27 * 3 * 16 * 16 * 96
    macs += 2 * encoder(27 * 27 + 1, 96) + 6 * encoder(14 * 14 + 1, 192)
    macs += 4 * encoder(7 * 7 + 1, 384)
    macs += 192 * 14 * 14 * 9 + 96 * 192 + 384 * 7 * 7 * 9 + 192 * 384  # depthwise; class token's
    return macs + 384 * 1000


def cait_xxs24_384() -> int:
    """24 x 24 patches of 16, width 192, 4 talking heads; then two blocks of class attention."""
    n, d = 24 * 24, 192
    macs = n * 3 * 16 * 16 * d
    macs += 24 * (encoder(n, d) + 2 * n * n * 4 * 4)  # heads are mixed before and after softmax
    one_class = 2 * d * d + 2 * (n + 1) * d * d + 2 * (n + 1) * d + 8 * d * d
    return macs + 2 * one_class + d * 1000


def convmixer_768_32() -> int:
    """Patches of 7 (32 x 32 places), 32 x (depthwise 7x7, pointwise), and the head.

    timm's published 19.55 G leaves the depthwise layers out.
    """
    return 32 * 32 * (768 * 3 * 49 + 32 * (768 * 49 + 768 * 768)) + 768 * 1000


@pytest.mark.parametrize(
    ("model", "megaparams"),  # as timm's results-imagenet.csv has them
    [(pit_xs_224, 10.62), (cait_xxs24_384, 12.03), (convmixer_768_32, 21.11)],
)
def test_timm_models_that_other_tools_get_wrong(model: Any, megaparams: float) -> None:
    pytest.importorskip("timm")
    name = f"timm:{model.__name__}"
    totals = nincost.profile(name).totals
    assert totals.macs == model()
    assert round(totals.params / 1e6, 2) == megaparams
    check = nincost.check(name, other_tools=False)
    assert check.ok
    assert check.totals.hand_macs == totals.macs
