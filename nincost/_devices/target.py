"""The device that a step's memory is told for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nincost._devices.cards import GPUS, Gpu

#: Which scratch memory of convolution plans a timeline has: none, what the library's heuristics
#: would pick, or the most that any of their candidates takes.
Workspace = Literal["none", "model", "cap"]


@dataclass(frozen=True, slots=True)
class Target:
    """What rules may ask about the device.

    Args:
        device: `cpu` or `cuda`; which set of rules holds.
        mkldnn: on the CPU, whether oneDNN is used (`torch.backends.mkldnn.enabled`).
        threads: on the CPU, `torch.get_num_threads()`; some kernels take scratch for each thread.
        gpu: on CUDA, the card.
        allow_tf32: on CUDA, whether convolutions of float32 may use TF32
            (`torch.backends.cudnn.allow_tf32`, on by default).
        benchmark: on CUDA, `torch.backends.cudnn.benchmark`: plans are timed when a convolution is
            first met, with the largest workspace among them. Which one is the fastest cannot be
            told; the heuristics' first is taken to run.
        deterministic: on CUDA, `torch.backends.cudnn.deterministic`.
        workspace: on CUDA, which scratch memory of convolutions to tell: what the heuristics pick
            (`model`), or the ends of the interval around that (`none`, `cap`).
    """

    device: Literal["cpu", "cuda"] = "cuda"
    mkldnn: bool = False
    threads: int = 1
    gpu: Gpu = GPUS["a100-40gb"]
    allow_tf32: bool = True
    benchmark: bool = False
    deterministic: bool = False
    workspace: Workspace = "model"

    @property
    def capability(self) -> tuple[int, int]:
        """On CUDA, the compute capability, such as (8, 6)."""
        return self.gpu.capability

    @property
    def multiprocessors(self) -> int:
        """On CUDA, the number of multiprocessors."""
        return self.gpu.sm_count

    @property
    def update(self) -> Literal["foreach", "for-loop"]:
        """How optimizers update by default: torch.optim takes lists on CUDA, a loop on the CPU."""
        return "foreach" if self.device == "cuda" else "for-loop"


def this_cpu(*, mkldnn: bool = False) -> Target:
    """The CPU of this machine, with as many threads as torch uses."""
    import torch

    return Target(device="cpu", mkldnn=mkldnn, threads=torch.get_num_threads())
