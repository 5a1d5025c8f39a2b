"""Takes `.cuda()` and `device="cuda"` in a model's forward for the device that its step is on."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_META = torch.device("meta")


class CudaIsMeta(TorchFunctionMode):
    """Puts on the meta device what is asked for on a CUDA device.

    It sees each call of torch, which costs time: only for a model that names the device.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is Tensor.cuda:
            return args[0].to(_META)
        args = tuple([_META if _is_cuda(one) else one for one in args])
        given = {name: _META if _is_cuda(one) else one for name, one in (kwargs or {}).items()}
        return func(*args, **given)


def _is_cuda(value: Any) -> bool:
    if type(value) is torch.device:
        return value.type == "cuda"
    return type(value) is str and value.partition(":")[0] == "cuda"
