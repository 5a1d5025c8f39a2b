"""Input specs (`3x224x224`, `input_ids=128:int64`) and the meta tensors that they stand for."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nincost._models.input_names import put_tensor
from nincost.errors import InputError, did_you_mean

if TYPE_CHECKING:
    import torch
    from torch import nn

#: Names a spec may end in; the long names are torch's own.
DTYPES = {
    "float32": "float32", "float": "float32", "float64": "float64", "double": "float64",
    "float16": "float16", "half": "float16", "bfloat16": "bfloat16", "complex64": "complex64",
    "complex128": "complex128", "int8": "int8", "uint8": "uint8", "int16": "int16",
    "int32": "int32", "int": "int32", "int64": "int64", "long": "int64", "bool": "bool",
}  # fmt: skip

_LARGEST = 2**63 - 1  # bytes: torch numbers a tensor's with a signed 64-bit integer


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input tensor: its shape with the batch in front, and where it goes in the call.

    `name` is the keyword to pass it under, or empty for a positional argument; `targets[8].boxes`
    is a tensor of each of the 8 dicts in a list. `dtype` is a torch dtype's name, or empty for the
    model's own floating-point type.
    """

    shape: tuple[int, ...]
    dtype: str = ""
    name: str = ""

    def __str__(self) -> str:
        head = f"{self.name}=" if self.name else ""
        tail = f":{self.dtype}" if self.dtype else ""
        return f"{head}{'x'.join(map(str, self.shape)) or 'scalar'}{tail}"


_SPEC = re.compile(
    r"(?:(?P<name>[^\W\d]\w*(?:\[\])?(?:\.[^\W\d]\w*)*)(?==))?(?P<sign>==?)?(?P<shape>[^:=]*)(?::(?P<dtype>[\w.]+))?"
)


def parse_spec(text: str, batch_size: int) -> InputSpec:
    """Read `[NAME=]SHAPE[:DTYPE]` (no batch dimension in SHAPE) and put `batch_size` in front.

    Where SHAPE has the word `batch`, that is the batch's place. `NAME==SHAPE` (`==SHAPE`) is a
    tensor without a batch. A name with a dot is of a tensor in a dict, one with `[]` of a tensor in
    a list with an item for each example, whose tensors have no batch of their own.

    >>> parse_spec("3x224x224", 8).shape
    (8, 3, 224, 224)
    >>> parse_spec("labels=batch:int64", 8).shape
    (8,)
    >>> parse_spec("edge_index==2x100:int64", 8).shape
    (2, 100)
    >>> str(parse_spec("targets[].boxes=10x4", 8))
    'targets[8].boxes=10x4'

    Raises:
        InputError: another form, a size below 1, an unknown dtype, or more bytes than 2**63.
    """
    match = _SPEC.fullmatch(text.strip())
    if match is None or not match["shape"] or (match["sign"] == "=" and not match["name"]):
        raise InputError(
            f"input {text!r} is not [NAME=]SHAPE[:DTYPE]: write it as 3x224x224 or "
            "input_ids=128:int64 (labels=batch:int64 has the batch alone, edge_index==2x100:int64 "
            "none)"
        )
    sizes: list[int] = []
    parts = re.split("[xX×*,]", match["shape"].strip())
    place = next((n for n, part in enumerate(parts) if part.strip() == "batch"), None)
    if place is not None and (match["sign"] == "==" or parts.count("batch") > 1):
        raise InputError(
            f"input {text!r} says twice where the batch is: write labels=batch:int64 with it, or "
            "edge_index==2x100:int64 without"
        )
    for number, part in enumerate(parts):
        if number == place:
            sizes.append(batch_size)
            continue
        # isdecimal would let other scripts' digits through
        if not re.fullmatch("[0-9]{1,18}", part.strip()):
            raise InputError(
                f"input {text!r}: {part!r} is no size: expected whole numbers joined with x, "
                "such as 3x224x224 (the batch is given apart)"
            )
        if int(part) == 0:
            raise InputError(f"input {text!r} has a size of 0: each size must be at least 1")
        sizes.append(int(part))
    dtype = match["dtype"] or ""
    if dtype:
        dtype = dtype.removeprefix("torch.")
        if dtype not in DTYPES:
            raise InputError(
                f"input {text!r}: unknown dtype {dtype!r}: "
                f"choose {', '.join(sorted(set(DTYPES.values())))}{did_you_mean(dtype, DTYPES)}"
            )
        dtype = DTYPES[dtype]
    name = match["name"] or ""
    if "[]" in name:
        if place is not None:
            raise InputError(
                f"input {text!r} says twice where the batch is: {name} has an item for each "
                "example, so leave the word batch out"
            )
        name = name.replace("[]", f"[{batch_size}]")
    elif place is None and match["sign"] != "==":
        sizes.insert(0, batch_size)
    spec = InputSpec(tuple(sizes), dtype, name)
    if 16 * math.prod(spec.shape) > _LARGEST:  # 16 bytes: the widest type
        raise InputError(
            f"input {text!r} at batch {batch_size} has more elements than can exist: "
            "give smaller sizes"
        )
    return spec


def check_batch_size(batch_size: object) -> int:
    """`batch_size` as an int.

    Raises:
        InputError: not a whole number of at least 1.
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise InputError(f"batch size is {batch_size!r}: expected a whole number of at least 1")
    return batch_size


@dataclass(frozen=True, slots=True)
class ModelInput:
    """The arguments of one call of the model, as meta tensors.

    Attributes:
        args, kwargs: the arguments, each tensor with the batch in front.
        specs: each tensor as a spec with its batch, such as `8x3x224x224`.
        batch_size: of specs as given, else the first tensor's first size (1 where it has none).
        given: the user's example tensors, in the order of `tensors_in`; empty with specs.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    specs: tuple[str, ...]
    batch_size: int
    given: tuple[torch.Tensor, ...] = ()


