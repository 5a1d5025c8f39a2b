"""Dispatch modes, operators' schemas, and kernels that are registered for a while."""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from nincost._torch.names import bound, find, missing

try:
    from torch._ops import HigherOrderOperator, OpOverload
    from torch.utils._python_dispatch import TorchDispatchMode
except ImportError as error:
    raise missing(
        "torch._ops.OpOverload or no torch.utils._python_dispatch.TorchDispatchMode",
        "record operators",
    ) from error

__all__ = [
    "DispatchMode", "HigherOrderOperator", "OpOverload", "argument_names", "autocast_guards",
    "composite_kernel", "decomposition", "destroy", "has_kernel", "is_mutable", "operator_name",
    "register_on_meta", "returns_something", "run_written_out", "schema_of", "set_autocast_enabled",
    "without_dispatch", "writing_operators", "written_arguments",
]  # fmt: skip


class DispatchMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A `TorchDispatchMode` that does not import torch's compiler.

    torch would wrap `__torch_dispatch__` for its compiler unless `_should_skip_dynamo` says False.
    The import takes longer than everything else that a profile does.
    """

    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False


@functools.cache
def operator_name(overload: OpOverload) -> str:
    """`aten.add` of aten's `add.Tensor`; by its `_schema`."""
    return f"{overload.namespace}.{overload._schema.name.partition('::')[2]}"


def argument_names(overload: OpOverload) -> list[str]:
    """The names of an operator's arguments, by its `_schema`."""
    return [argument.name for argument in overload._schema.arguments]


def schema_of(overload: OpOverload) -> Any:
    """An operator's `_schema`: its name and arguments, and which of them it writes."""
    return overload._schema


def is_mutable(overload: OpOverload) -> bool:
    """Whether an operator changes an argument, by its `_schema`."""
    return bool(overload._schema.is_mutable)


def written_arguments(overload: OpOverload) -> tuple[str, ...]:
    """The names of the arguments that an operator changes, by its `_schema`."""
    return tuple(
        argument.name
        for argument in overload._schema.arguments
        if argument.alias_info is not None and argument.alias_info.is_write
    )


def writing_operators(key: str) -> Iterator[tuple[str, Any]]:
    """Name and schema of aten's operators that change an argument and have a kernel of their own.

    Args:
        key: the dispatch key of those kernels, such as `CUDA`.
    """
    for schema in find("_C._jit_get_all_schemas", "know which operators change an argument")():
        if schema.name.startswith("aten::") and any(
            argument.alias_info is not None and argument.alias_info.is_write
            for argument in schema.arguments
        ):
            name = f"{schema.name}.{schema.overload_name}".removesuffix(".")
            try:
                if has_kernel(name, key):
                    yield name, schema
            except RuntimeError:  # TorchScript's alone, which is no operator
                continue


def returns_something(overload: OpOverload) -> bool:
    """Whether an operator has a result at all, by its `_schema`."""
    return bool(overload._schema.returns)


#: `torch._C._dispatch_has_kernel_for_dispatch_key(name, key)`: whether a kernel is registered.
has_kernel: Callable[[str, str], bool] = bound(
    "_C._dispatch_has_kernel_for_dispatch_key",
    "know which operators come apart into others",
    fits=lambda found: found("aten::add.Tensor", "CPU") is True,
)


