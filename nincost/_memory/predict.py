"""Predicts the CUDA memory of a training step: recorded on meta, lowered, and played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from nincost._allocator import CachingAllocator
from nincost._devices.libraries.cudnn_plans import plans_on
from nincost._devices.target import Workspace
from nincost._environment import environment
from nincost._isolation import collection_paused
from nincost._memory.lower import Timeline, lower
from nincost._memory.record import record
from nincost._memory.replay import Simulation, layer_name, play
from nincost._memory.results import LayerMemory, Memory, MemoryTotals, UsedRule
from nincost._models.nin import DEFAULT_MODEL
from nincost._step.request import Request, StepOptions, make_request
from nincost._step.step import Loss
from nincost._trace.recording import CATEGORIES, Recording
from nincost.errors import InputError, NincostError

#: Entries of a recording up to which five more predictions are cheap.
_CHEAP = 6000


def memory(
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
    what_if: Any = None,
    suggest: bool | Literal["cheap"] | None = None,
    measure: bool | None = None,
) -> Memory:
    """Predict what a training step takes on a GPU, without one.

    The step is the real one, on the meta device: forward, loss, `zero_grad`, backward by autograd,
    and a `torch.optim` optimizer's step, again and again until nothing changes. CUDA's rules turn
    it into allocations, and a model of PyTorch's caching allocator into memory.

    Args:
        model, input, batch_size, arg: as in `nincost.profile`.
        loss: `cross-entropy`, `mse`, `sum`, or a function of the model's output that gives a
            scalar tensor.
        optimizer: a class in `torch.optim` by name, and `optimizer_arg` its keyword arguments.
        optimizer_impl: `for-loop`, `foreach` or `fused`; what torch picks where None.
        amp: `float16` or `bfloat16` for autocast.
        grad_scaler: whether a `torch.amp.GradScaler` scales the loss; with float16 autocast where
            None. It takes a few scalars.
        clip_grad_norm: what `torch.nn.utils.clip_grad_norm_` clips to before each optimizer step.
        dtype: what model and float inputs are cast to, such as `bfloat16`.
        channels_last: whether model and images are in channels-last layout.
        grad_accumulation: backward passes before each optimizer step.
        activation_checkpointing: `top-level` to compute each top-level block again in backward
            rather than keep what it saves; `none`.
        inference: one forward pass without gradients, and nothing else.
        grad_set_to_none: `zero_grad`'s argument.
        zero_grad_before_forward: call `zero_grad` there, rather than between loss and backward.
        cudnn_benchmark: `torch.backends.cudnn.benchmark`.
        alloc_conf: as in the variable PYTORCH_CUDA_ALLOC_CONF.
        gpu: the card whose rules, context and memory are taken (`rtx4090`), or a size (`24GiB`);
            the one in this machine, else an A100, where None.
        what_if: another model to predict with the same options, such as `one-1x1`.
        suggest: predict what smaller batch, mixed precision, checkpointing and other optimizers
            would save; `cheap`: where that takes a few seconds at most, as the command does for
            its table. None: no.
        measure: run real steps on this machine's GPU too; where there is one if None.

    Returns:
        A `Memory`: totals, what each layer holds at the peak, rules and notes.

    Raises:
        NincostError: something that does not fit; its message says what to try.

    Example:
        >>> nincost.memory("two-1x1", batch_size=128).totals.peak_phase
        'backward'
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
    with collection_paused():
        request = make_request(model, gpu, batch_size, options)
        other = None
        if what_if is not None:
            # An argument such as num_classes is for both; an example input fits both or neither.
            other = make_request(what_if, gpu, batch_size, options)
        prediction = predict(request)
        result = describe(prediction)
        if other is not None or suggest:
            from nincost._memory.suggest import suggestions, what_if_change

            if other is not None:
                result = replace(result, what_if=what_if_change(prediction, other))
            if suggest is True or (suggest and len(prediction.recording.entries) <= _CHEAP):
                result = replace(result, suggestions=suggestions(prediction))
            elif suggest:
                words = (
                    "what would take less was not predicted, as the step is long: --suggest does"
                )
                result = replace(result, notes=(*result.notes, words))
    return _with_measurement(result, request, measure)


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """A request, its events, and how they played."""

    request: Request
    recording: Recording
    timeline: Timeline
    played: Simulation

    @property
    def process_bytes(self) -> int:
        """What nvidia-smi would show."""
        return self.played.reserved + self.request.card.gpu.context_bytes


