"""The largest batch that fits one GPU: two traces, a search between them, and a verification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from nincost import _units as units
from nincost._allocator import CachingAllocator
from nincost._memory.device_allocations import Alloc, Timeline
from nincost._memory.fit_results import Fit, FitPoint, FitTotals
from nincost._memory.predict import Prediction, describe, predict
from nincost._memory.replay import simulate
from nincost._models.example_batches import at_batch
from nincost._progress import advance
from nincost._step.request import Request
from nincost._trace.fallback import SENTENCES
from nincost.errors import InputError

#: Where the first trace is made. Not at 1: some operators take another path for a batch of 1.
_FIRST = 8
#: Categories that do not grow with the batch.
_FIXED = ("parameters", "buffers", "gradients", "optimizer_state")
#: More than any budget holds; a step whose memory does not grow with the batch ends here.
_LARGEST = 1 << 24
#: Events above which a step is not replayed for each guess.
_LONG = 200_000
#: Traces after which a line is not trusted, as it should have found the answer.
_FEW_TRACES = 6
#: Traces after which the search stops and says so.
_MOST_TRACES = 16


def search(request: Request, budget: int, cache: dict[int, Prediction] | None = None) -> Fit:
    """The largest batch of a request within a budget in bytes.

    `cache` has predictions of the same request by batch, so that they need not be made again for
    another budget; those that this search makes are put into it. It does not change the answer.

    Raises:
        InputError: not even one example fits, or there is no batch to be searched.
    """
    if request.step.nodes is not None:
        raise InputError(
            f"{request.step.model.name} takes one graph, which has no batch: predict its memory "
            "with nincost memory, at other numbers of nodes and edges"
        )
    return _Search(request, budget, {} if cache is None else cache).run()


def estimated_batch(prediction: Prediction, budget: int) -> int:
    """Which batch may fit, by one prediction alone: what the model holds does not grow with it."""
    simulation = prediction.simulation
    fixed = prediction.request.card.gpu.context_bytes + sum(
        held.bytes
        for held in simulation.held_at(simulation.peak_at)
        if held.alloc.category in _FIXED
    )
    batch = prediction.recording.batch_size
    growth = max((prediction.process_bytes - fixed) // batch, 1)
    return max((budget - fixed) // growth, 1)


def at_batch_size(request: Request, batch: int) -> Request:
    """The request with another batch: in front of specs, or of the example tensors."""
    given = request.step.input
    specs = (given,) if isinstance(given, str) else given
    if given is None or (
        not isinstance(given, Mapping | Tensor) and all(isinstance(item, str) for item in specs)
    ):
        return request.changed(batch_size=batch)
    return request.changed(input=at_batch(given, batch))


def refuse_real_runs(prediction: Prediction) -> None:
    """Do not try many batches of a model that can only be run for real.

    Raises:
        InputError: the prediction's step ran on the CPU.
    """
    fallback = prediction.recording.fallback
    if fallback is not None:
        raise InputError(
            f"{prediction.request.step.model.name} cannot be run on the meta device, since "
            f"{SENTENCES[fallback.reason]}, so each batch would be a real run on the CPU: predict "
            "one batch with nincost memory"
        )


class _Search:
    """The predictions so far, and between which batches the answer lies."""

    def __init__(self, request: Request, budget: int, cache: dict[int, Prediction]) -> None:
        self.request = request
        self.budget = budget
        self.cache = cache
        self.known: dict[int, Prediction] = {}
        self.fits = 0  # the largest batch known to fit
        self.too_large = _LARGEST + 1  # the smallest known not to

    def run(self) -> Fit:
        self.predict(_FIRST)
        refuse_real_runs(self.known[_FIRST])
        batch = min(estimated_batch(self.known[_FIRST], self.budget), _LARGEST // 2)
        self.predict(batch if batch != _FIRST else _FIRST + 1)
        while self.too_large - self.fits > 1 and len(self.known) < _MOST_TRACES:
            self.predict(self.guess(*self.pair()))
            if self.fits >= _LARGEST:
                raise InputError(
                    f"{self.request.step.model.name}'s memory does not grow with the batch: "
                    f"any batch fits {units.size(self.budget)}; check the input spec"
                )
        while self.too_large - self.fits > 1:  # the lines lead nowhere: halve what is open
            self.predict((self.fits + self.too_large) // 2)
        if not self.fits:
            raise InputError(self._too_small())
        return self.result()

    def pair(self) -> tuple[int, int]:
        """Two traces that lie nearest to the answer, one on each side where there are."""
        if self.fits and self.too_large in self.known:
            return self.fits, self.too_large
        order = sorted(self.known)
        return (order[-2], order[-1]) if self.fits else (order[0], order[1])

    def predict(self, batch: int) -> int:
        """The process's bytes at a batch, and what that says of the answer."""
        if batch not in self.known:
            advance(f"predicting batch {batch:,}", len(self.known))
            if batch not in self.cache:
                self.cache[batch] = predict(at_batch_size(self.request, batch))
            self.known[batch] = self.cache[batch]
        needed = self.known[batch].process_bytes
        if needed <= self.budget:
            self.fits = max(self.fits, batch)
        else:
            self.too_large = min(self.too_large, batch)
        return needed

    def guess(self, first: int, second: int) -> int:
        """The largest batch that would fit by two traces' line, within what is still open."""
        line = _Line(self.known[first].timeline, self.known[second].timeline, first, second)
        context = self.request.card.gpu.context_bytes
        replays = line.holds and len(line.one.events) <= _LONG

        def needed(batch: int) -> int:
            if batch in self.known:
                return self.known[batch].process_bytes
            if not replays:
                low, high = self.known[first].process_bytes, self.known[second].process_bytes
                return low + (batch - first) * (high - low) // (second - first)
            return (
                simulate(line.at(batch), CachingAllocator(self.request.config), quick=True).reserved
                + context
            )

        low, high = self.fits, self.too_large
        at_low = self.known[low].process_bytes if low else 0
        at_high = self.known[high].process_bytes if high in self.known else 0
        if not at_high:
            # From the slope first, then by doubling, until something does not fit.
            slope = (self.known[second].process_bytes - self.known[first].process_bytes) / (
                second - first
            )
            step = int((self.budget - at_low) / slope) + 1 if slope > 0 else max(low, 1)
            while low < _LARGEST:
                batch = min(low + max(step, 1), _LARGEST)
                bytes_there = needed(batch)
                if bytes_there > self.budget:
                    high, at_high = batch, bytes_there
                    break
                low, at_low = batch, bytes_there
                step *= 2
            else:
                return _LARGEST
        while high - low > 1:
            share = (self.budget - at_low) / max(at_high - at_low, 1)
            batch = min(max(low + int(share * (high - low)), low + 1), high - 1)
            bytes_there = needed(batch)
            if bytes_there <= self.budget:
                if (batch - low) * 4 < high - low:  # the line bends: halve what is left
                    middle = (batch + high) // 2
                    if middle > batch and (there := needed(middle)) > self.budget:
                        high, at_high = middle, there
                    elif middle > batch:
                        batch, bytes_there = middle, there
                low, at_low = batch, bytes_there
            else:
                high, at_high = batch, bytes_there
        open_low, open_high = self.fits, self.too_large
        # Where what is reserved grows in leaps: by shares of what is open.
        if not replays or len(self.known) > _FEW_TRACES:
            leap = max(open_low // 8, 1) if open_high > _LARGEST else (open_high - open_low) // 3
            low = max(low, open_low + leap)
            low = min(low, open_high - leap) if open_high <= _LARGEST else low
        return min(max(low, open_low + 1), open_high - 1)

    def result(self) -> Fit:
        batch = self.fits
        at, more = self.known[batch], self.known.get(batch + 1)
        if more is None:
            self.predict(batch + 1)
            more = self.known[batch + 1]
        memory, next_memory = describe(at), describe(more)
        card = self.request.card
        return Fit(
            model=memory.model,
            input=memory.input,
            settings=memory.settings,
            gpu=card.title,
            totals=FitTotals(
                batch_size=batch,
                process_bytes=at.process_bytes,
                next_process_bytes=more.process_bytes,
                budget_bytes=self.budget,
                next_batch_size=batch + 1,
            ),
            memory=memory,
            next_memory=next_memory,
            notes=memory.notes,
            environment=memory.environment,
            points=tuple(
                FitPoint(size, one.simulation.peak, one.simulation.reserved, one.process_bytes)
                for size, one in sorted(self.known.items())
            ),
        )

    def _too_small(self) -> str:
        needed = self.predict(1)
        prediction = self.known[1]
        context = self.request.card.gpu.context_bytes
        parameters = prediction.simulation.after.get("after_model", 0)
        return (
            f"{self.request.step.model.name} does not fit {units.size(self.budget)}: a batch of 1 "
            f"needs {units.size(needed)}, of which {units.size(parameters)} are parameters and "
            f"{units.size(context)} the CUDA context: take a larger card, a smaller input, "
            "--amp bfloat16, activation checkpointing or an optimizer without state"
        )


class _Line:
    """Two timelines of the same events, as a function of the batch."""

    def __init__(self, one: Timeline, two: Timeline, first: int, second: int) -> None:
        self.one, self.first = one, first
        self.growth: list[tuple[int, int]] = []
        self.span = second - first
        self.holds = len(one.events) == len(two.events)
        for place, (event, other) in enumerate(zip(one.events, two.events, strict=False)):
            if type(event) is Alloc and type(other) is Alloc:
                if event.block != other.block or event.operator != other.operator:
                    self.holds = False
                if other.bytes != event.bytes:
                    self.growth.append((place, other.bytes - event.bytes))
            elif event != other:
                self.holds = False
            if not self.holds:
                break

    def at(self, batch: int) -> Timeline:
        events = list(self.one.events)
        away = batch - self.first
        for place, growth in self.growth:
            event = events[place]
            assert isinstance(event, Alloc)
            size = event.bytes + growth * away // self.span
            events[place] = event._replace(bytes=max(size, 1))
        return replace(self.one, events=events)
