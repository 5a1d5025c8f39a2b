"""How long a step of a script takes on the card that was emulated: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nincost._result import plain
from nincost._time.results import LayerTime, OperatorTime
from nincost._time.work.kinds import Bound


@dataclass(frozen=True, slots=True)
class ScriptTime:
    """A step of a script, predicted of what it launched: the rank that takes longest.

    Attributes:
        rank: which one.
        step_seconds: of one step among many like it; the phases' seconds add up to it, with
            `communication_seconds`, that no computation hides, or that it is slowed by.
        interval: the step's seconds as nine of ten measured networks would have them.
        waiting_seconds: in which the card waits for the host.
        host_seconds: what the host's thread takes to launch all.
        flops: of contractions; `mfu` is what is done of them over the peak of the card.
        moved_bytes, sent_bytes: of the card's memory, and between ranks.
        by_bound: `step_seconds` by what each part of it waits for.
        layers, operators: as `nincost time` has them.
        hangs_on: percent by which the step gets shorter where a figure is 10% better.
        untimed: operators without a rule, which are counted by their bytes.
        was_compiled: whether the script compiles code, which was run operator by operator here.
    """

    rank: int
    step_seconds: float
    forward_seconds: float
    backward_seconds: float
    optimizer_seconds: float
    communication_seconds: float
    interval: tuple[float, float]
    waiting_seconds: float
    host_seconds: float
    flops: int
    flops_per_second: float
    mfu: float
    moved_bytes: int
    sent_bytes: int
    kernels: int
    bound_by: Bound
    by_bound: Mapping[str, float]
    hangs_on: Mapping[str, float]
    layers: tuple[LayerTime, ...]
    operators: tuple[OperatorTime, ...]
    untimed: tuple[str, ...]
    was_compiled: bool

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


def time_notes(found: ScriptTime | None, *, asked: bool | None) -> list[str]:
    """What is to be known of a step's time, where it was asked."""
    if not asked:
        return []
    if found is None:
        return ["no step's time: the script ended before the step that is recorded for it"]
    notes = ["the step's time is predicted from what it launches, values being zeros"]
    if unknown := found.untimed:
        names = ", ".join([*unknown[:3], *["..."] * (len(unknown) > 3)])
        notes.append(f"no time is known of {names}: counted by the bytes they touch")
    if found.was_compiled:
        notes.append(
            "the script compiles code: its operators are timed one by one, as without torch.compile"
        )
    if found.sent_bytes:
        notes.append(
            "communication is modelled: NCCL's ring over links as such cards commonly have them"
        )
    return notes
