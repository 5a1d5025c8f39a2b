"""timm's measured training speeds on an RTX 3090, each model recorded again as it was measured.

The rows are of torch 1.12, AMP float16 without a gradient scaler, SGD with Nesterov momentum in a
loop over parameters, attention written out. A model whose parameters are not those of its row (timm
has changed it since) is left out. Recordings are kept in a folder, since they take an hour for all.
"""

from __future__ import annotations

import csv
import pickle
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nincost._devices.cards import get_gpu
from nincost._devices.target import Target
from nincost._time.work.kinds import Work
from nincost._time.work.operators import works_of
from step_time_cases.kept import plain

LAYOUTS = ("nhwc", "nchw")
GPU = get_gpu("rtx3090")
#: How far parameters may differ, in millions: the file has two decimals.
_SAME = 0.02


@dataclass(frozen=True, slots=True)
class TimmRow:
    """A measured training step: seconds, and how often each kernel runs in it."""

    model: str
    layout: str
    batch: int
    seconds: float
    works: dict[Work, int]
    flops: int

    @property
    def for_fit(self) -> bool:
        """Whether the row is of the half of the models that parameters may be fitted to."""
        return zlib.crc32(self.model.encode()) % 2 == 0


def read_measured(folder: Path) -> list[tuple[str, dict[str, str]]]:
    """(layout, row) of both files, models in an order that says nothing about them."""
    found = []
    for layout in LAYOUTS:
        with (folder / f"timm_train_rtx3090_{layout}.csv").open(newline="") as file:
            rows = csv.DictReader(line for line in file if not line.startswith("#"))
            found += [(layout, row) for row in rows]
    return sorted(found, key=lambda item: zlib.crc32(item[1]["model"].encode()))


def record_rows(measured: Path, cache: Path) -> Iterator[str]:
    """Record what is not in the cache; a line for each row."""
    cache.mkdir(parents=True, exist_ok=True)
    for layout, row in read_measured(measured):
        path = cache / f"{layout}-{row['model']}.pkl"
        if path.exists():
            continue
        try:
            path.write_bytes(pickle.dumps(_record(layout, row)))
            yield f"{layout} {row['model']}"
        except Exception as error:  # a model that timm has no more
            yield f"{layout} {row['model']}: {type(error).__name__}: {str(error)[:100]}"


def _record(layout: str, row: dict[str, str]) -> dict[str, Any]:
    import timm

    from nincost._memory.record import record
    from nincost._step.request import make_request
    from nincost._trace.recording import Mark, Ran

    timm.layers.set_fused_attn(False)
    model = timm.create_model(row["model"])
    size = row["train_img_size"]
    request = make_request(
        model, GPU.name, int(row["train_batch_size"]), input=[f"3x{size}x{size}"], amp="float16",
        grad_scaler=False, optimizer_impl="for-loop", channels_last=layout == "nhwc",
        optimizer_arg={"momentum": 0.9, "nesterov": True},
    )  # fmt: skip
    recording = record(request.step, request.target())
    numbers: dict[int, int] = {}
    signatures: list[Any] = []
    sequence = []
    phase, step = "", 0
    for entry in recording.entries:
        if type(entry) is Mark:
            phase, step = entry.phase, entry.step
        elif type(entry) is Ran and step == request.step.steps:
            found = entry.signature
            if id(found) not in numbers:
                numbers[id(found)] = len(signatures)
                options = {name: plain(value) for name, value in found.kwargs.items()}
                signatures.append((found.name, plain(found.args), options, found.outputs,
                                   found.is_view, found.on_host))  # fmt: skip
            sequence.append((numbers[id(found)], phase, entry.node))
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    return {"layout": layout, "row": row, "params": millions, "sigs": signatures, "seq": sequence}


def read_rows(cache: Path) -> list[TimmRow]:
    """All rows that were recorded and whose model is still the one that was measured."""
    target = Target(gpu=GPU)
    found = []
    for path in sorted(cache.glob("n*.pkl")):
        kept = pickle.loads(path.read_bytes())
        row = kept["row"]
        count = float(row["param_count"])
        if abs(kept["params"] - count) > _SAME + 0.02 * count:
            continue
        names = ("name", "args", "kwargs", "outputs", "is_view", "on_host")
        each: list[Any] = [
            works_of(SimpleNamespace(**dict(zip(names, one, strict=True))), target)  # type: ignore[arg-type]
            for one in kept["sigs"]
        ]
        works = Counter(work for number, _, _ in kept["seq"] for work in each[number])
        batch = int(row["train_batch_size"])
        seconds = batch / float(row["train_samples_per_sec"])
        flops = sum(work.flops * many for work, many in works.items())
        found.append(TimmRow(row["model"], kept["layout"], batch, seconds, dict(works), flops))
    return found
