"""A described step's memory, from PyTorch's own CUDA code: every rank that differs."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, NoReturn

from nincost import errors
from nincost._emulator.described.warm import WarmProcess
from nincost._emulator.failure import ran_out_of_memory
from nincost._emulator.launch import UNLIMITED, environment
from nincost._emulator.observe.observer import Orders
from nincost._emulator.ranks.communicators import nccl_of
from nincost._emulator.ranks.runner import RankRunner
from nincost._emulator.results import RankRun, Run
from nincost._emulator.run import Collected
from nincost._emulator.run_options import ALL_DIFFERENT, Script
from nincost._emulator.supervise import Finished
from nincost._measure.measure import make_job, variables_of
from nincost._memory.results import Memory, MemoryTotals, RankMemory
from nincost._step.convert import inputs_of
from nincost._step.parallel import Parallel
from nincost._step.request import Request, refuse_own_step
from nincost.errors import ModelError, NincostError

#: The first makes the optimizer's state, the second is where the peak usually is, the third shows
#: that it repeats.
STEPS = 3

#: Ranks whose peaks alone are asked for, at once.
MOST_AT_ONCE = 4

#: The program that runs a job.
PROGRAM = "nincost._emulator.described"


def start_process(request: Request) -> WarmProcess:
    """A process that answers for steps of a request's card and settings of torch.

    Raises:
        EmulatorError: there can be no emulated GPU here.
    """
    return WarmProcess(request.card.gpu, variables_of(request))


def emulated_memory(
    request: Request, parallel: Parallel, process: WarmProcess, *, whole: bool = True
) -> Memory:
    """Run a step's ranks on the emulated GPU.

    Args:
        request: the step, on a card.
        parallel: how it is spread over ranks.
        process: of the request's card.
        whole: run a step that has no memory again on a card without end, for what it needs in all.

    Raises:
        InputError: the step is of one's own, or options do not fit the model.
        ModelError: PyTorch could not run the step.
    """
    refuse_own_step(request, "a step on several ranks")
    asked = _Asked(request, parallel, process)
    run = asked.run(None)
    failed = tuple(rank for rank in run.ranks if rank.out_of_memory is not None)
    if failed and whole:
        run = asked.run(UNLIMITED)
    return _described(request, parallel, run, failed)


def rank_launches(
    request: Request, parallel: Parallel, process: WarmProcess, ranks: Sequence[int]
) -> list[Mapping[str, Any]]:
    """What each of these ranks launches in a step: for its time, whether or not it has the memory.

    Raises:
        NincostError: as `emulated_memory`.
    """
    refuse_own_step(request, "a step on several ranks")
    return _Asked(request, parallel, process).launches(ranks)


@dataclass(frozen=True, slots=True)
class Peaks:
    """What a rank takes, in bytes; `ran_out`: it had no memory, and the figures are no peaks."""

    allocated: int
    reserved: int
    process: int
    ran_out: bool


def rank_peaks(
    request: Request, parallel: Parallel, process: WarmProcess, steps: int = STEPS
) -> Peaks:
    """The peaks of rank 0 alone, without what holds them: where many steps are tried.

    Raises:
        NincostError: as `emulated_memory`.
    """
    with tempfile.TemporaryDirectory(prefix="nincost-") as name:
        path = _write_job(request, parallel, Path(name), steps)
        return _quick_peaks(request, parallel, process, path, 0, None)


def _quick_peaks(
    request: Request, parallel: Parallel, process: WarmProcess, job: Path, rank: int,
    capacity: int | None,
) -> Peaks:  # fmt: skip
    card = request.card.gpu
    variables = environment(
        card, capacity=capacity, rank=rank,
        world_size=parallel.ranks if parallel.ranks > 1 else None,
        ranks_per_node=parallel.ranks_per_node, journal=job.parent / "ranks", assume="all",
        routing="balanced",
    )  # fmt: skip
    found = process.run_quick(str(job), variables)
    model = request.step.model.name
    if found is None:
        raise ModelError(f"the step of {model} ended before anything could be recorded")
    if found["error"] and not found["out_of_memory"]:
        _raise(found["kind"], found["error"], model)
    found["communicators"] = [(n, used, bytes(p)) for n, used, p in found["communicators"]]
    nccl = nccl_of(found, card.title, card.capability)
    return Peaks(
        found["allocated"], found["reserved"],
        found["reserved"] + max(card.context_bytes, found["beside"]) + nccl.bytes,
        found["out_of_memory"],
    )  # fmt: skip


def _write_job(request: Request, parallel: Parallel, folder: Path, steps: int = STEPS) -> Path:
    job = make_job(request, steps, folder) | {"parallel": parallel.options()}
    path = folder / "job.json"
    path.write_text(json.dumps(job), encoding="utf-8")
    return path


def _raise(kind: str, text: str, model: str) -> NoReturn:
    """Raise what a step's process has raised: nincost's own errors as they are."""
    known = getattr(errors, kind, None)
    if isinstance(known, type) and issubclass(known, NincostError):
        raise known(text)
    raise ModelError(f"PyTorch cannot run this step of {model}: {text}")


@dataclass(frozen=True, slots=True)
class _Asked:
    request: Request
    parallel: Parallel
    process: WarmProcess

    def run(self, capacity: int | None) -> Run:
        """Run one rank of each kind on a card with so many bytes; None for the card's own."""
        parallel = self.parallel
        with tempfile.TemporaryDirectory(prefix="nincost-") as name:
            path, runner = self._runner(Path(name), capacity)
            collected = Collected(runner.what, self.request.card.gpu, runner.settings)

            def collect(number: int, finished: Finished) -> Hashable:
                self._check(finished)
                collected.add(number, finished)
                rank = collected.ranks[number]
                return (
                    rank.peak_allocated_bytes, rank.peak_reserved_bytes, rank.process_bytes,
                    rank.out_of_memory is not None,
                )  # fmt: skip

            def run_one(number: int) -> Hashable:
                peaks = _quick_peaks(self.request, parallel, self.process, path, number, capacity)
                collected.ranks[number] = RankRun(
                    number, peaks.allocated, peaks.reserved, peaks.process, (), None, (),
                    "exception" if peaks.ran_out else "steps", "",
                )  # fmt: skip
                return astuple(peaks)

            def run_quickly(numbers: Sequence[int]) -> list[Hashable]:
                with ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_AT_ONCE)) as pool:
                    return list(pool.map(run_one, numbers))

            kinds = runner.run_kinds(collect, run_quickly) if parallel.ranks > 1 else None
            if kinds is None:
                for number, finished in runner.run_each([0]):
                    collect(number, finished)
            else:  # of the one that takes most, what holds it is wanted, too
                wanted = max(kinds.members, key=lambda number: _need(collected.ranks[number]))
                if wanted != collected.largest_rank:
                    for number, finished in runner.run_each([wanted]):
                        collect(number, finished)
            return collected.result(kinds)

    def launches(self, ranks: Sequence[int]) -> list[Mapping[str, Any]]:
        """What each of these ranks launches in a step, as `nincost._emulator.timing` reads it."""
        found = []
        with tempfile.TemporaryDirectory(prefix="nincost-") as name:
            _, runner = self._runner(Path(name), UNLIMITED, time=self.request.card.gpu.name)
            for _, finished in runner.run_each(ranks):
                self._check(finished)
                assert finished.recording is not None
                found.append(finished.recording["launches"])
        return found

    def _runner(
        self, folder: Path, capacity: int | None, time: str = ""
    ) -> tuple[Path, RankRunner]:
        """The job's file, and what runs ranks of it; with `time` one step more, for its time."""
        parallel, step = self.parallel, self.request.step
        calls = STEPS if step.inference else None
        settings: dict[str, Any] = {
            "steps": STEPS, "calls": calls, "until_exit": False, "until_repeated": False,
            "ranks": parallel.ranks, "ranks_per_node": parallel.ranks_per_node,
            "rank": ALL_DIFFERENT, "budget_bytes": None, "capacity_bytes": capacity,
            "timeout": None, "assume": "all", "routing": "balanced", "initialize": False,
        }  # fmt: skip
        steps = None if step.inference else STEPS
        path = _write_job(self.request, parallel, folder, STEPS + bool(time))
        what = Script(PROGRAM, True, (str(path),))
        return path, RankRunner(
            what, Orders(output="", steps=steps, calls=calls, time=time), self.request.card.gpu,
            settings, folder / "ranks", sys.executable, None, self.process.run,
            self.process.accompany,
        )  # fmt: skip

    def _check(self, finished: Finished) -> None:
        """Raise what the step's process has raised, but for memory that it had not."""
        model = self.request.step.model.name
        if finished.recording is None:
            raise ModelError(finished.describe(f"the step of {model}"))
        ended = finished.recording["ended"]
        if ended["how"] != "exception":
            return
        kind, text = ended["chain"][0]
        name = kind.rpartition(".")[2]
        if ran_out_of_memory(ended):
            return
        line = next(iter(text.strip().splitlines()), "")
        _raise(name, text if hasattr(errors, name) else f"{name}: {line}", model)


