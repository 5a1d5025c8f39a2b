"""A step's memory predicted by the meta device, and measured beside it where a GPU is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Unpack

from nincost._isolation import collection_paused, in_own_mode
from nincost._measure.measure import measure_request
from nincost._memory.predict import Prediction, describe, predict
from nincost._memory.remedies import remedies
from nincost._memory.results import Memory
from nincost._memory.suggest import suggestions, what_if_change
from nincost._models.nin import DEFAULT_MODEL
from nincost._models.own_step import own_step_model
from nincost._step.command_line import command_line
from nincost._step.option_fields import with_options
from nincost._step.request import Request, make_request, refuse_own_step
from nincost._step.step_options import Step
from nincost._step.step_words import StepOptions
from nincost.errors import InputError, NincostError

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

#: Entries of a recording up to which some ten more predictions take seconds.
_CHEAP = 9000
#: Up to which one tries what makes a step fit until something does.
_BEARABLE = 40_000


@in_own_mode
@with_options(Step, StepOptions.__annotations__)
def memory(
    model: Any = DEFAULT_MODEL,
    *,
    input: Any = None,
    batch_size: int = 1,
    arg: Mapping[str, Any] | None = None,
    gpu: str | None = None,
    what_if: Any = None,
    suggest: bool | Literal["cheap", "unfit"] | None = None,
    measure: bool | None = None,
    step: Callable[..., Any] | None = None,
    models: Mapping[str, nn.Module] | Sequence[nn.Module] | None = None,
    optimizers: Mapping[str, Optimizer] | Sequence[Optimizer] | None = None,
    **options: Unpack[StepOptions],
) -> Memory:
    """As `nincost.memory` on one GPU: recorded on the meta device and replayed.

    Args:
        {options}
    """
    with collection_paused():
        if step is not None:
            _refuse_beside_step(model, arg)
            model = own_step_model(step, models, optimizers)
        elif models is not None or optimizers is not None:
            raise InputError(
                "models and optimizers go with a step of your own: give the function as step"
            )
        request = make_request(model, gpu, batch_size, input=input, arg=arg, **options)
        other = None
        if what_if is not None:
            refuse_own_step(request, "what_if")
            # An argument such as num_classes is for both; an example input fits both or neither.
            other = make_request(what_if, gpu, batch_size, input=input, arg=arg, **options)
        prediction = predict(request)
        result = describe(prediction)
        if other is not None:
            result = replace(result, alternative=what_if_change(prediction, other))
        if suggest and not (suggest == "unfit" and result.totals.fits is not False):
            given = {
                "input": input, "batch_size": batch_size, "arg": arg, "gpu": gpu, "step": step,
                "models": models, "optimizers": optimizers, **options,
            }  # fmt: skip
            result = _with_changes(result, prediction, suggest is True, model, given)
    return _with_measurement(result, request, measure)


def _refuse_beside_step(model: Any, arg: Any) -> None:
    if model is not DEFAULT_MODEL or arg:
        raise InputError("model and arg are not for a step of your own: give its models in models")


def _with_changes(
    result: Memory, prediction: Prediction, always: bool, model: Any, given: Mapping[str, Any]
) -> Memory:
    """The result and what would take less, or make it fit; unless that takes long."""
    totals = result.totals
    entries = 0 if always else len(prediction.recording.entries)
    if entries > (_BEARABLE if totals.fits is False else _CHEAP):
        note = (
            "changes that would reduce memory were not predicted, as this step takes long: "
            "add --suggest to predict them"
        )
        return replace(result, notes=(*result.notes, note))
    if totals.budget_bytes is None or totals.fits is not False:
        return replace(result, suggestions=suggestions(prediction))

    def command(changes: Mapping[str, Any]) -> str:
        defaults = {key: p.default for key, p in inspect.signature(memory).parameters.items()}
        changed = {key: value for key, value in changes.items() if value is not None}
        rest = {key: value for key, value in given.items() if key not in changes}
        options = {key: value for key, value in rest.items() if value != defaults.get(key)}
        return command_line("memory", [model], options | changed, {}, page=False)

    every = entries <= _CHEAP
    found = remedies(prediction, totals.budget_bytes, command, every=every)
    if not every:
        note = "as this step takes long, no more was tried than makes it fit: --suggest tries all"
        result = replace(result, notes=(*result.notes, note))
    return replace(result, remedies=found)


def _with_measurement(result: Memory, request: Request, wanted: bool | None) -> Memory:
    """The result and what real steps took; where nobody asked, a failure is only a note."""
    if wanted is False:
        return result
    import torch

    if not torch.cuda.is_available():
        if wanted:
            raise InputError(
                "there is no CUDA GPU to measure on (torch.cuda.is_available() is False): leave "
                "--measure out for the prediction alone, or run it where a GPU is"
            )
        return result
    if request.step.model.own_step is not None:
        if wanted:
            refuse_own_step(request, "measuring")
        return result
    assert result.history is not None
    try:
        measured = measure_request(request, result.history.steps)
    except NincostError as error:
        if wanted:
            raise
        return replace(result, notes=(*result.notes, f"not measured: {error}"))
    return replace(result, totals=replace(result.totals, measured=measured))
