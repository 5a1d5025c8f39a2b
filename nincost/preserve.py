"""Leaves the process as it was: random numbers and torch's global settings."""

from __future__ import annotations

import contextlib
import gc
import random
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def unchanged() -> Iterator[None]:
    """Restore the random states and torch's default dtype on leaving, also after an error.

    Gradient mode, autocast and dispatch modes are thread-local context managers in torch, so code
    that uses them restores them itself.
    """
    import torch

    python_state = random.getstate()
    torch_state = torch.get_rng_state()
    dtype = torch.get_default_dtype()
    grad = torch.is_grad_enabled()
    numpy = sys.modules.get("numpy")
    numpy_state = numpy.random.get_state() if numpy else None
    try:
        yield
    finally:
        random.setstate(python_state)
        torch.set_rng_state(torch_state)
        if torch.get_default_dtype() is not dtype:
            torch.set_default_dtype(dtype)
        if torch.is_grad_enabled() is not grad:
            torch.set_grad_enabled(grad)
        if numpy and numpy_state is not None:
            numpy.random.set_state(numpy_state)


@contextlib.contextmanager
def collection_paused() -> Iterator[None]:
    """Hold back Python's cycle collector, and leave it as it was.

    A trace makes thousands of small records that live, and each few hundred of them would have the
    collector walk through all of torch: half of a trace's time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
