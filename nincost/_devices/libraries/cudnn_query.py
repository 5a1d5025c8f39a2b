"""Queries cuDNN about one convolution: the device and the operation as descriptors, and its plans.

`accepted_plans` is the query. The functions after it come in its order: `operation_graph`,
`engine_configs`, and for each of these `workspace_bytes`. This file imports no torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod

from nincost._devices.cards import Gpu
from nincost._devices.libraries.conv_descriptor import ConvDescriptor
from nincost._devices.libraries.cudnn_enums import (
    CROSS_CORRELATION,
    AttributeName,
    AttributeType,
    DataType,
    DescriptorType,
    HeuristicMode,
    NumericalNote,
)
from nincost._devices.libraries.cudnn_library import (
    BackendDescriptor,
    CudnnError,
    CudnnLibrary,
    Descriptors,
    engine_notes,
)

_DATA_TYPES = {
    "float32": DataType.FLOAT,
    "float64": DataType.DOUBLE,
    "float16": DataType.HALF,
    "bfloat16": DataType.BFLOAT16,
}

#: For each kind: its descriptor, how its attributes' names begin, and their tensors' names.
_OPERATIONS = {
    "forward": (DescriptorType.OPERATION_CONVOLUTION_FORWARD, "FORWARD", ("X", "W", "Y")),
    "data_gradient": (
        DescriptorType.OPERATION_CONVOLUTION_BACKWARD_DATA, "BWD_DATA", ("DX", "W", "DY"),
    ),
    "filter_gradient": (
        DescriptorType.OPERATION_CONVOLUTION_BACKWARD_FILTER, "BWD_FILTER", ("X", "DW", "DY"),
    ),
}  # fmt: skip

#: PyTorch says to cuDNN how an address is aligned, up to 32 bytes; the allocator's are to 512.
_ALIGNMENT = 32

#: Engines of depthwise convolutions whose plans need no workspace, and the one of the weights'
#: gradient, whose plan sums over channels in groups of 32. cuDNN 9.24 takes up to half a second to
#: build one of their plans; the sizes are those of all 176 that an H100 built (cuDNN 9.19).
_NO_WORKSPACE = (5, 6, 19)
_DEPTHWISE_WEIGHTS, _GROUP = 16, 32

_MOST_WORKSPACE = 2**50  # a larger answer would be a broken one


@dataclass(frozen=True, slots=True)
class EnginePlan:
    """One plan: the engine's number, its numerical notes, the bytes of its workspace."""

    engine: int
    notes: tuple[int, ...]
    workspace_bytes: int


@dataclass(frozen=True, slots=True)
class PlanFilter:
    """The settings that PyTorch filters plans by: `torch.backends.cudnn` and its defaults."""

    allow_tf32: bool = True
    deterministic: bool = False

    def accepts(self, notes: tuple[int, ...], dtype: str) -> bool:
        """PyTorch's `filterEngineConfigs`, by an engine's numerical notes."""
        if NumericalNote.DOWN_CONVERT_INPUTS in notes:
            return False
        if self.deterministic and NumericalNote.NONDETERMINISTIC in notes:
            return False
        return self.allow_tf32 or dtype != "float32" or NumericalNote.TENSOR_CORE not in notes


def device_json(gpu: Gpu) -> str:
    """A card as cuDNN describes devices (9.24 requires all keys but smCountOrigin).

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


def accepted_plans(
    library: CudnnLibrary, described: str, conv: ConvDescriptor, chosen: PlanFilter, most: int
) -> list[EnginePlan]:
    """The first `most` plans that PyTorch would accept.

    All plans of a heuristic are requested, as PyTorch does: where one is, it may be another.

    Args:
        described: the card, by `device_json`.

    Raises:
        CudnnError: cuDNN refuses the convolution.
    """
    found: list[EnginePlan] = []
    with library.lock, Descriptors(library) as made:
        device = made.make(DescriptorType.DEVICEPROP)
        device.text(AttributeName.DEVICEPROP_JSON_REPRESENTATION, described)
        device.finalize()
        graph = operation_graph(made, conv)
        for mode in (HeuristicMode.INSTANT, HeuristicMode.FALLBACK):
            for config in engine_configs(made, graph, device, mode):
                engine = made.make(DescriptorType.ENGINE)
                config.fill(AttributeName.ENGINECFG_ENGINE, [engine])
                number, notes = engine_notes(engine)
                if not chosen.accepts(notes, conv.dtype):
                    continue
                size = known_workspace(number, conv)
                if size is None:
                    size = workspace_bytes(made, config, device)
                if size is not None:
                    found.append(EnginePlan(number, notes, size))
                if len(found) == most:
                    return found
    return found


def known_workspace(engine: int, conv: ConvDescriptor) -> int | None:
    """Bytes of the workspace of an engine whose plan need not be built; None: it has to be."""
    if conv.groups == 1 or conv.weight[1] != 1:
        return None
    if engine in _NO_WORKSPACE:
        return 0
    if engine != _DEPTHWISE_WEIGHTS:
        return None
    channels = -(-conv.weight[0] // _GROUP) * _GROUP
    return conv.input[0] * _GROUP * prod(conv.weight[2:]) * channels if conv.channels_last else 0


def operation_graph(made: Descriptors, conv: ConvDescriptor) -> BackendDescriptor:
    """The operation graph of one convolution, as PyTorch's `build_opgraph` makes it."""
    kind, prefix, names = _OPERATIONS[conv.kind]
    start = f"OPERATION_CONVOLUTION_{prefix}_"
    operation = made.make(kind)
    for name, identity, shape in zip(names, "xwy", conv.tensors, strict=True):
        operation.descriptors(
            AttributeName[start + name], _tensor(made, conv, shape, ord(identity))
        )
    operation.descriptors(AttributeName[start + "CONV_DESC"], _window(made, conv))
    operation.real(AttributeName[start + "ALPHA"], 1.0)
    operation.real(AttributeName[start + "BETA"], 0.0)
    graph = made.make(DescriptorType.OPERATIONGRAPH)
    graph.descriptors(AttributeName.OPERATIONGRAPH_OPS, operation.finalize())
    return graph.finalize()


