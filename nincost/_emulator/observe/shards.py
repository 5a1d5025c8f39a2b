"""How the parameters that an optimizer updates are cut over ranks, where they are DTensors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nincost._emulator.observe.observer import Observed
from nincost._torch.distributed import dtensor_classes


def note_shards(seen: Observed, optimizer: Any) -> None:
    """Note of each DTensor which ranks have a part of it: `(stride, ranks, length)`.

    Every `stride`-th rank, `ranks` of them, has one chunk of `length` rows, as torch.chunk cuts
    them: the last ones may be shorter, or empty. Where each has the whole, `length` is `ranks`.
    """
    kinds = dtensor_classes()
    for group in optimizer.param_groups if kinds else ():
        for parameter in group["params"]:
            if isinstance(parameter, kinds):
                seen.shards.update(_cuts(parameter))


def _cuts(parameter: Any) -> Iterator[tuple[int, int, int]]:
    ranks = parameter.device_mesh.mesh
    for number, placement in enumerate(parameter.placements):
        size = ranks.shape[number]
        if size < 2:
            continue
        first, second = ranks.movedim(number, 0).reshape(size, -1)[:2, 0].tolist()
        length = size
        if (dimension := getattr(placement, "dim", None)) is not None:
            # A mesh's later dimension that cuts the same one of the tensor has cut it before.
            length = -(-parameter.shape[dimension] // getattr(placement, "split_factor", 1))
        yield second - first, size, length
