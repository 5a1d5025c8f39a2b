"""Which rows are repeated, how, and what explains those that differ."""

from __future__ import annotations

from dataclasses import dataclass

NOT_FOUND = "not found"


@dataclass(frozen=True, slots=True)
class Case:
    """A measured row and the script that sets it up."""

    name: str
    group: str
    row: dict[str, str]
    """Columns of training_runs.csv by which the row is found, beside the group."""
    script: str
    arguments: tuple[str, ...]
    gpu: str
    counter: str
    """Which of the counters that the script prints is compared."""
    parallelism: str = "one GPU"
    ranks: int = 1
    added: int = 0
    """Bytes that the source adds to its counter, as it measured them on its card."""
    needs: tuple[str, ...] = ()
    """Packages whose versions are reported."""
    reason: str = NOT_FOUND


PREFLIGHT_CONTEXT = 141426688
"""torch-preflight 0.5.0, tests/calibration/measured_peaks.json: cuda_context_bytes on its T4."""


def _preflight() -> list[Case]:
    sizes = {"ResNet-50": (("16", "224"), ("32", "224"))}
    found = []
    for model in ("GPT-2", "BERT-base", "DistilBERT", "ResNet-50"):
        name = {"ResNet-50": "resnet50", "GPT-2": "gpt2"}.get(model, model.lower())
        for batch, size in sizes.get(model, (("4", "128"), ("8", "256"))):
            found.append(
                Case(
                    name=f"preflight-{name}-{batch}",
                    group="torch-preflight-T4",
                    row={"model": model, "batch_per_gpu": batch, "seq_or_image": size},
                    script="preflight.py",
                    arguments=(name, batch, size),
                    gpu="t4",
                    counter="reserved",
                    added=PREFLIGHT_CONTEXT,
                    needs=("transformers",) if name != "resnet50" else ("torchvision",),
                )
            )
    return found


def _litgpt() -> list[Case]:
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


CASES = (*_preflight(), *_litgpt())
