"""Tracks module calls: which one is running, what tensors came in and what came out.

The traced module is a private copy, so its calls are tracked by an attribute on each instance
rather than by hooks: nothing has to be removed again, a user's own hooks run inside the call that
they belong to, and a call costs a microsecond more instead of ten.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from types import GeneratorType
from typing import Any

from torch import Tensor, jagged, nn

from nincost._torch.modules import call_of, replace_call, restore_call
from nincost._torch.process import innermost_transform, mapped_shape, values_of_jagged
from nincost._trace.arguments import storage_key
from nincost._trace.recorder import Recorder
from nincost._trace.records import ModuleCall, ModuleInfo, TensorMeta
from nincost.errors import printable


class ModuleTracker:
    """The calls of a module's submodules, in order, as they happen.

    After an error `failed` is the innermost call that it passed through. `in_other_thread` is a
    module that was called in a thread whose operators no dispatch mode of this one can see.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.calls = recorder.calls
        self.modules: list[ModuleInfo] = []
        self.failed: ModuleCall | None = None
        self.in_other_thread: ModuleInfo | None = None
        self._recorder = recorder

    def track(self, model: nn.Module, root_name: str) -> Callable[..., Any]:
        """Record each call of `model` and its submodules from now on, until `untrack`.

        Returns what to call in the model's place.
        """
        for path, module in model.named_modules():
            is_leaf = not any(child is not None for child in module._modules.values())
            index = len(self.modules)
            self.modules.append(
                ModuleInfo(
                    printable(path or root_name),
                    printable(type(module).__name__),
                    is_leaf,
                    module,
                )
            )
            depth = path.count(".") + bool(path)
            replace_call(module, self._recorded(module, index, depth, call_of(type(module))))
        if type(model).__call__ is nn.Module.__call__:
            return model
        # Its class has a `__call__` of its own: what runs there is the root's work too.
        restore_call(model)
        return self._recorded(model, 0, 0, type(model).__call__)

    def new_modules(self, model: nn.Module) -> dict[str, nn.Module]:
        """The modules that `model` has by now and had not when it was tracked, by their paths."""
        known = {id(info.module) for info in self.modules}
        return {path: m for path, m in model.named_modules() if id(m) not in known}

    def add(self, new: Mapping[str, nn.Module]) -> None:
        """Add modules whose calls were not tracked; one that was never called gives its place."""
        called = {call.module for call in self.calls}
        replaced = {i.path: n for n, i in enumerate(self.modules) if n not in called}
        for path, module in new.items():
            # No leaf: nothing is known of its calls, and it is none that was never called.
            info = ModuleInfo(printable(path), printable(type(module).__name__), False, module)
            if info.path in replaced:
                self.modules[replaced[info.path]] = info
            else:
                self.modules.append(info)

    def untrack(self) -> None:
        """Record no more calls; the copy and the tracker do not keep each other alive."""
        for info in self.modules:
            restore_call(info.module)

    def _recorded(
        self, module: nn.Module, index: int, depth: int, run: Callable[..., Any]
    ) -> Callable[..., Any]:
        recorder, calls, ops = self._recorder, self.calls, self._recorder.ops
        thread = threading.get_ident()

        def call(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != thread:
                self.in_other_thread = self.modules[index]
                return run(module, *args, **kwargs)
            parent = recorder.call
            record = ModuleCall(index, parent, depth, len(ops))
            recorder.call = len(calls)
            calls.append(record)
            given = tensors_within((*args, *kwargs.values()) if kwargs else args)
            record.inputs = tuple([_meta(tensor) for tensor in given])
            try:
                result = run(module, *args, **kwargs)
                if parent < 0 and isinstance(result, GeneratorType):
                    result = list(result)  # computed only while somebody iterates
            except BaseException:
                self.failed = self.failed or record
                raise
            finally:
                recorder.call = parent
                record.last_op = len(ops)
            returned = tensors_within(result)
            record.outputs = tuple([_meta(tensor) for tensor in returned])
            record.made = _made(returned, given, module)
            return result

        return call


def _meta(tensor: Tensor) -> TensorMeta:
    if tensor.is_nested and tensor.layout is jagged:
        tensor = values_of_jagged(tensor)
    shape = tensor.shape if innermost_transform() is None else mapped_shape(tensor)
    return TensorMeta(shape, (), tensor.dtype)


def tensors_within(value: Any) -> list[Tensor]:
    """The tensors in a value of nested tuples, lists, dicts and objects such as ModelOutput.

    In order; a container that holds itself is looked into once.
    """
    if isinstance(value, Tensor):
        return [value]
    found: list[Tensor] = []
    waiting, seen = [value], set[int]()
    while waiting:
        item = waiting.pop()
        if isinstance(item, Tensor):
            found.append(item)
            continue
        if item is None or isinstance(item, int | float | str):
            continue
        parts = _parts(item)
        if parts and id(item) not in seen:
            seen.add(id(item))
            waiting.extend(reversed(parts))
    return found


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, list | tuple):
        return list(value)
    # Looked up on the type: an instance may have any name, or raise.
    fields = getattr(type(value), "__dataclass_fields__", ())
    return [getattr(value, name, None) for name in fields]


def _made(returned: list[Tensor], given: list[Tensor], module: nn.Module) -> tuple[bool, ...]:
    """For each tensor returned, whether its memory is neither an argument's nor a weight's."""
    old = {storage_key(tensor) for tensor in given}
    if not module._modules:
        held = (*module._parameters.values(), *module._buffers.values())
        old.update([storage_key(tensor) for tensor in held if tensor is not None])
    made = []
    for tensor in returned:
        storage = storage_key(tensor)
        made.append(storage not in old)
        old.add(storage)  # returned twice, made once
    return tuple(made)
