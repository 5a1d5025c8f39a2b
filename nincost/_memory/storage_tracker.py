"""Tracks storages through a step: which operator made each, and when its last reference is gone."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from nincost._models.made_of_tensors import parts_of
from nincost._step.paged_optimizer import paged_bytes
from nincost._torch.autograd import (
    autograd_node,
    is_view,
    next_sequence_number,
    sequence_number,
    storage_address,
)
from nincost._torch.updates import COMPILER
from nincost._trace.meta_operators import NO_OPERATORS, MetaOperators
from nincost._trace.recorder import Recorder
from nincost._trace.recording import Category, Ended, Entry, Made, Mark, Phase, Ran, Storage
from nincost._trace.records import Signature

#: Operators whose second argument is a list of index tensors.
_INDEXED = frozenset({"aten.index", "aten.index_put", "aten.index_put_", "aten._index_put_impl_"})


#: Operators that may write one number; backward puts a zero where forward put one.
_WRITE_NUMBERS = frozenset({"aten.copy_", "aten.index_put_", "aten.index_put"})

#: Per phase, what `Signature.follow` must be above outside of module calls.
_UNFOLLOWED: dict[Phase, int] = {"backward": 1, "zero_grad": 2, "step": 2}


class _StorageRef(weakref.ref[Any]):
    """A weak reference to a storage's Python object, which lives as long as the storage does."""

    __slots__ = ("address", "id")

    id: int
    address: int


