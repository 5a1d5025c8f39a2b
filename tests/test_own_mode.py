"""Every public function gives the same whatever mode it is called in."""

from __future__ import annotations

import contextlib
import functools
import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

import nincost
from nincost._result import Result


def small() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 4)
    )


MODULE = small()
STEP: dict[str, Any] = {"input": "3x8x8", "batch_size": 4, "gpu": "rtx3060"}
EXAMPLE = torch.rand(4, 3, 8, 8)

#: A call of each function that runs a model, by name.
CALLS: dict[str, Callable[[], Result]] = {
    "profile": lambda: nincost.profile("fc-head"),
    "profile-module": lambda: nincost.profile(MODULE, input="3x8x8"),
    "memory": lambda: nincost.memory("fc-head", gpu="rtx3060", measure=False),
    "memory-module": lambda: nincost.memory(MODULE, **STEP, measure=False),
    "memory-example": lambda: nincost.memory(
        MODULE, input=EXAMPLE, gpu="rtx3060", measure=False, optimizer="Adam"
    ),
    "fit": lambda: nincost.fit(MODULE, input="3x8x8", gpu="450MiB"),
    "compare": lambda: nincost.compare(MODULE, "fc-head", inputs=["3x8x8", None], gpu="rtx3060"),
    "check": lambda: nincost.check(MODULE, input="3x8x8"),
    "explain": lambda: nincost.explain(MODULE, input="3x8x8"),
    "report": lambda: nincost.report(MODULE, **STEP),
    "audit": lambda: nincost.audit("params: 11712", "two-1x1"),
    "variants": nincost.variants,
}


class Refusing(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A mode in which no operator runs."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(func)


@contextlib.contextmanager
def default_device(name: str) -> Iterator[None]:
    torch.set_default_device(name)
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextlib.contextmanager
def errors_of_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


CONTEXTS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "inference_mode": torch.inference_mode,
    "no_grad": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "autocast-cuda": lambda: torch.autocast("cuda", dtype=torch.float16, cache_enabled=False),
    "device-meta": lambda: torch.device("meta"),
    "default-device": lambda: default_device("meta"),
    "anomaly": torch.autograd.detect_anomaly,
    "single-thread": lambda: torch.autograd.set_multithreading_enabled(False),
    "save_on_cpu": torch.autograd.graph.save_on_cpu,
    "no-hooks": lambda: torch.autograd.graph.disable_saved_tensors_hooks("none here"),
    "flop-counter": lambda: FlopCounterMode(display=False),
    "dispatch-mode": Refusing,
    "warnings": errors_of_warnings,
}


@functools.cache
def outside(name: str) -> dict[str, Any]:
    return plain(name)


def plain(name: str) -> dict[str, Any]:
    """A call's result without its date."""
    result: dict[str, Any] = json.loads(CALLS[name]().to_json())
    result.pop("created", None)
    return result


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_step_is_the_same_in_any_mode(context: str) -> None:
    names = ("profile", "profile-module", "memory", "memory-module", "memory-example")
    expected = [outside(name) for name in names]
    with CONTEXTS[context]():
        given = [plain(name) for name in names]
    assert given == expected


@pytest.mark.parametrize("name", CALLS)
def test_each_function_is_the_same_in_all_modes_at_once(name: str) -> None:
    expected = outside(name)
    with contextlib.ExitStack() as stack:
        for context, enter in CONTEXTS.items():
            if context != "no-hooks":  # which forbids save_on_cpu
                stack.enter_context(enter())
        assert plain(name) == expected
        assert torch.is_inference_mode_enabled()
        assert torch.is_autocast_enabled("cpu")
        with pytest.raises(AssertionError, match="empty"):
            torch.empty(1)
    assert not torch.is_inference_mode_enabled()


def test_a_call_inside_a_transform_is_the_same() -> None:
    expected, given = outside("memory-module"), []

    def square(x: torch.Tensor) -> torch.Tensor:
        given.append(plain("memory-module"))
        return x * x

    assert float(torch.func.grad(square)(torch.tensor(3.0))) == 6.0
    assert torch.vmap(square)(torch.arange(3)).tolist() == [0, 1, 4]
    assert given == [expected, expected]


def test_a_module_that_was_built_in_inference_mode_is_trained() -> None:
    with torch.inference_mode():
        result = nincost.memory(small(), **STEP, measure=False)
    assert result.to_json() == CALLS["memory-module"]().to_json()


def test_each_function_of_the_interface_has_a_mode_of_its_own() -> None:
    functions = {name for name in nincost.__all__ if name[0].islower()}
    without = {name for name in functions if not hasattr(getattr(nincost, name), "__wrapped__")}
    assert without == {"run", "sweep"}  # what they run, runs in processes of its own
