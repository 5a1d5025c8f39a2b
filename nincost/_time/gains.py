"""What would make a step faster: the same step with one thing changed, each really predicted."""

from __future__ import annotations

from collections.abc import Iterator

from nincost._memory.changes import StepChange, autocast, fused, has_fused
from nincost._progress import advance
from nincost._step.request import Request
from nincost._time.predict import Timing, predict_time, time_recording
from nincost._time.results import Gain
from nincost.errors import NincostError


def gains(timing: Timing) -> tuple[Gain, ...]:
    """Changes worth considering, the largest gain in examples per second first.

    A change that the model cannot take is left out; one that gains nothing stays in, since that is
    worth knowing too. That a larger batch fits is for `fit` to say.
    """
    request = timing.request
    if request.step.model.own_step is not None:  # nincost cannot change what it does
        return ()
    found = []
    changes = list(_changes(timing))
    for number, change in enumerate(changes):
        advance(f"predicting {change.option}", number, len(changes))
        try:
            after = _again(timing, change.of(request), compiled=timing.compiled)
        except NincostError:
            continue
        found.append(_gain(change.option, change.description, timing, after))
    if not timing.compiled:
        after = _again(timing, request, compiled=True)
        words = "chains of element-wise operators in one kernel (a rough model)"
        found.append(_gain("--compile", words, timing, after))
    return tuple(sorted(found, key=lambda gain: -gain.speedup))


def _again(timing: Timing, request: Request, *, compiled: bool) -> Timing:
    """Another step on the same ranks."""
    spread = timing.spread
    parallel, links = (spread.parallel, spread.links) if spread else (None, None)
    if request is timing.request:
        return time_recording(
            request, timing.recording, compiled=compiled, parallel=parallel, links=links,
            graph=timing.timed.graph,
        )  # fmt: skip
    return predict_time(
        request, compiled=compiled, parallel=parallel, links=links, graph=timing.timed.graph
    )


def _gain(option: str, description: str, before: Timing, after: Timing) -> Gain:
    return Gain(
        option=option,
        description=description,
        step_seconds=after.seconds,
        examples_per_second=after.examples_per_second,
        speedup=after.examples_per_second / before.examples_per_second,
        bound_by=after.timed.bound_by,
    )


def _changes(timing: Timing) -> Iterator[StepChange]:
    request = timing.request
    step = request.step
    double = 2 * step.batch_size
    yield StepChange("batch", f"--batch-size {double}", "twice the batch", {"batch_size": double})
    if (change := _half_precision(timing)) is not None:
        yield change
    if not step.channels_last and _convolves(timing):
        yield StepChange(
            "layout", "--channels-last", "channels innermost, as tensor cores want them",
            {"channels_last": True},
        )  # fmt: skip
    if (change := _fused(request)) is not None:
        yield change


def _half_precision(timing: Timing) -> StepChange | None:
    """Autocast in a type for which the card has tensor cores."""
    if timing.spread is not None and timing.spread.parallel.mixed_precision:
        return None
    request = timing.request
    change = autocast(request)
    gpu = request.card.gpu
    return change if gpu.fp16_flops or gpu.bf16_flops else None


def _convolves(timing: Timing) -> bool:
    works = timing.timed.operators.works
    return any(
        work.family.startswith(("conv-", "depthwise-")) and work.precision != "float32"
        for work in works
    )


def _fused(request: Request) -> StepChange | None:
    """One kernel for all updates, where the optimizer has one and it is not asked for."""
    step = request.step
    if step.inference or step.optimizer_impl == "fused":
        return None
    return fused() if has_fused(step.optimizer) else None
