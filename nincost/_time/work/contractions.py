"""The matrix products behind linear layers, convolutions and attention."""

from __future__ import annotations

from math import prod
from typing import Any

import torch

from nincost._devices.libraries.conv_backend import is_depthwise, uses_cudnn
from nincost._devices.memory_format import convolves_channels_last
from nincost._devices.target import Target
from nincost._time.work.kinds import Family, Precision, Work
from nincost._time.work.layouts import touched
from nincost._trace.records import Signature, TensorMeta

_PRECISIONS: dict[torch.dtype, Precision] = {
    torch.float16: "float16",
    torch.bfloat16: "bfloat16",
    torch.float64: "float64",
}

#: Instructions of an output beside those of its taps, counted in taps.
_OVERHEAD = 13


def precision_of(dtype: torch.dtype) -> Precision:
    """The arithmetic of a type; float32 for what has no own."""
    return _PRECISIONS.get(dtype, "float32")


def matrix_product(signature: Signature) -> list[Work]:
    """`mm`, `addmm`, `bmm`, `baddbmm`: one product, or one for each matrix of a batch.

    Float32 stays float32: `torch.backends.cuda.matmul.allow_tf32` is off by default.
    """
    first = 1 if "add" in signature.name else 0
    left, right = signature.args[first], signature.args[first + 1]
    (result,) = signature.outputs
    batch = int(left.shape[0]) if len(left.shape) == 3 else 1
    m, k, n = int(left.shape[-2]), int(left.shape[-1]), int(right.shape[-1])
    moved = left.bytes + right.bytes + result.bytes
    family: Family = "batched-matmul" if len(left.shape) == 3 else "matmul"
    flops = 2 * batch * m * n * k
    return [Work(family, precision_of(left.dtype), flops, moved, (batch, m, n, k))]


