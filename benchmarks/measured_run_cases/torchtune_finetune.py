"""torchtune's full_finetune_single_device.py of November 2024, on a packed dataset of 4,096 tokens.

The arguments are a checkout of that day and, of its configuration, which are set: `compile`,
`chunked` (the loss), `checkpointing`, `in-backward` (the optimizer), `offloading` (activations),
`8-bit` (the optimizer).
"""

import contextlib
import json
import sys
from typing import Any

import torch
from torch import nn

LENGTH, BATCH = 4096, 2
#: Tokens of an example in a pack: the mask's size does not depend on them.
EXAMPLE = 256


def main(flags: set[str]) -> None:
    """Four optimizer steps; the peak is printed, of the counter that the recipe logs."""
    from torchtune import modules, training, utils
    from torchtune.models import llama3_2
    from torchtune.modules.attention_utils import packed_block_causal_mask
    from torchtune.modules.loss import CEWithChunkedOutputLoss

    device = torch.device("cuda")
    with training.set_default_dtype(torch.bfloat16), device:
        model: Any = llama3_2.llama3_2_3b()
    if "compile" in flags:
        training.compile_model(model, verbose=False)
    if "checkpointing" in flags:
        layers = {modules.TransformerSelfAttentionLayer}
        training.set_activation_checkpointing(model, auto_wrap_policy=layers)
    loss_fn: Any = nn.CrossEntropyLoss()
    if "chunked" in flags:
        loss_fn = CEWithChunkedOutputLoss()
        model.set_num_output_chunks(loss_fn.num_output_chunks)
        if "compile" in flags:
            training.compile_loss(loss_fn, verbose=False)
    optimizer = None
    options: dict[str, Any] = {"lr": 2e-5, "fused": True}
    kind: Any = torch.optim.AdamW
    if "8-bit" in flags:
        import bitsandbytes

        options, kind = {"lr": 2e-5}, bitsandbytes.optim.AdamW8bit
    if "in-backward" in flags:
        each = {parameter: kind([parameter], **options) for parameter in model.parameters()}
        training.register_optim_in_bwd_hooks(model=model, optim_dict=each)
    else:
        optimizer = kind(model.parameters(), **options)
    saving: Any = contextlib.nullcontext()
    if "offloading" in flags:
        saving = training.get_act_offloading_ctx_manager(model, enable_activation_offloading=True)
    ignored = torch.full((BATCH, 1), loss_fn.ignore_index, device=device)
    sizes = torch.full((LENGTH // EXAMPLE,), EXAMPLE)
    for _ in range(4):
        tokens = torch.zeros(BATCH, LENGTH, dtype=torch.long)
        batch = {
            "tokens": tokens, "labels": tokens.clone(),
            "input_pos": torch.arange(EXAMPLE).repeat(BATCH, LENGTH // EXAMPLE),
            "mask": packed_block_causal_mask([sizes] * BATCH),
        }  # fmt: skip
        utils.batch_to_device(batch, device)
        count = (batch["labels"] != loss_fn.ignore_index).sum()
        loss = loss_step(model, loss_fn, batch, ignored, saving) * count
        loss.backward()
        if optimizer is not None:
            training.scale_grads(model, 1 / count)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        loss.item()
    found = {"active": torch.cuda.memory_stats()["active_bytes.all.peak"]}
    print("FOUND", json.dumps(found), file=sys.stderr)


def loss_step(model: Any, loss_fn: Any, batch: Any, ignored: torch.Tensor, saving: Any) -> Any:
    """The logits are gone before backward."""
    labels = batch.pop("labels")
    with saving:
        logits = model(**batch)
    labels = torch.hstack((labels[..., 1:], ignored))
    if not isinstance(logits, list):
        labels, logits = labels.reshape(-1), logits.reshape(-1, logits.size(-1))
    return loss_fn(logits, labels)


if __name__ == "__main__":
    checkout, *given = sys.argv[1:]
    sys.path.insert(0, checkout)
    main(set(given))
