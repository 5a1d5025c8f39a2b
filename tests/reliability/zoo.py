"""Models of torchvision and timm as a user holds them: modules with weights, and their input."""

from __future__ import annotations

import contextlib
import inspect
from functools import partial
from typing import Any

import torch
import torchvision
from torch import nn

import nincost
from nincost._models.sources import resolve

#: Models with more parameters are made on the meta device.
LARGEST = 10_000_000

#: One of each family.
TIMM = (
    "beit_base_patch16_224", "botnet26t_256", "cait_xxs24_224", "caformer_s18", "coat_lite_tiny",
    "coatnet_0_rw_224", "convit_tiny", "convmixer_768_32", "convnext_atto", "convnextv2_atto",
    "crossvit_tiny_240", "cs3darknet_m", "cspresnet50", "darknet17", "davit_tiny",
    "deit_tiny_distilled_patch16_224", "densenet121", "dla34", "dpn48b", "eca_nfnet_l0",
    "edgenext_xx_small", "efficientformer_l1", "efficientformerv2_s0", "efficientnet_b0",
    "efficientvit_b0", "efficientvit_m0", "eva02_tiny_patch14_224", "fastvit_t8",
    "focalnet_tiny_srf",
    "gcvit_xxtiny", "gernet_s", "ghostnet_050", "haloregnetz_b", "hardcorenas_a", "hgnet_tiny",
    "hiera_tiny_224", "hrnet_w18_small", "inception_v3", "inception_next_tiny", "lambda_resnet26t",
    "lcnet_035", "levit_128s", "maxvit_rmlp_pico_rw_256", "mixer_s32_224", "mnasnet_050",
    "mobilenetv2_035", "mobilenetv3_small_050", "mobilenetv4_conv_small", "mobilevit_xxs",
    "mobilevitv2_050", "mvitv2_tiny", "nest_tiny", "nf_regnet_b0", "pit_ti_224", "poolformer_s12",
    "pvt_v2_b0", "regnetx_002", "repghostnet_050", "repvgg_a0", "repvit_m0_9", "res2net50_14w_8s",
    "resmlp_12_224", "resnest14d", "resnet10t", "rexnet_100", "selecsls42", "semnasnet_050",
    "sequencer2d_s", "skresnet18", "starnet_s1", "swin_tiny_patch4_window7_224",
    "swinv2_cr_tiny_ns_224", "tf_efficientnet_lite0", "tiny_vit_5m_224", "tnt_s_legacy_patch16_224",
    "tresnet_m", "twins_pcpvt_small", "vgg11", "visformer_tiny", "vit_tiny_patch16_224",
    "volo_d1_224", "vovnet39a", "xception41", "xcit_nano_12_p16_224",
)  # fmt: skip

#: What optical flow takes; torchvision does not say so.
TWO_IMAGES = ("3x128x128", "3x128x128")


def timm_names(count: int) -> list[str]:
    """The first names of `TIMM` that the installed timm has."""
    import timm

    known = {*timm.list_models()}
    return [name for name in TIMM if name in known][:count]


def torchvision_names() -> list[str]:
    return torchvision.models.list_models()


def load(name: str) -> tuple[nn.Module, tuple[str, ...]]:
    """A module with random weights (without, where it is large), and nincost's default input."""
    model = resolve(name)
    source, _, rest = name.partition(":")
    given = model.default_input or TWO_IMAGES
    if sum(p.numel() for p in model.module.parameters()) > LARGEST:
        with contextlib.suppress(NotImplementedError, RuntimeError), torch.device("meta"):
            return _make(source, rest), given
    return _make(source, rest), given


def _make(source: str, name: str) -> nn.Module:
    if source == "timm":
        import timm

        made: nn.Module = timm.create_model(name)
        return made
    builder = torchvision.models.get_model_builder(name)
    nothing = {"weights": None, "weights_backbone": None, "quantize": False}
    takes = inspect.signature(builder).parameters
    return builder(**{key: nothing[key] for key in nothing if key in takes})


def commands(
    model: nn.Module, given: tuple[str, ...], *, more: bool = False
) -> dict[str, partial[Any]]:
    """What to call on a model; `more` than profiles of it in both modes."""
    found = {
        "profile": partial(nincost.profile, model, input=given, mode="eval"),
        "profile in training": partial(nincost.profile, model, input=given, mode="train"),
    }
    if more:
        found |= {
            "memory": partial(nincost.memory, model, input=given, measure=False, loss="sum"),
            "check": partial(nincost.check, model, input=given),
            "explain": partial(nincost.explain, model, input=given),
            "compare": partial(nincost.compare, model, model, inputs=[given, given]),
        }
    return found
