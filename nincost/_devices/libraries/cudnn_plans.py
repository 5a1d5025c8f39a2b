"""Workspaces of cuDNN's convolution plans, asked of cuDNN itself, for a card that is not there.

MODELLED, by the heuristics of the cuDNN that is installed (each answer says its version): the
first plan that they propose and PyTorch accepts is the one PyTorch runs. Not yet compared with a
GPU. What could differ there: another cuDNN version; tensors whose address is less aligned than the
allocator's; and near the memory limit PyTorch takes the next plan when a workspace does not fit.

What PyTorch does (aten/src/ATen/native/cudnn/Conv_v8.cpp in a stored copy of no known date, whose
messages are in torch 2.14's library; TORCH_CUDNN_USE_HEURISTIC_MODE_B is not looked at): with
benchmark off it asks for the INSTANT heuristic's list and then the FALLBACK list, drops engines
that convert inputs down, without TF32 those that use tensor cores (float32 only), with
deterministic algorithms those that are not, and runs the first that builds and whose workspace can
be allocated. With benchmark on it builds all plans of both lists, allocates the largest workspace
among them once, times them, and keeps the fastest: only an interval can be predicted.

Where no cuDNN of 9.8 or later is installed an answer has `bytes` None, a reason, and
`ConvProblem.model_interval` as its interval.
"""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass

from nincost._devices.cards import GPUS, Gpu
from nincost._devices.libraries import cudnn_library as cudnn
from nincost._devices.libraries.conv_descriptor import ConvProblem
from nincost._devices.libraries.cudnn_library import Attribute, CudnnError, Kind, Note
from nincost._devices.libraries.cudnn_query import (
    device_json,
    engine_configs,
    operation_graph,
    workspace_bytes,
)

_MOST_PLANS = 10_000  # PyTorch's own limit in benchmark mode


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan: the engine's number, its numerical notes, the bytes of its workspace."""

    engine: int
    notes: tuple[int, ...]
    workspace_bytes: int


@dataclass(frozen=True, slots=True)
class Workspace:
    """What is known of a convolution's workspace, in bytes.

    `bytes` is that of the plan that PyTorch takes with benchmark off, None where it is not known,
    and then `reason` says why. `low` and `high` enclose it: with a plan both are `bytes`. `source`
    says who answered.
    """

    bytes: int | None
    low: int
    high: int
    source: str
    engine: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The settings that PyTorch filters plans by: `torch.backends.cudnn` and its defaults."""

    allow_tf32: bool = True
    deterministic: bool = False

    def accepts(self, notes: tuple[int, ...], dtype: str) -> bool:
        """PyTorch's `filterEngineConfigs`."""
        if Note.DOWN_CONVERT_INPUTS in notes:
            return False
        if self.deterministic and Note.NONDETERMINISTIC in notes:
            return False
        return self.allow_tf32 or dtype != "float32" or Note.TENSOR_CORE not in notes


