"""The device that a step's memory is predicted for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from nincost._devices.cards import GPUS, Gpu
from nincost._devices.settings import Settings

#: Which scratch memory of convolution plans a timeline has: none, what the library's heuristics
#: would pick, or the most that any of their candidates allocates.
WorkspaceEstimate = Literal["none", "model", "cap"]


@dataclass(frozen=True, slots=True)
class Target:
    """What rules may ask about the device.

    Args:
        device: `cpu` or `cuda`; which set of rules holds.
        gpu: on CUDA, the card.
        settings: torch's settings there; its defaults where nobody read them.
        workspace: on CUDA, which scratch memory of convolutions to predict: what the heuristics
            pick (`model`), or the ends of the interval around that (`none`, `cap`).
    """

    device: Literal["cpu", "cuda"] = "cuda"
    gpu: Gpu = GPUS["a100-40gb"]
    settings: Settings = field(default_factory=Settings)
    workspace: WorkspaceEstimate = "model"

    @property
    def capability(self) -> tuple[int, int]:
        """On CUDA, the compute capability, such as (8, 6)."""
        return self.gpu.capability

    @property
    def multiprocessors(self) -> int:
        """On CUDA, the number of multiprocessors."""
        return self.gpu.sm_count

    @property
    def optimizer_impl(self) -> Literal["foreach", "for-loop"]:
        """How optimizers update by default: torch.optim takes lists on CUDA, a loop on the CPU."""
        return "foreach" if self.device == "cuda" else "for-loop"


def this_cpu(*, mkldnn: bool = False) -> Target:
    """The CPU of this machine, with as many threads as torch uses."""
    import torch

    settings = Settings(mkldnn=mkldnn, threads=torch.get_num_threads())
    return Target(device="cpu", settings=settings)
