"""Fused attention for inference: for which devices torch's layers call it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import torch.utils.backend_registration

from nincost._torch.names import missing


class _Device(str):
    """A device's type that equals `meta`, too, in the thread that made it."""

    __slots__ = ("thread",)
    thread: int

    def __eq__(self, other: object) -> bool:
        if other == "meta":
            return threading.get_ident() == self.thread
        return str.__eq__(self, other)

    __hash__ = str.__hash__


@contextlib.contextmanager
def fused_attention_on_meta() -> Iterator[None]:
    """Let layers of this thread run their fused kernels on meta tensors, as on CUDA's.

    `nn.MultiheadAttention` and `nn.TransformerEncoderLayer` compare a tensor's device with `cpu`,
    `cuda` and the name of a third device, which is asked for each time.
    """
    module: Any = torch.utils.backend_registration
    name = "_privateuse1_backend_name"
    original = getattr(module, name, None)
    if not isinstance(original, str):
        raise missing(
            f"torch.utils.backend_registration.{name}", "run attention's fused kernels on meta"
        )
    device = _Device(original)
    device.thread = threading.get_ident()
    setattr(module, name, device)
    try:
        yield
    finally:
        setattr(module, name, original)
