"""What would take less memory: the same step with one thing changed, each really predicted."""

from __future__ import annotations

from collections.abc import Iterator

from nincost._memory.change_results import Change
from nincost._memory.changes import (
    STATELESS,
    StepChange,
    autocast,
    checkpointing,
    growing_segments,
    one_by_one,
    other_optimizers,
)
from nincost._memory.predict import Prediction, predict, predict_changed
from nincost._progress import advance
from nincost._step.request import Request
from nincost.errors import NincostError


def suggestions(prediction: Prediction) -> tuple[Change, ...]:
    """Changes worth considering, the largest saving of the process's memory first.

    A change that the model cannot take (half precision of an operator without it, say) is left
    out; one that saves nothing stays in, since that is worth knowing too.
    """
    found = []
    changes = list(_changes(prediction.request))
    for number, change in enumerate(changes):
        advance(f"predicting {change.option}", number, len(changes))
        try:
            after = predict_changed(prediction, change.of(prediction.request))
        except NincostError:
            continue
        found.append(_change(change.option, change.description, prediction, after))
    return tuple(sorted(found, key=lambda change: -change.saved_bytes))


def what_if_change(prediction: Prediction, other: Request) -> Change:
    """The same step of another model."""
    name = other.step.model.name
    return _change(f"--what-if {name}", name, prediction, predict(other))


def _change(option: str, words: str, before: Prediction, after: Prediction) -> Change:
    return Change(
        option=option,
        description=words,
        peak_allocated_bytes=after.simulation.peak,
        peak_reserved_bytes=after.simulation.reserved,
        process_bytes=after.process_bytes,
        saved_bytes=before.process_bytes - after.process_bytes,
    )


def _changes(request: Request) -> Iterator[StepChange]:
    step = request.step
    half = step.batch_size // 2
    if half:
        yield StepChange("batch", f"--batch-size {half}", "half the batch", {"batch_size": half})
    if step.model.own_step is not None:  # nincost cannot change what it does
        segments = growing_segments(request)
        yield from () if segments is None else (segments,)
        return
    others = [change for change in other_optimizers(request) if STATELESS in change.option]
    if not step.inference and not others and step.optimizer_impl is None:
        others = [one_by_one()]
    found = [autocast(request), checkpointing(request), *others, growing_segments(request)]
    yield from (change for change in found if change is not None)
