"""What the host knows of a tensor on the emulated card, and the operators that follow from it.

A mask of labels, a length, an index that the host copied to the card: an operator all of whose
arguments are known is computed on the CPU, too, so that a size that depends on it is what it would
be on a card. What follows from an assumed value is assumed.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Sequence
from typing import Any

#: As runtime/values.c has them.
UNKNOWN, EXACT, ASSUMED = 0, 1, 2
#: Bytes of a tensor up to which its values are followed.
MOST = 64 << 20

_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
#: Operators of integers and truths from which masks, counts and places are made.
FOLLOWED = (
    *(f"{name}.{kind}" for name in _COMPARISONS for kind in ("Scalar", "Tensor")),
    "logical_and", "logical_or", "logical_not", "bitwise_and.Tensor", "bitwise_or.Tensor",
    "bitwise_not", "sum.dim_IntList", "prod", "prod.dim_int", "any", "any.dim", "max", "min",
    "cumsum", "sort.stable", "sort", "floor_divide", "remainder.Scalar", "clamp", "clone",
    "_to_copy", "index_select", "gather", "index.Tensor", "cat", "add.Tensor", "sub.Tensor",
    "mul.Tensor",
)  # fmt: skip
#: These pass a mask on that is in floats; images and activations are larger.
_OF_MASKS = ("cat", "_to_copy")
_LARGEST_MASK = 1 << 16
#: Truths that decide by themselves, whatever the other argument is.
_DECIDES = {"logical_and": False, "bitwise_and": False, "logical_or": True, "bitwise_or": True}


class HostValues:
    """Reads and writes what is behind addresses of the emulated card."""

    def __init__(self, torch: Any, runtime: Any) -> None:
        self.torch = torch
        self._known = runtime.nincost_emulated_known
        self._known.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        self._write = runtime.nincost_emulated_write
        self._write.argtypes = [
            ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int,
        ]  # fmt: skip
        self._followed = runtime.nincost_emulated_followed
        self._all_written = runtime.nincost_emulated_all_written
        self._all_written.argtypes = [ctypes.c_void_p, ctypes.c_int]

    def state(self, tensor: Any) -> int:
        """UNKNOWN, EXACT or ASSUMED; a tensor on the CPU is known."""
        if tensor.device.type != "cuda":
            return EXACT if tensor.device.type == "cpu" else UNKNOWN
        size = _extent(tensor)
        if size > MOST:
            return UNKNOWN
        return int(self._known(tensor.data_ptr(), size)) if size else EXACT

    def read(self, tensor: Any) -> Any:
        """A known tensor on the CPU; it shares the memory behind the card's address."""
        if tensor.device.type == "cpu":
            return tensor
        size = _extent(tensor)
        if not size:
            return self.torch.empty(tensor.shape, dtype=tensor.dtype)
        memory = (ctypes.c_char * size).from_address(tensor.data_ptr())
        flat = self.torch.frombuffer(memory, dtype=tensor.dtype)
        return flat.as_strided(tensor.shape, tensor.stride())

    def write(self, tensor: Any, content: Any, state: int) -> bool:
        """Put a CPU tensor's content behind a card's, outside of any stream; False if not done."""
        content = content.to(tensor.dtype)
        size = content.numel() * content.element_size()
        if size and size <= MOST and tensor.numel() == content.numel():
            if tensor.is_contiguous():
                content = content.contiguous()
            elif content.stride() != tensor.stride() or _extent(tensor) != size:
                return False
            self._write(tensor.data_ptr(), content.data_ptr(), size, state)
            return True
        return not size

    def written(self, tensors: Sequence[Any]) -> None:
        """A kernel may have written there: nothing is known of it any more."""
        pointers = [tensor.data_ptr() for tensor in tensors]
        self._all_written((ctypes.c_void_p * len(pointers))(*pointers), len(pointers))

    def of_all(self, arguments: Iterable[Any]) -> int:
        """What is known of all tensors among an operator's arguments together."""
        found = EXACT
        for argument in arguments:
            if isinstance(argument, self.torch.Tensor):
                here = self.state(argument)
            elif isinstance(argument, list | tuple):
                here = self.of_all(argument)
            else:
                continue
            if here == UNKNOWN:
                return UNKNOWN
            found = max(found, here)
        return found

    def on_host(self, argument: Any) -> Any:
        """An argument with its tensors on the CPU."""
        if isinstance(argument, self.torch.Tensor):
            return self.read(argument)
        if isinstance(argument, list | tuple):
            return [self.on_host(item) for item in argument]
        return argument

    def follows(self, name: str, own: Any) -> Callable[..., Any]:
        """An operator that is computed on the CPU, too, where its arguments are known."""
        operator, _, overload = name.partition(".")
        compute = getattr(getattr(self.torch.ops.aten, operator), overload or "default")
        if operator == "_to_copy":
            compute = _cast
        floats = operator in _COMPARISONS
        torch = self.torch
        wants_tensors = overload == "Tensor" or operator in ("floor_divide", *_DECIDES)

        def is_left_out(first: Any) -> bool:
            if floats or not first.is_floating_point():
                return False
            return operator not in _OF_MASKS or first.numel() > _LARGEST_MASK

        def with_tensors(given: tuple[Any, ...]) -> list[Any]:
            first = next(one for one in given if isinstance(one, torch.Tensor))
            return [
                torch.tensor(one, dtype=torch.result_type(first, one))
                if isinstance(one, bool | int | float | complex)
                else one
                for one in given
            ]

        def kernel(keys: Any, tensor: Any, *arguments: Any, **options: Any) -> Any:
            if wants_tensors:  # a number comes without the tensor that it was made
                tensor, *arguments = with_tensors((tensor, *arguments))  # type: ignore[assignment]
            if any(map(is_left_out, tensor if isinstance(tensor, list | tuple) else [tensor])):
                return own.call_boxed(keys, tensor, *arguments, **options)
            state = self.of_all((tensor, *arguments))
            content: Any = None
            if state:
                host = [self.on_host(argument) for argument in (tensor, *arguments)]
                content = compute(*host, **options)
            elif operator in _DECIDES:
                state, content = self._decided((tensor, *arguments), _DECIDES[operator])
            if content is None:
                return own.call_boxed(keys, tensor, *arguments, **options)
            self._followed(1)
            try:
                result = own.call_boxed(keys, tensor, *arguments, **options)
            finally:
                self._followed(0)
            several = isinstance(result, tuple)
            for written, known in zip(
                result if several else [result], content if several else [content], strict=True
            ):
                if not self.write(written, known, state):
                    self.written([written])
            return result

        return kernel

    def _decided(self, pair: tuple[Any, ...], truth: bool) -> tuple[int, Any]:
        """What `and` or `or` gives where one argument decides it alone, and its state.

        So a generation ends where its length is reached, whatever the tokens are.
        """
        if not all(isinstance(one, self.torch.Tensor) for one in pair):
            return UNKNOWN, None
        if truth and any(one.dtype != self.torch.bool for one in pair):
            return UNKNOWN, None  # of other integers `or` is more than a truth
        for one, other in (pair, pair[::-1]):
            state = self.state(one)
            if state and self.torch.all(self.read(one).bool() == truth):
                shape = self.torch.broadcast_shapes(one.shape, other.shape)
                return state, self.torch.full(shape, truth)
        return UNKNOWN, None


def _cast(tensor: Any, *, dtype: Any = None, device: Any = None, **_: Any) -> Any:
    """`_to_copy` to another type on the same card; elsewhere the copy brings its values along."""
    if device is not None and device.type != "cuda":
        return None
    return tensor.to(dtype or tensor.dtype)


def _extent(tensor: Any) -> int:
    """Bytes from a tensor's first element to its last."""
    if not tensor.numel():
        return 0
    last = sum(
        (size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True)
    )
    return int((last + 1) * tensor.element_size())
