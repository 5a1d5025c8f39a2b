"""Where meta's kernels are not as real ones: what they refuse, how they lay out what they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from nincost._trace.channels_last import runs_channels_last

#: Contractions whose meta kernels, unlike all real ones, take tensors of several types.
_OF_ONE_TYPE = frozenset({
    torch.ops.aten.addmm.default, torch.ops.aten.addmv.default, torch.ops.aten.mm.default,
    torch.ops.aten.mv.default, torch.ops.aten.convolution.default,
})  # fmt: skip


def check_as_kernels_do(func: Any, args: tuple[Any, ...]) -> None:
    """Refuse what real kernels refuse and meta's let pass."""
    if func is torch.ops.aten.convolution.default:
        given, weight, transposed = args[0], args[1], args[6]
        if transposed and given.shape[1] != weight.shape[0]:
            raise RuntimeError(f"expected {weight.shape[0]} channels, but got {given.shape[1]}")
    elif func is torch.ops.aten.embedding.default and args[1].is_floating_point():
        raise RuntimeError(f"expected indices of whole numbers, but got {args[1].dtype}")
    if func in _OF_ONE_TYPE:
        kinds = dict.fromkeys(str(arg.dtype) for arg in args if isinstance(arg, Tensor))
        if len(kinds) > 1:
            raise RuntimeError(f"expected tensors of one dtype, but got {' and '.join(kinds)}")


def _convolution(result: Tensor, args: tuple[Any, ...]) -> Tensor:
    """A convolution's output, channels-last where input or weight is; a transposed one's too.

    So it is in cuDNN, but for float64, and on the CPU (aten/src/ATen/native/ConvUtils.h,
    cudnn_conv_suggest_memory_format and thnn_conv_use_channels_last); the meta kernel asks the
    input of a plain convolution alone.
    """
    if result.dtype is torch.float64 or not any(map(runs_channels_last, args[:2])):
        return result
    return result.movedim(1, -1).contiguous().movedim(-1, 1)


def _rrelu(result: Tensor, args: tuple[Any, ...]) -> Tensor:
    """Row-major for training, on the CPU and on CUDA (native/cuda/RreluWithNoise.cu)."""
    return result.contiguous() if args[4:5] == (True,) else result


def row_major(result: Any, _args: tuple[Any, ...]) -> Any:
    """Each output row-major: kernels that make theirs by `empty_like(LEGACY_CONTIGUOUS)`."""
    if isinstance(result, Tensor):
        return result.contiguous()
    return tuple(one if one is None else one.contiguous() for one in result)


#: Of an operator's output on meta, the layout that real kernels give it.
KERNEL_LAYOUTS: Mapping[Any, Callable[[Any, tuple[Any, ...]], Any]] = {
    torch.ops.aten.convolution.default: _convolution,
    torch.ops.aten.rrelu_with_noise.default: _rrelu,
    # native/layer_norm.cpp, native/cuda/layer_norm_kernel.cu
    torch.ops.aten.native_layer_norm.default: row_major,
    torch.ops.aten.native_layer_norm_backward.default: row_major,
    # native/Loss.cpp mse_loss_backward, smooth_l1_loss_backward, huber_loss_backward
    torch.ops.aten.mse_loss_backward.default: row_major,
    torch.ops.aten.smooth_l1_loss_backward.default: row_major,
    torch.ops.aten.huber_loss_backward.default: row_major,
}
