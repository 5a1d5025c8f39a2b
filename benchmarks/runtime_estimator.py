"""PyTorch's RuntimeEstimator beside `nincost time`, on measured rows that nothing was fitted to.

    python benchmarks/runtime_estimator.py --measured FOLDER --report reports/runtime_estimator.md

Its cost model (`operator-level-cost-model`) takes an operator for as long as the slower of its
FLOPs over a data sheet's peak and its bytes over the bandwidth. It runs on fake CUDA tensors, the
loop that was measured around it, in an interpreter that finds an emulated card (autograd asks the
driver for a context). Of the cards that were measured it knows an H100 and an A100: those are the
rows, the steps of `benchmarks/data/h100` and transformers of `FOLDER/model_latency.csv`.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import os
import re
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._tools.runtime_estimator import RuntimeEstimator

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from step_time import roofline
from step_time_cases.cards import card_of
from step_time_cases.h100 import DATA
from step_time_cases.latency import MODELS

import nincost
from nincost._devices.cards import get_gpu
from nincost._emulator.launch import environment
from nincost._models.nin import build_variant, get_variant

_OPTIMIZERS = {"SGD": torch.optim.SGD, "AdamW": torch.optim.AdamW}
_TITLES = ("RuntimeEstimator", "plain roofline", "nincost")
#: What its cost model says of attention in half precision, whose sums are float32.
_REFUSES = "Only support single out dtype"


@dataclass(frozen=True, slots=True)
class Row:
    """Something measured, and what three models have for it, in seconds.

    PyTorch's has nothing (NaN) where an operator's results have two types.
    """

    model: str
    batch: int
    setting: str
    measured: float
    each: tuple[float, float, float]

    @property
    def errors(self) -> tuple[float, ...]:
        """Each model's, as a share of what was measured."""
        return tuple(one / self.measured - 1 for one in self.each)

    @property
    def line(self) -> str:
        pairs = [
            f"{1e3 * one:.2f} ms | {error:+.0%}" if not isnan(error) else "refused | "
            for one, error in zip(self.each, self.errors, strict=True)
        ]
        first = f"| {self.model} | {self.batch} | {self.setting} | {1e3 * self.measured:.2f} ms | "
        return first + " | ".join(pairs) + " |"


@contextlib.contextmanager
def estimated(card: str) -> Iterator[RuntimeEstimator]:
    """PyTorch's estimator for a card of its table, without what it prints."""
    found = RuntimeEstimator(card)
    with (
        contextlib.redirect_stdout(io.StringIO()),
        found(estimate_mode_type="operator-level-cost-model"),
    ):
        yield found


def _built(source: Any) -> nn.Module:
    if isinstance(source, dict):
        import transformers

        kind = getattr(transformers, source["architectures"][0])
        return kind(transformers.AutoConfig.for_model(**source))  # type: ignore[no-any-return]
    if source.startswith("torchvision:"):
        import torchvision

        return torchvision.models.get_model(source.partition(":")[2], weights=None)  # type: ignore[no-any-return]
    return build_variant(get_variant(source))


