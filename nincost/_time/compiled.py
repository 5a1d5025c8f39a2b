"""A recorded step as torch.compile would launch it: chains of operators in one kernel each.

MODELLED, and no more than Inductor's main effect: element-wise operators, normalizations,
reductions and softmax that follow each other and go over equally many elements become one kernel,
which reads each tensor from outside once and writes those that outlive it. Products, convolutions
and attention stay the libraries'; optimizers are not compiled. The host launches kernels without
dispatching operators. Graph breaks, recomputation and autotuning are not modelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nincost._devices.target import Target
from nincost._time.operators import Launched, StepOperators, lists_and_waits
from nincost._time.work.kinds import Family, Work
from nincost._time.work.layouts import tensors, touched
from nincost._time.work.operators import works_of
from nincost._trace.recording import Ended, Mark, Phase, Ran, Recording
from nincost._trace.records import TensorMeta

_FUSIBLE: frozenset[Family] = frozenset({
    "elementwise", "copy", "softmax", "norm", "norm-backward", "reduction", "batch-norm",
    "batch-norm-backward", "native-batch-norm", "native-batch-norm-backward",
})  # fmt: skip
_COMPILED: frozenset[Phase] = frozenset({"forward", "loss", "backward"})


@dataclass(slots=True)
class _Chain:
    """Operators that become one kernel: bytes by storage, read from outside and written."""

    layer: int
    phase: Phase
    elements: int
    read: dict[int, int] = field(default_factory=dict)
    written: dict[int, int] = field(default_factory=dict)
    again: int = 0  # read more than once, as statistics come before what needs them

    def add(self, entry: Ran, given: Sequence[TensorMeta], works: list[Work]) -> None:
        """One operator more, with the tensors among its arguments."""
        once = 0
        for storage, tensor in zip(entry.inputs, given, strict=False):
            once += touched(tensor)
            if storage >= 0 and storage not in self.written:
                self.read[storage] = max(self.read.get(storage, 0), touched(tensor))
        for storage, tensor in zip(entry.outputs, entry.signature.outputs, strict=False):
            once += tensor.bytes
            if storage >= 0:
                self.written[storage] = max(self.written.get(storage, 0), tensor.bytes)
        self.again += max(sum(work.moved for work in works) - once, 0)

    @property
    def work(self) -> Work:
        """The kernel."""
        moved = sum(self.read.values()) + sum(self.written.values()) + self.again
        return Work("elementwise", "float32", 0, moved)


def compiled_operators_of(recording: Recording, target: Target) -> StepOperators:
    """The kernels of the recording's last step, chains of operators in one each."""
    last = max(entry.step for entry in recording.entries if type(entry) is Mark)
    launched: list[Launched] = []
    works: dict[Work, int] = {}
    chain: _Chain | None = None
    phase: Phase = "model"
    step = 0

    def launch(name: str, layer: int, found: list[Work], tensors: int, waits: bool) -> None:
        numbers = tuple(works.setdefault(work, len(works)) for work in found)
        launched.append(
            Launched(name, layer, phase, numbers, tensors, waits, compiled=phase in _COMPILED)
        )

    def end() -> None:
        nonlocal chain
        if chain is not None:
            launch("inductor.fused", chain.layer, [chain.work], 0, False)
        chain = None

    for entry in recording.entries:
        if type(entry) is Mark:
            if entry.phase != phase:
                end()
            phase, step = entry.phase, entry.step
        elif type(entry) is Ended:
            if chain is not None and chain.written.pop(entry.storage, None) is not None:
                chain.read.pop(entry.storage, None)
        elif type(entry) is Ran and step == last and phase not in ("model", "input"):
            signature = entry.signature
            found = works_of(signature, target)
            if not found:
                continue
            fuses = phase in _COMPILED and all(work.family in _FUSIBLE for work in found)
            if not fuses:
                end()
                many, waits = lists_and_waits(entry, recording, phase)
                launch(signature.name, entry.layer, found, many, waits)
                continue
            given = tensors((*signature.args, *signature.kwargs.values()))
            elements = max((t.elements for t in (*given, *signature.outputs)), default=0)
            if chain is None or chain.elements != elements:
                end()
                chain = _Chain(entry.layer, phase, elements)
            chain.add(entry, given, found)
    end()
    return StepOperators(launched, list(works), recording.layers)
