"""A recorded step as the operators that the host launches, each with its kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from nincost._devices.target import Target
from nincost._time.work.kinds import Work
from nincost._time.work.operators import works_of
from nincost._trace.recording import Mark, Phase, Ran, Recording

#: Operators whose result the program looks at: the host waits until the card has done all.
_WAITS = frozenset({"aten._local_scalar_dense", "aten.nonzero", "aten.equal", "aten.masked_select"})
#: After it `GradScaler.step` asks whether any gradient was infinite.
_SCALER = "aten._amp_foreach_non_finite_check_and_unscale_"


class Launched(NamedTuple):
    """An operator of the step, in order.

    Attributes:
        works: what its kernels do, as numbers in `StepOperators.works`.
        tensors: of the first list, where it takes lists.
        waits: whether the host waits for the card afterwards.
        compiled: whether compiled code launches it, with no operator to dispatch.
        copied: bytes that it copies between the host's memory and the card's.
        on_host: bytes that the host's own processor reads and writes for it.
        synchronizes: whether the host waits for all of the card's streams.
    """

    name: str
    layer: int
    phase: Phase
    works: tuple[int, ...]
    tensors: int
    waits: bool
    compiled: bool = False
    copied: int = 0
    on_host: int = 0
    synchronizes: bool = False


@dataclass(frozen=True, slots=True)
class StepOperators:
    """One step: its operators, and each distinct kernel once."""

    launched: list[Launched]
    works: list[Work]
    layers: list[str]


def operators_of(recording: Recording, target: Target) -> StepOperators:
    """The operators of the recording's last step, which is like all that follow."""
    last = max(entry.step for entry in recording.entries if type(entry) is Mark)
    launched: list[Launched] = []
    works: dict[Work, int] = {}
    known: dict[int, tuple[int, ...]] = {}
    phase: Phase = "model"
    step = 0
    for entry in recording.entries:
        if type(entry) is Mark:
            phase, step = entry.phase, entry.step
        elif type(entry) is Ran and step == last and phase not in ("model", "input"):
            signature = entry.signature
            numbers = known.get(id(signature))
            if numbers is None:
                found = works_of(signature, target)
                numbers = tuple(works.setdefault(work, len(works)) for work in found)
                known[id(signature)] = numbers
            if not numbers and signature.on_host:
                continue
            name = signature.name
            many, waits = lists_and_waits(entry, recording, phase)
            launched.append(Launched(name, entry.layer, phase, numbers, many, waits))
    return StepOperators(launched, list(works), recording.layers)


def lists_and_waits(entry: Ran, recording: Recording, phase: Phase) -> tuple[int, bool]:
    """Tensors of an operator's first list, and whether the host waits for its result."""
    signature = entry.signature
    name = signature.name
    on_card = any(number >= 0 and not recording.storages[number].on_host for number in entry.inputs)
    waits = name == _SCALER or (name in _WAITS and on_card and phase != "step")
    first = signature.args[0] if signature.args else None
    takes_lists = "_foreach_" in name or "._fused_" in name
    return len(first) if takes_lists and isinstance(first, tuple) else 0, waits
