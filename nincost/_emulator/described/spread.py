"""Spreads a module over ranks by PyTorch's own means, and places it on the device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed import ProcessGroup
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from nincost._emulator.described.tensor_plan import TensorPlan
from nincost._step.fsdp_wrap import wrapped
from nincost._step.library_calls import ScriptCalls
from nincost._step.optimizer import make_optimizer, optimizer_class
from nincost._step.parallel import Parallel
from nincost._step.quantized.torchao_weights import place_and_quantize
from nincost._step.step_options import Step
from nincost._torch.distributed import take_dtensors_to_ddp
from nincost._torch.modules import convert_tensors


@dataclass(frozen=True, slots=True)
class Spread:
    """How a module is spread over ranks, on one of them.

    Attributes:
        mesh: the ranks; None where there is one.
        plan: how layers are split by tensor parallelism.
        parts: names of the modules that FSDP shards each by itself.
    """

    parallel: Parallel
    device: torch.device
    mesh: DeviceMesh | None
    plan: TensorPlan
    parts: tuple[str, ...]

    @classmethod
    def of(cls, module: nn.Module, parallel: Parallel, device: torch.device) -> Spread:
        """That of a whole model.

        Raises:
            InputError: a pattern or a plan that names no module of it.
        """
        names = {id(inner): name for name, inner in module.named_modules()}
        found = wrapped(module, parallel.fsdp_wrap) if parallel.is_sharded else []
        parts = tuple(names[id(part)] for part in found)
        return cls(parallel, device, _make_mesh(parallel), TensorPlan.of(module, parallel), parts)

    def renamed(self, names: Mapping[str, str]) -> Spread:
        """That of a part of the model, whose modules have other names: by those in the whole."""
        parts = tuple(names[name] for name in self.parts if name in names)
        return replace(self, plan=self.plan.renamed(names), parts=parts)

    def apply(self, module: nn.Module) -> nn.Module:
        """The module as a training script would have it on its rank: split, placed and wrapped.

        Args:
            module: on meta, or with weights on the CPU; it is changed.
        """
        parallel = self.parallel
        if parallel.tp > 1:
            assert self.mesh is not None
            self.plan.apply(module, self.mesh["tp"])
        if parallel.is_sharded:
            self._shard(module)
            place(module, torch.device("cpu") if parallel.cpu_offload else self.device)
            return module
        place(module, self.device)
        if parallel.compile:
            module.compile()
        if parallel.kind in ("ddp", "zero1"):
            if parallel.tp > 1:
                take_dtensors_to_ddp(module)
            return nn.parallel.DistributedDataParallel(
                module, device_ids=[self.device.index], process_group=self.data_group
            )
        return module

    @property
    def data_group(self) -> ProcessGroup | None:
        """The data-parallel ranks of DDP and zero1; None where these are all."""
        if self.parallel.data == self.parallel.ranks:
            return None
        assert self.mesh is not None
        return self.mesh["dp"].get_group()

    def _shard(self, module: nn.Module) -> None:
        from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, fully_shard

        parallel = self.parallel
        assert self.mesh is not None
        mesh = self.mesh["replicate", "shard"] if parallel.kind == "hsdp" else self.mesh["dp"]
        options: dict[str, Any] = {"mesh": mesh}
        if parallel.reshard_after_forward is not None:
            options["reshard_after_forward"] = parallel.reshard_after_forward
        if parallel.mixed_precision is not None:
            options["mp_policy"] = MixedPrecisionPolicy(
                param_dtype=getattr(torch, parallel.mixed_precision), reduce_dtype=torch.float32
            )
        if parallel.cpu_offload:
            options["offload_policy"] = CPUOffloadPolicy()
        parts = [module.get_submodule(name) for name in self.parts]
        if parallel.compile:
            for part in parts or [module]:
                part.compile()
        for part in parts:
            fully_shard(part, **options)
        fully_shard(module, **options)


def _make_mesh(parallel: Parallel) -> DeviceMesh | None:
    """Tensor-parallel ranks are neighbours; then come those of a copy of the model, then stages."""
    if parallel.ranks == 1:
        return None
    sizes = {"pp": parallel.pp} if parallel.pp > 1 else {}
    if parallel.kind == "hsdp":
        sizes |= {"replicate": parallel.data // parallel.shard, "shard": parallel.shard}
    elif parallel.data > 1 or parallel.pp == 1:
        sizes["dp"] = parallel.data
    if parallel.tp > 1:
        sizes["tp"] = parallel.tp
    return init_device_mesh("cuda", tuple(sizes.values()), mesh_dim_names=tuple(sizes))


def place(module: nn.Module, device: torch.device) -> None:
    """Put parameters and buffers on the device, without values where they are on meta.

    As `to_empty` and `to` do; parameters that several modules share stay one.
    """
    place_and_quantize(module, lambda layer: _place_tensors(layer, device))
    _place_tensors(module, device)


def _place_tensors(module: nn.Module, device: torch.device) -> None:
    shared = dict(_shared(module))
    made: dict[int, Tensor] = {}

    def placed(tensor: Tensor) -> Tensor:
        found = made.get(id(tensor))
        if found is None and tensor.device == device:
            found = made[id(tensor)] = tensor
        if found is None:
            found = torch.empty_like(tensor, device=device) if tensor.is_meta else tensor.to(device)
            made[id(tensor)] = found
        return found

    convert_tensors(module, placed)
    for (owner, name), (first, first_name) in shared.items():
        owner._parameters[name] = first._parameters[first_name]


def _shared(module: nn.Module) -> Iterator[tuple[tuple[nn.Module, str], tuple[nn.Module, str]]]:
    """Parameters that another module has, too, with that one's place."""
    seen: dict[int, tuple[nn.Module, str]] = {}
    for owner in module.modules():
        for name, parameter in owner._parameters.items():
            if parameter is not None:
                first = seen.setdefault(id(parameter), (owner, name))
                if first != (owner, name):
                    yield (owner, name), first


@dataclass(frozen=True, slots=True)
class ParallelCalls(ScriptCalls):
    """As a training script on many ranks calls torch: zero1's optimizer shards its state."""

    spread: Spread

    def make_optimizer(
        self, step: Step, parameters: list[nn.Parameter], module: nn.Module
    ) -> torch.optim.Optimizer:
        if self.spread.parallel.kind != "zero1":
            # Lists of plain tensors and DTensors, as tensor parallelism leaves them, are refused.
            kinds = {type(parameter.data) for parameter in parameters}
            default = "for-loop" if len(kinds) > 1 else ""
            return make_optimizer(step, parameters, step.optimizer_impl or default, module)
        from torch.distributed.optim import ZeroRedundancyOptimizer

        kind, options = optimizer_class(step, step.optimizer_impl or "")
        group = self.spread.data_group
        return ZeroRedundancyOptimizer(parameters, kind, process_group=group, **options)
