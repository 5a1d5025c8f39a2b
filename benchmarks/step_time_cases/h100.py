"""Steps measured on an H100 (`benchmarks/data/h100`), recorded again as they were measured."""

from __future__ import annotations

import json
import pickle
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nincost._devices.cards import get_gpu
from nincost._devices.target import Target
from nincost._time.operators import StepOperators, operators_of
from nincost._trace.recording import Recording
from step_time_cases.kept import dumps

DATA = Path(__file__).resolve().parents[1] / "data/h100"
GPU = get_gpu("h100")


@dataclass(frozen=True, slots=True)
class Step:
    """A measured step: seconds by events, those of the host alone, and its operators."""

    model: str
    batch: int
    setting: str
    seconds: float
    host_seconds: float
    phases: dict[str, float]
    options: dict[str, Any]
    operators: StepOperators

    @property
    def for_fit(self) -> bool:
        """Whether the row is of the half of the models that parameters may be fitted to."""
        return zlib.crc32(self.model.encode()) % 2 == 0


def record_steps(cache: Path) -> Iterator[str]:
    """Record what is not in the cache; a line for each case."""
    cache.mkdir(parents=True, exist_ok=True)
    for number, line in enumerate((DATA / "steps.jsonl").read_text().splitlines()):
        row = json.loads(line)
        path = cache / f"h100-{number:03}.pkl"
        if path.exists() or "step_seconds" not in row:
            continue
        path.write_bytes(dumps((row, _record(row))))
        yield f"{row['model']} {row['batch']} {_setting(row)}"


def _record(row: dict[str, Any]) -> Recording:
    from nincost._memory.record import record
    from nincost._step.request import make_request

    source, folder = row["source"], None
    if isinstance(source, dict):
        folder = tempfile.TemporaryDirectory()
        Path(folder.name, "config.json").write_text(json.dumps(source))
        source = f"hf:{folder.name}"
    request = make_request(source, GPU.name, row["batch"], **row["options"])
    found = record(request.step, request.target())
    if folder is not None:
        folder.cleanup()
    return found


def _setting(row: dict[str, Any]) -> str:
    return row["options"].get("amp") or row["options"].get("dtype") or "float32"


def read_steps(cache: Path) -> list[Step]:
    """All steps that were recorded."""
    found = []
    for path in sorted(cache.glob("h100-*.pkl")):
        row, recording = pickle.loads(path.read_bytes())
        operators = operators_of(recording, Target(gpu=GPU))
        found.append(
            Step(row["model"], row["batch"], _setting(row), row["step_seconds"],
                 row["host_seconds"], row["phases"], row["options"], operators)
        )  # fmt: skip
    return found
