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
import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM
kind = sys.argv[2]
model = LlamaForCausalLM(LlamaConfig(**json.loads(sys.argv[1]))).to(torch.bfloat16)
model.gradient_checkpointing_enable()
if kind.endswith("Config"):
    import torchao.quantization
    model.requires_grad_(False)
    torchao.quantization.quantize_(
        model, getattr(torchao.quantization, kind)(),
        lambda layer, path: type(layer) is torch.nn.Linear and path != "lm_head", device="cuda")
for path, old in list(model.named_modules()):
    if type(old) is torch.nn.Linear and path != "lm_head" and not kind.endswith("Config"):
        import bitsandbytes as bnb
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
model.is_loaded_in_4bit, model.is_loaded_in_8bit = kind in ("nf4", "fp4"), kind == "int8"
model = get_peft_model(model, LoraConfig(r=8, target_modules=["q_proj", "v_proj"]))
"""
    + TRAIN_AND_PRINT
)


@needs_emulator
@pytest.mark.parametrize(
    ("library", "asked", "kind"),
    [
        ("bitsandbytes", "nf4,double", "nf4"),
        ("bitsandbytes", "int8", "int8"),
        ("torchao", "torchao:int8_weight_only", "Int8WeightOnlyConfig"),
        ("torchao", "torchao:Int8DynamicActivationInt8Weight",
         "Int8DynamicActivationInt8WeightConfig"),
    ],
)  # fmt: skip
def test_lora_on_quantized_weights_takes_what_a_script_takes(
    library: str, asked: str, kind: str, tmp_path: Path
) -> None:
    pytest.importorskip(library)
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


def test_a_model_may_have_weights_of_torchaos_already() -> None:
    """A layer's bytes by hand: one a weight, a scale in float32 and a zero point a row."""
    torchao = pytest.importorskip("torchao.quantization")
    net = nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 64)).bfloat16()
    options: dict[str, Any] = {"input": "256:bfloat16", "batch_size": 4, "gpu": "h100"}
    option = nincost.memory(
        net, quantize="torchao:int8_weight_only,skip=none", inference=True, **options
    )
    assert type(net[0].weight) is nn.Parameter
    torchao.quantize_(net, torchao.Int8WeightOnlyConfig())
    weight: Any = net[0].weight
    before = weight.qdata.clone()
    mine = nincost.memory(net, inference=True, **options)
    for result in (mine, option):
        assert "plain tensors" not in "".join(result.notes)
        layers = 512 * 256 + (4 + 1 + 2) * 512, 64 * 512 + 3 * 512  # no allocation is smaller
        assert result.totals.phases["after_model"] == sum(layers)
    assert mine.totals.phases == option.totals.phases
    assert (weight.qdata == before).all()
    assert net[0].weight is weight
    counted = nincost.profile(net, input="256:bfloat16").totals
    assert counted.params == 256 * 512 + 512 + 512 * 64 + 64
    assert counted.param_bytes == 256 * 512 + 5 * 512 + 2 * 512 + 512 * 64 + 5 * 64 + 2 * 64
    assert counted.macs == 256 * 512 + 512 * 64


#: Two ways to quantize that want to see the card.
BY_HAND = """
import json, sys
import torch
from torch import nn
import torchao.quantization as torchao
config = getattr(torchao, sys.argv[1])(**json.loads(sys.argv[2]))
net = nn.Sequential(nn.Linear(1024, 2048), nn.ReLU(), nn.Linear(2048, 512)).bfloat16()
torchao.quantize_(net, config, device="cuda")
x = torch.ones(8, 1024, device="cuda", dtype=torch.bfloat16)
with torch.no_grad():
    net(x)
    net(x)
print(json.dumps([torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()]))
"""


@needs_emulator
@pytest.mark.parametrize(
    ("asked", "kind", "arguments"),
    [
        ("float8_dynamic_activation_float8_weight", "Float8DynamicActivationFloat8WeightConfig",
         {}),
        ("int4_weight_only,int4_packing_format=tile_packed_to_4d", "Int4WeightOnlyConfig",
         {"int4_packing_format": "tile_packed_to_4d"}),
    ],
)  # fmt: skip
def test_what_must_see_the_card_is_answered_by_the_emulated_one(
    asked: str, kind: str, arguments: dict[str, str]
) -> None:
    pytest.importorskip("torchao")
    truth = answer(BY_HAND, kind, json.dumps(arguments), imports=("torchao.quantization",))
    net = nn.Sequential(nn.Linear(1024, 2048), nn.ReLU(), nn.Linear(2048, 512))
    found = nincost.memory(
        net, input="1024", batch_size=8, dtype="bfloat16", inference=True, gpu="h100",
        quantize=f"torchao:{asked},skip=none",
    )  # fmt: skip
    totals = found.totals
    assert [totals.peak_allocated_bytes, totals.peak_reserved_bytes] == truth
    assert found.engine == "emulated"
    assert "weights of torchao are not followed on meta" in found.notes[-1]


@needs_emulator
@pytest.mark.slow
def test_int8_weights_compile() -> None:
    pytest.importorskip("torchao")
    net = nn.Sequential(nn.Linear(1024, 2048), nn.ReLU(), nn.Linear(2048, 512))
    options: dict[str, Any] = {
        "input": "1024",
        "dtype": "bfloat16",
        "inference": True,
        "gpu": "h100",
    }
    asked = "torchao:int8_weight_only,skip=none"
    compiled = nincost.memory(net, quantize=asked, compile=True, **options)
    eager = nincost.memory(net, quantize=asked, **options)
    assert compiled.totals.phases["after_model"] == eager.totals.phases["after_model"]


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("NF4", Quantization("nf4")),
        ("nf4,double,prepare", Quantization("nf4", double=True, prepare=True)),
        ("fp4,skip=lm_head,score,compute=bf16",
         Quantization("fp4", skip=("lm_head", "score"), compute="bfloat16")),
        ("int8,skip=none", Quantization("int8", skip=())),
        ("TorchAO:int8_weight_only,skip=head,group_size=64",
         Quantization("torchao", skip=("head",), method="int8_weight_only",
                      arguments=(("group_size", "64"),))),
    ],
)  # fmt: skip
def test_a_text_reads_as_written(text: str, given: Quantization) -> None:
    assert parse_quantize("quantize", text) == given
