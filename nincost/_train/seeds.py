"""Random numbers that follow from a seed and a step alone, and torch's settings of a training.

Each step begins with generators seeded by (seed, epoch, step). So a training that is resumed from
a checkpoint draws what it would have drawn, each process of a distributed one draws the same, and
no generator's state need be saved.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import torch

from nincost._isolation import unchanged


def derive_seed(*parts: object) -> int:
    """A seed of 63 bits that depends on all parts."""
    text = ":".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def seed_all(*parts: object) -> None:
    """Seed torch on the devices in use, Python's `random`, and NumPy where it is loaded.

    Not by `torch.manual_seed`: without CUDA that queues a call, and formats a stack, each time.
    """
    seed = derive_seed(*parts)
    torch.default_generator.manual_seed(seed)
    cuda: Any = torch.cuda
    if cuda.is_initialized():
        cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed % 2**32)


@contextlib.contextmanager
def global_settings(*, deterministic: bool) -> Iterator[list[str]]:
    """Set deterministic kernels or not, float32 as the default dtype, and no cuDNN benchmark.

    All global state is restored at the end. Yields a list to which torch's warnings of operators
    without a deterministic kernel are added.
    """
    backend: Any = torch.backends.cudnn
    utils: Any = torch.utils.deterministic
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        backend.deterministic,
        backend.benchmark,
        utils.fill_uninitialized_memory,
    )
    cuda: Any = torch.cuda
    states = cuda.get_rng_state_all() if cuda.is_initialized() else None
    warned: list[str] = []
    try:
        with unchanged(), _collected(warned):
            torch.use_deterministic_algorithms(deterministic, warn_only=True)
            backend.deterministic, backend.benchmark = deterministic, False
            utils.fill_uninitialized_memory = False  # it would fill each new tensor with NaN
            torch.set_default_dtype(torch.float32)
            yield warned
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        backend.deterministic, backend.benchmark = before[2], before[3]
        utils.fill_uninitialized_memory = before[4]
        if states is not None:
            cuda.set_rng_state_all(states)


@contextlib.contextmanager
def _collected(warned: list[str]) -> Iterator[None]:
    """Collect warnings of operators without a deterministic kernel; show the others as usual."""
    show = warnings.showwarning  # restored by catch_warnings

    def collect(message: Warning | str, *rest: Any, **more: Any) -> None:
        text = str(message)
        if "deterministic" in text:
            words = re.split(r",|\. ", text, maxsplit=1)[0].strip()
            if words not in warned:
                warned.append(words)
        else:
            show(message, *rest, **more)  # type: ignore[arg-type]

    with warnings.catch_warnings():
        warnings.filterwarnings("always", message=".*deterministic.*")
        warnings.showwarning = collect  # type: ignore[assignment]
        yield
