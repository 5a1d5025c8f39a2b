"""Decorators that declare what an operator does on a device; `tables` gathers them.

A declaration stands in `nincost/_devices/DEVICE/FAMILY.py`, next to the others of its operator:

    @substitute("aten.dropout")                     # what the device runs in a composite's place
    def fused_dropout(target, x, p, train): ...

    @layout("aten.native_dropout.default")          # what comes out, without a kernel
    def with_mask(x, p, train): ...

    @rule("aten.native_dropout", source="aten/src/ATen/native/cuda/Dropout.cu dropout_cuda")
    def dropout(call):                              # what it allocates, and in which order
        return [out(1), out(0)]

A name with an overload (`aten.add.Scalar`) stands for this one, a name without for all overloads. A
decorator only marks its function: the function stays as it is, and no table changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal, TypeVar

from nincost._devices.rules import Rule, RuleFunction, RuleKind
from nincost._trace.meta_operators import Correction, InPlace, Layout, Refusal

Aspect = Literal["layout", "in_place", "refusal", "correction", "meta_kernel", "substitute", "rule"]

#: Gets the target, then the composite's own arguments; gives NotImplemented to leave the call to
#: the composite's own parts.
SubstituteFunction = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Substitute:
    """What a device runs in a composite operator's place.

    `on_cpu`: the CPU has kernels of what it runs, so a run with values gets it too.
    """

    function: SubstituteFunction
    on_cpu: bool


@dataclass(frozen=True, slots=True)
class Declaration:
    """One aspect of one operator: a `Rule`, a `Substitute`, or the function itself."""

    aspect: Aspect
    operator: str
    value: Any


_F = TypeVar("_F", bound=Callable[..., Any])

_MARK = "__declarations__"


def layout(*operators: str) -> Callable[[Layout], Layout]:
    """The layouts of an operator's outputs, so that no kernel need run; see `Layout`."""
    return _declare("layout", operators)


def in_place(*operators: str) -> Callable[[InPlace], InPlace]:
    """Whether the result is the first argument, so that no kernel need run; see `InPlace`."""
    return _declare("in_place", operators)


def refusal(*operators: str) -> Callable[[Refusal], Refusal]:
    """Raise RuntimeError for arguments that real kernels refuse and meta's do not."""
    return _declare("refusal", operators)


def correction(*operators: str) -> Callable[[Correction], Correction]:
    """A meta kernel's result as real kernels lay it out; see `Correction`."""
    return _declare("correction", operators)


def meta_kernel(*operators: str) -> Callable[[_F], _F]:
    """A kernel for meta tensors that torch lacks, of the operator's own arguments.

    Only where no layout can say it: a layout serves as the kernel that torch lacks by itself.
    """
    return _declare("meta_kernel", operators)


def substitute(
    *composites: str, on_cpu: bool = False
) -> Callable[[SubstituteFunction], SubstituteFunction]:
    """What the device runs in a composite's place; see `Substitute`."""
    return _declare("substitute", composites, lambda _, function: Substitute(function, on_cpu))


def rule(
    *operators: str, source: str, kind: RuleKind = "derived"
) -> Callable[[RuleFunction], RuleFunction]:
    """What operators allocate besides their outputs, by their names without overload.

    Args:
        operators: such as `aten.convolution`.
        source: the file of PyTorch (or the header of a library) that the rule was read from.
        kind: see `Rule`.
    """
    return _declare(
        "rule", operators, lambda operator, function: Rule(operator, function, source, kind)
    )


def _declare(
    aspect: Aspect,
    operators: tuple[str, ...],
    value: Callable[[str, Any], Any] = lambda _, function: function,
) -> Callable[[_F], _F]:
    def mark(function: _F) -> _F:
        before = getattr(function, _MARK, ())
        new = [Declaration(aspect, operator, value(operator, function)) for operator in operators]
        setattr(function, _MARK, (*before, *new))
        return function

    return mark


def declarations_in(module: ModuleType) -> Iterator[Declaration]:
    """The declarations of a module's own functions, not of those that it imports."""
    for function in vars(module).values():
        if getattr(function, "__module__", None) == module.__name__:
            yield from getattr(function, _MARK, ())
