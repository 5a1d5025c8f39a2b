"""One convolution as cuDNN's descriptors: the device, the operation graph, what it proposes."""

from __future__ import annotations

import json

from nincost._devices.cards import Gpu
from nincost._devices.libraries import cudnn_library as cudnn
from nincost._devices.libraries.conv_descriptor import ConvProblem
from nincost._devices.libraries.cudnn_library import Attribute, CudnnError, Kind, Type

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

#: PyTorch says to cuDNN how an address is aligned, up to 32 bytes; the allocator's are to 512.
_ALIGNMENT = 32

_MOST_WORKSPACE = 2**50  # a larger answer would be a broken one


def device_json(gpu: Gpu) -> str:
    """The device as cuDNN wants it described (all keys but smCountOrigin are required by 9.24).

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


def operation_graph(session: cudnn.Session, problem: ConvProblem) -> cudnn.Descriptor:
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


def engine_configs(
    session: cudnn.Session,
    graph: cudnn.Descriptor,
    device: cudnn.Descriptor,
    mode: cudnn.HeurMode,
    length: int | None,
) -> list[cudnn.Descriptor]:
    """The engine configurations that a heuristic proposes, best first; none where it has none.

    No more than `length` of them where that is given.
    """
    heuristic = session.make(Kind.ENGINEHEUR)
    heuristic.descriptors(Attribute.ENGINEHEUR_OPERATION_GRAPH, graph)
    heuristic.enum(Attribute.ENGINEHEUR_MODE, Type.HEUR_MODE, mode)
    heuristic.descriptors(Attribute.ENGINEHEUR_DEVICEPROP, device)
    try:
        heuristic.finalize()
        number = length or heuristic.count(Attribute.ENGINEHEUR_RESULTS)
    except CudnnError:
        if mode is cudnn.HeurMode.INSTANT:
            raise
        return []
    configs = session.make_many(Kind.ENGINECFG, number)
    found = heuristic.fill(Attribute.ENGINEHEUR_RESULTS, configs) if configs else 0
    return configs[:found]


def workspace_bytes(
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