def _inputs(source: Any, batch: int, options: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    if isinstance(source, dict):
        found = {}
        for text in options["input"]:
            name, _, spec = text.partition("=")
            length = int(spec.partition(":")[0])
            found[name] = torch.zeros(batch, length, dtype=torch.int64, device="cuda")
        return found
    channels = 3 if source.startswith("torchvision:") else 1
    return {"x": torch.zeros(batch, channels, 224, 224, device="cuda")}


def _or_refused(estimate: Callable[[], float]) -> float:
    """Seconds by PyTorch's estimator; NaN where it refuses an operator."""
    try:
        return estimate()
    except AssertionError as error:
        if _REFUSES not in str(error):
            raise
        return float("nan")


def step_estimate(row: Mapping[str, Any]) -> float:
    """Seconds of a training step by PyTorch's estimator: the second of two, as steps repeat."""
    source, options = row["source"], row["options"]
    amp = getattr(torch, options["amp"]) if options.get("amp") else None
    with torch.device("meta"):  # initializers look at what they have drawn
        model = _built(source).train()
    with FakeTensorMode(allow_non_fake_inputs=True):
        model.to_empty(device="cuda")
        chosen = {"lr": 1e-3} | options.get("optimizer_arg", {})
        if options["optimizer"] == "AdamW":  # else it reads its step
            chosen["capturable"] = True
        optimizer = _OPTIMIZERS[options["optimizer"]](model.parameters(), **chosen)
        inputs = _inputs(source, row["batch"], options)
        target = torch.zeros(row["batch"], dtype=torch.int64, device="cuda")

        def step() -> None:
            with torch.autocast("cuda", amp) if amp else contextlib.nullcontext():
                if "labels" in inputs:
                    loss = model(**inputs)["loss"]
                else:
                    made = model(inputs["x"])
                    loss = nn.functional.cross_entropy(getattr(made, "logits", made), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        step()
        with estimated("NVIDIA H100") as estimator:
            step()
        return float(estimator.total_runtime) / 1e3


def forward_estimate(name: str, length: int, batch: int) -> float:
    """Seconds of a transformer's forward pass in float32 on an A100."""
    with torch.device("meta"):
        model = _transformer(name)
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        model.to_empty(device="cuda")
        ids = torch.zeros(batch, length, dtype=torch.int64, device="cuda")
        with estimated("NVIDIA A100") as estimator:
            model(input_ids=ids)
        return float(estimator.total_runtime) / 1e3


def _transformer(name: str) -> nn.Module:
    import transformers

    config_kind, model_kind, arguments = MODELS[name]
    config = getattr(transformers, config_kind)(**arguments, attn_implementation="eager")
    return getattr(transformers, model_kind)(config).eval()  # type: ignore[no-any-return]


def _predicted(model: Any, **options: Any) -> tuple[float, float]:
    """Seconds by a plain roofline of the same kernels, and by nincost."""
    found = nincost.time(model, calibration="none", **options)
    timing = found.timing
    assert timing is not None
    each = roofline(timing.timed.operators.works, timing.timed.gpu)
    plain = sum(each[work] for one in timing.timed.operators.launched for work in one.works)
    return float(plain), found.totals.step_seconds


def h100_steps() -> Iterator[Row]:
    """Training steps on the H100, of models that nothing was fitted to."""
    for text in (DATA / "steps.jsonl").read_text().splitlines():
        row = json.loads(text)
        if "step_seconds" not in row or zlib.crc32(row["model"].encode()) % 2 == 0:
            continue
        source, options = row["source"], row["options"]
        with tempfile.TemporaryDirectory(prefix="nincost-") as folder:
            if isinstance(source, dict):
                Path(folder, "config.json").write_text(json.dumps(source))
                source = f"hf:{folder}"
            plain, ours = _predicted(source, gpu="h100", batch_size=row["batch"], **options)
        theirs = _or_refused(lambda row=row: step_estimate(row))  # type: ignore[misc]
        setting = options.get("amp") or "float32"
        each = (theirs, plain, ours)
        yield Row(row["model"], row["batch"], setting, row["step_seconds"], each)


def a100_forwards(measured: Path) -> Iterator[Row]:
    """Transformers on an A100; of nincost's parameters, its kernels were among what was fitted to.

    What nincost has with them left out is in reports/step_time.md.
    """
    title = get_gpu("a100-40gb").title
    with (measured / "model_latency.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            case = re.fullmatch(r"(\w+)-inf-(\d+)-(\d+)", row["case"])
            if case is None or case[1] not in MODELS or "A100" not in card_of(row["device"]).title:
                continue
            name, length, batch = case[1], int(case[2]), int(case[3])
            with torch.device("meta"):
                model = _transformer(name)
            plain, ours = _predicted(
                model, gpu=title, batch_size=batch, input=[f"input_ids={length}:int64"],
                inference=True, tf32=False,
            )  # fmt: skip
            seconds = float(row["e2e_latency"]) / 1e3
            each = (forward_estimate(name, length, batch), plain, ours)
            yield Row(f"{name}, {length} tokens", batch, "float32", seconds, each)


def _section(title: str, rows: list[Row]) -> list[str]:
    errors = np.abs(np.array([row.errors for row in rows]))
    both = errors[~np.isnan(errors).any(axis=1)]
    columns = [*zip(_TITLES, both.T, strict=True)]
    if len(both) < len(rows):
        columns += [
            (f"{name}, all rows", each) for name, each in zip(_TITLES, errors.T, strict=True)
        ][1:]
    return [
        f"## {title}", "", "| | rows | median error | mean | 90% | worst |", f"|{' --- |' * 6}",
        *[
            f"| {name} | {len(each)} | {np.median(each):.1%} | {each.mean():.1%} | "
            f"{np.quantile(each, 0.9):.1%} | {each.max():.1%} |"
            for name, each in columns
        ],
        "",
        f"| model | batch | type | measured | {' | error | '.join(_TITLES)} | error |",
        f"|{' --- |' * 10}", *[row.line for row in rows], "",
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--measured", type=Path, help="a folder with model_latency.csv")
    parser.add_argument("--report", type=Path)
    given = parser.parse_args()
    if "NINCOST_EMULATED_CARD" not in os.environ:
        variables = environment(get_gpu("h100"), context=0)
        here = str(Path(__file__).resolve().parents[1])
        variables["PYTHONPATH"] = os.pathsep.join([here, variables["PYTHONPATH"]])
        os.execve(sys.executable, [sys.executable, *sys.argv], variables)
    lines = [
        "# PyTorch's RuntimeEstimator and `nincost time` on the same rows", "",
        "Made by `python benchmarks/runtime_estimator.py --measured FOLDER --report ...` with "
        f"torch {torch.__version__} on {date.today()}. RuntimeEstimator in its cost model; of the "
        "measured cards it knows an H100 and an A100 (with 80 GB), no other and no GeForce card. "
        "Beside both a plain roofline of nincost's own kernels. Errors are shares of what was "
        "measured. Attention in half precision it refuses, since its sums have another type.", "",
        "The H100's steps ran on torch 2.11, whose memory-efficient attention groups no heads: "
        "Llama in float32 ran the written-out attention there, and runs the fused one here "
        "(reports/step_time.md has nincost's figure for what ran).", "",
    ]  # fmt: skip
    parts = [("Training steps on an H100, of models that nothing was fitted to", h100_steps())]
    if given.measured:
        title = "Transformers on an A100 40GB (float32, forward)"
        parts.append((title, a100_forwards(given.measured)))
    for title, found in parts:
        rows = []
        for row in found:
            rows.append(row)
            print(row.line, flush=True)
        lines += _section(title, rows)
    if given.report:
        given.report.write_text("\n".join(lines).rstrip("\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
