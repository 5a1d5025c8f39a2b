"""Where a script is: step, phase, layer, noted as marks in the allocator's history.

A mark is a number that the allocator writes beside each of its events, so that the history says
exactly in which layer and phase a block was allocated; a torch that cannot do that goes by the time
of each. Nothing here keeps a tensor alive, and nothing allocates on the device.
"""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from nincost._emulator.observe.end import end_script
from nincost._emulator.observe.observer import Observer
from nincost._emulator.observe.shards import note_shards
from nincost._emulator.observe.tensors import NamedTensors
from nincost._torch.autograd import sequence_number
from nincost._torch.observation import metadata_setter

#: What wrappers put into a layer's path, and is none of the script's names.
_WRAPPERS = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")

#: NCCL's watchdog looks every 100 ms for finished work, whose tensors it holds until then
#: (kWatchdogThreadSleepMillis in ProcessGroupNCCL). On a card a step takes longer than that.
WATCHDOG_SECONDS = 0.12


def _nothing() -> None:
    """Where there has been no output."""


class _Thread(threading.local):
    """The module calls that are running in one thread.

    Attributes:
        layers: of the modules, the innermost last.
        functions: numbers of the autograd functions since the last backward that note a layer.
        last_output: gives what the module that ended last has returned, while it is alive.
    """

    def __init__(self) -> None:
        self.layers: list[int] = []
        self.functions: set[int] = set()
        self.last_output: Callable[[], Any] = _nothing


