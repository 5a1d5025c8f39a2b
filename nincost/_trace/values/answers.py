"""Operators that look at values: answered on meta by what is known, or by an assumption."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nincost._torch.operators import OpOverload, operator_name
from nincost._trace.values.assumptions import Assumption, calling_line
from nincost._trace.values.contents import LARGEST, UnknownError
from nincost._trace.values.follow import Values

#: Gets the values, then the operator and its arguments; NotImplemented where it does not look.
Answer = Callable[[Values, OpOverload, tuple[Any, ...], dict[str, Any]], Any]

_META = torch.device("meta")


class Parts(NamedTuple):
    """The operator's own parts are to be run with these arguments, each seen by the recorder."""

    args: tuple[Any, ...]


def answer(values: Values, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The operator's result where it has to look at values; NotImplemented where it need not.

    Raises:
        UnknownError: nothing is known, and nothing can be assumed.
    """
    found = _ANSWERS.get(operator_name(func))
    return NotImplemented if found is None else found(values, func, args, kwargs)


def looks_at_values(func: OpOverload) -> bool:
    """Whether an operator may have to look at values."""
    return operator_name(func) in _ANSWERS


def has_dynamic_shape(func: OpOverload, args: tuple[Any, ...]) -> bool:
    """Whether the size of the result depends on values."""
    name = operator_name(func)
    if name == "aten.index":
        return any(isinstance(one, Tensor) and one.dtype in _MASKS for one in args[1])
    return name in _SIZED


_MASKS = (torch.bool, torch.uint8)


def _note(values: Values, kind: Any, func: OpOverload, detail: str) -> None:
    values.evaluation.note(Assumption(kind, operator_name(func), detail, *calling_line(), 1))


def note_uncompiled(values: Values, operator: Any) -> None:
    """Note an operator that a compiler would run in one kernel, and that runs written out here."""
    if operator.name() == "flex_attention":
        detail = "attention is not compiled, so all its scores are in memory"
        values.evaluation.note(Assumption("choice", "flex_attention", detail, *calling_line(), 1))


def _number(values: Values, func: OpOverload, args: Any, _kwargs: Any) -> Any:
    """`item()`, and with it `bool`, `int`, `float` and an index."""
    tensor: Tensor = args[0]
    if not tensor.is_meta:
        return NotImplemented
    try:
        return values.look(tensor).item()
    except UnknownError:
        if not tensor.is_floating_point():
            raise
    _note(values, "value", func, "a number of activations is 1")
    return 1.0


def _to_host(values: Values, func: OpOverload, args: Any, kwargs: Any) -> Any:
    """`x.cpu()`, `x.tolist()`."""
    tensor: Tensor = args[0]
    device = kwargs.get("device")
    if not tensor.is_meta or device is None or device.type != "cpu":
        return NotImplemented
    return func(_content(values, func, tensor), **kwargs)


def _content(values: Values, func: OpOverload, tensor: Tensor) -> Tensor:
    """What a tensor holds; ones where that depends on activations."""
    try:
        return values.look(tensor)
    except UnknownError:
        if not tensor.is_floating_point() or tensor.nbytes > LARGEST:
            raise
    _note(values, "value", func, "activations copied to the CPU are 1")
    return torch.ones(tensor.shape, dtype=tensor.dtype, device="cpu")


def _copy(values: Values, func: OpOverload, args: Any, kwargs: Any) -> Any:
    target, source = args[:2]
    if target.is_meta or not source.is_meta:
        return NotImplemented
    return func(target, _content(values, func, source), *args[2:], **kwargs)


def _equal(values: Values, func: OpOverload, args: Any, _kwargs: Any) -> Any:
    if not (args[0].is_meta or args[1].is_meta):
        return NotImplemented
    if args[0].shape != args[1].shape:
        return False
    try:
        return torch.equal(values.look(args[0]), values.look(args[1]))
    except UnknownError:
        _note(values, "value", func, "activations of one shape are equal")
        return True


def _sized(values: Values, func: OpOverload, args: Any, kwargs: Any) -> Any:
    """An operator whose results follow from its arguments' values: `nonzero`, `unique`."""
    tensors = [one for one in args if isinstance(one, Tensor)]
    if not any(one.is_meta for one in tensors):
        return NotImplemented
    given = [_differing(values, func, one) if isinstance(one, Tensor) else one for one in args]
    result = func(*given, **kwargs)
    if isinstance(result, Tensor):
        return _on_meta(values, result)
    return tuple(_on_meta(values, one) for one in result)


def _differing(values: Values, func: OpOverload, tensor: Tensor) -> Tensor:
    """What a tensor holds; activations are all taken to differ, from each other and from 0."""
    try:
        return values.look(tensor)
    except UnknownError:
        if not tensor.is_floating_point() or 8 * tensor.numel() > LARGEST:
            raise
    _note(values, "size", func, "activations are not 0, and all differ")
    return torch.arange(1, tensor.numel() + 1, device="cpu").reshape(tensor.shape).to(tensor.dtype)


def _on_meta(values: Values, tensor: Tensor) -> Tensor:
    """A meta tensor that is known to hold what `tensor` does."""
    made = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=_META)
    values.set(made, lambda: tensor)
    return made


