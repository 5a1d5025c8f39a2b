"""Workspaces of cuDNN's convolution plans, queried from cuDNN itself, for a card that is not there.

MODELLED, by the heuristics of the cuDNN that is installed (each answer says its version): the
first plan that they propose and PyTorch accepts is the one PyTorch runs. Where cuDNN runs in a
process of its own (`cudnn_process.py`), it has the engine that an H100 proposed for each of 1,336
convolutions (reports/h100.md). What may differ is the size of a workspace of plans that split a sum
over the multiprocessors, whose number cuDNN uses only where there is a card. What else could:
another cuDNN version; tensors whose address is less aligned than the allocator's; and near the
memory limit PyTorch takes the next plan when a workspace does not fit.

What PyTorch does (aten/src/ATen/native/cudnn/Conv_v8.cpp in a stored copy of no known date, whose
messages are in torch 2.14's library; TORCH_CUDNN_USE_HEURISTIC_MODE_B is not looked at): with
benchmark off it requests the INSTANT heuristic's list and then the FALLBACK list, drops engines
that convert inputs down, without TF32 those that use tensor cores (float32 only), with
deterministic algorithms those that are not, and runs the first that builds and whose workspace can
be allocated. With benchmark on it builds all plans of both lists, allocates the largest workspace
among them once, times them, and keeps the fastest: only an interval can be predicted.

Where no cuDNN of 9.8 or later is installed an answer has `bytes` None, a reason, and
`ConvDescriptor.model_interval` as its interval. This file imports no torch.
"""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass

from nincost._devices.cards import GPUS, Gpu
from nincost._devices.libraries import cudnn_library, cudnn_process
from nincost._devices.libraries.conv_descriptor import ConvDescriptor
from nincost._devices.libraries.cudnn_library import CudnnError
from nincost._devices.libraries.cudnn_query import EnginePlan, PlanFilter, device_json

_MOST_PLANS = 10_000  # PyTorch's own limit in benchmark mode


@dataclass(frozen=True, slots=True)
class ConvWorkspace:
    """What is known of a convolution's workspace, in bytes.

    Attributes:
        bytes: of the plan that PyTorch takes with benchmark off; None where it is not known.
        low, high: what it lies between; both are `bytes` where that is known.
        source: who answered.
        engine: the plan's engine.
        reason: why `bytes` is not known.
    """

    bytes: int | None
    low: int
    high: int
    source: str
    engine: int | None = None
    reason: str = ""


class ConvPlans:
    """Convolution workspaces on one card. Answers are kept, by convolution and settings."""

    def __init__(self, gpu: Gpu) -> None:
        self.gpu = gpu
        self._library, self.reason = cudnn_process.load()
        self._device = device_json(gpu)
        self._known: dict[tuple[ConvDescriptor, PlanFilter], ConvWorkspace] = {}
        self._plans: dict[tuple[ConvDescriptor, PlanFilter], tuple[EnginePlan, ...]] = {}

    @property
    def available(self) -> bool:
        """Whether a cuDNN that can answer is installed; `reason` says why not."""
        return self._library is not None

    @property
    def refused(self) -> str:
        """Why PyTorch would not run at all with this cuDNN on this card; empty where it would."""
        library = self._library
        if (
            library is None
            or library.version < cudnn_library.FIRST_WITHOUT_VOLTA
            or self.gpu.capability >= (7, 5)
        ):
            return ""
        return (
            f"PyTorch refuses to run on {self.gpu.title} with the cuDNN that is installed here, "
            f"{library.version_text}: one older than 9.11 does, and may pick other plans"
        )

    @property
    def source(self) -> str:
        """Who answers: `cuDNN 9.24.0, INSTANT heuristic`, or the model."""
        if self._library is None:
            return "model"
        return f"cuDNN {self._library.version_text}, INSTANT heuristic"

    def workspace(
        self, conv: ConvDescriptor, *, allow_tf32: bool = True, deterministic: bool = False
    ) -> ConvWorkspace:
        """The workspace of the plan that PyTorch takes with benchmark off."""
        key = (conv, PlanFilter(allow_tf32, deterministic))
        if key not in self._known:
            self._known[key] = self._first(*key)
        return self._known[key]

    def interval(
        self, conv: ConvDescriptor, *, allow_tf32: bool = True, deterministic: bool = False
    ) -> tuple[int, int]:
        """Least and most workspace over the plans that PyTorch times with benchmark on.

        The most is also what the timing itself allocates, once for each new convolution.
        """
        plans = self.plans(conv, allow_tf32=allow_tf32, deterministic=deterministic)
        if conv.empty:
            return 0, 0
        if not plans:
            return conv.model_interval()
        sizes = [plan.workspace_bytes for plan in plans]
        return min(sizes), max(sizes)

    def plans(
        self, conv: ConvDescriptor, *, allow_tf32: bool = True, deterministic: bool = False
    ) -> tuple[EnginePlan, ...]:
        """All plans that PyTorch would accept, in the order of its lists; none with no library."""
        key = (conv, PlanFilter(allow_tf32, deterministic))
        if key not in self._plans:
            self._plans[key] = self._all(*key)
        return self._plans[key]

    def _all(self, conv: ConvDescriptor, chosen: PlanFilter) -> tuple[EnginePlan, ...]:
        if conv.empty or not conv.queryable:
            return ()
        try:
            return tuple(self._query(conv, chosen, _MOST_PLANS))
        except CudnnError:
            return ()

    def _first(self, conv: ConvDescriptor, chosen: PlanFilter) -> ConvWorkspace:
        if conv.empty:
            return ConvWorkspace(0, 0, 0, "no elements: no library is called")
        low, high = conv.model_interval()
        if self._library is None:
            return ConvWorkspace(None, low, high, self.source, None, self.reason)
        if not conv.queryable:
            reason = "a tensor is larger than any card"
            return ConvWorkspace(None, low, high, "model", None, reason)
        try:
            plans = self._query(conv, chosen, 1)
        except CudnnError as error:
            return ConvWorkspace(None, low, high, "model", None, str(error))
        if not plans:
            reason = f"cuDNN {self._library.version_text} has no plan on {self.gpu.name}"
            return ConvWorkspace(None, low, high, "model", None, reason)
        size = plans[0].workspace_bytes
        return ConvWorkspace(size, size, size, self.source, plans[0].engine)

    def _query(self, conv: ConvDescriptor, chosen: PlanFilter, most: int) -> list[EnginePlan]:
        """The first `most` plans that PyTorch would accept. Raises `CudnnError`."""
        if self._library is None:
            return []
        return self._library.plans(self._device, conv, chosen, most)


@functools.cache
def plans_on(gpu: Gpu) -> ConvPlans:
    """cuDNN's plans on a card; kept, since a query takes milliseconds."""
    return ConvPlans(gpu)


@functools.cache
def preload() -> None:
    """Query something in a thread of its own: the first query loads what cuDNN's heuristics need.

    That takes a tenth of a second or two, in which Python imports torch or a step is recorded. It
    serves all cards. A convolution of a common size: one of 8 pixels left half of it unloaded.
    """
    images = (32, 64, 56, 56)
    conv = ConvDescriptor(
        "forward", "float32", images, (64, 64, 3, 3), images, (1, 1), (1, 1), (1, 1)
    )
    plans = plans_on(GPUS["a100-40gb"])
    threading.Thread(target=lambda: plans.workspace(conv), name="cuDNN").start()
