"""A step as one of several data-parallel ranks runs it: what changes beside what one alone does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from nincost._devices.cards import Gpu
from nincost._step.fsdp_wrap import wrapped
from nincost._step.parallel import Parallel
from nincost._step.request import Request
from nincost._time.operators import StepOperators
from nincost._time.queue import Beside
from nincost._time.ranks.links import Links
from nincost._time.ranks.traffic import Traffic


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """What a rank's step has beside its operators.

    Attributes:
        parallel: how the ranks share the model.
        links: how they are joined.
        beside: what the rank sends and receives.
        optimizer_share: seconds of the optimizer's kernels, as a share of those that were recorded.
    """

    parallel: Parallel
    links: Links
    beside: Beside
    optimizer_share: float


def untimed(parallel: Parallel) -> str:
    """The first option of ranks that PyTorch itself must run for their time; nothing without one.

    What others send is known of their parameters (`traffic.py`).
    """
    unfit = {
        "tp": parallel.tp > 1, "pp": parallel.pp > 1, "cpu_offload": parallel.cpu_offload,
    }  # fmt: skip
    return next((name for name, given in unfit.items() if given), "")


def as_on_a_rank(request: Request, parallel: Parallel) -> Request:
    """The step whose forward and backward a rank runs: in FSDP's own precision."""
    if parallel.mixed_precision is None:
        return request
    return request.changed(dtype=parallel.mixed_precision)


def spread_over(
    request: Request, parallel: Parallel, links: Links, operators: StepOperators, gpu: Gpu
) -> Spread:
    """What the step has as one of such ranks.

    Args:
        request: as it was asked for, before `as_on_a_rank`.
        operators: as recorded of the step that `as_on_a_rank` gives.
    """
    module: Any = request.step.model.module
    size = None
    if request.step.dtype is not None:
        size = getattr(torch, request.step.dtype).itemsize
    parts = wrapped(module, parallel.fsdp_wrap) if parallel.is_sharded else []
    traffic = Traffic(operators.launched, operators.layers, parallel, links, size)
    share = 1.0
    if parallel.is_sharded:
        share = (2.0 if parallel.mixed_precision else 1.0) / parallel.shard  # in float32
    elif parallel.kind == "zero1":
        share = 1.0 / parallel.data
    return Spread(
        parallel,
        links,
        Beside(
            traffic.collectives(module, parts),
            links.channels / gpu.sm_count,
            gpu.bandwidth * gpu.streaming,
        ),
        share,
    )
