"""`nincost.memory`: a step's memory, by the engine that knows such a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Unpack

from nincost._chinese.translate import Lang, check_language
from nincost._emulator.described.answer import emulated_memory, start_process
from nincost._isolation import in_own_mode
from nincost._memory.memory import memory as by_meta
from nincost._memory.results import Memory
from nincost._models.nin import DEFAULT_MODEL
from nincost._step.option_fields import with_options
from nincost._step.option_text.quantize import is_by_torchao
from nincost._step.parallel import Parallel, ParallelOptions, split_options
from nincost._step.request import make_request
from nincost._step.step_options import Step
from nincost._step.step_words import StepOptions
from nincost._step.tp_plan import read_tp_plan
from nincost.errors import EmulatorError, InputError, NotFollowedError

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer


class MemoryOptions(StepOptions, ParallelOptions, total=False):
    """A step, and how it is spread over ranks."""


@in_own_mode
@with_options((Step, Parallel), MemoryOptions.__annotations__)
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
    lang: Lang | None = None,
    **options: Unpack[MemoryOptions],
) -> Memory:
    """Predict what a training step takes on a GPU, or on each of many, without one.

    On one GPU the step is the real one, on the meta device: forward, loss, `zero_grad`, backward
    by autograd, and a `torch.optim` optimizer's step, again and again until nothing changes. CUDA's
    rules turn it into allocations, and a model of PyTorch's caching allocator into memory.

    With `ranks` or `compile`, and for sparse gradients and those of torchao's weights that must see
    the card, PyTorch's own CUDA code runs the step on an emulated GPU, as `nincost.run` does with a
    script: Linux on x86-64 and a CUDA build of torch. The result's `engine` says which it was.

    Args:
        model, input, batch_size, arg: as in `nincost.profile`; the batch is that of one
            data-parallel rank.
        gpu: the card whose rules, context and memory are taken (`rtx4090`), or a size (`24GiB`);
            the one in this machine, else an A100, where None.
        what_if: another model to predict with the same options, such as `one-1x1`.
        suggest: predict what smaller batch, mixed precision, checkpointing and other optimizers
            would save, or, where the step does not fit the card, what makes it fit; `cheap`: where
            that takes some seconds at most, as the command does for its table; `unfit`: that, and
            only where the step does not fit. None: no.
        measure: run real steps on this machine's GPU too; where there is one if None.
        step: a function of your own in the place of that step: it does forward, loss, backward and
            the optimizers' steps in any order, and is called with copies of the models and the
            optimizers, and with the input. Of the options below it takes those that set torch or
            the allocator.
        models, optimizers: what `step` gets: lists, in the order of its parameters and before the
            input, or dicts, by name.
        lang: the language of the words, `en` or `zh`; that of LANG if None.
        {options}

    Returns:
        A `Memory`: totals, what each layer holds at the peak, rules and notes; of several ranks
        those of the one that takes most, and each rank that differs.

    Raises:
        NincostError: something that does not fit; its message says what to try.

    Examples:
        >>> nincost.memory("two-1x1", batch_size=128).totals.peak_phase
        'backward'
    """
    check_language(lang)
    given, parallel = split_options(options)
    chosen: Any = given
    beside: dict[str, Any] = {
        "step": step, "what_if": what_if, "measure": measure, "suggest": suggest is True,
        "models": models, "optimizers": optimizers,
    }  # fmt: skip

    def by_emulator() -> Memory:
        refuse_beside_ranks(**beside)
        request = make_request(model, gpu, batch_size, input=input, arg=arg, **chosen)
        check_together(request.step, parallel)
        with start_process(request) as process:
            return emulated_memory(request, parallel, process)

    if not parallel.is_usual:
        return replace(by_emulator(), lang=lang)
    try:
        found = by_meta(
            model, input=input, batch_size=batch_size, arg=arg, gpu=gpu,
            **{**beside, "suggest": suggest}, **chosen,
        )  # fmt: skip
    except NotFollowedError as refusal:
        if any(beside.values()) or chosen.get("on_cpu"):
            raise
        try:
            found = by_emulator()
        except (EmulatorError, InputError):  # there can be none here, or it is given no such step
            raise refusal from None
        note = f"{refusal.what} are not followed on meta, so PyTorch's CUDA code ran the step"
        found = replace(found, notes=(*found.notes, note))
    return replace(found, lang=lang)


def refuse_beside_ranks(**given: Any) -> None:
    """Refuse what is not known of a step on several ranks, or a compiled one.

    Raises:
        InputError: something of it is given.
    """
    for name, value in given.items():
        if value:
            raise InputError(
                f"{name} is not known of a step on several ranks or a compiled one: leave it out"
                + ("; nincost plan tries changes" if name == "suggest" else "")
            )


def check_together(step: Step, parallel: Parallel) -> None:
    """Refuse a step that no such ranks run.

    Raises:
        InputError: the two do not fit together.
    """
    if parallel.pp > 1:
        unfit = {
            "inference": step.inference, "grad_accumulation": step.grad_accumulation > 1,
            "grad_scaler": step.scales_gradients, "lora": bool(step.lora),
        }  # fmt: skip
        for name, is_given in unfit.items():
            if is_given:
                raise InputError(f"{name} is not known of a pipeline: leave it or pp out")
    if parallel.kind in ("ddp", "zero1") and step.inference:
        raise InputError(
            f"{parallel.kind} does nothing in inference: leave ranks out, or give parallel fsdp"
        )
    if step.quantize and (
        parallel.ranks > 1 or not (parallel.is_usual or is_by_torchao(step.quantize))
    ):
        raise InputError(
            "quantize is not known of a step on several ranks, nor bitsandbytes' of a compiled "
            "one: leave it out, or have the script run by nincost run"
        )
    if parallel.tp_plan:
        read_tp_plan(parallel.tp_plan)
    if step.generate is not None:
        raise InputError("generate is not known of a step on several ranks: leave ranks out")
    if step.model.training_step:
        raise InputError(
            f"the training step of {step.model.name} is not known on several ranks or compiled: "
            "give --loss, and --optimizer, in its place, or have the script run by nincost run"
        )
    if step.on_cpu:
        raise InputError(
            "on_cpu is not for the emulated GPU, which runs a model as it is: leave it out"
        )
