"""A training step of a Llama of transformers on many ranks, written by hand: `KIND FOLDER`.

The kind is `fsdp` or `tp`, and after hyphens `bf16` (mixed precision), `gathered` (no resharding
after forward) and `checkpointed`; the folder has a config.json.
"""

import os
import sys
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import Replicate
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from transformers import AutoConfig, AutoModelForCausalLM

LENGTH = 4096


def shard(model: Any, mesh: Any, *, bf16: bool, gathered: bool) -> None:
    options: dict[str, Any] = {"mesh": mesh}
    if bf16:
        options["mp_policy"] = MixedPrecisionPolicy(
            param_dtype=torch.bfloat16, reduce_dtype=torch.float32
        )
    if gathered:
        options["reshard_after_forward"] = False
    for layer in model.model.layers:
        fully_shard(layer, **options)
    fully_shard(model, **options)


def split(model: Any, mesh: Any) -> None:
    plan: dict[str, Any] = {
        "lm_head": ColwiseParallel(output_layouts=Replicate()),
        "model.embed_tokens": RowwiseParallel(input_layouts=Replicate()),
    }
    for name in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.gate_proj",
                 "mlp.up_proj"):  # fmt: skip
        plan[f"model.layers.*.{name}"] = ColwiseParallel()
    for name in ("self_attn.o_proj", "mlp.down_proj"):
        plan[f"model.layers.*.{name}"] = RowwiseParallel()
    parallelize_module(model, mesh, plan)


def checkpointed(block: Any) -> None:
    block.forward = lambda *args, run=block.forward, **kwargs: checkpoint(
        run, *args, use_reentrant=False, **kwargs
    )


def main(kind: str, folder: str) -> None:
    kind, *more = kind.split("-")
    dist.init_process_group("nccl")
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(device)
    mesh = init_device_mesh("cuda", (dist.get_world_size(),))
    with torch.device("meta"):
        model: Any = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    if "checkpointed" in more:
        model.config.use_cache = False
        for layer in model.model.layers:
            checkpointed(layer)
    if kind == "tp":
        split(model, mesh)
    else:
        shard(model, mesh, bf16="bf16" in more, gathered="gathered" in more)
    model.to_empty(device=device)
    optimizer = torch.optim.AdamW(model.parameters(), foreach=False if kind == "tp" else None)
    words = torch.zeros(1, LENGTH, dtype=torch.long).to(device)
    targets = words.clone()
    for _ in range(3):
        output = model(words)
        loss = functional.cross_entropy(output.logits.flatten(0, -2), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        del output, loss


if __name__ == "__main__":
    main(*sys.argv[1:])
