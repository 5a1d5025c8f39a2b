"""Records each aten operator of a run, and makes most outputs without running meta kernels.

Many of torch's meta kernels are Python decompositions: a batch norm's takes half a millisecond. A
network calls the same few over and over, so the recorder keeps, for each operator and each
set of argument layouts, the layouts of what came out, and makes the next one from that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Buffer, Parameter
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from nincost._torch.operators import (
    DispatchMode,
    HigherOrderOperator,
    OpOverload,
    composite_kernel,
    has_kernel,
    is_mutable,
    operator_name,
    returns_something,
    run_written_out,
)
from nincost._trace.arguments import (
    PLAIN,
    described,
    fresh,
    meta_of,
    mixes_devices,
    tensors_of,
    to_meta,
)
from nincost._trace.meta_operators import (
    NO_OPERATORS,
    MetaOperator,
    MetaOperators,
    find_operator,
)
from nincost._trace.records import ModuleCall, Op, Signature, TensorMeta
from nincost._trace.values.answers import (
    Parts,
    answer,
    has_dynamic_shape,
    looks_at_values,
    note_uncompiled,
)
from nincost._trace.values.contents import UnknownError
from nincost._trace.values.flows import how_followed
from nincost._trace.values.follow import Values

_META = torch.device("meta")


#: Bytes without a shape, which `set_` puts under a tensor.
_STORAGES = (torch.UntypedStorage, torch.TypedStorage)

#: Tensors that are one tensor.
_OWN = frozenset({Tensor, Parameter, Buffer, UninitializedParameter, UninitializedBuffer})

#: What the classes of all others have that are one tensor, too, such as bitsandbytes' weights.
_PLAIN = Tensor.__torch_dispatch__


class Recorder(DispatchMode):
    """A dispatch mode that appends an `Op` for each operator to `ops`.

    For each operator, in this order: outputs that equal arguments gave before; what `operators`
    says comes out; the parts of a composite; the meta kernel's result, corrected.

    Args:
        on_meta: whether tensors are on the meta device; only then may outputs be made without
            running the operator itself.
        operators: what is known besides torch's meta kernels.
        remember: False runs each operator's own meta kernel every time; tests compare the two.

    Attributes:
        values: what is known of meta tensors' content; operators that look at it are answered.
            None where nothing is followed.
    """

    def __init__(
        self,
        *,
        on_meta: bool,
        operators: MetaOperators = NO_OPERATORS,
        remember: bool = True,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.ops: list[Op] = []
        self.calls: list[ModuleCall] = []  # kept by the module tracker
        self.call = -1  # which of them is running
        self.parameter_uses: dict[int, int] = {}  # id of a Parameter -> index of its first op
        self.values: Values | None = None
        self._unfollowed = 0  # outside of module calls: what `Signature.follow` must be above
        self._on_meta = on_meta
        self._remember = remember and on_meta
        self._operators = operators
        self._found: dict[OpOverload, MetaOperator] = {}
        self._signatures: dict[Any, Signature] = {}
        self._composite: dict[OpOverload, bool] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        # Both are asked for each operator of a run: what is cheap to ask comes first.
        if type(func) is not OpOverload and isinstance(func, HigherOrderOperator):  # cond, map
            if self.values is not None:
                note_uncompiled(self.values, func)
            with self:
                return run_written_out(func, args, kwargs or {})
        if types and not all(kind in _OWN or kind.__torch_dispatch__ is _PLAIN for kind in types):
            return NotImplemented  # a tensor of tensors: what it runs on them comes back here
        key: Any = (func, *[self._key(arg) for arg in args])
        if kwargs:
            key = (*key, *[(name, self._key(value)) for name, value in kwargs.items()])
        signature = self._signatures.get(key)
        if signature is None:
            return self._first(func, key, args, kwargs or {})
        self.ops.append(Op(signature, self.call))
        if signature.replay:
            result = _new_outputs(signature)
        elif signature.looks:
            result = self._look(func, args, kwargs or {})
        else:
            result = self._run(func, args, kwargs or {})
        if signature.follow > (0 if self.call >= 0 else self._unfollowed):
            self._follow(func, args, kwargs or {}, result)
        self.ran(signature, args, kwargs, result)
        return result

    def ran(self, signature: Signature, args: tuple[Any, ...], kwargs: Any, result: Any) -> None:
        """Called after each operator: the place for a subclass to look at the tensors."""

    def literal_made(self, tensor: Tensor) -> None:
        """Called after a meta tensor is made of Python numbers, which is no operator on meta."""

    def _key(self, arg: Any) -> Any:
        """A hashable key, equal for arguments that no operator could distinguish on meta."""
        kind = type(arg)
        if kind is Tensor:
            return (arg.shape, arg.stride(), arg.dtype, arg.is_meta)
        if kind in PLAIN:
            return arg
        if kind is Parameter:
            if id(arg) not in self.parameter_uses:
                self.parameter_uses[id(arg)] = len(self.ops)
            return (arg.shape, arg.stride(), arg.dtype, arg.is_meta)
        if kind is list or kind is tuple:
            return (kind, *[self._key(item) for item in arg])
        if isinstance(arg, Tensor):
            return (kind, arg.shape, arg.dtype, id(arg))
        if isinstance(arg, _STORAGES):  # whose words would be all of its elements
            return (kind, arg.nbytes(), id(arg))
        return (kind, repr(arg))

    def _first(self, func: Any, key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an operator that was not met with these arguments before, and remember it."""
        inputs = tensors_of((*args, *kwargs.values()))
        on_meta = self._remember and all(
            type(tensor) in (Tensor, Parameter) and tensor.is_meta for tensor in inputs
        )
        # Before an in-place operator changes them.
        given = described(args), {name: described(value) for name, value in kwargs.items()}
        operator = self._find(func)
        looks = self.values is not None and looks_at_values(func)
        dynamic = looks and has_dynamic_shape(func, args)
        by_layout = on_meta and not dynamic
        made = made_by_layout(operator, args, kwargs) if by_layout else NotImplemented
        laid_out = made is not NotImplemented
        if not laid_out:
            if self._is_composite(func):
                with self:  # its parts come back here one by one
                    result = func.decompose(*args, **kwargs)
                if result is not NotImplemented:
                    return result
            if func.namespace == "prim":  # a question about a tensor, such as its device
                return func(*args, **kwargs)
            if operator.refusal is not None:
                operator.refusal(*args, **kwargs)
        index = len(self.ops)
        look_or_run = self._look if looks else self._run
        result = made if laid_out else look_or_run(func, args, kwargs)
        outputs = tensors_of(result)
        is_fresh = (True,) * len(outputs) if laid_out else fresh(outputs, inputs)
        only_looks = not is_mutable(func) or torch.Tag.inplace_view in func.tags
        signature = Signature(
            func=func,
            name=operator_name(func),
            args=given[0],
            kwargs=given[1],
            outputs=tuple(map(meta_of, outputs)),
            fresh=is_fresh,
            is_view=bool(outputs) and not any(is_fresh) and only_looks,
            replay=by_layout and _may_replay(func, inputs, result, outputs, is_fresh),
            gives_list=isinstance(result, list),
            absent=_absent(result),
            looks=looks,
            on_host=self._on_meta and bool(outputs) and not any(t.is_meta for t in outputs),
        )
        if self.values is not None and not signature.is_view and not dynamic:
            signature.follow = how_followed(func, outputs)
        if signature.replay and not laid_out:
            # A Python kernel may leave a reference to what it gave in a cycle, the first time.
            result = _new_outputs(signature)
        if not dynamic:
            self._signatures[key] = signature
            if signature.follow > (0 if self.call >= 0 else self._unfollowed):
                self._follow(func, args, kwargs, result)
        self.ops.insert(index, Op(signature, self.call))
        self.ran(signature, args, kwargs, result)
        return result

    def _follow(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if self.values is not None:
            self.values.ran(func, args, kwargs, result)

    def _look(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an operator that may have to look at values."""
        result = NotImplemented
        if self.values is not None:
            # Where nothing is known, the meta kernel's error says what it lacks.
            with contextlib.suppress(UnknownError):
                result = answer(self.values, func, args, kwargs)
        if isinstance(result, Parts):
            with self:
                return composite_kernel(func, explicit=True)(*result.args, **kwargs)
        return self._run(func, args, kwargs) if result is NotImplemented else result

    def _run(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        operator = self._find(func)
        if self._remember and _is_in_place(operator, args, kwargs):
            return args[0] if returns_something(func) else None
        try:
            result = func(*args, **kwargs)
        except RuntimeError:
            # A model may make a small tensor on the CPU while its input is on meta, where on one
            # real device the two would be together.
            if not self._on_meta or not mixes_devices(args, kwargs):
                raise
            result = func(*to_meta(args), **to_meta(kwargs))
        if self._on_meta and operator.correction is not None:
            return operator.correction(result, *args, **kwargs)
        return result

    def _find(self, func: Any) -> MetaOperator:
        found = self._found.get(func)
        if found is None:
            found = self._found[func] = find_operator(self._operators, func)
        return found

    def _is_composite(self, func: Any) -> bool:
        known = self._composite.get(func)
        if known is None:
            # An operator may have both, such as silu_backward: then its parts never run.
            known = has_kernel(func.name(), "CompositeImplicitAutograd") and not has_kernel(
                func.name(), "Meta"
            )
            self._composite[func] = known
        return known


def _new_outputs(signature: Signature) -> Any:
    """New tensors like the ones that the operator gave for equal arguments."""
    made: list[Any] = _make(signature.outputs)
    if signature.gives_list:
        return made
    for position in signature.absent:
        made.insert(position, None)
    return made[0] if len(made) == 1 else tuple(made)


def _make(layouts: Iterable[TensorMeta]) -> list[Tensor]:
    return [
        torch.empty_strided(shape, stride, dtype=dtype, device=_META)
        for shape, stride, dtype in layouts
    ]


def made_by_layout(operator: MetaOperator, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The operator's result where its outputs' layouts are known, else NotImplemented."""
    if operator.layout is None:
        return NotImplemented
    try:
        layouts = operator.layout(*args, **kwargs)
    except (TypeError, IndexError, ValueError):  # arguments that torch will complain about
        return NotImplemented
    if layouts is None:
        return NotImplemented
    made: list[Any] = [None if one is None else _make([one])[0] for one in layouts]
    if isinstance(layouts, list):
        return made
    return made[0] if len(made) == 1 else tuple(made)


def _is_in_place(operator: MetaOperator, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    try:
        return operator.in_place is not None and operator.in_place(*args, **kwargs)
    except (TypeError, IndexError, ValueError):
        return False


def _absent(result: Any) -> tuple[int, ...]:
    """Which items of a tuple are None."""
    if not isinstance(result, tuple):
        return ()
    return tuple([position for position, item in enumerate(result) if item is None])


def _may_replay(
    func: Any, inputs: list[Tensor], result: Any, outputs: list[Tensor], fresh: tuple[bool, ...]
) -> bool:
    """Whether the outputs' layouts follow from the arguments' alone, and nothing else happens."""
    return (
        func.namespace == "aten"
        and bool(inputs)
        and bool(outputs)
        and all(fresh)
        and _is_flat(result)
        and not is_mutable(func)
        and all(type(t) is Tensor and t.is_meta and t.layout is torch.strided for t in outputs)
        and not any(t.is_complex() or t.is_quantized for t in (*inputs, *outputs))
    )


def _is_flat(result: Any) -> bool:
    """Whether a result is tensors and nothing else, but for gradients that nobody wants."""
    if isinstance(result, Tensor):
        return True
    absent = isinstance(result, tuple)
    return all(isinstance(item, Tensor) or (absent and item is None) for item in result)
