"""torchvision's and timm's networks, detectors and segmentation heads."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from real_model_cases import Made, case


def image(batch: int, size: int = 224, channels: int = 3) -> Tensor:
    return torch.randn(batch, channels, size, size)


def tv(name: str, batch: int, size: int = 224, **arguments: Any) -> Any:
    def make() -> Made:
        import torchvision

        return torchvision.models.get_model(name, weights=None, **arguments), (image(batch, size),)

    return make


def tm(name: str, batch: int, size: int = 224, **arguments: Any) -> Any:
    def make() -> Made:
        import timm

        return timm.create_model(name, **arguments), (image(batch, size),)

    return make


def cross_entropy(output: Any) -> Tensor:
    target = torch.zeros(output.shape[0], dtype=torch.int64, device=output.device)
    return torch.nn.functional.cross_entropy(output, target)


def pixels(output: Any) -> Tensor:
    """Main and auxiliary heads, as torchvision's reference script adds them."""
    heads = output.values() if isinstance(output, dict) else [output]
    found = []
    for head in heads:
        target = torch.zeros(head.shape[0], *head.shape[2:], dtype=torch.int64, device=head.device)
        found.append(torch.nn.functional.cross_entropy(head, target, ignore_index=255))
    return found[0] if len(found) == 1 else found[0] + 0.5 * found[1]


def detector_loss(output: Any) -> Tensor:
    return sum(output.values())  # type: ignore[return-value]


def boxes(labels: int = 5, masks: int = 0) -> dict[str, Tensor]:
    corners = torch.tensor([[10.0 + 7 * n, 12.0 + 5 * n] for n in range(labels)])
    found = {
        "boxes": torch.cat([corners, corners + 60], 1),
        "labels": torch.ones(labels, dtype=torch.int64),
    }
    if masks:
        found["masks"] = torch.zeros(labels, masks, masks, dtype=torch.uint8)
    return found


def detector(name: str, size: int = 320, masks: bool = False) -> Any:
    def make() -> Made:
        import torchvision

        model = torchvision.models.get_model(name, weights=None, weights_backbone=None)
        targets = [boxes(5, size if masks else 0), boxes(3, size if masks else 0)]
        return model, ([image(1, size)[0], image(1, size)[0]], targets)

    return make


for name, batch, size in (
    ("resnet50", 8, 224), ("efficientnet_b0", 8, 224), ("convnext_tiny", 4, 224),
    ("swin_t", 4, 224), ("vit_b_16", 4, 224), ("densenet121", 4, 224), ("regnet_y_400mf", 8, 224),
    ("mobilenet_v3_large", 8, 224), ("maxvit_t", 2, 224), ("googlenet", 4, 224),
):  # fmt: skip
    options: dict[str, Any] = {"optimizer": "SGD", "optimizer_arg": {"momentum": 0.9}}
    given: dict[str, Any] = {"aux_logits": False} if name == "googlenet" else {}
    case(f"{name} train", "torchvision", tv(name, batch, size, **given), loss=cross_entropy,
         **options)  # fmt: skip
case("resnet50 amp", "torchvision", tv("resnet50", 8), loss=cross_entropy, optimizer="SGD",
     amp="float16", channels_last=True)  # fmt: skip
case("vit_b_16 infer", "torchvision", tv("vit_b_16", 8), inference=True)
case("swin_v2_t infer", "torchvision", tv("swin_v2_t", 4, 256), inference=True, amp="float16")
case("fcn_resnet50 train", "torchvision",
     tv("fcn_resnet50", 2, 256, weights_backbone=None, aux_loss=True), loss=pixels)  # fmt: skip
case("deeplabv3 train", "torchvision",
     tv("deeplabv3_mobilenet_v3_large", 2, 256, weights_backbone=None), loss=pixels)  # fmt: skip
case("lraspp train", "torchvision",
     tv("lraspp_mobilenet_v3_large", 2, 256, weights_backbone=None), loss=pixels)  # fmt: skip
case("faster_rcnn train", "torchvision", detector("fasterrcnn_resnet50_fpn"),
     loss=detector_loss, optimizer="SGD")  # fmt: skip
case("faster_rcnn mobile train", "torchvision", detector("fasterrcnn_mobilenet_v3_large_320_fpn"),
     loss=detector_loss, optimizer="SGD")  # fmt: skip
case("mask_rcnn train", "torchvision", detector("maskrcnn_resnet50_fpn", masks=True),
     loss=detector_loss, optimizer="SGD")  # fmt: skip
case("retinanet train", "torchvision", detector("retinanet_resnet50_fpn"), loss=detector_loss,
     optimizer="SGD")  # fmt: skip
case("ssdlite train", "torchvision", detector("ssdlite320_mobilenet_v3_large"),
     loss=detector_loss, optimizer="SGD")  # fmt: skip
case("fcos train", "torchvision", detector("fcos_resnet50_fpn"), loss=detector_loss,
     optimizer="SGD")  # fmt: skip


def video() -> Made:
    import torchvision

    return torchvision.models.video.r2plus1d_18(weights=None), (torch.randn(2, 3, 8, 112, 112),)


case("r2plus1d_18 train", "torchvision", video, loss=cross_entropy, optimizer="SGD")


def flow() -> Made:
    import torchvision

    model = torchvision.models.optical_flow.raft_small(weights=None)
    return model, {"image1": image(1, 128), "image2": image(1, 128), "num_flow_updates": 4}


case("raft_small train", "torchvision", flow, loss=lambda output: output[-1].abs().mean())

for name, batch, size, extra in (
    ("vit_base_patch16_224", 4, 224, {}), ("convnextv2_nano", 4, 224, {}),
    ("swinv2_tiny_window8_256", 2, 256, {}), ("efficientnetv2_rw_s", 2, 224, {}),
    ("mobilenetv4_conv_small", 8, 224, {}), ("coatnet_0_rw_224", 2, 224, {}),
    ("mixer_b16_224", 4, 224, {}), ("beit_base_patch16_224", 2, 224, {}),
    ("eva02_tiny_patch14_224", 4, 224, {}), ("xcit_tiny_12_p16_224", 4, 224, {}),
    ("poolformer_s12", 4, 224, {}), ("regnety_008", 4, 224, {}), ("levit_128s", 8, 224, {}),
    ("edgenext_small", 4, 224, {}), ("fastvit_t8", 4, 256, {}), ("hiera_tiny_224", 4, 224, {}),
    ("davit_tiny", 4, 224, {}), ("resnest50d", 2, 224, {}), ("nfnet_f0", 2, 192, {}),
    ("focalnet_tiny_srf", 2, 224, {}),
):  # fmt: skip
    case(f"{name} train", "timm", tm(name, batch, size, **extra), loss=cross_entropy)


def checkpointed_vit() -> Made:
    import timm

    model = timm.create_model("vit_small_patch16_224")
    model.set_grad_checkpointing()
    return model, (image(8),)


case("vit_small set_grad_checkpointing", "timm", checkpointed_vit, loss=cross_entropy,
     amp="bfloat16")  # fmt: skip
case("vit_base_patch14_dinov2 infer", "timm", tm("vit_base_patch14_dinov2", 1, 518),
     inference=True, dtype="float16")  # fmt: skip
