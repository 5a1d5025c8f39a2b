"""Models that are no plain modules: graphs, programs, transforms, operators with functions."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import nincost


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8 * 36, 4)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.fc(self.norm(self.conv(x)).relu().flatten(1))
        return found


IMAGE = torch.rand(2, 3, 8, 8)


def symbolic() -> nn.Module:
    return torch.fx.symbolic_trace(Net())


def made() -> nn.Module:
    from torch.fx.experimental.proxy_tensor import make_fx

    return make_fx(Net())(IMAGE)


def exported() -> nn.Module:
    return torch.export.export(Net(), (IMAGE,)).module()


@pytest.mark.parametrize("make", [symbolic, made, exported])
def test_a_graph_costs_what_its_module_does(make: Callable[[], nn.Module]) -> None:
    graph = make()
    before = {name: value.clone() for name, value in graph.state_dict().items()}
    expected, found = (
        nincost.profile(m, input="3x8x8", batch_size=2).totals for m in (Net(), graph)
    )
    assert (found.params, found.macs) == (expected.params, expected.macs)
    memory, plain = (
        nincost.memory(m, input="3x8x8", batch_size=2, gpu="h100", measure=False).totals
        for m in (graph, Net())
    )
    name = "parameters"
    assert memory.categories_at_peak[name] == plain.categories_at_peak[name]
    assert nincost.check(graph, input="3x8x8", batch_size=2).ok
    assert all(torch.equal(before[name], value) for name, value in graph.state_dict().items())


def test_a_fused_graph() -> None:
    from torch.fx.experimental.optimization import fuse

    totals = nincost.profile(fuse(Net().eval()), input="3x8x8").totals
    assert totals.params == 8 * 27 + 8 + 288 * 4 + 4  # the norm's are in the convolution's


class Mapped(nn.Module):
    """Its layers are called for one row each, by a transform."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return torch.vmap(lambda row: self.act(self.fc(row)))(x)


class Unmapped(Mapped):
    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.act(self.fc(x))
        return found


def test_a_layer_under_vmap_has_the_mapped_dimension() -> None:
    """24 activation values were counted where there are 1,536, and check called it wrong."""
    expected = nincost.profile(Unmapped(), input="64x3", batch_size=6)
    found = nincost.profile(Mapped(), input="64x3", batch_size=6)
    assert found.totals.activation_elements == expected.totals.activation_elements
    assert found.totals.macs == expected.totals.macs
    assert found.layers[0].output_shape == (6, 64, 4)
    assert nincost.check(Mapped(), input="64x3", batch_size=6).ok


