"""Which addresses of the device hold parameters, gradients, optimizer state and inputs.

The allocator's history has addresses and no names. Whenever the hooks of `phases.py` see
tensors whose purpose is known, the address of their memory is noted with the time; `history.py`
finds the block that had the address then. No tensor is kept alive.
"""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

#: How deep arguments are searched for tensors.
_DEPTH = 4


class NamedTensors:
    """Appends `(time in ns, address, category, layer)` to a list."""

    def __init__(self, torch: Any, named: list[tuple[int, int, str, int]]) -> None:
        self.torch = torch
        self.named = named
        self._plain = (torch.nn.Parameter, torch.Tensor)
        #: The layer of each parameter, by the parameter; tensors compare by value, hence the key.
        self.layers: _ByIdentity = _ByIdentity()

    def name(self, category: str, tensors: Iterable[Any], layer: int = -1) -> None:
        """Note tensors of one category and layer; what is None is left out.

        Each module's parameters are noted at each call, so this is short: whether a plain tensor is
        on the device at all, its address says to who looks for the block.
        """
        now, named, plain = time.time_ns(), self.named, self._plain
        for tensor in tensors:
            if type(tensor) in plain:
                try:
                    named.append((now, tensor.untyped_storage().data_ptr(), category, layer))
                except (RuntimeError, NotImplementedError, ValueError):  # without memory, or lazy
                    continue
            elif tensor is not None:
                for address in self.addresses(tensor):
                    named.append((now, address, category, layer))

    def addresses(self, tensor: Any) -> Iterator[int]:
        """Where a tensor's memory on the device begins; of a subclass those of its parts."""
        flatten = getattr(tensor, "__tensor_flatten__", None)
        if flatten is not None:
            for name in flatten()[0]:
                inner = getattr(tensor, name)
                if isinstance(inner, self.torch.Tensor):
                    yield from self.addresses(inner)
        elif tensor.is_cuda:
            try:
                address = tensor.untyped_storage().data_ptr()
            except (RuntimeError, NotImplementedError, ValueError):  # without memory, or lazy
                return
            if address:
                yield address

    def name_arguments(self, arguments: Any) -> None:
        """Tensors among a module's arguments; whether they are inputs, their time of birth says."""
        self.name("inputs", self._tensors_in(arguments, _DEPTH))

    def _tensors_in(self, value: Any, depth: int) -> Iterator[Any]:
        if isinstance(value, self.torch.Tensor):
            if not value.is_meta:
                yield value
        elif depth:
            if isinstance(value, dict):
                value = list(value.values())
            if isinstance(value, list | tuple):
                for item in value:
                    yield from self._tensors_in(item, depth - 1)

    def name_groups(self, groups: Iterable[dict[str, Any]]) -> None:
        """An optimizer's parameters, and their gradients."""
        for group in groups:
            for parameter in group["params"]:
                layer = self.layers.get(parameter, -1)
                self.name("parameters", (parameter,), layer)
                if parameter.grad is not None:
                    self.name("gradients", (parameter.grad,), layer)

    def name_state(self, optimizer: Any) -> None:
        """What an optimizer keeps for each parameter."""
        for parameter, state in list(optimizer.state.items()):
            layer = self.layers.get(parameter, -1)
            self.name("optimizer_state", self._tensors_in(state, 2), layer)

    def name_module(self, root: Any, names: MutableMapping[Any, int]) -> None:
        """Parameters, gradients and buffers of a module and all in it."""
        for module in root.modules():
            layer = names.get(module, -1)
            parameters = [p for p in module._parameters.values() if p is not None]
            self.name("parameters", parameters, layer)
            self.name("gradients", [p.grad for p in parameters], layer)
            self.name("buffers", module._buffers.values(), layer)

    def name_everything(self, names: MutableMapping[Any, int]) -> None:
        """All modules and optimizers that are alive."""
        module, optimizer = self.torch.nn.Module, self.torch.optim.Optimizer
        for thing in gc.get_objects():
            kind = type(thing)
            if issubclass(kind, module) and "_parameters" in thing.__dict__:
                layer = names.get(thing, -1)
                self.name("parameters", thing._parameters.values(), layer)
                self.name("buffers", thing._buffers.values(), layer)
            elif issubclass(kind, optimizer) and "param_groups" in thing.__dict__:
                self.name_groups(thing.param_groups)
                self.name_state(thing)


class _ByIdentity:
    """Values by an object that may not be hashed by value; forgets those that are gone."""

    def __init__(self) -> None:
        self._values: dict[int, tuple[weakref.ref[Any], int]] = {}

    def __setitem__(self, key: Any, value: int) -> None:
        number = id(key)
        self._values[number] = (weakref.ref(key, lambda _: self._values.pop(number, None)), value)

    def get(self, key: Any, default: int) -> int:
        found = self._values.get(id(key))
        return default if found is None or found[0]() is not key else found[1]
