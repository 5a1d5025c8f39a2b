"""The environment in which an interpreter's PyTorch finds an emulated card."""

from __future__ import annotations

import os
import sys

from nincost._devices.cards import Gpu
from nincost._devices.libraries.cudnn_query import device_json
from nincost._emulator.library import LIBRARIES, folder_of

#: More than any card has: with it nothing runs out of memory.
UNLIMITED = 2**60

#: What all variables of the emulated GPU begin with; runtime/runtime.h describes them.
PREFIX = "NINCOST_EMULATED_"


def environment(
    gpu: Gpu,
    *,
    capacity: int | None = None,
    devices: int = 1,
    context: int | None = None,
    python: str = sys.executable,
) -> dict[str, str]:
    """This process's environment, changed so that the interpreter's PyTorch finds those cards.

    `capacity` is how many bytes of a card there are to be had (all of them where it is None;
    `UNLIMITED`), its `context` included: bytes that CUDA itself takes (the card's `context_bytes`
    where it is None). PyTorch sees the card's own size as its total in any case.
    """
    folder = folder_of(python)
    limits = gpu.limits
    card = (
        *gpu.capability, gpu.sm_count, gpu.memory_bytes, limits.threads_per_sm,
        limits.blocks_per_sm, limits.shared_per_block, gpu.l2_bytes, gpu.sm_clock_khz,
        gpu.memory_clock_khz,
    )  # fmt: skip
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) and name not in _OF_A_REAL_CARD
    }
    variables |= {
        "LD_PRELOAD": " ".join(str(folder / name) for name in LIBRARIES),
        f"{PREFIX}CARD": " ".join(map(str, card)),
        f"{PREFIX}NAME": gpu.title,
        f"{PREFIX}CUDNN": device_json(gpu),
        f"{PREFIX}DEVICES": str(devices),
        f"{PREFIX}CONTEXT": str(gpu.context_bytes if context is None else context),
        "TRITON_LIBCUDA_PATH": str(folder),
    }
    if capacity is not None:
        variables[f"{PREFIX}CAPACITY"] = str(capacity)
    return variables


#: What a user may have set for this machine's own cards.
_OF_A_REAL_CARD = {"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"}
