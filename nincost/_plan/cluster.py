"""Predicts a sweep's cells on a Dask cluster, whose scheduler does what there is to schedule."""

from __future__ import annotations

import contextlib
import importlib
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, as_completed
from typing import Any

from nincost._plan.cells import Answer, Cell, predict_cell, versions
from nincost._plan.kubernetes import dask_on_kubernetes
from nincost._progress import advance
from nincost.errors import InputError, described, one_line

#: Clusters by name, and the class that makes each by its own configuration.
CLUSTERS = {
    "local": ("distributed", "LocalCluster"),
    "slurm": ("dask_jobqueue", "SLURMCluster"),
    "k8s": ("dask_kubernetes.operator", "KubeCluster"),
}
#: Seconds in which a scheduler must answer.
_ANSWERS_WITHIN = 10


@contextlib.contextmanager
def connected(scheduler: str | None, cluster: str | None, workers: int | None) -> Iterator[Any]:
    """A client of a running scheduler, or of a cluster that is started and closed again.

    Raises:
        InputError: Dask is not installed, nothing answers, or the cluster cannot be started.
    """
    distributed = _need("distributed")
    with contextlib.ExitStack() as stack:
        if cluster is not None:
            advance(f"starting a {cluster} cluster", 0)
            try:
                made = stack.enter_context(_started(cluster, workers))
                client = stack.enter_context(distributed.Client(made))
            except InputError:
                raise
            except Exception as error:
                raise InputError(
                    f"the {cluster} cluster cannot be started ({described(error)}): see the "
                    f"configuration of {CLUSTERS[cluster][0].partition('.')[0]}"
                ) from error
            yield client
            return
        try:
            client = distributed.Client(scheduler, timeout=_ANSWERS_WITHIN)
        except (OSError, ValueError, TypeError, ImportError) as error:
            raise InputError(
                f"no Dask scheduler answers at {scheduler!r} ({one_line(error)}): start one with "
                "dask scheduler, and give its address, such as tcp://10.0.0.5:8786"
            ) from error
        yield stack.enter_context(client)


@contextlib.contextmanager
def _started(cluster: str, workers: int | None) -> Iterator[Any]:
    package, name = CLUSTERS[cluster]
    kind = getattr(_need(package), name)
    if cluster == "k8s":
        with dask_on_kubernetes(kind, workers) as made:
            yield made
    elif cluster == "local":
        with kind(n_workers=workers, threads_per_worker=1, dashboard_address=None) as made:
            yield made
    else:
        if workers is None:
            raise InputError(f"a {cluster} cluster has no workers unless told: give --workers N")
        submits = kind.job_cls.submit_command.split()[0]
        if shutil.which(submits) is None:  # dask-jobqueue would only log it, and wait for ever
            raise InputError(f"there is no {submits} here: run the sweep where jobs are submitted")
        with kind() as made:
            made.scale(workers)
            yield made


def _need(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        name = package.partition(".")[0].replace("_", "-")
        raise InputError(
            f"a sweep on a cluster needs {name} ({one_line(error)}): pip install {name}"
        ) from error


def on_cluster(cells: Sequence[Cell], client: Any) -> Iterator[tuple[Cell, Answer]]:
    """Predict cells on a cluster's workers, in the order in which they end.

    What a worker had that died, the scheduler gives to another one; a cell with which several died
    (Dask's `allowed-failures`) is tried again when the others have ended, and with which several
    died while it was alone has failed.

    Raises:
        InputError: a worker lacks nincost or torch, or has other versions; or the scheduler is
            gone.
    """
    advance("waiting for a worker", 0)
    client.wait_for_workers(1)
    _check_workers(client)
    executor = client.get_executor(pure=False)
    try:
        charged = []
        for cell, future in _ended(executor, cells):
            if _killed(future):
                charged.append(cell)
            else:
                yield cell, _answer(future)
        for cell in charged:  # now alone on the cluster, a cell answers for its own deaths only
            for _, future in _ended(executor, [cell]):
                yield cell, _answer(future)
    finally:
        executor.shutdown(wait=False)


def _ended(executor: Any, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Any]]:
    """Cells in the order in which they end, each with its future."""
    running = {
        executor.submit(predict_cell, c.command, c.model, c.gpu, dict(c.given)): c for c in cells
    }
    # A future that is dropped is one whose answer no other worker computes again.
    for future in as_completed(list(running)):
        yield running.pop(future), future


def _killed(future: Any) -> bool:
    """Whether Dask gave a cell up, as too many workers died that had it.

    Dask charges a death to each task that the worker held, also to those that only waited there.
    """
    return type(future.exception()).__name__ == "KilledWorker" if not future.cancelled() else False


def _answer(future: Any) -> Answer:
    try:
        return Answer(**future.result())
    except CancelledError as error:
        raise InputError(
            "the scheduler is gone, or has dropped a cell: start it again and run the same sweep, "
            "which goes on"
        ) from error
    except ModuleNotFoundError as error:
        raise InputError(
            f"a worker lacks a module ({one_line(error)}): install nincost there as here, and run "
            "the same sweep, which goes on"
        ) from error
    except Exception as error:  # KilledWorker, and what could not be sent
        return Answer(described(error), {})


def _check_workers(client: Any) -> None:
    """Refuse workers that would give other figures, or none."""
    mine = versions()
    for worker, found in client.run(versions, on_error="return").items():
        if isinstance(found, BaseException):
            raise InputError(
                f"the worker {worker} cannot predict ({described(found)}): install nincost and "
                "torch there as here"
            )
        other = {name for name in ("nincost", "torch") if found.get(name) != mine[name]}
        for name in sorted(other):
            raise InputError(
                f"the worker {worker} has {name} {found.get(name)}, and this machine "
                f"{mine[name]}: install one version everywhere"
            )
