"""A recording leaves no trace, and tells a user's mistakes in words."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections import Counter

import pytest
import torch
from torch import nn

import nincost
from nincost._allocator import ExactAllocator
from nincost._devices.target import Target
from nincost._memory.device_allocations import Alloc, device_allocations
from nincost._memory.record import record
from nincost._memory.replay import Simulation, layer_name, simulate
from nincost._models.build import Model
from nincost._models.sources import resolve
from nincost._step.step_options import Step
from nincost._trace.recording import Made, Recording
from nincost.errors import InputError, NincostError

CUDA = Target("cuda")


class Fails(nn.Module):
    """Runs its layers, then raises."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise ValueError(f"no {self.net(x).shape[0]}")


def simulation(step: Step, target: Target = CUDA) -> Simulation:
    """The recorded steps, with no block rounded."""
    return simulate(
        device_allocations(record(step, target), target), ExactAllocator(), repeat=False
    )


def peak(step: Step) -> int:
    return simulation(step).peak


@pytest.mark.parametrize("fails", [False, True])
def test_a_users_model_and_the_process_stay_as_they_were(fails: bool) -> None:
    module: nn.Module = Fails() if fails else Fails().net
    module.eval()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    random, names = torch.get_rng_state(), set(vars(torch.optim.Optimizer.zero_grad.__wrapped__))
    step = Step(Model("model", module), input="4", batch_size=8, optimizer="Adam", loss="sum")
    if fails:
        with pytest.raises(NincostError, match="no 8"):
            record(step, CUDA)
    else:
        record(step, CUDA)
    assert not any(part.training for part in module.modules())
    assert all(p.grad is None and not p.is_meta for p in module.parameters())
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.is_grad_enabled()
    if "torch._dynamo" not in sys.modules:
        assert set(vars(torch.optim.Optimizer.zero_grad.__wrapped__)) == names
    # The substitutes are gone: a meta dropout draws a mask of floats again.
    x = torch.empty(3, device="meta", requires_grad=True)
    assert type(nn.functional.dropout(x).grad_fn).__name__ == "MulBackward0"


def test_a_recording_can_be_made_again() -> None:
    model = resolve("two-1x1")
    step = Step(model, batch_size=8, optimizer="Adam")
    assert peak(step) == peak(step)
    assert all(p.grad is None for p in model.module.parameters())


def test_categories_and_layers_sum_to_the_peak() -> None:
    step = Step(resolve("two-1x1"), batch_size=8, optimizer="Adam")
    found = simulation(step)
    held = found.held_at(found.peak_at)
    assert sum(one.bytes for one in held) == found.peak
    # Hand-counted: 1,992,166 parameters of 4 bytes, as many gradients, two moments for each.
    parameters = sum(one.bytes for one in held if one.alloc.category == "parameters")
    assert found.after["after_model"] == parameters == 4 * 1_992_166
    inputs = 8 * 224 * 224 * 4 + 8 * 8
    assert found.after["after_step"] == inputs + 4 * 4 * 1_992_166 + 8 * 10 * 4 + 4


def test_a_peak_in_backward_names_the_layer_of_the_forward() -> None:
    without = Target(workspace="none")  # of cuDNN, whose plans move the peak
    found = simulation(Step(resolve("two-1x1"), batch_size=128), without)
    alloc = found.peak_alloc
    assert alloc is not None
    assert (found.peak_mark.phase, alloc.operator) == ("backward", "aten.threshold_backward")
    assert layer_name(found.layers, alloc.layer, "backward").startswith("block")


def test_dropout_on_cuda_keeps_a_mask_of_bytes() -> None:
    net = nn.Sequential(nn.Linear(1000, 1000, bias=False), nn.Dropout(0.5))
    step = Step(Model("net", net), input="1000", batch_size=1000, loss="sum", steps=1)
    recording = record(step, CUDA)
    masks = [s for s in recording.storages if s.bytes == 1000 * 1000]
    assert [s.category for s in masks] == ["activations"]


def test_parameters_are_placed_as_a_module_moves_them() -> None:
    """A module's own tensors after its children's: the order in which `.to` calls its function."""
    net = nn.TransformerEncoderLayer(16, 2, 32)
    moved = []
    copy.deepcopy(net)._apply(lambda tensor: moved.append(tensor.nbytes) or tensor)
    recording = record(Step(Model("net", net), input="5x16"), CUDA)
    placed = [entry.storage for entry in recording.entries if isinstance(entry, Made)]
    sizes = [recording.storages[storage] for storage in placed]
    assert [one.bytes for one in sizes if one.category == "parameters"] == moved


