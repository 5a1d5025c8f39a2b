"""Steps on several ranks, written by hand as people write them: the kind is the first argument.

The second is the folder of a transformers config.json, for those that split a Llama: `tp`, `pp` and
`3d` (two stages, FSDP over two ranks, tensor parallelism over two); `tp-checkpointed` and
`pp-checkpointed` with activation checkpointing.
"""

import os
import sys
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

ROWS, WIDTH, CLASSES, WORDS, LENGTH = 512, 32, 10, 1000, 128


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.up = nn.LayerNorm(width), nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(functional.gelu(self.up(self.norm(x))))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(WIDTH, 256), nn.Linear(256, CLASSES)
        self.blocks = nn.ModuleList(Block(256) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class Stage(nn.Module):
    """Some of four layers of a Llama; the first with the words, the last with norm and head."""

    def __init__(self, llama: Any, number: int, count: int) -> None:
        super().__init__()
        model = llama.model
        self.words = model.embed_tokens if number == 0 else None
        self.model = model
        layers = 4 // count
        model.layers = model.layers[number * layers : (number + 1) * layers]
        model.embed_tokens = None
        self.head = llama.lm_head if number == count - 1 else None
        if number < count - 1:
            model.norm = nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.words is not None:
            x = self.words(x)
        x = self.model(inputs_embeds=x, use_cache=False).last_hidden_state
        return x if self.head is None else self.head(x)


def make_llama(folder: str) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))


def train(model: Any, make_optimizer: Any, x: torch.Tensor, y: torch.Tensor) -> None:
    optimizer = make_optimizer(model.parameters())
    for _ in range(3):
        output = model(x)
        logits = getattr(output, "logits", output)
        loss = functional.cross_entropy(logits.flatten(0, -2), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        del output, logits, loss


def sharded(kind: str, model: Net, device: torch.device, size: int) -> None:
    from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, fully_shard

    options: dict[str, Any] = {"mesh": init_device_mesh("cuda", (size,))}
    if kind == "hsdp":
        options["mesh"] = init_device_mesh("cuda", (size // 2, 2), mesh_dim_names=("copy", "part"))
    elif kind == "gathered":
        options["reshard_after_forward"] = False
    elif kind == "bfloat16":
        options["mp_policy"] = MixedPrecisionPolicy(
            param_dtype=torch.bfloat16, reduce_dtype=torch.float32
        )
    elif kind == "offload":
        options["offload_policy"] = CPUOffloadPolicy()
    for block in model.blocks:
        fully_shard(block, **options)
    fully_shard(model, **options)
    model.to_empty(device=torch.device("cpu") if kind == "offload" else device)


def tensor_parallel(model: Any, mesh: Any, words: str, head: str) -> None:
    from torch.distributed.tensor import Replicate
    from torch.distributed.tensor.parallel import (
        ColwiseParallel,
        RowwiseParallel,
        parallelize_module,
    )

    plan: dict[str, Any] = {
        head: ColwiseParallel(output_layouts=Replicate()),
        words: RowwiseParallel(input_layouts=Replicate()),
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


def pipeline(folder: str, device: torch.device, mesh: Any, more: str) -> None:
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.pipelining import PipelineStage, Schedule1F1B

    number, count = mesh["pp"].get_local_rank(), mesh["pp"].size()
    stage = Stage(make_llama(folder), number, count)
    if more == "checkpointed":
        for layer in stage.model.layers:
            checkpointed(layer)
    if more == "3d":
        tensor_parallel(stage, mesh["tp"], "words", "head")
        for layer in stage.model.layers:
            fully_shard(layer, mesh=mesh["dp"])
        fully_shard(stage, mesh=mesh["dp"])
    stage.to_empty(device=device)
    width = stage.model.config.hidden_size
    words = torch.zeros(2, LENGTH, dtype=torch.long, device="meta")
    hidden = torch.empty(2, LENGTH, width, device="meta")
    logits = torch.empty(2, LENGTH, WORDS, device="meta")
    first, last = number == 0, number == count - 1
    built = PipelineStage(
        stage, number, count, device, input_args=(words if first else hidden,),
        output_args=(logits if last else hidden,), group=mesh["pp"].get_group(),
    )  # fmt: skip
    schedule = Schedule1F1B(
        built, 4, loss_fn=lambda out, y: functional.cross_entropy(out.flatten(0, 1), y.flatten())
    )
    target = {"target": torch.zeros(8, LENGTH, dtype=torch.long, device=device)} if last else {}
    whole = [torch.zeros(8, LENGTH, dtype=torch.long, device=device)] if first else []
    optimizer = torch.optim.AdamW(stage.parameters())
    for _ in range(3):
        optimizer.zero_grad()
        schedule.step(*whole, **target)
        optimizer.step()


def main(kind: str, folder: str) -> None:
    dist.init_process_group("nccl")
    size = dist.get_world_size()
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(device)
    if kind == "3d":
        mesh = init_device_mesh("cuda", (2, 2, 2), mesh_dim_names=("pp", "dp", "tp"))
        pipeline(folder, device, mesh, kind)
        return
    kind, _, more = kind.partition("-")
    if kind == "pp":
        pipeline(folder, device, init_device_mesh("cuda", (4,), mesh_dim_names=("pp",)), more)
        return
    if kind == "tp":
        llama = make_llama(folder)
        mesh = init_device_mesh("cuda", (size,))
        tensor_parallel(llama, mesh, "model.embed_tokens", "lm_head")
        llama.to_empty(device=device)
        llama.config.use_cache = not more
        for layer in llama.model.layers if more else ():
            checkpointed(layer)
        words = torch.zeros(8, LENGTH, dtype=torch.long).to(device)
        train(llama, lambda p: torch.optim.AdamW(p, foreach=False), words, words.clone())
        return
    with torch.device("meta"):
        model: Any = Net()
    if kind == "compiled":
        for block in model.blocks:
            block.compile()
    if kind == "checkpointed":
        for block in model.blocks:
            checkpointed(block)
    make_optimizer: Any = torch.optim.AdamW
    if kind in ("ddp", "zero1"):
        model.to_empty(device=device)
        model = nn.parallel.DistributedDataParallel(model, device_ids=[device.index])
        if kind == "zero1":
            from torch.distributed.optim import ZeroRedundancyOptimizer

            def make_optimizer(parameters: Any) -> Any:
                return ZeroRedundancyOptimizer(parameters, torch.optim.AdamW)
    else:
        sharded(kind, model, device, size)
    x, y = torch.randn(ROWS, WIDTH).to(device), torch.zeros(ROWS, dtype=torch.long).to(device)
    train(model, make_optimizer, x, y)


if __name__ == "__main__":
    main(*sys.argv[1:])
