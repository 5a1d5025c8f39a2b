"""What operators write: what the host knew of it is computed anew, or known no more.

A kernel does nothing, so that a tensor that the host wrote, and `b += 1` or `out=` changes, would
still hold what it held. Each operator's schema says which of its arguments it writes. Where all
that it reads is known it is computed on the CPU, too; else what it may have written is unknown.
Copies within operators and kernels of others are seen by runtime/written.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nincost._emulator.values.host_values import HostValues

#: Operators that write an argument and are computed on the CPU where all is known: what they move,
#: or compute of integers, and of floating-point numbers to the last bit as a card does.
_FOLLOWED = frozenset(
    f"aten::{name}"
    for name in (
        "add_.Tensor", "sub_.Tensor", "mul_.Tensor", "neg_", "floor_divide_.Tensor",
        "remainder_.Tensor", "clamp_", "clamp_.Tensor", "clamp_max_", "clamp_min_", "fill_.Scalar",
        "fill_.Tensor", "masked_fill_.Scalar", "masked_fill_.Tensor", "index_fill_.int_Scalar",
        "index_fill_.int_Tensor", "index_copy_", "scatter_.src", "scatter_.value",
        "_index_put_impl_", "tril_", "triu_", "cumsum_", "arange.start_out", "logical_and.out",
        "logical_or.out", "logical_xor.out", "logical_not.out", "bitwise_not_",
        *(f"bitwise_{name}_.Tensor" for name in ("and", "or", "xor")),
        *(f"{name}_.{kind}" for name in ("eq", "ne", "lt", "le", "gt", "ge")
          for kind in ("Scalar", "Tensor")),
    )
)  # fmt: skip
#: Sums of floating-point numbers, whose order is the card's own.
_ORDERED = frozenset({"aten::cumsum_", "aten::_index_put_impl_"})
#: Bytes of a tensor up to which it is computed, and of one of numbers that nobody decides by:
#: floating-point ones, and bytes, which are weights or an optimizer's state.
_MOST, _MOST_NUMBERS = 16 << 20, 64 << 10
#: Seen by the runtime, and too frequent to be replaced; and those that write no memory.
_SEEN = frozenset(
    f"aten::{name}"
    for name in ("zero_", "record_stream", "resize_", "set_", "set_.source_Storage",
                 "set_.source_Storage_storage_offset", "set_.source_Tensor")
)  # fmt: skip
#: Running statistics, which these write though their schemas do not say so.
_UNSAID = {
    "aten::native_batch_norm": ("running_mean", "running_var"),
    "aten::cudnn_batch_norm": ("running_mean", "running_var"),
    "aten::batch_norm_update_stats": ("running_mean", "running_var"),
    "aten::batch_norm_gather_stats": ("running_mean", "running_var"),
    "aten::batch_norm_gather_stats_with_counts": ("running_mean", "running_var"),
}


class Writes:
    """Kernels of operators that write arguments, over those that they replace."""

    def __init__(self, torch: Any, runtime: Any, values: HostValues) -> None:
        self.torch = torch
        self.values = values
        self._bytes = (torch.uint8, torch.int8)
        self._followed = runtime.nincost_emulated_followed
        self._capturing = runtime.nincost_emulated_capturing

    def replace(self, library: Any) -> None:
        """Register each in the library; one that is replaced already stays."""
        from nincost._torch.operators import schema_of, writing_operators  # which imports torch

        for name, schema in writing_operators("CUDA"):
            if name not in _SEEN:
                written = [
                    place
                    for place, argument in enumerate(schema.arguments)
                    if argument.alias_info is not None and argument.alias_info.is_write
                ]
                if name in _FOLLOWED or not self._is_seen(name, schema.arguments[written[0]]):
                    self._replace(library, name, schema, written)
        for name, arguments in _UNSAID.items():
            operator = getattr(self.torch.ops.aten, name.removeprefix("aten::"))
            schema = schema_of(operator.default)
            names = [argument.name for argument in schema.arguments]
            self._replace(library, name, schema, [names.index(one) for one in arguments])

    def _is_seen(self, name: str, written: Any) -> bool:
        """Whether it is `out=` of an element-wise operator, of which the runtime sees each kernel.

        torch calls these itself, also with a number on the card, which no Python function can get.
        """
        if not written.kwarg_only:
            return False
        operator, _, overload = name.removeprefix("aten::").partition(".")
        found = getattr(getattr(self.torch.ops.aten, operator), overload or "default")
        return self.torch.Tag.pointwise in found.tags

    def _replace(self, library: Any, name: str, schema: Any, written: list[int]) -> None:
        try:
            own = self.torch.library.get_kernel(name, "CUDA")
            make = self._follows if name in _FOLLOWED else self._forgets
            kernel = make(name, own, schema, written)
            library.impl(name.removeprefix("aten::"), kernel, "CUDA", with_keyset=True)
        except RuntimeError:  # replaced for another reason, such as `topk`
            return

    def _forgets(self, name: str, own: Any, schema: Any, written: list[int]) -> Callable[..., Any]:
        """Of what it writes nothing is known afterwards."""
        find, as_tensors = self._finder(schema, written), self._as_tensors(schema)
        forget = self.values.written

        def kernel(keys: Any, *arguments: Any, **options: Any) -> Any:
            result = own.call_boxed(keys, *as_tensors(arguments), **options)
            forget(find(arguments, options))
            return result

        return kernel

    def _follows(self, name: str, own: Any, schema: Any, written: list[int]) -> Callable[..., Any]:
        """What it writes is computed, where all is known, else nothing is known of it."""
        find, as_tensors = self._finder(schema, written), self._as_tensors(schema)
        values = self.values
        operator, _, overload = name.removeprefix("aten::").partition(".")
        compute = getattr(getattr(self.torch.ops.aten, operator), overload or "default")
        is_out = schema.arguments[written[0]].kwarg_only

        overwrites = is_out or operator == "fill_"

        def content_of(arguments: tuple[Any, ...], options: dict[str, Any]) -> tuple[int, Any]:
            target = options["out"] if is_out else arguments[0]
            if target.is_floating_point():
                exact = name not in _ORDERED and options.get("alpha", 1) == 1
                most = _MOST_NUMBERS if exact else 0
            else:
                most = _MOST_NUMBERS if target.dtype in self._bytes else _MOST
            if operator == "arange":
                first, end, step = (*arguments, 1)[:3]
                size = (end - first) / step * target.element_size()
            else:
                size = arguments[0].nbytes
            if size > most or self._capturing():
                return 0, None
            state = values.of_all(arguments[overwrites and not is_out :])
            if not state:
                return 0, None
            if is_out:
                out = self.torch.empty(0, dtype=target.dtype)
                compute(*map(values.on_host, as_tensors(arguments)), **options | {"out": out})
                return state, out
            like = self.torch.empty_like(target, device="cpu")
            if not overwrites:
                like.copy_(values.read(target))
            compute(like, *map(values.on_host, as_tensors(arguments)[1:]), **options)
            return state, like

        def kernel(keys: Any, *arguments: Any, **options: Any) -> Any:
            state, content = content_of(arguments, options)
            if content is None:
                result = own.call_boxed(keys, *as_tensors(arguments), **options)
                values.written(find(arguments, options))
                return result
            self._followed(1)
            try:
                result = own.call_boxed(keys, *as_tensors(arguments), **options)
            finally:
                self._followed(0)
            (target,) = find(arguments, options)
            if not values.write(target, content, state):
                values.written([target])
            return result

        return kernel

    def _finder(
        self, schema: Any, written: list[int]
    ) -> Callable[[tuple[Any, ...], dict[str, Any]], list[Any]]:
        """What finds the tensors that are written among an operator's arguments."""
        places = [(place, schema.arguments[place].name) for place in written]
        tensor = self.torch.Tensor

        def find(arguments: tuple[Any, ...], options: dict[str, Any]) -> list[Any]:
            found: list[Any] = []
            for place, name in places:
                one = arguments[place] if place < len(arguments) else options.get(name)
                if isinstance(one, tensor):
                    found.append(one)
                elif one is not None:
                    found += one
            return found

        return find

    def _as_tensors(self, schema: Any) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
        """What makes a tensor of a number that stands for one: a kernel is called with none."""
        places = [
            place
            for place, argument in enumerate(schema.arguments)
            if str(argument.type) == "Tensor" and not argument.kwarg_only
        ]
        if len(places) < 2:
            return lambda arguments: arguments
        torch = self.torch
        number = (bool, int, float, complex)

        def as_tensors(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
            for place in places:
                if place < len(arguments) and isinstance(arguments[place], number):
                    one = arguments[place]
                    dtype = torch.float64 if isinstance(one, float) else None
                    made = torch.tensor(one, dtype=dtype)
                    arguments = (*arguments[:place], made, *arguments[place + 1 :])
            return arguments

        return as_tensors
