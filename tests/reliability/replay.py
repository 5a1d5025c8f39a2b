"""The memory replay of a random network against what torch's profiler recorded on the CPU."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from typing import Any

import torch
from support.real_cpu import Moved, mark, recorded
from torch import Tensor, nn
from torch.nn.modules import module as hooks
from torch.utils._pytree import tree_map

from nincost._devices.target import this_cpu
from nincost._memory.device_allocations import Alloc, Free, Timeline, device_allocations
from nincost._memory.record import record
from nincost._models.build import Model
from nincost._step.step_options import Step
from nincost._trace.recording import Mark
from nincost.errors import NincostError
from reliability.counts import Difference, plain_kernels
from reliability.networks import Network, call

_STEPS = 2

#: Bytes of the largest number: on the CPU `x * 2` makes a tensor of 2 and saves it for backward.
NUMBER = 8


#: What the CPU keeps otherwise than CUDA, which is what nincost's replay is of: the pattern in a
#: network's program, and why.
CPU_ALONE = {
    r"nn\.(RNN|LSTM|GRU)\(": "it multiplies the input of all time steps at once",
    r"attn_mask=": "it has a fused kernel for attention with a mask",
    r"(ConvTranspose|conv_transpose)3d": "its output lies in a larger tensor",
    r"enable_gqa": "it has a fused kernel for grouped queries",
    r"EmbeddingBag": "it keeps other whole numbers for backward",
}
HALF_ALONE = {
    r"(Batch|Layer|Instance|Group|RMS)Norm|batch_norm|Transformer|Residual\(": "its norms keep "
    "their statistics in the input's type, CUDA's in float32",
}

#: Pieces whose every allocation on the CPU has a rule (`nincost._devices.cpu`), and forms of
#: them that have none.
EXACT = frozenset({
    "activation", "linear", "layer_norm", "own_class", "own_parameter", "own_buffer", "matmul",
    "dropout", "conv", "depthwise_conv", "norm", "pool", "adaptive_pool", "rearrange",
    "arithmetic", "glu", "embedding", "transformer",
})  # fmt: skip
NO_RULE = (
    r"dilation=(?!1\b|\(1, 1\)|\(1,\))|Conv3d|padding='same'|padding_mode='(?!zeros)"
    r"|BatchNorm[13]d|GroupNorm|InstanceNorm|RMSNorm|LocalResponse|MaxPool1d|AvgPool|LPPool"
    r"|Decoder|Mish|RReLU|AlphaDropout|nearest-exact"
    r"|AdaptiveMax|Branches|contiguous|permute|transpose|::2|\+=|relu_|add_\(x\)|sort|logsumexp|repeat|movedim|expand"
)

#: Forms that a step cannot be recorded of, or that cannot be copied for the real run.
NO_STEP = r"nn\.Lazy|weight_norm|sparse=True|momentum=None|FractionalMaxPool3d"


def to_replay(network: Network) -> Network | None:
    """The network as one to train, or None where the CPU says nothing about CUDA."""
    patterns = [NO_STEP, *CPU_ALONE]
    if network.dtype in ("float16", "bfloat16"):
        patterns += HALF_ALONE
    body = network.source.partition("class Net(")[2]
    if re.search("|".join(patterns), body):
        return None
    network = replace(network, result="x", mode="train")
    return network if _norms_are_alike(network) else None


def _norms_are_alike(network: Network) -> bool:
    """Whether batch norms get what they lay out alike on CPU and CUDA (see `counts._as_on_cuda`),
    and it can be trained for real."""
    alike = True

    def look(module: nn.Module, args: tuple[Any, ...]) -> None:
        nonlocal alike
        if "BatchNorm" in type(module).__name__ or "InstanceNorm" in type(module).__name__:
            alike = alike and args[0].is_contiguous()

    net = network.build()
    handle = hooks.register_module_forward_pre_hook(look)
    try:
        with plain_kernels():
            call(net, network.inputs())
    except (ValueError, NotImplementedError):
        return False  # one value for each channel to train on; a type without a kernel for training
    finally:
        handle.remove()
    return alike and any(p.requires_grad for p in net.parameters())


def is_exact(network: Network) -> bool:
    """Whether each allocation of it, in order, should be the CPU's to the byte."""
    kinds = {kind for step in network.steps for kind in step.kinds if not kind.startswith("form ")}
    whole = any(argument.tokens for argument in network.arguments[1:])  # cast by an addition
    body = network.source.partition("class Net(")[2]
    is_plain = network.dtype == "float32" and not whole and not re.search(NO_RULE, body)
    return is_plain and kinds <= EXACT


