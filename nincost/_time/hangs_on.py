"""What the predicted time hangs on: the step again with each figure a little better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nincost._time.ranks.stages import beside_each_other
from nincost._time.timed import Timed


def hangs_on(stages: Sequence[Timed], by: float = 0.1) -> Mapping[str, float]:
    """Percent by which the step gets shorter where a figure is 10% better.

    None makes it longer: what lies below 0 is the rounding of sums.

    Args:
        stages: of a pipeline; a step without one is one.
    """
    gpu, more = stages[0].gpu, 1 + by
    parameters = stages[0].parameters
    host = parameters.host
    peaks = {
        name: getattr(gpu, name) * more
        for name in ("fp32_flops", "tf32_flops", "fp16_flops", "bf16_flops")
    }
    quicker = {name: getattr(host, name) / more for name in host.__slots__}
    faster = replace(gpu, sm_clock_khz=round(gpu.sm_clock_khz * more), **peaks)
    cases = {
        "memory bandwidth": _seconds(stages, gpu=replace(gpu, bandwidth=gpu.bandwidth * more)),
        "arithmetic peak": _seconds(stages, gpu=faster),
        "host": _seconds(stages, parameters=replace(parameters, host=replace(host, **quicker))),
    }
    if any(one.beside.collectives for one in stages):
        links = [one.again(beside=one.beside.quicker(more)) for one in stages]
        cases["links"] = max(one.seconds for one in beside_each_other(links))
    seconds = max(one.seconds for one in stages)
    found = {}
    for name, other in cases.items():
        shorter = 100 * (1 - other / seconds) if seconds else 0.0
        found[name] = max(0.0, shorter)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _seconds(stages: Sequence[Timed], **change: Any) -> float:
    """Of the step with the change."""
    changed = [one.again(**change) for one in stages]
    return max(one.seconds for one in beside_each_other(changed))
