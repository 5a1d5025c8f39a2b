"""Which collectives a step has, when each may begin, and what waits for it.

- DDP: gradients in buckets of 25 MiB (the first of 1 MiB), last layers first; each is reduced when
  all of it is there, beside the rest of backward, and the optimizer waits for all
  (torch/nn/parallel/distributed.py). ZeRO 1 also sends the updated parameters round.
- FSDP2: each sharded module's parameters are gathered before it runs, beside the module before it,
  and again in backward where they were freed; its gradients are scattered beside the rest of
  backward (torch/distributed/fsdp/_fully_shard/_fsdp_param_group.py). HSDP reduces the shards over
  the copies, too.
"""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from nincost._step.parallel import Parallel
from nincost._time.operators import Launched
from nincost._time.queue import Collective
from nincost._time.ranks.links import Links

_MIB = 2**20
#: `bucket_cap_mb`, and dist._DEFAULT_FIRST_BUCKET_BYTES.
_BUCKET, _FIRST_BUCKET = 25 * _MIB, _MIB
_RUNS = ("forward", "loss", "backward")


@dataclass(frozen=True, slots=True)
class Unit:
    """Parameters that are gathered together: a module's, but for those of units within it."""

    path: str
    gathered_bytes: int
    reduced_bytes: int


@dataclass(frozen=True)
class Traffic:
    """A step's operators, and how its parameters are spread, to ask for its collectives.

    `size` is of a parameter's element in bytes where the step's dtype changes it.
    """

    launched: Sequence[Launched]
    layers: Sequence[str]
    parallel: Parallel
    links: Links
    size: int | None = None

    def collectives(self, module: nn.Module, wrapped: Sequence[nn.Module]) -> list[Collective]:
        """What the step sends; `wrapped` are the modules that FSDP shards each by itself."""
        if self.parallel.is_sharded:
            return list(self._sharded(units(module, wrapped, self.parallel, self.size)))
        found = list(self._reduced(module))
        if self.parallel.kind == "zero1":
            moved = sum(self._bytes(p) for p in module.parameters() if p.requires_grad)
            seconds = self._seconds(moved, self.parallel.data)
            found.append(Collective("broadcast", moved, seconds, self._from(len(self.launched)), 0))
        return found

    def _bytes(self, parameter: nn.Parameter) -> int:
        return parameter.numel() * (self.size or parameter.element_size())

    @functools.cached_property
    def _working(self) -> list[int]:
        """The operators with kernels."""
        return [place for place, one in enumerate(self.launched) if one.works]

    def _from(self, at: int) -> int:
        """The first operator with kernels from there on, or the last."""
        working = self._working
        return working[min(bisect_left(working, at), len(working) - 1)] if working else 0

    @functools.cached_property
    def _optimizer(self) -> int:
        """The first operator that needs gradients; the next step's first where there is none."""
        updates = (at for at in self._working if self.launched[at].phase == "step")
        return next(updates, self._from(0))

    def _seconds(self, moved: float, ranks: int, rounds: int = 1, *, apart: bool = False) -> float:
        """`apart`: of ranks that are as far from each other as can be."""
        each = self.links.ranks_per_node
        machines = max(self.parallel.ranks // each, 1)
        nodes = min(ranks, machines) if apart else -(-ranks // each)
        return self.links.seconds(moved, ranks, rounds=rounds, nodes=nodes)

    def _reduced(self, module: nn.Module) -> Iterator[Collective]:
        """DDP's buckets, in the order in which their gradients are there."""
        done: dict[str, int] = {}
        for at, one in enumerate(self.launched):
            if one.phase == "backward" and one.works:
                done[self.layers[one.layer]] = at + 1
        last = max(done.values(), default=0)
        moved, ready, limit = 0, 0, _FIRST_BUCKET
        parameters = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
        for place, (name, parameter) in enumerate(reversed(parameters), start=1):
            moved += self._bytes(parameter)
            ready = max(ready, done.get(name.rpartition(".")[0], last))
            if moved >= limit or place == len(parameters):
                seconds = self._seconds(moved, self.parallel.data, 2)
                at = self._from(ready)
                yield Collective("all-reduce", moved, seconds, at, self._optimizer)
                moved, ready, limit = 0, 0, _BUCKET

    def _sharded(self, found: Mapping[str, Unit]) -> Iterator[Collective]:
        """FSDP's gathers and scatters, in the order in which the step comes to its units.

        Autograd's own operators belong to no layer, so a unit ends where another one begins.
        """
        keeps = self.parallel.reshard_after_forward is False
        root = current = found[""]
        here: set[str] = set()
        before, last = -1, 0
        backward = False
        for at, one in enumerate(self.launched):
            if one.phase not in _RUNS or not one.works:
                continue
            last = at
            unit = _unit_of(self.layers[one.layer], found)
            turns = backward != (one.phase == "backward")
            if current is not root and (turns or unit not in (current, root)):
                if backward:
                    yield from self._scattered(current, at)
                if backward or not keeps:
                    here.discard(current.path)
                current = root if turns else current
            backward = one.phase == "backward"
            if unit.path not in here:
                here.add(unit.path)
                moved = unit.gathered_bytes
                seconds = self._seconds(moved, self.parallel.shard)
                yield Collective("all-gather", moved, seconds, before, at, copied=2 * moved)
                before = at
            if unit is not root:
                current = unit
        if backward:
            for unit in {current.path: current, "": root}.values():
                yield from self._scattered(unit, self._from(last + 1))

    def _scattered(self, unit: Unit, at: int) -> Iterator[Collective]:
        """A unit's gradients, which the optimizer waits for."""
        moved, parallel = unit.reduced_bytes, self.parallel
        if not moved:
            return
        seconds = self._seconds(moved, parallel.shard)
        yield Collective("reduce-scatter", moved, seconds, at, self._optimizer)
        copies = parallel.data // parallel.shard
        if copies > 1:
            part = moved // parallel.shard
            seconds = self._seconds(part, copies, 2, apart=True)
            yield Collective("all-reduce", part, seconds, at, self._optimizer)


def units(
    module: nn.Module, wrapped: Sequence[nn.Module], parallel: Parallel, size: int | None = None
) -> dict[str, Unit]:
    """FSDP's units by the paths of their modules, the innermost first; the whole's is empty."""
    paths = {id(one): path for path, one in module.named_modules()}
    chosen = {paths[id(one)] for one in wrapped} | {""}
    mixed = getattr(torch, parallel.mixed_precision).itemsize if parallel.mixed_precision else 0
    sums = dict.fromkeys(sorted(chosen, key=len, reverse=True), (0, 0))
    for name, parameter in module.named_parameters():
        path = next(path for path in sums if not path or name.startswith(f"{path}."))
        gathered, reduced = sums[path]
        many, each = parameter.numel(), size or parameter.element_size()
        trained = many if parameter.requires_grad else 0
        sums[path] = gathered + many * (mixed or each), reduced + trained * (4 if mixed else each)
    return {path: Unit(path, *found) for path, found in sums.items()}


def _unit_of(layer: str, found: Mapping[str, Unit]) -> Unit:
    """The innermost unit that a layer is in."""
    for path, unit in found.items():
        if layer == path or layer.startswith(f"{path}."):
            return unit
    return found[""]
