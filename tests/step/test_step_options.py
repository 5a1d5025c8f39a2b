"""A step's options as people write them, and what they are refused for."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nincost import InputError
from nincost._models.sources import resolve
from nincost._step.step_options import Step
from nincost._step.step_words import step_words

MODEL = resolve("two-1x1")


def kept(**options: Any) -> dict[str, Any]:
    return Step(MODEL, **options).options()


@pytest.mark.parametrize(
    ("name", "given", "meant"),
    [
        ("optimizer", "adamw", "AdamW"),
        ("optimizer", "SPARSE_ADAM", "SparseAdam"),
        ("optimizer", "rms prop", "RMSprop"),
        ("optimizer", torch.optim.AdamW, "AdamW"),
        ("dtype", "bf16", "bfloat16"),
        ("dtype", "BFloat16", "bfloat16"),
        ("dtype", "torch.float64", "float64"),
        ("dtype", torch.bfloat16, "bfloat16"),
        ("dtype", "half", "float16"),
        ("amp", torch.float16, "float16"),
        ("amp", "fp16", "float16"),
        ("loss", "Cross Entropy", "cross-entropy"),
        ("loss", "MSE", "mse"),
        ("optimizer_impl", "For_Loop", "for-loop"),
        ("activation_checkpointing", "Top Level", "top-level"),
        ("activation_checkpointing", True, "blocks"),
    ],
)
def test_names_are_kept_as_torch_writes_them(name: str, given: Any, meant: str) -> None:
    assert kept(**{name: given})[name] == meant


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"amp": "fp8"}, r"unknown amp 'fp8': choose float16, bfloat16 \(did you mean 'float16'"),
        ({"amp": "float32"}, "unknown amp 'float32'"),
        ({"dtype": torch.int8}, "unknown dtype 'int8'"),
        ({"optimizer": "adm"}, "did you mean 'Adam'"),
        ({"optimizer": int}, "unknown optimizer <class 'int'>"),
        ({"channels_last": "yes"}, "channels_last is 'yes': expected True or False"),
        ({"tf32": 1}, "tf32 is 1: expected True or False"),
        ({"alloc_conf": 3}, "alloc_conf is 3: expected a text"),
        ({"alloc_conf": "max_split_size:1"}, "max_split_size"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        kept(**options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "a training step with SGD"),
        ({"optimizer": "Adam", "amp": "fp16"}, "a training step with Adam, float16 autocast"),
        (
            {"optimizer_arg": {"momentum": 0.9}, "grad_scaler": True, "loss": "mse"},
            "a training step with SGD (momentum=0.9), mse loss, with a GradScaler",
        ),
        (
            {"inference": True, "dtype": "half", "tf32": False, "deterministic": True},
            "inference, float16, deterministic algorithms, TF32 off",
        ),
        (
            {"grad_accumulation": 2, "clip_grad_norm": 1.0, "grad_set_to_none": False},
            "a training step with SGD, gradients clipped to 1, 2 backward passes a step, gradients "
            "kept at zero",
        ),
    ],
)
def test_a_title_has_what_is_out_of_the_ordinary(options: dict[str, Any], words: str) -> None:
    shown = {**kept(**options), "tf32": options.get("tf32", True)}
    shown["deterministic"] = options.get("deterministic", False)
    shown["cudnn_benchmark"] = False
    assert step_words(shown) == words
