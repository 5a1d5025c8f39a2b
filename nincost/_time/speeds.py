"""The card whose speeds are taken: named, here, or with the figures that were given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nincost._devices.cards import GPUS, Gpu
from nincost._step.request import Request
from nincost.errors import InputError

_TITLES = frozenset(card.title for card in GPUS.values())


def check_figure(name: str, value: Any, example: str) -> None:
    """A number above 0, or None.

    Raises:
        InputError: it is not.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e15:
        raise InputError(f"{name} is {value!r}: expected a number above 0, such as {example}")


def is_timed(request: Request) -> bool:
    """Whether a step has a speed where nobody asked for it: on a card that is named and known."""
    card = request.card
    timed = request.step.generate is None and not request.step.quantize
    return timed and card.gpu.title in _TITLES and not card.assumed


def refuse_quantized(request: Request) -> None:
    """Say that kernels of quantized weights are not timed.

    Raises:
        InputError: the request has some.
    """
    if request.step.quantize:
        raise InputError(
            "time knows no speeds of quantized weights' kernels: leave quantize out, or ask memory "
            "and fit"
        )


def with_speeds(
    request: Request, gpu: str | None, bandwidth: float | None, tflops: float | None
) -> Request:
    """The request on a card with the bandwidth (GB/s) and peak (TFLOP/s) that were given.

    `tflops` is the peak of the step's precision: that of tensor cores with `amp`, TF32 or half
    precision, else of ordinary cores.

    Raises:
        InputError: the card's speeds are not known and not both given.
    """
    check_figure("bandwidth", bandwidth, "900 (GB/s)")
    check_figure("tflops", tflops, "125")
    card = request.card
    known = card.gpu.title in _TITLES and not (card.assumed and card.budget_bytes is not None)
    if not known and (bandwidth is None or tflops is None):
        what = (
            f"{gpu} is an amount of memory and names no card"
            if gpu is not None
            else f"{card.gpu.title} is no card that nincost knows the speed of"
        )
        raise InputError(
            f"{what}: name a card, such as rtx4090, or give --bandwidth GB/s and --tflops from its "
            "data sheet"
        )
    changed: Gpu = card.gpu
    if bandwidth is not None:
        changed = replace(changed, bandwidth=bandwidth * 1e9)
    if tflops is not None:
        changed = replace(changed, **_peaks(changed, request, tflops * 1e12))
    return replace(request, card=replace(card, gpu=changed))


def _peaks(gpu: Gpu, request: Request, flops: float) -> dict[str, Any]:
    """All peaks of a card, by the one that was given: the others in proportion."""
    precision = request.step.amp or request.step.dtype
    had = {"float16": gpu.fp16_flops, "bfloat16": gpu.bf16_flops}.get(precision or "", 0.0)
    scale = flops / (had or gpu.fp32_flops)
    names = ("fp32_flops", "tf32_flops", "fp16_flops", "bf16_flops")
    return {name: getattr(gpu, name) * scale for name in names}
