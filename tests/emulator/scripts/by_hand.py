"""A step on several ranks, written by hand as people write it: `KIND FOLDER [ROWSxLENGTH]`.

The kind is ddp, zero1, fsdp, hsdp, tp, pp (a stage a rank) or 3d (two stages, FSDP, tensor
parallelism over two), and after hyphens bf16 (mixed precision), gathered (no resharding after
forward), offload, compiled and checkpointed. The model is the Llama of the folder's config.json,
which gets rows of words, or without one a small network.
"""

import os
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

ROWS, WIDTH, CLASSES = 512, 32, 10


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
    """Some layers of a Llama; the first stage with the words, the last with norm and head."""

    def __init__(self, llama: Any, number: int, count: int) -> None:
        super().__init__()
        model = llama.model
        self.words = model.embed_tokens if number == 0 else None
        self.model = model
        layers = len(model.layers) // count
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


def checkpointed(block: Any) -> None:
    block.forward = lambda *args, run=block.forward, **kwargs: checkpoint(
        run, *args, use_reentrant=False, **kwargs
    )


def shard(model: Any, blocks: Any, mesh: Any, flags: list[str]) -> None:
    from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, fully_shard

    options: dict[str, Any] = {"mesh": mesh}
    if "gathered" in flags:
        options["reshard_after_forward"] = False
    if "bf16" in flags:
        options["mp_policy"] = MixedPrecisionPolicy(
            param_dtype=torch.bfloat16, reduce_dtype=torch.float32
        )
    if "offload" in flags:
        options["offload_policy"] = CPUOffloadPolicy()
    for block in blocks:
        if "compiled" in flags:
            block.compile()
        fully_shard(block, **options)
    fully_shard(model, **options)


def split(model: Any, mesh: Any) -> None:
    """A stage by a plan by hand, a whole model by what it brings: both as transformers does it."""
    from transformers.distributed.tensor_parallel import apply_tensor_parallelism

    if not isinstance(model, Stage):
        apply_tensor_parallelism(model, mesh, model._expand_parallel_plan(model.tp_plan))
        return
    styles = {"head": "colwise_gather_output", "words": "embedding_rowwise"}
    for name in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.gate_proj",
                 "mlp.up_proj"):  # fmt: skip
        styles[name] = "colwise"
    for name in ("self_attn.o_proj", "mlp.down_proj"):
        styles[name] = "rowwise"
    plan = {}
    for name, inner in model.named_modules():
        style = styles.get(name) or styles.get(".".join(name.split(".")[-2:]))
        if style is not None:
            plan |= {f"{name}.{last}": style for last, _ in inner.named_parameters(recurse=False)}
            plan[name] = style
    apply_tensor_parallelism(model, mesh, plan)


def pipeline(
    llama: Any, device: torch.device, mesh: Any, flags: list[str], rows: int, length: int
) -> None:
    from torch.distributed.pipelining import PipelineStage, Schedule1F1B

    number, count = mesh["pp"].get_local_rank(), mesh["pp"].size()
    first, last = number == 0, number == count - 1
    stage = Stage(llama, number, count)
    if "checkpointed" in flags:
        for layer in stage.model.layers:
            checkpointed(layer)
    if "tp" in mesh.mesh_dim_names:
        split(stage, mesh["tp"])
        shard(stage, stage.model.layers, mesh["dp"], flags)
    stage.to_empty(device=device)
    kind = torch.bfloat16 if "bf16" in flags else torch.float32
    words = torch.zeros(rows // 4, length, dtype=torch.long, device="meta")
    hidden, logits = (
        torch.empty(rows // 4, length, width, dtype=kind, device="meta")
        for width in (stage.model.config.hidden_size, stage.model.config.vocab_size)
    )
    built = PipelineStage(
        stage, number, count, device, input_args=(words if first else hidden,),
        output_args=(logits if last else hidden,), group=mesh["pp"].get_group(),
    )  # fmt: skip
    schedule = Schedule1F1B(
        built, 4, loss_fn=lambda out, y: functional.cross_entropy(out.flatten(0, 1), y.flatten())
    )
    given = torch.zeros(rows, length, dtype=torch.long).to(device) if first or last else None
    optimizer = torch.optim.AdamW(stage.parameters())
    for _ in range(3):
        optimizer.zero_grad()
        schedule.step(*([given] if first else []), **({"target": given} if last else {}))
        optimizer.step()


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


def data_parallel(model: Any, blocks: Any, device: torch.device, kind: str, flags: Any) -> Any:
    """The model as the kind has it, and what makes its optimizer."""
    size = dist.get_world_size()
    if kind in ("fsdp", "hsdp"):
        mesh = init_device_mesh("cuda", (size,))
        if kind == "hsdp":
            mesh = init_device_mesh("cuda", (size // 2, 2), mesh_dim_names=("copy", "part"))
        shard(model, blocks, mesh, flags)
        model.to_empty(device=torch.device("cpu") if "offload" in flags else device)
        return model, torch.optim.AdamW
    model.to_empty(device=device)
    model = nn.parallel.DistributedDataParallel(model, device_ids=[device.index])
    if kind == "ddp":
        return model, torch.optim.AdamW
    from torch.distributed.optim import ZeroRedundancyOptimizer

    return model, lambda p: ZeroRedundancyOptimizer(p, torch.optim.AdamW)


def main(kind: str, folder: str, shape: str = "8x128") -> None:
    dist.init_process_group("nccl")
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(device)
    kind, *flags = kind.split("-")
    rows, length = map(int, shape.split("x"))
    llama = make_llama(folder) if Path(folder, "config.json").exists() else None
    size = dist.get_world_size()
    if kind == "3d":
        mesh = init_device_mesh("cuda", (2, size // 4, 2), mesh_dim_names=("pp", "dp", "tp"))
        pipeline(llama, device, mesh, flags, rows, length)
        return
    if kind == "pp":
        mesh = init_device_mesh("cuda", (size,), mesh_dim_names=("pp",))
        pipeline(llama, device, mesh, flags, rows, length)
        return
    if llama is None:
        with torch.device("meta"):
            model: Any = Net()
        blocks = model.blocks
        x, y = torch.randn(ROWS, WIDTH), torch.zeros(ROWS, dtype=torch.long)
    else:
        model, blocks = llama, llama.model.layers
        model.config.use_cache = "checkpointed" not in flags
        x = torch.zeros(rows, length, dtype=torch.long)
        y = x.clone()
    if "checkpointed" in flags:
        for block in blocks:
            checkpointed(block)
    if kind == "tp":
        split(model, init_device_mesh("cuda", (size,)))
        model.to_empty(device=device)

        def make_optimizer(parameters: Any) -> Any:
            return torch.optim.AdamW(parameters, foreach=False)
    else:
        model, make_optimizer = data_parallel(model, blocks, device, kind, flags)
    train(model, make_optimizer, x.to(device), y.to(device))


if __name__ == "__main__":
    main(*sys.argv[1:])
