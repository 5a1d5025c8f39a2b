"""The receptive field of each layer: the input pixels that one pixel of its output depends on.

A dispatch mode follows every operator of one meta run and carries a field with each tensor: along
each spatial dimension, output pixel i depends on the `size` input pixels from `first + i*stride` on
(those outside the image are padding). Where branches meet, the fields' union is taken. A window of
kernel k, stride s, padding p and dilation d makes of a field the field
`size + (k-1)*d*stride`, `stride*s`, `first - p*stride` (Araujo, Norris, Sim, "Computing Receptive
Fields of Convolutional Neural Networks", Distill 2019).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from nincost._devices.tables import meta_operators
from nincost._isolation import unchanged
from nincost._models.build import Model
from nincost._models.copies import copy_structure, set_mode
from nincost._models.inputs import float_dtype, make_input
from nincost._torch.operators import DispatchMode
from nincost._trace.meta_operators import find_operator
from nincost._trace.recorder import made_by_layout
from nincost._trace.trace import Mode
from nincost.errors import NincostError

aten = torch.ops.aten


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """One dimension of a receptive field, in pixels of the model's input.

    Attributes:
        size: how many input pixels one output pixel depends on.
        stride: how much further on those of the next output pixel begin.
        first: where those of output pixel 0 begin; below 0 in the padding.
        united: whether branches of different fields met before.
    """

    size: int
    stride: int
    first: int
    united: bool = False

    @property
    def center(self) -> float:
        """The middle of output pixel 0's field; pixels are at whole numbers."""
        return self.first + (self.size - 1) / 2


#: One field for each spatial dimension; None where an output pixel may depend on all of the input.
ReceptiveFields = tuple[ReceptiveField, ...] | None
Rule = Callable[[Any, tuple[Any, ...]], ReceptiveFields]

_RULES: dict[Any, Rule] = {}


def receptive_fields(
    model: Model, given: Any, *, batch_size: int, mode: Mode
) -> dict[str, ReceptiveFields]:
    """The fields of each module's output, by path; a module that ran twice has its first call's.

    Empty where the model does not take images or cannot run on meta.
    """
    with unchanged():
        inputs = make_input(
            model.default_input if given is None else given, batch_size, float_dtype(model.module)
        )
        tensors = [t for t in (*inputs.args, *inputs.kwargs.values()) if hasattr(t, "shape")]
        if len(tensors) != 1 or tensors[0].dim() < 3 or not tensors[0].is_floating_point():
            return {}
        module = copy_structure(model.module)
        set_mode(module, training=mode == "train")
        recorder = _FieldRecorder(tensors[0])
        found: dict[str, ReceptiveFields] = {}

        def hook(path: str) -> Callable[..., None]:
            def note(_module: Any, _arguments: Any, output: Any) -> None:
                if isinstance(output, torch.Tensor) and recorder.knows(output):
                    found.setdefault(path, recorder.field(output))

            return note

        root = type(module).__name__
        for path, part in module.named_modules():
            part.register_forward_hook(hook(path or root))
        try:
            with torch.no_grad(), recorder:
                module(*inputs.args, **inputs.kwargs)
        except NincostError:
            raise
        except Exception:  # it needs values, say: then no field is known
            return {}
    return found


