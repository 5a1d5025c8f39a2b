"""The steps that `nincost validate` predicts and measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_TRANSFORMER = "torch.nn:TransformerEncoderLayer"
_TRANSFORMER_ARGS = {"d_model": 512, "nhead": 8, "batch_first": True}

#: A model of each family, and a batch that a card of 16 GiB takes.
_TORCHVISION = {
    "alexnet": 128,
    "vgg16": 32,
    "resnet18": 64,
    "resnet50": 64,
    "densenet121": 32,
    "mobilenet_v2": 64,
    "mobilenet_v3_large": 64,
    "efficientnet_b0": 32,
    "regnet_y_400mf": 64,
    "convnext_tiny": 32,
    "swin_t": 32,
    "vit_b_16": 32,
}


@dataclass(frozen=True, slots=True)
class Case:
    """A step of the suite: the arguments of `nincost.memory`."""

    model: str
    batch_size: int
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`two-1x1 batch 128 optimizer=Adam`; unique in the suite."""
        return " ".join([
            self.model, f"batch {self.batch_size}",
            *(f"{key}={_words(value)}" for key, value in self.options.items() if key != "arg"),
        ])  # fmt: skip


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{k}:{v}" for k, v in value.items())
    return str(value)


def suite(*, quick: bool = False) -> tuple[Case, ...]:
    """The cases in order: NiN in all ways, torchvision's families, a transformer.

    `quick`: NiN at batch 32, a ResNet and the transformer.
    """
    cases = tuple(_cases())
    if not quick:
        return cases
    wanted = ("two-1x1 batch 32", "torchvision:resnet18", _TRANSFORMER)
    return tuple(case for case in cases if case.name.startswith(wanted))


def _cases() -> Iterator[Case]:
    for variant in ("two-1x1", "one-1x1", "zero-1x1"):
        for batch in (1, 32, 128):
            yield Case(variant, batch)
    for options in (
        {"optimizer_arg": {"momentum": 0.9}},
        {"optimizer": "Adam"},
        {"optimizer": "AdamW"},
        {"optimizer": "AdamW", "optimizer_impl": "fused"},
        {"amp": "bfloat16"},
        {"inference": True},
        {"activation_checkpointing": "top-level"},
        {"grad_accumulation": 2},
        {"grad_set_to_none": False},
    ):
        yield Case("two-1x1", 128, options)
    for name, batch in _TORCHVISION.items():
        yield Case(f"torchvision:{name}", batch, {"optimizer": "AdamW"})
    yield Case("torchvision:resnet50", 64, {"optimizer_arg": {"momentum": 0.9}})
    yield Case("torchvision:resnet50", 64, {"optimizer": "AdamW", "amp": "bfloat16"})
    yield Case("torchvision:resnet50", 64, {"amp": "bfloat16", "channels_last": True})
    yield Case("torchvision:resnet50", 64, {"inference": True})
    yield Case("torchvision:vit_b_16", 32, {"optimizer": "AdamW", "amp": "bfloat16"})
    for extra in ({"optimizer": "AdamW"}, {"optimizer": "AdamW", "amp": "bfloat16"}):
        yield Case(
            _TRANSFORMER, 16,
            {"arg": _TRANSFORMER_ARGS, "input": "256x512", "loss": "sum", **extra},
        )  # fmt: skip
