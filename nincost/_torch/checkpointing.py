"""Activation checkpointing: which device's autocast is entered again in backward."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import torch.utils.checkpoint

from nincost._torch.names import missing


@contextlib.contextmanager
def checkpointing_as_on(device: str) -> Iterator[None]:
    """Let checkpoints of this thread keep the autocast of `device` where tensors are on meta.

    `torch.utils.checkpoint._infer_device_type` asks the arguments which device's autocast a block
    had, and meta has none.
    """
    module: Any = torch.utils.checkpoint
    name = "_infer_device_type"
    original = getattr(module, name, None)
    if original is None:
        raise missing(f"torch.utils.checkpoint.{name}", "compute a block again under autocast")
    thread = threading.get_ident()

    def infer(*args: Any) -> Any:
        found = original(*args)
        return device if found == "meta" and threading.get_ident() == thread else found

    setattr(module, name, infer)
    try:
        yield
    finally:
        setattr(module, name, original)
