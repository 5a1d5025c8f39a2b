"""Every classification, segmentation and video entry of torchvision's registry, as published."""

from __future__ import annotations

from typing import Any

import pytest

import nincost

torchvision = pytest.importorskip("torchvision")
from torchvision import models  # noqa: E402

GROUPS = {
    "classification": models,
    "segmentation": models.segmentation,
    "video": models.video,
}

#: Options that the published figures were made with, where they are not the builder's defaults.
AUX_LOSS = "weights are published with their auxiliary head, and its parameters and MACs counted"
NO_AUX = "published without the two auxiliary heads, which only training uses"
CROP = "fine-tuned at the size of its own crop, which a ViT must be told"
OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "FCN_ResNet50_Weights.": ({"aux_loss": True}, AUX_LOSS),
    "FCN_ResNet101_Weights.": ({"aux_loss": True}, AUX_LOSS),
    "DeepLabV3_ResNet50_Weights.": ({"aux_loss": True}, AUX_LOSS),
    "DeepLabV3_ResNet101_Weights.": ({"aux_loss": True}, AUX_LOSS),
    "DeepLabV3_MobileNet_V3_Large_Weights.": ({"aux_loss": True}, AUX_LOSS),
    "GoogLeNet_Weights.": ({"aux_logits": False}, NO_AUX),
    "ViT_B_16_Weights.IMAGENET1K_SWAG_E2E_V1": ({"image_size": 384}, CROP),
    "ViT_L_16_Weights.IMAGENET1K_SWAG_E2E_V1": ({"image_size": 512}, CROP),
    "ViT_H_14_Weights.IMAGENET1K_SWAG_E2E_V1": ({"image_size": 518}, CROP),
}

#: Entries that are proved to be published wrong: there is none.
WRONG: dict[str, str] = {}


def entries() -> list[tuple[str, Any]]:
    found = []
    for module in GROUPS.values():
        for name in models.list_models(module=module):
            found += [(name, entry) for entry in models.get_model_weights(name)]
    return found


ENTRIES = entries()


def options(entry: Any) -> dict[str, Any]:
    keys = [key for key in OPTIONS if str(entry).startswith(key)]
    chosen = dict(OPTIONS[keys[0]][0]) if keys else {}
    categories = entry.meta["categories"]  # none for a VGG published as a feature extractor
    if categories and len(categories) != 1000:
        chosen["num_classes"] = len(categories)  # 21 for segmentation, 400 for video
    return chosen


def size(entry: Any) -> str:
    """The input that the entry's own transforms make."""
    settings = entry.transforms.keywords
    side = settings.get("crop_size") or settings["resize_size"]
    sides = [side, side] if isinstance(side, int) else list(side)
    sides *= 2 if len(sides) == 1 else 1
    is_video = "kinetics" in str(entry.meta["_metrics"]).lower()
    frames = [max(16, entry.meta.get("min_temporal_size", 16))] if is_video else []
    return "x".join(map(str, [3, *frames, *sides]))


def assert_as_published(name: str, entry: Any) -> None:
    result = nincost.profile(f"torchvision:{name}", input=size(entry), arg=options(entry))
    assert result.totals.params == entry.meta["num_params"]
    # published in G, three decimals
    assert abs(result.totals.macs / 1e9 - entry.meta["_ops"]) <= 0.0005 + 1e-9
    assert result.uncounted == ()
    assert result.device == "meta"
    assert sum(row.params for row in result.layers) == result.totals.params


DOZEN = [
    "resnet18", "resnet50", "vit_b_16", "swin_t", "densenet121", "mobilenet_v3_small",
    "efficientnet_b0", "convnext_tiny", "regnet_y_400mf", "shufflenet_v2_x1_0", "r3d_18",
    "lraspp_mobilenet_v3_large", "fcn_resnet50", "googlenet", "squeezenet1_0", "vgg11",
]  # fmt: skip


@pytest.mark.parametrize("name", DOZEN)
def test_a_dozen_as_published(name: str) -> None:
    assert_as_published(name, models.get_model_weights(name).DEFAULT)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "entry"), ENTRIES, ids=[f"{name}-{entry.name}" for name, entry in ENTRIES]
)
def test_every_entry_as_published(name: str, entry: Any) -> None:
    assert_as_published(name, entry)


def test_each_option_in_the_table_is_of_an_entry_that_exists() -> None:
    titles = [str(entry) for _, entry in ENTRIES]
    assert [key for key in OPTIONS if not any(t.startswith(key) for t in titles)] == []
    assert WRONG == {}
    assert len(ENTRIES) > 120
