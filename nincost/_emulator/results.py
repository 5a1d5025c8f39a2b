"""What a script took on the emulated GPU: plain values, all sizes in bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from nincost._files import write_file
from nincost._memory.results import EMULATED_CATEGORIES, LayerMemory
from nincost._result import Result, Tabular, plain, render

if TYPE_CHECKING:
    from pathlib import Path

    from nincost._emulator.ranks.kinds import Kinds
    from nincost._emulator.time_results import ScriptTime
    from nincost._memory.replay import Simulation

RUN_CATEGORIES = EMULATED_CATEGORIES

#: The columns of a run's CSV: what each line of the user's code and each layer holds at the peak.
RUN_COLUMNS = ("line", "function", "via", "layer", "bytes", *RUN_CATEGORIES)


@dataclass(frozen=True, slots=True)
class LineMemory:
    """What was allocated by one line of the user's code in one layer, and is held at the peak.

    `line` is `train.py:88`, `code` its text; both are empty for what no line of the user's did.
    `via` is the innermost line of a library that was called there, such as transformers.
    """

    line: str
    function: str
    code: str
    via: str
    via_code: str
    layer: str
    bytes: int
    categories: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """A request that the card had no memory for.

    Attributes:
        requested_bytes: what was asked for when it failed.
        allocated_bytes, reserved_bytes: what torch's tensors and its allocator held then.
        free_bytes: what the card still had; shortfall_bytes: how much more that request needed, of
            a segment for it alone.
        caught: whether the script went on after it.
    """

    rank: int
    step: int
    phase: str
    layer: str
    line: str
    code: str
    requested_bytes: int
    allocated_bytes: int
    reserved_bytes: int
    free_bytes: int
    shortfall_bytes: int
    caught: bool

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


@dataclass(frozen=True, slots=True)
class RunStep:
    """One optimizer step (or, without an optimizer, one call of the outermost module).

    `phase_peaks` has the most that was allocated in each phase, `phases` what was allocated when a
    phase had ended.
    """

    step: int
    peak_allocated_bytes: int
    peak_reserved_bytes: int
    process_bytes: int
    peak_phase: str
    phase_peaks: Mapping[str, int]
    phases: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


@dataclass(frozen=True, slots=True)
class RankRun:
    """What one rank took.

    Attributes:
        steps: those that were seen, a last one that was not finished among them.
        out_of_memory: the failure that ended the script; None where none did.
        caught: failures that the script caught and went on after.
        ended: why it ended: `steps`, `calls`, `repeated`, `exit`, `exception`, `interrupt`
            (Ctrl-C), `terminated` (SIGTERM, SIGHUP), `timeout`.
        failure: what it raised, or that it was killed; empty where it ended well.
        unit: what `steps` are: `step` of an optimizer, or `call` of the outermost module where none
            was seen.
        stands_for: the ranks that allocate like it, itself among them, as `0-7,16`, or `0-14/2` for
            every second one; empty where that was not asked.
    """

    rank: int
    peak_allocated_bytes: int
    peak_reserved_bytes: int
    process_bytes: int
    steps: tuple[RunStep, ...]
    out_of_memory: OutOfMemory | None
    caught: tuple[OutOfMemory, ...]
    ended: str
    failure: str
    unit: str = "step"
    stands_for: str = ""

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a card would have computed, and had to be assumed at one line.

    Attributes:
        kind: `size` (how many elements an operator found: memory depends on it), `value` (a number
            read back, which the script's control flow may depend on), `choice` (which kernel
            autotuning would take).
        name: the operator or kernel; detail: what was assumed the first time.
        line, code, via: as in `LineMemory`; count: how often.
        varies: whether it was something else at another time.
    """

    kind: str
    name: str
    detail: str
    line: str
    code: str
    via: str
    count: int
    varies: bool

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


@dataclass(frozen=True, slots=True)
class RunTotals:
    """The rank that takes most.

    Attributes:
        peak_allocated_bytes: `torch.cuda.max_memory_allocated`.
        peak_reserved_bytes: `torch.cuda.max_memory_reserved`.
        process_bytes: reserved, the CUDA context, NCCL's buffers and what other libraries took
            beside torch: what nvidia-smi shows.
        fits: whether the script ended without running out of memory and the card has
            `process_bytes`.
        peak_phase, peak_layer, peak_op, peak_line, peak_code, peak_step: where the peak was reached
            first; `peak_op` is the innermost Python function.
        categories_at_peak: sum to `peak_allocated_bytes`.
        phases: allocated when a phase of the last whole step had ended.
        nccl_bytes: what NCCL's communicators hold, modelled; nccl_range_bytes: the least and the
            most that it may be.
        card_bytes: what the card has; budget_bytes: what was allowed, None where nothing was said.
    """

    peak_allocated_bytes: int
    peak_reserved_bytes: int
    process_bytes: int
    fits: bool
    peak_phase: str
    peak_layer: str
    peak_op: str
    peak_line: str
    peak_code: str
    peak_step: int
    categories_at_peak: Mapping[str, int]
    phases: Mapping[str, int]
    measured: None
    peak_requested_bytes: int
    cached_bytes: int
    context_bytes: int
    outside_bytes: int
    nccl_bytes: int
    nccl_range_bytes: tuple[int, int]
    card_bytes: int
    budget_bytes: int | None

    def to_dict(self) -> dict[str, Any]:
        return plain(self)


