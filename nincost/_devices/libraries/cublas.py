"""Workspaces that PyTorch gives to cuBLAS and cuBLASLt: how large, and when they come.

Read in aten/src/ATen/cuda/CublasHandlePool.cpp (as stored in 2026; it matches what torch 2.14
documents at `torch.backends.cuda.cublas_workspace_size`). Pure functions of the card's compute
capability and of the environment variables' texts; compared with an H100 in torch 2.11.

WHEN. A workspace belongs to a pair of handle and stream. It is allocated through the caching
allocator when the pair is first used, and kept until the process ends (or
`torch._C._cuda_clearCublasWorkspaces()`). Handles belong to threads: the main thread's first GEMM
in forward allocates one, and the first GEMM in backward another, since the autograd engine runs
backward in a thread of its own for each device. Inference makes one, and so does a step whose
backward has no GEMM. Convolutions in cuDNN make none.

UNIFIED. cuBLASLt (a linear layer with bias, in most cases) uses the same block as cuBLAS from torch
2.12 on, unless `TORCH_CUBLASLT_UNIFIED_WORKSPACE=0`; then the first call of each library on each
pair allocates. In torch 2.11 they are apart unless the variable is 1, and the first call of
cuBLASLt allocates both (seen on an H100).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

KIB = 1024

#: `:4096:2:16:8`, two blocks of 4096 KiB and eight of 16 KiB.
DEFAULT_BYTES = (2 * 4096 + 8 * 16) * KIB

#: Hopper and Blackwell (compute capabilities 9.x, 10.x and 12.x).
LARGE_BYTES = 32 * 1024 * KIB
_LARGE_MAJORS = frozenset({9, 10, 12})

#: cuBLASLt's own default where the two are not unified.
LT_BYTES = 1024 * KIB

#: The first release of torch that gives one block to both libraries by default.
UNIFIED_FROM = (2, 12)

_FALSE = frozenset({"0", "false", "no", "off"})
_PAIR = re.compile(":([0-9]+):([0-9]+)")


@dataclass(frozen=True, slots=True)
class BlasWorkspaces:
    """Bytes of one workspace of each library, before the allocator rounds. `lt` is 0 if unified.

    Each is allocated once for every thread that calls the library; cuBLAS's by a call of cuBLASLt,
    too, where `lt_needs_both`.
    """

    blas: int
    lt: int
    lt_needs_both: bool = False

    @property
    def unified(self) -> bool:
        """Whether cuBLASLt uses cuBLAS's block."""
        return self.lt == 0

    def first_call(self, *, lt: bool) -> dict[str, int]:
        """What a thread's first call allocates, in order: of cuBLASLt (`lt`) or of cuBLAS."""
        if not lt or self.unified:
            return {"cuBLAS": self.blas}
        both = {"cuBLAS": self.blas} if self.lt_needs_both else {}
        return {**both, "cuBLASLt": self.lt}


def blas_workspaces(
    capability: tuple[int, int], variables: Mapping[str, str], *, unified: bool = True
) -> BlasWorkspaces:
    """Workspaces on a card of that compute capability, by a process's environment variables.

    `unified`: whether torch's default is one block for both libraries: from `UNIFIED_FROM` on.
    """
    blas = workspace_bytes(capability, variables.get("CUBLAS_WORKSPACE_CONFIG"))
    default = "1" if unified else "0"
    if variables.get("TORCH_CUBLASLT_UNIFIED_WORKSPACE", default).strip().lower() not in _FALSE:
        return BlasWorkspaces(blas, 0)
    lt = lt_workspace_bytes(variables.get("CUBLASLT_WORKSPACE_SIZE"))
    return BlasWorkspaces(blas, lt, lt_needs_both=not unified)


def workspace_bytes(capability: tuple[int, int], config: str | None = None) -> int:
    """Bytes of a cuBLAS workspace: the sum of SIZE * COUNT KiB over `:SIZE:COUNT` pairs.

    A text without such a pair counts as none, with a warning in PyTorch; `:0:0` means none at all.
    """
    default = LARGE_BYTES if capability[0] in _LARGE_MAJORS else DEFAULT_BYTES
    pairs = _PAIR.findall(config) if config is not None else []
    return sum(int(size) * int(count) * KIB for size, count in pairs) if pairs else default


def lt_workspace_bytes(size: str | None = None) -> int:
    """Bytes of a cuBLASLt workspace of its own: CUBLASLT_WORKSPACE_SIZE in KiB, else 1 MiB.

    As C++'s `std::stoi` reads it: leading digits count, a text without any is the default.
    """
    digits = re.match(r"\s*([+-]?[0-9]+)", size or "")
    if digits is None or not 0 <= int(digits[1]) < 2**31:
        return LT_BYTES
    return int(digits[1]) * KIB
