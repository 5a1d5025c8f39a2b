"""A small transformer, trained on many ranks in the way that its argument names.

It prints torch's own peaks after each step, and ends by itself.
"""

import contextlib
import os
import sys
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed._functional_collectives import all_to_all_single_autograd
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import (
    FullyShardedDataParallel,
    MixedPrecision,
    MixedPrecisionPolicy,
    ShardingStrategy,
    fully_shard,
)
from torch.distributed.fsdp.wrap import ModuleWrapPolicy
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.distributed.tensor import Replicate, Shard
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    PrepareModuleInput,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

WIDTH, HEADS, LAYERS, WORDS = 256, 4, 3, 1000


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        head = WIDTH // HEADS
        q, k, v = (f(x).unflatten(-1, (-1, head)).transpose(1, 2) for f in (self.q, self.k, self.v))
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down(functional.gelu(self.up(x)))


class Experts(nn.Module):
    """This rank's two experts; each has room for as many tokens as the mean gets of each rank."""

    def __init__(self, group: Any) -> None:
        super().__init__()
        self.group, self.experts = group, 2 * group.size()
        self.router = nn.Linear(WIDTH, self.experts)
        self.mine = nn.ModuleList(FeedForward() for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(0, 1)
        room = len(flat) // self.experts
        weights = self.router(flat).softmax(-1)
        chosen = weights.topk(room, dim=0).indices.t().flatten()  # of each expert, in order
        sent = all_to_all_single_autograd(flat[chosen], None, None, self.group)
        parts = sent.view(self.group.size(), 2, room, WIDTH).unbind(1)
        made = [expert(part) for expert, part in zip(self.mine, parts, strict=True)]
        back = all_to_all_single_autograd(
            torch.stack(made, 1).flatten(0, 2), None, None, self.group
        )
        return torch.zeros_like(flat).index_add(0, chosen, back).view_as(x)


class Block(nn.Module):
    def __init__(self, feed_forward: nn.Module | None = None) -> None:
        super().__init__()
        self.attention_norm, self.norm = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention, self.feed_forward = Attention(), feed_forward or FeedForward()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.attention_norm(x))
        return x + self.feed_forward(self.norm(x))


class Transformer(nn.Module):
    def __init__(self, make_block: Any = Block) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.blocks = nn.ModuleList(make_block() for _ in range(LAYERS))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WORDS)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.words(tokens)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def tensor_parallel(model: Transformer, mesh: Any, *, sequence: bool) -> Transformer:
    column, row = ColwiseParallel, RowwiseParallel
    plan: dict[str, Any] = {"head": column(output_layouts=Replicate())}
    for n in range(LAYERS):
        for name in ("attention.q", "attention.k", "attention.v", "feed_forward.up"):
            plan[f"blocks.{n}.{name}"] = column()
        for name in ("attention.out", "feed_forward.down"):
            plan[f"blocks.{n}.{name}"] = row(output_layouts=Shard(1)) if sequence else row()
        if sequence:
            for part in ("attention", "feed_forward"):
                plan[f"blocks.{n}.{part}"] = PrepareModuleInput(
                    input_layouts=(Shard(1),), desired_input_layouts=(Replicate(),)
                )
            plan |= {
                f"blocks.{n}.{name}": SequenceParallel() for name in ("attention_norm", "norm")
            }
    if sequence:
        plan["words"] = row(input_layouts=Replicate(), output_layouts=Shard(1))
        plan["norm"] = SequenceParallel()
        plan["head"] = column(input_layouts=Shard(1), output_layouts=Replicate())
    return parallelize_module(model, mesh, plan)


def main(kind: str, *backend: str) -> None:
    if backend:  # torch's own process group without other ranks
        from torch.testing._internal.distributed.fake_pg import FakeStore

        ranks = {"rank": int(os.environ["RANK"]), "world_size": int(backend[1])}
        dist.init_process_group("fake", store=FakeStore(), **ranks)
    else:
        dist.init_process_group("nccl")
    torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    size, mesh = dist.get_world_size(), None
    device = torch.device("cuda", torch.cuda.current_device())
    context: Any = contextlib.nullcontext
    make_optimizer: Any = torch.optim.AdamW
    if kind == "ep":
        group = dist.group.WORLD
        model: nn.Module = Transformer(lambda: Block(Experts(group))).to(device)
    else:
        model = Transformer().to(device)
    if kind == "ddp":
        model = DistributedDataParallel(model, device_ids=[device.index])
    elif kind == "zero":
        model = DistributedDataParallel(model, device_ids=[device.index])

        def make_optimizer(parameters: Any) -> Any:
            return ZeroRedundancyOptimizer(parameters, torch.optim.AdamW, lr=1e-3)
    elif kind == "fsdp1":
        model = FullyShardedDataParallel(
            model, device_id=device,
            auto_wrap_policy=ModuleWrapPolicy({Block}), use_orig_params=True,
            sharding_strategy=ShardingStrategy.FULL_SHARD,
            mixed_precision=MixedPrecision(param_dtype=torch.bfloat16),
        )  # fmt: skip
    elif kind in ("fsdp2", "hsdp"):
        if kind == "hsdp":
            mesh = init_device_mesh("cuda", (2, size // 2), mesh_dim_names=("replicate", "shard"))
        policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16)
        for block in model.blocks:
            fully_shard(block, mesh=mesh, mp_policy=policy)
        fully_shard(model, mesh=mesh, mp_policy=policy)
    elif kind in ("tp", "sp", "async_tp"):
        mesh = init_device_mesh("cuda", (size,), mesh_dim_names=("tp",))
        model = tensor_parallel(model, mesh, sequence=kind != "tp")
        if kind == "tp":  # whose norms stay plain tensors

            def make_optimizer(parameters: Any) -> Any:
                return torch.optim.AdamW(parameters, foreach=False)

        if kind == "async_tp":
            from torch._inductor import config
            from torch.distributed._symmetric_memory import enable_symm_mem_for_group

            enable_symm_mem_for_group(mesh.get_group().group_name)
            config._micro_pipeline_tp = True
            model.compile()
    elif kind == "cp":
        mesh = init_device_mesh("cuda", (size,), mesh_dim_names=("cp",))
    optimizer = make_optimizer(model.parameters())
    for _ in range(3):
        tokens = torch.randint(0, WORDS, (2, 1024), device=device)
        if kind == "cp":
            from torch.distributed.tensor.experimental import context_parallel

            def context(tokens: Any = tokens) -> Any:
                return context_parallel(mesh, buffers=[tokens], buffer_seq_dims=[1])

        with context():
            logits = model(tokens)
            functional.cross_entropy(logits.flatten(0, 1).float(), tokens.flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()
        torch.cuda.synchronize()
        peaks = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
        print("peaks", *peaks, flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
