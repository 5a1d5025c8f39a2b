"""Small models of torchvision, timm and transformers, built from their configurations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

#: A module, and its keyword arguments.
Made = tuple[nn.Module, dict[str, Any]]

SIZES: dict[str, Any] = {
    "vocab_size": 100, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 96,
}  # fmt: skip
GROUPED = {**SIZES, "num_key_value_heads": 1, "use_cache": False}
PICTURE: dict[str, Any] = {
    "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 96,
    "image_size": 32, "patch_size": 8,
}  # fmt: skip


def ids(batch: int = 2, length: int = 32) -> Tensor:
    return torch.arange(batch * length).reshape(batch, length) % 100


def tokens(labels: bool = True) -> dict[str, Tensor]:
    given = {"input_ids": ids(), "attention_mask": torch.ones(2, 32, dtype=torch.int64)}
    return {**given, "labels": ids()} if labels else given


def image(size: int = 32, batch: int = 2) -> Tensor:
    return torch.zeros(batch, 3, size, size)


def hf(family: str, kind: str, inputs: Callable[[], dict[str, Any]], **arguments: Any) -> Any:
    def make() -> Made:
        import transformers

        config = getattr(transformers, f"{family}Config")(**arguments)
        return getattr(transformers, f"{family}{kind}")(config), inputs()

    return make


def tv(name: str, size: int) -> Any:
    def make() -> Made:
        import torchvision

        model = torchvision.models.get_model(name, weights=None, num_classes=10)
        return model, {"x": image(size)}

    return make


def tm(name: str, size: int, argument: str = "x", **arguments: Any) -> Any:
    def make() -> Made:
        import timm

        return timm.create_model(name, num_classes=10, **arguments), {argument: image(size)}

    return make


CASES: dict[str, Callable[[], Made]] = {
    "tv resnet18": tv("resnet18", 64),
    "tv shufflenet": tv("shufflenet_v2_x0_5", 64),
    "tv mobilenet": tv("mobilenet_v3_small", 64),
    "timm vit": tm("vit_tiny_patch16_224", 64, img_size=64, depth=2),
    "timm convnext": tm("convnext_atto", 64),
    "timm mixer": tm("poolformerv2_s12", 64),
    "roberta": hf("Roberta", "ForMaskedLM", tokens, **SIZES),
    "distilbert": hf(
        "DistilBert", "ForMaskedLM", tokens, vocab_size=100, dim=64, n_layers=2, n_heads=2,
        hidden_dim=96,
    ),
    "gpt2": hf(
        "GPT2", "LMHeadModel", tokens, vocab_size=100, n_embd=64, n_layer=2, n_head=2,
        use_cache=False,
    ),
    "qwen3": hf("Qwen3", "ForCausalLM", tokens, head_dim=32, **GROUPED),
    "gemma2": hf("Gemma2", "ForCausalLM", tokens, head_dim=32, **GROUPED),
    "mistral": hf("Mistral", "ForCausalLM", tokens, sliding_window=16, **GROUPED),
    "qwen3_moe": hf(
        "Qwen3Moe", "ForCausalLM", tokens, num_experts=4, num_experts_per_tok=2,
        moe_intermediate_size=32, **GROUPED,
    ),
    "bloom": hf(
        "Bloom", "ForCausalLM", tokens, vocab_size=100, hidden_size=64, n_layer=2, n_head=2,
        use_cache=False,
    ),
    "t5": hf(
        "T5", "ForConditionalGeneration", tokens, vocab_size=100, d_model=64, d_kv=16, d_ff=96,
        num_layers=2, num_heads=2, decoder_start_token_id=0,
    ),
    "hf vit": hf("ViT", "Model", lambda: {"pixel_values": image()}, **PICTURE),
    "patchtst": hf(
        "PatchTST", "ForPrediction",
        lambda: {"past_values": torch.zeros(2, 64, 3), "future_values": torch.zeros(2, 8, 3)},
        context_length=64, prediction_length=8, num_input_channels=3, d_model=32,
        num_hidden_layers=2, num_attention_heads=2, ffn_dim=64,
    ),
    "wav2vec2": hf(
        "Wav2Vec2", "ForCTC",
        lambda: {
            "input_values": torch.zeros(2, 4000),
            "attention_mask": torch.ones(2, 4000, dtype=torch.int64),
            "labels": torch.ones(2, 5, dtype=torch.int64),
        },
        mask_time_prob=0.0, layerdrop=0.0,  # which are drawn at random
        conv_dim=(32,) * 7, num_conv_pos_embeddings=16, **SIZES,
    ),
}  # fmt: skip
