"""How long steps on eight cards took, as others published it, and as `nincost time` predicts.

    python benchmarks/ranks_time.py --report reports/ranks_time.md

Nothing was fitted to these rows. Each says what its source says of the cards.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nincost._step.parallel import Parallel
from nincost._step.request import make_request
from nincost._time.predict import predict_time

_LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
    "rms_norm_eps": 1e-5, "tie_word_embeddings": False, "use_cache": False,
    "max_position_embeddings": 8192,
}  # fmt: skip


def _llama(width: int, layers: int, heads: int, inner: int, words: int) -> dict[str, Any]:
    return _LLAMA | {
        "hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": 32,
        "num_key_value_heads": heads, "intermediate_size": inner, "vocab_size": words,
    }  # fmt: skip


MODELS = {
    "Llama 7B": _llama(4096, 32, 32, 11008, 32000),
    "Llama 3 8B": _llama(4096, 32, 8, 14336, 128256),
    "TinyLlama 1.1B": _llama(2048, 22, 4, 5632, 32000),
}
#: torchtitan's benchmarks say of their platform: H100 with 96 GB, 2.4 TB/s, limited to 500 W.
META: dict[str, Any] = {"watts": 500, "bandwidth": 2.4e12}
FSDP = Parallel(ranks=8, parallel="fsdp", mixed_precision="bfloat16")
BLOCKS = {"activation_checkpointing": "blocks"}
BF16 = {"dtype": "bfloat16"}


@dataclass(frozen=True, slots=True)
class Row:
    """A published run: `seconds` are those of a step with one batch of one rank."""

    source: str
    model: str
    batch: int
    length: int
    card: str
    seconds: float
    parallel: Parallel
    options: dict[str, Any] = field(default_factory=dict)
    card_changes: dict[str, Any] = field(default_factory=lambda: META)
    compiled: bool = False


def _tokens(batch: int, length: int, rate: float) -> float:
    return batch * length / rate


_PR165 = "torchtitan, pull request 165 (2024-03)"
_TORCHAO = "torchao, float8nocompile (2025-01)"
_LITGPT = "litgpt, extensions/thunder (2024-04)"
ROWS = (
    Row(_PR165, "Llama 7B", 8, 2048, "h100", _tokens(8, 2048, 6200), FSDP, BLOCKS),
    Row(_PR165, "Llama 7B", 8, 2048, "h100", _tokens(8, 2048, 7350), FSDP, BLOCKS, compiled=True),
    Row(_PR165, "Llama 7B", 8, 2048, "h100", _tokens(8, 2048, 9200), FSDP, compiled=True),
    Row(_TORCHAO, "Llama 3 8B", 1, 4096, "h100", _tokens(1, 4096, 5339), FSDP),
    Row(_TORCHAO, "Llama 3 8B", 1, 4096, "h100", _tokens(1, 4096, 4502), FSDP, BLOCKS),
    Row(_LITGPT, "TinyLlama 1.1B", 4, 2048, "a100-40gb", 0.44765, Parallel(), BF16, {}),
    Row(_LITGPT, "TinyLlama 1.1B", 4, 2048, "a100-40gb", 0.45657,
        Parallel(ranks=8, parallel="fsdp"), BF16, {}),
    Row(_LITGPT, "TinyLlama 1.1B", 4, 2048, "a100-40gb", 0.56946,
        Parallel(ranks=8, parallel="ddp"), BF16, {}),
)  # fmt: skip


def seconds(row: Row, folder: Path, *, as_sold: bool = False) -> tuple[float, float]:
    """Of the step as predicted, and of that what is not hidden of communication."""
    request = make_request(
        f"hf:{folder / row.model.replace(' ', '-')}", row.card, row.batch,
        input=f"input_ids={row.length}:int64", optimizer="AdamW", **row.options,
    )  # fmt: skip
    changes = {} if as_sold else row.card_changes
    card = replace(request.card, gpu=replace(request.card.gpu, **changes))
    request = replace(request, card=card)
    found = predict_time(request, parallel=row.parallel, compiled=row.compiled)
    return found.seconds, found.timed.by_bound["communication"]


def line(row: Row, folder: Path) -> str:
    """A row of the report's table."""
    predicted, sent = seconds(row, folder)
    how = row.parallel.kind or "one card"
    how += ", checkpointed" if row.options is BLOCKS else ""
    how += ", compiled" if row.compiled else ""
    cells = (
        row.source, row.model, f"{row.batch} x {row.length}", how, row.card,
        f"{1000 * row.seconds:,.0f} ms", f"{1000 * predicted:,.0f} ms",
        f"{predicted / row.seconds - 1:+.1%}", f"{sent / predicted:.1%}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def report(folder: Path) -> str:
    """The page."""
    shorter = [
        1 - seconds(row, folder, as_sold=True)[0] / seconds(row, folder)[0]
        for row in ROWS
        if row.card_changes
    ]
    return "\n".join([
        "# Steps on eight cards, published and predicted", "",
        f"Made by `python benchmarks/ranks_time.py --report ...` on {date.today()}. **Measured by "
        "others**, with their own model code, data loading and logging; eight cards of one "
        "machine, AdamW, FSDP2 with float32 parameters and bfloat16 computation (litgpt: all in "
        "bfloat16, FSDP1). Nothing was fitted to these rows.", "",
        "The H100's rows are of Meta's machines. What limits they had is not said beside them; "
        "torchtitan's benchmarks of December 2024 say of that platform: 96 GB of HBM2e with 2.4 "
        "TB/s, and 500 W. That is what was predicted for. For the H100 SXM with 80 GB as it is "
        f"sold (3.35 TB/s, 700 W) predictions are {min(shorter):.0%} to {max(shorter):.0%} "
        "shorter.", "",
        "| source | model | batch x tokens, a rank | how | card | measured | predicted "
        "| difference | not hidden of communication |",
        "| --- | --- | --- | --- | --- | ---: | ---: | ---: | ---: |",
        *[line(row, folder) for row in ROWS],
    ]) + "\n"  # fmt: skip


def run(words: str, models: Mapping[str, Any], report: Callable[[Path], str]) -> None:
    """A benchmark's command: `report` gets the folder with the models' configurations."""
    parser = argparse.ArgumentParser(description=words.partition("\n")[0])
    parser.add_argument("--report", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nincost-") as made:
        for name, config in models.items():
            folder = Path(made, name.replace(" ", "-"))
            folder.mkdir()
            (folder / "config.json").write_text(json.dumps(config))
        text = report(Path(made))
    print(text)
    if given.report:
        given.report.write_text(text)


if __name__ == "__main__":
    run(__doc__ or "", MODELS, report)
