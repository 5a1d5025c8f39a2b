"""transformers' models of images, sound and several kinds of input."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from real_model_cases import Made, case
from real_model_cases.transformers_text import GROUPED, ids


def picture(batch: int = 2, size: int = 224) -> Tensor:
    return torch.randn(batch, 3, size, size)


def classes(batch: int = 2) -> Tensor:
    return torch.zeros(batch, dtype=torch.int64)


def made(config: str, kind: str, inputs: Any, **arguments: Any) -> Any:
    def make() -> Made:
        import transformers

        model = getattr(transformers, kind)(getattr(transformers, config)(**arguments))
        return model, inputs()

    return make


def labelled(batch: int = 2, size: int = 224) -> Any:
    return lambda: {"pixel_values": picture(batch, size), "labels": classes(batch)}


case("hf vit train", "transformers",
     made("ViTConfig", "ViTForImageClassification", labelled(4)))  # fmt: skip
case(
    "deit train",
    "transformers",
    made("DeiTConfig", "DeiTForImageClassification", labelled(2), num_hidden_layers=4),
)
case("hf swin train", "transformers",
     made("SwinConfig", "SwinForImageClassification", labelled(2)), amp="bfloat16")  # fmt: skip
case("hf convnext train", "transformers",
     made("ConvNextConfig", "ConvNextForImageClassification", labelled(2)))  # fmt: skip
case("dinov2 train", "transformers",
     made("Dinov2Config", "Dinov2ForImageClassification", labelled(2), num_hidden_layers=4,
          image_size=224))  # fmt: skip
case("segformer train", "transformers",
     made("SegformerConfig", "SegformerForSemanticSegmentation",
          lambda: {"pixel_values": picture(2, 128),
                   "labels": torch.zeros(2, 128, 128, dtype=torch.int64)},
          num_labels=19))  # fmt: skip
case("vit mae train", "transformers",
     made("ViTMAEConfig", "ViTMAEForPreTraining", lambda: {"pixel_values": picture(2)},
          num_hidden_layers=4, decoder_num_hidden_layers=2))  # fmt: skip
case("hf resnet train", "transformers",
     made("ResNetConfig", "ResNetForImageClassification", labelled(4)))  # fmt: skip
case("dpt train", "transformers",
     made("DPTConfig", "DPTForDepthEstimation", lambda: {"pixel_values": picture(1, 384)},
          num_hidden_layers=12, hidden_size=192, num_attention_heads=3, intermediate_size=768,
          neck_hidden_sizes=[24, 48, 96, 192], fusion_hidden_size=64))  # fmt: skip
case("hf clip train", "transformers",
     made("CLIPConfig", "CLIPModel",
          lambda: {"input_ids": ids(4, 77), "pixel_values": picture(4),
                   "attention_mask": torch.ones(4, 77, dtype=torch.int64), "return_loss": True}),
     amp="bfloat16")  # fmt: skip
case(
    "siglip train",
    "transformers",
    made(
        "SiglipConfig",
        "SiglipModel",
        lambda: {"input_ids": ids(2, 64), "pixel_values": picture(2), "return_loss": True},
        text_config={"num_hidden_layers": 3},
        vision_config={"num_hidden_layers": 3},
    ),
)


def sound(batch: int = 2, length: int = 16000) -> Tensor:
    return torch.randn(batch, length)


case("wav2vec2 ctc train", "transformers",
     made("Wav2Vec2Config", "Wav2Vec2ForCTC",
          lambda: {"input_values": sound(),
                   "attention_mask": torch.ones(2, 16000, dtype=torch.int64),
                   "labels": torch.ones(2, 12, dtype=torch.int64)},
          num_hidden_layers=3, mask_time_prob=0.0, layerdrop=0.0))  # fmt: skip
case("hubert train", "transformers",
     made("HubertConfig", "HubertForSequenceClassification",
          lambda: {"input_values": sound(), "labels": classes()}, num_hidden_layers=3,
          mask_time_prob=0.0, layerdrop=0.0))  # fmt: skip
case("whisper train", "transformers",
     made("WhisperConfig", "WhisperForConditionalGeneration",
          lambda: {"input_features": torch.randn(1, 80, 3000), "labels": ids(1, 64)},
          d_model=256, encoder_layers=3, decoder_layers=3, encoder_attention_heads=4,
          decoder_attention_heads=4, encoder_ffn_dim=1024, decoder_ffn_dim=1024))  # fmt: skip
case("ast train", "transformers",
     made("ASTConfig", "ASTForAudioClassification",
          lambda: {"input_values": torch.randn(1, 1024, 128), "labels": classes(1)},
          num_hidden_layers=3))  # fmt: skip
case("layoutlmv3 train", "transformers",
     made("LayoutLMv3Config", "LayoutLMv3ForTokenClassification",
          lambda: {"input_ids": ids(1, 128), "bbox": torch.zeros(1, 128, 4, dtype=torch.int64),
                   "attention_mask": torch.ones(1, 128, dtype=torch.int64),
                   "pixel_values": picture(1), "labels": torch.zeros(1, 128, dtype=torch.int64)},
          num_hidden_layers=3))  # fmt: skip
case("blip train", "transformers",
     made("BlipConfig", "BlipForConditionalGeneration",
          lambda: {"input_ids": ids(1, 32), "pixel_values": picture(1, 384),
                   "attention_mask": torch.ones(1, 32, dtype=torch.int64), "labels": ids(1, 32)},
          text_config={"num_hidden_layers": 2, "vocab_size": 8000},
          vision_config={"num_hidden_layers": 2}))  # fmt: skip


def detr() -> Made:
    import transformers

    config = transformers.DetrConfig(
        use_timm_backbone=False, backbone=None, use_pretrained_backbone=False,
        backbone_config=transformers.ResNetConfig(out_features=["stage4"]), d_model=128,
        encoder_layers=2, decoder_layers=2, num_queries=50,
    )  # fmt: skip
    return transformers.DetrForObjectDetection(config), {"pixel_values": picture(1, 256)}


case("detr forward loss", "transformers", detr, loss=lambda output: output.logits.mean())


def llava() -> Made:
    import transformers

    text = transformers.LlamaConfig(**{**GROUPED, "num_hidden_layers": 2})
    vision = transformers.CLIPVisionConfig(
        hidden_size=256, intermediate_size=512, num_hidden_layers=2, num_attention_heads=4,
        image_size=112, patch_size=14, projection_dim=256,
    )  # fmt: skip
    config = transformers.LlavaConfig(
        vision_config=vision, text_config=text, image_token_id=7, image_seq_length=64,
    )  # fmt: skip
    model = transformers.LlavaForConditionalGeneration(config)
    tokens = torch.full((1, 128), 9)
    tokens[:, 4:68] = 7
    return model, {
        "input_ids": tokens, "attention_mask": torch.ones_like(tokens), "labels": tokens,
        "pixel_values": picture(1, 112), "use_cache": False,
    }  # fmt: skip


case("llava train", "transformers", llava)


def qwen_vl() -> Made:
    import transformers

    config = transformers.Qwen2_5_VLConfig(
        text_config={**GROUPED, "num_hidden_layers": 2, "head_dim": 64,
                     "rope_scaling": {"type": "mrope", "mrope_section": [16, 8, 8]}},
        vision_config={"depth": 2, "hidden_size": 256, "intermediate_size": 512, "num_heads": 4,
                       "out_hidden_size": 512, "fullatt_block_indexes": [1]},
        image_token_id=7, vision_start_token_id=5, vision_end_token_id=6, video_token_id=8,
    )  # fmt: skip
    model = transformers.Qwen2_5_VLForConditionalGeneration(config)
    tokens = torch.full((1, 64), 9)
    tokens[:, 3] = 5
    tokens[:, 4:20] = 7
    kinds = torch.zeros_like(tokens)
    kinds[:, 4:20] = 1
    return model, {
        "input_ids": tokens, "attention_mask": torch.ones_like(tokens), "labels": tokens,
        "pixel_values": torch.randn(64, 1176), "image_grid_thw": torch.tensor([[1, 8, 8]]),
        "mm_token_type_ids": kinds, "use_cache": False,
    }  # fmt: skip


case("qwen2.5-vl train", "transformers", qwen_vl)
case("time series transformer", "transformers",
     made("PatchTSTConfig", "PatchTSTForPrediction",
          lambda: {"past_values": torch.randn(8, 512, 7), "future_values": torch.randn(8, 96, 7)},
          context_length=512, prediction_length=96, num_input_channels=7))  # fmt: skip
case("vitdet infer", "transformers",
     made("VitDetConfig", "VitDetModel", lambda: {"pixel_values": picture(1)},
          num_hidden_layers=3), inference=True)  # fmt: skip
case(
    "sam infer",
    "transformers",
    made(
        "SamConfig",
        "SamModel",
        lambda: {"pixel_values": picture(1, 1024), "input_points": torch.full((1, 1, 1, 2), 500.0)},
        vision_config={"num_hidden_layers": 2, "global_attn_indexes": [1]},
    ),
    inference=True,
)
