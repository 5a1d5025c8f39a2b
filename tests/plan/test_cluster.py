"""A sweep on a Dask cluster of real processes, where some die, and what is said of a bad one."""

from __future__ import annotations

import importlib.util
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
    # dask-kubernetes without a cluster to reach: it would say so again, with a traceback, at exit.
    name, ended = "dask_kubernetes.operator", []
    inner = SimpleNamespace(reap_clusters=print)
    monkeypatch.setitem(sys.modules, name, SimpleNamespace(KubeCluster=lambda: 1 / 0))  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, f"{name}.kubecluster.kubecluster", inner)  # type: ignore[arg-type]
    monkeypatch.setattr("atexit.unregister", ended.append)
    with pytest.raises(InputError, match=r"k8s cluster cannot be started .* of dask_kubernetes"):
        nincost.sweep(ONE, cluster="k8s")
    assert ended == [print]


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
