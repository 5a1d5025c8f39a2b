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
among them once, times them, and keeps the fastest: only an interval can be told.

Where no cuDNN of 9.8 or later is installed an answer has `bytes` None, a reason, and
`ConvProblem.model_interval` as its interval.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from nincost.footprint.gpus import Gpu
from nincost.footprint.libraries import cudnn_library as cudnn
from nincost.footprint.libraries.conv_problem import ConvProblem
from nincost.footprint.libraries.cudnn_library import Attribute, CudnnError, Kind, Note, Type

_DATA_TYPES = {
    "float32": cudnn.DataType.FLOAT,
    "float64": cudnn.DataType.DOUBLE,
    "float16": cudnn.DataType.HALF,
    "bfloat16": cudnn.DataType.BFLOAT16,
}

#: For each kind: its descriptor, what its attributes' names begin with, and their tensors' names.
_OPERATIONS = {
    "forward": (Kind.OPERATION_CONVOLUTION_FORWARD, "FORWARD", ("X", "W", "Y")),
    "data_gradient": (Kind.OPERATION_CONVOLUTION_BACKWARD_DATA, "BWD_DATA", ("DX", "W", "DY")),
    "filter_gradient": (
        Kind.OPERATION_CONVOLUTION_BACKWARD_FILTER, "BWD_FILTER", ("X", "DW", "DY"),
    ),
}  # fmt: skip

#: PyTorch tells cuDNN how an address is aligned, up to 32 bytes; the allocator's are to 512.
_ALIGNMENT = 32

_MOST_PLANS = 10_000  # PyTorch's own limit in benchmark mode
_MOST_WORKSPACE = 2**50  # a larger answer would be a broken one


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
        """The first `most` plans that PyTorch would accept. Raises `CudnnError`."""
        found: list[Plan] = []
        if self._library is None:
            return found
        with self._library.lock, cudnn.Session(self._library) as session:
            device = session.make(Kind.DEVICEPROP)
            device.text(Attribute.DEVICEPROP_JSON_REPRESENTATION, _device_json(self.gpu))
            device.finalize()
            graph = _graph(session, problem)
            for mode in (cudnn.HeurMode.INSTANT, cudnn.HeurMode.FALLBACK):
                for config in _configs(session, graph, device, mode):
                    engine = session.make(Kind.ENGINE)
                    config.fill(Attribute.ENGINECFG_ENGINE, [engine])
                    number, notes = cudnn.engine_notes(engine)
                    if not choice.accepts(notes, problem.dtype):
                        continue
                    size = _workspace(session, config, device)
                    if size is not None:
                        found.append(Plan(number, notes, size))
                    if len(found) == most:
                        return found
        return found


def _device_json(gpu: Gpu) -> str:
    """The device as cuDNN wants it told (all keys but smCountOrigin are required by 9.24).

    The capability decides nearly always; on an H100 the clocks were seen to choose between two
    plans of nearly equal workspace. Driver, bus and ids are made up: no answer depended on them.
    """
    major, minor = gpu.capability
    limits = gpu.limits
    return json.dumps({
        "deviceVer": major * 100 + minor * 10,
        "deviceName": gpu.title,
        "multiProcessorCount": gpu.sm_count,
        "totalGlobalMem": gpu.memory_bytes,
        "maxThreadsPerSM": limits.threads_per_sm,
        "maxCtasPerSM": limits.blocks_per_sm,
        "maxSharedMemoryPerBlockOptin": limits.shared_per_block,
        "maxSharedMemoryPerBlock": 48 * 1024,
        "reservedSharedMemoryPerBlock": 1024 if major >= 8 else 0,
        "regsPerBlock": 65536,
        "maxRegistersPerSM": 65536,
        "maxThreadsPerBlock": 1024,
        "maxBlockSize": [1024, 1024, 64],
        "maxGridSize": [2**31 - 1, 65535, 65535],
        "warpSize": 32,
        "smCountOrigin": 0,
        "supportCoopLaunch": 1,
        "isTccDriver": 0,
        "pciDeviceId": 0,
        "cudaDeviceId": 0,
        "driverVer": 13000,
        "smClockRateKHz": gpu.sm_clock_khz,
        "memClockRateKHz": gpu.memory_clock_khz,
        "l2CacheSize": gpu.l2_bytes,
    })  # fmt: skip


