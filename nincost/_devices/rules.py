"""What a rule is: a pure function of one operator's call that lists what the operator allocates.

Without a rule an operator allocates its new outputs, in order, and nothing else. An example, a
convolution with scratch memory that is freed before it returns:

    @rule("aten.convolution", source="aten/src/ATen/native/ConvolutionMM2d.cpp")
    def convolution(call):
        return [alloc("columns", call.args[0].bytes), out(0), free("columns")]

What a rule's list leaves out is done for it: outputs that it does not mention are allocated at the
end, scratch that it does not free is freed after that, last allocated first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from nincost._torch.operators import argument_names
from nincost._trace.recording import Category, Ran
from nincost._trace.records import Signature, TensorMeta

if TYPE_CHECKING:  # a profile needs no card
    from nincost._devices.target import Target


class AllocScratch(NamedTuple):
    """Allocate scratch memory under a name."""

    name: str
    bytes: int
    category: Category = "temporaries"


class FreeScratch(NamedTuple):
    """Free scratch memory."""

    name: str


class AllocOutput(NamedTuple):
    """Allocate output number `position`, where it is new memory.

    `bytes`: its size where that is not what meta says; 0 for an output that the device does not
    have. `over`: the number of a tensor argument in whose memory the output is made, where nothing
    but this call holds the argument (an in-place formula that meta makes out of place).
    """

    position: int
    bytes: int | None = None
    over: int | None = None


class ScratchIsOutput(NamedTuple):
    """Output number `position` is the scratch memory called `name`."""

    position: int
    name: str


class LibraryWorkspace(NamedTuple):
    """Allocate memory that a library keeps for good, the first time that this name comes.

    Such as cuBLAS's workspace of a thread.
    """

    name: str
    bytes: int
    category: Category = "workspace"


class TimingWorkspace(NamedTuple):
    """The first time that this name comes: allocate, free, then empty the allocator's cache.

    For a library that times its kernels on a problem before it runs one of them.
    """

    name: Any
    bytes: int
    category: Category = "workspace"


Action = (
    AllocScratch | FreeScratch | AllocOutput | ScratchIsOutput | LibraryWorkspace | TimingWorkspace
)

# As rules write them.
alloc, free, out, out_from = AllocScratch, FreeScratch, AllocOutput, ScratchIsOutput
library_workspace, timing_workspace = LibraryWorkspace, TimingWorkspace


@dataclass(frozen=True, slots=True)
class Call:
    """What a rule sees of an operator that ran.

    `args` and `kwargs` have a `TensorMeta` for each tensor. `node` is the autograd function that
    called, or the marked composite; empty for the model's own forward. `held`: as `Ran`'s.
    """

    signature: Signature
    target: Target
    phase: str
    node: str
    held: bool = False

    @property
    def args(self) -> tuple[Any, ...]:
        return self.signature.args

    @property
    def outputs(self) -> tuple[TensorMeta, ...]:
        return self.signature.outputs

    def arg(self, position: int, default: Any = None) -> Any:
        """A positional argument, or its default where the caller left it out."""
        name = argument_names(self.signature.func)[position]
        if name in self.signature.kwargs:
            return self.signature.kwargs[name]
        return self.args[position] if position < len(self.args) else default


RuleFunction = Callable[[Call], "Iterable[Action] | None"]

RuleKind = Literal["derived", "modelled"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, where it was read, and how sure it is.

    `kind` is `derived` (the source determines the bytes) or `modelled` (a library decides, and this
    is our description of it).
    """

    operator: str
    function: RuleFunction
    source: str
    kind: RuleKind


def actions_of(rule: Rule, ran: Ran, phase: str, target: Target) -> tuple[Action, ...]:
    """What an operator allocates and frees by its rule, complete and in order."""
    listed = rule.function(Call(ran.signature, target, phase, ran.node, ran.held))
    actions = list(listed or ())
    named = {
        action.position for action in actions if isinstance(action, AllocOutput | ScratchIsOutput)
    }
    actions += [out(index) for index in range(len(ran.outputs)) if index not in named]
    scratch = [action.name for action in actions if isinstance(action, AllocScratch)]
    for action in actions:
        if isinstance(action, FreeScratch | ScratchIsOutput):
            scratch.remove(action.name)
    return (*actions, *map(free, reversed(scratch)))  # as C++ ends the life of local tensors
