"""The ways to train a model that a plan tries: each a change of the step and of its ranks."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nincost._memory.changes import has_fused
from nincost._step.activation_checkpointing import REPEATED, repeated_blocks
from nincost._step.parallel import Parallel
from nincost._step.request import Request


@dataclass(frozen=True, slots=True)
class Way:
    """One combination: its names, and the options that make it."""

    parallel: str
    checkpointing: str
    precision: str
    optimizer_impl: str
    step: Mapping[str, Any] = field(hash=False)
    ranks: Mapping[str, Any] = field(hash=False)
    compile: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """Both sets of options."""
        return {**self.step, **self.ranks}

    @property
    def title(self) -> str:
        """`fsdp, bfloat16, compiled`."""
        words = [self.parallel or "one GPU", self.precision]
        return ", ".join([*words, "compiled"] if self.compile else words)

    def compiled(self) -> Way:
        """The same, compiled by torch.compile."""
        return replace(self, compile=True, ranks={**self.ranks, "compile": True})


#: Of each dimension the names from the least memory to the most.
_PRECISIONS = {
    "bfloat16": {"dtype": "bfloat16"},
    "amp bfloat16": {"amp": "bfloat16"},
    "float32": {},
}


#: Whose fused kernels take DTensors, as FSDP and tensor parallelism make them.
_FUSED_ON_DTENSORS = ("Adam", "AdamW")
#: The name of bitsandbytes' optimizers, and the arguments that they share with torch's.
EIGHT_BITS = "8-bit"
_SHARED_ARGUMENTS = {"lr", "betas", "eps", "weight_decay"}


def ways_of(request: Request, parallel: Parallel, given: Sequence[str]) -> list[Way]:
    """All combinations of what the user has not fixed, grouped by how ranks share the model.

    In a group the one that takes least memory is first.

    Args:
        given: names of the options that were given, which stay as they are.
    """
    step = request.step
    shared = _shared(parallel, given)
    checkpointing = [step.activation_checkpointing]
    if "activation_checkpointing" not in given and repeated_blocks(step.model.module):
        checkpointing = [*REPEATED, "none"]
    precisions: dict[str, dict[str, Any]] = dict(_PRECISIONS)
    if {"amp", "dtype", "mixed_precision"} & set(given):
        precisions = {_fixed(request, parallel): {}}
    found = []
    for (name, ranks), checkpoint in itertools.product(shared.items(), checkpointing):
        kinds = dict(precisions)
        is_sharded = name.startswith(("fsdp", "hsdp"))
        whole = name in ("", "ddp") and parallel.tp == 1
        plain = name in ("zero1", "ddp") or (not name and parallel.tp == 1)
        optimizers = _optimizers(request, given, state_is_whole=whole, plain=plain)
        if is_sharded and len(kinds) > 1:
            kinds = {
                "bfloat16": kinds["bfloat16"],
                "mixed bfloat16": {"mixed_precision": "bfloat16"},
                "float32": {},
            }
        for precision, options in kinds.items():
            of_ranks = {k: v for k, v in options.items() if k == "mixed_precision"}
            of_step = {k: v for k, v in options.items() if k != "mixed_precision"}
            of_step["activation_checkpointing"] = checkpoint
            found += [
                Way(name, checkpoint, precision, how, of_step | of_optimizer, ranks | of_ranks)
                for how, of_optimizer in optimizers.items()
            ]
    return found


def _optimizers(
    request: Request, given: Sequence[str], *, state_is_whole: bool, plain: bool
) -> dict[str, dict[str, Any]]:
    """The optimizer's options by name: bitsandbytes' of 8 bits where it is there, then the fused.

    The first takes no DTensors, as FSDP and tensor parallelism make them, and saves little where
    ranks share the state, as with ZeRO 1. Lists and loops of torch's own take more memory and time
    than its fused kernel.

    Args:
        plain: whether parameters are no DTensors.
    """
    step = request.step
    fused = has_fused(step.optimizer) and (plain or step.optimizer in _FUSED_ON_DTENSORS)
    impl = step.optimizer_impl or ("fused" if fused else "")
    found: dict[str, dict[str, Any]] = {impl or "default": {"optimizer_impl": impl} if impl else {}}
    takes_them = state_is_whole and (
        step.optimizer in ("Adam", "AdamW") and set(dict(step.optimizer_arg)) <= _SHARED_ARGUMENTS
    )
    if takes_them and "optimizer_impl" not in given and importlib.util.find_spec("bitsandbytes"):
        eight = {"optimizer": f"bitsandbytes.optim:{step.optimizer}8bit"}
        found = {EIGHT_BITS: eight, **found}
    return found


def _shared(parallel: Parallel, given: Sequence[str]) -> dict[str, dict[str, Any]]:
    """How the data-parallel ranks may share the model, by name."""
    if parallel.data == 1:
        return {"": {}}
    if "parallel" in given:
        return {str(parallel.parallel): {}}
    found: dict[str, dict[str, Any]] = {"fsdp": {"parallel": "fsdp"}}
    if "reshard_after_forward" not in given:
        found["fsdp, kept gathered"] = {"parallel": "fsdp", "reshard_after_forward": False}
    node = parallel.ranks_per_node // parallel.tp
    if node > 1 and parallel.data > node and parallel.data % node == 0:
        found[f"hsdp:{node}"] = {"parallel": f"hsdp:{node}"}
    if not {"fsdp_wrap", "cpu_offload", "reshard_after_forward", "mixed_precision"} & set(given):
        found |= {"zero1": {"parallel": "zero1"}, "ddp": {"parallel": "ddp"}}
    return found


def _fixed(request: Request, parallel: Parallel) -> str:
    step = request.step
    if parallel.mixed_precision:
        return f"mixed {parallel.mixed_precision}"
    return f"amp {step.amp}" if step.amp else step.dtype or "float32"
