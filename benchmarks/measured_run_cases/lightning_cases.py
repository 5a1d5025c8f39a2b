"""Rows of Lightning AI's litgpt, of two of its tables."""

from __future__ import annotations

from measured_run_cases.case import Case


def pretraining() -> list[Case]:
    kinds = {
        "single": ("single", "one GPU", 2),
        "ddp": ("DDP 8", "DDP", 2),
        # A global batch of 32 in micro-batches of 4 on 8 GPUs: nothing is accumulated.
        "fsdp": ("FSDP1 FULL_SHARD 8", "FSDP1", 1),
    }
    return [
        Case(
            name=f"litgpt-{kind}",
            group="litgpt-thunder",
            row={"parallelism": parallelism, "compile": "no"},
            script="litgpt_pretrain.py",
            arguments=(kind, str(accumulation)),
            gpu="a100-40gb",
            counter="allocated",
            parallelism=words,
            ranks=1 if kind == "single" else 8,
            needs=("litgpt", "lightning"),
        )
        for kind, (parallelism, words, accumulation) in kinds.items()
    ]


#: lit-gpt's name of a model, the longest example of Alpaca in its tokens, and how many weights
#: LoRA trains, as the rows say.
LIT_GPT = {
    "phi-1.5 1.3 B": ("phi-1_5", 1044, 1572864),
    "StableLM Alpha 3 B": ("stablelm-base-alpha-3b", 1034, 2097152),
    "Llama 2 7 B": ("Llama-2-7b-hf", 1304, 4194304),
    "Llama 2 13 B": ("Llama-2-13b-hf", 1304, 6553600),
}
LIT_GPT_LORA = (
    ("phi-1.5 1.3 B", 1, 1), ("phi-1.5 1.3 B", 4, 1), ("StableLM Alpha 3 B", 2, 1),
    ("Llama 2 7 B", 2, 1), ("Llama 2 13 B", 1, 1), ("phi-1.5 1.3 B", 2, 2),
    ("phi-1.5 1.3 B", 4, 2), ("StableLM Alpha 3 B", 2, 2), ("Llama 2 7 B", 4, 2),
    ("Llama 2 13 B", 1, 4),
)  # fmt: skip
LIT_GPT_INFERENCE = ("StableLM Alpha 3 B", "Llama 2 7 B")


def _lit_gpt_case(
    work: str, script: str, model: str, batch: int, gpus: int, row: dict[str, str]
) -> Case:
    name, longest, _ = LIT_GPT[model]
    short = name.lower().removesuffix("-hf").replace("_", ".").replace("-base-alpha", "")
    return Case(
        name=f"lit-gpt-{work}-{short}-bf16" + (f"-{batch}" if work != "generate" else ""),
        group={"generate": "litgpt-inference", "lora": "litgpt-peft"}.get(work, "litgpt-lora-fsdp"),
        row={"model": model} | row,
        script="lit_gpt_2023.py",
        arguments=("{sources}/lit-gpt", script, name, str(batch), str(longest), str(gpus)),
        gpu="a100-40gb",
        counter="allocated",
        parallelism="one GPU" if gpus == 1 else "FSDP1, checkpointed",
        ranks=gpus,
        needs=("lightning",),
    )


def fine_tuning_and_inference() -> list[Case]:
    found = []
    for model, batch, gpus in LIT_GPT_LORA:
        note = f"quantize=None, trainable {LIT_GPT[model][2]}"
        row = {"batch_per_gpu": str(batch), "optimizer": "LoRA AdamW", "note": note}
        work = "lora" if gpus == 1 else f"lora-{gpus}gpus"
        found.append(_lit_gpt_case(work, "finetune/lora", model, batch, gpus, row))
    for model in LIT_GPT_INFERENCE:
        row = {"note": "quantize=None"}
        found.append(_lit_gpt_case("generate", "generate/base", model, 1, 1, row))
    return found
