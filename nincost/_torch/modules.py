"""How modules are called and wrapped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as module_file

from nincost._torch.names import missing

#: The classes whose common bases (`_ConvNd`, `_ConvTransposeNd`, `_BatchNorm`, `_InstanceNorm`)
#: are private; without `SyncBatchNorm`, whose statistics are those of all ranks.
TRANSPOSED_CONVOLUTIONS = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, *TRANSPOSED_CONVOLUTIONS)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
INSTANCE_NORMS = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)


def call_of(kind: type[nn.Module]) -> Callable[..., Any]:
    """`Module._call_impl`, which `Module.__call__` calls: hooks and `forward`."""
    if not hasattr(kind, "_call_impl"):
        raise missing("torch.nn.Module._call_impl", "know which layer an operator belongs to")
    found: Callable[..., Any] = kind._call_impl
    return found


def replace_call(module: nn.Module, call: Callable[..., Any]) -> None:
    """Have `module(...)` run `call(...)`: an instance's `_call_impl` stands before its class's."""
    module.__dict__["_call_impl"] = call


def restore_call(module: nn.Module) -> None:
    """Undo `replace_call`."""
    module.__dict__.pop("_call_impl", None)


#: The attribute of a module in which `Module.compile` keeps what runs in place of `forward`.
COMPILED_CALL = "_compiled_call_impl"

#: The name under which `torch.compile`'s wrapper holds the module that was compiled.
COMPILED_MODULE = "_orig_mod"


def global_module_hooks() -> list[dict[Any, Any]]:
    """The tables of hooks that run for all modules: `torch.nn.modules.module._global_*`."""
    return [
        table
        for name, table in vars(module_file).items()
        if name.startswith("_global_") and isinstance(table, dict)
    ]


def replace_apply(wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Wrap `Module._apply`, by which `module.to`, `half` and the like change each parameter."""
    if not hasattr(nn.Module, "_apply"):
        raise missing("torch.nn.Module._apply", "cast large models without their memory")
    nn.Module._apply = wrap(nn.Module._apply)  # type: ignore[method-assign]


def convert_tensors(module: nn.Module, convert: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Put what `convert` gives in the place of each parameter and buffer, as `module.to` does."""
    if not hasattr(nn.Module, "_apply"):
        raise missing("torch.nn.Module._apply", "place a model on a device")
    module._apply(convert)  # type: ignore[no-untyped-call]


def applies_by_itself(module: nn.Module) -> bool:
    """Whether a module's class moves more than torch's own do: it has an `_apply` of its own."""
    own = getattr(type(module), "_apply", None)
    return own is not None and not str(getattr(own, "__module__", "torch")).startswith("torch.")
