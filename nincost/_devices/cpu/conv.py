"""Convolutions: the unfolded input, and copies into one layout."""

from __future__ import annotations

from nincost._devices.declare import rule
from nincost._devices.memory_format import copy_bytes, is_in_form, is_row_major
from nincost._devices.rules import Action, Call, alloc, free, out
from nincost._trace.records import TensorMeta


@rule(
    "aten.convolution",
    source="aten/src/ATen/native/ConvolutionMM2d.cpp slow_conv2d_forward_cpu; Convolution.cpp",
)
def convolution(call: Call) -> list[Action] | None:
    """The unfolded input of one group: N * Cin/groups * kh * kw * Hout * Wout elements.

    Groups run one after the other, each on a copy of its channels (in a row-major batch of 1 they
    are in one piece already), and are put together at the end. All in channels-last layout where
    input or weight is.

    With oneDNN nothing but the output is predicted: its own scratch is the library's.
    """
    if call.target.settings.mkldnn:
        return None
    x, weight, _bias, stride, padding = call.args[:5]
    groups, y = call.args[8], call.outputs[0]
    columns = _columns_bytes(x, weight, y, stride, padding)
    last = _runs_channels_last(x, weight)
    copies: list[Action] = [
        alloc("x in layout", copy_bytes(x, channels_last=last)),
        alloc("weight in layout", copy_bytes(weight, channels_last=last)),
    ]
    if groups == 1:
        return [*copies, alloc("columns", columns), out(0), free("columns")]
    for group in range(groups):
        copies += [
            alloc("x", x.bytes // groups if x.shape[0] > 1 or last else 0),
            alloc("columns", columns),
            alloc(f"y {group}", y.bytes // groups),
            free("columns"),
            free("x"),
        ]
    return [*copies, out(0)]


@rule(
    "aten.convolution_backward",
    source="aten/src/ATen/native/ConvolutionMM2d.cpp slow_conv2d_backward_cpu; Convolution.cpp",
)
def convolution_backward(call: Call) -> list[Action] | None:
    """As forward; the columns are for the weight's gradient only."""
    if call.target.settings.mkldnn:
        return None
    grad, x, weight, _bias, stride, padding = call.args[:6]
    groups, wanted = call.args[9], call.args[10]
    columns = _columns_bytes(x, weight, grad, stride, padding)
    last = _runs_channels_last(x, weight)
    grad_copy = copy_bytes(grad, channels_last=last)
    actions: list[Action] = [
        alloc("x in layout", copy_bytes(x, channels_last=last)),
        alloc("weight in layout", copy_bytes(weight, channels_last=last)),
    ]
    if groups == 1:
        return actions + _one_backward(wanted, columns, grad_copy, (out(0), out(1), out(2)))
    in_pieces = x.shape[0] > 1 or last
    for group in range(groups):
        parts = (
            alloc(f"dx {group}", x.bytes // groups if wanted[0] else 0),
            alloc(f"dw {group}", weight.bytes // groups if wanted[1] else 0),
            alloc(
                f"db {group}", weight.shape[0] // groups * weight.dtype.itemsize if wanted[2] else 0
            ),
        )
        actions += [
            alloc("grad", grad.bytes // groups if in_pieces else 0),
            alloc("x", x.bytes // groups if in_pieces else 0),
            *_one_backward(wanted, columns, 0 if in_pieces else grad_copy // groups, parts),
            free("x"),
            free("grad"),
        ]
    actions += [out(0), out(1), out(2)]
    for name in ("db", "dw", "dx") if wanted[0] else ("db", "dw"):
        actions += [free(f"{name} {group}") for group in range(groups)]
    return actions


def _one_backward(
    wanted: list[bool], columns: int, grad_copy: int, parts: tuple[Action, Action, Action]
) -> list[Action]:
    """One group's gradients: of the input, of the bias, of the weight."""
    actions: list[Action] = []
    if wanted[0]:
        actions += [alloc("grad for x", grad_copy), parts[0], free("grad for x")]
    actions += [parts[2], parts[1]]
    if wanted[1]:
        actions += [
            alloc("grad for weight", grad_copy),
            alloc("columns", columns),
            free("columns"),
            free("grad for weight"),
        ]
    return actions


def _columns_bytes(
    x: TensorMeta, weight: TensorMeta, y: TensorMeta, stride: list[int], padding: list[int]
) -> int:
    plain = set(weight.shape[2:]) == set(stride) == {1} and set(padding) == {0}
    if plain:  # the input is its own columns
        return 0
    return x.shape[0] * weight.shape[1:].numel() * y.shape[2:].numel() * x.dtype.itemsize


def _runs_channels_last(x: TensorMeta, weight: TensorMeta) -> bool:
    """thnn_conv_use_channels_last of aten/src/ATen/native/ConvUtils.h."""
    return x.dtype.itemsize < 8 and any(
        is_in_form(tensor, channels_last=True) and not is_row_major(tensor)
        for tensor in (x, weight)
    )
