"""Nothing stays behind; many at once get what one alone gets (benchmarks/load.py)."""

from __future__ import annotations

import random
import runpy
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

import nincost

LOAD: dict[str, Any] = {}


@pytest.fixture(scope="module", autouse=True)
def _load() -> None:
    """The benchmark's functions; spawned processes must find them by a module's name."""
    folder = str(Path(__file__).parents[1] / "benchmarks")
    sys.path.insert(0, folder)
    LOAD.update(runpy.run_path(f"{folder}/load.py", run_name="load"))
    sys.path.remove(folder)


def test_a_slope_is_what_it_says() -> None:
    assert LOAD["slope"]([5, 8, 11, 14]) == pytest.approx(3)
    assert LOAD["slope"]([7, 7, 7]) == 0


def test_profiles_leave_nothing() -> None:
    growth = LOAD["repeat"](LOAD["profile_of"], 60, warm=12)
    assert set(growth.left.values()) == {0}, growth.left
    assert growth.slope < 30_000  # one record of a profile kept would be more


def test_predictions_leave_nothing() -> None:
    """The last predicted model stayed, as the dispatcher holds on to the kernels of a recording."""
    growth = LOAD["repeat"](LOAD["prediction_of"], 25, warm=12)
    assert set(growth.left.values()) == {0}, growth.left
    assert growth.slope < 60_000


def test_threads_at_once_give_what_one_alone_gives() -> None:
    expected = [LOAD["both"](number) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(LOAD["both"], range(8))) == expected


def test_threads_leave_the_process_as_it_was() -> None:
    """fvcore is silenced through stdout and the warnings' filters, which all threads share."""
    torch.manual_seed(3)
    random.seed(3)
    stdout, filters = sys.stdout, list(warnings.filters)
    states = torch.get_rng_state(), random.getstate()
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            nincost.check("one-1x1")
            nincost.memory("one-1x1", amp="bfloat16" if number % 2 else None)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sys.stdout is stdout
    assert list(warnings.filters) == filters
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]


@pytest.mark.slow
def test_processes_at_once_give_what_one_alone_gives() -> None:
    import subprocess

    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, str(root / "benchmarks" / "load.py"), "--profiles", "20",
         "--predictions", "10", "--workers", "4"],
        capture_output=True, text=True, env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"},
        check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "4 processes at once: the same" in done.stdout
