"""Ways to make a step take less memory, each as the options that it changes and what it means.

In the order of what they cost whoever trains: nothing, then the allocator's settings, then time,
then precision, then another optimizer.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nincost._step.activation_checkpointing import repeated_blocks
from nincost._step.option_checks import MOST_ACCUMULATION
from nincost._step.request import Request

#: Without momentum it has no state.
STATELESS = "SGD"
#: Its second moments are factored into a row and a column for each matrix.
_FACTORED = "Adafactor"
#: The first compute capability with bfloat16 in its tensor cores.
_BFLOAT16 = (8, 0)


@dataclass(frozen=True, slots=True)
class StepChange:
    """Fields of a step with other values, as one would write them, and in words.

    Two changes of one `kind` exclude each other.
    """

    kind: str
    option: str
    description: str
    fields: Mapping[str, Any]

    def of(self, request: Request) -> Request:
        """The request with the change made.

        Raises:
            NincostError: the step cannot be changed so.
        """
        return request.changed(**self.fields)


def one_kernel(request: Request) -> StepChange | None:
    """An optimizer without temporaries as large as all gradients, where it is not one yet."""
    if request.step.inference or request.step.optimizer_impl not in (None, "foreach"):
        return None
    has = has_fused(request.step.optimizer)
    if has is None:
        return None
    return fused() if has else one_by_one()


def has_fused(optimizer: str) -> bool | None:
    """Whether an optimizer has one kernel that updates all; None where it is not torch's own."""
    import torch

    kind = getattr(torch.optim, optimizer, None)
    return None if kind is None else "fused" in inspect.signature(kind).parameters


def fused() -> StepChange:
    """Updates without temporaries and with one launch."""
    return StepChange(
        "impl", "--optimizer-impl fused", "one kernel for all updates", {"optimizer_impl": "fused"}
    )


def one_by_one() -> StepChange:
    """Updates without lists of parameters."""
    return StepChange(
        "impl", "--optimizer-impl for-loop", "updating parameters one by one",
        {"optimizer_impl": "for-loop"},
    )  # fmt: skip


def growing_segments(request: Request) -> StepChange | None:
    """Segments of the allocator that grow, where it has no settings of its own."""
    if request.step.alloc_conf:
        return None
    conf = "expandable_segments:True"
    return StepChange(
        "segments", f"--alloc-conf {conf}", "segments that grow", {"alloc_conf": conf}
    )


def in_parts(request: Request, most: int) -> StepChange | None:
    """The same batch in micro-batches of at most `most`, and one update for all of them."""
    step = request.step
    sizes = range(min(most, step.batch_size - 1), 0, -1)
    micro = next((size for size in sizes if step.batch_size % size == 0), None)
    if step.inference or micro is None:
        return None
    count = step.batch_size // micro
    passes = count * step.grad_accumulation
    if passes > MOST_ACCUMULATION:
        return None
    return StepChange(
        "batch",
        f"--batch-size {micro} --grad-accumulation {passes}",
        f"the same batch in {count} parts",
        {"batch_size": micro, "grad_accumulation": passes},
    )


def checkpointing(request: Request) -> StepChange | None:
    """Blocks that are computed again in backward."""
    step = request.step
    if step.inference or step.activation_checkpointing != "none":
        return None
    blocks = bool(repeated_blocks(step.model.module))
    choice, which = ("blocks", "repeated") if blocks else ("top-level", "top-level")
    return StepChange(
        "checkpointing",
        f"--activation-checkpointing {choice}",
        f"computing each {which} block again in backward",
        {"activation_checkpointing": choice},
    )


def autocast(request: Request) -> StepChange | None:
    """Mixed precision in the type that the card has."""
    if request.step.amp is not None or request.step.dtype:
        return None
    dtype = "bfloat16" if request.card.gpu.capability >= _BFLOAT16 else "float16"
    return StepChange("precision", f"--amp {dtype}", "mixed precision", {"amp": dtype})


def half_weights(request: Request) -> StepChange | None:
    """Weights, and so gradients and the optimizer's state, of half the size."""
    if request.step.dtype or request.card.gpu.capability < _BFLOAT16:
        return None
    words = "weights" if request.step.inference else "weights, gradients and state"
    return StepChange(
        "precision", "--dtype bfloat16", f"{words} in bfloat16", {"dtype": "bfloat16", "amp": None}
    )


def other_optimizers(request: Request) -> Iterator[StepChange]:
    """Optimizers with less state, and with none."""
    step = request.step
    if step.inference:
        return
    less = {"optimizer_arg": None, "optimizer_impl": None}
    if "Adam" in step.optimizer:
        yield StepChange(
            "optimizer", f"--optimizer {_FACTORED}", "an optimizer with factored state",
            {"optimizer": _FACTORED, **less},
        )  # fmt: skip
    if step.optimizer != STATELESS or step.optimizer_arg.get("momentum"):
        yield StepChange(
            "optimizer", f"--optimizer {STATELESS}", "an optimizer without state",
            {"optimizer": STATELESS, **less},
        )  # fmt: skip


def together(changes: list[StepChange]) -> StepChange:
    """Several changes as one."""
    fields: dict[str, Any] = {}
    for change in changes:
        fields |= change.fields
    return StepChange(
        "+".join(change.kind for change in changes),
        " ".join(change.option for change in changes),
        ", ".join(change.description for change in changes),
        fields,
    )
