"""The search of a plan: which ways fit, and at what batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from nincost import _units as units
from nincost._emulator.described.answer import Peaks
from nincost._memory.fit import at_batch_size
from nincost._plan.plan_results import PlanRow
from nincost._plan.ways import Way
from nincost._progress import advance
from nincost._step.command_line import command_line
from nincost._step.parallel import Parallel
from nincost._step.request import Request
from nincost.errors import ModelError, NincostError

#: The largest batch of a rank that is tried where no global one is given.
_LARGEST = 1 << 14
#: Accumulated backward passes that are run: memory repeats from the second on.
_PASSES = 2
#: A batch does not fit, and is not tried, where it is so many times the one that the line through
#: two that do gives, and takes so much more of the budget that steps of the allocator are small.
_CLEARLY = 1.25
_STEEP = 0.05
#: How many of the fastest ways are tried compiled, each with checkpointing or ranks of its own.
_COMPILED = 2


@dataclass(slots=True)
class Planner:
    """Tries ways, the leanest of each group first; `ask` gives the peaks of a step.

    `rate` gives its examples a second, and is None where they are not known. `share` is what a rank
    has of the global batch, None where that is free; `fixed` are the arguments that were given, for
    commands. With `tries_compiled` the fastest ways that fit are tried compiled, too.
    """

    request: Request
    parallel: Parallel
    budget: int
    share: int | None
    ask: Callable[[Request, Parallel], Peaks]
    rate: Callable[[Request, Parallel], float] | None
    fixed: Mapping[str, Any]
    workers: int
    tries_compiled: bool
    steps: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    least: tuple[int, Way] | None = None
    failures: dict[str, str] = field(default_factory=dict)
    known: dict[tuple[Way, int], Peaks | None] = field(default_factory=dict)
    slopes: dict[tuple[str, str], float] = field(default_factory=dict)

    def run(self, ways: Sequence[Way]) -> list[PlanRow]:
        """The ways that fit, each at its largest batch: the fastest first, else by memory."""
        with ThreadPoolExecutor(self.workers) as pool:
            rest = list(ways)
            for names in range(1, 4):
                rest = self._whose_leanest_fits(rest, names, pool)
            rows = list(pool.map(self._largest, rest))
        found = {way: row for way, row in zip(rest, rows, strict=True) if row}
        fitting = [*found.values(), *(self._compiled(found) if self.tries_compiled else [])]
        fitting.sort(key=_order)
        return [replace(row, on_front=self._is_on_front(row, fitting)) for row in fitting]

    def _compiled(self, found: Mapping[Way, PlanRow]) -> list[PlanRow]:
        """The fastest ways compiled, from the batch on that fits without."""
        order = sorted(found, key=lambda way: _order(found[way]))
        fastest: dict[tuple[str, str], Way] = {}
        for way in order:
            fastest.setdefault((way.parallel, way.checkpointing), way)
        chosen = list(fastest.values())[:_COMPILED]
        with ThreadPoolExecutor(_COMPILED) as pool:
            sizes = [found[way].batch_size for way in chosen]
            rows = list(pool.map(self._largest, [way.compiled() for way in chosen], sizes))
        return [row for row in rows if row is not None]

    def _whose_leanest_fits(self, ways: Sequence[Way], names: int, pool: Executor) -> list[Way]:
        """The ways without groups whose first one, the leanest, does not fit a batch of 1.

        Args:
            names: how many of a way's names those of a group share.
        """
        groups: dict[tuple[str, ...], list[Way]] = {}
        for way in ways:
            shared = (way.parallel, way.precision, way.optimizer_impl)[:names]
            groups.setdefault(shared, []).append(way)
        kept: list[Way] = []
        leanest = pool.map(self._first, [group[0] for group in groups.values()])
        for group, peaks in zip(groups.values(), leanest, strict=True):
            if peaks is None or self._fits(peaks):  # of what fails nothing is known of the others
                kept += group
            else:
                self.dropped["its leanest way does not fit a batch of 1"] += len(group) - 1
                self.dropped["does not fit a batch of 1"] += 1
        return kept

    def _is_on_front(self, row: PlanRow, rows: Sequence[PlanRow]) -> bool:
        """Whether none is as fast in less memory; without times, has as large a batch."""

        def worth(one: PlanRow) -> float:
            return one.batch_size if self.rate is None else one.examples_per_second or 0.0

        return not any(
            worth(other) >= worth(row)
            and other.process_bytes <= row.process_bytes
            and (worth(other), other.process_bytes) != (worth(row), row.process_bytes)
            for other in rows
        )

    def _fits(self, peaks: Peaks) -> bool:
        return not peaks.ran_out and peaks.process <= self.budget

    def _first(self, way: Way) -> Peaks | None:
        """A batch of 1; None where PyTorch cannot run such a step."""
        return self._peaks(way, 1)

    def _peaks(self, way: Way, batch: int) -> Peaks | None:
        key = (way, batch)
        if key not in self.known:
            self.known[key] = self._ask(way, batch)
        return self.known[key]

    def _ask(self, way: Way, batch: int) -> Peaks | None:
        advance(f"trying {way.title}, batch {batch}", self.steps)
        self.steps += 1
        step = self._step(way, batch)
        ranks = replace(self.parallel, **way.ranks)
        try:
            peaks = self.ask(step, ranks)
        except NincostError as error:
            if not isinstance(error, ModelError) and not way.compile:
                raise
            self.failures.setdefault(str(error), way.title)
            return None
        if (
            batch == 1
            and not peaks.ran_out
            and (self.least is None or peaks.process < self.least[0])
        ):
            self.least = peaks.process, way
        return peaks

    def _step(self, way: Way, batch: int) -> Request:
        changes: dict[str, Any] = dict(way.step)
        passes = self._passes(batch)
        if passes > 1:
            changes["grad_accumulation"] = min(passes, _PASSES)
        return at_batch_size(self.request, batch).changed(**changes)

    def _passes(self, batch: int) -> int:
        return 1 if self.share is None else self.share // batch

    def _batches(self) -> list[int]:
        if self.share is None:
            return [1 << n for n in range(_LARGEST.bit_length())]
        return [n for n in range(1, self.share + 1) if self.share % n == 0]

    def _largest(self, way: Way, least: int = 1) -> PlanRow | None:
        """The way at the largest batch that fits; None where not even `least` does."""
        batches = self._batches()
        place = batches.index(least)
        first = self._peaks(way, least)
        if first is None:
            self.dropped["PyTorch cannot run it"] += 1
            return None
        if not self._fits(first):
            words = f"compiled, does not fit the batch of {least} that fits without"
            self.dropped[words if way.compile else "does not fit a batch of 1"] += 1
            return None
        best = first
        known = {least: first.process}
        too_large = len(batches)
        while too_large - place > 1:
            following = place + 1
            slope = self._slope(way, known)
            if slope is not None:
                most = batches[place] + (self.budget - best.process) / slope
                more = slope * (batches[following] - batches[place])
                if batches[following] > _CLEARLY * most and more > _STEEP * self.budget:
                    break
                following = max(sum(batch <= most for batch in batches) - 1, following)
            tried = min(following, too_large - 1)
            peaks = self._peaks(way, batches[tried])
            if peaks is not None and self._fits(peaks):
                best, place = peaks, tried
                known[batches[tried]] = peaks.process
            else:
                too_large = tried
        return self._row(way, batches[place], best)

    def _slope(self, way: Way, known: Mapping[int, int]) -> float | None:
        """Bytes that an example more takes, by the two largest batches.

        Of one batch that of another way to share the model, which keeps the same activations.
        """
        kind = (way.checkpointing, way.precision)
        if len(known) > 1:
            low, high = sorted(known)[-2:]
            self.slopes[kind] = max((known[high] - known[low]) / (high - low), 1.0)
        return self.slopes.get(kind)

    def _row(self, way: Way, batch: int, peaks: Peaks) -> PlanRow:
        passes = self._passes(batch)
        given = dict(self.fixed)
        model = given.pop("model")
        given |= {**way.options, "batch_size": batch}
        if passes > 1:
            given["grad_accumulation"] = passes
        named = {name: value for name, value in given.items() if value is not None}
        rate = None
        if self.rate is not None:
            rate = self.rate(self._step(way, batch), replace(self.parallel, **way.ranks))
        defaults = {"activation_checkpointing": "none"}
        return PlanRow(
            parallel=way.parallel,
            activation_checkpointing=way.checkpointing,
            precision=way.precision,
            optimizer_impl=way.optimizer_impl,
            compile=way.compile or self.parallel.compile,
            batch_size=batch,
            grad_accumulation=passes,
            process_bytes=peaks.process,
            peak_reserved_bytes=peaks.reserved,
            peak_allocated_bytes=peaks.allocated,
            on_front=False,
            command=command_line("memory", [model], named, defaults, page=False),
            examples_per_second=rate,
        )

    @property
    def ways_tried(self) -> int:
        """Of how many ways a step was run."""
        return len({way for way, _ in self.known})

    @property
    def compiled_ways(self) -> int:
        """How many ways were tried compiled, beside what was asked for."""
        return len({way for way, _ in self.known if way.compile})

    @property
    def notes(self) -> tuple[str, ...]:
        """What a careful reader should know."""
        found = [
            "ordered by predicted examples a second" if self.rate is not None else
            "ordered by memory: a plan predicts no speed of "
            + ("tensor parallelism or offload (nincost time does), nor of "
               if self.parallel.ranks > 1 else "")
            + "a size of memory; checkpointing computes blocks twice, and FSDP sends parameters "
            "that DDP does not"
        ]  # fmt: skip
        if self.compiled_ways:
            found.append(
                f"the fastest {self.compiled_ways} of the ways that differ in sharing or "
                "checkpointing were tried compiled, too: PyTorch's compiler says their memory, "
                "their time is modelled roughly (docs/time.md)"
            )
        if self.parallel.ranks > 1:
            found.append(
                "rank 0 was run for each; the command beside a way predicts each rank that differs"
            )
        if (self.share or 1) > 1:
            found.append(f"of accumulated backward passes {_PASSES} were run, as they repeat")
        found += [f"{where}: {error}" for error, where in self.failures.items()]
        return tuple(found)

    def nothing_fits(self) -> str:
        """The message where no way fits."""
        name = self.request.step.model.name
        if self.least is None:
            why = next(iter(self.failures), "each runs out of memory at a batch of 1")
            return f"no way to train {name} fits {units.size(self.budget)}: {why}; take more ranks"
        needs, way = self.least
        return (
            f"no way to train {name} fits {units.size(self.budget)}: the leanest "
            f"({way.title}, checkpointing {way.checkpointing}) "
            f"needs {units.size(needs)} at a batch of 1: take more ranks, a larger "
            "card, a shorter input or --cpu-offload"
        )


def _order(row: PlanRow) -> tuple[float, int, int]:
    """The fastest first, where that is known; then the one that takes least memory."""
    return (-(row.examples_per_second or 0), row.process_bytes, -row.batch_size)
