"""Hand formulas of pools."""

from __future__ import annotations

from typing import Any

from torch import nn

from nincost._closed_form.registry import Shapes, Working, by_hand
from nincost._closed_form.window import each, out_size


@by_hand(nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
def window_pool(module: Any, shapes: Shapes) -> Working:
    """No parameters, no MACs; the output's size as a convolution's, rounded up in ceil mode.

    Input (N, C, H, W), output (N, C, H_out, W_out) (the documentation of torch.nn.MaxPool2d, which
    ignores windows that would begin in the padding behind the input).
    """
    dims = int(type(module).__name__[-2])
    lead, sizes = shapes[0][:-dims], shapes[0][-dims:]
    kernel = each(module.kernel_size, dims)
    stride = each(module.stride if module.stride is not None else module.kernel_size, dims)
    padding = each(module.padding, dims)
    dilation = each(getattr(module, "dilation", 1), dims)
    out = tuple(
        _pool_size(*numbers, ceil=module.ceil_mode)
        for numbers in zip(sizes, kernel, stride, padding, dilation, strict=True)
    )
    return Working((), (), (*lead, *out))


def _pool_size(size: int, k: int, s: int, p: int, d: int, *, ceil: bool) -> int:
    out = out_size(size, k, s, p, d)
    if ceil:
        span = size + 2 * p - d * (k - 1) - 1
        out = -(-span // s) + 1
        if (out - 1) * s >= size + p:  # the last window must begin inside the input
            out -= 1
    return out


@by_hand(
    nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d, nn.AdaptiveMaxPool1d,
    nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d,
)  # fmt: skip
def adaptive_pool(module: Any, shapes: Shapes) -> Working:
    """No parameters, no MACs; the output's size is a setting of the layer."""
    dims = int(type(module).__name__[-2])
    lead, sizes = shapes[0][:-dims], shapes[0][-dims:]
    wanted = module.output_size
    wanted = (wanted,) * dims if wanted is None or isinstance(wanted, int) else wanted
    out = tuple(w if w is not None else s for w, s in zip(wanted, sizes, strict=True))
    return Working((), (), (*lead, *out))
