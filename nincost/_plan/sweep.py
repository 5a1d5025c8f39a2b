"""`nincost.sweep`: many predictions in one table."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nincost._canonical_names import canonical_name
from nincost._environment import environment
from nincost._plan.cells import Answer, Cell
from nincost._plan.cluster import CLUSTERS, connected, on_cluster
from nincost._plan.journal import open_journal
from nincost._plan.sweep_file import read_sweep
from nincost._plan.sweep_results import Sweep, SweepRow, SweepTotals
from nincost._plan.workers import on_processes, refuse_while_starting
from nincost._progress import advance
from nincost._step.option_fields import check_count
from nincost.errors import InputError


def sweep(
    file: str | Path | Mapping[str, Any],
    *,
    journal: str | Path | None = None,
    retry_failed: bool = False,
    trust: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    cluster: str | None = None,
) -> Sweep:
    """Predict models x settings x cards, each by any of profile, memory, fit and time.

    What is answered is kept in a journal at once, so a sweep that was stopped, by SIGKILL too, goes
    on where it was: no cell is predicted twice. A cell that fails is a row with its reason. Cells
    are predicted in processes of this machine, or on a Dask cluster.

    Args:
        file: a TOML file, or a mapping with its keys: `models`, `commands`, `gpus`, `options`,
            `settings`; docs/sweep.md has them.
        journal: the file that keeps the answers. Default: the TOML file's name with the ending
            `.sweep.jsonl`; of a mapping nothing is kept.
        retry_failed: predict again what failed when the journal was written.
        trust: let the file name models of files and modules, whose code runs.
        workers: processes; as many as this machine has cores where None. Of a cluster that is
            started its workers, of which slurm and k8s have none unless told.
        scheduler: the address of a Dask cluster that runs, such as `tcp://10.0.0.5:8786`.
        cluster: start one: `local`, `slurm` or `k8s`, by Dask's own configuration of it.

    Returns:
        A `Sweep`: a row for each cell.

    Raises:
        InputError: the file, or the cluster, will not do; the message says what to try.
        OutputError: the journal cannot be written.

    Examples:
        >>> nincost.sweep({"models": ["two-1x1"], "commands": ["profile"]}).rows[0].figures["macs"]
        762297352
    """
    refuse_while_starting()
    if scheduler is not None and (cluster is not None or workers is not None):
        raise InputError(
            "scheduler names a cluster that runs, with its own workers: leave cluster and workers "
            "out"
        )
    if cluster is not None:
        cluster = canonical_name("cluster", cluster, CLUSTERS)
    if workers is not None:
        check_count("workers", workers)
    cells = read_sweep(file, trust=trust)
    path = None if journal is None else Path(journal)
    if path is None and not isinstance(file, Mapping):
        path = Path(file).expanduser().with_suffix(".sweep.jsonl")
    with open_journal(path) as kept:
        todo = [
            cell
            for cell in cells
            if cell.key not in kept.known or (retry_failed and kept.known[cell.key].reason)
        ]
        for cell, answer in _shown(_answers(todo, workers, scheduler, cluster), len(todo)):
            kept.add(cell.key, answer)
        rows = tuple(_row(cell, kept.known[cell.key]) for cell in cells)
    failed = sum(row.failed for row in rows)
    return Sweep(
        rows=rows,
        totals=SweepTotals(len(rows), failed, len(rows) - len(todo)),
        journal=str(path or ""),
        environment=environment(),
    )


def _answers(
    todo: Sequence[Cell], workers: int | None, scheduler: str | None, cluster: str | None
) -> Iterator[tuple[Cell, Answer]]:
    if not todo:
        return
    if scheduler is None and cluster is None:
        yield from on_processes(todo, min(workers or _cores(), len(todo)))
        return
    with connected(scheduler, cluster, workers) as client:
        yield from on_cluster(todo, client)


def _shown(answers: Iterator[tuple[Cell, Answer]], total: int) -> Iterator[tuple[Cell, Answer]]:
    """Says how far it has come."""
    failed = 0
    advance(f"{total} cells", 0, total)
    for done, (cell, answer) in enumerate(answers, 1):
        yield cell, answer
        failed += bool(answer.reason)
        ends = f" ({failed} failed)" if failed else ""
        advance(f"{cell.words}{ends}", done, total)


def _cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _row(cell: Cell, answer: Answer) -> SweepRow:
    return SweepRow(
        command=cell.command, model=cell.model, gpu=cell.gpu, settings=cell.settings,
        reason=answer.reason, figures=answer.figures, uncounted=answer.uncounted,
        seconds=answer.seconds,
    )  # fmt: skip
