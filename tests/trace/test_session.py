"""One session for profile and memory: the CPU where values are needed, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import nincost
from nincost._trace import session
from nincost.errors import InputError, ModelError, NincostError


def profile(model: Any, **options: Any) -> Any:
    return nincost.profile(model, **options)


def memory(model: Any, **options: Any) -> Any:
    return nincost.memory(model, measure=False, **options)


BOTH = pytest.mark.parametrize("command", [profile, memory])
Command = Callable[..., Any]


class Looks(nn.Linear):
    """Looks at all values; its weights take 4 * (4 * 4 + 4) bytes."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * int(x.detach().numpy().size > 0)


class Refuses(nn.Linear):
    """Fails on meta for a reason that torch does not give."""

    def forward(self, x: Tensor) -> Tensor:
        if x.is_meta:
            raise RuntimeError("no such kind of tensor")
        return super().forward(x)


@BOTH
def test_a_model_without_a_known_input(command: Command) -> None:
    with pytest.raises(InputError, match=r"Looks does not say what input it takes: give --input"):
        command(Looks(4, 4))


@BOTH
def test_more_weights_than_are_run_on_the_cpu_are_refused(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "LARGEST_ON_CPU", 79)
    with pytest.raises(InputError, match=r"looks at values .* nor on the CPU, as its weights of"):
        command(Looks(4, 4), input="4", on_cpu=True)
    monkeypatch.setattr(session, "LARGEST_ON_CPU", 80)
    command(Looks(4, 4), input="4", on_cpu=True)


def test_the_limit_counts_the_weights_as_they_come() -> None:
    """Before a cast to a narrower type: they are copied first."""
    with torch.device("meta"):
        half_the_limit = nn.Linear(2**14, 2**15 + 1, bias=False)  # above 2 GiB in float32
    half_the_limit.forward = lambda x: x.numpy()  # type: ignore[method-assign]
    with pytest.raises(NincostError, match="nor on the CPU, as its weights"):
        memory(half_the_limit.double(), input=f"{2**14}", dtype="float32", loss="sum", on_cpu=True)


def test_a_failure_of_unknown_cause_is_tried_with_values_for_a_profile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert profile(Refuses(4, 4), input="4", on_cpu=True).device == "cpu"
    with pytest.raises(NincostError, match="no such kind of tensor"):
        memory(Refuses(4, 4), input="4")
    monkeypatch.setattr(session, "LARGEST_ON_CPU", 79)
    with pytest.raises(NincostError, match="no such kind of tensor"):
        profile(Refuses(4, 4), input="4", on_cpu=True)


class LazyLooks(nn.Module):
    """Its layers have no shapes until it has run, which it cannot on meta."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LazyBatchNorm1d(momentum=None)  # looks at its own count
        self.layer = nn.LazyLinear(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.norm(x))


@BOTH
def test_a_lazy_model_that_needs_values(command: Command) -> None:
    options = {"on_cpu": True, **({"mode": "train"} if command is profile else {})}
    result = command(LazyLooks(), input="5", batch_size=4, **options)
    assert any("ran on the CPU" in note for note in result.notes)
    if command is profile:
        assert result.totals.params == 2 * 5 + 5 * 3 + 3


class OwnCall(nn.Linear):
    """Does its work in `__call__`, which modules mostly leave alone."""

    def __call__(self, x: Tensor) -> Tensor:
        return self.forward(x) * 2


@BOTH
def test_work_in_a_models_own_call_is_its_own(command: Command) -> None:
    result = command(OwnCall(4, 4), input="4", batch_size=1000)
    if command is profile:
        assert [row.layer for row in result.layers] == ["OwnCall"] * len(result.layers)
    else:
        activations = {layer.layer: layer.categories["activations"] for layer in result.layers}
        assert activations["OwnCall"] >= 1000 * 4 * 4
        assert not activations.get("[forward]")  # what is there is cuBLAS's workspace


class OtherThread(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self.layer, x).result()


@BOTH
def test_a_layer_in_a_thread_of_its_own_is_refused(command: Command) -> None:
    with pytest.raises(ModelError, match=r"runs layer 'layer' in a thread of its own"):
        command(OtherThread(), input="4")
