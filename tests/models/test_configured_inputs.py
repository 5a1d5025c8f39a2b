"""A transformers model says what it takes, and runs on that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import nincost

pytest.importorskip("transformers")

SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
         "num_attention_heads": 2}  # fmt: skip
#: The class, its model type and configuration, and the inputs with a batch of 2.
CASES: list[tuple[str, str, dict[str, Any], list[str]]] = [
    (
        "LlamaForCausalLM", "llama", {**SMALL, "max_position_embeddings": 4096},
        ["input_ids=2x512:int64"],
    ),
    ("RobertaForSequenceClassification", "roberta", SMALL, ["input_ids=2x510:int64"]),
    (
        "T5ForConditionalGeneration", "t5", {"d_model": 32, "d_ff": 64, "num_layers": 1},
        ["input_ids=2x512:int64", "decoder_input_ids=2x512:int64"],
    ),
    ("ViTForImageClassification", "vit", {**SMALL, "image_size": 32}, ["2x3x32x32"]),
    (
        "CLIPModel", "clip",
        {"text_config": {**SMALL, "max_position_embeddings": 16},
         "vision_config": {**SMALL, "image_size": 64, "patch_size": 32}},
        ["input_ids=2x16:int64", "pixel_values=2x3x64x64"],
    ),
    (
        "WhisperForConditionalGeneration", "whisper",
        {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
         "decoder_attention_heads": 2, "max_source_positions": 50, "max_target_positions": 20},
        ["input_features=2x80x100", "decoder_input_ids=2x20:int64"],
    ),
    ("Wav2Vec2Model", "wav2vec2", {**SMALL, "num_conv_pos_embedding_groups": 2},
     ["input_values=2x16000"]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "family", "config", "inputs"), CASES, ids=lambda v: str(v)[:24])
def test_no_input_needs_to_be_given(
    kind: str, family: str, config: dict[str, Any], inputs: list[str], tmp_path: Path
) -> None:
    described = {"architectures": [kind], "model_type": family, **config}
    (tmp_path / "config.json").write_text(json.dumps(described))
    result = nincost.profile(f"hf:{tmp_path}", batch_size=2)
    assert list(result.input) == inputs
    assert result.totals.macs > 0


def test_a_text_is_as_long_as_is_said(tmp_path: Path) -> None:
    """`seq` stands for the specs of all texts, in memory and in fit."""
    (tmp_path / "config.json").write_text(
        json.dumps({"architectures": ["T5ForConditionalGeneration"], "model_type": "t5",
                    "d_model": 32, "d_ff": 64, "num_layers": 1, "vocab_size": 64})
    )  # fmt: skip
    name = f"hf:{tmp_path}"
    result = nincost.memory(name, batch_size=2, seq=24)
    assert list(result.input) == ["input_ids=2x24:int64", "decoder_input_ids=2x24:int64"]
    same = nincost.memory(
        name, batch_size=2, input=["input_ids=24:int64", "decoder_input_ids=24:int64"]
    )
    assert result.totals == same.totals
    assert "input_ids=8x24:int64" in nincost.memory(name, batch_size=8, seq=24).input
