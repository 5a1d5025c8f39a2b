"""What kernels issue that wait for their instructions: addresses, conversions, comparisons."""

from __future__ import annotations

from math import prod

import torch

from nincost._time.work.kinds import Family, Instructions
from nincost._time.work.layouts import dimension_order, is_dense
from nincost._trace.records import Signature, TensorMeta

#: Instructions of a pooled output beside those of its taps, counted in taps.
_OVERHEAD = 12
#: Threads of a block of adaptive pooling, which has a plane (AdaptiveAveragePooling.cu).
_PLANE = 256
_HALF = (torch.float16, torch.bfloat16)


def issued(
    signature: Signature, family: Family, given: list[TensorMeta]
) -> tuple[Instructions, int]:
    """What an operator that waits for memory issues, and how many; nothing where it hardly counts.

    Kernels over contiguous tensors of one type load four elements or more at a time
    (vectorized_elementwise_kernel); all others compute an address for each.
    """
    name, outputs = signature.name, signature.outputs
    largest = max((tensor.elements for tensor in (*given, *outputs)), default=0)
    if "adaptive" in name:
        x = max(given, key=lambda tensor: tensor.elements)
        return "adaptive", _PLANE * prod(x.shape[:-2])
    if family == "pooling-backward":
        return "pooling-backward", sum(tensor.elements for tensor in outputs)
    if family == "pooling":
        return "pooling", outputs[0].elements * (_OVERHEAD + _taps(signature))
    if family == "reduction":
        return "reduction", largest
    if name in ("aten.roll", "aten.flip"):
        return "roll", largest
    if name in ("aten.cat", "aten.stack"):
        return ("", 0) if all(map(is_dense, given)) else ("strided", largest)
    if family in ("elementwise", "copy", "transpose"):
        made = outputs[0] if outputs else given[0]
        if any(not _alike(one, made, name) for one in given if one.elements > 1):
            return "strided", largest
    return "", 0


def _taps(signature: Signature) -> int:
    """The places of its input that a pooled or resized output is made of."""
    if "upsample" in signature.name:  # what follows the input is the output's size, no window
        dimensions = len(signature.outputs[0].shape) - 2
        wide = 4 if "cubic" in signature.name else 2 if "linear" in signature.name else 1
        return int(wide**dimensions)
    window = signature.args[1] if len(signature.args) > 1 else ()
    return prod(window) if isinstance(window, tuple) else 1


def _alike(given: TensorMeta, made: TensorMeta, name: str) -> bool:
    """Whether a kernel can step through both at once."""
    if given.shape != made.shape or dimension_order(given) != dimension_order(made):
        return False
    if given.dtype == made.dtype or made.dtype is torch.bool or given.dtype is torch.bool:
        return True
    # Copy.cu has a vectorized kernel for this conversion, and for none other.
    return given.dtype is torch.float32 and made.dtype in _HALF and "copy" in name
