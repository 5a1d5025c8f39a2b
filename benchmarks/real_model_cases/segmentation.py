"""segmentation_models_pytorch, MONAI and kornia."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from real_model_cases import Made, case


def smp(name: str, encoder: str, size: int = 128, batch: int = 2) -> Any:
    def make() -> Made:
        import segmentation_models_pytorch

        model = getattr(segmentation_models_pytorch, name)(encoder, encoder_weights=None, classes=5)
        return model, (torch.randn(batch, 3, size, size),)

    return make


def dice(output: Any) -> Tensor:
    from segmentation_models_pytorch.losses import DiceLoss

    target = torch.zeros(
        output.shape[0], *output.shape[2:], dtype=torch.int64, device=output.device
    )
    return DiceLoss("multiclass")(output, target)  # type: ignore[no-any-return]


for name, encoder in (
    ("Unet", "resnet34"), ("UnetPlusPlus", "resnet18"), ("FPN", "resnet34"),
    ("DeepLabV3Plus", "resnet18"), ("PSPNet", "resnet18"), ("MAnet", "resnet18"),
    ("Linknet", "mobilenet_v2"), ("Segformer", "mit_b0"), ("PAN", "resnet18"),
    ("UPerNet", "resnet18"),
):  # fmt: skip
    case(f"smp {name} {encoder} dice", "segmentation_models_pytorch", smp(name, encoder),
         loss=dice)  # fmt: skip


def monai_made(name: str, shape: tuple[int, ...], **arguments: Any) -> Any:
    def make() -> Made:
        import monai.networks.nets

        model = getattr(monai.networks.nets, name)(**arguments)
        return model, (torch.randn(*shape),)

    return make


def monai_dice(output: Any) -> Tensor:
    from monai.losses import DiceCELoss

    if isinstance(output, list | tuple):
        output = output[0]
    target = torch.zeros(output.shape[0], 1, *output.shape[2:], device=output.device)
    return DiceCELoss(to_onehot_y=True, softmax=True)(output, target)  # type: ignore[no-any-return]


case("monai UNet dice", "monai",
     monai_made("UNet", (2, 1, 32, 32, 32), spatial_dims=3, in_channels=1, out_channels=3,
                channels=(16, 32, 64), strides=(2, 2), num_res_units=2),
     loss=monai_dice)  # fmt: skip
case("monai SwinUNETR dice", "monai",
     monai_made("SwinUNETR", (1, 1, 64, 64, 64), in_channels=1, out_channels=3, feature_size=12),
     loss=monai_dice)  # fmt: skip
case("monai UNETR", "monai",
     monai_made("UNETR", (1, 1, 64, 64, 64), in_channels=1, out_channels=3, img_size=(64, 64, 64),
                feature_size=8, hidden_size=192, mlp_dim=384, num_heads=6),
     loss=monai_dice)  # fmt: skip
case("monai SegResNet", "monai",
     monai_made("SegResNet", (1, 1, 32, 32, 32), spatial_dims=3, in_channels=1, out_channels=3,
                init_filters=8), loss=monai_dice, amp="float16")  # fmt: skip
case("monai DynUNet", "monai",
     monai_made("DynUNet", (1, 1, 32, 32, 32), spatial_dims=3, in_channels=1, out_channels=3,
                kernel_size=[3, 3, 3], strides=[1, 2, 2], upsample_kernel_size=[2, 2]),
     loss=monai_dice)  # fmt: skip
case("monai DenseNet121", "monai",
     monai_made("DenseNet121", (2, 1, 64, 64, 64), spatial_dims=3, in_channels=1,
                out_channels=2))  # fmt: skip
case("monai VNet infer", "monai",
     monai_made("VNet", (1, 1, 32, 32, 32), spatial_dims=3, in_channels=1, out_channels=2),
     inference=True)  # fmt: skip


def kornia_made(name: str) -> Made:
    import kornia

    if name == "hardnet":
        return kornia.feature.HardNet(False), (torch.randn(64, 1, 32, 32),)
    if name == "tiny vit":
        from kornia.contrib import TinyViT  # type: ignore[attr-defined]

        return TinyViT(), (torch.randn(1, 3, 224, 224),)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 3, 3, padding=1), torch.nn.Sigmoid(),
        kornia.filters.GaussianBlur2d((5, 5), (1.0, 1.0)), kornia.filters.Sobel(),
    )  # fmt: skip
    return model, (torch.rand(4, 3, 64, 64),)


case("kornia HardNet train", "kornia", lambda: kornia_made("hardnet"))
case("kornia filters train", "kornia", lambda: kornia_made("augment"))
case("kornia TinyViT train", "kornia", lambda: kornia_made("tiny vit"))
