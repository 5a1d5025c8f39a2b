"""`nincost.verify`: a predicted step beside the same step in PyTorch's own CUDA code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from nincost._emulator.launch import UNLIMITED
from nincost._emulator.verification.changes import Change, first_difference, predicted
from nincost._emulator.verification.emulated_step import EmulatedStep, run_emulated_step
from nincost._emulator.verification.results import Difference, Verification, VerificationTotals
from nincost._isolation import collection_paused, in_own_mode
from nincost._memory.predict import Prediction, describe, predict
from nincost._models.nin import DEFAULT_MODEL
from nincost._step.option_fields import with_options
from nincost._step.request import make_request, refuse_own_step
from nincost._step.step_options import Step
from nincost._step.step_words import StepOptions
from nincost.errors import ModelError


@in_own_mode
@with_options(Step, StepOptions.__annotations__)
def verify(
    model: Any = DEFAULT_MODEL,
    *,
    input: Any = None,
    batch_size: int = 1,
    arg: Mapping[str, Any] | None = None,
    gpu: str | None = None,
    **step: Unpack[StepOptions],
) -> Verification:
    """Predict a step as `nincost.memory` does, and run it in PyTorch's CUDA code, without a GPU.

    What runs is PyTorch itself, over an emulated CUDA in which kernels do nothing: its own
    operators, autograd and caching allocator. `nincost memory --verify` is the same.

    Args:
        model, input, batch_size, arg: as in `nincost.profile`.
        gpu: the card, as in `nincost.memory`.
        {options}

    Returns:
        A `Verification`: both peaks of both, and where single allocations part first.

    Raises:
        EmulatorError: there can be no emulated GPU here (Linux on x86-64, a CUDA build of torch).
        NincostError: as `nincost.memory`, or the step cannot be run.

    Examples:
        >>> nincost.verify("two-1x1", batch_size=8, gpu="h100").totals.agrees
        True
    """
    with collection_paused():
        request = make_request(model, gpu, batch_size, input=input, arg=arg, **step)
        refuse_own_step(request, "verify")
        prediction = predict(request)
        result = describe(prediction)
    simulation = prediction.simulation
    card = request.card.gpu
    # Where it does not fit, the card has no end, so that all of it can be compared.
    fits = prediction.process_bytes < card.memory_bytes
    real = run_emulated_step(
        request, simulation.steps, changes=True, capacity=None if fits else UNLIMITED
    )
    if real.out_of_memory:
        raise ModelError(f"the emulated step ran out of memory: {real.out_of_memory}")
    return Verification(
        model=result.model,
        input=result.input,
        batch_size=result.batch_size,
        gpu=result.gpu,
        settings=result.settings,
        totals=VerificationTotals(
            predicted_allocated_bytes=simulation.peak,
            emulated_allocated_bytes=real.allocated,
            predicted_reserved_bytes=simulation.reserved,
            emulated_reserved_bytes=real.reserved,
            changes=len(real.changes),
            agrees=(simulation.peak, simulation.reserved) == (real.allocated, real.reserved),
        ),
        difference=_difference(prediction, real),
        notes=result.notes,
        environment=result.environment,
    )


def _difference(prediction: Prediction, real: EmulatedStep) -> Difference | None:
    simulation = prediction.simulation
    mine = predicted(simulation.events, simulation.layers)
    number = first_difference(mine, real.changes)
    if number is None:
        return None
    here = mine[number] if number < len(mine) else None
    there = real.changes[number] if number < len(real.changes) else None
    place = here or (mine[-1] if mine else Change(0))
    return Difference(
        number=number,
        step=place.step,
        phase=place.phase,
        layer=here.layer if here else "",
        operator=here.operator if here else "",
        category=here.category if here else "",
        predicted_bytes=here.bytes if here else None,
        emulated_bytes=there.bytes if there else None,
        line=there.line if there else "",
    )
