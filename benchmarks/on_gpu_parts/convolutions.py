"""What workspaces PyTorch's convolutions really take: OUTPUT/convolutions.csv.gz, one a row.

    python benchmarks/on_gpu_parts/convolutions.py list FILE     # no GPU: the convolutions of steps
    python benchmarks/on_gpu_parts/convolutions.py run FILE --output FOLDER

`list` writes the convolutions that training steps of torchvision's and timm's networks ask cuDNN
for, as `nincost memory` finds them, a sample of each kind. `run` computes each of them on the GPU
and keeps what it allocated beyond its output: the workspace of the plan that PyTorch ran. Beside it
stands the first plan that cuDNN's heuristic proposes on that card.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import gzip
import json
import os
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from nincost._devices.libraries import cudnn_library
from nincost._devices.libraries.conv_descriptor import ConvDescriptor, conv_from_plain
from nincost._devices.libraries.cudnn_enums import (
    AttributeName,
    AttributeType,
    DescriptorType,
    HeuristicMode,
)
from nincost._devices.libraries.cudnn_library import (
    BackendDescriptor,
    CudnnError,
    CudnnLibrary,
    Descriptors,
)
from nincost._devices.libraries.cudnn_plans import ConvPlans
from nincost._devices.libraries.cudnn_query import operation_graph

NETWORKS = (
    "two-1x1", "torchvision:resnet18", "torchvision:resnet50", "torchvision:vgg16",
    "torchvision:alexnet", "torchvision:densenet121", "torchvision:mobilenet_v2",
    "torchvision:efficientnet_b0", "torchvision:regnet_y_400mf", "torchvision:googlenet",
    "torchvision:squeezenet1_1", "torchvision:shufflenet_v2_x1_0", "torchvision:convnext_tiny",
    "torchvision:wide_resnet50_2", "torchvision:vit_b_16", "torchvision:swin_t",
    "torchvision:mnasnet1_0", "torchvision:resnext50_32x4d",
    "torchvision.models.segmentation:fcn_resnet50", "timm:seresnet50", "timm:resnest26d",
    "timm:dpn68", "timm:inception_v4", "timm:hrnet_w18_small", "timm:ghostnet_100",
    "timm:mixnet_s", "timm:res2net50_26w_4s", "timm:cspdarknet53", "timm:nfnet_l0", "timm:dla34",
)  # fmt: skip
SETTINGS: tuple[dict[str, Any], ...] = (
    {}, {"amp": "bfloat16"}, {"amp": "float16"}, {"amp": "bfloat16", "channels_last": True},
    {"channels_last": True},
)  # fmt: skip
#: How many of each: kind, type, layout, and whether it is a product of pixels.
EACH = 60


class Number(int):
    """A number of cuDNN's that nincost itself does not use."""

    @property
    def name(self) -> str:
        return str(int(self))


#: Words of descriptors.
COLUMNS = tuple(ConvDescriptor.__dataclass_fields__)
#: Bytes that the allocator may keep: other parts run beside this one.
MOST_KEPT = 12 * 2**30
#: Of `cudnn_graph.h`: what needs a card.
OPERATIONGRAPH_HANDLE, EXECUTION_PLAN_HANDLE, DEVICEPROP_HANDLE, TYPE_HANDLE = 800, 400, 2701, 0
#: Of `cudnn_graph.h`: the choices of a configuration.
KNOB_CHOICE: Any = Number(7)
KNOB_CHOICES: Any = Number(302)
KNOB_KIND, KNOB_VALUE = Number(600), Number(601)
TYPE_KNOB: Any = Number(9)

#: Engine, workspace, choices.
Plan = tuple[int, int, dict[int, int]]


def asked(networks: Sequence[str]) -> set[ConvDescriptor]:
    """All that steps of the networks ask cuDNN for."""
    import nincost

    found: set[ConvDescriptor] = set()
    query = ConvPlans.workspace

    def workspace(self: ConvPlans, conv: ConvDescriptor, **settings: Any) -> Any:
        found.add(conv)
        return query(self, conv, **settings)

    ConvPlans.workspace = workspace  # type: ignore[method-assign]
    for network in networks:
        for setting in SETTINGS:
            for batch in (4, 24, 96):
                try:
                    nincost.memory(network, batch_size=batch, gpu="h100", measure=False, **setting)
                except nincost.NincostError as error:
                    print(network, setting, error)
        print(network, len(found), flush=True)
    return found


