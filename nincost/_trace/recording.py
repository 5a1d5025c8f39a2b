"""What a recording holds: every operator of the steps and every end of a storage, in order.

The recording is the same for each device but for the operators that a device has in the place of
others (`substitutes`). What an operator allocates besides its outputs is for `rules`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from nincost._trace.fallback import Fallback
from nincost._trace.records import Signature
from nincost._trace.values.assumptions import Assumption, assumptions_note
from nincost._units import size

Category = Literal[
    "parameters",
    "buffers",
    "gradients",
    "optimizer_state",
    "inputs",
    "activations",
    "temporaries",
    "workspace",
    "kv_cache",
]

#: Of a step that trains, and of a forward pass.
CATEGORIES: tuple[Category, ...] = (
    "parameters", "buffers", "gradients", "optimizer_state", "inputs", "activations",
    "temporaries", "workspace",
)  # fmt: skip
#: Of a model that generates: the keys and values that it keeps of each token are apart.
GENERATION_CATEGORIES: tuple[Category, ...] = (*CATEGORIES, "kv_cache")

Phase = Literal[
    "model", "input", "forward", "loss", "zero_grad", "backward", "step", "end", "prefill", "decode"
]


@dataclass(slots=True)
class Storage:
    """A storage of the recording: its size in bytes, and what it was for.

    The category is a judgement on the storage's whole life, made when its step has ended:

    - parameters, buffers, inputs: there before the first step (a target is an input);
    - gradients: at the end of a backward pass it is some parameter's `.grad`;
    - optimizer_state: at the end of an optimizer step it is in `optimizer.state`;
    - activations: made by forward or loss, and alive when backward begins (something saves it, or
      the program holds it);
    - kv_cache: in the cache of a model that generates, when it begins its next token;
    - temporaries: everything else; so the gradients of activations are temporaries.
    """

    bytes: int
    category: Category = "temporaries"
    on_host: bool = False  # made on the CPU although the model is on a device


class Ran(NamedTuple):
    """An operator that ran.

    `inputs` are the storages of its tensor arguments in order (lists flattened), `outputs` those
    of its results (-1 for a None), `born` the ones among them that did not exist before. `layer`
    is an index into `Recording.layers`. `node` names the autograd function that ran in backward,
    the engine's sum of its result with another gradient included; in forward it is empty, or the
    name of a composite operator (`linear`) whose parts are in place on a device. `held`: in
    backward, the first argument's memory is held by another tensor as well, by the base that it is
    a view of or by the second argument.
    """

    signature: Signature
    layer: int
    node: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    born: tuple[int, ...]
    held: bool = False


class Made(NamedTuple):
    """A storage that was not made by an operator: a parameter, a buffer or an input."""

    storage: int
    layer: int


class Ended(NamedTuple):
    """The last reference to a storage is gone."""

    storage: int


class Mark(NamedTuple):
    """A phase of a step begins."""

    phase: Phase
    step: int


Entry = Ran | Made | Ended | Mark


class Chunk(NamedTuple):
    """Entries that are like others but for sizes.

    Attributes:
        entries: what runs.
        varying: which of them may have other sizes than those of an earlier chunk.
        round: the number of chunks before it, modulo `rounds`. Those of the same round name the
            same storages; what a chunk makes has ended before its round comes again.
        rounds: see there.
    """

    entries: list[Entry]
    varying: list[int]
    round: int
    rounds: int


class FurtherEntries(Protocol):
    """Entries that nobody keeps: they are made when they are wanted."""

    def chunks(self, storages: list[Storage]) -> Iterator[Chunk]:
        """The entries, some at a time; `storages` get what these name, before they are given."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Steps as they ran on the meta device, or on the CPU (`fallback`) where they need values.

    `assumptions` are those that values rest on which the model looked at. `own_loss`: backward
    began at the loss that the model gives itself. `paged` are bytes of optimizer state that CUDA
    keeps beside PyTorch's allocator. `trained` says how much of the model is trained,
    where an option says that not all is. `further` are entries before the last one that are written
    on from those that ran.
    """

    entries: list[Entry]
    storages: list[Storage]
    layers: list[str]  # dotted paths; the last is for what no layer did
    model: str
    input: tuple[str, ...]
    batch_size: int
    details: tuple[str, ...] = ()
    fallback: Fallback | None = None
    assumptions: tuple[Assumption, ...] = ()
    own_loss: bool = False
    paged: int = 0
    trained: str = ""
    further: FurtherEntries | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of how the steps ran."""
        notes = ["the loss is the model's own"] if self.own_loss else []
        notes += [self.trained] if self.trained else []
        if self.paged:
            notes.append(
                f"{size(self.paged)} of optimizer state are paged: CUDA keeps them beside "
                "PyTorch's allocator, on the card while there is room, and they are in no figure"
            )
        notes += [assumptions_note(self.assumptions)] if self.assumptions else []
        if self.fallback is not None:
            notes.append(
                self.fallback.note(
                    "figures can vary with the input, and operators are the CPU's where CUDA has "
                    "its own"
                )
            )
        return tuple(notes)
