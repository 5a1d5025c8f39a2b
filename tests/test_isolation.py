"""Nothing changes: model, hooks, random states and torch's settings, also after an error."""

from __future__ import annotations

import os
import random
import threading
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import nincost


class Restless(nn.Module):
    """Does in its forward all that a profiler could fail to undo."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.register_buffer("calls", torch.zeros(()))
        self.cache: dict[str, Any] = {"lock": threading.Lock(), "n": 0, "list": [1, [2]]}
        self.plain = torch.zeros(3)
        self.fail = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1  # type: ignore[assignment]
        self.plain += 1
        self.cache["n"] += 1
        self.cache["list"][1].append(3)
        self.new_attribute = 5
        random.random()
        np.random.rand()
        torch.rand(3)
        torch.manual_seed(1)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(True)
        self.conv.weight.requires_grad_(False)
        self.eval()
        x = self.drop(self.norm(self.conv(x)))
        if self.fail:
            raise RuntimeError("on purpose")
        return self.frozen(x.mean((2, 3)).to(self.frozen.weight.dtype))


def mixed_modes(net: Restless) -> Restless:
    net.train()
    net.norm.eval()
    return net


def state(net: nn.Module) -> dict[str, Any]:
    """All that one can ask of a module, as bytes, identities and keys."""
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    return {
        "bytes": {k: t.detach().numpy().tobytes() for k, t in tensors.items()},
        "identity": {k: (id(t), t.data_ptr(), t.device, t.dtype) for k, t in tensors.items()},
        "requires_grad": {k: t.requires_grad for k, t in tensors.items()},
        "grad": {k: None if t.grad is None else t.grad.clone() for k, t in tensors.items()},
        "versions": {k: t._version for k, t in tensors.items()},
        "training": {k: m.training for k, m in net.named_modules()},
        "keys": {k: sorted(m.__dict__) for k, m in net.named_modules()},
        "classes": {k: type(m) for k, m in net.named_modules()},
        "hooks": {
            k: {name: dict(v) for name, v in m.__dict__.items() if name.endswith("hooks")}
            for k, m in net.named_modules()
        },
    }


def world() -> dict[str, Any]:
    return {
        "torch": torch.get_rng_state().tolist(),
        "python": random.getstate(),
        "numpy": np.random.get_state()[1].tolist(),
        "numpy position": np.random.get_state()[2],
        "dtype": torch.get_default_dtype(),
        "grad": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
        "device": torch.get_default_device(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }


@pytest.mark.parametrize("fail", [False, True], ids=["runs", "raises"])
@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("command", [nincost.profile, nincost.check], ids=["profile", "check"])
def test_model_and_world_are_as_before(command: Any, mode: str, fail: bool) -> None:
    net = mixed_modes(Restless())
    net.fail = fail
    seen: list[str] = []
    net.conv.register_forward_hook(lambda *_: seen.append("hook"))
    net.conv.weight.grad = torch.ones_like(net.conv.weight)
    cache = net.cache
    before, around = state(net), world()
    if fail:
        with pytest.raises(nincost.NincostError, match="on purpose"):
            command(net, input="1x8x8", mode=mode)
    else:
        command(net, input="1x8x8", mode=mode)
    after = state(net)
    grads = before.pop("grad"), after.pop("grad")
    assert after == before
    assert grads[0].keys() == grads[1].keys()
    for name, grad in grads[0].items():
        assert (grad is None) == (grads[1][name] is None)
        assert grad is None or torch.equal(grad, grads[1][name])
    assert net.cache is cache
    assert (cache["n"], cache["list"]) == (0, [1, [2]])
    assert net.plain.tolist() == [0, 0, 0]
    assert world() == around


@pytest.mark.parametrize("grad", [True, False])
def test_the_callers_own_settings_stay(grad: bool) -> None:
    with torch.set_grad_enabled(grad):
        nincost.profile("two-1x1")
        assert torch.is_grad_enabled() is grad
    torch.set_default_dtype(torch.float64)
    try:
        assert nincost.profile("two-1x1").totals.param_bytes == 8 * 1_992_166
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.device("meta"):
        assert nincost.profile("two-1x1").totals.params == 1_992_166
        assert torch.get_default_device() == torch.device("meta")
    with torch.inference_mode():
        assert nincost.profile("two-1x1").totals.params == 1_992_166


def test_a_users_hooks_run_in_the_copy_and_are_counted_where_they_stand() -> None:
    net = nn.Sequential(nn.Linear(4, 4))
    seen: list[nn.Module] = []

    def hook(module: nn.Module, args: Any, output: torch.Tensor) -> torch.Tensor:
        seen.append(module)
        return output @ torch.zeros(4, 4, device=output.device)

    handle = net[0].register_forward_hook(hook)
    result = nincost.profile(net, input="4")
    assert result.totals.macs == 16 + 16
    assert len(seen) == 1
    assert seen[0] is not net[0]
    handle.remove()
    assert not net[0]._forward_hooks


def test_profiling_a_model_twice_gives_the_same() -> None:
    net = Restless()
    first, second = (nincost.profile(net, input="1x8x8").to_dict() for _ in range(2))
    assert first == second


def test_the_factory_of_a_users_module_may_keep_it(tmp_path: Any) -> None:
    file = tmp_path / "keeps.py"
    file.write_text("from torch import nn\nNET = nn.Linear(3, 3).train()\ndef net(): return NET\n")
    import sys

    nincost.profile(f"{file}:net", input="3")
    kept = sys.modules["nincost_user_keeps"].NET
    assert kept.training
    assert "_call_impl" not in kept.__dict__


def test_a_folder_that_is_gone_keeps_nothing_else_from_being_put_back(tmp_path, monkeypatch):
    before, home = warnings.filters[:], tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)

    class Leaves(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            os.chdir(tmp_path)
            home.rmdir()
            warnings.simplefilter("error", UserWarning)
            return super().forward(x)

    nincost.profile(Leaves(2, 2), input="2")
    assert warnings.filters == before