class StorageTracker(Recorder):  # type: ignore[no-untyped-call]
    """A `Recorder` that also keeps the stream of operators and storages' ends.

    It is the `StepObserver` of a step that is recorded.

    Args:
        on_meta: as `Recorder`'s.
        operators: as `Recorder`'s.

    Attributes:
        entries: the stream, with a `Mark` where a phase begins.
        storages: what `Ran`, `Made` and `Ended` number.
        layer_of_parameter: a layer's number, by the id of a `Parameter`.
        layer: the number of the layer that operators outside of module calls belong to, or -1.
        inside: the composite operator that runs now, where it is one whose parts are marked.
        own_loss: whether the model gives its own loss.
        paged: bytes of the optimizer's state that are paged.
    """

    def __init__(
        self,
        *,
        on_meta: bool,
        operators: MetaOperators = NO_OPERATORS,
    ) -> None:
        super().__init__(on_meta=on_meta, operators=operators)
        self.entries: list[Entry] = []
        self.storages: list[Storage] = []
        self.layer_of_parameter: dict[int, int] = {}
        self.inside = ""
        self.own_loss = False
        self.paged = 0
        self._live: dict[int, _StorageRef] = {}
        self._phase: Phase = "model"
        self._made_by: dict[int, int] = {}  # autograd's sequence number -> module call
        self.layer = -1
        self._recomputed: list[int] = []
        self._inputs_end = 0  # entries before the first step
        self._forward_start = 0  # storages before the forward pass that runs
        self._length = 0  # entries when the steps have ended

    @property
    def recorded(self) -> list[Entry]:
        """The entries of the steps, without what ends when nobody goes on."""
        return self.entries[: self._length]

    def operators(self) -> StorageTracker:
        return self

    def optimizer_made(self, state: Iterable[Tensor]) -> None:
        for tensor in state:
            self.place(tensor, "optimizer_state", -1)

    def step_begins(self, number: int) -> None:
        """Its first phase says so."""

    def phase_begins(self, phase: Phase, number: int) -> None:
        self._phase = phase
        self.layer = -1
        # No value that a model looks at comes from gradients or from an optimizer.
        self._unfollowed = _UNFOLLOWED.get(phase, 0)
        self.entries.append(Mark(phase, number))
        if phase == "forward":
            self._forward_start = len(self.storages)

    def target_made(self, target: Tensor) -> None:
        self.place(target, "inputs", -1, at=self._inputs_end)

    def own_loss_found(self) -> None:
        self.own_loss = True

    def forward_ended(self) -> None:
        for ref in self._live.values():
            storage = self.storages[ref.id]
            if ref.id >= self._forward_start and storage.category == "temporaries":
                storage.category = "activations"

    def backward_ended(self, gradients: Iterable[Tensor]) -> None:
        self.classify(gradients, "gradients")

    def optimizer_stepped(self, state: Iterable[Tensor]) -> None:
        kept = list(state)
        self.paged = paged_bytes(kept)
        self.classify(kept, "optimizer_state")

    def cache_held(self, tensors: Iterable[Tensor]) -> None:
        self.classify(tensors, "kv_cache")

    def steps_ended(self) -> None:
        self._length = len(self.entries)

    def place(self, tensor: Tensor, category: Category, layer: int, at: int | None = None) -> None:
        """A tensor is there before the steps; at entry `at` where that has passed."""
        for part in parts_of(tensor):
            if self.id_of(part) < 0:
                made = Made(self._add(part.untyped_storage(), category), layer)
                self.entries.insert(len(self.entries) if at is None else at, made)

    def place_inputs(self, tensors: Iterable[Tensor]) -> None:
        """The model's arguments are there; what a loss compares with comes behind them."""
        for tensor in tensors:
            self.place(tensor, "inputs", -1)
        self._inputs_end = len(self.entries)

    def id_of(self, tensor: Tensor) -> int:
        """The number of a tensor's storage, -1 where it is unknown."""
        ref = self._live.get(storage_address(tensor.untyped_storage()))
        return -1 if ref is None else ref.id

    def classify(self, tensors: Iterable[Tensor], category: Category) -> None:
        """Say what these tensors' storages turned out to be."""
        for tensor in tensors:
            found = self.id_of(tensor)
            if found >= 0 and self.storages[found].category in ("temporaries", "activations"):
                self.storages[found].category = category

    def ran(self, signature: Signature, args: tuple[Any, ...], kwargs: Any, result: Any) -> None:
        if signature.is_view and signature.name != "aten.lift_fresh":
            return  # (torch.tensor(...) allocates unseen, and then calls lift_fresh)
        node, layer = self.inside, self.layer
        if self._phase == "backward":
            node, layer = self._backward_place()
        elif self.call >= 0:
            # The first operator after a function was made is its own.
            self._made_by.setdefault(next_sequence_number() - 1, self.call)
            layer = self.calls[self.call].module
        inputs: list[int] = []
        self._ids(args, inputs)
        if kwargs:
            self._ids(tuple(kwargs.values()), inputs)
        if signature.name in _INDEXED:
            self._listed_indices(args[1], layer)
        if signature.name in _WRITE_NUMBERS and len(args) > 1:
            self._written_number(args, inputs)
        outputs: list[int] = []
        born: list[int] = []
        if type(result) is Tensor:
            self._output(result, outputs, born)
        elif isinstance(result, list | tuple):
            for item in result:
                if item is None:
                    outputs.append(-1)
                elif isinstance(item, Tensor):
                    self._output(item, outputs, born)
                elif isinstance(item, list):  # such as the gradients of an RNN's weights
                    for part in item:
                        self._output(part, outputs, born)
        elif isinstance(result, Tensor):
            self._output(result, outputs, born)
        if born and self.call >= 0 and self._phase == "backward":
            self._recomputed.extend(born)
        held = self._phase == "backward" and (
            (bool(args) and _is_view(args[0])) or (len(inputs) > 1 and inputs[0] == inputs[1])
        )
        self.entries.append(
            Ran(signature, layer, node, tuple(inputs), tuple(outputs), tuple(born), held)
        )

    def literal_made(self, tensor: Tensor) -> None:
        """`torch.tensor([1, 2], device=...)`: on a device, a copy of what was made on the CPU."""
        if self.id_of(tensor) < 0:
            layer = self.calls[self.call].module if self.call >= 0 else self.layer
            storage = tensor.untyped_storage()
            self.entries.append(Made(self._add(storage, "temporaries"), layer))

    def _written_number(self, args: tuple[Any, ...], inputs: list[int]) -> None:
        """`x[...] = 3.0`: the number becomes a tensor on meta, but on the CPU for CUDA.

        There it stays but where it is written to places that are numbered
        (torch/csrc/autograd/python_variable_indexing.cpp THPVariable_setitem;
        aten/src/ATen/native/TensorAdvancedIndexing.cpp _index_put_impl_).
        """
        last = self.entries[-1] if self.entries else None
        to_places = isinstance(args[1], list)
        in_gradient = to_places and self._phase == "backward"
        made = "aten.zeros" if in_gradient else "aten.scalar_tensor"
        if type(last) is not Ran or last.signature.name != made or (to_places and args[2].dim()):
            return
        by_mask = not to_places or [index.dtype for index in args[1] if index is not None] == [
            torch.bool
        ]
        if by_mask and inputs[-1] in last.born:
            self.storages[inputs[-1]].on_host = True

    def _listed_indices(self, indices: Any, layer: int) -> None:
        """`x[[0, 2]]`: the list is a tensor on the device, made where no mode sees it.

        torch/csrc/autograd/python_variable_indexing.cpp sequenceToVariable.
        """
        for index in indices:
            if isinstance(index, Tensor) and self._on_meta and self.id_of(index) < 0:
                storage = index.untyped_storage()
                self.entries.append(Made(self._add(storage, "temporaries"), layer))

    def _look(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default and self._phase == "step":
            # An optimizer computes with its state's values; sizes do not follow. (NAdam divides by
            # 1 less the value.)
            return 0.5
        return super()._look(func, args, kwargs)

    def _run(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        compiler_loaded = COMPILER in sys.modules
        result = super()._run(func, args, kwargs)
        if not compiler_loaded and COMPILER in sys.modules:
            gc.collect()  # the import leaves frames, ours too, and what they hold, in a cycle
        return result

    def _backward_place(self) -> tuple[str, int]:
        """The autograd function that runs now, and the layer whose forward made it."""
        node = autograd_node()
        if node is None:
            return self.inside, self.layer
        if self.call >= 0:  # a checkpoint computes a layer's forward again
            return self.inside, self.calls[self.call].module
        if self._recomputed:
            alive = {ref.id for ref in self._live.values()}
            for storage in alive.intersection(self._recomputed):
                self.storages[storage].category = "activations"
            self._recomputed.clear()
        variable = getattr(node, "variable", None)
        if variable is not None:
            self.layer = self.layer_of_parameter.get(id(variable), -1)
        else:
            call = self._made_by.get(sequence_number(node))
            self.layer = -1 if call is None else self.calls[call].module
        return node.name(), self.layer

    def _ids(self, values: Iterable[Any], found: list[int]) -> None:
        live = self._live
        for value in values:
            kind = type(value)
            if kind is Tensor or kind is Parameter:
                ref = live.get(storage_address(value.untyped_storage()))
                found.append(-1 if ref is None else ref.id)
            elif kind is list or kind is tuple:
                self._ids(value, found)

    def _output(self, tensor: Tensor, outputs: list[int], born: list[int]) -> None:
        storage = tensor.untyped_storage()
        ref = self._live.get(storage_address(storage))
        if ref is not None:
            outputs.append(ref.id)
            return
        new = self._add(storage, "temporaries")
        outputs.append(new)
        born.append(new)

    def _add(self, storage: torch.UntypedStorage, category: Category) -> int:
        number = len(self.storages)
        self.storages.append(
            Storage(storage.nbytes(), category, self._on_meta and storage.device.type != "meta")
        )
        ref = _StorageRef(storage, self._ended)
        ref.id = number
        ref.address = storage_address(storage)
        self._live[ref.address] = ref
        return number

    def _ended(self, ref: weakref.ref[Any]) -> None:
        assert isinstance(ref, _StorageRef)
        self.entries.append(Ended(ref.id))
        if self._live.get(ref.address) is ref:
            del self._live[ref.address]


def _is_view(value: Any) -> bool:
    return isinstance(value, Tensor) and is_view(value)
