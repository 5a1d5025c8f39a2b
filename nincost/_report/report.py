"""Gathers what a report shows: a profile, predictions of memory, and the data of its charts."""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Unpack

from nincost._chinese.translate import Lang, check_language
from nincost._environment import environment
from nincost._isolation import in_own_mode
from nincost._memory.memory import memory
from nincost._memory.results import Memory
from nincost._models.nin import DEFAULT_MODEL
from nincost._profile.profile import profile
from nincost._progress import advance
from nincost._report.bars import bars
from nincost._report.batches import batch_curve
from nincost._report.results import BatchCurve, Report
from nincost._report.roofline import roofline
from nincost._report.step_curve import step_curve
from nincost._step.command_line import command_line
from nincost._step.option_fields import with_options
from nincost._step.request import make_request, refuse_own_step
from nincost._step.step_options import Step
from nincost._step.step_words import StepOptions
from nincost._time.results import StepTime
from nincost._time.time import time
from nincost.errors import NincostError

#: Of a report: the layers, training, inference, the batches.
_PARTS = 4


@in_own_mode
@with_options(Step, StepOptions.__annotations__)
def report(
    model: Any = DEFAULT_MODEL,
    *,
    input: Any = None,
    batch_size: int = 1,
    arg: Mapping[str, Any] | None = None,
    gpu: str | None = None,
    suggest: bool | None = None,
    measure: bool | None = None,
    lang: Lang | None = None,
    **step: Unpack[StepOptions],
) -> Report:
    """Gather all that nincost predicts of a model; `Report.to_html` makes one page of it.

    Args:
        model, input, batch_size, arg: as in `nincost.profile`.
        gpu: the card that memory and peaks are predicted for, as in `nincost.memory`.
        suggest: predict which changes would reduce memory; where None, unless that is slow.
        measure: run real steps beside the prediction; where None, if there is a GPU.
        lang: the language of the words, `en` or `zh`; that of LANG if None.
        {options}

    Returns:
        A `Report`. What cannot be predicted (the training step of a model without a loss, for
        example) is in its `missing`.

    Raises:
        NincostError: the model cannot be profiled, or an option does not fit.

    Examples:
        >>> nincost.report("two-1x1", batch_size=128, gpu="rtx4090").to_html("report.html")
    """
    check_language(lang)
    gathered = gather(
        model, input=input, batch_size=batch_size, arg=arg, gpu=gpu, suggest=suggest,
        measure=measure, **step,
    )  # fmt: skip
    return replace(gathered, lang=lang)


def gather(
    model: Any,
    *,
    input: Any = None,
    batch_size: int = 1,
    arg: Mapping[str, Any] | None = None,
    gpu: str | None = None,
    suggest: bool | None = None,
    measure: bool | None = None,
    page: bool = True,
    **step: Unpack[StepOptions],
) -> Report:
    """As `report`; without `page` what its four answers need, and not the rest of its page."""
    request = make_request(model, gpu, batch_size, input=input, arg=arg, **step)
    refuse_own_step(request, "a report")
    inference = request.step.inference
    costs = profile(
        model, input=input, batch_size=batch_size, arg=arg, assume=request.step.assume,
        on_cpu=request.step.on_cpu,
    )  # fmt: skip
    missing: dict[str, str] = {}

    def predict_memory(name: str, without_gradients: bool) -> Memory | None:
        options: StepOptions = {**step, "inference": without_gradients}
        advance(f"predicting the memory of {name}", 1 + without_gradients, _PARTS)
        measured = measure if without_gradients == inference else False
        try:
            return memory(
                model, input=input, batch_size=batch_size, arg=arg, gpu=gpu, measure=measured,
                suggest="cheap" if suggest is None and page and not without_gradients
                else bool(suggest),
                **options,
            )  # fmt: skip
        except NincostError as error:
            if measured:
                raise
            missing[name] = str(error)
            return None

    training = None if inference else predict_memory("training", False)
    if inference:
        missing["training"] = "left out, as --inference was given"
    forward = predict_memory("inference", True)
    shown = training or forward
    curve = None
    batches: BatchCurve | None = None
    if page and shown is not None and shown.history is not None:
        curve = step_curve(shown.history)
        advance("predicting other batches and cards", 3, _PARTS)
        if training is None:
            request = request.changed(inference=True)
        try:
            batches = batch_curve(request, {shown.batch_size: shown.totals.process_bytes})
        except NincostError as error:
            missing["batches"] = str(error)
    timed: StepTime | None = None
    if page and shown is not None:
        advance("predicting how long the step takes", 3, _PARTS)
        options: StepOptions = {**step, "inference": training is None}
        try:
            timed = time(model, input=input, batch_size=batch_size, arg=arg, gpu=gpu, **options)
        except NincostError as error:
            missing["time"] = str(error)
    forwards = {} if timed is None else {row.layer: row.forward_seconds for row in timed.layers}
    roof = roofline(costs, request, forwards)
    if isinstance(roof, str):
        missing["roofline"] = roof
    given = {"input": input, "batch_size": batch_size, "arg": arg, "gpu": gpu, "suggest": suggest,
             "measure": measure, **step}  # fmt: skip
    defaults = {key: p.default for key, p in inspect.signature(report).parameters.items()}
    return Report(
        profile=costs,
        training=training,
        inference=forward,
        curve=curve,
        batches=batches,
        roofline=None if isinstance(roof, str) else roof,
        bars=bars(costs),
        missing=missing,
        command=command_line("report", [model], given, defaults),
        created=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M"),
        environment=environment(),
        time=timed,
    )