def _tensor(
    made: Descriptors, conv: ConvDescriptor, shape: tuple[int, ...], identity: int
) -> BackendDescriptor:
    tensor = made.make(DescriptorType.TENSOR)
    tensor.enum(AttributeName.TENSOR_DATA_TYPE, AttributeType.DATA_TYPE, _DATA_TYPES[conv.dtype])
    tensor.ints(AttributeName.TENSOR_DIMENSIONS, *shape)
    tensor.ints(AttributeName.TENSOR_STRIDES, *conv.strides(shape))
    tensor.ints(AttributeName.TENSOR_UNIQUE_ID, identity)
    tensor.ints(AttributeName.TENSOR_BYTE_ALIGNMENT, _ALIGNMENT)
    return tensor.finalize()


def _window(made: Descriptors, conv: ConvDescriptor) -> BackendDescriptor:
    """How the window moves. Half and bfloat16 are summed in float32 (`getConvDescriptor`)."""
    sums = DataType.DOUBLE if conv.dtype == "float64" else DataType.FLOAT
    window = made.make(DescriptorType.CONVOLUTION)
    window.enum(AttributeName.CONVOLUTION_COMP_TYPE, AttributeType.DATA_TYPE, sums)
    window.enum(
        AttributeName.CONVOLUTION_CONV_MODE, AttributeType.CONVOLUTION_MODE, CROSS_CORRELATION
    )
    window.ints(AttributeName.CONVOLUTION_SPATIAL_DIMS, len(conv.stride))
    window.ints(AttributeName.CONVOLUTION_PRE_PADDINGS, *conv.padding)
    window.ints(AttributeName.CONVOLUTION_POST_PADDINGS, *conv.padding)
    window.ints(AttributeName.CONVOLUTION_FILTER_STRIDES, *conv.stride)
    window.ints(AttributeName.CONVOLUTION_DILATIONS, *conv.dilation)
    return window.finalize()


def engine_configs(
    made: Descriptors,
    graph: BackendDescriptor,
    device: BackendDescriptor,
    mode: HeuristicMode,
) -> list[BackendDescriptor]:
    """The engine configurations that a heuristic proposes, best first; none where it has none.

    Raises:
        CudnnError: the INSTANT heuristic has no answer.
    """
    heuristic = made.make(DescriptorType.ENGINEHEUR)
    heuristic.descriptors(AttributeName.ENGINEHEUR_OPERATION_GRAPH, graph)
    heuristic.enum(AttributeName.ENGINEHEUR_MODE, AttributeType.HEUR_MODE, mode)
    heuristic.descriptors(AttributeName.ENGINEHEUR_DEVICEPROP, device)
    try:
        heuristic.finalize()
        number = heuristic.count(AttributeName.ENGINEHEUR_RESULTS)
    except CudnnError:
        if mode is HeuristicMode.INSTANT:
            raise
        return []
    configs = made.make_many(DescriptorType.ENGINECFG, number)
    found = heuristic.fill(AttributeName.ENGINEHEUR_RESULTS, configs) if configs else 0
    return configs[:found]


def workspace_bytes(
    made: Descriptors, config: BackendDescriptor, device: BackendDescriptor
) -> int | None:
    """Bytes of the workspace of a configuration's plan, or None where it cannot be built."""
    plan = made.make(DescriptorType.EXECUTION_PLAN)
    try:
        plan.descriptors(AttributeName.EXECUTION_PLAN_ENGINE_CONFIG, config)
        plan.descriptors(AttributeName.EXECUTION_PLAN_DEVICEPROP, device)
        plan.finalize()
        sizes = plan.read_ints(AttributeName.EXECUTION_PLAN_WORKSPACE_SIZE, AttributeType.INT64, 1)
    except CudnnError:
        return None
    return sizes[0] if sizes and 0 <= sizes[0] < _MOST_WORKSPACE else None
