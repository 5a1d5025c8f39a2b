"""TinyLlama's pretraining as litgpt's extensions/thunder/pretrain.py does it, eager.

The arguments are `single`, `ddp` or `fsdp`, and the micro-batches of a step.
"""

import json
import sys
from typing import Any

import lightning
import torch
from lightning.fabric.strategies import FSDPStrategy
from litgpt.model import GPT, Block, Config
from litgpt.pretrain import initialize_weights
from litgpt.utils import chunked_cross_entropy


def forward_and_loss(model: Any, tokens: torch.Tensor, targets: torch.Tensor) -> Any:
    """The logits live until this returns."""
    logits = model(tokens)
    return chunked_cross_entropy(logits, targets, chunk_size=0)


def main(kind: str, accumulation: int) -> None:
    """Two optimizer steps and a micro-batch more; the peak is printed."""
    strategy: Any = "ddp" if kind == "ddp" else "auto"
    if kind == "fsdp":
        strategy = FSDPStrategy(
            auto_wrap_policy={Block}, state_dict_type="full", sharding_strategy="FULL_SHARD"
        )
    fabric = lightning.Fabric(
        accelerator="cuda",
        devices=1 if kind == "single" else 8,
        strategy=strategy,
        precision="bf16-true",
    )
    fabric.launch()
    fabric.seed_everything(42)
    with fabric.init_module(empty_init=True):
        model: Any = GPT(Config.from_name("tiny-llama-1.1b"))
    initialize_weights(fabric, model, n_layer=model.config.n_layer, n_embd=model.config.n_embd)
    model = fabric.setup(model)
    optimizer = fabric.setup_optimizers(
        torch.optim.AdamW(model.parameters(), lr=4e-4, weight_decay=0.1, betas=(0.9, 0.95))
    )
    for number in range(1, 2 * accumulation + 2):
        data = torch.zeros(4, 2049, dtype=torch.int32).to(fabric.device)
        tokens = data[:, :2048].contiguous().long()
        targets = data[:, 1:2049].contiguous().long()
        accumulating = number % accumulation != 0
        with fabric.no_backward_sync(model, enabled=accumulating):
            loss = forward_and_loss(model, tokens, targets)
            fabric.backward(loss / accumulation)
        if not accumulating:
            optimizer.step()
            optimizer.zero_grad()
    found = {"allocated": torch.cuda.max_memory_allocated()}
    print("FOUND", json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
