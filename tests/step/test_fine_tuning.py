"""LoRA by PEFT, a model's own checkpointing and frozen weights take what they take on CUDA."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.adapters import TRAIN_AND_PRINT, TRANSFORMERS
from support.emulated import answer, needs_emulator
from torch import nn

import nincost
from nincost._step.option_text.lora import parse_lora

LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 512,
    "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256, "use_cache": False,
}  # fmt: skip

#: A script's plain loop, with PEFT and transformers as they are.
ON_THE_CARD = (
    """
import json, sys
import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM
checkpointed, dora = (flag == "1" for flag in sys.argv[2:4])
model = LlamaForCausalLM(LlamaConfig(**json.loads(sys.argv[1]))).to(torch.bfloat16)
if checkpointed:
    model.gradient_checkpointing_enable()
model = get_peft_model(model, LoraConfig(r=8, target_modules=["q_proj", "v_proj"], use_dora=dora))
"""
    + TRAIN_AND_PRINT
)


@needs_emulator
@pytest.mark.parametrize(("checkpointed", "dora"), [(True, False), (False, True)])
def test_lora_takes_what_a_script_with_peft_takes(
    checkpointed: bool, dora: bool, tmp_path: Path
) -> None:
    flags = [str(int(flag)) for flag in (checkpointed, dora)]
    truth = answer(ON_THE_CARD, json.dumps(LLAMA), *flags, imports=TRANSFORMERS)
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    result = nincost.memory(
        f"hf:{tmp_path}", input="input_ids=128:int64", batch_size=4, dtype="bfloat16",
        lora="r=8,target=q_proj,v_proj" + (",dora" if dora else ""), optimizer="AdamW",
        activation_checkpointing="own" if checkpointed else "none", gpu="h100",
    )  # fmt: skip
    totals = result.totals
    assert [totals.peak_allocated_bytes, totals.peak_reserved_bytes] == truth
    # Two of r x inputs and outputs x r in each of two layers, from PEFT's documentation.
    trained = 2 * ((8 * 128 + 128 * 8) + (8 * 128 + 64 * 8)) + dora * 2 * (128 + 64)
    assert f"{trained:,} of" in "".join(result.notes)


def test_adapters_by_a_config_file_are_the_same(tmp_path: Path) -> None:
    config = {"peft_type": "LORA", "r": 4, "target_modules": ["0", "2"]}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    net = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))
    asked: dict[str, Any] = {"input": "8", "batch_size": 4, "loss": "sum"}
    by_file = nincost.memory(net, lora=str(tmp_path), **asked)
    by_text = nincost.memory(net, lora="r=4,target=0,2", **asked)
    assert by_file.totals == by_text.totals
    assert not any("lora" in name for name, _ in net.named_parameters())


def test_frozen_weights_have_no_gradient() -> None:
    """Bytes by hand: what is frozen has no gradient and no two moments of Adam's."""
    net = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 32))
    asked: dict[str, Any] = {"input": "64", "loss": "sum", "optimizer": "Adam"}
    whole = nincost.memory(net, **asked).totals.phases["after_step"]
    for patterns in ("0.*,1.*", "0,1", "!2.*"):
        result = nincost.memory(net, freeze=patterns, **asked)
        frozen = 2 * (64 * 64 * 4 + 512)  # an allocation is of 512 bytes at least
        assert whole - result.totals.phases["after_step"] == 3 * frozen
        assert "2,080 of 10,400 parameters are trained" in result.notes
    assert all(p.requires_grad for p in net.parameters())


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("r=16", {"r": 16}),
        (
            "r=8,alpha=16,dropout=0.1,target=q_proj,v_proj,dora",
            {
                "r": 8, "lora_alpha": 16.0, "lora_dropout": 0.1,
                "target_modules": ["q_proj", "v_proj"], "use_dora": True,
            },
        ),
        ("target=all-linear,save=lm_head", {"target_modules": "all-linear",
                                            "modules_to_save": ["lm_head"]}),
    ],
)  # fmt: skip
def test_a_text_reads_as_written(text: str, given: dict[str, Any]) -> None:
    assert parse_lora("lora", text) == given
