"""Where a device's operators allocate otherwise than meta's: the registry of rules.

A rule is a pure function of one operator's call that lists, in order, what the operator takes from
the allocator and gives back. Without a rule an operator takes its new outputs, in order, and
nothing else. An example, a convolution with scratch memory that is gone before it returns:

    @rule("cpu", "aten.convolution", source="...", kind="derived")
    def convolution(call):
        return [take("columns", call.batch * 4096), out(0), drop("columns")]

What a rule's list leaves out is done for it: outputs that it does not mention are taken at the end,
scratch that it does not drop is dropped after that, in order of taking.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from nincost._devices.target import Target
from nincost._trace.recording import Category, Ran
from nincost._trace.records import Signature, TensorMeta


class Take(NamedTuple):
    """Take scratch memory under a name."""

    name: str
    bytes: int
    category: Category = "temporaries"


class Drop(NamedTuple):
    """Give scratch memory back."""

    name: str


class Keep(NamedTuple):
    """Take memory that lives as long as the operator's output number `until` does.

    For what the device saves beside an output: a reserve space, a mask.
    """

    name: str
    bytes: int
    until: int
    category: Category = "activations"


class Hold(NamedTuple):
    """Take memory that is kept for good, the first time that this name is held.

    For what a library keeps, such as cuBLAS's workspace of a thread.
    """

    name: str
    bytes: int
    category: Category = "workspace"


class Search(NamedTuple):
    """The first time that this name comes: take memory, give it back, then empty the cache.

    For a library that times its kernels on a problem before it runs one of them.
    """

    name: Any
    bytes: int
    category: Category = "workspace"


class Out(NamedTuple):
    """Take output number `position`, where it is new memory.

    `bytes`: its size where that is not what meta says; 0 for an output that the device does not
    have. `over`: the number of a tensor argument in whose memory the output is made, where nothing
    but this call holds the argument (an in-place formula that meta makes out of place).
    """

    position: int
    bytes: int | None = None
    over: int | None = None


class TakeOver(NamedTuple):
    """Output number `position` is the scratch memory called `name`."""

    position: int
    name: str


Action = Take | Drop | Keep | Hold | Search | Out | TakeOver

take, drop, keep, hold, out, take_over = Take, Drop, Keep, Hold, Out, TakeOver


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
        name = self.signature.func._schema.arguments[position].name
        if name in self.signature.kwargs:
            return self.signature.kwargs[name]
        return self.args[position] if position < len(self.args) else default


#: Functions whose gradient is zeroed in place where the other argument won; under a dispatch mode
#: torch fills a copy.
FILLING = (
    "MaximumBackward0", "MinimumBackward0", "FmaxBackward0", "FminBackward0", "ClampBackward0",
    "ClampBackward1",
)  # fmt: skip


def is_in_place_sum(call: Call) -> bool:
    """Whether an `aten.add` of two tensors is in place on a real device, without a dispatch mode.

    While one is active torch keeps to out-of-place formulas
    (ATen/TensorSubclassLikeUtils.h). Without one, two sums are in place where nothing else holds
    the first term: a gradient that reaches a tensor on two ways (torch/csrc/autograd/
    input_buffer.cpp), and `linear`'s bias (aten/src/ATen/native/Linear.cpp).

    The engine sums while the function that it has just called still counts as the current one.
    Functions of ATen end in a digit; one that a user wrote may add for itself. A gradient that is a
    view (of a transposed weight's, say) is held by its base too, and one that comes on both ways by
    itself: these the engine sums out of place (can_accumulate_inplace).
    """
    if call.signature.name != "aten.add" or not isinstance(call.arg(1), TensorMeta):
        return False
    if call.node == "linear":
        return True
    return call.phase == "backward" and call.node[-1:].isdigit() and not call.held


RuleFunction = Callable[[Call], "Iterable[Action] | None"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, where it was read, and how sure it is.

    `kind` is `derived` (the source determines the bytes) or `modelled` (a library decides, and this
    is our description of it).
    """

    operator: str
    function: RuleFunction
    source: str
    kind: Literal["derived", "modelled"]


_RULES: dict[str, dict[str, Rule]] = {}


def rule(
    device: str,
    *operators: str,
    source: str,
    kind: Literal["derived", "modelled"] = "derived",
) -> Callable[[RuleFunction], RuleFunction]:
    """Register a rule for operators by their names without overload, such as `aten.convolution`.

    Args:
        device: `cpu` or `cuda`.
        source: the file of PyTorch (or the header of a library) that the rule was read from.
    """

    def keep_rule(function: RuleFunction) -> RuleFunction:
        table = _RULES.setdefault(device, {})
        for operator in operators:
            if operator in table:
                raise ValueError(f"two rules for {operator} on {device}")
            table[operator] = Rule(operator, function, source, kind)
        return function

    return keep_rule


def rules_for(device: str) -> dict[str, Rule]:
    """The rules of a device, by operator."""
    importlib.import_module(f"nincost._devices.{device}")
    return _RULES[device]


def plan(ran: Ran, phase: str, target: Target, table: dict[str, Rule]) -> tuple[Action, ...]:
    """What an operator takes and gives back, complete and in order."""
    found = table.get(ran.signature.name)
    listed: Iterable[Action] | None = None
    if found is not None:
        listed = found.function(Call(ran.signature, target, phase, ran.node, ran.held))
    actions = list(listed or ())
    named = {action.position for action in actions if isinstance(action, Out | TakeOver)}
    actions += [out(index) for index in range(len(ran.outputs)) if index not in named]
    held = [action.name for action in actions if isinstance(action, Take)]
    for action in actions:
        if isinstance(action, Drop | TakeOver):
            held.remove(action.name)
    return (*actions, *map(drop, reversed(held)))  # as C++ ends the life of local tensors
