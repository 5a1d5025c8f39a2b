"""Large models on the CPU without their memory: what would fill their weights is not done.

A tensor that was allocated and never written has no pages. Random initializers of large CPU tensors
do nothing, a module's large tensors that were never written are cast without being read or written,
and checkpoints are mapped rather than read. Copies to the card skip such tensors by themselves
(runtime/values.c). With `NINCOST_EMULATED_INITIALIZE` set all is done as ever.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable
from typing import Any

INITIALIZE = "NINCOST_EMULATED_INITIALIZE"
#: Bytes from which on a tensor is large.
LARGE = 4 << 20
#: In-place random fills; on the CPU each of torch.nn.init's ends in one of them.
_FILLS = ("uniform_", "normal_", "exponential_", "log_normal_")


def install(torch: Any) -> None:
    """Replace what fills or casts large CPU tensors."""
    if os.environ.get(INITIALIZE):
        return
    for name in dir(torch.nn.init):
        if name.endswith("_") and not name.startswith("_"):
            setattr(torch.nn.init, name, _unless_large(getattr(torch.nn.init, name)))
    torch.load = _mapped(torch.load)
    from nincost._torch.modules import replace_apply

    replace_apply(functools.partial(_cast, torch))
    if not hasattr(torch.library, "get_kernel"):  # torch 2.10
        return
    library = torch.library.Library("aten", "IMPL")
    _kept.append(library)
    for name in _FILLS:
        own = torch.library.get_kernel(f"aten::{name}", "CPU")
        library.impl(name, _fill(own), "CPU", with_keyset=True)


_kept: list[Any] = []
_skipped = [0, 0]


def skipped() -> tuple[int, int]:
    """How often a large CPU tensor was not filled, and the bytes of these."""
    return _skipped[0], _skipped[1]


def _skips(tensor: Any) -> bool:
    """Whether a tensor is not filled, which is counted."""
    if not _is_large(tensor):
        return False
    _skipped[0] += 1
    _skipped[1] += tensor.numel() * tensor.element_size()
    return True


def _is_large(tensor: Any) -> bool:
    return bool(tensor.device.type == "cpu" and tensor.numel() * tensor.element_size() >= LARGE)


def _unless_large(own: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(own)
    def initialize(tensor: Any, *arguments: Any, **options: Any) -> Any:
        return tensor if _skips(tensor) else own(tensor, *arguments, **options)

    return initialize


def _fill(own: Any) -> Callable[..., Any]:
    def fill(keys: Any, tensor: Any, *arguments: Any, **options: Any) -> Any:
        if _skips(tensor):
            return tensor
        return own.call_boxed(keys, tensor, *arguments, **options)

    return fill


def _cast(torch: Any, own: Callable[..., Any]) -> Callable[..., Any]:
    """`Module._apply`, by which `module.to`, `half` and the like change each parameter."""
    untouched = ctypes.CDLL(None).nincost_emulated_untouched
    untouched.argtypes = [ctypes.c_void_p, ctypes.c_size_t]

    @functools.wraps(own)
    def apply(self: Any, fn: Callable[[Any], Any], *arguments: Any, **options: Any) -> Any:
        def change(tensor: Any) -> Any:
            plain = type(tensor) in (torch.Tensor, torch.nn.Parameter)
            if plain and _is_large(tensor):
                empty = fn(torch.empty(0, dtype=tensor.dtype))  # says what the tensor becomes
                size = tensor.numel() * tensor.element_size()
                if (
                    empty.device.type == "cpu"
                    and empty.dtype != tensor.dtype
                    and untouched(tensor.data_ptr(), size)
                ):
                    return torch.empty_like(tensor, dtype=empty.dtype, requires_grad=False)
            return fn(tensor)

        return own(self, change, *arguments, **options)

    return apply


def _mapped(own: Callable[..., Any]) -> Callable[..., Any]:
    """`torch.load`, which maps a file that it can map where the script does not say."""

    @functools.wraps(own)
    def load(f: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(f, (str, os.PathLike)) and options.get("mmap") is None:
            try:
                return own(f, *arguments, **{**options, "mmap": True})
            except RuntimeError:  # an old format
                pass
        return own(f, *arguments, **options)

    return load
