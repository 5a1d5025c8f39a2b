"""Hand formulas of convolutions, linear layers, embeddings, norms, pools and activations."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from nincost._closed_form.working import Shapes, Term, Working, by_hand, term


def out_size(size: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    """`floor((size + 2*padding - dilation*(kernel - 1) - 1)/stride) + 1` (torch.nn.Conv2d)."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _each(value: Any, dims: int) -> tuple[int, ...]:
    return (value,) * dims if isinstance(value, int) else tuple(value)


def _names(letter: str, sizes: tuple[int, ...]) -> dict[str, int]:
    """`{"k_h": 3, "k_w": 3}` for two sizes, `{"k": 3}` for one, `k_d, k_h, k_w` for three."""
    axes = ("d", "h", "w")[-len(sizes) :]
    return {
        letter if len(sizes) == 1 else f"{letter}_{a}": s for a, s in zip(axes, sizes, strict=True)
    }


def _affine(module: Any, weights: Term) -> tuple[Term, ...]:
    return (
        (weights,) if module.bias is None else (weights, term("biases", C_out=module.out_channels))
    )


@by_hand(nn.Conv1d, nn.Conv2d, nn.Conv3d)
def convolution(module: Any, shapes: Shapes) -> Working:
    """Weights k*k*(C_in/g)*C_out and C_out biases; each weight meets each output position."""
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


def _channels(module: Any) -> dict[str, int]:
    name = "C_in" if module.groups == 1 else "C_in/g"
    return {name: module.in_channels // module.groups, "C_out": module.out_channels}


@by_hand(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
def transposed_convolution(module: Any, shapes: Shapes) -> Working:
    """Each weight meets each *input* position; the output has (in-1)*s - 2p + d*(k-1) + op + 1."""
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


@by_hand(nn.Linear)
def linear(module: Any, shapes: Shapes) -> Working:
    """Weights in*out and out biases; each weight meets each row of the input."""
    return _on_rows(module, shapes, {"in": module.in_features, "out": module.out_features})


@by_hand(nn.Bilinear)
def bilinear(module: Any, shapes: Shapes) -> Working:
    """Weights out*in1*in2; each meets each row: y = x1 W x2 + b."""
    sizes = {"out": module.out_features, "in1": module.in1_features, "in2": module.in2_features}
    return _on_rows(module, shapes, sizes)


def _on_rows(module: Any, shapes: Shapes, sizes: dict[str, int]) -> Working:
    """A layer whose weights, one for each product of `sizes`, meet each row of the input once."""
    params = [term("weights", **sizes)]
    if module.bias is not None:
        params.append(term("biases", out=module.out_features))
    lead = shapes[0][:-1]
    return Working(
        tuple(params),
        (term("product", rows=math.prod(lead), **sizes),),
        (*lead, module.out_features),
    )


@by_hand(nn.Embedding)
def embedding(module: Any, shapes: Shapes) -> Working:
    """A table of V rows of E; looking up multiplies nothing."""
    return Working(
        (term("table", V=module.num_embeddings, E=module.embedding_dim),),
        (),
        (*shapes[0], module.embedding_dim),
    )


@by_hand(
    nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.InstanceNorm1d, nn.InstanceNorm2d,
    nn.InstanceNorm3d,
)  # fmt: skip
def channel_norm(module: Any, shapes: Shapes) -> Working:
    """A weight and a bias for each channel; no MACs."""
    params = (term("weights and biases", two=2, C=module.num_features),) if module.affine else ()
    return Working(params, (), shapes[0])


@by_hand(nn.GroupNorm)
def group_norm(module: Any, shapes: Shapes) -> Working:
    """A weight and a bias for each channel; no MACs."""
    params = (term("weights and biases", two=2, C=module.num_channels),) if module.affine else ()
    return Working(params, (), shapes[0])


@by_hand(nn.LayerNorm)
def layer_norm(module: Any, shapes: Shapes) -> Working:
    """A weight and, unless switched off, a bias for each normalized element; no MACs."""
    params = []
    if module.elementwise_affine:
        size = math.prod(module.normalized_shape)
        params.append(term("weights", E=size))
        if module.bias is not None:
            params.append(term("biases", E=size))
    return Working(tuple(params), (), shapes[0])


@by_hand(nn.RMSNorm)
def rms_norm(module: Any, shapes: Shapes) -> Working:
    """A weight for each normalized element; no MACs."""
    has = module.elementwise_affine
    params = (term("weights", E=math.prod(module.normalized_shape)),) if has else ()
    return Working(params, (), shapes[0])


@by_hand(nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
def window_pool(module: Any, shapes: Shapes) -> Working:
    """No parameters, no MACs; the output's size as a convolution's, rounded up in ceil mode."""
    dims = int(type(module).__name__[-2])
    lead, sizes = shapes[0][:-dims], shapes[0][-dims:]
    kernel = _each(module.kernel_size, dims)
    stride = _each(module.stride if module.stride is not None else module.kernel_size, dims)
    padding = _each(module.padding, dims)
    dilation = _each(getattr(module, "dilation", 1), dims)
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
    """No parameters, no MACs; the output's size is given."""
    dims = int(type(module).__name__[-2])
    lead, sizes = shapes[0][:-dims], shapes[0][-dims:]
    wanted = module.output_size
    wanted = (wanted,) * dims if wanted is None or isinstance(wanted, int) else wanted
    out = tuple(w if w is not None else s for w, s in zip(wanted, sizes, strict=True))
    return Working((), (), (*lead, *out))


@by_hand(nn.Flatten)
def flatten(module: Any, shapes: Shapes) -> Working:
    """The same values in one row."""
    shape = shapes[0]
    first, last = module.start_dim % len(shape), module.end_dim % len(shape)
    return Working((), (), (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))


@by_hand(nn.PReLU)
def prelu(module: Any, shapes: Shapes) -> Working:
    """A slope for each channel, or one for all."""
    return Working((term("slopes", C=module.num_parameters),), (), shapes[0])


@by_hand(
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Sigmoid, nn.LogSigmoid, nn.Tanh, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.Softplus,
    nn.Softsign, nn.Softmax, nn.LogSoftmax, nn.Softmax2d, nn.Threshold, nn.Dropout, nn.Dropout1d,
    nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.Identity, nn.LocalResponseNorm,
)  # fmt: skip
def same_shape(_module: Any, shapes: Shapes) -> Working:
    """No parameters, no MACs, and the output is as large as the input."""
    return Working((), (), shapes[0])
