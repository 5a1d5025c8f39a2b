"""PyTorch's own CUDA code with no GPU: a stand-in for CUDA's runtime, cuBLAS and cuDNN.

`runtime.c` is preloaded in front of the real libraries. In it kernels do nothing; all that is
around them is PyTorch's: what is dispatched, allocated and freed. Convolutions' workspaces are what
the real cuDNN (9.8 or later) answers for the card that is named. It is built on first use, with gcc
and the headers that triton brings.

What it says is no measurement of a card. What is read back from the "card" is zeros, cuDNN's
recurrent layers cannot be run, and batch norm in cuDNN is taken to need no scratch memory.
"""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from nincost._devices.cards import Gpu
from nincost._devices.libraries.cudnn_query import device_json

HERE = Path(__file__).resolve().parent
SOURCES = (HERE / "runtime.c", HERE / "build.sh")


def library(python: str = sys.executable) -> Path:
    """The stand-in for an interpreter's torch, built where there is none of these sources yet."""
    torch, triton = folders(python)
    known = hashlib.sha256(str(torch).encode())
    for source in SOURCES:
        known.update(source.read_bytes())
    folder = Path(tempfile.gettempdir()) / f"nincost-no-gpu-{os.getuid()}-{known.hexdigest()[:12]}"
    found = folder / "no_gpu.so"
    if not found.exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        headers = triton / "backends" / "nvidia" / "include"
        subprocess.run(["sh", SOURCES[1], torch, headers, folder], check=True)
    return found


@functools.cache
def folders(python: str) -> tuple[Path, Path]:
    """Where an interpreter's torch and triton lie, without importing them."""
    program = (
        "import importlib.util as util\n"
        "for name in 'torch', 'triton': print(*util.find_spec(name).submodule_search_locations)"
    )
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"torch and triton are not installed for {python}")
    torch, triton = done.stdout.splitlines()
    return Path(torch), Path(triton)


def variables(gpu: Gpu, python: str = sys.executable) -> dict[str, str]:
    """The environment in which an interpreter's PyTorch finds that card."""
    limits = gpu.limits
    card = (
        *gpu.capability, gpu.sm_count, gpu.memory_bytes, limits.threads_per_sm,
        limits.blocks_per_sm, limits.shared_per_block, gpu.l2_bytes,
    )  # fmt: skip
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")]),
        "LD_PRELOAD": str(library(python)),
        "NO_GPU_CARD": " ".join(map(str, card)),
        "NO_GPU_NAME": gpu.title,
        "NO_GPU_JSON": device_json(gpu),
        "TORCH_DISABLE_NATIVE_JIT": "1",  # Triton would look for the driver
    }