class _FieldRecorder(DispatchMode):  # type: ignore[no-untyped-call]
    """Keeps the fields of every tensor. Meta tensors take no memory, so all are kept alive."""

    def __init__(self, image: torch.Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._dims = image.dim() - 2
        self._operators = meta_operators()
        self._known: dict[int, tuple[torch.Tensor, ReceptiveFields]] = {}
        self._remember(image, tuple(ReceptiveField(1, 1, 0) for _ in range(self._dims)))

    def knows(self, tensor: torch.Tensor) -> bool:
        return id(tensor) in self._known

    def field(self, tensor: torch.Tensor) -> ReceptiveFields:
        return self._known[id(tensor)][1]

    def _remember(self, tensor: torch.Tensor, fields: ReceptiveFields) -> None:
        self._known[id(tensor)] = (tensor, fields)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        # torch's own meta kernels of some operators import its compiler, which takes seconds.
        result = made_by_layout(find_operator(self._operators, func), args, kwargs or {})
        if result is NotImplemented:
            result = func(*args, **(kwargs or {}))
        taken = [t for t in _tensors((*args, *(kwargs or {}).values())) if self.knows(t)]
        if taken:
            fields = self._after(func, args, taken, result)
            for tensor in _tensors((result,)):
                self._remember(tensor, fields)
        return result

    def _after(
        self, func: Any, args: tuple[Any, ...], taken: list[torch.Tensor], result: Any
    ) -> ReceptiveFields:
        before = [self.field(tensor) for tensor in taken]
        if any(fields is None for fields in before):
            return None
        rule = _RULES.get(func.overloadpacket)
        if rule is not None:
            return rule(before[0], args)
        outputs = _tensors((result,))
        sizes = {self._spatial(t) for t in (*taken, *outputs) if t.dim() == self._dims + 2}
        keeps_places = func.overloadpacket in _KEEPS_PLACES or torch.Tag.pointwise in func.tags
        if keeps_places and outputs and outputs[0].dim() == self._dims + 2:
            wide = {s for s in sizes if s != (1,) * self._dims}
            if len(wide) <= 1:
                return _union(before)
        return None

    def _spatial(self, tensor: torch.Tensor) -> tuple[int, ...]:
        return tuple(tensor.shape[2:])


#: Operators without the tag "pointwise" whose output pixel i depends on input pixel i alone.
_KEEPS_PLACES = frozenset({
    aten.native_batch_norm, aten._native_batch_norm_legit, aten.cudnn_batch_norm,
    aten._native_batch_norm_legit_no_training, aten.batch_norm, aten.cat, aten.clone,
    aten.detach, aten.native_dropout, aten.dropout, aten._to_copy, aten.alias, aten.chunk,
    aten.split, aten.channel_shuffle, aten.native_channel_shuffle, aten.prelu, aten._prelu_kernel,
    aten.contiguous, aten.bernoulli_, aten.lift_fresh,
})  # fmt: skip


def _union(all_fields: list[ReceptiveFields]) -> ReceptiveFields:
    """The least field that has all of several; None where their strides differ."""
    first = all_fields[0]
    if first is None:
        return None
    merged = []
    for position, field in enumerate(first):
        others = [fields[position] for fields in all_fields if fields is not None]
        if any(other.stride != field.stride for other in others):
            return None
        low = min(other.first for other in others)
        high = max(other.first + other.size for other in others)
        differ = len({(other.first, other.size) for other in others}) > 1
        united = differ or any(other.united for other in others)
        merged.append(ReceptiveField(high - low, field.stride, low, united))
    return tuple(merged)


def _rule(*operators: Any) -> Callable[[Rule], Rule]:
    def keep(rule: Rule) -> Rule:
        for operator in operators:
            _RULES[operator] = rule
        return rule

    return keep


def _slide(
    fields: ReceptiveFields, kernel: Any, stride: Any, padding: Any, dilation: Any
) -> ReceptiveFields:
    """A window over what the fields are of: (k - 1)*d strides more, from p strides before."""
    if fields is None:
        return None
    dims = len(fields)
    settings = [_each(value, dims) for value in (kernel, stride, padding, dilation)]
    return tuple(
        ReceptiveField(
            size=field.size + (k - 1) * d * field.stride,
            stride=field.stride * s,
            first=field.first - p * field.stride,
            united=field.united,
        )
        for field, k, s, p, d in zip(fields, *settings, strict=True)
    )


def _each(value: Any, dims: int) -> tuple[int, ...]:
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * dims if len(values) == 1 else values


@_rule(aten.convolution, aten._convolution, aten.cudnn_convolution)
def _convolution(fields: ReceptiveFields, args: tuple[Any, ...]) -> ReceptiveFields:
    transposed = args[6]
    if transposed:
        return None  # its output pixels depend on windows of changing size
    return _slide(fields, args[1].shape[2:], args[3], args[4], args[5])


@_rule(
    aten.max_pool2d_with_indices, aten.max_pool3d_with_indices, aten.max_pool2d, aten.max_pool1d,
    aten.max_pool3d,
)  # fmt: skip
def _max_pool(fields: ReceptiveFields, args: tuple[Any, ...]) -> ReceptiveFields:
    kernel, stride, padding, dilation, *_ = (*args[1:], *_DEFAULTS[len(args) - 1 :])
    return _slide(fields, kernel, stride or kernel, padding, dilation)


_DEFAULTS: tuple[Any, ...] = (None, (), 0, 1)


@_rule(aten.avg_pool2d, aten.avg_pool3d, aten.avg_pool1d)
def _avg_pool(fields: ReceptiveFields, args: tuple[Any, ...]) -> ReceptiveFields:
    kernel, stride, padding, *_ = (*args[1:4], *_DEFAULTS[len(args[1:4]) :])
    return _slide(fields, kernel, stride or kernel, padding, 1)


def _tensors(values: Any) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    for value in values:
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += _tensors(value)
    return found