def _graph(session: cudnn.Session, problem: ConvProblem) -> cudnn.Descriptor:
    """The operation graph of one convolution, as PyTorch's `build_opgraph` makes it."""
    kind, prefix, names = _OPERATIONS[problem.kind]
    start = f"OPERATION_CONVOLUTION_{prefix}_"
    operation = session.make(kind)
    for name, identity, shape in zip(names, "xwy", problem.tensors, strict=True):
        operation.descriptors(
            Attribute[start + name], _tensor(session, problem, shape, ord(identity))
        )
    operation.descriptors(Attribute[start + "CONV_DESC"], _window(session, problem))
    operation.real(Attribute[start + "ALPHA"], 1.0)
    operation.real(Attribute[start + "BETA"], 0.0)
    graph = session.make(Kind.OPERATIONGRAPH)
    graph.descriptors(Attribute.OPERATIONGRAPH_OPS, operation.finalize())
    return graph.finalize()


def _tensor(
    session: cudnn.Session, problem: ConvProblem, shape: tuple[int, ...], identity: int
) -> cudnn.Descriptor:
    tensor = session.make(Kind.TENSOR)
    tensor.enum(Attribute.TENSOR_DATA_TYPE, Type.DATA_TYPE, _DATA_TYPES[problem.dtype])
    tensor.ints(Attribute.TENSOR_DIMENSIONS, *shape)
    tensor.ints(Attribute.TENSOR_STRIDES, *problem.strides(shape))
    tensor.ints(Attribute.TENSOR_UNIQUE_ID, identity)
    tensor.ints(Attribute.TENSOR_BYTE_ALIGNMENT, _ALIGNMENT)
    return tensor.finalize()


def _window(session: cudnn.Session, problem: ConvProblem) -> cudnn.Descriptor:
    """How the window moves. Half and bfloat16 are summed in float32 (`getConvDescriptor`)."""
    sums = cudnn.DataType.DOUBLE if problem.dtype == "float64" else cudnn.DataType.FLOAT
    window = session.make(Kind.CONVOLUTION)
    window.enum(Attribute.CONVOLUTION_COMP_TYPE, Type.DATA_TYPE, sums)
    window.enum(Attribute.CONVOLUTION_CONV_MODE, Type.CONVOLUTION_MODE, cudnn.CROSS_CORRELATION)
    window.ints(Attribute.CONVOLUTION_SPATIAL_DIMS, len(problem.stride))
    window.ints(Attribute.CONVOLUTION_PRE_PADDINGS, *problem.padding)
    window.ints(Attribute.CONVOLUTION_POST_PADDINGS, *problem.padding)
    window.ints(Attribute.CONVOLUTION_FILTER_STRIDES, *problem.stride)
    window.ints(Attribute.CONVOLUTION_DILATIONS, *problem.dilation)
    return window.finalize()


def _configs(
    session: cudnn.Session,
    graph: cudnn.Descriptor,
    device: cudnn.Descriptor,
    mode: cudnn.HeurMode,
) -> list[cudnn.Descriptor]:
    """The engine configurations that a heuristic proposes, best first; none where it has none."""
    heuristic = session.make(Kind.ENGINEHEUR)
    heuristic.descriptors(Attribute.ENGINEHEUR_OPERATION_GRAPH, graph)
    heuristic.enum(Attribute.ENGINEHEUR_MODE, Type.HEUR_MODE, mode)
    heuristic.descriptors(Attribute.ENGINEHEUR_DEVICEPROP, device)
    try:
        heuristic.finalize()
        number = heuristic.count(Attribute.ENGINEHEUR_RESULTS)
    except CudnnError:
        if mode is cudnn.HeurMode.INSTANT:
            raise
        return []
    configs = session.make_many(Kind.ENGINECFG, number)
    found = heuristic.fill(Attribute.ENGINEHEUR_RESULTS, configs) if configs else 0
    return configs[:found]


def _workspace(
    session: cudnn.Session, config: cudnn.Descriptor, device: cudnn.Descriptor
) -> int | None:
    """Bytes of the workspace of a configuration's plan, or None where it cannot be built."""
    plan = session.make(Kind.EXECUTION_PLAN)
    try:
        plan.descriptors(Attribute.EXECUTION_PLAN_ENGINE_CONFIG, config)
        plan.descriptors(Attribute.EXECUTION_PLAN_DEVICEPROP, device)
        plan.finalize()
        sizes = plan.read_ints(Attribute.EXECUTION_PLAN_WORKSPACE_SIZE, Type.INT64, 1)
    except CudnnError:
        return None
    return sizes[0] if sizes and 0 <= sizes[0] < _MOST_WORKSPACE else None