def sample(found: set[ConvDescriptor]) -> list[ConvDescriptor]:
    """As many of each kind, drawn with a fixed seed."""
    groups: dict[tuple[Any, ...], list[ConvDescriptor]] = defaultdict(list)
    for conv in sorted(found, key=str):
        product = set(conv.weight[2:]) == {1} and set(conv.stride) == {1}
        groups[conv.kind, conv.dtype, conv.channels_last, product, conv.groups > 1].append(conv)
    draw = random.Random(0)
    chosen = [
        conv for group in groups.values() for conv in draw.sample(group, min(EACH, len(group)))
    ]
    draw.shuffle(chosen)
    return chosen


def read(path: Path) -> list[ConvDescriptor]:
    return [conv_from_plain(row) for row in json.loads(gzip.decompress(path.read_bytes()))]


def tensor(conv: ConvDescriptor, shape: tuple[int, ...]) -> torch.Tensor:
    layout = torch.contiguous_format
    if conv.channels_last:
        layout = torch.channels_last if len(shape) == 4 else torch.channels_last_3d
    made = torch.empty(shape, dtype=getattr(torch, conv.dtype), device="cuda", memory_format=layout)
    return made.zero_()


def workspace(conv: ConvDescriptor) -> int:
    """Bytes that the convolution allocates beyond what it gives."""
    x, w = tensor(conv, conv.input), tensor(conv, conv.weight)
    move = [list(conv.stride), list(conv.padding), list(conv.dilation), False]
    zero = [0] * len(conv.stride)
    g = None if conv.kind == "forward" else tensor(conv, conv.output)
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    if g is None:
        made = torch.ops.aten.cudnn_convolution(
            x, w, move[1], move[0], move[2], conv.groups, False, False, True
        )
    else:
        mask = [conv.kind == "data_gradient", conv.kind == "filter_gradient", False]
        results = torch.ops.aten.convolution_backward(g, x, w, None, *move, zero, conv.groups, mask)
        made = next(one for one in results if one is not None)
    peak = torch.cuda.max_memory_allocated()
    return peak - before - -(-made.untyped_storage().nbytes() // 512) * 512


class OnCard(Descriptors):
    """Descriptors whose graphs belong to the card that is here: its heuristics answer."""

    def __init__(self, library: CudnnLibrary, handle: ctypes.c_void_p) -> None:
        super().__init__(library)
        self.library, self.handle = library, handle

    def make(self, kind: DescriptorType) -> BackendDescriptor:
        made = super().make(kind)
        if kind is DescriptorType.OPERATIONGRAPH:
            self.give_handle(made, OPERATIONGRAPH_HANDLE)
        return made

    def give_handle(self, made: BackendDescriptor, attribute: int) -> None:
        one = (ctypes.c_void_p * 1)(self.handle.value)
        status = self.library.set(
            made.pointer, attribute, TYPE_HANDLE, 1, ctypes.cast(one, ctypes.c_void_p)
        )
        self.library.check(status, "set a handle")


class Card:
    """cuDNN's plans on the GPU that is here."""

    def __init__(self) -> None:
        library, reason = cudnn_library.load()
        if library is None:
            raise SystemExit(reason)
        self.library = library
        self.handle = ctypes.c_void_p()
        create = ctypes.CDLL(library.path).cudnnCreate
        create.argtypes, create.restype = [ctypes.POINTER(ctypes.c_void_p)], ctypes.c_int
        library.check(create(ctypes.byref(self.handle)), "cudnnCreate")
        self.json = self.described()

    def described(self) -> str:
        """The card as cuDNN describes it."""
        with OnCard(self.library, self.handle) as made:
            device = made.make(DescriptorType.DEVICEPROP)
            made.give_handle(device, DEVICEPROP_HANDLE)
            device.finalize()
            text = ctypes.create_string_buffer(4096)
            count = ctypes.c_int64()
            status = self.library.get(
                device.pointer, AttributeName.DEVICEPROP_JSON_REPRESENTATION, AttributeType.CHAR,
                len(text), ctypes.byref(count), ctypes.cast(text, ctypes.c_void_p),
            )  # fmt: skip
            self.library.check(status, "read the device")
            return text.value.decode()

    def plan(self, conv: ConvDescriptor) -> Plan:
        """The first plan of the INSTANT heuristic."""
        with OnCard(self.library, self.handle) as made:
            graph = operation_graph(made, conv)
            heuristic = made.make(DescriptorType.ENGINEHEUR)
            heuristic.descriptors(AttributeName.ENGINEHEUR_OPERATION_GRAPH, graph)
            heuristic.enum(
                AttributeName.ENGINEHEUR_MODE, AttributeType.HEUR_MODE, HeuristicMode.INSTANT
            )
            heuristic.finalize()
            config = made.make(DescriptorType.ENGINECFG)
            heuristic.fill(AttributeName.ENGINEHEUR_RESULTS, [config])
            engine = made.make(DescriptorType.ENGINE)
            config.fill(AttributeName.ENGINECFG_ENGINE, [engine])
            plan = made.make(DescriptorType.EXECUTION_PLAN)
            made.give_handle(plan, EXECUTION_PLAN_HANDLE)
            plan.descriptors(AttributeName.EXECUTION_PLAN_ENGINE_CONFIG, config)
            plan.finalize()
            size = plan.read_ints(
                AttributeName.EXECUTION_PLAN_WORKSPACE_SIZE, AttributeType.INT64, 1
            )[0]
            return cudnn_library.engine_notes(engine)[0], size, knobs(made, config)


def knobs(made: Descriptors, config: BackendDescriptor) -> dict[int, int]:
    """A configuration's choices: `cudnnBackendKnobType_t` and the value."""
    choices = made.make_many(KNOB_CHOICE, 32)
    number = config.fill(KNOB_CHOICES, choices)
    return {
        choice.read_ints(KNOB_KIND, TYPE_KNOB, 1)[0]:
        choice.read_ints(KNOB_VALUE, AttributeType.INT64, 1)[0]
        for choice in choices[:number]
    }  # fmt: skip


def run(path: Path, output: Path, ends: float) -> None:
    try:
        card = Card()
        (output / "device.json").write_text(card.json)
    except CudnnError as error:  # the emulated card has no cuDNN
        print("cuDNN itself cannot be asked here:", error)
        card = None
    with gzip.open(output / "convolutions.csv.gz", "wt", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*COLUMNS, "allocated", "engine", "workspace", "choices"])
        for conv in read(path):
            if time.monotonic() > ends:
                break
            try:
                allocated = workspace(conv)
                engine, size, choices = card.plan(conv) if card else (-1, -1, {})
            except (CudnnError, RuntimeError) as error:  # the others go on
                print(conv, str(error).partition("\n")[0], flush=True)
                continue
            plain = asdict(conv)
            described = [json.dumps(plain[name]) for name in COLUMNS]
            rows.writerow([*described, allocated, engine, size, json.dumps(choices)])
            file.flush()
            if torch.cuda.memory_reserved() > MOST_KEPT:
                torch.cuda.empty_cache()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("how", choices=["list", "run"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--output", type=Path, default=Path())
    parser.add_argument("--rehearse", action="store_true", help="list one network's alone")
    given = parser.parse_args()
    if given.how == "list" or not given.file.exists():
        found = asked(NETWORKS[:1] if given.rehearse else NETWORKS)
        rows = [asdict(conv) for conv in sample(found)]
        given.file.write_bytes(gzip.compress(json.dumps(rows).encode(), mtime=0))
        print(len(rows), "convolutions")
    if given.how == "list":
        return
    run(
        given.file,
        given.output,
        time.monotonic() + float(os.environ.get("NINCOST_ON_GPU_SECONDS", "3600")),
    )


if __name__ == "__main__":
    main()
