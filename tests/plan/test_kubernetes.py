"""A sweep on Kubernetes: an emulated API, and Dask's real operator, schedulers and workers.

What is emulated is the API server, and that pods are processes of this machine. KubeCluster, the
operator, the forwarding of ports and Dask are what a real cluster would run.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import nincost
from nincost._plan import kubernetes as started
from nincost.errors import InputError

pytest.importorskip(
    "dask_kubernetes.operator", reason="needs dask-kubernetes: pip install dask-kubernetes"
)
from support.kubernetes.emulated import Emulated

DYING = Path(__file__).with_name("models_that_die.py")
Begin = Callable[..., "subprocess.Popen[str]"]
ONE: dict[str, Any] = {"models": ["zero-1x1"], "commands": ["profile"]}


@pytest.fixture(scope="module")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("kubernetes")
        patch.setenv("PYTHONPATH", str(Path(nincost.__file__).parents[1]))  # the pods' too
        patch.setenv("DASK_TEMPORARY_DIRECTORY", str(folder))
        with Emulated(folder).running() as found:
            yield found


@pytest.fixture(scope="module")
def operated(kubernetes: Emulated) -> Iterator[Emulated]:
    with kubernetes.operated():
        yield kubernetes


@pytest.fixture
def reached(kubernetes: Emulated, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulated]:
    """For a sweep in this process; what was made bad of the API is good again afterwards."""
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.config))
    yield kubernetes
    kubernetes.api.installed, kubernetes.api.silent, kubernetes.api.refused = True, False, set()


def sweep_of(folder: Path, cells: int, seconds: float) -> Path:
    models = "".join(
        f'[[models]]\nmodel = "{DYING}:make"\ninput = "4"\n'
        f'arg = {{ folder = "{folder}", name = "n{number}", seconds = {seconds} }}\n'
        for number in range(cells)
    )
    file = folder / "a.toml"
    file.write_text(f'commands = ["profile"]\n{models}', encoding="utf-8")
    return file


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Begins a sweep, of which none outlives its test."""
    begun: list[subprocess.Popen[str]] = []

    def one(file: Path, environment: dict[str, str], *more: str) -> subprocess.Popen[str]:
        words = ["sweep", str(file), "--trust", "--cluster", "k8s", "--workers", "2", *more]
        process = subprocess.Popen(
            [sys.executable, "-m", "nincost", *words], env=environment, cwd=file.parent,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        begun.append(process)
        return process

    yield one
    for process in begun:
        process.kill()
        process.wait()


def until(met: Callable[[], object], seconds: float = 30) -> None:
    ends = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < ends
        time.sleep(0.05)


def runs(folder: Path) -> list[list[str]]:
    """The cells that were begun, each with the process that did so."""
    file = folder / "ran"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def nothing_is_left(kubernetes: Emulated) -> None:
    kinds = ("daskclusters", "daskworkergroups", "deployments", "services", "pods")

    def left() -> list[str]:
        named = [f"{kind}/{name}" for kind in kinds for name in kubernetes.names(kind)]
        return named + list(kubernetes.pods.processes)

    with contextlib.suppress(AssertionError):
        until(lambda: not left(), 20)
    assert left() == []


def test_a_sweep_whose_pod_dies_loses_nothing(
    operated: Emulated, begin: Begin, tmp_path: Path
) -> None:
    process = begin(sweep_of(tmp_path, 6, 0.7), operated.environment(), "--format", "json")
    until(lambda: len({pid for _, pid in runs(tmp_path)}) == 2)  # both workers are at work
    name, pid = runs(tmp_path)[-1]
    died = operated.pods.of(int(pid))
    operated.pods.end(died)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert [row["figures"]["params"] for row in json.loads(out)["rows"]] == [10] * 6
    assert [cell for cell, _ in runs(tmp_path)].count(name) == 2  # another worker did it again
    pods = [pod for pod in operated.pods.started if "-worker-" in pod]
    assert len(set(pods)) == 2
    nothing_is_left(operated)


def test_a_start_that_fails_says_so_once_and_leaves_no_pods(
    operated: Emulated, begin: Begin, tmp_path: Path
) -> None:
    before = len(operated.pods.started)
    (tmp_path / "b").mkdir()
    nowhere = begin(
        sweep_of(tmp_path / "b", 1, 0), operated.environment(KUBECONFIG=str(tmp_path / "none"))
    )
    operated.api.refused = {"GET nodes"}  # of which a NodePort's address is one
    try:
        process = begin(
            sweep_of(tmp_path, 1, 0),
            operated.environment(DASK_KUBERNETES__SCHEDULER_SERVICE_TYPE="NodePort"),
        )
        out, err = process.communicate(timeout=60)
    finally:
        operated.api.refused = set()
    assert (process.returncode, out, len(err.splitlines())) == (2, "", 1), err
    assert "k8s cluster cannot be started (" in err  # kr8s may trip over its own retry of a 403
    assert len(operated.pods.started) > before
    out, err = nowhere.communicate(timeout=60)
    assert (nowhere.returncode, out, len(err.splitlines())) == (2, "", 1), err  # at exit, too
    nothing_is_left(operated)


@pytest.mark.parametrize(
    "sign", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_stop_leaves_no_pods(
    operated: Emulated, begin: Begin, tmp_path: Path, sign: signal.Signals
) -> None:
    process = begin(sweep_of(tmp_path, 2, 60), operated.environment())

    def adopted() -> bool:
        """The operator has made all: what it makes of a cluster that is gone may stay, unowned."""
        groups = operated.objects.list("daskworkergroups")
        return any("ownerReferences" in group["metadata"] for group in groups)

    # Once while it starts, and once at work.
    until(adopted if sign == signal.SIGINT else lambda: runs(tmp_path))
    process.send_signal(sign)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (128 + sign, "")
    assert "Traceback" not in err
    nothing_is_left(operated)


def test_a_cluster_that_cannot_be_deleted_is_named(
    operated: Emulated, begin: Begin, tmp_path: Path
) -> None:
    operated.api.refused = {"DELETE daskclusters"}
    try:
        process = begin(sweep_of(tmp_path, 1, 0), operated.environment(), "--format", "json")
        out, err = process.communicate(timeout=60)
    finally:
        operated.api.refused = set()
    [left] = operated.names("daskclusters")
    operated.delete("daskclusters", left)
    assert process.returncode == 0  # what was asked for is there
    assert len(json.loads(out)["rows"]) == 1
    assert err.endswith(f"cannot DELETE it): kubectl delete daskcluster {left} -n default\n")
    assert len(err.splitlines()) == 1


def test_a_bad_kubernetes_is_named(
    reached: Emulated, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def said(words: str, workers: int | None = 1) -> None:
        begun = time.monotonic()
        with pytest.raises(InputError, match=words):
            nincost.sweep(ONE, cluster="k8s", workers=workers)
        assert time.monotonic() - begun < 10

    said("has no workers unless told: give --workers N", None)
    reached.api.refused = {"GET daskclusters"}
    said(r"refuses to list DaskClusters .daskclusters is forbidden: User .*DASK_KUBERNETES__NAMESP")
    reached.api.refused = {"POST daskclusters"}
    said("k8s cluster cannot be started .ServerError: daskclusters is forbidden")
    reached.api.refused = set()
    reached.api.installed = False
    said("Kubernetes knows no DaskCluster: install Dask's operator")
    monkeypatch.setattr(started, "_ANSWERS_WITHIN", 0.5)
    reached.api.silent = True
    said("the Kubernetes API does not answer within 0.5 seconds")
    reached.api.silent = False
    for text, words in (
        (None, "ValueError: Unable to find valid credentials"),
        ("", "TypeError"),
        ("a: [b", "ParserError"),
        (reached.config.read_text().replace("127.0.0.1:", "127.0.0.1:1#"), "ConnectError"),
    ):
        file = tmp_path / "kubeconfig"
        if text is not None:
            file.write_text(text)
        monkeypatch.setenv("KUBECONFIG", str(file))
        said(rf"the Kubernetes API cannot be reached \({words}")


@pytest.mark.slow
def test_an_own_description_keeps_its_name(
    operated: Emulated, begin: Begin, tmp_path: Path
) -> None:
    """A cluster of that name that is there already is another's: not used, and not deleted."""
    from dask_kubernetes.operator import make_cluster_spec

    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(make_cluster_spec("ours", n_workers=0, env={}, resources={})))
    own = {"DASK_KUBERNETES__CUSTOM_CLUSTER_SPEC": str(spec)}
    process = begin(sweep_of(tmp_path, 2, 3), operated.environment(**own), "--format", "json")
    until(lambda: "ours" in operated.names("daskclusters"))
    second = tmp_path / "second"
    second.mkdir()
    other = begin(sweep_of(second, 1, 0), operated.environment(**own))
    assert "there is a DaskCluster 'ours' already" in other.communicate(timeout=60)[1]
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert len(json.loads(out)["rows"]) == 2
    until(lambda: "ours" not in operated.names("daskclusters"))
