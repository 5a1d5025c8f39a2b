"""What hangs on values that the card would have computed: sizes, truths, what is read back.

Kernels do nothing, so that what they would have written reads as zeros. Three things are done:

- operators whose output's size comes from the card (`nonzero`, and with it boolean masks; `unique`)
  find as many elements as `NINCOST_EMULATED_ASSUME` says: `all` (the default), `half`, `none`, or a
  fraction; `bincount` and `histc` count alike for each bin; `repeat_interleave` adds up repeats
  that the host wrote;
- `all` and `equal` are true, so that checks pass;
- each read of what a kernel would have written is counted, with the line that asked for it.

torch's own kernels run all the same, and allocate what they allocate.
"""

from __future__ import annotations

import atexit
import ctypes
import os
from collections.abc import Callable
from typing import Any

from nincost._emulator.assumptions import assume
from nincost.errors import InputError

ASSUME = "NINCOST_EMULATED_ASSUME"
_FRACTIONS = {"all": 1.0, "half": 0.5, "none": 0.0}


def parse_fraction(text: str) -> float:
    """`all`, `half`, `none` or a fraction as a number from 0 to 1."""
    try:
        value = _FRACTIONS[text] if text in _FRACTIONS else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise InputError(f"assume is {text!r}: expected all, half, none or a number from 0 to 1")
    return value


def install(torch: Any) -> None:
    """Replace CUDA kernels that need an assumption, where torch lets their own be kept."""
    try:
        runtime = ctypes.CDLL(None)
        runtime.nincost_emulated_answer.argtypes = [ctypes.c_int, ctypes.c_int64]
        write = runtime.nincost_emulated_write
        write.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    except AttributeError:  # not preloaded
        return
    _report_reads(runtime)
    if hasattr(torch.library, "get_kernel"):  # torch 2.10
        _Kernels(torch, runtime, parse_fraction(os.environ.get(ASSUME, "all"))).replace()


def _report_reads(runtime: Any) -> None:
    def on_read(size: int) -> None:
        assume("value", "copy to the host", f"{size} bytes read as zeros")

    callback = ctypes.CFUNCTYPE(None, ctypes.c_size_t)(on_read)
    runtime.nincost_emulated_on_read(callback)
    atexit.register(runtime.nincost_emulated_on_read, None)  # and keeps the callback
    _kept.append(callback)


_kept: list[Any] = []


class _Kernels:
    """The kernels that are replaced, over those that they replace."""

    def __init__(self, torch: Any, runtime: Any, fraction: float) -> None:
        self.torch = torch
        self.runtime = runtime
        self.fraction = fraction
        self.library = torch.library.Library("aten", "IMPL")

    def replace(self) -> None:
        """Register each; one that this torch does not have is left out."""
        for name, make in {
            "nonzero": self.finds,
            "_unique": self.finds,
            "_unique2": self.finds,
            "unique_dim": self.finds,
            "unique_consecutive": self.finds,
            "unique_dim_consecutive": self.finds,
            "repeat_interleave.Tensor": self.repeats,
            "bincount": self.counts,
            "histc": self.counts,
            "all": self.is_true,
            "all.dim": self.is_true,
            "equal": self.equals,
        }.items():
            try:
                own = self.torch.library.get_kernel(f"aten::{name}", "CUDA")
                self.library.impl(name, make(name, own), "CUDA", with_keyset=True)
            except RuntimeError:
                continue
        _kept.append(self.library)

    def write(self, result: Any, content: Any) -> None:
        """Put a CPU tensor's content behind a card's, outside of any stream."""
        if result.is_contiguous():
            size = content.numel() * content.element_size()
            self.runtime.nincost_emulated_write(result.data_ptr(), content.data_ptr(), size)

    def finds(self, name: str, own: Any) -> Callable[..., Any]:
        """An operator that finds some of the elements of its first argument."""
        least = 0 if name == "nonzero" else 1

        def kernel(keys: Any, tensor: Any, *arguments: Any, **options: Any) -> Any:
            many = tensor.numel()
            if name.startswith("unique_dim"):
                many = tensor.size(arguments[0]) if tensor.dim() else many
            found = max(min(least, many), int(many * self.fraction))
            if many:
                assume("size", name, f"{found:,} of {many:,} elements")
                self.runtime.nincost_emulated_answer(1, found)
            try:
                return own.call_boxed(keys, tensor, *arguments, **options)
            finally:
                self.runtime.nincost_emulated_answer(0, 0)

        return kernel

    def repeats(self, name: str, own: Any) -> Callable[..., Any]:
        """The places of repeated elements: as many as the host knows the repeats to add up to."""

        def kernel(keys: Any, repeats: Any, *, output_size: int | None = None) -> Any:
            if output_size is None:
                output_size = int(repeats.cpu().sum())
            return own.call_boxed(keys, repeats, output_size=output_size)

        return kernel

    def counts(self, name: str, own: Any) -> Callable[..., Any]:
        """An operator that counts how many elements fall into each bin: alike."""

        def kernel(keys: Any, tensor: Any, *arguments: Any, **options: Any) -> Any:
            result = own.call_boxed(keys, tensor, *arguments, **options)
            bins = result.numel()
            if bins:
                each, more = divmod(tensor.numel(), bins)
                counts = self.torch.full((bins,), each, dtype=result.dtype)
                counts[:more] += 1
                assume("size", name, f"{tensor.numel():,} elements alike in {bins:,} bins")
                self.write(result, counts)
            return result

        return kernel

    def is_true(self, name: str, own: Any) -> Callable[..., Any]:
        """A check of all elements."""

        def kernel(keys: Any, *arguments: Any, **options: Any) -> Any:
            result = own.call_boxed(keys, *arguments, **options)
            if result.numel() == 1:
                assume("value", name, "taken to be true")
                self.write(result, self.torch.ones((), dtype=result.dtype))
            return result

        return kernel

    def equals(self, name: str, own: Any) -> Callable[..., Any]:
        """Whether two tensors are equal: those of one shape are."""

        def kernel(keys: Any, *arguments: Any, **options: Any) -> bool:
            assume("value", name, "taken to be true")
            self.runtime.nincost_emulated_answer(1, 1)
            try:
                return bool(own.call_boxed(keys, *arguments, **options))
            finally:
                self.runtime.nincost_emulated_answer(0, 0)

        return kernel
