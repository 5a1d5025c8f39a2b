"""Predictions against PyTorch's own CUDA code, which runs with no GPU behind it (tests/no_gpu)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from no_gpu.emulated_steps import compare, compare_deterministic, compare_networks

from nincost._devices.cards import GPUS
from nincost._devices.libraries.cudnn_plans import plans_on
from nincost._emulator.library import library
from nincost._memory.predict import predict
from nincost._step.request import make_request
from nincost._validate.suite import Case
from nincost.errors import EmulatorError

ENCODER = {"d_model": 64, "nhead": 4, "dim_feedforward": 128, "batch_first": True}


def _lacking() -> str:
    """What the emulated GPU needs and is not here."""
    try:
        library()
    except EmulatorError as error:
        return str(error)
    return "" if plans_on(GPUS["h100"]).available else plans_on(GPUS["h100"]).reason


pytestmark = pytest.mark.skipif(bool(_lacking()), reason=f"no emulated GPU: {_lacking()}")


@pytest.mark.parametrize(
    ("model", "batch", "gpu", "options"),
    [
        ("two-1x1", 16, "rtx3060", {"optimizer": "AdamW", "activation_checkpointing": "top-level"}),
        (
            "torchvision:resnet18", 4, "h100",
            {"amp": "bfloat16", "channels_last": True, "optimizer_arg": {"momentum": 0.9}},
        ),
        pytest.param(
            "torchvision:mobilenet_v3_small", 4, "t4",
            {"optimizer": "Adam", "grad_accumulation": 2}, marks=pytest.mark.slow,
        ),
        (
            "torch.nn:TransformerEncoderLayer", 4, "a100-40gb",
            {"arg": ENCODER, "input": "32x64", "loss": "sum", "optimizer": "AdamW",
             "clip_grad_norm": 1.0},
        ),
    ],
)  # fmt: skip
def test_a_step_takes_what_pytorch_takes(
    model: str, batch: int, gpu: str, options: Mapping[str, Any]
) -> None:
    found = compare(Case(model, batch, options), gpu, events=True)
    assert found.alike, "\n".join([str(found), *found.events])


def test_attention_in_evaluation_takes_what_pytorch_takes() -> None:
    """`nn.TransformerEncoder` and `nn.MultiheadAttention` without gradients run fused kernels."""
    model = f"{Path(__file__).with_name('attention_layers.py')}:Layers"
    options = {"input": "30x96", "inference": True}
    found = compare(Case(model, 4, options), "h100", events=True)
    assert found.alike, "\n".join([str(found), *found.events])


def test_fourier_transforms_take_what_pytorch_takes() -> None:
    model = f"{Path(__file__).with_name('spectral_layers.py')}:Layers"
    found = compare(Case(model, 4, {"input": "3x64x64", "loss": "sum"}), "h100", events=True)
    assert found.alike, "\n".join([str(found), *found.events])


VIT = {
    "image_size": 32, "patch_size": 8, "num_layers": 3, "num_heads": 2, "hidden_dim": 32,
    "mlp_dim": 64,
}  # fmt: skip


@pytest.mark.parametrize(
    "choice",
    [
        "blocks",
        "selective",
        "every-second",
        pytest.param("encoder.layers.*.mlp", marks=pytest.mark.slow),
    ],
)
def test_checkpointed_blocks_take_what_pytorch_takes(choice: str) -> None:
    """The peaks; what dies with a block's forward does so in Python's order, not in C++'s."""
    model = "torchvision.models.vision_transformer:VisionTransformer"
    options = {"arg": VIT, "input": "3x32x32", "optimizer": "AdamW"}
    found = compare(Case(model, 16, {**options, "activation_checkpointing": choice}), "rtx3060")
    assert found.alike, str(found)
    plain = predict(make_request(model, "rtx3060", 16, **options)).simulation
    assert found.allocated[1] < plain.peak


def test_random_networks_take_what_pytorch_takes() -> None:
    """Each allocation of two training steps, in order."""
    found = list(compare_networks(0, 30, "h100"))
    different = [
        "\n".join([told["program"], *told["differences"]]) for told in found if told["differences"]
    ]
    assert not different, "\n\n".join(different)
    assert sum(told["compared"] for told in found) >= 15


def test_deterministic_algorithms_take_what_pytorch_takes() -> None:
    """Each allocation of operators that take another path then; and which of them torch refuses."""
    found = {told["name"]: told for told in compare_deterministic("h100")}
    different = [
        "\n".join([name, *told["differences"]])
        for name, told in found.items() if told["differences"]
    ]  # fmt: skip
    assert not different, "\n\n".join(different)
    refused = {name: told["refused"] for name, told in found.items() if told["raised"]}
    assert refused == {
        "adaptive_avg_pool2d": ["aten._adaptive_avg_pool2d_backward"],
        "nll_loss2d": ["aten.nll_loss2d_forward"],
    }
    assert all("deterministic implementation" in found[name]["raised"] for name in refused)
    assert not any(told["refused"] for name, told in found.items() if name not in refused)
    assert len(found) >= 20
