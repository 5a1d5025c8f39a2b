"""Which function backward runs, and which tensors lie in the same memory."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from nincost._torch.names import bound

_LAYER = "say which layer a gradient belongs to"

#: `torch._C._current_autograd_node()`: the function that backward runs now, None outside.
autograd_node: Callable[[], Any] = bound(
    "_C._current_autograd_node", _LAYER, fits=lambda found: found() is None
)

#: `torch._C._autograd._get_sequence_nr()`: the number that the next autograd function gets.
next_sequence_number: Callable[[], int] = bound(
    "_C._autograd._get_sequence_nr", _LAYER, fits=lambda found: found() >= 0
)

#: `node._sequence_nr()`: the number that an autograd function got.
sequence_number: Callable[[Any], int] = bound(
    "autograd.graph.Node",
    _LAYER,
    use=operator.methodcaller("_sequence_nr"),
    fits=lambda found: found(torch.ones((), requires_grad=True).clone().grad_fn) >= 0,
)

#: `storage._cdata`: the address of an `UntypedStorage`'s C++ object, the same for each view of it.
storage_address: Callable[[torch.UntypedStorage], int] = bound(
    "UntypedStorage._cdata",
    "know which tensors lie in the same memory",
    use=operator.attrgetter("_cdata"),
    fits=lambda found: found(torch.empty(0).untyped_storage()) > 0,
)

#: `Tensor._is_view()`: whether another tensor holds the memory, too.
is_view: Callable[[Tensor], bool] = bound(
    "Tensor._is_view",
    "say what else holds a gradient's memory",
    fits=lambda found: not found(torch.empty(0)),
)
