"""Which errors say that a model needs values, which the meta device has not; why a run had them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

from nincost.errors import NotFollowedError, one_line, place_of

#: What a model does that meta tensors cannot serve: it looks at values; an operator of it has no
#: meta kernel; it uses sparse tensors; it brings tensors of another device together with those on
#: meta; it names a CUDA device;
#: `unknown` where it failed for a reason that a run with values may not have.
FallbackReason = Literal["values", "kernel", "sparse", "devices", "cuda", "unknown"]

#: Each reason as a sentence about the model.
SENTENCES: dict[FallbackReason, str] = {
    "values": "it looks at values",
    "kernel": "an operator of it has no meta kernel",
    "sparse": "it uses sparse tensors",
    "devices": "it mixes tensors of the CPU with those of its input",
    "cuda": "it asks for a CUDA device",
    "unknown": "it fails on the meta device",
}
#: What a model's author may do about it.
REMEDIES: dict[FallbackReason, str] = {
    "values": "put torch.where in the place of what depends on values",
    "kernel": "take an operator that has one in its place",
    "sparse": "take dense tensors in their place, or write the step as a script for nincost run",
    "devices": "make them on the device of its input",
    "cuda": "make them on the device of its input",
    "unknown": "see what it does that a tensor without data cannot serve",
}


@dataclass(frozen=True, slots=True)
class Fallback:
    """A run was made on the CPU, on random input, since it could not be made on the meta device.

    Attributes:
        reason: what the model does that meta tensors cannot serve.
        error: what torch said on meta, in one line.
    """

    reason: FallbackReason
    error: str

    def note(self, consequence: str) -> str:
        """The sentence to show; `consequence` says what it means for the figures."""
        return (
            "ran on the CPU with random input (seed 0), since "
            f"{SENTENCES[self.reason]} ({self.error}): {consequence}"
        )


class MetaError(NamedTuple):
    """An error that torch raises on meta tensors, and only there."""

    kind: type[BaseException]
    words: str  # a regular expression that its text has a match of
    reason: FallbackReason


#: torch's own errors, of 2.11 to 2.14; a test provokes each. The first that matches counts.
META_ERRORS = (
    MetaError(NotImplementedError, r"Could not run 'aten::.*' .* the 'Sparse\w*Meta'", "sparse"),
    MetaError(NotImplementedError, r"Cannot access storage of Sparse\w*TensorImpl", "sparse"),
    MetaError(NotImplementedError, r"attempted to run this operator with Meta tensors", "kernel"),
    MetaError(NotImplementedError, r"could not find the fake impl for this operator", "kernel"),
    MetaError(NotImplementedError, r"has no meta kernel for these arguments$", "kernel"),  # ours
    MetaError(ValueError, r"^FlexAttention is only supported .* tensors on meta device", "kernel"),
    MetaError(RuntimeError, r"^Tensor\.item\(\) cannot be called on meta tensors", "values"),
    MetaError(NotImplementedError, r"^Cannot copy out of meta tensor; no data", "values"),
    MetaError(NotImplementedError, r"^Not available for 'meta' device type", "values"),
    MetaError(NotImplementedError, r"register_meta function for torch\.nonzero\(\)", "values"),
    MetaError(RuntimeError, r"^cannot repeat_interleave a meta tensor", "values"),
    MetaError(RuntimeError, r"trying to run this operator with meta Tensors", "values"),
    MetaError(RuntimeError, r"^'lengths' argument should be a 1D CPU .* 1D meta", "values"),
    MetaError(TypeError, r"^can't convert meta device type tensor to numpy", "values"),
    MetaError(TypeError, r"^unsupported format string passed to Tensor\.__format__", "values"),
    MetaError(BufferError, r"^Cannot pack tensors on meta", "values"),
    MetaError(Exception, r"^(Found no NVIDIA driver|Torch not compiled with CUDA)", "cuda"),
    MetaError(RuntimeError, r"^Tensor on device \w+ is not on the expected device", "devices"),
    MetaError(RuntimeError, r"tensors are not at the same device, found .* meta", "devices"),
    MetaError(RuntimeError, r"^Expected query, key, and value .*\.device: meta", "devices"),
    MetaError(RuntimeError, r"^Attempting to copy from device meta to device", "devices"),
    MetaError(RuntimeError, r'^Attempted to set the storage .* device "meta"', "devices"),
)  # fmt: skip

#: torch's exceptions that have a class of their own; by name, as their modules are slow to import.
VALUE_ERRORS = frozenset({
    "DataDependentOutputException", "DynamicOutputShapeException", "GuardOnDataDependentSymNode",
})  # fmt: skip


def fallback_reason(error: BaseException) -> FallbackReason | None:
    """What `error` says that meta tensors cannot serve; None for a mistake of the model's own."""
    kind = type(error)
    if kind.__name__ in VALUE_ERRORS and kind.__module__.startswith("torch."):
        return "values"
    text = one_line(error, limit=1000)
    for known in META_ERRORS:
        if isinstance(error, known.kind) and re.search(known.words, text):
            return known.reason
    return None


def refused_sparse(model: str, cause: BaseException) -> NotFollowedError:
    """What to raise of a model that `cause` shows to have sparse tensors."""
    return NotFollowedError(
        f"{model} cannot be recorded, since {SENTENCES['sparse']} "
        f"({one_line(cause)}{place_of(cause)}): {REMEDIES['sparse']}",
        "sparse tensors",
    )
