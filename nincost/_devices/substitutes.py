"""Runs a device's operators in the place of the ones that meta tensors get, while a step runs.

torch picks some operators by the device of the tensors, above autograd, so that a recorder never
sees the choice: on meta a dropout is four element-wise operators, on CUDA one, with a mask in
bytes. A substitute is a kernel for the composite operator that calls what the device would run; it
is registered for meta tensors under autograd's key while a step is recorded, and then removed.

Some composites run the same operators as on meta, but in place; these are only marked, so that a
rule can distinguish `linear`'s addition of its bias from a sum in the model's own code. Under a
dispatch mode of the user's own, as selective checkpointing has, they are not in place on the device
either.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol

import torch

from nincost._devices.declare import SubstituteFunction
from nincost._devices.libraries.bitsandbytes_kernels import bitsandbytes_kernels
from nincost._devices.settings import attention_switches
from nincost._devices.tables import DeviceTables
from nincost._devices.target import Target
from nincost._isolation import logging_from
from nincost._torch.operators import (
    composite_kernel,
    destroy,
    dispatch_modes,
    has_kernel,
    register_on_meta,
)
from nincost._trace.meta_operators import Layout

#: Composites whose operators are recorded with the composite's name as their `node`.
_MARKED = ("aten.linear", "aten.scaled_dot_product_attention")

#: Registration is the whole process's, so one recording goes at a time.
_LOCK = threading.RLock()


class Marks(Protocol):
    """A recorder that notes in which marked composite an operator runs."""

    inside: str


@contextlib.contextmanager
def substituted(
    tables: DeviceTables, target: Target, recorder: Marks, *, on_meta: bool = True
) -> Iterator[None]:
    """Run the operators of `tables` in the place of meta's, in this thread.

    A second thread's recording waits for its turn; what else other threads do with meta tensors is
    left to torch. With `on_meta` off it is the CPU's operators that are replaced, as far as the CPU
    has kernels of what the target would run.
    """
    run = {
        operator: _bind(substitute.function, target, operator)
        for operator, substitute in tables.substitutes.items()
        if on_meta or substitute.on_cpu
    }
    with _LOCK, contextlib.ExitStack() as stack:
        if on_meta:
            for operator, kernel in _missing_kernels(tables).items():
                namespace, _, name = operator.partition(".")
                register_on_meta(_library(namespace, stack), name, kernel)
        library = _library("aten", stack)
        for operator in {*run, *_MARKED}:
            kernel = run.get(operator, composite_kernel(_overload(operator)))
            if operator in _MARKED:
                kernel = _mark(kernel, operator.removeprefix("aten."), recorder)
            kernel = _in_this_thread(kernel, composite_kernel(_overload(operator)))
            key = "AutogradMeta" if on_meta else "AutogradCPU"
            library.impl(operator.removeprefix("aten."), kernel, key)
        others = bitsandbytes_kernels(target) if on_meta and target.device == "cuda" else {}
        if others:
            library = _library("bitsandbytes", stack)
            # At each call it warns of what it casts.
            stack.enter_context(logging_from(logging.ERROR, "bitsandbytes"))
        for name, kernel in others.items():
            library.impl(name, kernel, "AutogradMeta")
        yield


def _library(namespace: str, stack: contextlib.ExitStack) -> Any:
    """A library whose registrations end with `stack`."""
    make: Any = torch.library.Library
    library = make(namespace, "IMPL")
    stack.callback(destroy, library)
    return library


@functools.cache
def _missing_kernels(tables: DeviceTables) -> dict[str, Callable[..., Any]]:
    """Meta kernels that torch lacks: those declared, and layouts of operators without one."""
    kernels = dict(tables.meta_kernels)
    for name, operator in tables.operators.items():
        one_overload = name.count(".") == 2
        if operator.layout is None or not one_overload:
            continue
        short = name.removesuffix(".default")
        if not has_kernel(short.replace(".", "::", 1), "Meta"):
            kernels[short] = _kernel_of(operator.layout, short)
    return kernels


def _kernel_of(layout: Layout, name: str) -> Callable[..., Any]:
    """A layout as a meta kernel."""

    def kernel(*args: Any, **kwargs: Any) -> Any:
        layouts = layout(*args, **kwargs)
        if layouts is None:
            raise NotImplementedError(f"{name} has no meta kernel for these arguments")
        made = [
            None if one is None else torch.empty_strided(*one[:2], dtype=one.dtype, device="meta")
            for one in layouts
        ]
        return made[0] if len(made) == 1 else tuple(made)

    return kernel


def _overload(operator: str) -> Any:
    """`aten.softmax.int` as torch's `OpOverload`; the default overload where none is named."""
    _, name, overload = (*operator.split("."), "default")[:3]
    return getattr(getattr(torch.ops.aten, name), overload)


def _in_this_thread(run: Callable[..., Any], otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """`run` in this thread, `otherwise` in any other."""
    thread = threading.get_ident()

    def choose(*args: Any, **kwargs: Any) -> Any:
        chosen = run if threading.get_ident() == thread else otherwise
        return chosen(*args, **kwargs)

    return choose


def _mark(run: Callable[..., Any], name: str, recorder: Marks) -> Callable[..., Any]:
    # The dispatcher keeps a kernel after its library is gone, and must not keep the model with it.
    held = weakref.ref(recorder)

    def marked(*args: Any, **kwargs: Any) -> Any:
        recorder = held()
        if recorder is None or dispatch_modes() > 1:
            return run(*args, **kwargs)
        before, recorder.inside = recorder.inside, name
        try:
            return run(*args, **kwargs)
        finally:
            recorder.inside = before

    return marked


def _bind(function: SubstituteFunction, target: Target, operator: str) -> Callable[..., Any]:
    """The substitute, told what the model's own code has switched since the recording began."""
    composite = composite_kernel(_overload(operator))
    begun = attention_switches()

    def run(*args: Any, **kwargs: Any) -> Any:
        settings = target.settings.switched(begun, attention_switches())
        here = target if settings is target.settings else replace(target, settings=settings)
        result = function(here, *args, **kwargs)
        return composite(*args, **kwargs) if result is NotImplemented else result

    return run
