"""Large models: `large.py fsdp|fsdp-tp|cpu SIZE [--compile]`, which prints this machine's memory.

`fsdp`: FSDP2 over all ranks, built on meta; `fsdp-tp`: over 8 ranks of tensor and sequence
parallelism, the rest FSDP2; `cpu`: one card, built on the CPU in float32, cast and moved.
"""

import json
import sys

import torch
import torch.distributed as dist
import torch.distributed.tensor.parallel as tp
from llama import SIZES, Llama
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import Replicate, Shard


def memory(which: str) -> int:
    """Bytes of this process: VmRSS, resident now, or VmHWM, the most that was."""
    with open("/proc/self/status") as file:
        (found,) = [line.split()[1] for line in file if line.startswith(which)]
    return int(found) << 10


def split(model: Llama, mesh: object) -> None:
    """torchtitan's plan: the sequence is split between blocks, weights within them."""
    tp.parallelize_module(model, mesh, {
        "tok_embeddings": tp.RowwiseParallel(input_layouts=Replicate(), output_layouts=Shard(1)),
        "norm": tp.SequenceParallel(),
        "output": tp.ColwiseParallel(input_layouts=Shard(1), output_layouts=Replicate()),
    })  # fmt: skip
    whole = (Replicate(), None, None)
    for block in model.layers:
        tp.parallelize_module(block, mesh, {
            "attention_norm": tp.SequenceParallel(),
            "attention": tp.PrepareModuleInput(
                input_layouts=(Shard(1), None, None), desired_input_layouts=whole
            ),
            "attention.wq": tp.ColwiseParallel(), "attention.wk": tp.ColwiseParallel(),
            "attention.wv": tp.ColwiseParallel(),
            "attention.wo": tp.RowwiseParallel(output_layouts=Shard(1)),
            "ffn_norm": tp.SequenceParallel(),
            "feed_forward": tp.PrepareModuleInput(
                input_layouts=(Shard(1),), desired_input_layouts=(Replicate(),)
            ),
            "feed_forward.w1": tp.ColwiseParallel(), "feed_forward.w3": tp.ColwiseParallel(),
            "feed_forward.w2": tp.RowwiseParallel(output_layouts=Shard(1)),
        })  # fmt: skip


def shard(model: Llama, mesh: object) -> None:
    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    for block in model.layers:
        fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=policy)


def build(kind: str, size: str, *, compiled: bool) -> Llama:
    if kind == "cpu":
        return Llama(SIZES[size]).to(torch.bfloat16).cuda()
    dist.init_process_group("nccl")
    torch.cuda.set_device(dist.get_node_local_rank())
    world = dist.get_world_size()
    with torch.device("meta"):
        model = Llama(SIZES[size])
    if kind == "fsdp-tp":
        mesh = init_device_mesh("cuda", (world // 8, 8), mesh_dim_names=("dp", "tp"))
        split(model, mesh["tp"])
    else:
        mesh = init_device_mesh("cuda", (world,), mesh_dim_names=("dp",))
    if compiled:
        for block in model.layers:
            block.compile(fullgraph=True)
    shard(model, mesh["dp"])
    model.to_empty(device="cuda")
    return model


def main(kind: str, size: str, *, compiled: bool) -> None:
    torch.cuda.is_available()
    before = memory("VmRSS")
    model = build(kind, size, compiled=compiled)
    # Of 8B on one card of 80 GB nothing is left for what the other implementations hold.
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=kind == "cpu")
    for step in range(3):
        tokens = torch.zeros(1, 2049, dtype=torch.int64).cuda()
        logits = model(tokens[:, :-1]).float()
        nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()
        if step == 1:
            found = {"resident": memory("VmHWM") - before, "torch": before,
                     "peak": torch.cuda.max_memory_allocated()}  # fmt: skip
            print("FOUND", json.dumps(found), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], compiled="--compile" in sys.argv)
