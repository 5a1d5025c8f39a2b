"""cuFFT's work areas: our sizes beside those that an H100 gave."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from nincost._devices.libraries.cufft import work_area_bytes

MEASURED = Path(__file__).parents[3] / "benchmarks/data/h100/libraries.jsonl.gz"


def test_work_areas_are_what_cufft_said_of_three_plans_in_four() -> None:
    """Of complex numbers, and of real ones on one side."""
    found = {"c2c": [0, 0], "r2c": [0, 0], "c2r": [0, 0]}
    for line in gzip.decompress(MEASURED.read_bytes()).splitlines():
        row = json.loads(line)
        if row["kind"] != "fourier" or "error" in row:
            continue
        size = work_area_bytes(row["shape"], row["batch"], 8, real=row["what"] != "c2c")
        found[row["what"]][0] += size == row["bytes"]
        found[row["what"]][1] += 1
    assert found == {"c2c": [847, 925], "r2c": [619, 925], "c2r": [619, 925]}


def test_one_kernel_needs_no_work_area() -> None:
    assert work_area_bytes([64, 64], 128, 8, real=True) == 0
    assert work_area_bytes([65536], 4, 8, real=False) == 4 * 65536 * 8
    assert work_area_bytes([65536], 4, 8, real=True) == 4 * 32769 * 8
