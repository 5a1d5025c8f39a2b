"""One convolution as cuDNN is queried about it: three dense tensors, and how the window moves.

PyTorch turns what a model calls into this (aten/src/ATen/native/Convolution.cpp and
cudnn/ConvShared.cpp, read in 2026):

- one-dimensional convolutions get a height of 1 (`view1d_as_2d`);
- a transposed convolution's forward is the data gradient of a plain one, its data gradient is a
  plain forward, and its filter gradient is a filter gradient with input and output exchanged;
- all three tensors are made contiguous in one memory format before cuDNN sees them, so a flag for
  channels-last says as much as their strides would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

from nincost._devices.strides import dense_strides
from nincost.errors import InputError

ConvKind = Literal["forward", "data_gradient", "filter_gradient"]

#: The types of cuDNN's convolutions, and the bytes of an element.
ELEMENT_BYTES = {"float32": 4, "float64": 8, "float16": 2, "bfloat16": 2}

CONV_KINDS = ("forward", "data_gradient", "filter_gradient")

_MOST_ELEMENTS = 2**38  # a tensor of a tebibyte: no card holds it, and 64-bit sums stay in range


@dataclass(frozen=True, slots=True)
class ConvDescriptor:
    """A plain convolution of 2 or 3 spatial dimensions and what is to be computed of it.

    Attributes:
        kind: the output, the input's gradient or the weight's gradient.
        dtype: of all three tensors, such as `float32`.
        input, weight, output: (N, C_in, ...), (C_out, C_in / groups, ...) and (N, C_out, ...).
        stride, padding, dilation: for each spatial dimension.
        channels_last: the memory format of all three tensors.

    Raises:
        InputError: they do not fit each other.
    """

    kind: ConvKind
    dtype: str
    input: tuple[int, ...]
    weight: tuple[int, ...]
    output: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    channels_last: bool = False

    def __post_init__(self) -> None:
        problem = self._fault()
        if problem:
            raise InputError(f"convolution {self.input} with {self.weight}: {problem}")

    @property
    def groups(self) -> int:
        """`C_in` over the weight's input channels."""
        return self.input[1] // self.weight[1] if self.weight[1] else 1

    @property
    def empty(self) -> bool:
        """Whether a tensor has no elements: PyTorch then calls no library."""
        return 0 in (*self.input, *self.weight, *self.output)

    @property
    def queryable(self) -> bool:
        """Whether all tensors are of a size that a card could hold: else cuDNN is not queried."""
        return all(prod(shape) <= _MOST_ELEMENTS for shape in self.tensors)

    @property
    def tensors(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Shapes of input, weight and output."""
        return self.input, self.weight, self.output

    def strides(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Strides of a dense tensor of that shape in this memory format, in elements."""
        return dense_strides(shape, channels_last=self.channels_last)

    def model_interval(self) -> tuple[int, int]:
        """MODELLED: what the workspace may lie between, in bytes, with no library to query.

        Plans without a copy need next to nothing; those that work in another memory format keep a
        copy of input, output and weight in the workspace, and a filter gradient that is summed in
        parts a second weight. Seen again and again in cuDNN 9.24's answers, not derived; FFT and
        Winograd plans, and filter gradients split many ways, can need more.
        """
        size = ELEMENT_BYTES[self.dtype]
        return 0, size * (prod(self.input) + prod(self.output) + 2 * prod(self.weight))

    def _fault(self) -> str:
        spatial = len(self.input) - 2
        if self.kind not in CONV_KINDS:
            return f"kind {self.kind!r} is none of {', '.join(CONV_KINDS)}"
        if self.dtype not in ELEMENT_BYTES:
            return f"dtype {self.dtype!r} is none of {', '.join(ELEMENT_BYTES)}"
        if spatial not in {2, 3} or not len(self.input) == len(self.weight) == len(self.output):
            return f"with output {self.output} it is not of 2 or 3 spatial dimensions"
        if not len(self.stride) == len(self.padding) == len(self.dilation) == spatial:
            return f"stride, padding and dilation must have {spatial} values each"
        if any(size < 0 for size in (*self.input, *self.weight, *self.output)):
            return "a size is negative"
        if min(self.stride) < 1 or min(self.dilation) < 1 or min(self.padding) < 0:
            return f"stride {self.stride}, padding {self.padding}, dilation {self.dilation}"
        if max(*self.stride, *self.padding, *self.dilation) >= 2**31:
            return "stride, padding or dilation is out of range"
        if self.empty:
            return ""
        if self.input[1] % self.weight[1] or self.weight[0] % self.groups:
            return "the channels do not divide into groups"
        expected = plain_output(self.input, self.weight, self.stride, self.padding, self.dilation)
        return "" if self.output == expected else f"output {self.output} should be {expected}"


def conv_from_plain(plain: Mapping[str, Any]) -> ConvDescriptor:
    """A convolution from JSON, whose tuples are lists; other keys than its own are left out."""
    given: dict[str, Any] = {
        name: tuple(plain[name]) if isinstance(plain[name], list) else plain[name]
        for name in ConvDescriptor.__dataclass_fields__
    }
    return ConvDescriptor(**given)


def plain_output(
    input: Sequence[int],
    weight: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> tuple[int, ...]:
    """Shape of a convolution's output: floor((H + 2p - d(k-1) - 1)/s) + 1 (torch.nn.Conv2d)."""
    moved = (
        (size + 2 * p - d * (k - 1) - 1) // s + 1
        for size, k, s, p, d in zip(input[2:], weight[2:], stride, padding, dilation, strict=True)
    )
    return (input[0], weight[0], *moved)


def describe_conv(
    kind: ConvKind,
    dtype: str,
    input: Sequence[int],
    weight: Sequence[int],
    output: Sequence[int],
    *,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool = False,
    channels_last: bool = False,
) -> ConvDescriptor:
    """What PyTorch hands to cuDNN for `kind` of a (transposed) convolution.

    cuDNN knows no channels-last for float64 (`cudnn_conv_suggest_memory_format`).

    Args:
        kind: what is computed: the call's own output, or a gradient of its input or its weight.
        input, weight, output: the shapes of the model's call, of 1 to 3 spatial dimensions.

    Raises:
        InputError: the shapes do not fit each other, or are none of cuDNN's.
    """
    shapes = [tuple(input), tuple(weight), tuple(output)]
    moves = [tuple(stride), tuple(padding), tuple(dilation)]
    if len(shapes[0]) == 3:
        shapes = [(*shape[:2], 1, *shape[2:]) for shape in shapes]
        moves = [(first, *rest) for first, rest in zip((1, 0, 1), moves, strict=True)]
    given, filters, made = shapes
    if transposed:
        given, made = made, given
        swapped: dict[ConvKind, ConvKind] = {"forward": "data_gradient", "data_gradient": "forward"}
        kind = swapped.get(kind, kind)
    last = channels_last and dtype != "float64"
    return ConvDescriptor(kind, dtype, given, filters, made, moves[0], moves[1], moves[2], last)
