"""What operators allocate on the CPU, besides their outputs.

Each rule was read from PyTorch's source and holds to the byte against `torch.profiler`'s record of
a real step (tests/footprint/test_cpu_proof.py).
"""

from __future__ import annotations

import torch

from nincost.footprint.rules import Action, Call, drop, is_in_place_sum, out, rule, take
from nincost.trace.records import TensorMeta


@rule(
    "cpu",
    "aten.add",
    "aten.sub",
    "aten.mul",
    "aten.div",
    "aten.add_",
    "aten.sub_",
    "aten.mul_",
    "aten.div_",
    source="aten/src/ATen/native/BinaryOps.cpp wrapped_scalar_tensor; TensorIterator.cpp",
)
def binary(call: Call) -> list[Action] | None:
    """A number becomes a tensor of 8 bytes, and a second one in the operation's type.

    See `is_in_place_sum` for sums in backward.
    """
    if is_in_place_sum(call):
        return [out(0, over=0)]
    other = call.arg(1)
    if isinstance(other, TensorMeta):
        return None
    return [*_scalar(call.outputs[0].dtype.itemsize), out(0), drop("cast"), drop("number")]


@rule(
    "cpu",
    "aten.eq",
    "aten.ne",
    "aten.lt",
    "aten.le",
    "aten.gt",
    "aten.ge",
    source="aten/src/ATen/native/BinaryOps.cpp comparison_op",
)
def compare(call: Call) -> list[Action] | None:
    """As `binary`; the result is in bytes, the comparison in the tensor's type."""
    if isinstance(call.arg(1), TensorMeta):
        return None
    return [*_scalar(call.args[0].dtype.itemsize), out(0), drop("number"), drop("cast")]


@rule("cpu", "aten.roll", source="aten/src/ATen/native/TensorTransformations.h roll_common")
def roll(call: Call) -> list[Action]:
    """One dimension after the other: two results at a time."""
    several = len(call.arg(1)) > 1
    return [take("rolled", call.outputs[0].bytes if several else 0), out(0), drop("rolled")]


def _scalar(itemsize: int) -> list[Action]:
    """A double or int64 scalar, and its cast to the type that the operation runs in."""
    return [take("number", 8), take("cast", itemsize if itemsize != 8 else 0)]


@rule("cpu", "aten.mean", source="aten/src/ATen/native/ReduceOps.cpp mean: sum, then div_")
def mean(call: Call) -> list[Action]:
    return [out(0), *_scalar(call.outputs[0].dtype.itemsize), drop("cast"), drop("number")]