def test_a_checkpointed_step_leaves_nothing_behind() -> None:
    """In a process of its own: torch's compiler, once imported, kept the first block's input."""
    program = (
        "import nincost\n"
        "step = {'activation_checkpointing': 'top-level', 'measure': False}\n"
        "phases = nincost.memory('two-1x1', **step).totals.phases\n"
        "print(phases['after_step'] - phases['after_model'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    plain = nincost.memory("two-1x1", measure=False).totals.phases
    assert int(done.stdout) == plain["after_step"] - plain["after_model"], done.stderr


def test_checkpointing_saves_memory() -> None:
    layer = nn.TransformerEncoderLayer(64, 4, 256, batch_first=True)
    net = nn.Sequential(*[layer for _ in range(8)])
    options = {"input": "32x64", "batch_size": 128, "loss": "sum"}
    model = Model("net", net)
    assert (
        peak(Step(model, activation_checkpointing="top-level", **options))
        < peak(Step(model, **options)) / 2
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimizer": "Adma"}, "did you mean"),
        ({"optimizer": "LBFGS"}, "choose another"),
        ({"loss": "cross-entrpy"}, "did you mean 'cross-entropy'"),
        ({"batch_size": 0}, "batch size"),
        ({"grad_accumulation": 0}, "at least 1"),
        ({"amp": "float8"}, "choose float16, bfloat16"),
        ({"optimizer_arg": {"beta": 3}}, "its arguments are lr"),
        ({"optimizer": "Adafactor", "optimizer_impl": "fused"}, "no fused"),
    ],
)
def test_mistakes(options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        record(Step(resolve("two-1x1"), **options), CUDA)


class Branches(nn.Module):
    """Doubles its features where their sum is a number, which needs values; or always."""

    def __init__(self, *, looks: bool) -> None:
        super().__init__()
        self.looks = looks
        self.net = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.5), nn.Linear(16, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.net[1](self.net[0](x))
        if not self.looks or x.sum().detach().numpy() < float("inf"):
            x = x * 2
        return self.net[2](x)


def test_a_model_that_looks_at_values_runs_on_the_cpu_by_cudas_rules() -> None:
    def told(*, looks: bool) -> tuple[list[tuple[str, int]], Recording]:
        net = Model("net", Branches(looks=looks))
        step = Step(net, input="8", batch_size=64, steps=2, on_cpu=True)
        recording = record(step, CUDA)
        events = device_allocations(recording, CUDA).events
        return [(e.operator, e.bytes) for e in events if isinstance(e, Alloc)], recording

    plain, on_meta = told(looks=False)
    looked, on_cpu = told(looks=True)
    assert on_meta.notes == ()
    assert "ran on the CPU with random input (seed 0)" in on_cpu.notes[0]
    # Two sums of the features, of 4 bytes each; everything else is the same, the mask in bytes too.
    extra = Counter(looked) - Counter(plain)
    assert extra == {("aten.sum", 4): 2}
    assert not Counter(plain) - Counter(looked)
    assert ("aten.native_dropout", 64 * 16) in looked


class Selects(nn.Module):
    """Goes on with as many rows as have a positive feature: sizes depend on values."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.head = nn.Linear(8, 8), nn.Linear(8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.linear(x)
        positive = x[:, 0].detach().numpy() > 0  # NumPy has no meta tensors
        return self.head(x[torch.from_numpy(positive)])


def test_steps_of_a_data_dependent_size_repeat() -> None:
    model = Selects()
    before = [p.clone() for p in model.parameters()]
    step = Step(Model("net", model), input="8", batch_size=64, steps=3, on_cpu=True)
    recording = record(step, CUDA)
    assert simulate(device_allocations(recording, CUDA)).settled
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    with pytest.raises(InputError, match=r"looks at values .* leave amp out"):
        record(
            Step(Model("net", model), input="8", batch_size=64, amp="float16", on_cpu=True), CUDA
        )


def test_a_lone_layer_in_place_cannot_be_checkpointed() -> None:
    net = nn.Sequential(nn.Linear(8, 8), nn.ReLU(inplace=True), nn.Linear(8, 10))
    with pytest.raises(InputError, match=r"its layer '1' works in place.*inplace=False"):
        record(Step(Model("net", net), input="8", activation_checkpointing="top-level"), CUDA)


class MadeOnTheCpu(nn.Module):
    """torch.Tensor(3) is on the CPU, whatever device a constructor is called under."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.Tensor(4).uniform_())
        self.layer = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layer(x)
        x[:, :1] = self.scale[0]
        return x


def test_a_parameter_that_a_constructor_makes_on_the_cpu_runs_on_meta() -> None:
    model = f"{__name__}:MadeOnTheCpu"
    found = nincost.memory(model, input="4", batch_size=8, measure=False)
    assert not any("ran on the CPU" in note for note in found.notes)
    assert (
        found.totals.peak_allocated_bytes
        == (
            nincost.memory(MadeOnTheCpu(), input="4", batch_size=8, measure=False)
        ).totals.peak_allocated_bytes
    )
