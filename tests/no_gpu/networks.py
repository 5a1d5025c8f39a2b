"""Random networks trained in PyTorch's own CUDA code with no GPU, each allocation compared.

Started by emulated_steps.py with the runtime preloaded. `networks.py FIRST COUNT GPU` prints a
line of JSON for each network; number N is `random_network(Random(N))` of tests/reliability.
"""

from __future__ import annotations

import gc
import json
import re
import sys
import warnings
from dataclasses import replace
from random import Random
from typing import Any, Protocol

import torch
from reliability.networks import Network, call, random_network
from reliability.replay import NO_STEP, squares
from torch import nn
from torch.utils._pytree import tree_map

from nincost._devices.cards import get_gpu
from nincost._devices.target import Target
from nincost._emulator.verification.changes import Change, predicted, recorded, unlike
from nincost._memory.device_allocations import Timeline, device_allocations
from nincost._memory.record import record
from nincost._models.build import Model
from nincost._step.step_options import Step
from nincost.errors import NincostError

_STEPS = 2

#: What the emulated runtime cannot run: cuDNN's recurrent layers want a card, and what is read back
#: from the card is zeros.
_NOT_SERVED = rf"{NO_STEP}|(RNN|LSTM|GRU)|one_hot|scale_grad_by_freq"


class Trained(Protocol):
    """What is trained: a module, made anew for each run, and its arguments."""

    def build(self) -> nn.Module: ...

    def inputs(self) -> Any: ...


def lowered(network: Trained, target: Target) -> Timeline:
    """What nincost predicts of two steps."""
    step = Step(
        Model("Net", network.build()), input=network.inputs(), loss=squares, optimizer="SGD",
        optimizer_arg={"lr": 0.01}, steps=_STEPS,
    )  # fmt: skip
    return device_allocations(record(step, target), target)


def told(network: Trained, target: Target) -> list[Change]:
    """Its allocations and frees."""
    timeline = lowered(network, target)
    return predicted(timeline.events, timeline.layers)


def taken(network: Trained) -> list[Change]:
    """What PyTorch takes for the same steps."""
    gc.freeze()  # what is there already, torch's modules above all, holds no memory of the card
    net, inputs = network.build(), network.inputs()
    memory = torch.cuda.memory
    memory._record_memory_history(
        "all", context="alloc", stacks="python", max_entries=1 << 20, clear_history=True
    )
    try:
        _train(net, inputs)
        return recorded(memory._snapshot()["device_traces"][0])
    finally:
        gc.collect()
        torch._C._cuda_clearCublasWorkspaces()
        torch.cuda.empty_cache()
        memory._record_memory_history(None)


def _train(net: Any, inputs: Any) -> None:
    net = net.to("cuda").train()
    data = tree_map(lambda tensor: tensor.to("cuda"), inputs)
    update = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.01)
    for _ in range(_STEPS):
        output = call(net, data)
        loss = squares(output)
        update.zero_grad()
        if loss.requires_grad:
            loss.backward()
        update.step()
        del output, loss


def differences(network: Network, target: Target) -> list[str] | None:
    """Where prediction (`<`) and PyTorch (`>`) differ; None where the network cannot be asked."""
    if re.search(_NOT_SERVED, network.source.partition("class Net(")[2]):
        return None
    network = replace(network, result="x", mode="train")
    if not any(p.requires_grad for p in network.build().parameters()):
        return None
    try:
        return unlike(told(network, target), taken(network))
    except (NincostError, RuntimeError, NotImplementedError, ValueError):
        return None  # PyTorch cannot train it


def smallest(network: Network, target: Target) -> Network:
    """The network without the steps that its differences do not need."""
    place = 0
    while place < len(network.steps):
        candidate = network.without(place)
        try:
            still = bool(differences(candidate, target))
        except Exception:
            still = False
        if still:
            network = candidate
        else:
            place += 1
    return network


def main() -> None:
    """Compare the networks; one line of JSON each: `case`, `compared`, `differences`, `program`."""
    first, count, gpu = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    target = Target("cuda", gpu=get_gpu(gpu))
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for case in range(first, first + count):
        network = random_network(Random(case))
        found = differences(network, target)
        program = ""
        if found:
            network = smallest(network, target)
            found, program = differences(network, target), network.program
        told = {"case": case, "compared": found is not None, "differences": found or []}
        print(json.dumps({**told, "program": program}), flush=True)


if __name__ == "__main__":
    main()
