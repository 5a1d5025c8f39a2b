"""diffusers' networks, at their real structure and smaller widths."""

from __future__ import annotations

from typing import Any

import diffusers
import torch

from real_model_cases import Made, case


def steps(batch: int) -> Any:
    return torch.full((batch,), 10)


def unet_sd15() -> Made:
    model = diffusers.UNet2DConditionModel(
        sample_size=32, in_channels=4, out_channels=4, cross_attention_dim=768,
        attention_head_dim=8, block_out_channels=(160, 320, 640, 640),
    )  # fmt: skip
    return model, (torch.randn(1, 4, 32, 32), steps(1), torch.randn(1, 77, 768))


def unet_plain() -> Made:
    model = diffusers.UNet2DModel(
        sample_size=32, in_channels=3, out_channels=3, block_out_channels=(64, 128, 128),
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    return model, (torch.randn(4, 3, 32, 32), steps(4))


def unet_sdxl() -> Made:
    model = diffusers.UNet2DConditionModel(
        sample_size=32, cross_attention_dim=512, block_out_channels=(96, 192, 384),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 4), attention_head_dim=(3, 6, 12),
        use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=64,
        projection_class_embeddings_input_dim=64 * 6 + 256,
    )  # fmt: skip
    return model, {
        "sample": torch.randn(1, 4, 32, 32), "timestep": steps(1),
        "encoder_hidden_states": torch.randn(1, 77, 512),
        "added_cond_kwargs": {
            "text_embeds": torch.randn(1, 256), "time_ids": torch.randn(1, 6),
        },
    }  # fmt: skip


def dit() -> Made:
    model = diffusers.DiTTransformer2DModel(
        num_attention_heads=6, attention_head_dim=64, num_layers=4, sample_size=32
    )
    return model, {
        "hidden_states": torch.randn(2, 4, 32, 32),
        "timestep": steps(2),
        "class_labels": steps(2),
    }


def sd3() -> Made:
    model = diffusers.SD3Transformer2DModel(
        sample_size=32, num_layers=4, attention_head_dim=64, num_attention_heads=6,
        joint_attention_dim=512, caption_projection_dim=384, pooled_projection_dim=256,
    )  # fmt: skip
    return model, {
        "hidden_states": torch.randn(1, 16, 32, 32), "timestep": steps(1),
        "encoder_hidden_states": torch.randn(1, 77, 512),
        "pooled_projections": torch.randn(1, 256),
    }  # fmt: skip


def flux() -> Made:
    model = diffusers.FluxTransformer2DModel(
        num_layers=2, num_single_layers=4, attention_head_dim=64, num_attention_heads=8,
        joint_attention_dim=512, pooled_projection_dim=256, axes_dims_rope=(16, 24, 24),
    )  # fmt: skip
    return model, {
        "hidden_states": torch.randn(1, 256, 64), "timestep": torch.tensor([0.5]),
        "encoder_hidden_states": torch.randn(1, 128, 512),
        "pooled_projections": torch.randn(1, 256), "img_ids": torch.zeros(256, 3),
        "txt_ids": torch.zeros(128, 3),
    }  # fmt: skip


def pixart() -> Made:
    model = diffusers.PixArtTransformer2DModel(
        num_attention_heads=6, attention_head_dim=64, num_layers=4, sample_size=32,
        cross_attention_dim=384, caption_channels=512,
    )  # fmt: skip
    return model, {
        "hidden_states": torch.randn(1, 4, 32, 32), "timestep": steps(1),
        "encoder_hidden_states": torch.randn(1, 77, 512),
        "added_cond_kwargs": {"resolution": None, "aspect_ratio": None},
    }  # fmt: skip


def vae() -> Made:
    model = diffusers.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(64, 128, 256), layers_per_block=2,
    )  # fmt: skip
    return model, (torch.randn(1, 3, 128, 128),)


def controlnet() -> Made:
    model = diffusers.ControlNetModel(
        cross_attention_dim=512, block_out_channels=(96, 192, 192, 192), attention_head_dim=8
    )
    return model, {
        "sample": torch.randn(1, 4, 32, 32), "timestep": steps(1),
        "encoder_hidden_states": torch.randn(1, 77, 512),
        "controlnet_cond": torch.randn(1, 3, 256, 256),
    }  # fmt: skip


def wan() -> Made:
    model = diffusers.WanTransformer3DModel(
        num_attention_heads=4, attention_head_dim=64, ffn_dim=768, num_layers=3, text_dim=256,
        freq_dim=128,
    )  # fmt: skip
    return model, {
        "hidden_states": torch.randn(1, 16, 4, 16, 16), "timestep": steps(1),
        "encoder_hidden_states": torch.randn(1, 64, 256),
    }  # fmt: skip


case("sd15 unet train", "diffusers", unet_sd15)
case("sd15 unet amp", "diffusers", unet_sd15, amp="float16")
case("ddpm unet train", "diffusers", unet_plain)
case("sdxl unet train", "diffusers", unet_sdxl, amp="bfloat16")
case("dit train", "diffusers", dit)
case("sd3 train", "diffusers", sd3, dtype="bfloat16")
case("flux train", "diffusers", flux, dtype="bfloat16")
case("pixart train", "diffusers", pixart)
case("autoencoder train", "diffusers", vae)
case("autoencoder infer", "diffusers", vae, inference=True, dtype="float16")
case("controlnet train", "diffusers", controlnet)
case("wan video train", "diffusers", wan)
