"""open_clip, ultralytics, x-transformers and vit-pytorch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from real_model_cases import Made, case
from real_model_cases.transformers_text import ids


def clip(name: str) -> Any:
    def make() -> Made:
        import open_clip

        model = open_clip.create_model(name)
        size = model.visual.image_size
        side = size[0] if isinstance(size, tuple) else size
        length = 76 if name.startswith("coca") else 77
        return model, {"image": torch.randn(2, 3, side, side), "text": ids(2, length)}

    return make


def contrastive(output: Any) -> Tensor:
    image, text, scale = output[:3]
    scores = scale * image @ text.T
    target = torch.arange(scores.shape[0], device=scores.device)
    entropy = torch.nn.functional.cross_entropy
    return (entropy(scores, target) + entropy(scores.T, target)) / 2


case("open_clip ViT-B-32", "open_clip", clip("ViT-B-32"), loss=contrastive, amp="bfloat16")
case("open_clip RN50", "open_clip", clip("RN50"), loss=contrastive)


def coca_loss(output: Any) -> Tensor:
    return output["logits"].mean() + output["image_features"].mean()  # type: ignore[no-any-return]


case("open_clip coca", "open_clip", clip("coca_ViT-B-32"), loss=coca_loss)


def yolo(name: str) -> Any:
    def make() -> Made:
        from ultralytics.nn.tasks import ClassificationModel, DetectionModel, SegmentationModel

        kind = {"-seg": SegmentationModel, "-cls": ClassificationModel}.get(
            name[-4:], DetectionModel
        )
        return kind(f"{name}.yaml", verbose=False), (torch.randn(2, 3, 256, 256),)

    return make


def every(output: Any) -> Tensor:
    return torch.stack([one.float().mean() for one in floats_in(output)]).sum()


def floats_in(value: Any) -> list[Tensor]:
    """Not a function in a function, which would be a cycle and hold its list until Python looks."""
    if isinstance(value, Tensor):
        return [value] if value.is_floating_point() else []
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list | tuple):
        return []
    return [one for item in inner for one in floats_in(item)]


for name in ("yolov8n", "yolo11n", "yolov8n-seg", "yolo11n-cls"):
    case(f"{name} train", "ultralytics", yolo(name), loss=every, optimizer="SGD",
         optimizer_arg={"momentum": 0.9})  # fmt: skip
case("yolov8n infer", "ultralytics", yolo("yolov8n"), inference=True, dtype="float16")


def x_transformer(**arguments: Any) -> Any:
    def make() -> Made:
        from x_transformers import AutoregressiveWrapper, Decoder, TransformerWrapper

        decoder = Decoder(dim=256, depth=3, heads=8, **arguments)
        model = TransformerWrapper(num_tokens=5000, max_seq_len=512, attn_layers=decoder)
        return AutoregressiveWrapper(model), (ids(2, 257),)

    return make


def whole(output: Any) -> Tensor:
    return output if isinstance(output, Tensor) else output[0]


case("x-transformers decoder", "x-transformers", x_transformer(), loss=whole)
case("x-transformers flash rotary", "x-transformers",
     x_transformer(attn_flash=True, rotary_pos_emb=True), loss=whole, amp="bfloat16")  # fmt: skip
case("x-transformers alibi glu", "x-transformers",
     x_transformer(alibi_pos_bias=True, ff_glu=True), loss=whole)  # fmt: skip


def x_encoder() -> Made:
    from x_transformers import Encoder, ViTransformerWrapper

    model = ViTransformerWrapper(
        image_size=128, patch_size=16, num_classes=100,
        attn_layers=Encoder(dim=192, depth=3, heads=6),
    )  # fmt: skip
    return model, (torch.randn(4, 3, 128, 128),)


case("x-transformers vit", "x-transformers", x_encoder)


def vit_pytorch(module: str, name: str, size: int = 128, **arguments: Any) -> Any:
    def make() -> Made:
        import importlib

        kind = getattr(importlib.import_module(f"vit_pytorch.{module}"), name)
        return kind(**arguments), (torch.randn(2, 3, size, size),)

    return make


SMALL: dict[str, Any] = {
    "image_size": 128, "patch_size": 16, "num_classes": 100, "dim": 192, "depth": 3, "heads": 6,
    "mlp_dim": 384,
}  # fmt: skip
case("vit-pytorch ViT", "vit-pytorch", vit_pytorch("vit", "ViT", **SMALL))
case("vit-pytorch SimpleViT", "vit-pytorch", vit_pytorch("simple_vit", "SimpleViT", **SMALL))
case("vit-pytorch DeepViT", "vit-pytorch", vit_pytorch("deepvit", "DeepViT", **SMALL))
case("vit-pytorch CaiT", "vit-pytorch",
     vit_pytorch("cait", "CaiT", cls_depth=1, **SMALL))  # fmt: skip
case("vit-pytorch CCT", "vit-pytorch",
     vit_pytorch("cct", "CCT", img_size=128, embedding_dim=192, num_layers=3, num_heads=6,
                 num_classes=100))  # fmt: skip
case(
    "vit-pytorch MobileViT",
    "vit-pytorch",
    vit_pytorch(
        "mobile_vit",
        "MobileViT",
        image_size=(128, 128),
        dims=[48, 60, 72],
        channels=[16, 16, 24, 24, 32, 32, 48, 48, 64, 64, 128],
        num_classes=100,
    ),
)
