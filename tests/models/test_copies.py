"""Private copies on meta: same structure, nothing shared that a run could change."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import pytest
import torch
from torch import nn

import nincost
from nincost._models.copies import copy_structure, copy_with_weights, copy_with_zeros


def layout(net: nn.Module) -> dict[str, Any]:
    return {
        name: (t.shape, t.stride(), t.dtype, t.requires_grad, type(t))
        for name, t in [*net.named_parameters(), *net.named_buffers()]
    }


NETS = {
    "sequential": lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU()),
    "channels last": lambda: nn.Conv2d(4, 4, 3).to(memory_format=torch.channels_last),
    "encoder": lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), 2),
    "lstm": lambda: nn.LSTM(3, 4, 2),
    "half": lambda: nn.Linear(3, 4).half(),
    "dicts": lambda: nn.ModuleDict({"a": nn.ModuleList([nn.Linear(2, 2)])}),
    "parameters": lambda: nn.ParameterList([torch.zeros(2)]),
}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("copy", [copy_structure, copy_with_weights, copy_with_zeros])
def test_a_copy_has_the_same_layout_and_nothing_in_common(name: str, copy: Any) -> None:
    net = NETS[name]()
    copied = copy(net)
    if copy is copy_structure or name != "channels last":
        assert layout(copied) == layout(net)
    assert repr(copied) == repr(net)
    assert not {id(m) for m in net.modules()} & {id(m) for m in copied.modules()}
    assert not {id(p) for p in net.parameters()} & {id(p) for p in copied.parameters()}
    assert all(p.is_meta == (copy is copy_structure) for p in copied.parameters())


def test_weights_are_copied_only_where_they_are_asked_for() -> None:
    net = nn.Linear(3, 3)
    assert torch.equal(copy_with_weights(net).weight, net.weight)
    assert copy_with_weights(net).weight.data_ptr() != net.weight.data_ptr()
    assert not copy_with_zeros(net).weight.any()
    drawn = copy_with_weights(nn.Linear(3, 3, device="meta")).weight
    assert drawn.std() > 0
    assert torch.equal(drawn, copy_with_weights(nn.Linear(3, 3, device="meta")).weight)


def test_tied_weights_and_shared_modules_stay_so() -> None:
    net = nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.Linear(3, 3)})
    net["b"].weight = net["a"].weight
    net["c"] = net["a"]
    copied = copy_structure(net)
    assert copied["b"].weight is copied["a"].weight
    assert copied["c"] is copied["a"]


class Hostile(nn.Module):
    """Holds what refuses to be copied, and methods bound to itself."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.lock = threading.Lock()
        self.file = open("/dev/null")  # noqa: SIM115
        self.generator = torch.Generator()
        self.steps = (i for i in range(3))
        self.function = self.double
        self.method = self.fc.forward
        self.table = {"fc": self.fc, "lock": self.lock, "me": self}
        self.event = threading.Event()
        self.lambda_ = lambda x: x + 1

    def double(self, x: torch.Tensor) -> torch.Tensor:
        assert not hasattr(self, "seen") or self.seen
        self.seen = True
        return self.fc(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with self.lock:
            return self.lambda_(self.function(x) + self.method(x) + self.table["fc"](x))


def test_attributes_that_refuse_to_be_copied() -> None:
    net = Hostile()
    result = nincost.profile(net, input="4")
    assert result.totals.macs == 3 * 16
    assert result.totals.params == 20
    assert not hasattr(net, "seen")  # the bound method ran on the copy
    copied = copy_structure(net)
    assert copied.function.__self__ is copied
    assert copied.table["me"] is copied
    assert copied.table["fc"] is copied.fc
    net.file.close()
    copied.file.close()


def test_the_copy_is_freed_at_once() -> None:
    seen: list[weakref.ref[nn.Module]] = []

    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(weakref.ref(self))
            return x

    nincost.profile(Net(), input="4")
    gc.collect()
    assert [ref() for ref in seen] == [None]


def test_a_compiled_part_runs_uncompiled() -> None:
    inner = nn.Linear(3, 4)
    inner.compile(backend="eager")
    result = nincost.profile(nn.Sequential(inner, nn.ReLU()), input="3")
    assert result.totals.macs == 12