class Phases:
    """Where the script is: phase, step, layer."""

    def __init__(self, torch: Any, observer: Observer) -> None:
        self.torch = torch
        self.observer = observer
        self.seen = observer.seen
        self.tensors = NamedTensors(torch, observer.seen.named)
        self.user_code = observer.user_code
        self.thread = _Thread()
        self.in_backward = False
        self.backward_thread = 0
        self.line = self.layer = -1
        self.step = 0
        self._set = metadata_setter()
        self.layer_numbers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._roots: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self._stepped: weakref.WeakSet[Any] = weakref.WeakSet()
        self._lines: dict[tuple[str, int, str], int] = {}
        self._backward_since_step = False
        self._any_backward = False
        self._step_in_backward = False
        self._step_taken = True  # so that the first forward begins step 1
        self._peaks = (0, 0)

    # --- marks -------------------------------------------------------------------------------

    def mark(self, layer: int) -> None:
        seen = self.seen
        self.layer = layer
        marks = seen.marks
        marks.append((time.time_ns(), seen.phase, self.step, seen.calls, layer, self.line))
        self._set(str(len(marks)))

    def enter_phase(self, phase: str, line: int = -1) -> None:
        self.seen.phase = phase
        self.line = line
        self.mark(self.thread.layers[-1] if self.thread.layers else -1)

    def user_line(self) -> int:
        """The innermost line of the user's own code that is running in this thread."""
        found = self.user_code.innermost(sys._getframe(1))
        if found is None:
            return -1
        number = self._lines.get(found)
        if number is None:
            number = self._lines[found] = len(self.seen.lines)
            self.seen.lines.append(found)
        return number

    def current_line(self) -> tuple[str, int, str] | None:
        """The user's line that the phase began at, such as that which called backward."""
        return self.seen.lines[self.line] if self.line >= 0 else None

    # --- modules -----------------------------------------------------------------------------

    def enter(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        layers = self.thread.layers
        if not layers:
            first = next(module.parameters(), None)
            if first is not None and first.is_meta:  # for its shapes: this is no step yet
                layers.append(-1)
                return
            self._outermost(module, args, kwargs)
        if not self.in_backward:
            self._watch_backward(args or kwargs, layers[-1] if layers else -1)
        layer = self.layer_numbers.get(module)
        if layer is None:  # made on the way, as compiled code's modules are
            layer = layers[-1] if layers else self._add_layer(module, type(module).__name__)
        layers.append(layer)
        self.mark(layer)
        if module._parameters:
            self.tensors.name("parameters", module._parameters.values(), layer)

    def leave(self, module: Any, output: Any) -> None:
        layers = self.thread.layers
        layer = layers.pop()
        if output is not None and not self.in_backward:
            self._watch_backward(output, layer, module)
        if layers:
            self.mark(layers[-1])
        else:
            self._outermost_ends(output)

    def _outermost(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        is_new = module not in self._roots
        if is_new:
            self._name_layers(module)
        if self.in_backward:
            if self.seen.phase == "backward":
                self.seen.phase = "recompute"
            return
        if next(module.parameters(), None) is None:
            # A loss, or a transform of the input: its arguments may be targets.
            self.tensors.name_arguments((args, kwargs))
            return
        self._begin_step()
        self.seen.calls += 1
        self.enter_phase("forward")
        self.tensors.name_arguments((args, kwargs))
        if is_new:
            self.tensors.name_module(module, self.layer_numbers)

    def _outermost_ends(self, output: Any) -> None:
        phase = self.seen.phase
        if phase == "recompute":
            self.seen.phase = "backward"
            self.mark(-1)
        elif phase == "forward":
            self.enter_phase("loss")
            calls = self.observer.orders.calls
            if calls is not None and self.seen.calls >= calls:
                end_script(self.observer, "calls")
        else:
            self.mark(-1)

    def _begin_step(self) -> None:
        if self._step_taken:
            self._step_taken = False
            self.step = self.seen.steps + 1
            distributed = self.torch.distributed
            if self.step > 1 and distributed.is_available() and distributed.is_initialized():
                time.sleep(WATCHDOG_SECONDS)

    def _watch_backward(self, value: Any, layer: int, module: Any = None) -> None:
        """Have backward note when it reaches the function that made a module's output or input.

        Args:
            value: the output, or its arguments; of several tensors the first counts.
            layer: whose that function is; of an input's, which no module has noted, the layer that
                the module was called in: what stands between two modules is their parent's.
            module: the one whose output it is.
        """
        tensor = self.torch.Tensor
        if not isinstance(value, tensor):
            values: Any = ()
            if isinstance(value, tuple | list):
                values = value
            elif isinstance(value, dict):
                values = value.values()
            value = next((one for one in values if isinstance(one, tensor)), None)
        thread = self.thread
        if value is None or value is thread.last_output():
            return  # what the module before has returned, and noted
        function = getattr(value, "grad_fn", None)
        if module is not None:
            thread.last_output = weakref.ref(value)
        if function is None or not hasattr(function, "register_prehook"):
            return
        number = sequence_number(function)
        if number in thread.functions:
            return
        thread.functions.add(number)
        if module is None or not module._parameters:
            function.register_prehook(lambda _gradients: self.mark(layer))
            return
        mine = weakref.ref(module)

        def reached(_gradients: Any) -> None:
            self.mark(layer)
            found = mine()
            if found is not None:
                self.tensors.name("parameters", found._parameters.values(), layer)

        function.register_prehook(reached)

    def _add_layer(self, module: Any, path: str) -> int:
        layer = len(self.seen.layers)
        self.seen.layers.append(path)
        self.layer_numbers[module] = layer
        return layer

    def _name_layers(self, root: Any) -> None:
        kind = type(root).__name__
        taken = list(self._roots.values()).count(kind)
        label = f"{kind}#{taken + 1}" if taken else kind
        self._roots[root] = kind
        several = any(True for _ in root.children())
        for path, module in root.named_modules():
            if module in self.layer_numbers:
                continue
            name = _plain_path(path, kind)
            layer = self._add_layer(module, f"{label}\0{name}" if several else label)
            for parameter in module._parameters.values():
                if parameter is not None:
                    self.tensors.layers[parameter] = layer

    # --- backward ----------------------------------------------------------------------------

    def backward_begins(self) -> bool:
        """Whether this is an outermost backward."""
        if self.in_backward or not self.observer.is_here:
            return False
        self._begin_step()
        self._any_backward = self._backward_since_step = True
        self.thread.functions.clear()
        self.in_backward = True
        self.enter_phase("backward", self.user_line())
        return True

    def backward_ends(self) -> None:
        self.in_backward = False
        self.enter_phase("step")
        if self._step_in_backward:
            self._step_in_backward = False
            self._count_step()

    def zero_grad(self) -> None:
        """Between the loss and backward it is a phase of its own; elsewhere what it frees is."""
        if self.seen.phase == "loss" and not self.in_backward and self.observer.is_here:
            self.enter_phase("zero_grad")

    # --- optimizers --------------------------------------------------------------------------

    def optimizer_begins(self, optimizer: Any, _args: Any, _kwargs: Any) -> None:
        if not self.observer.is_here:
            return
        if not self.in_backward:
            self.enter_phase("step", self.user_line())
        else:
            self.mark(-1)
        self.tensors.name_groups(optimizer.param_groups)

    def optimizer_ends(self, optimizer: Any, _args: Any, _kwargs: Any) -> None:
        if not self.observer.is_here:
            return
        self.tensors.name_state(optimizer)
        if optimizer not in self._stepped:
            self._stepped.add(optimizer)
            self.seen.optimizers.append(type(optimizer).__name__)
            note_shards(self.seen, optimizer)
        if self.in_backward:
            self._step_in_backward = True  # its parameters' others are still to step
            self.mark(-1)
            return
        self.enter_phase("end")
        self._count_step()

    def _count_step(self) -> None:
        """A step is over; one more part of an optimizer's, with no backward before it, is none."""
        self._step_taken = True
        if self._any_backward and not self._backward_since_step:
            return
        self._backward_since_step = False
        self.seen.steps += 1
        orders = self.observer.orders
        if self.observer.records_time:
            end_script(self.observer, "steps")
            return
        if orders.until_repeated:
            memory = self.torch.cuda
            peaks = (memory.max_memory_allocated(), memory.max_memory_reserved())
            if peaks == self._peaks and self.seen.steps > 1:
                end_script(self.observer, "repeated")
            self._peaks = peaks
        if self.observer.records_time:
            return
        if orders.steps is not None and self.seen.steps >= orders.steps:
            end_script(self.observer, "steps")

    # --- out of memory -----------------------------------------------------------------------

    def out_of_memory(self, _device: int, _size: int, _total: int, _free: int) -> None:
        """The allocator is about to raise: what is held now, by name."""
        self.line = self.user_line() if not self.in_backward else self.line
        self.mark(self.thread.layers[-1] if self.thread.layers else -1)
        self.name_everything()

    def name_everything(self) -> None:
        """Note what is alive of modules and optimizers."""
        self.tensors.name_everything(self.layer_numbers)


def _plain_path(path: str, kind: str) -> str:
    """A module's path in a root of that type, without what wrappers put into it."""
    for wrapper in _WRAPPERS:
        path = path.replace(wrapper, "").removesuffix(wrapper[:-1])
    if kind in ("DistributedDataParallel", "DataParallel"):
        path = path.removeprefix("module").removeprefix(".")
    return path
