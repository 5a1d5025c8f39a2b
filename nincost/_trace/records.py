"""What a trace holds: plain data, no tensors and no costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from nincost._trace.fallback import Fallback
from nincost._trace.values.assumptions import Assumption, assumptions_note

if TYPE_CHECKING:  # results need no torch
    import torch

    from nincost._torch.operators import OpOverload


class Shape(tuple[int, ...]):
    """A tensor's sizes; as text, `1x96x54x54`."""

    __slots__ = ()

    def __str__(self) -> str:
        return "x".join(map(str, self)) or "scalar"

    @property
    def elements(self) -> int:
        count = 1
        for size in self:
            count *= size
        return count


class TensorMeta(NamedTuple):
    """A tensor without its data: sizes, strides and type."""

    shape: torch.Size
    stride: tuple[int, ...]
    dtype: torch.dtype

    @property
    def elements(self) -> int:
        return self.shape.numel()

    @property
    def bytes(self) -> int:
        return self.shape.numel() * self.dtype.itemsize


@dataclass(slots=True, eq=False)
class Signature:
    """One way that an operator was called: the same for each call with equal shapes and options.

    `args` and `kwargs` are the call's own, with a `TensorMeta` in the place of each tensor.
    `outputs` are the tensors that it gave, `fresh` which of them are in new memory (neither a
    view of an argument nor the argument itself). `replay`: equal arguments always give equal
    outputs, so that the recorder may make them without running the operator's meta kernel. `absent`
    are the positions in the returned tuple that hold None. `looks`: the operator may have to look
    at values. `on_host`: it ran on the CPU although the model is on meta. `follow`: whether values
    go through it: 0 never, 1 in forward, 2 also in backward.
    """

    func: OpOverload
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: tuple[TensorMeta, ...]
    fresh: tuple[bool, ...]
    is_view: bool
    replay: bool
    gives_list: bool
    absent: tuple[int, ...] = ()
    looks: bool = False
    on_host: bool = False
    follow: int = 0


class Op(NamedTuple):
    """One operator that ran, and the module call that it ran in (an index into `Trace.calls`)."""

    signature: Signature
    call: int


@dataclass(slots=True, eq=False)
class ModuleCall:
    """One call of one module.

    `ops` is the half-open range of `Trace.ops` that ran within it, calls of its children
    included. Of `outputs`, `made` says which were made inside the call: a dropout that passes
    its input on, a flatten or an in-place ReLU makes none.
    """

    module: int  # index into Trace.modules
    parent: int  # index into Trace.calls, -1 for the root's
    depth: int
    first_op: int
    last_op: int = -1
    inputs: tuple[TensorMeta, ...] = ()
    outputs: tuple[TensorMeta, ...] = ()
    made: tuple[bool, ...] = ()


@dataclass(slots=True, eq=False)
class ModuleInfo:
    """A module of the model: its dotted path, and the module itself (the traced copy)."""

    path: str
    kind: str
    is_leaf: bool
    module: torch.nn.Module = field(repr=False)


@dataclass(frozen=True, slots=True)
class ParameterInfo:
    """A parameter, once however often it is shared: `owners` are the modules that hold it.

    `used_by` is the first operator that took it as an argument (an index into `Trace.ops`), or
    -1.
    """

    name: str
    elements: int
    bytes: int
    trainable: bool
    owners: tuple[int, ...]
    used_by: int


@dataclass(slots=True, eq=False)
class Trace:
    """One forward run: every operator in order, with the module calls around them.

    `fallback` says why it ran on the CPU; None where it ran on the meta device. `remade` names
    layers that the model makes anew each time it runs. `details` say how the model was built, for
    those who ask; `model_notes` what everybody should know of it. `assumptions` are those that
    values rest on which the model looked at.
    """

    model: str
    input: tuple[str, ...]
    batch_size: int
    mode: str
    modules: list[ModuleInfo]
    calls: list[ModuleCall]
    ops: list[Op]
    parameters: list[ParameterInfo]
    buffer_elements: int
    buffer_bytes: int
    fallback: Fallback | None = None
    remade: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    model_notes: tuple[str, ...] = ()
    assumptions: tuple[Assumption, ...] = ()

    @property
    def device(self) -> Literal["meta", "cpu"]:
        """Where it ran."""
        return "cpu" if self.fallback else "meta"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of how it ran."""
        notes = list(self.model_notes)
        if self.fallback:
            notes.append(self.fallback.note("figures can vary with the input"))
        if self.assumptions:
            notes.append(assumptions_note(self.assumptions))
        if self.remade:
            names = ", ".join([*self.remade[:3], *["..."] * (len(self.remade) > 3)])
            notes.append(
                f"makes layers anew each time it runs ({names}): what they do is counted under "
                "the module that made them"
            )
        return tuple(notes)
