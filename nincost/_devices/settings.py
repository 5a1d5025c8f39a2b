"""Torch's global settings that change what a step allocates: read once, then passed down.

`Settings()` has torch's defaults. Only `Settings.read()` looks at the running process, and
`attention_switches()`, for what a model's own code switches while it runs; rules and layouts get
the value with their `Target` and look at nothing else, and a fresh process is set up by `apply` and
`variables`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Literal

#: Kernels of scaled dot-product attention, as `torch.nn.attention.SDPBackend` numbers them.
SDPA_BACKENDS: tuple[str, ...] = ("math", "flash", "efficient", "cudnn")

#: Environment variables that PyTorch's CUDA code reads when it first allocates for a library.
VARIABLES = (
    "CUBLAS_WORKSPACE_CONFIG",
    "CUBLASLT_WORKSPACE_SIZE",
    "TORCH_CUBLASLT_UNIFIED_WORKSPACE",
    "TORCH_CUDNN_SDPA_DEPRIORITIZED",
)

SdpaBackend = Literal["math", "flash", "efficient", "cudnn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What of torch's global state a step's memory depends on.

    Attributes:
        cudnn: `torch.backends.cudnn.enabled`.
        cudnn_benchmark: `torch.backends.cudnn.benchmark`: convolution plans are timed when a
            convolution is first met, with the largest workspace among them. Which one is the
            fastest cannot be predicted; the heuristics' first is taken to run.
        cudnn_deterministic: `torch.backends.cudnn.deterministic`.
        tf32: `torch.backends.cudnn.allow_tf32`: whether float32 convolutions may use TF32.
        deterministic: `torch.use_deterministic_algorithms`.
        deterministic_warn_only: its `warn_only`: an operator without a deterministic kernel warns,
            rather than raising; attention then keeps those that are not.
        flash_sdp, efficient_sdp, cudnn_sdp: whether attention may use that kernel
            (`torch.backends.cuda.flash_sdp_enabled` and its siblings).
        sdpa_order: the order in which attention's kernels are tried.
        mkldnn: on the CPU, `torch.backends.mkldnn.enabled`.
        threads: on the CPU, `torch.get_num_threads()`; some kernels allocate for each thread.
        torch_release: torch's version, as (2, 14): what older ones do otherwise is asked by it.
        variables: those of `VARIABLES` that are set.
    """

    cudnn: bool = True
    cudnn_benchmark: bool = False
    cudnn_deterministic: bool = False
    tf32: bool = True
    deterministic: bool = False
    deterministic_warn_only: bool = False
    flash_sdp: bool = True
    efficient_sdp: bool = True
    cudnn_sdp: bool = True
    sdpa_order: tuple[SdpaBackend, ...] = ("flash", "efficient", "math", "cudnn")
    mkldnn: bool = False
    threads: int = 1
    torch_release: tuple[int, int] = (2, 14)
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def read(cls) -> Settings:
        """The settings of this process."""
        import torch

        backends: Any = torch.backends
        return cls(
            cudnn=backends.cudnn.enabled,
            cudnn_benchmark=backends.cudnn.benchmark,
            cudnn_deterministic=backends.cudnn.deterministic,
            tf32=backends.cudnn.allow_tf32,
            deterministic=torch.are_deterministic_algorithms_enabled(),
            deterministic_warn_only=torch.is_deterministic_algorithms_warn_only_enabled(),
            **attention_switches(),
            mkldnn=backends.mkldnn.enabled,
            threads=torch.get_num_threads(),
            torch_release=release_of(torch.__version__),
            variables={name: os.environ[name] for name in VARIABLES if name in os.environ},
        )

    def apply(self) -> None:
        """Set up this process (a fresh one): all but the CPU's settings and `variables`.

        The variables must stand in its environment from the start.
        """
        import torch

        from nincost._torch.process import set_sdpa_order

        backends: Any = torch.backends
        backends.cudnn.enabled = self.cudnn
        backends.cudnn.benchmark = self.cudnn_benchmark
        backends.cudnn.deterministic = self.cudnn_deterministic
        backends.cudnn.allow_tf32 = self.tf32
        deterministic = (self.deterministic, self.deterministic_warn_only)
        if deterministic != (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        ):  # which imports the compiler
            torch.use_deterministic_algorithms(deterministic[0], warn_only=deterministic[1])
        backends.cuda.enable_flash_sdp(self.flash_sdp)
        backends.cuda.enable_mem_efficient_sdp(self.efficient_sdp)
        backends.cuda.enable_cudnn_sdp(self.cudnn_sdp)
        set_sdpa_order([SDPA_BACKENDS.index(name) for name in self.sdpa_order])

    def switched(self, before: Mapping[str, Any], now: Mapping[str, Any]) -> Settings:
        """These settings, but for what differs between two answers of `attention_switches`."""
        changed = {name: value for name, value in now.items() if value != before[name]}
        return replace(self, **changed) if changed else self

    @property
    def deterministic_convolutions(self) -> bool:
        """Whether cuDNN may only use plans that give the same each time.

        aten/src/ATen/native/Convolution.cpp: deterministicCuDNN() || deterministicAlgorithms().
        """
        return self.cudnn_deterministic or self.deterministic

    @property
    def refuses_nondeterministic(self) -> bool:
        """Whether what has no deterministic kernel raises; attention's backward asks so, too.

        aten/src/ATen/Context.cpp alertNotDeterministic; native/transformers/cuda/flash_attn/
        flash_api.cpp, attention_backward.cu.
        """
        return self.deterministic and not self.deterministic_warn_only

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain values, for JSON and a fresh process."""
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        lists = {name: list(found[name]) for name in ("sdpa_order", "torch_release")}
        return {**found, **lists, "variables": dict(self.variables)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """The settings that `to_dict` gave."""
        lists = {name: tuple(values[name]) for name in ("sdpa_order", "torch_release")}
        return cls(**{**values, **lists})


def attention_switches() -> dict[str, Any]:
    """Which kernels attention may use now, and in which order: fields of `Settings`.

    A model's own code switches them around a call, as `torch.nn.attention.sdpa_kernel` does.
    """
    import torch

    from nincost._torch.process import sdpa_order

    cuda: Any = torch.backends.cuda
    return {
        "flash_sdp": cuda.flash_sdp_enabled(),
        "efficient_sdp": cuda.mem_efficient_sdp_enabled(),
        "cudnn_sdp": cuda.cudnn_sdp_enabled(),
        "sdpa_order": tuple(SDPA_BACKENDS[n] for n in sdpa_order() if 0 <= n < len(SDPA_BACKENDS)),
    }


def release_of(version: str) -> tuple[int, int]:
    """`2.11.0+cu130` as (2, 11); what is not written so counts as the newest."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (99, 0)