def _need(rank: RankRun) -> tuple[bool, int]:
    """One that has no memory comes before all that have."""
    return rank.ended == "exception", rank.process_bytes


def _described(
    request: Request, parallel: Parallel, run: Run, failed: tuple[RankRun, ...]
) -> Memory:
    step, gpu, totals = request.step, request.card.gpu, run.totals
    inputs = inputs_of(step)
    low, high = gpu.context_range
    least, most = totals.nccl_range_bytes
    reserved, allocated = totals.peak_reserved_bytes, totals.peak_allocated_bytes
    notes = [*step.model.notes, *run.notes]
    if request.card.assumed:
        notes.append(
            f"no GPU was named, so the card is {request.card.title}: name yours with --gpu"
        )
    if failed:
        rank = failed[0]
        assert rank.out_of_memory is not None
        notes.append(
            f"rank {rank.rank} runs out of memory in {rank.out_of_memory.phase} of step "
            f"{rank.out_of_memory.step}: the figures are those of a card without end"
        )
    return Memory(
        model=step.model.name,
        input=inputs.specs,
        batch_size=inputs.batch_size,
        settings=request.options() | parallel.options(),
        gpu=request.card.title,
        totals=MemoryTotals(
            peak_allocated_bytes=allocated,
            peak_reserved_bytes=reserved,
            process_bytes=totals.process_bytes,
            peak_phase=totals.peak_phase,
            peak_layer=totals.peak_layer,
            peak_op=totals.peak_op,
            categories_at_peak=totals.categories_at_peak,
            phases=totals.phases,
            measured=None,
            peak_requested_bytes=totals.peak_requested_bytes,
            cached_bytes=reserved - allocated,
            context_bytes=totals.context_bytes,
            budget_bytes=request.card.budget_bytes,
            interval={
                "peak_allocated_bytes": (allocated, allocated),
                "peak_reserved_bytes": (reserved, reserved),
                "process_bytes": (
                    reserved + totals.outside_bytes + low + least,
                    reserved + totals.outside_bytes + high + most,
                ),
            },
            nccl_bytes=totals.nccl_bytes,
            ran_out=bool(failed),
        ),
        layers=run.layers,
        uncounted=run.uncounted,
        rules=(),
        notes=tuple(notes),
        details=tuple(
            f"assumed at {one.line or 'torch'}: {one.name}: {one.detail}" for one in run.assumed
        ),
        environment=run.environment,
        history=run.history,
        engine="emulated",
        ranks=tuple(
            RankMemory(
                rank.rank, rank.stands_for or str(rank.rank), rank.peak_allocated_bytes,
                rank.peak_reserved_bytes, rank.process_bytes,
            )
            for rank in run.ranks
        ),
    )  # fmt: skip