def memory_differences(network: Network) -> list[Difference] | None:
    """Where the replay of training `network` is not what the CPU did; None where it is not asked.

    What is kept after forward and backward is compared for all; each single allocation, and the
    peak, where `is_exact`.
    """
    to_train = to_replay(network)
    if to_train is None:
        return None
    try:
        told = replayed(to_train)
    except NincostError as error:
        if "cannot be run on the CPU" in str(error):
            return None
        return [] if _fails_anyway(to_train) else [Difference("memory error", str(error))]
    except Exception as error:
        return [Difference("memory crash", f"{type(error).__name__}: {error}")]
    found = []
    if told.told_kept != told.real_kept:
        found.append(Difference("memory kept", f"{told.told_kept}, the CPU {told.real_kept}"))
    if is_exact(to_train):
        if told.told_peak != told.real_peak:
            found.append(
                Difference("memory peak", f"{told.told_peak:,}, the CPU {told.real_peak:,}")
            )
        if told.first_difference >= 0:
            place = told.first_difference
            pair = told.told[place : place + 4], told.real[place : place + 4]
            found.append(Difference("memory event", f"{place}: {pair[0]}, the CPU {pair[1]}"))
    return found


def _fails_anyway(network: Network) -> bool:
    """Whether PyTorch itself cannot train it (an operator in place that spoils a gradient)."""
    try:
        squares(call(network.build(), network.inputs())).backward()
    except RuntimeError:
        return True
    return False


@dataclass(frozen=True)
class Replayed:
    """Bytes at the peak, each change of what is allocated, and what is allocated when forward and
    backward have ended, in each step: as told, and as recorded.
    """

    told: list[int]
    real: list[int]
    told_kept: list[tuple[str, int]]
    real_kept: list[tuple[str, int]]

    @property
    def told_peak(self) -> int:
        return max(itertools.accumulate(self.told))

    @property
    def real_peak(self) -> int:
        return max(itertools.accumulate(self.real))

    @property
    def first_difference(self) -> int:
        """The number of the first event that differs; -1 where all agree."""
        pairs = zip(self.told, self.real, strict=False)
        place = next((i for i, (told, real) in enumerate(pairs) if told != real), -1)
        if place < 0 and len(self.told) != len(self.real):
            return min(len(self.told), len(self.real))
        return place


def squares(output: Any) -> Tensor:
    return (output * output).mean()


def changes(timeline: Timeline) -> list[int]:
    """Bytes taken, and bytes given back as negative, up to the last that is taken."""
    sizes = {e.block: e.bytes for e in timeline.events if isinstance(e, Alloc)}
    return _plain(
        [
            e.bytes if isinstance(e, Alloc) else -sizes[e.block]
            for e in timeline.events
            if isinstance(e, Alloc | Free)
        ]
    )


def kept(timeline: Timeline) -> list[tuple[str, int]]:
    """What is allocated at the end of forward and of backward, in each step, but for numbers."""
    sizes: dict[int, int] = {}
    found = []
    for event in timeline.events:
        if isinstance(event, Alloc):
            sizes[event.block] = event.bytes if event.bytes > NUMBER else 0
        elif isinstance(event, Free):
            del sizes[event.block]
        elif isinstance(event, Mark) and event.phase in ("zero_grad", "step"):
            name = "forward" if event.phase == "zero_grad" else "backward"
            found.append((name, sum(sizes.values())))
    return found


def _plain(sizes: list[int]) -> list[int]:
    """Without numbers, and without what Python lets go of, in its own order, at the end."""
    sizes = [size for size in sizes if abs(size) > NUMBER]
    return sizes[: max(index for index, size in enumerate(sizes) if size > 0) + 1]


def replayed(network: Network) -> Replayed:
    """Train `network` twice over one batch, on the CPU and by nincost."""
    net, inputs = network.build(), network.inputs()
    step = Step(
        Model("Net", net), input=inputs, loss=squares, optimizer="SGD",
        optimizer_arg={"lr": 0.01}, steps=_STEPS,
    )  # fmt: skip
    timeline = device_allocations(record(step, this_cpu()), this_cpu())

    moved = Moved(net)

    def run() -> None:
        model = moved.move().train()
        data = tree_map(lambda t: t.clone(), inputs)
        trained = [p for p in model.parameters() if p.requires_grad]
        update = torch.optim.SGD(trained, lr=0.01)

        def once() -> None:
            output = call(model, data)
            loss = squares(output)
            mark("forward")
            update.zero_grad()
            if loss.requires_grad:
                loss.backward()
            mark("backward")
            update.step()

        for _ in range(_STEPS):
            once()

    real = recorded(run)
    return Replayed(
        changes(timeline),
        _plain(real.changes),
        kept(timeline),
        real.marks,
    )
