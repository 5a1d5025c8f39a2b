"""What would take less memory: the same step with one thing changed, each really predicted."""

from __future__ import annotations

from collections.abc import Iterator

from nincost._memory.predict import Prediction, predict
from nincost._memory.results import Change
from nincost._step.activation_checkpointing import repeated_blocks
from nincost._step.request import Request
from nincost.errors import NincostError

#: Optimizers with state for each parameter; SGD without momentum has none.
_STATELESS = "SGD"


def suggestions(prediction: Prediction) -> tuple[Change, ...]:
    """Changes worth considering, the largest saving of the process's memory first.

    A change that the model cannot take (half precision of an operator without it, say) is left
    out; one that saves nothing stays in, since that is worth knowing too.
    """
    found = []
    for option, words, request in _candidates(prediction):
        try:
            found.append(_change(option, words, prediction, predict(request)))
        except NincostError:
            continue
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


def _candidates(prediction: Prediction) -> Iterator[tuple[str, str, Request]]:
    request = prediction.request
    step = request.step
    half = step.batch_size // 2
    if half:
        yield f"--batch-size {half}", "half the batch", request.changed(batch_size=half)
    made = step.model.own_step is None  # by nincost, which can change it
    if made and step.amp is None and not step.dtype:
        yield "--amp bfloat16", "mixed precision", request.changed(amp="bfloat16")
    if made and not step.inference:
        if step.activation_checkpointing == "none":
            if repeated_blocks(step.model.module):
                choice, which = "blocks", "repeated"
            else:
                choice, which = "top-level", "top-level"
            yield (
                f"--activation-checkpointing {choice}",
                f"computing each {which} block again in backward",
                request.changed(activation_checkpointing=choice),
            )
        if step.optimizer != _STATELESS or step.optimizer_arg.get("momentum"):
            yield (
                f"--optimizer {_STATELESS}",
                "an optimizer without state",
                request.changed(optimizer=_STATELESS, optimizer_arg=None, optimizer_impl=None),
            )
        elif step.optimizer_impl is None:
            yield (
                "--optimizer-impl for-loop",
                "updating parameters one by one",
                request.changed(optimizer_impl="for-loop"),
            )
    if not request.config.expandable_segments and not step.alloc_conf:
        conf = "expandable_segments:True"
        yield (
            f"--alloc-conf {conf}",
            "segments that grow",
            request.changed(alloc_conf=conf),
        )
