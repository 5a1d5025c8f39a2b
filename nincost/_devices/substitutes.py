"""Operators that a device runs in the place of the ones that meta tensors get.

torch picks some operators by the device of the tensors, above autograd, so that the recorder never
sees the choice: on meta a dropout is four element-wise operators, on CUDA one, with a mask in
bytes. A substitute is a kernel for the composite operator that asks for what the device would run;
it is registered for meta tensors under autograd's key while a step is recorded, and taken away.

Some composites run the same operators as on meta, but in place; these are only marked, so that a
rule can tell `linear`'s addition of its bias from a sum that the model asked for.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import torch

from nincost._devices.target import Target
from nincost._memory.storage_tracker import StorageTracker

#: A kernel gets the target first; it gives NotImplemented to leave the call to torch.
Kernel = Callable[..., Any]

_KERNELS: dict[tuple[str, str], Kernel] = {}

#: Kernels of operators that torch has on the device, but not for meta tensors.
_META: dict[tuple[str, str], Callable[..., Any]] = {}

#: Composites whose operators are recorded with the composite's name as their `node`.
_MARKED = ("linear", "scaled_dot_product_attention")

#: Registration is the whole process's, so one recording goes at a time.
_LOCK = threading.RLock()


def substitute(device: str, operator: str) -> Callable[[Kernel], Kernel]:
    """Register a kernel for `operator`, a composite of aten, with its overload if it has one."""

    def register(kernel: Kernel) -> Kernel:
        _KERNELS[device, operator] = kernel
        return kernel

    return register


def meta_kernel(device: str, operator: str) -> Callable[[Kernel], Kernel]:
    """Register what `operator` makes on meta tensors, while a step is recorded for `device`.

    The kernel gets the operator's own arguments.
    """

    def register(kernel: Kernel) -> Kernel:
        _META[device, operator] = kernel
        return kernel

    return register


#: The substitutes whose operators the CPU has kernels for: those that a run with values gets.
_WITH_VALUES = ("dropout", "softmax.int", "log_softmax.int")


@contextlib.contextmanager
def substituted(
    target: Target, recorder: StorageTracker, *, on_meta: bool = True
) -> Iterator[None]:
    """Run the target's operators in the place of meta's, in this thread.

    A second thread's recording waits for its turn; what else other threads do with meta tensors is
    left to torch. With `on_meta` off it is the CPU's operators that are replaced, as far as the CPU
    has kernels of what the target would run.
    """
    if target.device == "cuda":
        importlib.import_module("nincost._devices.cuda.substitutes")
    with _LOCK:
        make: Any = torch.library.Library
        library = make("aten", "IMPL")
        try:
            for (device, operator), kernel in _META.items():
                if device == target.device and on_meta:
                    # Library.impl refuses composites, whose parts torch wants to see on meta.
                    library.m.impl(operator, "Meta", kernel, False)
            kernels = {
                operator: _bind(kernel, target, operator)
                for (device, operator), kernel in _KERNELS.items()
                if device == target.device and (on_meta or operator in _WITH_VALUES)
            }
            for operator in {*kernels, *_MARKED}:
                run = kernels.get(operator, _composite(operator))
                if operator in _MARKED:
                    run = _mark(run, operator, recorder)
                key = "AutogradMeta" if on_meta else "AutogradCPU"
                library.impl(operator, _here(run, _composite(operator)), key)
            yield
        finally:
            library._destroy()


def _composite(operator: str) -> Callable[..., Any]:
    name, _, overload = operator.partition(".")
    found = getattr(getattr(torch.ops.aten, name), overload or "default")
    # Its C++ kernel; `decompose` would prefer a Python one that torch keeps for its compiler.
    return functools.partial(found._op_dk, torch._C.DispatchKey.CompositeImplicitAutograd)


def _here(run: Callable[..., Any], otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """`run` in this thread, `otherwise` in any other."""
    thread = threading.get_ident()

    def choose(*args: Any, **kwargs: Any) -> Any:
        chosen = run if threading.get_ident() == thread else otherwise
        return chosen(*args, **kwargs)

    return choose


def _mark(run: Callable[..., Any], operator: str, recorder: StorageTracker) -> Callable[..., Any]:
    # The dispatcher keeps a kernel after its library is gone, and must not keep the model with it.
    held = weakref.ref(recorder)

    def marked(*args: Any, **kwargs: Any) -> Any:
        recorder = held()
        if recorder is None:
            return run(*args, **kwargs)
        before, recorder.inside = recorder.inside, operator
        try:
            return run(*args, **kwargs)
        finally:
            recorder.inside = before

    return marked


def _bind(kernel: Kernel, target: Target, operator: str) -> Callable[..., Any]:
    composite = _composite(operator)

    def run(*args: Any, **kwargs: Any) -> Any:
        result = kernel(target, *args, **kwargs)
        return composite(*args, **kwargs) if result is NotImplemented else result

    return run


@substitute("cpu", "scaled_dot_product_attention")
def _attention_on_cpu(
    _target: Target,
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """Flash attention for the CPU where it may be used, else the composite's arithmetic.

    aten/src/ATen/native/transformers/sdp_utils_cpp.cpp: use_flash_attention_cpp.
    """
    fits = (
        dropout_p == 0.0
        and query.dim() == key.dim() == value.dim() == 4
        and query.shape[-1] == key.shape[-1] == value.shape[-1]
        and all(t.stride(-1) == 1 and 0 not in t.shape for t in (query, key, value))
        and query.dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16)
        and not (attn_mask is not None and attn_mask.requires_grad)
        and not enable_gqa
        and query.shape[1] == key.shape[1] == value.shape[1]
    )
    if not fits:
        return NotImplemented
    if attn_mask is not None:
        return NotImplemented
    return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, key, value, dropout_p, is_causal, attn_mask=attn_mask, scale=scale
    )[0]
