"""torchvision's deformable convolution on CUDA: samples are gathered into columns, then multiplied.

Read in torchvision 0.29 (torchvision/csrc/ops/cuda/deform_conv2d_kernel.cu, whose products are
`matmul` there) and compared with its own kernels over an emulated CUDA.
"""

from __future__ import annotations

import math

from nincost._devices.cuda.matmul import workspace
from nincost._devices.declare import rule
from nincost._devices.memory_format import dense_copy
from nincost._devices.rules import Action, Call, alloc, free, out
from nincost._trace.records import TensorMeta

#: Images whose columns are made at once (`kMaxParallelImgs`).
_MOST_AT_ONCE = 32
_SOURCE = "torchvision/csrc/ops/cuda/deform_conv2d_kernel.cu"


def _at_once(batch: int) -> int:
    """The largest number of images up to the limit that divides the batch."""
    return max(n for n in range(1, _MOST_AT_ONCE + 1) if batch % n == 0)


def _columns(x: TensorMeta, weight: TensorMeta, positions: int) -> int:
    """Bytes of the columns: each sampled value of each channel, of the images done at once."""
    kernel = math.prod(weight.shape[2:])
    samples = x.shape[1] * kernel * _at_once(x.shape[0]) * positions
    return samples * x.dtype.itemsize


@rule("torchvision.deform_conv2d", source=f"{_SOURCE} deform_conv2d_forward_kernel")
def deform_conv2d(call: Call) -> list[Action]:
    """Copies of what is not row-major, the sum twice over, columns, and the sum with its bias."""
    x, weight, offset, mask = call.args[:4]
    (result,) = call.outputs
    positions = math.prod(result.shape[2:])
    return [
        *(alloc(f"copy {n}", dense_copy(t)) for n, t in enumerate((x, offset, weight, mask))),
        alloc("sum", result.bytes), alloc("buffer", result.bytes),
        alloc("columns", _columns(x, weight, positions)), workspace(call), out(0),
        free("columns"), free("buffer"), free("sum"),
    ]  # fmt: skip


@rule("torchvision._deform_conv2d_backward", source=f"{_SOURCE} deform_conv2d_backward_kernel")
def deform_conv2d_backward(call: Call) -> list[Action]:
    """Columns once for the gradients of input, offset and mask, once for the weight's."""
    grad, x, weight, offset, mask, bias = call.args[:6]
    groups = call.args[12]
    batch, positions = x.shape[0], math.prod(grad.shape[2:])
    at_once = _at_once(batch)
    blocks, columns = batch // at_once, _columns(x, weight, positions)
    tensors = (grad, x, weight, offset, mask)
    actions: list[Action] = [
        *(alloc(f"copy {n}", dense_copy(t)) for n, t in enumerate(tensors)),
        out(0), out(2), out(3), alloc("columns", columns),
    ]  # fmt: skip
    for place in range(blocks * groups):  # the images' gradients side by side, of one group
        size = grad.bytes // (blocks * groups) if at_once > 1 else 0
        name = f"gradient {place}"
        actions += [alloc(name, size), *([] if place else [workspace(call)]), free(name)]
    actions += [
        free("columns"), out(1), alloc("gradients", grad.bytes if at_once > 1 else 0),
        alloc("columns again", columns),
    ]  # fmt: skip
    for place in range(blocks * groups):
        names = (f"product {place}", f"sum {place}")
        actions += [alloc(name, weight.bytes // groups) for name in names]
        actions += [free(name) for name in reversed(names)]
    actions += [free("columns again"), free("gradients")]
    actions += [alloc("bias sum", bias.bytes), alloc("ones", bias.bytes), out(4)]
    return [*actions, free("ones"), free("bias sum")]