def run_written_out(operator: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Run an operator that takes functions (`cond`, `map`) as torch does where nothing is compiled.

    Of `cond` the branch that its predicate asks for is run; torch's own kernel wants no dispatch
    mode around it. A product of integers in `out_dtype` has a kernel of its own on CUDA
    (torch/_higher_order_ops/out_dtype.py is_int_mm). Of the others it is torch's kernel: of
    `CompositeExplicitAutograd` in `py_kernels`.
    """
    purpose = "run an operator that takes functions"
    if operator is find("ops.higher_order.cond", purpose):
        chosen, then, otherwise, operands = args
        return (then if chosen else otherwise)(*operands)
    if operator is find("ops.higher_order.out_dtype", purpose) and _is_integer_product(*args):
        return find("_int_mm", purpose)(*args[2:])
    key = find("_C.DispatchKey.CompositeExplicitAutograd", purpose)
    kernel = getattr(operator, "py_kernels", {}).get(key)
    if kernel is None:
        raise missing(f"torch.ops.higher_order.{operator}.py_kernels[{key}]", purpose)
    return kernel(*args, **kwargs)


def _is_integer_product(operator: Any, dtype: torch.dtype, *operands: torch.Tensor) -> bool:
    return (
        operator is torch.ops.aten.mm.default
        and dtype is torch.int32
        and all(one.dtype is torch.int8 for one in operands)
    )


def composite_kernel(overload: OpOverload, *, explicit: bool = False) -> Callable[..., Any]:
    """An operator's C++ kernel that calls others, by `OpOverload._op_dk`.

    `decompose` would prefer a Python one that torch keeps for its compiler. `explicit`: the one
    below autograd.
    """
    purpose = "run an operator's parts"
    if not hasattr(overload, "_op_dk"):
        raise missing("torch._ops.OpOverload._op_dk", purpose)
    return functools.partial(
        overload._op_dk,
        find(f"_C.DispatchKey.Composite{'Explicit' if explicit else 'Implicit'}Autograd", purpose),
    )


def register_on_meta(library: torch.library.Library, name: str, kernel: Callable[..., Any]) -> None:
    """Register a kernel for meta tensors, also of a composite, which `Library.impl` refuses."""
    dispatcher: Any = getattr(library, "m", None)
    if not hasattr(dispatcher, "impl"):
        raise missing("torch.library.Library.m.impl", "give meta tensors an operator's kernel")
    dispatcher.impl(name, "Meta", kernel, False)


def destroy(library: torch.library.Library) -> None:
    """Take a library's kernels out of the dispatcher, by `Library._destroy`."""
    if not hasattr(library, "_destroy"):
        raise missing("torch.library.Library._destroy", "take its kernels away again")
    library._destroy()  # type: ignore[no-untyped-call]


def autocast_guards() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Context managers that include, and exclude, the private-use device's autocast key.

    `torch._C._IncludeDispatchKeyGuard`, `_ExcludeDispatchKeyGuard`, `DispatchKeySet`.
    """
    purpose = "let autocast act on meta tensors"
    key = find("_C.DispatchKey.AutocastPrivateUse1", purpose)
    include = functools.partial(find("_C._IncludeDispatchKeyGuard", purpose), key)
    keys = find("_C.DispatchKeySet", purpose)(key)
    return include, functools.partial(find("_C._ExcludeDispatchKeyGuard", purpose), keys)


def dispatch_modes() -> int:
    """How many dispatch modes this thread is in, the recorder's own among them."""
    count: int = find("_C._len_torch_dispatch_stack", "know of other modes around a call")()
    return count


def without_dispatch() -> contextlib.AbstractContextManager[Any]:
    """Let no dispatch mode see what runs, by `torch._C._DisableTorchDispatch`."""
    guard: Any = find("_C._DisableTorchDispatch", "make a tensor of a model's numbers")
    return guard()  # type: ignore[no-any-return]


def set_autocast_enabled(context: torch.autocast, enabled: bool) -> None:
    """Say whether a `torch.autocast` switches it on when it is entered: its `_enabled`."""
    context._enabled = enabled


def decomposition(name: str) -> Callable[..., Any]:
    """One of torch's own Python formulas, which deterministic CUDA runs in a kernel's place.

    Such as `_replication_pad`; see `torch.nn.functional.pad` and `interpolate`.
    """
    home = importlib.import_module("torch._decomp.decompositions")
    if not hasattr(home, name):
        raise missing(f"torch._decomp.decompositions.{name}", "pad or interpolate as CUDA does")
    found: Callable[..., Any] = getattr(home, name)
    return found
