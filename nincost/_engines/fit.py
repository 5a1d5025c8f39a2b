"""`nincost.fit`: the largest batch that fits a card, or each of several ranks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Unpack

from nincost import _units as units
from nincost._emulator.described.answer import emulated_memory, start_process
from nincost._engines.fastest import with_fastest
from nincost._engines.memory import MemoryOptions, check_together
from nincost._isolation import collection_paused, in_own_mode
from nincost._memory.fit import at_batch_size, search
from nincost._memory.fit_results import Fit, FitPoint, FitTotals
from nincost._memory.predict import Prediction, describe, predict
from nincost._memory.results import Memory
from nincost._models.nin import DEFAULT_MODEL
from nincost._progress import advance
from nincost._step.option_fields import with_options
from nincost._step.parallel import Parallel, split_options
from nincost._step.request import Request, make_request
from nincost._step.step_options import Step
from nincost.errors import InputError

#: More than any rank holds.
_LARGEST = 1 << 24
#: Accumulated backward passes that are run: memory repeats from the second on.
_PASSES = 2


@in_own_mode
@with_options((Step, Parallel), MemoryOptions.__annotations__)
def fit(
    model: Any = DEFAULT_MODEL,
    *,
    gpu: str | None = None,
    input: Any = None,
    arg: Mapping[str, Any] | None = None,
    global_batch: int | None = None,
    **options: Unpack[MemoryOptions],
) -> Fit:
    """Find the largest batch whose step fits on a card; with `ranks` that of each rank.

    Memory is piecewise linear in the batch: each allocation is a fixed number of bytes and a number
    for each example. Two traces give both, the caching allocator's model replays them for any
    batch, and the answer and one more are then predicted in full. With `ranks` or `compile` each
    batch that is tried is run on the emulated GPU.

    Args:
        gpu: the card (`rtx4090`) or a size (`24GiB`); the one in this machine where None. The
            CUDA context counts: the budget is for all that nvidia-smi shows.
        model, input, arg: as in `nincost.memory`. Of example tensors the batch is the first size
            that most of them have, and rows are repeated or left out.
        global_batch: examples of an optimizer step over all ranks. The answer is then the largest
            batch of a rank that divides it, with gradient accumulation for the rest.
        {options}

    Returns:
        A `Fit`: the batch, and the memory at it and at one more.

    Raises:
        InputError: not even a batch of 1 fits; the message says what it needs.

    Examples:
        >>> nincost.fit("two-1x1", gpu="24GiB").totals.budget_bytes
        25769803776
    """
    given, parallel = split_options(options)
    chosen: Any = given
    with collection_paused():
        request = make_request(model, gpu, input=input, arg=arg, **chosen)
    budget = request.card.budget_bytes
    if budget is None:
        raise InputError(
            "no GPU is named and none is here, so there is no budget: give --gpu, such as "
            "24GiB or rtx4090"
        )
    if parallel.is_usual and global_batch is None:
        with collection_paused():
            tried: dict[int, Prediction] = {}
            found = search(request, budget, tried)
            return with_fastest(found, request, tried)
    check_together(request.step, parallel)
    if parallel.is_usual:

        def by_trace(step: Request, _whole: bool) -> Memory:
            with collection_paused():
                return describe(predict(step))

        return _Search(request, parallel, budget, global_batch, by_trace).run()
    with start_process(request) as process:

        def by_emulator(step: Request, whole: bool) -> Memory:
            return emulated_memory(step, parallel, process, whole=whole)

        return _Search(request, parallel, budget, global_batch, by_emulator).run()


@dataclass(slots=True)
class _Search:
    """The batches that were tried, each a whole number of `unit`."""

    request: Request
    parallel: Parallel
    budget: int
    global_batch: int | None
    answer: Callable[[Request, bool], Memory]
    known: dict[int, Memory] = field(default_factory=dict)

    def run(self) -> Fit:
        if self.global_batch is not None:
            batches = self._divisors(self.global_batch)
            found = next((n for n, batch in enumerate(batches) if self._fits(batch)), None)
            if found is None:
                raise InputError(self._too_small(batches[-1]))
            return self._result(batches[found], batches[found - 1] if found else None)
        unit = self.parallel.unit
        if not self._fits(unit):
            raise InputError(self._too_small(unit))
        fits, too_large = 1, _LARGEST
        while too_large - fits > 1:
            tried = min(max(self._guess(fits * unit) // unit, fits + 1), too_large - 1)
            if self._fits(tried * unit):
                fits = tried
            else:
                too_large = tried
        return self._result(fits * unit, too_large * unit)

    def _divisors(self, wanted: int) -> list[int]:
        """Batches of a rank that make up the global one, the largest first."""
        share, unit = self.parallel.share(wanted), self.parallel.unit
        return [n for n in range(share, 0, -1) if share % n == 0 and n % unit == 0]

    def _at(self, batch: int) -> Request:
        request = at_batch_size(self.request, batch)
        passes = self._passes(batch)
        return request.changed(grad_accumulation=min(passes, _PASSES)) if passes > 1 else request

    def _passes(self, batch: int) -> int:
        if self.global_batch is None:
            return 1
        return self.global_batch // self.parallel.data // batch

    def _fits(self, batch: int) -> bool:
        if batch not in self.known:
            advance(f"trying batch {batch:,}", len(self.known))
            self.known[batch] = self.answer(self._at(batch), False)
        return self.known[batch].totals.fits is True

    def _guess(self, fits: int) -> int:
        """Which batch would just fit, by the line through two that do."""
        sizes = {b: m.totals.process_bytes for b, m in self.known.items() if m.totals.fits}
        too_large = min((b for b, m in self.known.items() if not m.totals.fits), default=None)
        lower = max((b for b in sizes if b < fits), default=None)
        if lower is None:
            return 2 * fits if too_large is None else (fits + too_large) // 2
        slope = (sizes[fits] - sizes[lower]) / (fits - lower)
        guess = fits + int((self.budget - sizes[fits]) / slope) if slope > 0 else 4 * fits
        if too_large is not None and guess >= too_large:
            return (
                (fits + too_large) // 2
                if too_large - fits > 4 * self.parallel.unit
                else too_large - 1
            )
        return min(guess, 16 * fits)

    def _result(self, batch: int, more: int | None) -> Fit:
        memory = self._whole(batch)
        after = self._whole(more) if more is not None else memory
        notes = list(memory.notes)
        if self.global_batch is not None:
            notes.append(
                f"a global batch of {self.global_batch}: {self.parallel.data} x {batch} examples x "
                f"{self._passes(batch)} backward passes"
            )
        card = self.request.card
        return Fit(
            model=memory.model,
            input=memory.input,
            settings=memory.settings,
            gpu=card.title,
            totals=FitTotals(
                batch_size=batch,
                process_bytes=memory.totals.process_bytes,
                next_process_bytes=after.totals.process_bytes,
                budget_bytes=self.budget,
                next_batch_size=more if more is not None else batch,
                global_batch=self.global_batch,
                grad_accumulation=self._passes(batch),
            ),
            memory=replace(memory, notes=tuple(notes)),
            next_memory=after,
            notes=tuple(notes),
            environment=memory.environment,
            points=tuple(
                FitPoint(
                    size, one.totals.peak_allocated_bytes, one.totals.peak_reserved_bytes,
                    one.totals.process_bytes,
                )
                for size, one in sorted(self.known.items())
                if not one.totals.ran_out
            ),
        )  # fmt: skip

    def _whole(self, batch: int) -> Memory:
        """The memory at a batch, of one that ran out of memory on a card without end."""
        if batch in self.known and not self.known[batch].totals.ran_out:
            return self.known[batch]
        return self.answer(self._at(batch), True)

    def _too_small(self, batch: int) -> str:
        needed = self.answer(self._at(batch), True).totals.process_bytes
        return (
            f"{self.request.step.model.name} does not fit {units.size(self.budget)}: a batch of "
            f"{batch} on each rank needs {units.size(needed)}: take more ranks, a larger card, "
            "--parallel fsdp, --activation-checkpointing blocks, or let nincost plan try"
        )