class ConvPlans:
    """Convolution workspaces on one card. Answers are kept, by problem and settings."""

    def __init__(self, gpu: Gpu) -> None:
        self.gpu = gpu
        self._library, self.reason = cudnn.load()
        self._known: dict[tuple[ConvProblem, Choice], Workspace] = {}
        self._plans: dict[tuple[ConvProblem, Choice], tuple[Plan, ...]] = {}

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
            or library.version < cudnn.FIRST_WITHOUT_VOLTA
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
        self, problem: ConvProblem, *, allow_tf32: bool = True, deterministic: bool = False
    ) -> Workspace:
        """The workspace of the plan that PyTorch takes with benchmark off."""
        key = (problem, Choice(allow_tf32, deterministic))
        if key not in self._known:
            self._known[key] = self._first(*key)
        return self._known[key]

    def interval(
        self, problem: ConvProblem, *, allow_tf32: bool = True, deterministic: bool = False
    ) -> tuple[int, int]:
        """Least and most workspace over the plans that PyTorch times with benchmark on.

        The most is also what the timing itself allocates, once for each new problem.
        """
        plans = self.plans(problem, allow_tf32=allow_tf32, deterministic=deterministic)
        if problem.empty:
            return 0, 0
        if not plans:
            return problem.model_interval()
        sizes = [plan.workspace_bytes for plan in plans]
        return min(sizes), max(sizes)

    def plans(
        self, problem: ConvProblem, *, allow_tf32: bool = True, deterministic: bool = False
    ) -> tuple[Plan, ...]:
        """All plans that PyTorch would accept, in the order of its lists; none with no library."""
        key = (problem, Choice(allow_tf32, deterministic))
        if key not in self._plans:
            self._plans[key] = self._all(*key)
        return self._plans[key]

    def _all(self, problem: ConvProblem, choice: Choice) -> tuple[Plan, ...]:
        if problem.empty or not problem.askable:
            return ()
        try:
            return tuple(self._ask(problem, choice, most=_MOST_PLANS))
        except CudnnError:
            return ()

    def _first(self, problem: ConvProblem, choice: Choice) -> Workspace:
        if problem.empty:
            return Workspace(0, 0, 0, "no elements: no library is called")
        low, high = problem.model_interval()
        if self._library is None:
            return Workspace(None, low, high, self.source, None, self.reason)
        if not problem.askable:
            return Workspace(None, low, high, "model", None, "a tensor is larger than any card")
        try:
            plans = self._ask(problem, choice, most=1)
        except CudnnError as error:
            return Workspace(None, low, high, "model", None, str(error))
        if not plans:
            reason = f"cuDNN {self._library.version_text} has no plan on {self.gpu.name}"
            return Workspace(None, low, high, "model", None, reason)
        size = plans[0].workspace_bytes
        return Workspace(size, size, size, self.source, plans[0].engine)

    def _ask(self, problem: ConvProblem, choice: Choice, *, most: int) -> list[Plan]:
        """The first `most` plans that PyTorch would accept. Raises `CudnnError`.

        A heuristic's time goes into making its list, 30 plans or so; where one will do the first is
        asked for by itself, and the list only where PyTorch would not take it.
        """
        if self._library is None:
            return []
        with self._library.lock, cudnn.Session(self._library) as session:
            found = self._walk(session, problem, choice, most=1, length=1) if most == 1 else []
            return found or self._walk(session, problem, choice, most=most, length=None)

    def _walk(
        self,
        session: cudnn.Session,
        problem: ConvProblem,
        choice: Choice,
        *,
        most: int,
        length: int | None,
    ) -> list[Plan]:
        """The same, of the first `length` plans of the first list, or of both lists in full."""
        found: list[Plan] = []
        device = session.make(Kind.DEVICEPROP)
        device.text(Attribute.DEVICEPROP_JSON_REPRESENTATION, device_json(self.gpu))
        device.finalize()
        graph = operation_graph(session, problem)
        modes = [cudnn.HeurMode.INSTANT, cudnn.HeurMode.FALLBACK]
        for mode in modes[:length]:
            for config in engine_configs(session, graph, device, mode, length):
                engine = session.make(Kind.ENGINE)
                config.fill(Attribute.ENGINECFG_ENGINE, [engine])
                number, notes = cudnn.engine_notes(engine)
                if not choice.accepts(notes, problem.dtype):
                    continue
                size = workspace_bytes(session, config, device)
                if size is not None:
                    found.append(Plan(number, notes, size))
                if len(found) == most:
                    return found
        return found


@functools.cache
def plans_on(gpu: Gpu) -> ConvPlans:
    """What cuDNN answers for a card; kept, since a question takes milliseconds."""
    return ConvPlans(gpu)


@functools.cache
def get_ready() -> None:
    """Ask something in a thread of its own: the first question loads what cuDNN's heuristics need.

    That takes a tenth of a second or two, in which Python imports torch or a step is recorded. It
    serves all cards. A convolution of a common size: one of 8 pixels left half of it unloaded.
    """
    images = (32, 64, 56, 56)
    problem = ConvProblem(
        "forward", "float32", images, (64, 64, 3, 3), images, (1, 1), (1, 1), (1, 1)
    )
    plans = plans_on(GPUS["a100-40gb"])
    threading.Thread(target=lambda: plans.workspace(problem), name="cuDNN").start()
