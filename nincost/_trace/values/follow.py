"""Follows what small tensors hold, by storage, through the operators of a run on meta."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.parameter import is_lazy

from nincost._torch.autograd import storage_address
from nincost._torch.operators import operator_name
from nincost._trace.values.assumed_outputs import Assume, Constant
from nincost._trace.values.assumptions import Assumption, calling_line
from nincost._trace.values.contents import (
    LARGEST,
    Computation,
    Content,
    Evaluation,
    UnknownError,
    View,
    storage_like,
)
from nincost._trace.values.flows import Flow, flow_of
from nincost._trace.values.worst_outputs import WORST

#: Bytes up to which a tensor on the CPU that an operator gets is kept.
_SNAPSHOT = 2**22

_CPU = torch.device("cpu")


class _StorageRef(weakref.ref[Any]):
    """A weak reference to a meta storage whose content is known."""

    __slots__ = ("address", "content")

    address: int
    content: Content


class Values:
    """What is known of the tensors of one run.

    Args:
        worst: whether the worst case is assumed of what is not known, rather than the balanced one.

    Attributes:
        evaluation: computes what is looked at, and has the assumptions that this rested on.
        literal_made: called with each meta tensor that `torch.tensor` and its likes make.
    """

    def __init__(self, *, worst: bool = False) -> None:
        self.literal_made: Callable[[Tensor], None] | None = None
        self._instead = WORST if worst else {}
        self.evaluation = Evaluation()
        self._known: dict[int, _StorageRef] = {}

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What was assumed where something looked, in that order, with how often."""
        return tuple(replace(one, count=count) for one, count in self.evaluation.assumed.items())

    def forget(self) -> None:
        """Drop all: something ran that was not followed."""
        self._known.clear()

    # --- what is known -------------------------------------------------------------------------

    def set(
        self, tensor: Tensor, make: Callable[[], Tensor], why: Assumption | None = None
    ) -> None:
        """A meta tensor holds what `make` gives on the CPU, in the tensor's shape and type."""
        storage = tensor.untyped_storage()
        layout = View.of(tensor, _NOTHING)

        def run(_: Sequence[torch.UntypedStorage]) -> list[torch.UntypedStorage]:
            return [storage_like(make().to(layout.dtype), layout, storage_bytes)]

        storage_bytes = storage.nbytes()
        self._keep(storage, Computation(run, (), [storage_bytes], why).contents()[0])

    def follow_copy(self, original: Tensor, copy: Tensor) -> None:
        """A meta tensor is a copy of a buffer, whose content is read when something looks."""
        if not original.is_meta and original.layout is torch.strided and not is_lazy(original):
            self.set(copy, lambda: original.detach().to("cpu"))

    def view(self, tensor: Tensor) -> View | None:
        """How to compute what a meta tensor holds; None where nothing is known of it."""
        if type(tensor) is not Tensor and type(tensor) is not Parameter:
            return None
        storage = tensor.untyped_storage()
        ref = self._known.get(storage_address(storage))
        if ref is None or ref.content.bytes != storage.nbytes():  # it was resized
            return None
        return View.of(tensor, ref.content)

    def look(self, tensor: Tensor) -> Tensor:
        """What a tensor holds, on the CPU, to be read only.

        Raises:
            UnknownError: that is not known, or too large to compute.
        """
        if not tensor.is_meta:
            return tensor
        view = self.view(tensor)
        if view is None:
            raise UnknownError
        return self.evaluation.tensor(view)

    # --- operators -----------------------------------------------------------------------------

    def ran(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """An operator ran that is no view: keep how to compute what it wrote or made."""
        flow = flow_of(func)
        if flow.writes or flow.named:
            self._wrote(flow, func, args, kwargs)
            return
        if flow.constant is not None:
            self.set(result, _bound(flow.constant, result, args, kwargs))
            return
        if not flow.pure:
            if flow.assumed is not None:
                self._assume(flow.assumed, func, args, kwargs, result)
            return
        if args:
            first = args[0]
            if type(first) is Tensor and first.is_meta:
                address = storage_address(first.untyped_storage())
                if address not in self._known:
                    if flow.assumed is not None:
                        self._assume(flow.assumed, func, args, kwargs, result)
                    return
            elif type(first) is Parameter:
                return
        try:
            self._made(func, args, kwargs, result)
        except UnknownError:
            if flow.assumed is not None:
                self._assume(flow.assumed, func, args, kwargs, result)

    def _made(self, func: Any, args: Any, kwargs: Any, result: Any) -> None:
        outputs = [result] if isinstance(result, Tensor) else result
        if not isinstance(outputs, list | tuple):
            return
        made = [one for one in outputs if isinstance(one, Tensor) and one.is_meta]
        if not made or len(made) != len(outputs):
            return
        needs: list[Content] = []
        call = self._described((args, kwargs), needs)
        layouts = [View.of(one, _NOTHING) for one in made]
        sizes = [one.untyped_storage().nbytes() for one in made]

        def run(storages: Sequence[torch.UntypedStorage]) -> list[torch.UntypedStorage]:
            given, named = _undescribed(call, dict(zip(map(id, needs), storages, strict=True)))
            found = func(*given, **named)
            found = [found] if isinstance(found, Tensor) else found
            return [
                storage_like(one, layout, size)
                for one, layout, size in zip(found, layouts, sizes, strict=True)
            ]

        contents = Computation(run, needs, sizes).contents()
        for one, content in zip(made, contents, strict=True):
            self._keep(one.untyped_storage(), content)

    def _wrote(self, flow: Flow, func: Any, args: Any, kwargs: Any) -> None:
        """An operator changed some of its arguments."""
        targets = _tensors([args[place] for place in flow.writes if place < len(args)])
        targets += _tensors([kwargs[name] for name in flow.named if name in kwargs])
        targets = [one for one in targets if one.is_meta]
        known = [one for one in targets if storage_address(one.untyped_storage()) in self._known]
        if not known and not flow.overwrites:
            return
        try:
            if not flow.pure:
                raise UnknownError
            if flow.overwrites and targets and not known:
                self._overwrite(func, targets[0], args, kwargs)
            elif len(known) == len(targets):
                self._write(func, targets, args, kwargs)
            else:
                raise UnknownError
        except UnknownError:
            for one in known:
                self._known.pop(storage_address(one.untyped_storage()), None)

    def _overwrite(self, func: Any, target: Tensor, args: Any, kwargs: Any) -> None:
        storage = target.untyped_storage()
        if target.numel() * target.dtype.itemsize != storage.nbytes():
            return
        shape = target.shape
        self.set(target, lambda: torch.zeros(shape, device=_CPU))
        try:
            self._write(func, [target], args, kwargs)
        except UnknownError:
            self._known.pop(storage_address(storage), None)

    def _write(self, func: Any, targets: list[Tensor], args: Any, kwargs: Any) -> None:
        needs: list[Content] = []
        call = self._described((args, kwargs), needs)
        written: dict[int, tuple[torch.UntypedStorage, Content]] = {}
        for one in targets:
            storage = one.untyped_storage()
            address = storage_address(storage)
            if address not in self._known:
                raise UnknownError
            written[address] = storage, self._known[address].content
        changed = [content for _, content in written.values()]

        def run(storages: Sequence[torch.UntypedStorage]) -> list[torch.UntypedStorage]:
            there = dict(zip(map(id, needs), storages, strict=True))
            for content in changed:
                there[id(content)] = there[id(content)].clone()  # type: ignore[no-untyped-call]
            given, named = _undescribed(call, there)
            func(*given, **named)
            return [there[id(content)] for content in changed]

        contents = Computation(run, needs, [content.bytes for content in changed]).contents()
        for (storage, _), content in zip(written.values(), contents, strict=True):
            self._keep(storage, content)

    def _assume(self, assumed: Assume, func: Any, args: Any, kwargs: Any, result: Any) -> None:
        """Nothing follows from the arguments: some results are assumed."""
        name = operator_name(func)
        found = self._instead.get(name, assumed)(args, kwargs, result)
        if found is None:
            return
        why = Assumption("value", name, found.detail, *calling_line(), 1)
        self.set(found.tensor, found.make, why)

    # --- storages ------------------------------------------------------------------------------

    def _keep(self, storage: torch.UntypedStorage, content: Content) -> None:
        ref = _StorageRef(storage, self._ended)
        ref.address = storage_address(storage)
        ref.content = content
        self._known[ref.address] = ref

    def _ended(self, ref: weakref.ref[Any]) -> None:
        assert isinstance(ref, _StorageRef)
        if self._known.get(ref.address) is ref:
            del self._known[ref.address]

    def _described(self, value: Any, needs: list[Content]) -> Any:
        """The same arguments with a `View` for each meta tensor; what they need goes to `needs`.

        Raises:
            UnknownError: the content of one of them is not known.
        """
        kind = type(value)
        if kind is Tensor or kind is Parameter:
            return self._described_tensor(value, needs)
        if kind is list or kind is tuple:
            return kind([self._described(item, needs) for item in value])
        if kind is dict:
            return {key: self._described(item, needs) for key, item in value.items()}
        if kind is torch.device:
            return _CPU
        if isinstance(value, Tensor):
            raise UnknownError
        return value

    def _described_tensor(self, tensor: Tensor, needs: list[Content]) -> Any:
        if not tensor.is_meta:
            if tensor.nbytes > _SNAPSHOT or tensor.device != _CPU:
                raise UnknownError
            return tensor.detach().clone()
        view = self.view(tensor)
        if view is None or view.content.bytes > LARGEST:
            raise UnknownError
        if not any(content is view.content for content in needs):
            needs.append(view.content)
        return view


def _undescribed(value: Any, storages: dict[int, torch.UntypedStorage]) -> Any:
    """Arguments with tensors on these storages in the place of each `View`."""
    if type(value) is View:
        return value.on(storages[id(value.content)])
    if type(value) is list or type(value) is tuple:
        return type(value)([_undescribed(item, storages) for item in value])
    if type(value) is dict:
        return {key: _undescribed(item, storages) for key, item in value.items()}
    return value


def _bound(make: Constant, result: Tensor, args: Any, kwargs: Any) -> Callable[[], Tensor]:
    """`make` of an operator that looks at no values, without its tensors."""
    shape, dtype = result.shape, result.dtype
    numbers = [item for item in args if not isinstance(item, Tensor)]
    return lambda: make(shape, dtype, numbers, kwargs)


def _tensors(values: Sequence[Any]) -> list[Tensor]:
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += _tensors(value)
    return found


_NOTHING = Content(Computation(lambda _: [], ()), 0, 0)
