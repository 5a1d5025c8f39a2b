"""Rows of torch-preflight's calibration."""

from __future__ import annotations

from measured_run_cases.case import Case

PREFLIGHT_CONTEXT = 141426688
"""torch-preflight 0.5.0, tests/calibration/measured_peaks.json: cuda_context_bytes on its T4."""


def calibration() -> list[Case]:
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
