"""Rows that were measured with torchtitan."""

from __future__ import annotations

from measured_run_cases.case import Case


def january_2025() -> list[Case]:
    float8 = {
        "none": ("none", "--activation_checkpoint.mode", "none"),
        "every-2nd": (
            "selective every 2nd layer", "--activation_checkpoint.mode", "selective",
            "--activation_checkpoint.selective_ac_option", "2",
        ),
        "full": ("full", "--activation_checkpoint.mode", "full"),
    }  # fmt: skip
    return [
        Case(
            name=f"torchtitan-llama3-8b-{name}",
            group="torchao-float8nocompile",
            row={"checkpointing": checkpointing, "compile": "no"},
            script="torchtitan_train.py",
            arguments=(
                "{sources}/torchtitan", "128256",
                "--job.config_file", "train_configs/llama3_8b.toml", "--training.seq_len", "4096",
                "--training.steps", "10", *options,
            ),
            gpu="h100",
            counter="reserved",
            parallelism="FSDP2",
            ranks=8,
            environment={"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"},
            needs=("torchdata",),
        )
        for name, (checkpointing, *options) in float8.items()
    ]  # fmt: skip


def march_2024() -> list[Case]:
    rows = (
        ("fsdp1-full", "torchtrain-fsdp1", "FSDP1 8", "full", "reserved"),
        ("fsdp2-full", "torchtrain", "FSDP2 8", "full", "active"),
        ("fsdp2-op", "torchtrain", "FSDP2 8", "selective op", "active"),
    )
    return [
        Case(
            name=f"torchtitan-llama-7b-{name}",
            group="torchtitan-PR165",
            row={"parallelism": parallelism, "checkpointing": mode, "compile": "no"},
            script="torchtitan_train.py",
            arguments=(
                f"{{sources}}/{checkout}", "32000", "--job.config_file",
                "train_configs/llama_7b.toml", "--training.steps", "11",
                "--activation_checkpoint.mode", mode.partition(" ")[0],
                "--activation_checkpoint.selective_ac_option", "op",
            ),
            gpu="h100",
            counter=counter,
            parallelism=parallelism.removesuffix(" 8"),
            ranks=8,
        )
        for name, checkout, parallelism, mode, counter in rows
    ]  # fmt: skip
