"""What a card can do for a kernel's arithmetic: its peaks, and what its power allows."""

from __future__ import annotations

from dataclasses import dataclass

from nincost._devices.cards import Gpu
from nincost._time.work.kinds import Precision

#: FLOP/s in float64 over those in float32: cards of data centres with full units, and all others
#: (CUDA C++ Programming Guide, "Arithmetic Instructions": results per clock and SM).
_FLOAT64 = {(6, 0): 1 / 2, (7, 0): 1 / 2, (8, 0): 1 / 2, (9, 0): 1 / 2, (10, 0): 1 / 2}
_FLOAT64_ELSEWHERE = {6: 1 / 32, 7: 1 / 32, 8: 1 / 64, 9: 1 / 64, 10: 1 / 64, 12: 1 / 64}


@dataclass(frozen=True, slots=True)
class Peak:
    """FLOP/s that a card's data sheet states, and whether tensor cores do it."""

    flops: float
    tensor: bool


def peak_of(gpu: Gpu, precision: Precision) -> Peak:
    """The peak of a precision. A card without tensor cores for it computes in float32."""
    tensor = {"tf32": gpu.tf32_flops, "float16": gpu.fp16_flops, "bfloat16": gpu.bf16_flops}.get(
        precision, 0.0
    )
    if tensor:
        return Peak(tensor, tensor=True)
    if precision == "float64":
        share = _FLOAT64.get(gpu.capability) or _FLOAT64_ELSEWHERE[gpu.capability[0]]
        return Peak(gpu.fp32_flops * share, tensor=False)
    return Peak(gpu.fp32_flops, tensor=False)
