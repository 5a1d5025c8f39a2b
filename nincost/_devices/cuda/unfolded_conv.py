"""Convolutions that cuDNN does not run: ATen's own kernels unfold one image at a time into columns.

So it is with bfloat16 below compute capability 8.0, with `torch.backends.cudnn.enabled` off, and
for a transposed convolution whose output padding is not less than its stride. Those in groups are
predicted as if they had one: the copies of each group's part are left out.
"""

from __future__ import annotations

from math import prod

from nincost._devices.cuda.matmul import workspace
from nincost._devices.cuda.reductions import scratch
from nincost._devices.memory_format import dense_copy
from nincost._devices.rules import Action, Call, alloc, free, out
from nincost._trace.records import TensorMeta


class _Unfolded:
    """A convolution's columns, of one image, in bytes."""

    def __init__(self, x: TensorMeta, weight: TensorMeta, y: TensorMeta, transposed: bool) -> None:
        kernel = prod(weight.shape[1:])
        image = (x if transposed else y).shape[2:]
        self.columns = kernel * prod(image) * x.dtype.itemsize
        self.ones = prod(y.shape[2:]) * x.dtype.itemsize


def _is_dilated(call: Call, position: int, dims: int) -> bool:
    """Whether slow_conv_dilated runs it: as it does all of three dimensions."""
    return dims == 3 or any(step != 1 for step in call.args[position])


def forward(call: Call) -> list[Action]:
    """ConvolutionMM2d.cu slow_conv2d_forward, NaiveDilatedConvolution.cu,
    NaiveConvolutionTranspose2d.cu. A kernel of one element that moves by one needs no columns.
    """
    x, weight, bias = call.args[:3]
    y = call.outputs[0]
    transposed = call.args[6]
    found = _Unfolded(x, weight, y, transposed)
    dilated = _is_dilated(call, 5, len(x.shape) - 2)
    moves = any((*(n != 1 for n in (*weight.shape[2:], *call.args[3])), *call.args[4]))
    needed = found.columns if moves or transposed or dilated else 0
    ones = found.ones if transposed and bias is not None else 0
    return [
        alloc("input copy", dense_copy(x)), out(0), alloc("weight copy", dense_copy(weight)),
        alloc("columns", needed), alloc("ones", ones), workspace(call),
        free("ones"), free("columns"),
    ]  # fmt: skip


def backward(call: Call) -> list[Action]:
    """The same files' backward functions: columns for both gradients, the bias's sum between them.

    A transposed one takes columns for each; a dilated one all gradients first.
    """
    grad, x, weight = call.args[:3]
    wanted = call.args[10]
    transposed = call.args[7]
    found = _Unfolded(x, weight, grad, transposed)
    columns, blas = alloc("columns", found.columns), workspace(call)
    copy = alloc("gradient copy", dense_copy(grad))
    dims = (0, *range(2, len(grad.shape)))
    bias = [out(2), *scratch(call.target, grad, dims)] if wanted[2] else []
    given = [[out(index)] if wanted[index] else [] for index in range(2)]
    if transposed:
        first = [*given[0], columns, blas, free("columns")] if wanted[0] else []
        second = [*given[1], *bias[:1], columns, blas, free("columns")] if wanted[1] else bias
        return [copy, *first, *second]
    if _is_dilated(call, 6, len(x.shape) - 2):
        sums: list[Action] = []
        for image in range(x.shape[0] if wanted[2] else 0):
            name = f"sum {image}"
            sums += [alloc(name, weight.shape[0] * x.dtype.itemsize), free(name)]
        return [copy, *given[0], *given[1], *bias[:1], columns, blas, *sums, free("columns")]
    if not wanted[0]:
        return [copy, *bias, *given[1], columns, blas, free("columns")]
    return [copy, *given[0], columns, blas, *bias, *given[1], free("columns")]
