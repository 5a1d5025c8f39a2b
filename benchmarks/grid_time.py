"""How long steps with tensor and pipeline parallelism took, as measured, and as predicted.

    python benchmarks/grid_time.py --report reports/grid_time.md

nanotron's scaling benchmarks (hf.co/datasets/nanotron/ultrascale-playbook-data): H100 with 80 GB,
eight a node, bfloat16, sequences of 4,096, 131,072 words, 1F1B. Their code scatters sequences where
the plan of transformers' Llama reduces, which sends as much. Nothing was fitted to these rows; left
out are those with both a pipeline and data parallelism, which PyTorch's DDP does not train.

A pipeline's stages are cut as nanotron cuts them, which counts the head's weights as blocks of as
many (`get_block_compute_costs`). Its step grows by as much with each micro-batch: it is predicted
for two numbers of them, and continued to that of the row.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ranks_time import run

import nincost

LENGTH = 4096


def _llama(width: int, layers: int, heads: int, inner: int) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "use_cache": False, "max_position_embeddings": LENGTH, "vocab_size": 131072,
        "tie_word_embeddings": False, "hidden_size": width, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": heads, "intermediate_size": inner,
    }  # fmt: skip


MODELS = {"1.6G": _llama(2048, 16, 32, 8192), "4.0G": _llama(3072, 28, 32, 8192)}


@dataclass(frozen=True, slots=True)
class Row:
    """A measured run: sequences of a micro-batch, micro-batches of a step, tokens/s of a GPU."""

    model: str
    batch: int
    microbatches: int
    data: int
    tensor: int
    stages: int
    rate: float
    stage_blocks: str = ""

    @property
    def ranks(self) -> int:
        return self.data * self.tensor * self.stages


ROWS = (
    Row("1.6G", 8, 8, 4, 2, 1, 37628.15),
    Row("1.6G", 8, 32, 1, 2, 4, 34468.92, "5,5,5,1"),
    Row("1.6G", 16, 1, 16, 4, 1, 28570.01),
    Row("1.6G", 8, 32, 1, 4, 8, 20347.57, "2,3,2,3,2,3,1,0"),
    Row("1.6G", 16, 16, 1, 8, 4, 17838.99, "5,5,5,1"),
    Row("1.6G", 32, 4, 2, 16, 1, 9880.6),
    Row("4.0G", 32, 8, 1, 16, 2, 4378.3, "15,13"),
    Row("1.6G", 1, 256, 1, 16, 8, 1139.58, "2,3,2,3,2,3,1,0"),
)


def seconds(row: Row, folder: Path) -> float:
    """Of a step, as predicted."""
    low, high = min(row.microbatches, max(row.stages, 2)), 2 * max(row.stages, 2)
    first = _seconds(row, folder, low)
    if low == row.microbatches:
        return first
    slope = (_seconds(row, folder, high) - first) / (high - low)
    return first + slope * (row.microbatches - low)


def _seconds(row: Row, folder: Path, microbatches: int) -> float:
    options: dict[str, Any] = {"tp": row.tensor, "pp": row.stages, "batch_size": row.batch}
    if row.stages > 1:
        options |= {"microbatches": microbatches, "batch_size": row.batch * microbatches,
                    "stage_blocks": row.stage_blocks}  # fmt: skip
    else:
        options |= {"grad_accumulation": microbatches}
    if row.data > 1:
        options["parallel"] = "ddp"
    found = nincost.time(
        f"hf:{folder / row.model}", input=f"input_ids={LENGTH}:int64", gpu="h100",
        dtype="bfloat16", optimizer="AdamW", ranks=row.ranks, **options,
    )  # fmt: skip
    return found.totals.step_seconds


def report(folder: Path) -> str:
    """The page."""
    lines, errors = [], []
    for row in ROWS:
        step = seconds(row, folder)
        tokens = row.batch * row.microbatches * row.data * LENGTH
        rate = tokens / step / row.ranks
        errors.append(abs(rate / row.rate - 1))
        cells = (
            f"Llama {row.model}", f"{row.data} x {row.tensor} x {row.stages}",
            f"{row.batch} x {row.microbatches}", f"{row.rate:,.0f}", f"{rate:,.0f}",
            f"{rate / row.rate - 1:+.0%}",
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return "\n".join([
        "# Steps with tensor and pipeline parallelism, measured and predicted", "",
        f"Made by `python benchmarks/grid_time.py --report ...` on {date.today()}. **Measured by "
        "others** (nanotron's scaling benchmarks, H100 with 80 GB, eight a node), with their own "
        "model code; predicted for PyTorch's own parallelism. Nothing was fitted to these rows. "
        f"Rates differ by {statistics.median(errors):.0%} in the median. The plan of "
        "transformers' Llama splits products and attention alone: each tensor rank normalizes "
        "whole sequences and takes the loss of all words, where nanotron splits both, which grows "
        "with the ranks that share tensors. How much of the difference that is was not measured.",
        "",
        "| model | data x tensor x stages | batch x micro-batches | tokens/s of a GPU "
        "| predicted | difference |",
        "| --- | --- | --- | ---: | ---: | ---: |", *lines,
    ]) + "\n"  # fmt: skip


if __name__ == "__main__":
    run(__doc__ or "", MODELS, report)
