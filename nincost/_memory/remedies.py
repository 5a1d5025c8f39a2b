"""What makes a step fit that does not, tried in the order of what it costs whoever trains.

Each change is predicted in full, as the step itself is. Where none alone is enough, two together
are tried, and at last all of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from nincost._memory.change_results import Remedies, Remedy
from nincost._memory.changes import (
    StepChange,
    autocast,
    checkpointing,
    growing_segments,
    half_weights,
    in_parts,
    one_kernel,
    other_optimizers,
    together,
)
from nincost._memory.fit import estimated_batch, search
from nincost._memory.predict import Prediction, predict, predict_changed
from nincost._progress import advance
from nincost._step.request import Request
from nincost.errors import NincostError

#: The command that makes a step again with some of its options changed.
Command = Callable[[Mapping[str, Any]], str]

#: Backward passes that are predicted where a step has more: memory is the same from the second on.
_PASSES = 3
#: Sizes of micro-batches that are tried.
_MOST_SIZES = 3
#: By how much two changes together may save more than the sum of what each saves alone.
_BETTER_TOGETHER = 1.5


class Tried(NamedTuple):
    """A change, and what the step takes with it."""

    change: StepChange
    remedy: Remedy


def remedies(
    prediction: Prediction, budget: int, command: Command, *, every: bool = True
) -> Remedies:
    """What makes a predicted step fit `budget` bytes, and the largest batch that fits as it is.

    Args:
        prediction: of the step, which does not fit.
        budget: what the process may take, in bytes.
        command: the command that makes the step with some fields changed.
        every: try every change; else end with the first that fits, and look for no batch.
    """
    return _Search(prediction, budget, command, every).run()


class _Search:
    """What was tried so far, in order."""

    def __init__(self, prediction: Prediction, budget: int, command: Command, every: bool) -> None:
        self.request = prediction.request
        self.needed = prediction.process_bytes
        self.budget = budget
        self.command = command
        self.every = every
        self.tried: list[Tried] = []
        self.known = {_recorded({}): prediction}

    def run(self) -> Remedies:
        """Each change alone, then together where none is enough, then a smaller batch."""
        as_is = self.known[_recorded({})]
        batch = self.largest_batch(self.request, as_is) if self.every else None
        most = (batch or 1) if self.every else estimated_batch(as_is, self.budget)
        alone = self.alone(most)
        for number, change in enumerate(alone):
            if self.fits and not self.every:
                break
            advance(f"predicting {change.option}", number, len(alone))
            found = self.in_parts(most, []) if change.kind == "batch" else self.predicted(change)
            if found is not None:
                self.tried.append(found)
        if not self.fits:
            self.tried += self.combined()
        if batch and batch < self.request.step.batch_size:
            words = "a smaller batch: the largest that fits"
            smaller = StepChange("", f"--batch-size {batch}", words, {"batch_size": batch})
            self.tried += filter(None, [self.predicted(smaller)])
        return Remedies(tuple(one.remedy for one in self.tried), batch)

    @property
    def fits(self) -> bool:
        return any(one.remedy.fits for one in self.tried)

    def alone(self, most: int) -> list[StepChange]:
        """Each change by itself; micro-batches are of at most `most`."""
        request = self.request
        if request.step.model.own_step is not None:  # nincost cannot change what it does
            return list(filter(None, [growing_segments(request)]))
        found = [
            one_kernel(request),
            growing_segments(request),
            in_parts(request, most),
            checkpointing(request),
            autocast(request),
            half_weights(request),
            *other_optimizers(request),
        ]
        return [change for change in found if change is not None]

    def in_parts(self, most: int, others: list[StepChange]) -> Tried | None:
        """The largest micro-batches that are enough, other changes made too; of a few sizes.

        What fits as a batch of its own may not as a part: gradients stay from part to part.
        """
        found = None
        for _ in range(_MOST_SIZES):
            change = in_parts(self.request, most)
            if change is None:
                break
            found = self.together([*others, change]) or found
            if found is None or found.remedy.fits:
                break
            most = change.fields["batch_size"] - 1
        return found

    def predicted(self, change: StepChange) -> Tried | None:
        """The step with a change; None where the model cannot take it."""
        key = _recorded(change.fields)
        try:
            request = _few_passes(change.of(self.request))
            known = self.known.get(key)
            after = predict(request) if known is None else predict_changed(known, request)
        except NincostError:
            return None
        self.known[key] = after
        return Tried(
            change,
            Remedy(
                option=change.option,
                description=change.description,
                peak_allocated_bytes=after.simulation.peak,
                peak_reserved_bytes=after.simulation.reserved,
                process_bytes=after.process_bytes,
                saved_bytes=self.needed - after.process_bytes,
                fits=after.process_bytes <= self.budget,
                command=self.command(change.fields),
            ),
        )

    def combined(self) -> list[Tried]:
        """The first two changes that are enough together; else as few of all as are enough."""
        useful = [one for one in self.tried if one.remedy.saved_bytes > 0]
        best: dict[str, Tried] = {}
        for one in useful:
            kind = one.change.kind
            if kind not in best or one.remedy.saved_bytes > best[kind].remedy.saved_bytes:
                best[kind] = one
        if "optimizer" in best:
            best.pop("impl", None)
        if len(best) < 2:
            return []
        changes = [one.change for one in best.values()]
        most = self.together(changes)
        if most is None or not most.remedy.fits:
            return [] if most is None else [most]
        for one, other in _pairs(useful) if self.every else []:
            saved = one.remedy.saved_bytes + other.remedy.saved_bytes
            if self.needed - int(_BETTER_TOGETHER * saved) > self.budget:
                continue
            both = self.both(one.change, other.change)
            if both is not None and both.remedy.fits:
                return [both]
        for change in reversed(changes):  # what costs most first
            fewer = self.together([one for one in changes if one is not change])
            if fewer is not None and fewer.remedy.fits:
                most = fewer
                changes.remove(change)
        return [most]

    def together(self, changes: list[StepChange]) -> Tried | None:
        """Several changes predicted as one."""
        change = changes[0] if len(changes) == 1 else together(changes)
        advance(f"predicting {change.option}", 0)
        return self.predicted(change)

    def both(self, one: StepChange, other: StepChange) -> Tried | None:
        """Two changes together; micro-batches are then as large as the other one leaves room."""
        if "batch" not in (one.kind, other.kind):
            return self.together([one, other])
        rest = other if one.kind == "batch" else one
        batch = self.largest_batch(rest.of(self.request)) if self.every else 1
        return None if batch is None else self.in_parts(batch, [rest])

    def largest_batch(self, request: Request, known: Prediction | None = None) -> int | None:
        """The largest batch that fits; None where not even 1 does, or input has its own batch."""
        advance("looking for the largest batch", 0)
        cache = {} if known is None else {request.step.batch_size: known}
        try:
            return search(request, self.budget, cache).totals.batch_size
        except NincostError:
            return None


def _pairs(found: Sequence[Tried]) -> list[tuple[Tried, Tried]]:
    """Two of different kinds, in the order of what both cost."""
    ranked = itertools.combinations(enumerate(found), 2)
    order = sorted(ranked, key=lambda pair: pair[0][0] + pair[1][0])
    return [
        (one, other)
        for (_, one), (_, other) in order
        if one.change.kind != other.change.kind
        and {one.change.kind, other.change.kind} != {"impl", "optimizer"}
    ]


def _recorded(fields: Mapping[str, Any]) -> str:
    """What of a change has the step recorded anew: all but the allocator's settings."""
    return repr(sorted((k, v) for k, v in fields.items() if k != "alloc_conf"))


def _few_passes(request: Request) -> Request:
    """The same with fewer backward passes where it has many."""
    step = request.step
    if step.grad_accumulation <= _PASSES:
        return request
    return replace(request, step=replace(step, grad_accumulation=_PASSES))
