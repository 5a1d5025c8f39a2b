"""`nincost.plan`: ways to train a model on a number of cards, tried and put in order."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack

from nincost._devices.cards import parse_size
from nincost._emulator.described.answer import Peaks, rank_peaks, start_process
from nincost._emulator.described.warm import WarmProcess
from nincost._engines.memory import MemoryOptions, check_together
from nincost._environment import environment
from nincost._isolation import collection_paused, in_own_mode
from nincost._memory.predict import predict
from nincost._models.nin import DEFAULT_MODEL
from nincost._plan.plan_results import Plan, PlanTotals
from nincost._plan.planner import Planner
from nincost._plan.ways import ways_of
from nincost._step.option_fields import with_options
from nincost._step.parallel import Parallel, split_options
from nincost._step.request import Request, make_request
from nincost._step.step_options import Step
from nincost._time.predict import predict_time
from nincost._time.ranks.spread import untimed
from nincost._time.speeds import is_timed
from nincost.errors import EmulatorError, InputError


@in_own_mode
@with_options((Step, Parallel), MemoryOptions.__annotations__)
def plan(
    model: Any = DEFAULT_MODEL,
    *,
    gpu: str | None = None,
    input: Any = None,
    arg: Mapping[str, Any] | None = None,
    global_batch: int | None = None,
    within: int | str | None = None,
    **options: Unpack[MemoryOptions],
) -> Plan:
    """Try ways to train a model on a number of cards, and order those that fit.

    By predicted examples a second where those are known (of a card that was named), else by memory.

    How ranks share the model (FSDP, FSDP that keeps parameters gathered, HSDP, ZeRO 1, DDP), times
    activation checkpointing of its blocks (each, selective, every second, none), times precision,
    times the optimizer's kernel (fused, 8 bits), times the batch of a rank in powers of two (or,
    with `global_batch`, in its divisors, with gradient accumulation for the rest). Of what fits,
    the fastest are tried compiled, too. An option that is given stays as it is (`compile=False`
    tries none). What a smaller batch does not fit, a larger does not; where a way to share the
    model does not fit with the leanest options, no other of it is tried.

    Args:
        gpu: the card, such as `h100`, or a size; the one in this machine where None.
        model, input, arg: as in `nincost.memory`.
        global_batch: examples of an optimizer step over all ranks.
        within: what a rank's process may take, such as `70GiB`; the card's memory where None.
        {options}

    Returns:
        A `Plan`: the ways that fit, each with the command that predicts it in full.

    Raises:
        InputError: no way fits; the message says what the leanest one needs.

    Examples:
        >>> nincost.plan("two-1x1", gpu="24GiB", optimizer="AdamW").rows[0].activation_checkpointing
        'none'
    """
    chosen, parallel = _split(options)
    step: Any = chosen
    request = make_request(model, gpu, input=input, arg=arg, **step)
    check_together(request.step, parallel)
    if request.step.inference or parallel.pp > 1:
        raise InputError("a plan is for training without a pipeline: leave inference and pp out")
    budget = request.card.budget_bytes
    if within is not None:
        budget = parse_size(within) if isinstance(within, str) else within
    if budget is None:
        raise InputError("no GPU is named and none is here: give --gpu, such as h100, or --within")
    if request.card.budget_bytes is not None:
        budget = min(budget, request.card.budget_bytes)
    share = None if global_batch is None else parallel.share(global_batch)
    fixed = {"model": model, "gpu": gpu, "input": input, "arg": arg, **options}
    ways = ways_of(request, parallel, list(options))
    rate = _rate if is_timed(request) and not untimed(parallel) else None
    with contextlib.ExitStack() as stack:
        compiled = rate is not None and "compile" not in options
        process, why = _start_process(request, parallel, stack, compiled=compiled)

        def ask(step: Request, of_ranks: Parallel) -> Peaks:
            if of_ranks.is_usual:
                return _by_trace(step)
            assert process is not None
            return rank_peaks(step, of_ranks, process)

        # A recording is made in one thread.
        workers = 1 if parallel.is_usual else min(os.cpu_count() or 1, 4)
        planner = Planner(
            request, parallel, budget, share, ask, rate, fixed, workers,
            tries_compiled=compiled and not why,
        )  # fmt: skip
        rows = planner.run(ways)
    if not rows:
        raise InputError(planner.nothing_fits())
    return Plan(
        model=request.step.model.name,
        input=_specs(
            request.step.model.default_input
            if request.step.input is None
            else request.step.input
        ),
        gpu=request.card.title,
        ranks=parallel.ranks,
        global_batch=global_batch,
        settings=request.options() | ({} if parallel.is_usual else _shared(parallel, options)),
        rows=tuple(rows),
        totals=PlanTotals(len(ways) + planner.compiled_ways, planner.ways_tried,
                          len(rows), planner.steps, budget),
        dropped=dict(planner.dropped),
        engine="meta" if parallel.is_usual else "emulated",
        notes=(*planner.notes, *([why] if why else [])),
        environment=environment(),
    )  # fmt: skip


#: What only FSDP has: where one is given, but no way to share the model, FSDP is meant.
_OF_FSDP = ("reshard_after_forward", "fsdp_wrap", "mixed_precision", "cpu_offload")


def _split(options: Mapping[str, Any]) -> tuple[dict[str, Any], Parallel]:
    """As `split_options`, of ranks that share the model in a way that fits the others."""
    one = options.get("ranks") in (None, 1)
    if one or "parallel" in options or not any(options.get(name) for name in _OF_FSDP):
        return split_options(options)
    return split_options({**options, "parallel": "fsdp"})


def _shared(parallel: Parallel, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that all ways share."""
    return parallel.options() | ({} if "parallel" in options else {"parallel": None})


def _start_process(
    request: Request, parallel: Parallel, stack: contextlib.ExitStack, *, compiled: bool
) -> tuple[WarmProcess | None, str]:
    """What runs steps on ranks and compiled ones, until `stack` ends.

    Args:
        compiled: whether compiled steps are wanted.

    Returns:
        The process, None where the plan does without; and why no compiled steps can be tried, where
        they are wanted.

    Raises:
        EmulatorError: the ranks need one, and there can be none here.
    """
    why = ""
    try:
        if compiled:
            check_together(request.step, replace(parallel, compile=True))
        if compiled or not parallel.is_usual:
            return stack.enter_context(start_process(request)), ""
    except (InputError, EmulatorError) as error:
        if not parallel.is_usual:
            raise
        why = f"no way was tried compiled: {error}"
    return None, why


def _by_trace(step: Request) -> Peaks:
    with collection_paused():
        found = predict(step, quick=True)
    return Peaks(found.simulation.peak, found.simulation.reserved, found.process_bytes, False)


def _rate(step: Request, parallel: Parallel) -> float:
    with collection_paused():
        timing = predict_time(step, parallel=parallel, compiled=parallel.compile)
        return timing.examples_per_second


def _specs(given: Any) -> tuple[str, ...]:
    """An input as it was given, as texts."""
    if isinstance(given, str):
        return (given,)
    return tuple(item if isinstance(item, str) else type(item).__name__ for item in _items(given))


def _items(given: Any) -> Sequence[Any]:
    return given if isinstance(given, list | tuple) else [given]
