"""A sweep on a Dask cluster of real processes, where some die, and what is said of a bad one."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import nincost
from nincost._plan import cluster
from nincost._plan.cells import versions
from nincost.errors import InputError

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None,
    reason="Dask is not installed: pip install distributed",
)

DYING = Path(__file__).with_name("models_that_die.py")
ONE: dict[str, Any] = {"models": ["zero-1x1"], "commands": ["profile"]}


@pytest.fixture(scope="module")
def dask() -> Iterator[Any]:
    """Two workers, each a process with its nanny, and the address of their scheduler."""
    import dask
    from distributed import LocalCluster

    asked = {
        "distributed.comm.timeouts.connect": "60s",
        "distributed.scheduler.allowed-failures": 1,  # so that Dask gives up what was near a death
    }
    with (
        dask.config.set(asked),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as found,
    ):
        yield found


@needs_dask
def test_a_worker_that_dies_loses_nothing(dask: Any, tmp_path: Path) -> None:
    kinds = ["always", "", "once", "", "", ""]
    models = [
        {
            "model": f"{DYING}:make", "input": "4",
            "arg": {"folder": str(tmp_path), "name": f"n{number}", "kill": kind},
        }
        for number, kind in enumerate(kinds)
    ]  # fmt: skip
    asked = {"commands": ["profile"], "models": models}
    journal = tmp_path / "a.jsonl"
    found = nincost.sweep(asked, journal=journal, scheduler=dask.scheduler_address)
    assert [row.figures.get("params") for row in found.rows] == [None, 10, 10, 10, 10, 10]
    assert "KilledWorker" in found.failures[0].reason  # Dask's own limit
    ran = (tmp_path / "ran").read_text()
    again = nincost.sweep(asked, journal=journal, scheduler="tcp://127.0.0.1:1")  # nothing is left
    assert again.rows == found.rows
    assert (tmp_path / "ran").read_text() == ran


@needs_dask
def test_a_cluster_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_ANSWERS_WITHIN", 0.2)
    with pytest.raises(InputError, match="no Dask scheduler answers at"):
        nincost.sweep(ONE, scheduler="tcp://127.0.0.1:1")
    monkeypatch.setattr("distributed.LocalCluster", lambda **_: 1 / 0)
    with pytest.raises(InputError, match=r"local cluster cannot be started .ZeroDivisionError"):
        nincost.sweep(ONE, cluster="local")
    monkeypatch.setitem(sys.modules, "dask_jobqueue", SimpleNamespace(SLURMCluster=print))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="slurm cluster has no workers unless told"):
        nincost.sweep(ONE, cluster="slurm")


SBATCH = """\
#!/bin/sh
cp "$1" "$HOME/job$$.sh"
setsid sh "$HOME/job$$.sh" >"$HOME/job$$.log" 2>&1 &
echo $! >>"$HOME/jobs"
echo "Submitted batch job $!"
"""
SCANCEL = """\
#!/bin/sh
for job in "$@"; do kill -KILL -- "-$job"; echo "$job" >>"$HOME/cancelled"; done
"""


def test_jobs_of_slurm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Slurm's commands are stood in for, and a job is a process here; all of Dask is real."""
    pytest.importorskip("dask_jobqueue", reason="needs dask-jobqueue: pip install dask-jobqueue")
    import dask

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(nincost.__file__).parents[1]))
    asked: dict[str, Any] = {"cores": 1, "memory": "2GB", "interface": "lo"}
    given = {f"jobqueue.slurm.{name}": value for name, value in asked.items()}
    with dask.config.set({**given, "temporary-directory": str(tmp_path)}):
        with pytest.raises(InputError, match="there is no sbatch here"):
            nincost.sweep(ONE, cluster="slurm", workers=1)
        for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)
        models = {"models": ["zero-1x1", "one-1x1", "two-1x1"], "commands": ["profile"]}
        found = nincost.sweep(models, cluster="slurm", workers=2)
    assert [row.reason for row in found.rows] == ["", "", ""]
    jobs = (tmp_path / "jobs").read_text().split()
    assert len(jobs) == 2
    assert sorted((tmp_path / "cancelled").read_text().split()) == sorted(jobs)


class Workers:
    """What a client of a cluster answers of its workers."""

    def __init__(self, found: Any) -> None:
        self.found = found

    def run(self, _asked: Any, *, on_error: str) -> dict[str, Any]:
        assert on_error == "return"
        return {"tcp://10.0.0.7:4000": self.found}


def test_a_worker_that_cannot_predict_is_named() -> None:
    cluster._check_workers(Workers(versions()))
    with pytest.raises(InputError, match=r"10.0.0.7:4000 has torch 2.1, and this machine"):
        cluster._check_workers(Workers({**versions(), "torch": "2.1"}))
    lacks = ModuleNotFoundError("No module named 'torch'")
    with pytest.raises(InputError, match=r"cannot predict .ModuleNotFoundError: No module named"):
        cluster._check_workers(Workers(lacks))


def test_what_ends_a_sweep_on_a_cluster() -> None:
    for error, words in (
        (ModuleNotFoundError("No module named 'nincost'"), "a worker lacks a module"),
        (CancelledError(), "the scheduler is gone"),
    ):
        future: Future[Any] = Future()
        future.set_exception(error)
        with pytest.raises(InputError, match=words):
            cluster._answer(future)
    future = Future()
    future.set_exception(RuntimeError("4 workers died"))
    assert cluster._answer(future).reason == "RuntimeError: 4 workers died"