def _index(values: Values, func: OpOverload, args: Any, kwargs: Any) -> Any:
    """`x[mask]`: the places where the mask is set, as CUDA makes them."""
    if not has_dynamic_shape(func, args):
        return NotImplemented
    tensor, indices = args
    places: list[Any] = []
    for index in indices:
        if isinstance(index, Tensor) and index.dtype in _MASKS:
            places += values.look(index).nonzero().unbind(1)
        else:
            places.append(index)
    if not tensor.is_meta and all(one is None or not one.is_meta for one in places):
        return func(tensor, places, **kwargs)
    on_meta = [
        torch.empty(one.shape, dtype=torch.int64, device=_META) if one is not None else None
        for one in places
    ]
    result = func(tensor.to(_META), on_meta, **kwargs)
    try:
        known = values.look(tensor)
        index_values = [one if one is None else values.look(one) for one in places]
    except UnknownError:
        return result
    values.set(result, lambda: func(known, index_values))
    return result


def _masked_select(values: Values, func: OpOverload, args: Any, _kwargs: Any) -> Any:
    tensor, mask = args
    if not mask.is_meta and not tensor.is_meta:
        return NotImplemented
    shape: Any = torch.broadcast_shapes(tensor.shape, mask.shape)  # type: ignore[no-untyped-call]
    chosen = values.look(mask).expand(shape)
    count = int(chosen.sum())
    result = torch.empty(count, dtype=tensor.dtype, device=_META)
    try:
        known = values.look(tensor)
    except UnknownError:
        return result
    values.set(result, lambda: func(known, chosen))
    return result


def _pack(values: Values, _func: OpOverload, args: Any, _kwargs: Any) -> Any:
    """The lengths of a packed batch are numbers on the CPU."""
    data, lengths = args[:2]
    if not data.is_meta:
        return NotImplemented
    return Parts((data, values.look(lengths).clone(), *args[2:]))


def _suppress(values: Values, func: OpOverload, args: Any, kwargs: Any) -> Any:
    """torchvision's suppression of boxes that overlap: which are kept."""
    boxes, scores = args[:2]
    if not boxes.is_meta:
        return NotImplemented
    try:
        kept = func(values.look(boxes), values.look(scores), *args[2:], **kwargs)
    except UnknownError:
        _note(values, "size", func, "no box is suppressed")
        kept = torch.arange(boxes.shape[0], device="cpu")
    return _on_meta(values, kept)


def _left_aligned(values: Values, func: OpOverload, args: Any, _kwargs: Any) -> Any:
    """Whether `nn.TransformerEncoder` packs its sequences, in evaluation: here they stay padded."""
    data, is_kept = args[:2]
    if not data.is_meta:
        return NotImplemented
    try:
        packs = bool((values.look(is_kept).int().diff(dim=1) <= 0).all())
    except UnknownError:
        packs = True
    if packs:
        _note(values, "choice", func, "sequences stay padded, not packed in a nested tensor")
    return False


_ANSWERS: Mapping[str, Answer] = MappingProxyType({
    "aten._local_scalar_dense": _number, "aten._to_copy": _to_host, "aten.copy_": _copy,
    "aten.equal": _equal, "aten.index": _index, "aten.masked_select": _masked_select,
    "aten._pack_padded_sequence": _pack, "torchvision.nms": _suppress,
    "aten._nested_tensor_from_mask_left_aligned": _left_aligned,
    **dict.fromkeys(
        (
            "aten.nonzero", "aten._unique", "aten._unique2", "aten.unique_dim",
            "aten.unique_consecutive", "aten.unique_dim_consecutive", "aten.bincount",
            "aten.repeat_interleave",
        ),
        _sized,
    ),
})  # fmt: skip

_SIZED = frozenset(
    name for name, found in _ANSWERS.items() if found in (_sized, _masked_select, _suppress)
)
