"""Every error message is provoked by a case of this folder's tables, and says what it should.

A table is a file beside this one, one for each command: `CASES`, a list of `Case` (a command line)
or `PythonCase`. `test_every_message_has_a_case` names the messages that no case provokes.
"""

from __future__ import annotations

import re
import runpy
import tempfile
from pathlib import Path

import pytest
from support.messages import Case, Outcome, PythonCase, run, sites

HERE = Path(__file__).parent
TABLES = sorted(p for p in HERE.glob("*.py") if not p.name.startswith(("test_", "_")))
CASES = [
    pytest.param(case, id=f"{table.stem}: {case.name}")
    for table in TABLES
    for case in runpy.run_path(str(table))["CASES"]
]

#: Messages that no case can provoke on a machine like this one, and why they are there.
UNREACHED = {
    "_emulator/run.py add: ModelError(finished.describe(self.what.title))":
        "needs an emulated GPU; provoked in tests/emulator/test_run.py",
    "_emulator/run.py result: ModelError(self.ranks[number].failure or _nothing_allocated(":
        "needs an emulated GPU; provoked in tests/emulator/test_run.py",
    "_emulator/described/answer.py _check: the step of":
        "needs an emulated GPU; provoked in tests/emulator/described",
    "_emulator/described/answer.py _raise: PyTorch cannot run this step of :":
        "needs an emulated GPU; provoked in tests/emulator/described",
    "_emulator/described/answer.py _quick_peaks: the step of ended before anything could ":
        "needs an emulated GPU; provoked in tests/emulator/described",
    "_emulator/described/pipeline.py _batch: a pipeline's first stage gets one tensor":
        "needs an emulated GPU; provoked in tests/emulator/described",
    "_emulator/described/pipeline.py _by_export: torch.distributed.pipelining cannot cut ":
        "needs an emulated GPU; provoked in tests/emulator/described",
    "_emulator/described/pipeline.py _by_export: a pipeline is cut out of an exported gra":
        "needs an emulated GPU; provoked in tests/emulator/described",
    "_emulator/described/pipeline.py _stages: stage_blocks has blocks in all, and has ":
        "needs an emulated GPU; provoked in tests/emulator/described",
    "_emulator/described/pipeline.py _stages: has repeated blocks, and a pipeline of s":
        "needs an emulated GPU; provoked in tests/emulator/described",
    "_emulator/described/pipeline.py run: a batch of cannot be cut into micro-batc":
        "needs an emulated GPU; provoked in tests/emulator/described",
    "_emulator/described/tensor_plan.py _by_module: the tensor-parallel plan names , and has":
        "needs an emulated GPU; provoked in tests/emulator/described",
    "_emulator/described/tensor_plan.py _check_with_ddp: is split by , which transformers cannot ":
        "needs an emulated GPU; provoked in tests/emulator/described",
    "_emulator/described/tensor_plan.py of: brings no tp_plan (transformers' models ":
        "needs an emulated GPU; provoked in tests/emulator/described",
    "_emulator/described/warm.py status: the process that runs steps on the emula":
        "needs an emulated GPU; provoked in tests/emulator/described",
    "_engines/fit.py run: InputError(self._too_small(unit))":
        "needs an emulated GPU; provoked in tests/emulator/described",
    "_plan/cluster.py _answer: a worker lacks a module ( ): install nin":
        "needs Dask; provoked in tests/plan/test_cluster.py",
    "_plan/cluster.py _answer: the scheduler is gone, or has dropped a ":
        "needs Dask; provoked in tests/plan/test_cluster.py",
    "_plan/cluster.py _check_workers: the worker cannot predict ( ): install n":
        "needs Dask; provoked in tests/plan/test_cluster.py",
    "_plan/cluster.py _check_workers: the worker has , and this machine : inst":
        "needs Dask; provoked in tests/plan/test_cluster.py",
    "_plan/cluster.py connected: no Dask scheduler answers at ( ): start ":
        "needs Dask; provoked in tests/plan/test_cluster.py",
    "_plan/cluster.py connected: the cluster cannot be started ( ): see t":
        "needs Dask; provoked in tests/plan/test_cluster.py",
    "_plan/cluster.py _started: a cluster has no workers unless told: gi":
        "needs Dask; provoked in tests/plan/test_cluster.py",
    "_plan/cluster.py _started: there is no here: run the sweep where jo":
        "needs dask-jobqueue; provoked in tests/plan/test_cluster.py",
    "_plan/kubernetes.py _checked_namespace: Kubernetes knows no DaskCluster: install":
        "needs dask-kubernetes; provoked in tests/plan/test_kubernetes.py",
    "_plan/kubernetes.py _checked_namespace: Kubernetes refuses to list DaskClusters ":
        "needs dask-kubernetes; provoked in tests/plan/test_kubernetes.py",
    "_plan/kubernetes.py _checked_namespace: the Kubernetes API cannot be reached ( )":
        "needs dask-kubernetes; provoked in tests/plan/test_kubernetes.py",
    "_plan/kubernetes.py _checked_namespace: the Kubernetes API does not answer withi":
        "needs dask-kubernetes; provoked in tests/plan/test_kubernetes.py",
    "_plan/kubernetes.py _checked_namespace: there is a DaskCluster already: delete i":
        "needs dask-kubernetes; provoked in tests/plan/test_kubernetes.py",
    "_plan/kubernetes.py dask_on_kubernetes: a k8s cluster has no workers unless told":
        "needs dask-kubernetes; provoked in tests/plan/test_kubernetes.py",
    "_plan/journal.py add: the sweep's journal could not be written":
        "needs another process, or a full disk; provoked in tests/plan/test_sweep.py",
    "_plan/journal.py open_journal: another sweep writes : wait for it, or g":
        "needs another process, or a full disk; provoked in tests/plan/test_sweep.py",
    "_plan/workers.py _start: a process of the sweep could not be star":
        "needs another process, or a full disk; provoked in tests/plan/test_sweep.py",
    "_plan/workers.py refuse_while_starting: nincost.sweep starts processes, which im":
        "needs another process, or a full disk; provoked in tests/plan/test_sweep.py",
    "_render/figures/headless.py check_matplotlib: pictures need matplotlib: pip install ma":
        "matplotlib is loaded once in a process; provoked in tests/render/test_headless.py",
    "_render/figures/headless.py load_matplotlib: matplotlib cannot be imported ( ): insta":
        "matplotlib is loaded once in a process; provoked in tests/render/test_headless.py",
    "_time/calibration.py calibrate: the measured step ( s on ) cannot be met":
        "needs a GPU to measure on; provoked in tests/step_time/test_calibration.py",
    "_time/calibration.py refuse_another_card: the prediction is for , and the steps ra":
        "needs a GPU to measure on; provoked in tests/step_time/test_calibration.py",
    "_measure/measure.py _check_plain: arg and optimizer_arg go to a fresh proc":
        "needs a GPU to measure on; provoked with a tape in tests/measure",
    "_measure/measure.py _save: cannot be given to a fresh process ( ): ":
        "needs a GPU to measure on; provoked with a tape in tests/measure",
    "_devices/libraries/conv_descriptor.py __post_init__: convolution with :":
        "a guard against a mistake of nincost's own; provoked in tests/devices/libraries",
    "_devices/libraries/reductions.py reduction_scratch: dtype of a reduction: choose ,":
        "a guard against a mistake of nincost's own; provoked in tests/devices/libraries",
    "_devices/libraries/reductions.py reduction_scratch: dimensions of a reduction of : out of ra":
        "a guard against a mistake of nincost's own; provoked in tests/devices/libraries",
}  # fmt: skip