class Gradients(Mapped):
    """A gradient for each row."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.vmap(torch.func.grad(lambda row: self.fc(row).sum()))(x)


def test_a_layer_under_two_transforms() -> None:
    totals = nincost.profile(Gradients(), input="3", batch_size=5).totals
    assert totals.macs == 5 * (3 * 4 + 4 * 3)


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.small, self.large = nn.Linear(3, 4), nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Any:
        return torch.cond(x.shape[0] > 1, self.large, self.small, (x,))


class BranchesByValue(Branches):
    def forward(self, x: Tensor) -> Any:
        return torch.cond(x.sum() > 1, self.large, self.small, (x,))


class Loops(Branches):
    def forward(self, x: Tensor) -> Any:
        from torch._higher_order_ops.while_loop import while_loop

        def step(i: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            return i + 1, self.large(y)[:, :3].clone()

        return while_loop(lambda i, y: i < 5, step, (torch.tensor(0), x))[1]


class Maps(Branches):
    def forward(self, x: Tensor) -> Any:
        from torch._higher_order_ops.map import map as each

        return each(self.large, x)


@pytest.mark.parametrize(
    ("model", "macs"), [(Branches, 12), (BranchesByValue, 12), (Loops, 60), (Maps, 12)]
)
def test_operators_that_take_functions(model: type[nn.Module], macs: int) -> None:
    before = os.environ.get("TORCHDYNAMO_DISABLE")
    assert nincost.profile(model(), input="3", batch_size=2).totals.macs == 2 * macs
    result = nincost.memory(model(), input="3", batch_size=2, gpu="h100", loss="sum", measure=False)
    assert result.totals.peak_allocated_bytes > 0
    assert os.environ.get("TORCHDYNAMO_DISABLE") == before


class Jagged(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        rows = torch.nested.nested_tensor([x[0, :2], x[0, :3]], layout=torch.jagged)
        found: Tensor = self.fc(rows).values()
        return found


def test_jagged_tensors_cost_what_their_rows_do() -> None:
    result = nincost.profile(Jagged(), input="5x3")
    assert result.totals.macs == 5 * 3 * 4
    assert next(layer for layer in result.layers if layer.layer == "fc").output_shape == (5, 4)


class Slotted(nn.Module):
    __slots__ = ("scale",)

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)
        self.scale = [2.0]

    def forward(self, x: Tensor) -> Tensor:
        self.scale[0] += 1
        found: Tensor = self.fc(x) * self.scale[0]
        return found


def test_values_in_slots_are_copied() -> None:
    model = Slotted()
    assert nincost.profile(model, input="3").totals.macs == 12
    assert model.scale == [2.0]


class Sparse(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        weight = torch.eye(8).to_sparse_csr()
        self.register_buffer("weight", weight)

    def forward(self, x: Tensor) -> Any:
        return self.weight @ x[0]


def test_sparse_weights_are_named() -> None:
    result = nincost.profile(Sparse(), input="8x16")
    assert result.notes == ("sparse weights are counted as plain tensors of their shape: weight",)
    assert result.totals.macs == 8 * 8 * 16


class Halves(Tensor):
    """Two tensors that are one, as DTensor and quantized weights are made."""

    @staticmethod
    def __new__(cls, left: Tensor, right: Tensor) -> Any:
        shape = (left.shape[0] + right.shape[0], *left.shape[1:])
        return torch.Tensor._make_wrapper_subclass(cls, shape, dtype=left.dtype)  # type: ignore[attr-defined]

    def __init__(self, left: Tensor, right: Tensor) -> None:
        self.parts = (left, right)

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func is torch.ops.aten.detach.default:
            return cls(*args[0].parts)
        whole = [torch.cat(arg.parts) if isinstance(arg, cls) else arg for arg in args]
        return func(*whole, **(kwargs or {}))


class MakesHalves(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        weight: Any = Halves(torch.ones(2, 3, device=x.device), torch.ones(2, 3, device=x.device))
        return torch.ops.aten.mm(x, torch.ops.aten.t(weight))


def test_what_a_tensor_of_tensors_runs_is_counted() -> None:
    assert nincost.profile(MakesHalves(), input="3", batch_size=5).totals.macs == 5 * 3 * 4


def test_weights_that_are_tensors_of_tensors_are_named() -> None:
    model = nn.Linear(3, 4, bias=False)
    model.weight = nn.Parameter(Halves(torch.ones(2, 3), torch.ones(2, 3)))
    result = nincost.profile(model, input="3")
    assert result.notes == ("Halves weights are counted as plain tensors of their shape: weight",)
    assert (result.totals.params, result.totals.macs) == (12, 12)


class Flex(nn.Module):
    def __init__(self, attention: Callable[..., Any] | None = None) -> None:
        super().__init__()
        self.project = nn.Linear(64, 3 * 64)
        self.attention = attention

    def forward(self, x: Tensor) -> Any:
        from torch.nn.attention.flex_attention import flex_attention

        parts = self.project(x).view(*x.shape[:2], 3, 4, 16).permute(2, 0, 3, 1, 4)
        return (self.attention or flex_attention)(*parts)


def test_flex_attention_runs_written_out_and_says_so() -> None:
    """The figures are those of PyTorch's CUDA code, emulated, with TORCHDYNAMO_DISABLE=1."""
    from torch.nn.attention import flex_attention

    check = flex_attention._validate_device  # type: ignore[attr-defined]
    compiled = torch.compile(flex_attention.flex_attention)
    for model in (Flex(), Flex(compiled)):
        result = nincost.profile(model, input="128x64", batch_size=2)
        assert result.totals.macs == 2 * 128 * 64 * 192 + 2 * (2 * 4) * 128 * 128 * 16
        assert "attention is not compiled" in result.notes[0]
        memory = nincost.memory(
            model, input="128x64", batch_size=2, gpu="h100", loss="sum", measure=False
        )
        assert memory.totals.peak_allocated_bytes == pytest.approx(71_578_624, rel=1e-4)
        assert memory.totals.peak_reserved_bytes == 73_400_320
        assert "attention is not compiled" in memory.notes[0]
    assert flex_attention._validate_device is check  # type: ignore[attr-defined]
