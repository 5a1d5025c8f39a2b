"""Quantized weights take what a script with bitsandbytes' own layers takes on CUDA."""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from support.adapters import TRAIN_AND_PRINT, TRANSFORMERS
from support.emulated import answer, needs_emulator
from torch import nn

import nincost
from nincost._step.option_text.quantize import Quantization, parse_quantize

needs_bitsandbytes = pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed"
)

LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 512,
    "hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256,
    "use_cache": False,
}  # fmt: skip

#: A script's plain loop; layers are replaced by hand.
ON_THE_CARD = (
    """
import json, sys
import bitsandbytes as bnb
import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM
kind = sys.argv[2]
model = LlamaForCausalLM(LlamaConfig(**json.loads(sys.argv[1]))).to(torch.bfloat16)
model.gradient_checkpointing_enable()
for path, old in list(model.named_modules()):
    if type(old) is torch.nn.Linear and path != "lm_head":
        if kind == "int8":
            new = bnb.nn.Linear8bitLt(old.in_features, old.out_features, bias=False,
                                      has_fp16_weights=False, threshold=6.0)
            new.weight = bnb.nn.Int8Params(old.weight.data, False, has_fp16_weights=False)
        else:
            new = bnb.nn.Linear4bit(old.in_features, old.out_features, bias=False,
                                    compute_dtype=torch.bfloat16, quant_type=kind)
            new.weight = bnb.nn.Params4bit(old.weight.data, False, quant_type=kind, module=new)
        parent, _, name = path.rpartition(".")
        setattr(model.get_submodule(parent), name, new)
model.is_loaded_in_4bit, model.is_loaded_in_8bit = kind != "int8", kind == "int8"
model = get_peft_model(model, LoraConfig(r=8, target_modules=["q_proj", "v_proj"]))
"""
    + TRAIN_AND_PRINT
)


@needs_emulator
@needs_bitsandbytes
@pytest.mark.parametrize(("asked", "kind"), [("nf4,double", "nf4"), ("int8", "int8")])
def test_lora_on_quantized_weights_takes_what_a_script_takes(
    asked: str, kind: str, tmp_path: Path
) -> None:
    truth = answer(ON_THE_CARD, json.dumps(LLAMA), kind, imports=TRANSFORMERS)
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    result = nincost.memory(
        f"hf:{tmp_path}", input="input_ids=128:int64", batch_size=4, dtype="bfloat16",
        quantize=asked, lora="r=8,target=q_proj,v_proj", optimizer="AdamW",
        activation_checkpointing="own", gpu="h100",
    )  # fmt: skip
    totals = result.totals
    assert [totals.peak_allocated_bytes, totals.peak_reserved_bytes] == truth
    assert ("no activation is an outlier" in "".join(result.notes)) == (kind == "int8")


@needs_bitsandbytes
def test_weights_take_half_a_byte_and_their_scales() -> None:
    """Bytes by hand: a scale in float32 for each 64 weights, in 8 bits where it is quantized."""
    net = nn.Sequential(nn.Linear(1024, 1024, bias=False))
    weights, least = 1024 * 1024, 512  # no allocation is smaller
    values, offset, scales, maps = least, least, least, 2 * 1024
    for text, taken in (
        ("nf4", weights // 2 + weights // 64 * 4 + values),
        ("nf4,double", weights // 2 + weights // 64 + values + offset + scales + maps),
        ("int8", weights + 1024 * 4),
    ):
        result = nincost.memory(net, input="1024", quantize=text, inference=True)
        assert result.totals.categories_at_peak["parameters"] == taken
        assert any(row.categories["parameters"] == taken for row in result.layers)
    assert type(net[0]) is nn.Linear


@needs_bitsandbytes
def test_a_model_may_have_such_layers_already_quantized_or_not() -> None:
    layers = importlib.import_module("bitsandbytes").nn
    options: dict[str, Any] = {"input": "256", "batch_size": 4, "loss": "sum", "gpu": "h100"}
    plain = nn.Sequential(nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 64))
    mine = nn.Sequential(
        layers.Linear4bit(256, 256, quant_type="nf4", compress_statistics=True), nn.ReLU(),
        layers.Linear4bit(256, 64, quant_type="nf4", compress_statistics=True),
    ).requires_grad_(False)  # fmt: skip
    by_option = nincost.memory(plain, quantize="nf4,double", **options).totals
    assert nincost.memory(mine, **options).totals == by_option
    assert not mine[0].weight.bnb_quantized
    mine.to("cpu")  # which quantizes
    assert mine[0].weight.bnb_quantized
    found = nincost.memory(mine, **options).totals.phases["after_model"]
    shared = 1024  # a map that quantizing leaves on the device
    assert found == by_option.phases["after_model"] - shared
    assert mine[0].weight.absmax.device.type == "cpu"


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("NF4", Quantization("nf4")),
        ("nf4,double,prepare", Quantization("nf4", double=True, prepare=True)),
        ("fp4,skip=lm_head,score,compute=bf16",
         Quantization("fp4", skip=("lm_head", "score"), compute="bfloat16")),
        ("int8,skip=none", Quantization("int8", skip=())),
    ],
)  # fmt: skip
def test_a_text_reads_as_written(text: str, given: Quantization) -> None:
    assert parse_quantize("quantize", text) == given
