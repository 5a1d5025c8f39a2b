"""Runs a script, unchanged, on GPUs that are not there, and reports the memory that it took."""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nincost import _units as units
from nincost._devices.cards import Gpu
from nincost._emulator import analysis as of_rank
from nincost._emulator.analysis import Analysis, analyse
from nincost._emulator.failure import failure_of, ran_out_of_memory
from nincost._emulator.observe.observer import Orders
from nincost._emulator.observe.own_runtime import sentence
from nincost._emulator.ranks.kinds import Kinds, written
from nincost._emulator.ranks.runner import RankRunner
from nincost._emulator.results import RankRun, Run, RunTotals
from nincost._emulator.run_options import (
    ALL_DIFFERENT,
    Script,
    capacity_in_bytes,
    check_count,
    check_timed,
    check_timeout,
    find_card,
    find_script,
    parse_ranks,
    size_in_bytes,
)
from nincost._emulator.supervise import Finished, Progress
from nincost._emulator.time_results import ScriptTime, time_notes
from nincost._emulator.values.kernels import check_routing, parse_fraction
from nincost._environment import __version__
from nincost.errors import ModelError

if TYPE_CHECKING:
    from nincost._memory.replay import Simulation


def run(
    script: str | Path,
    args: Sequence[str] = (),
    *,
    module: bool = False,
    gpu: str | None = None,
    ranks: int = 1,
    ranks_per_node: int = 8,
    rank: int | str | Sequence[int] = "0",
    steps: int | None = 3,
    calls: int | None = None,
    until_exit: bool = False,
    until_repeated: bool = False,
    budget: int | str | None = None,
    capacity: int | str | None = None,
    assume: str = "all",
    routing: str = "balanced",
    initialize: bool = False,
    time: bool = False,
    timeout: float | None = None,
    python: str | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Run:
    """Run a script, unchanged, on an emulated GPU, and report the memory that it takes.

    PyTorch's own CUDA build runs the script over a CUDA in which kernels do nothing: what it
    dispatches, allocates and frees is as on the card, values are not. The script's own output goes
    to stderr.

    Args:
        script: a file, as one would give it to Python; args: its own arguments.
        module: whether `script` is a module's name, as after `python -m`.
        gpu: the card, such as `h100`, or a size such as `24GiB`; an 80 GB A100 where None.
        ranks: how many ranks the script sees, as one of them; ranks_per_node: how many of them
            share a machine.
        rank: which of them are run, one after the other: a number, `0,7`, a list of numbers, or
            `all-different`, which finds the kinds of ranks and runs one of each.
        steps: optimizer steps after which the script is ended; calls: calls of the outermost
            module, for scripts without an optimizer; until_exit: it ends by itself;
            until_repeated: end it, too, when a whole step has set no new peak.
        budget: what the process may take, in bytes or as `22GiB`; the result says whether it does.
        capacity: bytes that the card has, where not its own: `unlimited` goes on past its end and
            finds the whole need.
        assume: how much of a mask is set whose values only a card would know: `all`, `half`,
            `none` or a fraction.
        routing: how a router of experts chooses: `balanced`, or `first`, the first ones for all.
        initialize: fill large tensors on the CPU as ever; else their initializers are skipped.
        time: predict how long a step takes, too, of what one step more launches.
        timeout: seconds after which a rank is ended.
        python: the interpreter whose torch runs the script; this one where None.
        progress: called a few times a second with where the script is.

    Raises:
        InputError: no such script or card, or options that do not fit.
        EmulatorError: the emulated GPU cannot be made or run here.
        ModelError: the script failed, or ended, before it allocated anything on the GPU.

    Examples:
        >>> nincost.run("train.py", ["--batch-size", "32"], gpu="h100").totals.fits
        True
    """
    interpreter = python or sys.executable
    what = find_script(script, args, module=module, python=interpreter)
    card = find_card(gpu)
    numbers = parse_ranks(rank, ranks, ranks_per_node)
    if time:
        check_timed(gpu, until_exit=until_exit)
    orders = Orders(
        output="",
        steps=None if until_exit or calls is not None else check_count("steps", steps),
        calls=None if until_exit or calls is None else check_count("calls", calls),
        until_repeated=until_repeated,
        timeout=check_timeout(timeout),
        time=card.name if time else "",
    )
    limit = capacity_in_bytes(capacity)
    parse_fraction(assume)
    allowed = size_in_bytes("budget", budget)
    settings = {
        "steps": orders.steps, "calls": orders.calls, "until_exit": until_exit,
        "until_repeated": until_repeated, "ranks": ranks, "ranks_per_node": ranks_per_node,
        "rank": ALL_DIFFERENT if numbers is None else numbers, "budget_bytes": allowed,
        "capacity_bytes": limit, "timeout": timeout, "assume": assume,
        "routing": check_routing(routing), "initialize": initialize, "time": time,
    }  # fmt: skip
    kinds: Kinds | None = None
    collected = Collected(what, card, settings)
    with tempfile.TemporaryDirectory(prefix="nincost-ranks-") as folder:
        runner = RankRunner(what, orders, card, settings, Path(folder), interpreter, progress)
        if numbers is None:
            kinds = runner.run_kinds(collected.add)
        else:
            for number, finished in runner.run_each(numbers):
                collected.add(number, finished)
    return collected.result(kinds)


@dataclass(slots=True)
class Collected:
    """Ranks that have been run; of those but the one that takes most the history is forgotten."""

    what: Script
    card: Gpu
    settings: Mapping[str, Any]
    ranks: dict[int, RankRun] = field(default_factory=dict)
    largest: tuple[int, Finished, Analysis] | None = None
    time: ScriptTime | None = None

    def add(self, number: int, finished: Finished) -> Hashable:
        """What it returns is equal for ranks that allocate alike: in each step and phase."""
        if finished.recording is None:
            raise ModelError(finished.describe(self.what.title))
        analysis = analyse(finished.recording, self.card)
        rank = _rank(self.what, number, finished.recording, analysis, self.settings)
        self.ranks[number] = rank
        if self.largest is None or rank.process_bytes > self.ranks[self.largest[0]].process_bytes:
            self.largest = number, finished, analysis
        if "launches" in finished.recording:
            self._add_time(number, finished.recording["launches"])
        steps = [(s.peak_allocated_bytes, s.peak_reserved_bytes, *s.phases.items(),
                  *s.phase_peaks.items()) for s in rank.steps]  # fmt: skip
        return (rank.peak_allocated_bytes, rank.out_of_memory is None, rank.ended, *steps)

    def _add_time(self, number: int, launches: Mapping[str, Any]) -> None:
        from nincost._emulator.timing import time_of_rank  # which imports torch

        found = time_of_rank(launches, self.card, self.settings["ranks_per_node"], number)
        if self.time is None or found.step_seconds > self.time.step_seconds:
            self.time = found

    @property
    def largest_rank(self) -> int | None:
        return self.largest[0] if self.largest else None

    def result(self, kinds: Kinds | None = None) -> Run:
        """What all ranks took; of the one that takes most, what holds it.

        Args:
            kinds: which ranks stand for which, where that was asked.
        """
        assert self.largest is not None
        number, finished, chosen = self.largest
        recording = finished.recording
        assert recording is not None
        if chosen.peak < 0:
            raise ModelError(self.ranks[number].failure or _nothing_allocated(self.what, recording))
        found = self.ranks
        if kinds is not None:
            found = {
                rank: replace(found[rank], stands_for=written(alike))
                for rank, alike in kinds.members.items()
            }
        fits = all(r.out_of_memory is None for r in found.values()) and (
            max(r.process_bytes for r in found.values()) <= self.card.memory_bytes
        )
        settings = self.settings
        return Run(
            script=self.what.title,
            arguments=self.what.arguments,
            gpu=self.card.title,
            world_size=max(settings["ranks"], recording["observed"]["world_size"]),
            settings=settings,
            totals=_totals(
                chosen, self.ranks[number], self.card, settings["budget_bytes"], fits=fits
            ),
            layers=of_rank.layers_at_peak(chosen),
            lines=of_rank.lines_at_peak(chosen),
            ranks=tuple(found.values()),
            rank_kinds=kinds,
            time=self.time,
            uncounted=tuple(recording.get("not_emulated", ())),
            assumed=of_rank.assumed_of(recording),
            notes=(*_notes(recording, chosen), *time_notes(self.time, asked=settings.get("time"))),
            environment={
                "nincost": __version__,
                **{name: str(value) for name, value in (recording["torch"] or {}).items() if value},
            },
            make_history=functools.partial(_history, chosen),
            snapshot=finished.snapshot,
        )


def _history(analysis: Analysis) -> Simulation:
    from nincost._emulator.simulation import simulation  # which imports torch

    return simulation(analysis)


def _rank(
    what: Script, number: int, recording: Mapping[str, Any], analysis: Analysis,
    settings: Mapping[str, Any],
) -> RankRun:  # fmt: skip
    ended = recording["ended"]
    out_of_memory = ran_out_of_memory(ended)
    failures = of_rank.failures_of(analysis, number, ended_by_it=out_of_memory)
    return RankRun(
        rank=number,
        peak_allocated_bytes=analysis.peak_allocated,
        peak_reserved_bytes=analysis.peak_reserved,
        process_bytes=analysis.process_bytes,
        steps=of_rank.steps_of(analysis),
        out_of_memory=next((f for f in failures if not f.caught), None),
        caught=tuple(f for f in failures if f.caught),
        ended=ended["how"],
        failure=failure_of(
            ended, what.title, _waited_for(recording, settings), of_rank.assumed_of(recording)
        ),
        unit="call" if analysis.by_call else "step",
    )


def _waited_for(recording: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    observed = recording["observed"]
    if settings["calls"] is not None:
        return f"call {observed['calls'] + 1} of {settings['calls']} of the outermost module"
    if settings["steps"] is None:
        return "the script's end"
    seen = observed["steps"]
    words = f"optimizer step {seen + 1} of {settings['steps']}"
    return words if seen else f"{words}, and has seen none (--calls where nothing is trained)"


def _totals(
    analysis: Analysis, rank: RankRun, card: Gpu, budget: int | None, *, fits: bool
) -> RunTotals:
    row, origin = analysis.peak_row, analysis.peak_origin()
    line = origin.line if origin else None
    return RunTotals(
        peak_allocated_bytes=rank.peak_allocated_bytes,
        peak_reserved_bytes=rank.peak_reserved_bytes,
        process_bytes=rank.process_bytes,
        fits=fits,
        peak_phase=of_rank.public_phase(row.phase),
        peak_layer=of_rank.layer_of(analysis, row) or (origin.layer if origin else ""),
        peak_op=analysis.peak_operator(),
        peak_line=f"{os.path.basename(line[0])}:{line[1]}" if line else "",
        peak_code=of_rank.code_at(line),
        peak_step=row.call if analysis.by_call else row.step,
        categories_at_peak=of_rank.categories_at_peak(analysis),
        phases=of_rank.phases_of(analysis, rank.steps),
        measured=None,
        peak_requested_bytes=analysis.history.requested_peak,
        cached_bytes=rank.peak_reserved_bytes - rank.peak_allocated_bytes,
        context_bytes=analysis.context_bytes,
        outside_bytes=analysis.outside_bytes,
        nccl_bytes=analysis.nccl.bytes,
        nccl_range_bytes=(analysis.nccl.least, analysis.nccl.most),
        card_bytes=card.memory_bytes,
        budget_bytes=budget,
    )


def _notes(recording: Mapping[str, Any], analysis: Analysis) -> tuple[str, ...]:
    """What a careful reader should know of this run."""
    observed, ended = recording["observed"], recording["ended"]
    notes = list(observed["notes"])
    if ended["how"] in ("exit", "interrupt", "terminated") and not observed["steps"]:
        notes.append("no optimizer step was seen: the figures are of all that ran")
    elif ended["how"] in ("interrupt", "terminated"):
        notes.append(f"interrupted after {observed['steps']} steps")
    if not analysis.history.complete:
        notes.append(
            "the beginning of the allocator's history was lost: categories and lines of the "
            "oldest blocks are unknown"
        )
    retries = analysis.counters.get("retries", 0)
    if retries:
        times = "once" if retries == 1 else f"{retries} times"
        notes.append(
            f"the card was full {times}: the allocator gave its cached memory back and tried "
            "again, which takes time on a card"
        )
    fills, size = recording["not_initialized"]
    if fills:
        what = "1 fill of a large tensor" if fills == 1 else f"{fills} fills of large tensors"
        notes.append(
            f"{what} on the CPU ({units.size(size)}) {'was' if fills == 1 else 'were'} skipped: no "
            "memory depends on their values; --initialize does them"
        )
    notes += filter(None, [sentence(recording["own_runtimes"])])
    devices = [d for d in recording["devices"] if d["reserved_peak"]]
    if len(devices) > 1:
        notes.append(
            f"the script used {len(devices)} GPUs in one process: the figures are of the one that "
            "most was allocated on"
        )
    return tuple(notes)


def _nothing_allocated(what: Script, recording: Mapping[str, Any]) -> str:
    if recording["torch"] is None:
        return f"{what.title} ended and has not imported torch: expected a script that uses a GPU"
    return (
        f"{what.title} ended, and torch allocated nothing on the GPU: does it move its model to "
        "'cuda'? torch.cuda.is_available() is True here"
    )