def make_input(given: Any, batch_size: int, default_dtype: torch.dtype) -> ModelInput:
    """Turn the user's input into meta tensors.

    Args:
        given: a spec, several specs, or example tensors: one tensor, a tuple or list of arguments,
            or a dict of keyword arguments (their shapes count as they are, batch included). Two
            sizes or more with the batch in front, such as `(8, 3, 224, 224)`, stand for a tensor.
        batch_size: put in front of each spec's shape; 1 with example tensors.
        default_dtype: of specs without a dtype.

    Raises:
        InputError: a spec that cannot be read, no tensor, or tensors with a batch size.
    """
    import torch

    batch_size = check_batch_size(batch_size)
    if isinstance(given, str):
        given = (given,)
    if isinstance(given, Iterable) and not isinstance(given, torch.Tensor | dict):
        given = tuple(given)
        if given and all(isinstance(item, str) for item in given):
            return _from_specs(given, batch_size, default_dtype)
        given = _tensors_of_sizes(given, default_dtype)
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    if isinstance(given, torch.Tensor):
        args = (given,)
    elif isinstance(given, dict):
        kwargs = given
    elif isinstance(given, tuple) and given:
        args = given
    else:
        raise InputError(
            f"input is {given!r}: expected a spec such as '3x224x224', several of them, "
            "or example tensors"
        )
    tensors = [*tensors_in(args), *tensors_in(kwargs)]
    if not tensors:
        raise InputError("input holds no tensor: give a spec such as '3x224x224', or tensors")
    if batch_size != 1:
        raise InputError(
            "batch_size goes with input specs; example tensors already have their batch: "
            "leave batch_size out, or give a spec such as '3x224x224'"
        )
    specs = tuple(
        str(InputSpec(tuple(t.shape), str(t.dtype).removeprefix("torch."))) for t in tensors
    )
    first = tensors[0]
    batch_size = first.shape[0] if first.dim() else 1
    return ModelInput(to_meta(args), to_meta(kwargs), specs, batch_size, tuple(tensors))


def _tensors_of_sizes(given: tuple[Any, ...], dtype: torch.dtype) -> tuple[Any, ...]:
    """Meta tensors of sizes with their batch (as torchinfo's `input_size`); else as given."""
    import torch

    def is_size(value: Any) -> bool:
        whole = isinstance(value, tuple | list) and len(value) > 1
        return whole and all(type(item) is int and item > 0 for item in value)

    sizes = (given,) if is_size(given) else given
    if not sizes or not all(is_size(size) for size in sizes):
        return given
    return tuple(torch.empty(size, dtype=dtype, device="meta") for size in sizes)


def _from_specs(given: tuple[str, ...], batch_size: int, default: torch.dtype) -> ModelInput:
    import torch

    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    specs = [parse_spec(text, batch_size) for text in given]
    for spec in specs:
        dtype = getattr(torch, spec.dtype) if spec.dtype else default

        def make(shape: tuple[int, ...] = spec.shape, dtype: torch.dtype = dtype) -> torch.Tensor:
            return torch.empty(shape, dtype=dtype, device="meta")

        if not spec.name:
            args.append(make())
        else:
            put_tensor(kwargs, spec.name, make)
    return ModelInput(tuple(args), kwargs, tuple(map(str, specs)), batch_size)


def tensors_in(value: Any) -> list[torch.Tensor]:
    """The tensors in a value of nested containers, in order."""
    import torch

    from nincost._torch.trees import tree_leaves

    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, torch.Tensor)]


def to_meta(value: Any) -> Any:
    """A copy of a nested value with each tensor replaced by a meta tensor of its layout."""
    import torch

    from nincost._torch.trees import tree_map

    def convert(leaf: Any) -> Any:
        if not isinstance(leaf, torch.Tensor):
            return leaf
        return torch.empty_strided(
            leaf.shape, leaf.stride(), dtype=leaf.dtype, device="meta"
        ).requires_grad_(leaf.requires_grad)

    return tree_map(convert, value)


def map_tensors(convert: Callable[[torch.Tensor], torch.Tensor], inputs: ModelInput) -> ModelInput:
    """The same arguments with each tensor converted."""
    import torch

    from nincost._torch.trees import tree_map_only

    args, kwargs = tree_map_only(torch.Tensor, convert, (inputs.args, inputs.kwargs))
    return ModelInput(args, kwargs, inputs.specs, inputs.batch_size, inputs.given)


def random_input(inputs: ModelInput) -> ModelInput:
    """The same arguments with values, on the CPU: those of the user's example tensors.

    What was described by its shape gets floats from [0, 1), and zeros for whole numbers: 0 is an
    index into any embedding.
    """
    import torch

    given = iter(inputs.given)

    def draw(tensor: torch.Tensor) -> torch.Tensor:
        example = next(given, None)
        if example is not None and not example.is_meta:
            return example.detach().to("cpu", tensor.dtype, copy=True)
        random = tensor.is_floating_point() or tensor.is_complex()
        return (torch.rand if random else torch.zeros)(tensor.shape, dtype=tensor.dtype)

    return map_tensors(draw, inputs)


def float_dtype(module: nn.Module) -> torch.dtype:
    """The type of the model's first floating-point parameter: what its input should be in."""
    import torch

    for parameter in module.parameters():
        if parameter.is_floating_point():
            return parameter.dtype
    return torch.get_default_dtype()