@dataclass(frozen=True, slots=True, repr=False)
class Run(Result):
    """A script that ran on the emulated GPU. `print` it, or take `totals`, `lines` and `layers`.

    Attributes:
        script: as it was given, `-m` with it where it is a module; arguments: the script's own.
        gpu: the card that was emulated; world_size: how many ranks the script saw.
        settings: nincost's options as plain values.
        totals: the rank that takes most.
        layers: what each layer holds at the peak of that rank; lines: the same by line and layer.
        ranks: each rank that was run; of `--rank all-different` one of each kind.
        rank_kinds: how those were found; None where that was not asked.
        time: how long a step takes, of the rank that takes longest; None where that was not asked.
        uncounted: functions of CUDA's libraries that were called and are not emulated.
        assumed: what the card would have computed and was assumed on that rank.
        notes: what a careful reader should know.
        environment: versions.
        make_history: makes `history`, which imports torch; snapshot: torch's own, as it was
            pickled in the script's process. Neither is in `to_dict`.
    """

    renderers: ClassVar[str] = "run"

    script: str
    arguments: tuple[str, ...]
    gpu: str
    world_size: int
    settings: Mapping[str, Any]
    totals: RunTotals
    layers: tuple[LayerMemory, ...]
    lines: tuple[LineMemory, ...]
    ranks: tuple[RankRun, ...]
    rank_kinds: Kinds | None = None
    time: ScriptTime | None = None
    uncounted: tuple[str, ...] = ()
    assumed: tuple[Assumed, ...] = ()
    notes: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    make_history: Callable[[], Simulation] | None = field(default=None, compare=False, repr=False)
    snapshot: bytes | None = field(default=None, compare=False)

    @property
    def history(self) -> Simulation | None:
        """Every allocation of that rank, for pictures; None of a result that was made by hand."""
        return None if self.make_history is None else self.make_history()

    @property
    def failure(self) -> str:
        """Why the script did not end well; empty where it did, or ran out of memory."""
        return next((r.failure for r in self.ranks if r.failure and not r.out_of_memory), "")

    @property
    def exceeds_budget(self) -> bool:
        """Whether it takes more than was allowed."""
        budget = self.totals.budget_bytes
        return budget is not None and self.totals.process_bytes > budget

    @property
    def exit_status(self) -> int:
        """The command's: 2 where the script failed, 1 where it does not fit, else 0.

        130 where it was interrupted (Ctrl-C), and 143 by SIGTERM, as shells have it.
        """
        signals = {"interrupt": 130, "terminated": 143}
        for rank in self.ranks:
            if rank.ended in signals:
                return signals[rank.ended]
        if self.failure:
            return 2
        return 0 if self.totals.fits and not self.exceeds_budget else 1

    def to_dict(self) -> dict[str, Any]:
        """The JSON document's content."""
        return {
            "schema": 1,
            "command": "run",
            "kind": "emulated",
            "model": self.script,
            "input": [],
            "script": self.script,
            "arguments": list(self.arguments),
            "gpu": self.gpu,
            "world_size": self.world_size,
            "settings": dict(self.settings),
            "environment": dict(self.environment),
            "totals": self.totals.to_dict(),
            "layers": [layer.to_dict() for layer in self.layers],
            "lines": [line.to_dict() for line in self.lines],
            "ranks": [rank.to_dict() for rank in self.ranks],
            "rank_kinds": self.rank_kinds and self.rank_kinds.to_dict(),
            "time": self.time and self.time.to_dict(),
            "uncounted": list(self.uncounted),
            "assumed": [one.to_dict() for one in self.assumed],
            "notes": list(self.notes),
        }

    def tabular(self) -> Tabular:
        """A row for each line and layer that hold something at the peak; they sum to the peak."""
        records = ({**line.to_dict(), **line.categories} for line in self.lines)
        return Tabular.of(RUN_COLUMNS, records)

    def headline(self) -> dict[str, Any]:
        return {
            "script": self.script, "gpu": self.gpu,
            "peak_allocated_bytes": self.totals.peak_allocated_bytes,
            "process_bytes": self.totals.process_bytes, "fits": self.totals.fits,
        }  # fmt: skip

    def to_snapshot(self, path: str | Path, *, force: bool = False) -> None:
        """torch's own snapshot of the rank that takes most, for pytorch.org/memory_viz.

        Raises:
            OutputError: the file cannot be written.
            ValueError: the result was read from elsewhere and has no snapshot.
        """
        write_file(path, render(self, "snapshot"), force=force)
