"""Several processes that train together: who has which rows, and sums over all of them.

Under `torchrun` each process calls the same function. A global batch is cut into one stretch of
rows for each rank, in order. The loss is the sum over a rank's rows divided by the global batch's
size, so that a last batch that does not divide evenly, or leaves a rank without a row, weighs each
example the same.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from nincost.errors import InputError, one_line


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among those that train together."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and speaks."""
        return self.rank == 0

    def share(self, rows: int) -> slice:
        """This rank's rows of a batch of `rows`."""
        return slice(rows * self.rank // self.world, rows * (self.rank + 1) // self.world)

    def summed(self, values: Tensor) -> Tensor:
        """The sum over all ranks, on each."""
        return self._reduced(values, "sum")

    def smallest(self, values: Tensor) -> Tensor:
        """The smallest over all ranks, element by element."""
        return self._reduced(values, "min")

    def _reduced(self, values: Tensor, how: str) -> Tensor:
        if self.world == 1:
            return values
        from torch import distributed

        operation = distributed.ReduceOp.SUM if how == "sum" else distributed.ReduceOp.MIN
        values = values.clone()
        distributed.all_reduce(values, op=operation)
        return values


def pick_device(name: str | None) -> torch.device:
    """The device asked for, else the GPU of this process, else the CPU."""
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if name is None:
        return torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise InputError(
            f"device {name!r} is none: write cpu, cuda or cuda:1 ({one_line(error)})"
        ) from error
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise InputError(
                "there is no CUDA GPU (torch.cuda.is_available() is False): leave --device out or "
                "write --device cpu"
            )
        if device.index is None:
            device = torch.device("cuda", local)
        if device.index >= torch.cuda.device_count():
            raise InputError(
                f"device {device} is none of the {torch.cuda.device_count()} GPUs here: number "
                "them from cuda:0"
            )
    elif device.type == "meta":
        raise InputError("the meta device has no values to train: write --device cpu")
    return device


def chosen(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """The GPU as torch's current one, which streams, events and NCCL take."""
    return torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext()


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[Ranks]:
    """The ranks that torchrun has started, or that the program has joined already; else just one.

    A process group that is made here is taken down again.
    """
    from torch import distributed

    if not distributed.is_available():
        yield Ranks()
        return
    if distributed.is_initialized():
        yield Ranks(distributed.get_rank(), distributed.get_world_size())
        return
    if int(os.environ.get("WORLD_SIZE", "1")) <= 1 or "RANK" not in os.environ:
        yield Ranks()
        return
    try:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"the {os.environ['WORLD_SIZE']} processes could not be joined ({one_line(error)}): "
            "start them with torchrun --nproc-per-node N -m nincost train ..."
        ) from error
    try:
        yield Ranks(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


def wrapped(module: nn.Module, ranks: Ranks, device: torch.device) -> nn.Module:
    """The module under DistributedDataParallel where there are several ranks."""
    if ranks.world == 1:
        return module
    from torch.nn.parallel import DistributedDataParallel

    ids = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(module, device_ids=ids)


def has_batch_norm(module: nn.Module) -> bool:
    """Whether a layer takes its statistics over the batch, so that a rank's share changes them."""
    from torch.nn.modules.batchnorm import _BatchNorm

    return any(
        isinstance(layer, _BatchNorm) and not isinstance(layer, nn.SyncBatchNorm)
        for layer in module.modules()
    )


class GlobalDropout(TorchFunctionMode):
    """Draws each dropout's mask for the global batch, and takes this rank's rows of it.

    All ranks begin a step with the same random numbers, so the ranks' masks together are the one
    that a single process would draw. Only for dropout whose first dimension is the batch; other
    random layers (dropout of channels, dropped paths) draw by rank.
    """

    def __init__(self, rows: slice, batch: int) -> None:
        super().__init__()
        self.rows = rows
        self.batch = batch

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is not functional.dropout:
            return func(*args, **kwargs)
        return self._dropout(*args, **kwargs)

    def _dropout(
        self, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> Tensor:
        mine = self.rows.stop - self.rows.start
        if not training or p == 0 or input.dim() == 0 or input.shape[0] != mine:
            return functional.dropout(input, p, training, inplace)
        ones = torch.ones((self.batch, *input.shape[1:]), dtype=input.dtype, device=input.device)
        mask = functional.dropout(ones, p, True)[self.rows]
        return input.mul_(mask) if inplace else input * mask
