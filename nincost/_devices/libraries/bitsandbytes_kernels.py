"""bitsandbytes' operators on meta tensors, as its own CUDA kernels' Python allocates for them.

Each kernel of bitsandbytes is a Python function that allocates with PyTorch and calls a native
library. Those functions run here on meta tensors, with a library that does nothing, so that what
they allocate is what the installed version allocates. bitsandbytes says to PyTorch itself only
what comes out (`register_fake`).
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch

from nincost._devices.target import Target
from nincost._torch.operators import composite_kernel, has_kernel

_NAMESPACE = "bitsandbytes"
_CUDA = "bitsandbytes.backends.cuda.ops"
_LOCK = threading.Lock()

#: They change what they are given, and allocate nothing.
_ALLOCATES_NOTHING = ("optimizer_update_32bit", "optimizer_update_8bit_blockwise")


def bitsandbytes_kernels(target: Target) -> dict[str, Callable[..., Any]]:
    """What bitsandbytes' operators run on the target, by their names without a namespace.

    Empty where bitsandbytes has not been imported: then nothing calls them.
    """
    if _NAMESPACE not in sys.modules or not hasattr(torch.ops.bitsandbytes, "gemm_4bit"):
        return {}
    return _kernels(target.gpu.sm_count, *target.capability)


@functools.cache
def _kernels(multiprocessors: int, major: int, minor: int) -> dict[str, Callable[..., Any]]:
    copy, kernels = _copy_of_kernels()
    nothing = _Nothing()
    instead: dict[str, Any] = {
        **dict.fromkeys(("lib", "get_ptr", "CUBLAS_Context", "_get_raw_stream"), nothing),
        "_cuda_device_of": lambda _: contextlib.nullcontext(),
        "_gpu_dispatch_props": lambda _: (multiprocessors, major, minor),
    }
    vars(copy).update(instead)
    for name in _composites():
        overload = getattr(torch.ops.bitsandbytes, name).default
        kernels.setdefault(name, composite_kernel(overload, explicit=True))
    name = "int8_vectorwise_quant"
    kernels[name] = _without_outliers(kernels[name])
    return {name: one for name, one in kernels.items() if name not in _ALLOCATES_NOTHING}


def _without_outliers(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """LLM.int8()'s kernel where no value of the activations reaches the threshold.

    What it asks in vain is asked all the same, since that allocates.
    """

    def run(
        values: torch.Tensor, threshold: float = 0.0
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        rows, scales, none = kernel(values)
        if threshold == 0:
            return rows, scales, none
        outliers = values.abs() >= threshold
        outliers.any()
        columns = torch.empty(0, device=values.device, dtype=torch.int64)
        if values.numel() > values.shape[-1]:
            rows[:, columns] = 0
        return rows, scales, columns

    return run


def _composites() -> Iterator[str]:
    """Operators that are made of others on each device."""
    for name in ("int8_mixed_scaled_mm", "int8_scaled_mm", "int8_vectorwise_dequant"):
        if has_kernel(f"{_NAMESPACE}::{name}", "CompositeExplicitAutograd"):
            yield name


def _copy_of_kernels() -> tuple[Any, dict[str, Callable[..., Any]]]:
    """A second copy of the module that makes CUDA's kernels, and what it would have registered."""
    kernels: dict[str, Callable[..., Any]] = {}

    def keep(name: str, _device: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def kept(function: Callable[..., Any]) -> Callable[..., Any]:
            kernels[name.partition("::")[2]] = function
            return function

        return kept

    operators: Any = sys.modules["bitsandbytes._ops"]
    library: Any = sys.modules["bitsandbytes.cextension"]
    with _LOCK:  # what it takes from these two is looked up once, here
        kept = operators.register_kernel, library.lib
        operators.register_kernel, library.lib = keep, _Nothing()
        try:
            return _second_copy(_CUDA), kernels
        finally:
            operators.register_kernel, library.lib = kept


def _second_copy(name: str) -> Any:
    """A module of bitsandbytes' that is run once more, under another name."""
    found = importlib.util.find_spec(name)
    assert found is not None
    spec = importlib.util.spec_from_file_location(f"{name}_on_meta", found.origin)
    assert spec is not None
    assert spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    return copy


class _Nothing:
    """A native library, or a function of it, that does nothing."""

    def __getattr__(self, name: str) -> _Nothing:
        return self

    def __call__(self, *arguments: Any) -> Any:
        return self

    def __bool__(self) -> bool:  # the error that it returns
        return False


def quantize_4bit(weight: torch.Tensor, **options: Any) -> tuple[torch.Tensor, Any]:
    """`bitsandbytes.functional.quantize_4bit` in a process that has quantized nothing before.

    Which is why it is a copy's: the module keeps tensors on the device for all that follow.
    """
    return _functional().quantize_4bit(weight, **options)  # type: ignore[no-any-return]


def map_tensors() -> Iterator[torch.Tensor]:
    """What `quantize_4bit` has put on the device once for all weights."""
    yield from _functional().name2qmap.values()


def forget_maps() -> None:
    """Quantize the next weight as the first one of a process."""
    if _NAMESPACE in sys.modules:
        _functional().name2qmap.clear()


@functools.cache
def _functional() -> Any:
    return _second_copy("bitsandbytes.functional")
