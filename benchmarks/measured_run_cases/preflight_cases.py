"""Rows of torch-preflight's calibration."""

from __future__ import annotations

from measured_run_cases.case import Case

PREFLIGHT_CONTEXT = 141426688
"""torch-preflight 0.5.0, tests/calibration/measured_peaks.json: cuda_context_bytes on its T4."""


MODELS = {
    "GPT-2": ("gpt2", (("4", "128"), ("8", "256"))),
    "BERT-base": ("bert-base-uncased", (("4", "128"), ("8", "256"))),
    "DistilBERT": ("distilbert-base-uncased", (("4", "128"), ("8", "256"))),
    "ResNet-50": ("resnet50", (("16", "224"), ("32", "224"))),
}


def calibration() -> list[Case]:
    return [
        Case(
            name=f"preflight-{key.removesuffix('-uncased')}-{batch}",
            group="torch-preflight-T4",
            row={"model": model, "batch_per_gpu": batch, "seq_or_image": size},
            script="preflight.py",
            arguments=("{sources}/torch-preflight",),
            gpu="t4",
            counter=f"{key}-{batch}",
            added=PREFLIGHT_CONTEXT,
            needs=("transformers", "torchvision"),
        )
        for model, (key, sizes) in MODELS.items()
        for batch, size in sizes
    ]
