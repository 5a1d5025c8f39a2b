"""Each layer's arithmetic intensity under the peaks of a card (Williams, Waterman, Patterson 2009).

A layer cannot run faster than its card computes, nor than its bytes are moved:
`FLOP/s <= min(peak, intensity * bandwidth)`. Bytes are counted as of separate kernels without a
cache: each call reads its inputs and parameters and writes its outputs once. Fusion and caches can
do better; no kernel reaches the peaks of a data sheet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

from nincost._devices.cards import Gpu
from nincost._profile.results import LayerCost, Profile
from nincost._report.results import Roof, Roofline, RoofPoint
from nincost._step.request import Request
from nincost._trace.records import Shape

#: Module types that cuDNN runs, in TF32 where `torch.backends.cudnn.allow_tf32` is on, as it is by
#: default (that of matrix products is off).
_CUDNN = ("Conv", "LazyConv", "LSTM", "GRU", "RNN")


def roofline(
    profile: Profile, request: Request, predicted: Mapping[str, float] | None = None
) -> Roofline | str:
    """The forward pass on the request's card; or why the card has no peak for its precision.

    `predicted` has the seconds of layers' forward passes, where they are known.
    """
    gpu, step = request.card.gpu, request.step
    precision = step.amp or step.dtype or "float32"
    found = _peaks(gpu, precision, tf32=request.target().settings.tf32)
    if isinstance(found, str):
        return found
    contraction, tf32, plain = found
    size = 4 if precision == "float32" else 2
    points = []
    for row in profile.layers:
        flops = row.flops + row.elementwise_flops
        moved = _bytes(row, size)
        if not flops or not moved:
            continue
        peak = plain.flops
        if row.macs:
            peak = max(contraction.flops, tf32.flops if _is_cudnn(row) else 0)
        point = _point(row, flops, moved, peak, gpu.bandwidth)
        points.append(replace(point, predicted=(predicted or {}).get(row.layer)))
    used = {contraction, plain}
    if any(row.macs and _is_cudnn(row) for row in profile.layers) and tf32.flops > plain.flops:
        used.add(tf32)
    return Roofline(
        gpu=gpu.title,
        assumed=request.card.assumed,
        precision=precision,
        element_bytes=size,
        bandwidth=gpu.bandwidth,
        roofs=tuple(sorted(used, key=lambda roof: roof.flops, reverse=True)),
        points=tuple(points),
    )


def _peaks(gpu: Gpu, precision: str, *, tf32: bool) -> tuple[Roof, Roof, Roof] | str:
    """The peaks of contractions, of cuDNN's (with TF32 where that is on), and of all else."""
    plain = Roof("FP32 cores", gpu.fp32_flops)
    none = Roof("", 0)
    if precision == "float32":
        return plain, Roof("TF32 tensor cores", gpu.tf32_flops) if tf32 else none, plain
    if precision not in ("float16", "bfloat16"):
        return f"no peak of {gpu.title} is known for {precision}"
    flops = gpu.fp16_flops if precision == "float16" else gpu.bf16_flops
    if not flops:
        return f"{gpu.title} has no tensor cores for {precision}"
    return Roof(f"{'FP16' if precision == 'float16' else 'BF16'} tensor cores", flops), none, plain


def _is_cudnn(row: LayerCost) -> bool:
    return row.type.startswith(_CUDNN) or "conv" in row.operator


def _bytes(row: LayerCost, size: int) -> int:
    each = _elements(row.input_shapes) + _elements(row.output_shapes) + row.params
    return each * size * row.calls


def _elements(shapes: Iterable[Shape]) -> int:
    return sum(shape.elements for shape in shapes)


def _point(row: LayerCost, flops: int, moved: int, peak: float, bandwidth: float) -> RoofPoint:
    to_move, to_compute = moved / bandwidth, flops / peak
    bound: Literal["memory", "compute"] = "memory" if to_move > to_compute else "compute"
    seconds = max(to_move, to_compute)
    return RoofPoint(
        row.layer, row.type, row.calls, flops, moved, flops / moved, flops / seconds, bound, seconds
    )