def predict(request: Request) -> Prediction:
    """Record, lower and play a step."""
    target = request.target()
    recording = record(request.step, target)
    timeline = lower(recording, target)
    return Prediction(
        request, recording, timeline, play(timeline, CachingAllocator(request.config))
    )


def describe(prediction: Prediction) -> Memory:
    """A prediction as a result."""
    request, played = prediction.request, prediction.played
    layers = _layers(played)
    categories: dict[str, int] = dict.fromkeys(CATEGORIES, 0)
    for layer in layers:
        for name, size in layer.categories.items():
            categories[name] += size
    gpu = request.card.gpu
    mark, alloc = played.peak_mark, played.peak_alloc
    totals = MemoryTotals(
        peak_allocated_bytes=played.peak,
        peak_reserved_bytes=played.reserved,
        process_bytes=prediction.process_bytes,
        peak_phase=mark.phase,
        peak_layer=layer_name(played.layers, alloc.layer, mark.phase) if alloc else "",
        peak_op=alloc.operator if alloc else "",
        categories_at_peak=categories,
        phases=dict(played.after),
        measured=None,
        peak_requested_bytes=played.requested,
        cached_bytes=played.reserved - played.peak,
        context_bytes=gpu.context_bytes,
        budget_bytes=request.card.budget_bytes,
        interval=_interval(prediction),
    )
    return Memory(
        model=request.step.model.name,
        input=prediction.recording.input,
        batch_size=prediction.recording.batch_size,
        settings=request.settings(),
        gpu=request.card.title,
        totals=totals,
        layers=layers,
        uncounted=prediction.timeline.uncounted,
        rules=tuple(
            UsedRule(rule.operator, rule.kind, rule.source)
            for rule in prediction.timeline.used_rules
        ),
        notes=_notes(prediction),
        details=prediction.recording.details,
        environment=environment(),
        history=played,
    )


def _interval(prediction: Prediction) -> dict[str, tuple[int, int]]:
    """Between which the figures lie: convolutions with no scratch memory, and with the most."""
    request, played = prediction.request, prediction.played
    ends: tuple[Workspace, Workspace] = ("none", "cap")
    found = [played]
    for workspace in ends:
        target = replace(prediction.timeline.target, workspace=workspace)
        timeline = lower(prediction.recording, target)
        if timeline.events != prediction.timeline.events:
            found.append(play(timeline, CachingAllocator(request.config)))
    context = request.card.gpu.context_range
    allocated = [one.peak for one in found]
    reserved = [one.reserved for one in found]
    return {
        "peak_allocated_bytes": (min(allocated), max(allocated)),
        "peak_reserved_bytes": (min(reserved), max(reserved)),
        "process_bytes": (min(reserved) + context[0], max(reserved) + context[1]),
    }


def _layers(played: Simulation) -> tuple[LayerMemory, ...]:
    found: dict[str, dict[str, int]] = {}
    for held in played.held_at(played.peak_at):
        name = layer_name(played.layers, held.alloc.layer, held.phase)
        row = found.setdefault(name, dict.fromkeys(CATEGORIES, 0))
        row[held.alloc.category] += held.bytes
    return tuple(LayerMemory(name, sum(row.values()), row) for name, row in found.items())


def _notes(prediction: Prediction) -> tuple[str, ...]:
    request = prediction.request
    notes = list(prediction.recording.notes)
    if request.card.assumed:
        notes.append(
            f"no GPU was named, so rules and context are those of {request.card.title}: "
            "name yours with --gpu"
            if request.card.budget_bytes is None
            else f"a size names no card, so rules and context are those of {request.card.title}"
        )
    if refused := plans_on(request.card.gpu).refused:
        notes.append(refused)
    if not prediction.played.settled:
        notes.append("the steps had not begun to repeat exactly; later ones may take a little more")
    notes += [
        f"the allocator's option {name} is not modelled" for name in request.config.not_modelled
    ]
    return tuple(notes)


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
    from nincost._measure.measure import measure_request

    assert result.history is not None
    try:
        measured = measure_request(request, result.history.steps)
    except NincostError as error:
        if wanted:
            raise
        return replace(result, notes=(*result.notes, f"not measured: {error}"))
    return replace(result, totals=replace(result.totals, measured=measured))
