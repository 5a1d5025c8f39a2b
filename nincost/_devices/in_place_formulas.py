"""Formulas that are in place on a device, but that torch makes out of place under a dispatch mode.

ATen asks whether a tensor is "subclass-like" (ATen/TensorSubclassLikeUtils.h), and an active mode
counts as yes. So a recording shows a new storage where the device writes into an old one.
"""

from __future__ import annotations

from nincost._devices.rules import Call
from nincost._trace.records import TensorMeta

#: Autograd functions whose gradient is zeroed in place where the other argument won: under a mode
#: torch fills a copy (torch/csrc/autograd/generated/Functions.cpp, from derivatives.yaml).
FILL_IN_PLACE = (
    "MaximumBackward0", "MinimumBackward0", "FmaxBackward0", "FminBackward0", "ClampBackward0",
    "ClampBackward1",
)  # fmt: skip

#: Those that pick one element of each row, by a scatter into zeros
#: (torch/csrc/autograd/FunctionsManual.cpp value_selecting_reduction_backward).
SCATTER_IN_PLACE = (
    "MaxBackward0", "MinBackward0", "SortBackward0", "SortBackward1", "TopkBackward0",
    "KthvalueBackward0", "MedianBackward1", "ModeBackward0", "CummaxBackward0", "GatherBackward0",
)  # fmt: skip


def is_in_place_sum(call: Call) -> bool:
    """Whether an `aten.add` of two tensors is in place on a real device.

    Two sums are, where nothing else holds the first term: a gradient that reaches a tensor on two
    ways (torch/csrc/autograd/input_buffer.cpp), and `linear`'s bias
    (aten/src/ATen/native/Linear.cpp).

    The engine sums while the function that it has just called still counts as the current one.
    Functions of ATen end in a digit; one that a user wrote may add for itself. A gradient that is a
    view (of a transposed weight's, say) is held by its base too, and one that comes on both ways by
    itself: these the engine sums out of place (can_accumulate_inplace).
    """
    if call.signature.name != "aten.add" or not isinstance(call.arg(1), TensorMeta):
        return False
    if call.node == "linear":
        return True
    return call.phase == "backward" and call.node[-1:].isdigit() and not call.held