_done: dict[int, Outcome] = {}


def outcome(case: Case | PythonCase) -> Outcome:
    """A case is run once, for its own test and for the count of all."""
    if id(case) not in _done:
        with tempfile.TemporaryDirectory() as folder:
            _done[id(case)] = run(case, Path(folder))
    return _done[id(case)]


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_told(case: Case | PythonCase) -> None:
    done = outcome(case)
    status = case.status if isinstance(case, Case) else 2
    assert (done.status, done.out) == (status, ""), done.err
    *remarks, line = [text for text in done.err.splitlines() if not text.startswith("  ")]
    assert line.startswith("nincost: error: "), done.err
    assert all(remark.startswith("nincost: ") for remark in remarks)
    assert "should not happen" not in line
    assert [word for word in case.says if word not in done.err] == [], done.err
    # What was wrong, and after a colon or a semicolon what to do about it.
    assert re.search(r"[:;] \S", line.removeprefix("nincost: error: ")), line


def test_every_message_has_a_case() -> None:
    everywhere = sites()
    reached = set().union(*(outcome(param.values[0]).sites for param in CASES))
    missing = set(everywhere) - reached - set(UNREACHED)
    assert "\n".join(sorted(missing)) == ""
    assert sorted(set(UNREACHED) - set(everywhere)) == [], "no longer there"
    assert sorted(set(UNREACHED) & reached) == [], "reached after all"