class _Convolution:
    """What the three computations of a convolution share; sizes as the kernels see them."""

    def __init__(self, x: TensorMeta, weight: TensorMeta, y: TensorMeta, rest: Any, target: Target):
        stride, dilation, transposed, groups = rest
        self.x, self.weight, self.y = x, weight, y
        self.groups = int(groups)
        small = (x, y) if transposed else (y, x)  # few positions and many channels, or the other
        self.down, self.up = small
        self.depthwise = is_depthwise(x.shape, weight.shape, self.groups, transposed)
        self.in_cudnn = uses_cudnn(
            x.shape, weight.shape, str(x.dtype).removeprefix("torch."), stride=stride,
            dilation=dilation, groups=self.groups, transposed=bool(transposed),
            channels_last=convolves_channels_last(x, weight), cudnn_enabled=target.settings.cudnn,
            capability=target.capability,
        )  # fmt: skip
        self.channels_last = convolves_channels_last(x, weight)
        self.macs = self.down.elements * (weight.elements // max(int(weight.shape[0]), 1))
        self.precision = precision_of(x.dtype)
        settings, capability = target.settings, target.capability
        if (
            self.precision == "float32"
            and settings.cudnn
            and settings.tf32
            and capability >= (8, 0)
        ):
            self.precision = "tf32"
        self.transposed = bool(transposed)
        plain = (
            {*stride, *dilation} == {1} and self.groups == 1 and tuple(weight.shape[2:]) == (3, 3)
        )
        self.winograd = int(y.shape[-1]) if plain and not transposed else 0

    def run(self, kind: str) -> list[Work]:
        """`forward`, `data` (the input's gradient) or `filter` (the weight's)."""
        moved = self.x.bytes + self.weight.bytes + self.y.bytes
        flops = 2 * self.macs
        if self.depthwise:
            return [self._depthwise(kind, flops, moved)]
        product = self._product(kind)
        family: Any = f"conv-{kind}"
        works = [Work(family, self.precision, flops, moved, product, winograd=self.winograd)]
        if self.precision not in ("float32", "float64") and not self.channels_last:
            # Tensor cores want the channels innermost: cuDNN transposes what is not so.
            given, made = {
                "forward": (self.x, self.y), "data": (self.y, self.x), "filter": (self.x, self.y),
            }[kind]  # fmt: skip
            works += [Work("layout", self.precision, 0, 2 * t.bytes) for t in (given, made)]
        return works

    def _depthwise(self, kind: str, flops: int, moved: int) -> Work:
        """cuDNN's kernel, or ATen's, which computes each address anew (DepthwiseConv2d.cu).

        ATen's: a thread an output, or an element of the input's gradient; of the weight's gradient
        a block for each channel and tap, whose warps go over images.
        """
        family: Any = f"depthwise-{kind}"
        if self.in_cudnn:
            return Work(family, self.precision, flops, moved)
        taps = prod(self.weight.shape[2:])
        units = {"forward": self.y.elements * (_OVERHEAD + taps), "data": self.x.elements}.get(kind)
        if units is None:
            positions = 32 * (-(-prod(self.y.shape[2:]) // 32) + 1)
            units = int(self.y.shape[0]) * self.weight.elements * positions
        return Work(family, self.precision, flops, moved, instructions=family, units=units)

    def _product(self, kind: str) -> tuple[int, int, int, int]:
        """(groups, m, n, k) of the implicit product (cuDNN's "implicit GEMM")."""
        groups = max(self.groups, 1)
        few = int(self.down.shape[0]) * prod(self.down.shape[2:])
        many = int(self.up.shape[0]) * prod(self.up.shape[2:])
        taps = prod(self.weight.shape[2:])
        inner, outer = int(self.down.shape[1]) // groups, int(self.up.shape[1]) // groups
        if kind == "filter":
            return groups, inner, outer * taps, few
        if (kind == "forward") != self.transposed:
            return groups, few, inner, outer * taps
        return groups, many, outer, max(self.macs // max(groups * many * outer, 1), 1)


def _form(arguments: tuple[Any, ...]) -> tuple[Any, Any, bool, int]:
    """Of (stride, padding, dilation, transposed, output_padding, groups) what costs hang on."""
    stride, _, dilation, transposed, _, groups = arguments
    return stride, dilation, transposed, groups


def convolution(signature: Signature, target: Target) -> list[Work]:
    """`convolution(input, weight, bias, stride, padding, dilation, transposed, ...)`."""
    x, weight, bias = signature.args[:3]
    one = _Convolution(x, weight, signature.outputs[0], _form(signature.args[3:9]), target)
    works = one.run("forward")
    if bias is not None:  # ATen adds it afterwards, in a kernel of its own
        size = signature.outputs[0].bytes
        works.append(Work(
            "elementwise", "float32", 0, 2 * size, instructions="strided",
            units=signature.outputs[0].elements,
        ))  # fmt: skip
    return works


def convolution_backward(signature: Signature, target: Target) -> list[Work]:
    """`convolution_backward(grad, input, weight, ..., transposed [7], ..., mask [10])`."""
    grad, x, weight = signature.args[:3]
    one = _Convolution(x, weight, grad, _form(signature.args[4:10]), target)
    wants_data, wants_filter, wants_bias = signature.args[10]
    works = one.run("data") if wants_data else []
    works += one.run("filter") if wants_filter else []
    if wants_bias:
        works.append(Work(
            "reduction", "float32", 0, grad.bytes, instructions="reduction", units=grad.elements
        ))  # fmt: skip
    return works


#: Where `dropout_p` and `is_causal` stand among the arguments of attention's operators.
_PLACES = {
    "aten._scaled_dot_product_flash_attention": (3, 4),
    "aten._scaled_dot_product_efficient_attention": (5, 6),
    "aten._scaled_dot_product_cudnn_attention": (5, 6),
    "aten._scaled_dot_product_flash_attention_backward": (10, 11),
    "aten._scaled_dot_product_efficient_attention_backward": (9, 11),
    "aten._scaled_dot_product_cudnn_attention_backward": (13, 14),
}
ATTENTION = frozenset(_PLACES)
#: Rows and columns of the scores that a thread block computes at once.
_TILE = 128


def attention(signature: Signature) -> list[Work]:
    """Query [B, heads, L, E], key [B, heads, S, E]: two products forward, five backward.

    Scores are computed in whole tiles, of which a causal mask leaves out those above the diagonal.
    Each takes an exponential, and with dropout a random number; backward also sums its gradient of
    the queries in float32.
    """
    backward = signature.name.endswith("_backward")
    query, key, value = signature.args[1:4] if backward else signature.args[:3]
    length, depth = (int(size) for size in query.shape[-2:])
    source = int(key.shape[-2])
    heads = query.elements // max(length * depth, 1)
    width = int(value.shape[-1])
    each = 3 * depth + 2 * width if backward else depth + width
    dropout, causal = (
        signature.args[place] if len(signature.args) > place else signature.kwargs.get(name)
        for name, place in zip(
            ("dropout_p", "is_causal"), _PLACES[signature.name], strict=True
        )
    )  # fmt: skip
    flops = 2 * heads * length * source * each // (2 if causal is True else 1)
    rows, columns = (-(-size // _TILE) for size in (length, source))
    tiles = rows * (rows + 1) // 2 if causal is True else rows * columns
    outputs = sum(tensor.bytes for tensor in signature.outputs)
    inputs = (query, key, value, *((signature.args[0], query) if backward else ()))
    moved = outputs + sum(map(touched, inputs)) + (8 * query.elements if backward else 0)
    return [
        Work(
            "attention-backward" if backward else "attention", precision_of(query.dtype), flops,
            moved, (heads * tiles, _TILE, _TILE, each), launches=3 if backward else 1,
            instructions="dropped-scores" if dropout else "scores",
            units=heads * tiles * _TILE**2,
        )
    ]  # fmt: skip