@rule(
    "cpu",
    "aten.convolution",
    source="aten/src/ATen/native/ConvolutionMM2d.cpp slow_conv2d_forward_cpu; Convolution.cpp",
)
def convolution(call: Call) -> list[Action] | None:
    """The unfolded input of one group: N * Cin/groups * kh * kw * Hout * Wout elements.

    Groups run one after the other, each on a copy of its channels (in a row-major batch of 1 they
    are in one piece already), and are put together at the end. All in channels-last layout where
    input or weight is.

    With oneDNN nothing but the output is told: its own scratch is the library's.
    """
    if call.target.mkldnn:
        return None
    x, weight, _bias, stride, padding = call.args[:5]
    groups, y = call.args[8], call.outputs[0]
    columns = _columns_bytes(x, weight, y, stride, padding)
    last = _runs_channels_last(x, weight)
    copies: list[Action] = [
        take("x in layout", _copy_bytes(x, last)),
        take("weight in layout", _copy_bytes(weight, last)),
    ]
    if groups == 1:
        return [*copies, take("columns", columns), out(0), drop("columns")]
    for group in range(groups):
        copies += [
            take("x", x.bytes // groups if x.shape[0] > 1 or last else 0),
            take("columns", columns),
            take(f"y {group}", y.bytes // groups),
            drop("columns"),
            drop("x"),
        ]
    return [*copies, out(0)]


@rule(
    "cpu",
    "aten.convolution_backward",
    source="aten/src/ATen/native/ConvolutionMM2d.cpp slow_conv2d_backward_cpu; Convolution.cpp",
)
def convolution_backward(call: Call) -> list[Action] | None:
    """As forward; the columns are for the weight's gradient only."""
    if call.target.mkldnn:
        return None
    grad, x, weight, _bias, stride, padding = call.args[:6]
    groups, wanted = call.args[9], call.args[10]
    columns = _columns_bytes(x, weight, grad, stride, padding)
    last = _runs_channels_last(x, weight)
    grad_copy = _copy_bytes(grad, last)
    actions: list[Action] = [
        take("x in layout", _copy_bytes(x, last)),
        take("weight in layout", _copy_bytes(weight, last)),
    ]
    if groups == 1:
        return actions + _one_backward(wanted, columns, grad_copy, (out(0), out(1), out(2)))
    in_pieces = x.shape[0] > 1 or last
    for group in range(groups):
        parts = (
            take(f"dx {group}", x.bytes // groups if wanted[0] else 0),
            take(f"dw {group}", weight.bytes // groups if wanted[1] else 0),
            take(
                f"db {group}", weight.shape[0] // groups * weight.dtype.itemsize if wanted[2] else 0
            ),
        )
        actions += [
            take("grad", grad.bytes // groups if in_pieces else 0),
            take("x", x.bytes // groups if in_pieces else 0),
            *_one_backward(wanted, columns, grad_copy // groups, parts),
            drop("x"),
            drop("grad"),
        ]
    actions += [out(0), out(1), out(2)]
    for name in ("db", "dw", "dx"):
        actions += [drop(f"{name} {group}") for group in range(groups)]
    return actions


def _one_backward(
    wanted: list[bool], columns: int, grad_copy: int, parts: tuple[Action, Action, Action]
) -> list[Action]:
    """One group's gradients: of the input, of the bias, of the weight."""
    actions: list[Action] = []
    if wanted[0]:
        actions += [take("grad for x", grad_copy), parts[0], drop("grad for x")]
    actions += [parts[2], parts[1]]
    if wanted[1]:
        actions += [
            take("grad for weight", grad_copy),
            take("columns", columns),
            drop("columns"),
            drop("grad for weight"),
        ]
    return actions


def _columns_bytes(
    x: TensorMeta, weight: TensorMeta, y: TensorMeta, stride: list[int], padding: list[int]
) -> int:
    plain = set(weight.shape[2:]) == set(stride) == {1} and set(padding) == {0}
    if plain:  # the input is its own columns
        return 0
    return x.shape[0] * weight.shape[1:].numel() * y.shape[2:].numel() * x.dtype.itemsize


def _is_channels_last(tensor: TensorMeta) -> bool:
    """Whether channels are the innermost dimension in memory, as they are in N x C x 1 x 1."""
    step = 1
    order = (1, *range(len(tensor.shape) - 1, 1, -1), 0)
    for dim in order:
        if tensor.shape[dim] != 1 and tensor.stride[dim] != step:
            return False
        step *= tensor.shape[dim]
    return len(order) > 2


def _is_row_major(tensor: TensorMeta) -> bool:
    step = 1
    for size, stride in zip(reversed(tensor.shape), reversed(tensor.stride), strict=True):
        if size != 1 and stride != step:
            return False
        step *= size
    return True


def _runs_channels_last(x: TensorMeta, weight: TensorMeta) -> bool:
    """thnn_conv_use_channels_last of aten/src/ATen/native/ConvUtils.h."""
    return x.dtype.itemsize < 8 and any(
        _is_channels_last(tensor) and not _is_row_major(tensor) for tensor in (x, weight)
    )


def _copy_bytes(tensor: TensorMeta, channels_last: bool = False) -> int:
    """What `contiguous()` takes: nothing where the tensor has that layout already."""
    fits = _is_channels_last(tensor) if channels_last else _is_row_major(tensor)
    return 0 if fits else tensor.bytes


@rule("cpu", "aten._safe_softmax", source="aten/src/ATen/native/transformers/attention.cpp")
def safe_softmax(call: Call) -> list[Action]:
    """The softmax, then which rows are all -inf: a byte an element, and a byte a row."""
    y = call.outputs[0]
    dim = call.arg(1)
    return [
        out(0),
        take("isneginf", y.elements),
        take("all", y.elements // y.shape[dim]),
        take("zero", y.dtype.itemsize),
        drop("zero"),
        drop("all"),
        drop("isneginf"),
    ]


@rule(
    "cpu",
    "aten.native_layer_norm_backward",
    source="aten/src/ATen/native/cpu/layer_norm_kernel.cpp LayerNormBackwardKernelImplInternal",
)
def layer_norm_backward(call: Call) -> list[Action]:
    """Gradients of weight and bias are summed for each thread: 2 x threads x N elements."""
    grad, x, shape = call.args[:3]
    wanted = call.args[7]
    width = 1
    for size in shape:
        width *= size
    partial = 2 * call.target.threads * width * x.dtype.itemsize
    return [
        take("contiguous x", _copy_bytes(x)),
        out(0),
        out(1),
        out(2),
        take("contiguous grad", _copy_bytes(grad)),
        take("partial sums", partial if any(wanted[1:]) else 0),
        drop("partial sums"),
        drop("contiguous grad"),
    ]


@rule(
    "cpu",
    "aten.native_batch_norm",
    "aten._native_batch_norm_legit",
    "aten._native_batch_norm_legit_no_training",
    source="aten/src/ATen/native/Normalization.cpp; cpu/batch_norm_kernel.cpp",
)
def batch_norm(call: Call) -> list[Action]:
    """Two factors for each channel; in training, two sums for each before that."""
    x = call.args[0]
    training = call.signature.name == "aten.native_batch_norm" and call.args[5]
    size = x.shape[1] * x.dtype.itemsize
    pair: list[Action] = [take("a", size), take("b", size), drop("b"), drop("a")]
    if training:
        return [out(0), out(1), out(2), *pair, *pair]
    return [out(0), out(1, bytes=0), out(2, bytes=0), *pair]  # meta gives C values here


@rule("cpu", "aten.native_batch_norm_backward", source="aten/src/ATen/native/Normalization.cpp")
def batch_norm_backward(call: Call) -> list[Action] | None:
    """In training a second tensor of the input's size; channels-last sums for each thread."""
    x, train = call.args[1], call.args[7]
    actions: list[Action] = [out(0), out(1), out(2)]
    if train:
        actions += [take("centred", x.bytes), drop("centred")]
    if _is_channels_last(x):
        actions += [take("sums", 2 * call.target.threads * x.shape[1] * x.dtype.itemsize)]
    return actions


@rule(
    "cpu",
    "aten.native_layer_norm",
    source="aten/src/ATen/native/layer_norm.cpp layer_norm_cpu",
)
def layer_norm(call: Call) -> list[Action] | None:
    return [take("contiguous x", _copy_bytes(call.args[0])), out(0), out(1), out(2)]


@rule(
    "cpu",
    "aten._scaled_dot_product_flash_attention_for_cpu",
    source="aten/src/ATen/native/cpu/FlashAttentionKernel.cpp cpu_flash_attention",
)
def flash_attention(call: Call) -> list[Action]:
    """For each thread a tile of scores, its rows' maxima and sums, and a tile of the result."""
    query, key = call.args[:2]
    rows, columns = _tile(query.shape[2], key.shape[2])
    floats = rows * columns + 2 * rows + rows * query.shape[3]
    return [out(0), out(1), take("tiles", call.target.threads * floats * _accumulator(query))]


@rule(
    "cpu",
    "aten._scaled_dot_product_flash_attention_for_cpu_backward",
    source="aten/src/ATen/native/cpu/FlashAttentionKernel.cpp cpu_flash_attention_backward",
)
def flash_attention_backward(call: Call) -> list[Action]:
    """For each thread a tile of scores and one of their gradients; a sum for each row of a tile."""
    grad, query, key = call.args[:3]
    rows, columns = _tile(query.shape[2], key.shape[2])
    size = _accumulator(query)
    return [
        out(0),
        out(1),
        out(2),
        take("contiguous grad", _copy_bytes(_swapped(grad))),
        take("tiles", call.target.threads * 2 * rows * columns * size),
        take("row sums", rows * size),
        drop("row sums"),
        drop("tiles"),
    ]


def _tile(queries: int, keys: int) -> tuple[int, int]:
    """Rows and columns of a tile of scores."""
    rows = 256 if queries >= 768 else 64 if queries >= 192 else 32
    return min(rows, queries), min(512, keys)


def _swapped(tensor: TensorMeta) -> TensorMeta:
    """batch x heads x length x width as batch x length x heads x width, the kernel's own order."""
    shape, stride = tensor.shape, tensor.stride
    order = (0, 2, 1, 3)
    swapped = torch.Size([shape[dim] for dim in order])
    return TensorMeta(swapped, tuple([stride[dim] for dim in order]), tensor.dtype)


def _accumulator(tensor: TensorMeta) -> int:
    return max(tensor.dtype.itemsize, 4)
