"""Gathers what a report shows: a profile, predictions of memory, and the data of its charts."""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Mapping
from typing import Any, Literal

from nincost._environment import environment
from nincost._memory.predict import memory
from nincost._memory.results import Memory
from nincost._models.nin import DEFAULT_MODEL
from nincost._profile.profile import profile
from nincost._report.bars import bars
from nincost._report.batches import batch_curve
from nincost._report.command_line import command_line
from nincost._report.results import BatchCurve, Report
from nincost._report.roofline import roofline
from nincost._report.step_curve import step_curve
from nincost._step.request import StepOptions, make_request
from nincost._step.step import Loss
from nincost.errors import NincostError


def report(
    model: Any = DEFAULT_MODEL,
    *,
    input: Any = None,
    batch_size: int = 1,
    arg: Mapping[str, Any] | None = None,
    loss: str | Loss = "cross-entropy",
    optimizer: str = "SGD",
    optimizer_arg: Mapping[str, Any] | None = None,
    optimizer_impl: Literal["for-loop", "foreach", "fused"] | None = None,
    amp: Literal["float16", "bfloat16"] | None = None,
    grad_scaler: bool | None = None,
    clip_grad_norm: float | None = None,
    dtype: str | None = None,
    channels_last: bool = False,
    grad_accumulation: int = 1,
    activation_checkpointing: str = "none",
    inference: bool = False,
    grad_set_to_none: bool = True,
    zero_grad_before_forward: bool = False,
    cudnn_benchmark: bool = False,
    alloc_conf: str = "",
    gpu: str | None = None,
    suggest: bool | None = None,
    measure: bool | None = None,
) -> Report:
    """Gather all that nincost predicts of a model; `Report.to_html` makes one page of it.

    Args:
        model, input, batch_size, arg: as in `nincost.profile`.
        inference: leave the training step out.
        gpu: the card that memory and peaks are predicted for, as in `nincost.memory`.
        suggest: predict which changes would reduce memory; where None, unless that is slow.
        measure: run real steps beside the prediction; where None, if there is a GPU.
        loss and the rest: the training step, as in `nincost.memory`.

    Returns:
        A `Report`. What cannot be predicted (the training step of a model without a loss, for
        example) is in its `missing`.

    Raises:
        NincostError: the model cannot be profiled, or an option does not fit.

    Example:
        >>> nincost.report("two-1x1", batch_size=128, gpu="rtx4090").to_html("report.html")
    """
    options: StepOptions = {
        "input": input, "arg": arg, "loss": loss, "optimizer": optimizer,
        "optimizer_arg": optimizer_arg, "optimizer_impl": optimizer_impl, "amp": amp,
        "grad_scaler": grad_scaler, "clip_grad_norm": clip_grad_norm, "dtype": dtype,
        "channels_last": channels_last, "grad_accumulation": grad_accumulation,
        "activation_checkpointing": activation_checkpointing, "inference": inference,
        "grad_set_to_none": grad_set_to_none,
        "zero_grad_before_forward": zero_grad_before_forward,
        "cudnn_benchmark": cudnn_benchmark, "alloc_conf": alloc_conf,
    }  # fmt: skip
    request = make_request(model, gpu, batch_size, options)
    costs = profile(model, input=input, batch_size=batch_size, arg=arg)
    missing: dict[str, str] = {}

    def predict_memory(name: str, without_gradients: bool) -> Memory | None:
        settings: dict[str, Any] = {**options, "inference": without_gradients}
        measured = measure if without_gradients == inference else False
        try:
            return memory(
                model, batch_size=batch_size, gpu=gpu, measure=measured,
                suggest="cheap" if suggest is None and not without_gradients else bool(suggest),
                **settings,
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
    step = training or forward
    curve = None
    batches: BatchCurve | None = None
    if step is not None and step.history is not None:
        curve = step_curve(step.history)
        if training is None:
            request = request.changed(inference=True)
        try:
            batches = batch_curve(request, {step.batch_size: step.totals.process_bytes})
        except NincostError as error:
            missing["batches"] = str(error)
    roof = roofline(costs, request)
    if isinstance(roof, str):
        missing["roofline"] = roof
    given = {**options, "batch_size": batch_size, "gpu": gpu, "suggest": suggest,
             "measure": measure}  # fmt: skip
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
    )
