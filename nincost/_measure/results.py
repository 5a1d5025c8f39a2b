"""What a measurement gives: plain values, all sizes in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nincost._result import plain


@dataclass(frozen=True, slots=True)
class Measured:
    """What `torch.cuda.memory` said of real steps; None where it is not known.

    Attributes:
        process_bytes: what the driver says the process holds, the context included.
        categories_at_peak: parameters, buffers, gradients, optimizer state and inputs by the
            addresses of their tensors; activations are what forward had left; temporaries are the
            rest, workspace included.
        replayed_reserved_bytes: what the allocator's model reserves for the recorded history; equal
            to `peak_reserved_bytes` where the model is right.
        out_of_memory: the error's first line where the steps did not fit, and the figures are
            those of that moment.
        shortfall_bytes: how much more the request that failed would have needed.
        step_seconds: the median of `timed_steps` steps, warmed up, by the card's own events.
    """

    peak_allocated_bytes: int
    peak_reserved_bytes: int
    process_bytes: int | None
    peak_phase: str
    categories_at_peak: Mapping[str, int | None]
    phases: Mapping[str, int | None]
    device: str
    versions: Mapping[str, str]
    steps: int
    peak_layer: str | None = None
    peak_op: str | None = None
    peak_requested_bytes: int | None = None
    replayed_reserved_bytes: int | None = None
    out_of_memory: str = ""
    shortfall_bytes: int | None = None
    step_seconds: float | None = None
    timed_steps: int | None = None

    def to_dict(self) -> dict[str, Any]:
        return plain(self)
