"""NeuSight's measured forward passes of whole transformers, in float32, recorded again.

The configurations are those of its repository (scripts/asplos/data/DLmodel_configs at 6945927):
attention written out, float32 throughout. Rows of fused models and of the mixture of experts (whose
forward NeuSight replaces by its own) are left out, and training rows: what they time is not said.
"""

from __future__ import annotations

import csv
import pickle
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nincost._devices.cards import Gpu
from nincost._devices.settings import Settings
from nincost._devices.target import Target
from nincost._time.operators import StepOperators, operators_of
from nincost._trace.recording import Recording
from step_time_cases.cards import card_of
from step_time_cases.kept import dumps

_TARGET = Target(settings=Settings(tf32=False))

#: Class of transformers' configuration and of its model, and the configuration's arguments.
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bert_large": ("BertConfig", "BertForSequenceClassification", {
        "hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16,
        "num_hidden_layers": 24,
    }),
    "gpt2_large": ("GPT2Config", "GPT2LMHeadModel", {"n_embd": 1280, "n_head": 20, "n_layer": 36}),
    "gpt3_27": ("GPT2Config", "GPT2LMHeadModel", {
        "n_embd": 2560, "n_head": 32, "n_layer": 32, "n_positions": 2048,
    }),
    "gpt3_xl": ("GPT2Config", "GPT2LMHeadModel", {
        "n_embd": 3072, "n_head": 24, "n_layer": 24, "n_positions": 2048,
    }),
    "opt_13": ("OPTConfig", "OPTForCausalLM", {
        "hidden_size": 2048, "ffn_dim": 8192, "num_attention_heads": 32, "num_hidden_layers": 24,
        "word_embed_proj_dim": 2048,
    }),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """A measured forward pass: its card, seconds and operators."""

    card: str
    case: str
    seconds: float
    operators: StepOperators

    @property
    def gpu(self) -> Gpu:
        return card_of(self.card)


def read_latency(measured: Path, cache: Path) -> Iterator[LatencyRow]:
    """The rows of models that are known, each case recorded once."""
    with (measured / "model_latency.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found = re.fullmatch(r"(\w+)-inf-(\d+)-(\d+)", row["case"])
            if found is None or found[1] not in MODELS:
                continue
            operators = _recorded(cache, found[1], int(found[2]), int(found[3]))
            yield LatencyRow(row["device"], row["case"], float(row["e2e_latency"]) / 1e3, operators)


def _recorded(cache: Path, name: str, length: int, batch: int) -> StepOperators:
    path = cache / f"latency-{name}-{length}-{batch}.pkl"
    if not path.exists():
        path.write_bytes(dumps(_record(name, length, batch)))
    return operators_of(pickle.loads(path.read_bytes()), _TARGET)


def _record(name: str, length: int, batch: int) -> Recording:
    import torch
    import transformers

    from nincost._memory.record import record
    from nincost._step.request import make_request

    config_kind, model_kind, arguments = MODELS[name]
    config = getattr(transformers, config_kind)(**arguments, attn_implementation="eager")
    with torch.device("meta"):
        model = getattr(transformers, model_kind)(config)
    request = make_request(
        model, "a100", batch, input=[f"input_ids={length}:int64"], inference=True, tf32=False
    )
    return record(request.step, request.target())
