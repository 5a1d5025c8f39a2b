"""Several processes that train together: which rows each has, and sums over all of them.

Under `torchrun` each process calls the same function. A global batch is cut into one shard of
consecutive rows for each rank. The loss is the sum over a rank's rows divided by the global batch's
size, so that a last batch that does not divide evenly, or leaves a rank without a row, weighs each
example the same.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from nincost._torch.modules import BATCH_NORMS
from nincost.errors import InputError, one_line


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among those that train together: `rank` of `world_size`, from 0 on."""

    rank: int = 0
    world_size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and messages."""
        return self.rank == 0

    def shard(self, rows: int) -> slice:
        """This rank's rows of a batch of `rows`; sizes differ by one at most."""
        return slice(rows * self.rank // self.world_size, rows * (self.rank + 1) // self.world_size)

    def all_reduce(self, values: Tensor, how: Literal["sum", "min"]) -> Tensor:
        """The sum or the smallest over all ranks, element by element, on each rank."""
        if self.world_size == 1:
            return values
        from torch import distributed

        operation = distributed.ReduceOp.SUM if how == "sum" else distributed.ReduceOp.MIN
        values = values.clone()
        distributed.all_reduce(values, op=operation)
        return values


def pick_device(name: str | None) -> torch.device:
    """The device of that name, else the GPU of this process (LOCAL_RANK), else the CPU.

    Raises:
        InputError: an unknown device, one that is not there, or meta.
    """
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if name is None:
        return torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise InputError(
            f"unknown device {name!r}: write cpu, cuda or cuda:1 ({one_line(error)})"
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
                f"device {device} is not one of the {torch.cuda.device_count()} GPUs here: they "
                "are numbered from cuda:0"
            )
    elif device.type == "meta":
        raise InputError("the meta device has no values to train: write --device cpu")
    return device


def use_device(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Make the GPU torch's current one, on which streams, events and NCCL run."""
    return torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext()


@contextlib.contextmanager
def join_ranks(device: torch.device) -> Iterator[Ranks]:
    """This process among those that torchrun started, or that the program has joined; else alone.

    A process group that is made here is destroyed at the end.

    Raises:
        InputError: the processes could not be joined.
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


def data_parallel(module: nn.Module, ranks: Ranks, device: torch.device) -> nn.Module:
    """The module under DistributedDataParallel where there are several ranks."""
    if ranks.world_size == 1:
        return module
    from torch.nn.parallel import DistributedDataParallel

    ids = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(module, device_ids=ids)


def has_batch_norm(module: nn.Module) -> bool:
    """Whether a layer computes statistics over the batch, which a rank's shard would change."""
    return any(isinstance(layer, BATCH_NORMS) for layer in module.modules())


class GlobalDropout(TorchFunctionMode):
    """Draws each dropout's mask for the global batch, and uses this rank's rows of it.

    All ranks begin a step with the same random numbers, so the ranks' masks together are the one
    that a single process would draw. Only for dropout whose first dimension is the batch; other
    random layers (dropout of channels, dropped paths) draw by rank.

    Args:
        rows: this rank's rows of the global batch.
        batch: the global batch's size.
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
