"""The environment in which an interpreter's PyTorch finds an emulated card."""

from __future__ import annotations

import os
import sys

from nincost._c_libraries import system_compiler
from nincost._devices.cards import Gpu
from nincost._devices.libraries.cudnn_query import device_json
from nincost._emulator.library import COMPILER, LIBRARIES, SITE, folder_of
from nincost._emulator.observe.user_code import GENERATED
from nincost._emulator.process import PRELOAD
from nincost._emulator.ranks import world
from nincost._emulator.ranks.journal import JOURNAL
from nincost._emulator.values.initialization import INITIALIZE
from nincost._emulator.values.kernels import ASSUME, ROUTING, check_routing, parse_fraction
from nincost._files import cache_folder

#: More than any card has: with it nothing runs out of memory.
UNLIMITED = 2**60

#: What all variables of the emulated GPU begin with; runtime/runtime.h describes them.
PREFIX = "NINCOST_EMULATED_"


def environment(
    gpu: Gpu,
    *,
    capacity: int | None = None,
    devices: int | None = None,
    context: int | None = None,
    rank: int = 0,
    world_size: int | None = None,
    ranks_per_node: int = 8,
    journal: str | os.PathLike[str] | None = None,
    assume: str | None = None,
    routing: str | None = None,
    initialize: bool = False,
    python: str = sys.executable,
) -> dict[str, str]:
    """This process's environment, changed so that the interpreter's PyTorch finds those cards.

    Args:
        gpu: the card; devices: how many of them the process sees (one for each rank of a node).
        capacity: bytes of a card that there are to be had, all of them where it is None, or
            `UNLIMITED`. PyTorch sees the card's own size as its total in any case.
        context: bytes that CUDA itself takes of it (the card's `context_bytes` where it is None).
        rank, world_size, ranks_per_node: the process is that rank of so many; where there is no
            `world_size`, torch.distributed is left as it is.
        journal: a folder that the ranks of one run share, see `journal.Journal`. With it, processes
            that turn out to be another rank than this leave.
        assume: how much of a mask is set (`values.parse_fraction`; all of it where it is None).
        routing: how a router of experts chooses (`values.check_routing`; balanced where None).
        initialize: fill large CPU tensors as ever, see `initialization`.
        python: the interpreter that will be started.
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
    preload = ":".join(str(folder / name) for name in LIBRARIES)
    variables |= {
        "LD_PRELOAD": ":".join(filter(None, [preload, os.environ.get("LD_PRELOAD")])),
        PRELOAD: preload,
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(folder / SITE), os.environ.get("PYTHONPATH")])
        ),
        f"{PREFIX}CARD": " ".join(map(str, card)),
        f"{PREFIX}NAME": gpu.title,
        f"{PREFIX}CUDNN": device_json(gpu),
        f"{PREFIX}DEVICES": str(devices or min(world_size or 1, ranks_per_node)),
        f"{PREFIX}CONTEXT": str(gpu.context_bytes if context is None else context),
        "TRITON_LIBCUDA_PATH": str(folder),
        # Shared between runs, and apart from those that hold what a real card chose.
        "TORCHINDUCTOR_CACHE_DIR": str(cache_folder() / f"{GENERATED}runs"),
        "TRITON_CACHE_DIR": str(cache_folder() / f"{GENERATED}runs" / "triton"),
    }
    if system_compiler() is None and (folder / COMPILER).exists():
        variables.setdefault("CC", str(folder / COMPILER))
    if capacity is not None:
        variables[f"{PREFIX}CAPACITY"] = str(capacity)
    if world_size is not None:
        variables |= world.variables(rank, world_size, ranks_per_node)
    if assume is not None:
        parse_fraction(assume)
        variables[ASSUME] = assume
    if routing is not None:
        variables[ROUTING] = check_routing(routing)
    if initialize:
        variables[INITIALIZE] = "1"
    if journal is not None:
        variables |= {JOURNAL: os.fspath(journal), world.WANTED: str(rank)}
    return variables


#: What a user may have set for this machine's own cards.
_OF_A_REAL_CARD = {"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"}
