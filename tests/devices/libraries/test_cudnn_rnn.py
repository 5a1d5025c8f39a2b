"""cuDNN's recurrent layers: our sizes beside those that an H100 gave."""

from __future__ import annotations

import gzip
import json
import statistics
from pathlib import Path

import pytest

from nincost._devices.libraries.cudnn_rnn import Recurrent

MEASURED = Path(__file__).parents[3] / "benchmarks/data/h100/libraries.jsonl.gz"
ITEMSIZE = {0: 4, 2: 2, 9: 2}  # cudnnDataType_t: float, half, bfloat16


@pytest.fixture(scope="module")
def cases() -> list[tuple[Recurrent, tuple[int, int]]]:
    """Networks in training, and the workspace and reserve that cuDNN said, in bytes."""
    found = []
    for line in gzip.decompress(MEASURED.read_bytes()).splitlines():
        row = json.loads(line)
        if row["kind"] == "recurrent" and "error" not in row and not row["projected"]:
            positions = row.get("lengths") or row["length"] * row["batch"]
            found.append((
                Recurrent(
                    row["mode"], positions, row["width"], row["hidden"], row["layers"],
                    row["directions"], ITEMSIZE[row["type"]], True,
                ),
                tuple(row["training"]),
            ))  # fmt: skip
    return found


def test_the_reserve_is_what_cudnn_said(cases: list[tuple[Recurrent, tuple[int, int]]]) -> None:
    off = [reserve - one.reserve_bytes() for one, (_, reserve) in cases]
    assert len(off) == 1824
    assert off.count(0) == 1745
    assert 0 <= min(off) <= max(off) <= 40


def test_the_workspace_is_near(cases: list[tuple[Recurrent, tuple[int, int]]]) -> None:
    errors = [abs(one.workspace_bytes() / said - 1) for one, (said, _) in cases]
    assert statistics.median(errors) < 0.33
