"""Hand formulas of convolutions."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from nincost._closed_form.registry import Shapes, Working, by_hand
from nincost._closed_form.terms import Term, term
from nincost._closed_form.window import out_size


@by_hand(nn.Conv1d, nn.Conv2d, nn.Conv3d)
def convolution(module: Any, shapes: Shapes) -> Working:
    """Weights k*k*(C_in/g)*C_out and C_out biases; each weight meets each output position.

    Input (N, C_in, H, W), output (N, C_out, H_out, W_out), with one size more or less in 3d and 1d
    and N left out for a single image. MACs: N*C_out*H_out*W_out*k*k*C_in/g. Source: "Shape" and
    "Variables" in the documentation of torch.nn.Conv2d; H_out is `out_size`.
    """
    dims = len(module.kernel_size)
    lead, sizes = shapes[0][: -dims - 1], shapes[0][-dims:]
    if module.padding == "same":
        out = sizes
    else:
        padding = (0,) * dims if module.padding == "valid" else module.padding
        out = tuple(
            map(out_size, sizes, module.kernel_size, module.stride, padding, module.dilation)
        )
    kernel = _names("k", module.kernel_size)
    channels = _channels(module)
    return Working(
        _affine(module, term("weights", **kernel, **channels)),
        (term("convolution", N=math.prod(lead), **kernel, **channels, **_names("out", out)),),
        (*lead, module.out_channels, *out),
    )


@by_hand(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
def transposed_convolution(module: Any, shapes: Shapes) -> Working:
    """Weights k*k*C_in*(C_out/g) and C_out biases; each weight meets each *input* position.

    Input (N, C_in, H, W). `H_out = (H - 1)*s - 2p + d(k-1) + output_padding + 1` (the documentation
    of torch.nn.ConvTranspose2d). MACs: N*C_in*H*W*k*k*C_out/g.
    """
    dims = len(module.kernel_size)
    lead, sizes = shapes[0][: -dims - 1], shapes[0][-dims:]
    out = tuple(
        (size - 1) * s - 2 * p + d * (k - 1) + extra + 1
        for size, k, s, p, d, extra in zip(
            sizes, module.kernel_size, module.stride, module.padding, module.dilation,
            module.output_padding, strict=True,
        )
    )  # fmt: skip
    name = "C_out" if module.groups == 1 else "C_out/g"
    channels = {"C_in": module.in_channels, name: module.out_channels // module.groups}
    kernel = _names("k", module.kernel_size)
    return Working(
        _affine(module, term("weights", **kernel, **channels)),
        (term("convolution", N=math.prod(lead), **kernel, **channels, **_names("in", sizes)),),
        (*lead, module.out_channels, *out),
    )


def _affine(module: Any, weights: Term) -> tuple[Term, ...]:
    return (
        (weights,) if module.bias is None else (weights, term("biases", C_out=module.out_channels))
    )


def _channels(module: Any) -> dict[str, int]:
    name = "C_in" if module.groups == 1 else "C_in/g"
    return {name: module.in_channels // module.groups, "C_out": module.out_channels}


def _names(letter: str, sizes: tuple[int, ...]) -> dict[str, int]:
    """`{"k_h": 3, "k_w": 3}` for two sizes, `{"k": 3}` for one, `k_d, k_h, k_w` for three."""
    axes = ("d", "h", "w")[-len(sizes) :]
    return {
        letter if len(sizes) == 1 else f"{letter}_{a}": s for a, s in zip(axes, sizes, strict=True)
    }
