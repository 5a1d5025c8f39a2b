"""The driver's steps are those of a training script, and every observer sees them in its order."""

from __future__ import annotations

import contextlib
import gc
import weakref
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nincost._devices.target import Target
from nincost._memory.record import record
from nincost._models.build import Model
from nincost._models.inputs import ModelInput
from nincost._step.library_calls import RecordedCalls, ScriptCalls
from nincost._step.run_steps import run_steps
from nincost._step.step_options import Step
from nincost._trace.recording import Mark, Phase

CPU = torch.device("cpu")


class Log:
    """An observer that writes down what it sees."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def operators(self) -> contextlib.AbstractContextManager[Any]:
        return contextlib.nullcontext()

    def optimizer_made(self, state: Iterable[Tensor]) -> None:
        self.seen.append(f"optimizer {len(list(state))}")

    def step_begins(self, number: int) -> None:
        self.seen.append(f"step {number}")

    def phase_begins(self, phase: Phase, number: int) -> None:
        self.seen.append(phase)

    def target_made(self, target: Tensor) -> None:
        self.seen.append(f"target {tuple(target.shape)}")

    def forward_ended(self) -> None:
        self.seen.append("forward ended")

    def backward_ended(self, gradients: Iterable[Tensor]) -> None:
        self.seen.append(f"gradients {len(list(gradients))}")

    def optimizer_stepped(self, state: Iterable[Tensor]) -> None:
        self.seen.append(f"state {len(list(state))}")

    def steps_ended(self) -> None:
        self.seen.append("ended")


def run(module: nn.Module, observer: Any = None, calls: Any = None, **options: Any) -> list[str]:
    log = observer or Log()
    step = Step(Model("net", module), **{"steps": 1, **options})
    inputs = ModelInput((torch.ones(2, 4),), {}, ("2x4",), 2)
    run_steps(step, module, inputs, log, calls or ScriptCalls(CPU))
    return getattr(log, "seen", [])


FORWARD = ["forward", "loss", "forward ended"]

ORDERS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "plain": (
        {},
        ["optimizer 0", "step 1", "forward", "target (2,)", "loss", "forward ended", "zero_grad",
         "backward", "gradients 2", "step", "state 0", "end", "ended"],
    ),
    "momentum, two steps": (
        {"optimizer_arg": {"momentum": 0.9}, "steps": 2, "loss": "sum"},
        ["optimizer 0",
         "step 1", *FORWARD, "zero_grad", "backward", "gradients 2", "step", "state 2", "end",
         "step 2", *FORWARD, "zero_grad", "backward", "gradients 2", "step", "state 2", "end",
         "ended"],
    ),
    "gradients zeroed first": (
        {"zero_grad_before_forward": True, "loss": "sum"},
        ["optimizer 0", "step 1", "zero_grad", *FORWARD, "backward", "gradients 2", "step",
         "state 0", "end", "ended"],
    ),
    "accumulated": (
        {"grad_accumulation": 2, "loss": "sum"},
        ["optimizer 0", "step 1", *FORWARD, "zero_grad", "backward", "gradients 2", *FORWARD,
         "backward", "gradients 2", "step", "state 0", "end", "ended"],
    ),
    "state from the constructor": (
        {"optimizer": "Adagrad", "loss": "sum"},
        ["optimizer 4", "step 1", *FORWARD, "zero_grad", "backward", "gradients 2", "step",
         "state 4", "end", "ended"],
    ),
    "a gradient scaler's two tensors": (
        {"grad_scaler": True, "clip_grad_norm": 1.0, "loss": "sum"},
        ["optimizer 0", "step 1", *FORWARD, "zero_grad", "backward", "gradients 2", "step",
         "state 2", "end", "ended"],
    ),
    "inference": (
        {"inference": True, "steps": 2},
        ["step 1", "forward", "forward ended", "end", "step 2", "forward", "forward ended", "end",
         "ended"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ORDERS)
def test_the_order_of_a_step(name: str) -> None:
    options, expected = ORDERS[name]
    assert run(nn.Linear(4, 3), **options) == expected
    recorded = RecordedCalls(Target("cpu"), on_meta=False)
    assert run(nn.Linear(4, 3), calls=recorded, **options) == expected


@pytest.mark.parametrize("name", ORDERS)
def test_a_recording_has_the_phases_in_this_order(name: str) -> None:
    options, expected = ORDERS[name]
    if options.get("inference"):
        expected = ["forward", "end"]  # once: each is like the first
    step = Step(Model("net", nn.Linear(4, 3)), input="4", batch_size=2, **{"steps": 1, **options})
    marks = [entry.phase for entry in record(step, Target()).entries if isinstance(entry, Mark)]
    phases = {"forward", "loss", "zero_grad", "backward", "step", "end"}
    assert marks == ["model", "input", *(word for word in expected if word in phases)]


def test_what_does_not_train_is_only_run_forward() -> None:
    frozen = nn.Linear(4, 3).requires_grad_(False)
    assert run(frozen, loss="sum") == [
        "optimizer 0", "step 1", *FORWARD, "backward", "gradients 0", "end", "ended",
    ]  # fmt: skip


def by_hand(module: nn.Module) -> None:
    """Two steps of the loop that a person writes."""
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    for _ in range(2):
        optimizer.zero_grad()
        for _ in range(2):
            loss = module(torch.ones(2, 4)).sum()
            loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 0.5)
        optimizer.step()


@pytest.mark.parametrize("recorded", [False, True])
def test_the_weights_are_those_of_a_loop_by_hand(recorded: bool) -> None:
    torch.manual_seed(0)
    mine, theirs = nn.Linear(4, 3), nn.Linear(4, 3)
    theirs.load_state_dict(mine.state_dict())
    calls = RecordedCalls(Target("cpu"), on_meta=False) if recorded else ScriptCalls(CPU)
    run(
        mine, calls=calls, loss="sum", grad_accumulation=2, clip_grad_norm=0.5, steps=2,
        optimizer_arg={"lr": 0.1, "momentum": 0.9},
    )  # fmt: skip
    by_hand(theirs)
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


class Outputs(nn.Linear):
    """Keeps a weak reference to each output."""

    def __init__(self) -> None:
        super().__init__(4, 3)
        self.made: list[weakref.ref[Tensor]] = []

    def forward(self, x: Tensor) -> Tensor:
        result = super().forward(x)
        self.made.append(weakref.ref(result))
        return result


@pytest.mark.parametrize("hold_output", [False, True])
def test_an_output_lives_until_its_step_ends_or_the_next_one_is_made(hold_output: bool) -> None:
    module = Outputs()

    class Alive(Log):
        def step_begins(self, number: int) -> None:
            self.alive = [made() is not None for made in module.made]

        def phase_begins(self, phase: Phase, number: int) -> None:
            if phase == "end":
                assert module.made[-1]() is not None
                assert number < 2 or module.made[-2]() is None

    alive = Alive()
    gc.disable()
    try:
        run(module, alive, hold_output=hold_output, steps=2)
    finally:
        gc.enable()
    assert alive.alive == [hold_output]
